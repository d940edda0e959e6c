# What is wrong about a relay or about a handler of mails is told at the start.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

our $Smtp = 'api_smtp smtp://127.0.0.1 from=a@example.com;';

run_tests();

__DATA__

=== TEST 1: handlers without a relay
--- http_config
    api_event_handlers * email to=a@example.com;
--- emerg eval
qr/handler "email" needs a relay, "api_smtp" is expected in the http block, in \S+nginx.conf:\d+$/

=== TEST 2: a relay behind its handlers
--- http_config
    api_event_handlers AuthFailure email to=a@example.com;
    api_smtp smtps://[::1]:2465 from=a@example.com verify=off;
--- check eval
sub { pass('starts') }

=== TEST 3: another scheme
--- http_config
    api_smtp http://127.0.0.1 from=a@example.com;
--- emerg
invalid relay "http://127.0.0.1", "smtp://HOST" or "smtps://HOST", with ":PORT" or without, is expected in
nginx.conf:

=== TEST 4: a path
--- http_config
    api_smtp smtp://127.0.0.1/a from=a@example.com;
--- emerg
invalid relay "smtp://127.0.0.1/a",

=== TEST 5: a port that is none
--- http_config
    api_smtp smtp://127.0.0.1:65536 from=a@example.com;
--- emerg
invalid relay "smtp://127.0.0.1:65536",

=== TEST 6: credentials in the URL
--- http_config
    api_smtp smtp://u:p@127.0.0.1 from=a@example.com;
--- emerg
invalid relay

=== TEST 7: no sender
--- http_config
    api_smtp smtp://127.0.0.1;
--- emerg
"from=" with a mail address is expected for "api_smtp" in
nginx.conf:

=== TEST 8: a sender that is none
--- http_config
    api_smtp smtp://127.0.0.1 from=example.com;
--- emerg
invalid "from=example.com", invalid mail address "example.com", "user@example.com" is expected in
nginx.conf:

=== TEST 9: two senders
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com,b@example.com;
--- emerg
invalid "from=a@example.com,b@example.com", too many mail addresses, at most 1 is expected in

=== TEST 10: a user without a password
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com user=u;
--- emerg
"user=" and "password=" are expected together in
nginx.conf:

=== TEST 11: a password without a user
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com password=p;
--- emerg
"user=" and "password=" are expected together in

=== TEST 12: an empty password
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com user=u password=;
--- emerg
invalid "password=", a password or "file:PATH" is expected in

=== TEST 13: a password whose file is not there
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com user=u password=file:/no/such;
--- emerg
open() "/no/such" failed

=== TEST 14: starttls
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com starttls=yes;
--- emerg
invalid "starttls=yes", "required", "on" or "off" is expected in
nginx.conf:

=== TEST 15: starttls where there is TLS
--- http_config
    api_smtp smtps://127.0.0.1 from=a@example.com starttls=on;
--- emerg
"starttls=" stands beside a relay that has TLS from the start, "smtp://" is expected there in

=== TEST 16: verify
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com verify=no;
--- emerg
invalid "verify=no", "on" or "off" is expected in

=== TEST 17: a file without certificates
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com ca=nginx.conf;
--- emerg
invalid "ca=nginx.conf", a file of CA certificates is expected in

=== TEST 18: an unknown parameter
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com ssl=on;
--- emerg
unknown or repeated parameter "ssl" of "api_smtp", "user=", "password=", "starttls=", "verify=", "ca=" or "from=" is expected in

=== TEST 19: a second relay
--- http_config
    api_smtp smtp://127.0.0.1 from=a@example.com;
    api_smtp smtp://127.0.0.2 from=a@example.com;
--- emerg
"api_smtp" directive is duplicate in

=== TEST 20: no recipient
--- http_config eval
"$::Smtp
    api_event_handlers * email subject=a;"
--- emerg
"to=" with a mail address is expected for handler "email" in
nginx.conf:

=== TEST 21: a recipient that is none
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@example.com,b;"
--- emerg
invalid "to=a@example.com,b", invalid mail address "b", "user@example.com" is expected in

=== TEST 22: too many recipients
--- http_config eval
"$::Smtp
    api_event_handlers * email to=" . join(',', map { "a$_\@b" } 0 .. 50) . ';'
--- emerg
too many mail addresses, at most 50 are expected in

=== TEST 23: templates that do not parse
--- http_config eval
"$::Smtp
    api_event_handlers * email 'to={{.a';"
--- emerg
invalid template in to:1:

=== TEST 24: a subject
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b 'subject={{if}}';"
--- emerg
invalid template in subject:1:

=== TEST 25: a file
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b html=\$TEST_NGINX_SERVER_ROOT/html/m.html;"
--- user_files
>>> m.html
a
{{end}}
--- emerg
html/m.html:2:
nginx.conf:

=== TEST 26: a file that is not there
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b text=no.txt;"
--- emerg
no.txt" failed

=== TEST 27: a sender of the handler's own
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b from=a\@b,c\@d;"
--- emerg
invalid "from=a@b,c@d", too many mail addresses, at most 1 is expected in

=== TEST 28: what is for webhooks
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b url=http://a;"
--- emerg
unknown or repeated parameter "url" of handler "email" in

=== TEST 29: no time
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b timeout=0;"
--- emerg
invalid "timeout=0", a time above zero is expected in

=== TEST 30: retries
--- http_config eval
"$::Smtp
    api_event_handlers * email to=a\@b retry=11;"
--- emerg
invalid "retry=11",
