# Wrong handlers: one line each, which says where and what was expected.  What
# is wrong about a script stands in 021-config-script.t, about those of phases in
# 024-config-phases.t.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

run_tests();

__DATA__

=== TEST 1: no arguments
--- http_config
    api_event_handlers ;
--- emerg
invalid number of arguments in "api_event_handlers" directive in
nginx.conf:

=== TEST 2: one argument
--- http_config
    api_event_handlers QuotaExceeded;
--- emerg
"off", or an event and its handler, expected after "api_event_handlers" in
nginx.conf:

=== TEST 3: an unknown event
--- http_config
    api_event_handlers QuotaExceded log;
--- emerg
unknown event "QuotaExceded", "*" or a name such as "QuotaExceeded" is expected in
nginx.conf:

=== TEST 4: an event in lower case
--- http_config
    api_event_handlers quotaexceeded log;
--- emerg
unknown event "quotaexceeded",

=== TEST 5: an unknown action of a family
--- http_config
    api_event_handlers api_event.nothing log;
--- emerg
unknown event "api_event.nothing",

=== TEST 6: "off" and more
--- http_config
    api_event_handlers off log;
--- emerg
unknown event "off",

=== TEST 7: an unknown handler
--- http_config
    api_event_handlers * smtp;
--- emerg
unknown handler "smtp", "log", "webhook", "js" or "email" is expected in
nginx.conf:

=== TEST 8: a parameter without a value
--- http_config
    api_event_handlers * log prefix;
--- emerg
invalid parameter "prefix", NAME=VALUE is expected in
nginx.conf:

=== TEST 9: a parameter without a name
--- http_config
    api_event_handlers * log =a;
--- emerg
invalid parameter "=a", NAME=VALUE is expected

=== TEST 10: log: an unknown parameter
--- http_config
    api_event_handlers * log prefx=a;
--- emerg
unknown or repeated parameter "prefx" of handler "log" in
nginx.conf:

=== TEST 11: log: a parameter that stands twice
--- http_config
    api_event_handlers * log prefix=a prefix=b;
--- emerg
unknown or repeated parameter "prefix" of handler "log"

=== TEST 12: log: another handler's parameter
--- http_config
    api_event_handlers * log url=http://a/;
--- emerg
unknown or repeated parameter "url" of handler "log"

=== TEST 13: log: a format
--- http_config
    api_event_handlers * log format=xml;
--- emerg
invalid "format=xml", "json" or "line" is expected in
nginx.conf:

=== TEST 14: log: no format
--- http_config
    api_event_handlers * log format=;
--- emerg
invalid "format=",

=== TEST 15: log: a level
--- http_config
    api_event_handlers * log level=crit;
--- emerg
invalid "level=crit", "info", "notice", "warn" or "error" is expected in
nginx.conf:

=== TEST 16: log: a prefix with a line end
--- http_config
    api_event_handlers * log "prefix=a\nb";
--- emerg
invalid "prefix=", a text without line ends is expected in
nginx.conf:

=== TEST 17: log: no file
--- http_config
    api_event_handlers * log file=;
--- emerg
invalid "file=", a file name without variables is expected in
nginx.conf:

=== TEST 18: log: a file with a variable
--- http_config
    api_event_handlers * log file=logs/$api_id.log;
--- emerg
invalid "file=logs/$api_id.log", a file name without variables is expected in

=== TEST 19: log: a file in a folder that is not there
--- http_config
    api_event_handlers * log file=none/events.log;
--- emerg
none/events.log" failed (2: No such file or directory)

=== TEST 20: log: a folder
--- http_config
    api_event_handlers * log file=logs;
--- emerg
logs" failed (21: Is a directory)

=== TEST 21: log: a buffer without a file
--- http_config
    api_event_handlers * log buffer=64k;
--- emerg
"buffer=" and "flush=" are for a file, "file=" is expected beside them in
nginx.conf:

