# Events as mails: what a relay, which is someone else's program, reads of them.

use strict;
use warnings;

use lib 't/lib';
use Smtp;
use ApiEvents;
use DeliverBlocks;
use EmailBlocks;

no_long_string();
run_tests();

__DATA__

=== TEST 1: the default pair
--- http_config
    api_event_handlers AuthFailure email to=one@example.com;
--- check eval
sub {
    my ($mail) = mails('one');

    is($mail->{from}, 'api@example.com', 'the sender');
    is($mail->{header_from}, '"The API" <api@example.com>', 'From');
    is($mail->{header_to}, 'one@example.com', 'To');
    is($mail->{subject}, 'Auth Failure (a)', 'Subject');
    like($mail->{event}, qr/^evt_[0-9a-f-]{36}$/, 'X-Api-Event-Id');
    like($mail->{id}, qr/^<\Q$mail->{event}\E\.[0-9a-f]{16}\@example\.com>$/,
         'Message-ID');
    is($mail->{auto}, 'auto-generated', 'Auto-Submitted');
    like($mail->{text}, qr/^AuthFailure: Auth Failure\n\nAPI:     a\n/, 'text');
    like($mail->{text}, qr/^Event:   \Q$mail->{event}\E$/m, 'of that event');
    like($mail->{html}, qr{<tr><td>Path</td><td>/a</td></tr>}, 'HTML');
    like($mail->{raw}, qr{^Content-Type: multipart/alternative; boundary=}m,
         'both as alternatives');
    is(delivered(), '1 0 0', 'delivered');
}

=== TEST 2: texts of its own, with what is not ASCII in all parts
--- http_config
    api_template_path $TEST_NGINX_SERVER_ROOT/html;
    api_event_handlers AuthFailure email
        'to=Jörg Müller <two@example.com>, b@example.com'
        'from="API, the" <api2@example.org>'
        'subject=Grüße: {{.Meta.Path}} {{printf "%c" 8364}}'
        text=m.txt html=m.html;
--- user_files
>>> m.txt
Pfad {{.Meta.Path}} <ä>
.
Ende
>>> m.html
<p title="{{.Meta.Path}}">{{.Meta.Path}} ä {{html "<"}}</p>
--- raw_request eval
"GET /a/\"<b> HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
--- error_code: 401
--- check eval
sub {
    my ($mail) = mails('two');

    is_deeply($mail->{to}, ['two@example.com', 'b@example.com'], 'recipients');
    is($mail->{from}, 'api2@example.org', 'the sender');
    is($mail->{header_from}, '"API, the" <api2@example.org>', 'From');
    is($mail->{header_to},
       "\"J\xf6rg M\xfcller\" <two\@example.com>, b\@example.com", 'To');
    is($mail->{subject}, "Gr\xfc\xdfe: /a/\"<b> \x{20ac}", 'Subject');
    is($mail->{text}, "Pfad /a/\"<b> <\xe4>\n.\nEnde\n", 'text');
    like($mail->{html}, qr{^<p title="/a/&#34;&lt;b&gt;">}, 'HTML');
    like($mail->{html}, qr{&lt;b&gt; \xe4 &lt;</p>}, 'escaped once');
    unlike($mail->{raw}, qr/[\x80-\xff]/, 'as ASCII');
    like($mail->{id}, qr/\@example\.org>$/, 'Message-ID of its domain');
}

=== TEST 3: one part alone
--- http_config
    api_template_path $TEST_NGINX_SERVER_ROOT/html;
    api_event_handlers AuthFailure email to=text@example.com text=m.txt;
    api_event_handlers AuthFailure email to=html@example.com html=m.html;
--- user_files
>>> m.txt
{{.Type}}
>>> m.html
<b>{{.Type}}</b>
--- check eval
sub {
    my ($text) = mails('text');
    my ($html) = mails('html');

    is($text->{text}, "AuthFailure\n", 'text');
    unlike($text->{raw}, qr{text/html}, 'no HTML');
    like($html->{html}, qr{^<b>AuthFailure</b>}, 'HTML');
    unlike($html->{raw}, qr{text/plain}, 'no text');
    is($text->{event}, $html->{event}, 'of one event');
    isnt($text->{id}, $html->{id}, 'two mails');
}

=== TEST 4: long lines, long texts
--- http_config eval
"    api_template_path \$TEST_NGINX_SERVER_ROOT/html;
    api_event_handlers AuthFailure email to=long\@example.com
        'subject=" . ('x' x 300) . ' ' . ('word ' x 100) . "'
        text=m.txt html=m.html;"
--- user_files eval
">>> m.txt\n" . ("long " x 1000) . "\n" . ("x" x 3000) . "\n"
. ">>> m.html\n<p>" . ("\xc3\xa4\xc3\xb6" x 2000) . "</p>"
--- check eval
sub {
    my ($mail) = mails('long');

    is($mail->{subject}, ('x' x 300) . ' ' . ('word ' x 99) . 'word',
       'Subject');
    is($mail->{text}, ('long ' x 1000) . "\n" . ('x' x 3000) . "\n", 'text');
    is($mail->{html}, '<p>' . ("\xe4\xf6" x 2000) . '</p>', 'HTML');
    is_deeply([grep { length > 90 } split /\r\n/, $mail->{raw}], [],
              'short lines');
}

=== TEST 5: no value gets a field, a recipient or a sender of its own
--- http_config
    api_event_handlers AuthFailure email
        'to={{printf "B>, evil@example.com, <%c" 10}} <victim@example.com>'
        'from="x{{printf `",%c%cBcc: evil@example.com` 13 10}}" <api@example.com>'
        'subject=At {{printf "a%c%cBcc: evil@example.com%c%c%c%cbody" 13 10 13 10 13 10}}';
--- check eval
sub {
    my ($mail) = mails('victim');

    is_deeply($mail->{to}, ['victim@example.com'], 'recipients');
    is($mail->{from}, 'api@example.com', 'the sender');
    is($mail->{subject}, 'At a Bcc: evil@example.com body', 'Subject');
    is_deeply([grep { !/^(?:content-type|mime-version|from|to|subject|date
                         |message-id|auto-submitted|x-api-event-id)$/x }
                    @{ $mail->{names} }], [], 'fields');
    is(scalar(() = mails('evil', 0)), 0, 'no other mail');
}

=== TEST 6: a value that is no single address: nothing is sent
--- http_config
    api_event_handlers AuthFailure email 'to=x{{.Meta.Path}}@example.com';
    api_event_handlers AuthFailure email
        'to={{printf "a%cb@example.com" 0}}';
    api_event_handlers AuthFailure email
        'to=a@example.com{{printf "%c%cRCPT TO:<evil@example.com>" 13 10}}';
    api_event_handlers AuthFailure email
        'from={{printf "a@example.com,%c" 10}}b@example.com' to=c@example.com;
    api_event_handlers DeliveryDead log prefix=TOLD format=json;
--- raw_request eval
"GET /a/,b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
--- error_code: 401
--- check eval
sub {
    ApiEvents::http_get('/a/b');

    is_deeply([map { @{ $_->{to} } } mails('x/a/b')], ['x/a/b@example.com'],
              'what is one is sent to');
    is(scalar(() = ::log_lines('TOLD', 7)), 7, 'the others are dead');
    is(delivered(), '8 0 7', 'and counted')
        or diag(ApiEvents::error_log_text());
    like(ApiEvents::error_log_text(),
         qr{failed: to=: invalid mail address "x/a/ b\@example.com", "user\@},
         'with the reason');
    like(ApiEvents::error_log_text(), qr{failed: from=: invalid mail address },
         'of from= too');
    is(scalar(() = mails('evil', 0)), 0, 'no other mail');
}

=== TEST 7: no recipient
--- http_config
    api_event_handlers AuthFailure email 'to={{.Meta.developer.email}}';
--- check eval
sub {
    is(delivered(), '0 0 1', 'dead');
    like(ApiEvents::error_log_text(), qr/failed: to=: no mail address ""/,
         'with the reason');
}

=== TEST 8: handlers that say the same are one, others are not
--- http_config
    api_event_handlers AuthFailure email to=same@example.com;
    api_event_handlers AuthFailure email to=same@example.com;
    api_event_handlers AuthFailure email to=same@example.com subject=B;
--- check eval
sub {
    my @mails = mails('same', 2);

    is(delivered(), '2 0 0', 'sent');
    is_deeply([sort map { $_->{subject} } @mails], ['Auth Failure (a)', 'B'],
              'as configured');
}

=== TEST 9: cooldown
--- http_config
    api_event_handlers AuthFailure email to=cool@example.com cooldown=1h;
--- check eval
sub {
    ::raise(4);
    mails('cool');
    is(scalar(() = mails('cool', 1)), 1, 'one mail');
}

=== TEST 10: many mails, in threads
--- http_config
    api_event_handlers AuthFailure email to=many@example.com;
--- check eval
sub {
    ::raise(59);
    is(delivered(60), '60 0 0', 'delivered');

    my %ids = map { $_->{id} => 1 } mails('many', 60);
    is(scalar(keys %ids), 60, 'each once');
}

=== TEST 11: without a master, and so without threads
--- http_config
    api_event_handlers AuthFailure email to=single@example.com;
--- master: off
--- workers: 1
--- check eval
sub {
    is(delivered(), '1 0 0', 'delivered');
    is(scalar(() = mails('single')), 1, 'one mail');
}