=== TEST 22: log: a time without a file
--- http_config
    api_event_handlers * log flush=1s;
--- emerg
"buffer=" and "flush=" are for a file, "file=" is expected beside them in

=== TEST 23: log: a buffer that is no size
--- http_config
    api_event_handlers * log file=logs/events.log buffer=on;
--- emerg
invalid "buffer=on", a size up to 16m or "off" is expected in
nginx.conf:

=== TEST 24: log: a buffer that is too large
--- http_config
    api_event_handlers * log file=logs/events.log buffer=17m;
--- emerg
invalid "buffer=17m", a size up to 16m or "off" is expected in

=== TEST 25: log: no buffer's size
--- http_config
    api_event_handlers * log file=logs/events.log buffer=;
--- emerg
invalid "buffer=", a size up to 16m or "off" is expected in

=== TEST 26: log: a time that is none
--- http_config
    api_event_handlers * log file=logs/events.log flush=soon;
--- emerg
invalid "flush=soon", a time such as "10s" is expected in

=== TEST 27: log: no time
--- http_config
    api_event_handlers * log file=logs/events.log flush=0;
--- emerg
invalid "flush=", a time between 1ms and 1h is expected in

=== TEST 28: log: too long a time
--- http_config
    api_event_handlers * log file=logs/events.log flush=61m;
--- emerg
invalid "flush=", a time between 1ms and 1h is expected in

=== TEST 29: log: a file with two buffers
--- http_config
    api_event_handlers * log file=logs/events.log prefix=a;
    api_event_handlers * log file=logs/events.log prefix=b buffer=1k;
--- emerg
logs/events.log" has another "buffer=" or "flush=" above, the same is expected in
nginx.conf:

=== TEST 30: js: no path
--- http_config
    api_event_handlers * js name=h;
--- emerg
"path=" of a script is expected for handler "js" in
nginx.conf:

=== TEST 31: js: an empty path
--- http_config
    api_event_handlers * js path= name=h;
--- emerg
"path=" of a script is expected for handler "js"

=== TEST 32: js: active
--- http_config
    api_event_handlers * js path=../html/h.js active=yes;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
invalid "active=yes", "on" or "off" is expected in
nginx.conf:

=== TEST 33: js: timeout
--- http_config
    api_event_handlers * js path=../html/h.js timeout=-1s;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
invalid "timeout=-1s", a time such as "10s" is expected in
nginx.conf:

=== TEST 34: js: timeout of 0
--- http_config
    api_event_handlers * js path=../html/h.js timeout=0;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
invalid "timeout=0", a time above zero is expected

=== TEST 35: js: an unknown parameter
--- http_config
    api_event_handlers * js path=../html/h.js disabled=on;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
unknown or repeated parameter "disabled" of handler "js"

=== TEST 36: js: a script that is switched off is read all the same
--- http_config
    api_event_handlers * js path=../html/h.js active=off;
--- user_files
>>> h.js
export default function (ctx) {
  = 1;
}
--- emerg
/h.js:2

=== TEST 37: url: none
--- http_config
    api_event_handlers * webhook method=GET;
--- emerg
"url=" is expected for handler "webhook" in
nginx.conf:

=== TEST 38: url: empty
--- http_config
    api_event_handlers * webhook url=;
--- emerg
invalid "url=", an absolute http:// or https:// URL is expected in
nginx.conf:

=== TEST 39: url: a path
--- http_config
    api_event_handlers * webhook url=/hook;
--- emerg
invalid "url=/hook", an absolute http:// or https:// URL is expected

=== TEST 40: url: a host
--- http_config
    api_event_handlers * webhook url=example.com;
--- emerg
invalid "url=example.com", an absolute http:// or https:// URL is expected

=== TEST 41: url: another scheme
--- http_config
    api_event_handlers * webhook url=ftp://example.com/;
--- emerg
invalid "url=ftp://example.com/", an absolute http:// or https:// URL is expected

=== TEST 42: url: a scheme alone
--- http_config
    api_event_handlers * webhook url=http://;
--- emerg
invalid "url=http://", an absolute http:// or https:// URL is expected

=== TEST 43: url: no host
--- http_config
    api_event_handlers * webhook url=http:///hook;
--- emerg
invalid "url=http:///hook", a host name or address is expected

=== TEST 44: url: no host, but a query
--- http_config
    api_event_handlers * webhook url=http://?a;
--- emerg
invalid "url=http://?a", a host name or address is expected

=== TEST 45: url: no host, but a port
--- http_config
    api_event_handlers * webhook url=http://:80/;
--- emerg
invalid "url=http://:80/", a host name or address is expected

=== TEST 46: url: a user name
--- http_config
    api_event_handlers * webhook url=http://user@example.com/;
--- emerg
invalid "url=http://user@example.com/", a host without user name and special characters is expected

=== TEST 47: url: a password
--- http_config
    api_event_handlers * webhook url=http://user:pw@example.com/;
--- emerg
invalid "url=http://

=== TEST 48: url: a port that is none
--- http_config
    api_event_handlers * webhook url=http://a:x/;
--- emerg
invalid "url=http://a:x/", a port between 1 and 65535 is expected

=== TEST 49: url: an empty port
--- http_config
    api_event_handlers * webhook url=http://a:/;
--- emerg
invalid "url=http://a:/", a port between 1 and 65535 is expected

=== TEST 50: url: port 0
--- http_config
    api_event_handlers * webhook url=http://a:0/;
--- emerg
invalid "url=http://a:0/", a port between 1 and 65535 is expected

=== TEST 51: url: port 65536
--- http_config
    api_event_handlers * webhook url=http://a:65536/;
--- emerg
invalid "url=http://a:65536/", a port between 1 and 65535 is expected

=== TEST 52: url: IPv6 without its end
--- http_config
    api_event_handlers * webhook url=http://[::1/;
--- emerg
invalid "url=http://[::1/", an IPv6 address in brackets is expected

=== TEST 53: url: IPv6 that is none
--- http_config
    api_event_handlers * webhook url=http://[::g]/;
--- emerg
invalid "url=http://[::g]/", an IPv6 address in brackets is expected

=== TEST 54: url: IPv6 and more
--- http_config
    api_event_handlers * webhook url=http://[::1]a/;
--- emerg
invalid "url=http://[::1]a/", a host without user name and special characters is expected

=== TEST 55: url: IPv4 in brackets
--- http_config
    api_event_handlers * webhook url=http://[127.0.0.1]/;
--- emerg
invalid "url=http://[127.0.0.1]/", an IPv6 address in brackets is expected

=== TEST 56: url: special characters in a host
--- http_config
    api_event_handlers * webhook 'url=http://a$b/';
--- emerg
invalid "url=http://a$b/", a host without user name and special characters is expected

=== TEST 57: url: dots alone
--- http_config
    api_event_handlers * webhook url=http://../;
--- emerg
invalid "url=http://../", a host name or address is expected

=== TEST 58: url: a name that begins with a dot
--- http_config
    api_event_handlers * webhook url=http://.a/;
--- emerg
invalid "url=http://.a/", a host name or address is expected

=== TEST 59: url: an empty label
--- http_config
    api_event_handlers * webhook url=http://a..b/;
--- emerg
invalid "url=http://a..b/", a host name or address is expected

=== TEST 60: url: a label that is too long
--- http_config
    api_event_handlers * webhook url=http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/;
--- emerg
invalid "url=http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", a host name or address is expected

=== TEST 61: url: an address that is none
--- http_config
    api_event_handlers * webhook url=http://127.0.0.256/;
--- emerg
invalid "url=http://127.0.0.256/", a host name or address is expected

=== TEST 62: url: a number
--- http_config
    api_event_handlers * webhook url=http://a.1:80/;
--- emerg
invalid "url=http://a.1:80/", a host name or address is expected

=== TEST 63: url: a space
--- http_config
    api_event_handlers * webhook "url=http://a/b c";
--- emerg
invalid "url=http://a/b c", a URL without spaces, controls and unencoded bytes is expected

=== TEST 64: url: other than ASCII
--- http_config
    api_event_handlers * webhook url=http://a/é;
--- emerg
invalid "url=http://a/é", a URL without spaces, controls and unencoded bytes is expected

=== TEST 65: url: a line end
--- http_config
    api_event_handlers * webhook "url=http://a/\n";
--- emerg
invalid "url=http://a/

=== TEST 66: url: a fragment
--- http_config
    api_event_handlers * webhook "url=http://a/#b";
--- emerg
invalid "url=http://a/#b", a URL without a fragment is expected

=== TEST 67: url: a host that is too long
--- http_config eval
"api_event_handlers * webhook url=http://" . "b" x 254 . "/;"
--- emerg
", a host name or address is expected in

=== TEST 68: webhook: an unknown parameter
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ headers=a;
--- emerg
unknown or repeated parameter "headers" of handler "webhook" in
nginx.conf:

=== TEST 69: webhook: a parameter that stands twice
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ method=GET method=PUT;
--- emerg
unknown or repeated parameter "method" of handler "webhook"

=== TEST 70: webhook: two URLs
--- http_config
    api_event_handlers * webhook url=http://a/ url=http://b/;
--- emerg
unknown or repeated parameter "url" of handler "webhook"

=== TEST 71: webhook: method HEAD
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ method=HEAD;
--- emerg
invalid "method=HEAD", POST, PUT, PATCH, GET or DELETE is expected in
nginx.conf:

=== TEST 72: webhook: an empty method
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ method=;
--- emerg
invalid "method=", POST, PUT, PATCH, GET or DELETE is expected

=== TEST 73: webhook: a method and more
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "method=GET /";
--- emerg
invalid "method=GET /", POST, PUT, PATCH, GET or DELETE is expected

=== TEST 74: webhook: timeout
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ timeout=soon;
--- emerg
invalid "timeout=soon", a time such as "10s" is expected in
nginx.conf:

=== TEST 75: webhook: timeout of 0
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ timeout=0;
--- emerg
invalid "timeout=0", a time above zero is expected in
nginx.conf:

=== TEST 76: webhook: a timeout too long
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ timeout=10000000d;
--- emerg
invalid "timeout=10000000d", a time such as "10s" is expected

=== TEST 77: webhook: an empty timeout
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ timeout=;
--- emerg
invalid "timeout=", a time such as "10s" is expected

=== TEST 78: webhook: cooldown
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ cooldown=x;
--- emerg
invalid "cooldown=x", a time such as "10s" is expected in
nginx.conf:

=== TEST 79: webhook: concurrency of 0
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ concurrency=0;
--- emerg
invalid "concurrency=0", a number between 1 and 65535 is expected in
nginx.conf:

=== TEST 80: webhook: concurrency
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ concurrency=65536;
--- emerg
invalid "concurrency=65536", a number between 1 and 65535 is expected

=== TEST 81: webhook: no concurrency
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ concurrency=;
--- emerg
invalid "concurrency=",

=== TEST 82: webhook: queue of 0
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ queue=0;
--- emerg
invalid "queue=0", a number between 1 and 10000000 is expected in
nginx.conf:

=== TEST 83: webhook: queue
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ queue=1k;
--- emerg
invalid "queue=1k", a number between 1 and 10000000 is expected

=== TEST 84: webhook: retry
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ retry=11;
--- emerg
invalid "retry=11", "spec", "off" or a number of attempts between 1 and 10 is expected in
nginx.conf:

=== TEST 85: webhook: verify
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ verify=yes;
--- emerg
invalid "verify=yes", "on" or "off" is expected in
nginx.conf:

=== TEST 86: webhook: an empty ca
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ ca=;
--- emerg
invalid "ca=", a file of CA certificates is expected in
nginx.conf:

=== TEST 87: webhook: a ca that is not there
--- http_config
    api_event_handlers * webhook url=https://a/ ca=none.pem;
--- emerg
invalid "ca=none.pem", a file of CA certificates is expected in
nginx.conf:

=== TEST 88: webhook: a ca that is none
--- http_config
    api_event_handlers * webhook url=https://a/ ca=nginx.conf;
--- emerg
invalid "ca=nginx.conf", a file of CA certificates is expected

=== TEST 89: webhook: a ca that is not used is looked at all the same
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ ca=none.pem;
--- emerg
invalid "ca=none.pem", a file of CA certificates is expected in
nginx.conf:

=== TEST 90: webhook: a header without a colon
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ header=X-A;
--- emerg
invalid "header=X-A", "header=Name: value" is expected in
nginx.conf:

=== TEST 91: webhook: an empty header
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ header=;
--- emerg
invalid "header=", "header=Name: value" is expected

=== TEST 92: webhook: a header without a name
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=: a";
--- emerg
invalid "header=: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own in
nginx.conf:

=== TEST 93: webhook: a header with a blank
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=X A: a";
--- emerg
invalid "header=X A: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 94: webhook: a header with a line end
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=X-A: a\r\nX-B: b";
--- emerg
invalid "header=X-A: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 95: webhook: header Connection
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Connection: a";
--- emerg
invalid "header=Connection: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 96: webhook: header content-length
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=content-length: a";
--- emerg
invalid "header=content-length: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 97: webhook: header Transfer-Encoding
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Transfer-Encoding: a";
--- emerg
invalid "header=Transfer-Encoding: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 98: webhook: header Expect
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Expect: a";
--- emerg
invalid "header=Expect: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 99: webhook: header TE
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=TE: a";
--- emerg
invalid "header=TE: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 100: webhook: header Trailer
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Trailer: a";
--- emerg
invalid "header=Trailer: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 101: webhook: header Upgrade
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Upgrade: a";
--- emerg
invalid "header=Upgrade: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 102: webhook: header Keep-Alive
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Keep-Alive: a";
--- emerg
invalid "header=Keep-Alive: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 103: webhook: header webhook-id
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=webhook-id: a";
--- emerg
invalid "header=webhook-id: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 104: webhook: header webhook-signature
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=webhook-signature: a";
--- emerg
invalid "header=webhook-signature: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 105: webhook: header x-api-events-hops
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=x-api-events-hops: a";
--- emerg
invalid "header=x-api-events-hops: ...", a name and a value without control characters are expected, and none that frames the message or the connection or is the module's own

=== TEST 106: webhook: a header of a file that is not there
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=X-A: file:none";
--- emerg
open() "
conf/none" failed (2: No such file or directory) in
nginx.conf:

=== TEST 107: webhook: a header of a file that has lines
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ "header=Authorization: file:../html/token";
--- user_files
>>> token
secret
lines
--- emerg
invalid "header=Authorization: ...",

=== TEST 108: webhook: a template that is not there
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ template=none.json;
--- emerg
open() "
conf/none.json" failed (2: No such file or directory) in
nginx.conf:

=== TEST 109: webhook: an empty template's name
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ template=;
--- emerg
invalid file name "", a template is expected in
nginx.conf:

=== TEST 110: webhook: a folder as template
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ template=../html;
--- emerg
html" is
nginx.conf:

=== TEST 111: webhook: a template that does not parse
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ template=../html/t.json;
--- user_files
>>> t.json
{
  "a": "{{.Type}}",
  "b": "{{if .Type}}"
}
--- emerg
invalid template in
html/t.json:5: unexpected end, expected {{end}} of {{if}} in line 3 in
nginx.conf:

=== TEST 112: webhook: a template with an unknown function
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ template=../html/t.txt;
--- user_files
>>> t.txt
{{system "id"}}
--- emerg
html/t.txt:1: unknown function
nginx.conf:

=== TEST 113: no zone
--- http_config
    api_event_handlers * log;
    # api_zone
--- emerg
event handlers need shared memory, "api_zone" is expected in the http block, in
nginx.conf:

=== TEST 114: api_delivery_connections: none
--- http_config
    api_delivery_connections ;
--- emerg
invalid number of arguments in "api_delivery_connections" directive in

=== TEST 115: api_delivery_connections: no percent
--- http_config
    api_delivery_connections 25;
--- emerg
invalid value "25", a share between 1% and 90% is expected in
nginx.conf:

=== TEST 116: api_delivery_connections: 0%
--- http_config
    api_delivery_connections 0%;
--- emerg
invalid value "0%", a share between 1% and 90% is expected

=== TEST 117: api_delivery_connections: 91%
--- http_config
    api_delivery_connections 91%;
--- emerg
invalid value "91%", a share between 1% and 90% is expected

=== TEST 118: api_delivery_connections: a word
--- http_config
    api_delivery_connections all%;
--- emerg
invalid value "all%", a share between 1% and 90% is expected

=== TEST 119: api_delivery_connections: a percent sign
--- http_config
    api_delivery_connections %;
--- emerg
invalid value "%", a share between 1% and 90% is expected

=== TEST 120: api_delivery_connections: a part
--- http_config
    api_delivery_connections 2.5%;
--- emerg
invalid value "2.5%", a share between 1% and 90% is expected

=== TEST 121: api_delivery_connections: twice
--- http_config
    api_delivery_connections 10%;
    api_delivery_connections 20%;
--- emerg
"api_delivery_connections" directive is duplicate in
nginx.conf:

=== TEST 122: api_delivery_connections: in a server
--- config
    api_delivery_connections 10%;
--- emerg
"api_delivery_connections" directive is not allowed here in

=== TEST 123: apievents_internal is not for users
--- config
    location /a { apievents_internal target 0; }
--- emerg
"apievents_internal" directive is for generated text only in
nginx.conf:

=== TEST 124: too many handlers
--- http_config eval
CORE::join("", map { "api_event_handlers * log prefix=$_;\n" } 1 .. 600)
--- emerg
too many handlers, at most 512 different ones are expected in

=== TEST 125: webhook: an empty retry
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ retry=;
--- emerg
invalid "retry=", "spec", "off" or a number of attempts between 1 and 10 is expected

=== TEST 126: webhook: retry of 0
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ retry=0;
--- emerg
invalid "retry=0", "spec", "off" or a number of attempts between 1 and 10 is expected

=== TEST 127: webhook: retry, a word
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ retry=always;
--- emerg
invalid "retry=always", "spec", "off" or a number of attempts between 1 and 10 is expected

=== TEST 128: log: retry
--- http_config
    api_event_handlers * log retry=spec;
--- emerg
invalid "retry=spec", handler "log" makes one attempt, "retry=off" is expected in
nginx.conf:

=== TEST 129: js: retry
--- http_config
    api_event_handlers * js path=../html/h.js retry=2;
--- user_files
>>> h.js
export default function (ctx) {}
--- emerg
invalid "retry=2", handler "js" makes one attempt, "retry=off" is expected in

=== TEST 130: webhook: success
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ success=ok;
--- emerg
invalid "success=ok", statuses such as "2xx,409" are expected in
nginx.conf:

=== TEST 131: webhook: an empty success
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ success=;
--- emerg
invalid "success=", statuses such as "2xx,409" are expected

=== TEST 132: webhook: success, a number
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:1/ success=600;
--- emerg
invalid "success=600", statuses such as "2xx,409" are expected

=== TEST 133: log: success
--- http_config
    api_event_handlers * log success=2xx;
--- emerg
unknown or repeated parameter "success" of handler "log"
