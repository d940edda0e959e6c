# The log handler: one line an event, whatever clients send.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

# a fifth of the hostile bytes that may stand in a header's value
our $Hostile = "k\"\\'\x80\xff\xc3\x28\xe2\x80\xa8\xc2\x85\t[x] %s%n";

run_tests();

__DATA__

=== TEST 1: a line
--- http_config
    api_event_handlers AuthFailure log prefix=GATEWAY;
--- request
GET /a/b?c=d
--- error_code: 401
--- error_log eval
qr{ \[warn\] \d+#\d+: GATEWAY:AuthFailure::127\.0\.0\.1:\d+:/a/b id: evt_[0-9a-f-]{36}, raised \d+\.\d{3}ms ago$}m
--- metrics
apievents_deliveries{state="delivered"} 1

=== TEST 2: Tyk's word, and the parts of a line
--- http_config
    api_event_handlers * eh_log_handler prefix=P;
--- request
GET /a
--- more_headers
Authorization: some-key-0123456789
--- error_code: 403
--- error_log eval
qr{: P:AuthFailure:\*\*\*\*6789:127\.0\.0\.1:\d+:/a id: }

=== TEST 3: without a prefix
--- http_config
    api_event_handlers * log;
--- error_log eval
qr{ \[warn\] \d+#\d+: AuthFailure::127\.0\.0\.1:\d+:/a id: evt_}

=== TEST 4: a prefix with blanks, percents and quotes
--- http_config
    api_event_handlers * log "prefix=a %s \"b\"";
--- error_log eval
qr{#\d+: a %s "b":AuthFailure:}

=== TEST 5: levels
--- http_config
    api_event_handlers * log prefix=A level=info;
    api_event_handlers * log prefix=B level=notice;
    api_event_handlers * log prefix=C level=warn;
    api_event_handlers * log prefix=D level=error;
--- error_log eval
[qr/ \[info\] \S+ A:Auth/, qr/ \[notice\] \S+ B:Auth/,
 qr/ \[warn\] \S+ C:Auth/, qr/ \[error\] \S+ D:Auth/]

=== TEST 6: JSON
--- http_config
    api_event_handlers * log prefix=J format=json;
    api_event_handlers * log format=json level=error;
--- config
    location /a { api_id a; api_org acme; empty_gif; }
--- check eval
sub {
    my ($line) = log_lines(' J {');
    my ($text, $id) = $line =~ /#\d+: J (\{.*\}) id: (evt_[^,]+), raised [\d.]+ms ago$/;
    my $json = JSON::XS::decode_json($text);

    is($json->{Type}, 'AuthFailure', 'Type');
    is($json->{EventMetaData}{Path}, '/a', 'Path');
    is("$json->{APIID} $json->{OrgID}", 'a acme', 'APIID, OrgID');
    is($json->{ID}, $id, 'ID');

    ($line) = log_lines('[error]');
    like($line, qr/#\d+: \{"/, 'no prefix');
}

=== TEST 7: hostile keys and paths
--- http_config
    api_event_handlers * log prefix=LINE;
    api_event_handlers * log prefix=JSON format=json;
    api_event_handlers * webhook url=$HOOK/ok;
--- config
    location /a { api_id a; api_event_key raw; empty_gif; }
--- request eval
"GET /a\xe2\x80\xa8\x80\xff\"\\'%0a%0d[x]%25n%25s"
--- more_headers eval
"Authorization: $::Hostile"
--- error_code: 403
--- recorded_check eval
sub {
    my $key = $_[0]{json}{key};

    is($_[0]{json}{path},
       "/a\x{2028}\x{fffd}\x{fffd}\"\\'%0a%0d[x]%25n%25s", 'path');
    like($key, qr/^k"\\'\x{fffd}+\(\x{2028}\x{85}\t\[x\] %s%n$/, 'key');
}
--- check eval
sub {
    my ($line, @more) = log_lines('LINE');

    is(scalar @more, 0, 'one line');
    like($line, qr{ LINE:AuthFailure:\*\*\*\*%s%n:127.0.0.1:\d+:/a\\xe2\\x80\\xa8\\x80\\xff"\\x5c'%0a%0d\[x\]%25n%25s id: evt_},
         'the line');

    ($line, @more) = log_lines('JSON {');
    is(scalar @more, 0, 'one line');

    my ($text) = $line =~ /JSON (\{.*\}) id: /;
    my $json = JSON::XS::decode_json($text);

    is($json->{Meta}{Key}, '****%s%n', 'a log gets no raw key');
}

=== TEST 8: 64 KiB of a key and of a path
--- http_config
    large_client_header_buffers 4 128k;
    api_event_handlers * log prefix=LINE;
    api_event_handlers * log prefix=JSON format=json;
    api_event_handlers * webhook url=$HOOK/ok;
--- config
    location /a { api_id a; api_event_key raw; empty_gif; }
--- request eval
"GET /a" . "\xff" x 65536
--- more_headers eval
"Authorization: " . "\"" x 65536
--- error_code: 403
--- recorded_check eval
sub {
    is(length $_[0]{json}{path}, 65538, 'path');
    is($_[0]{json}{key}, '"' x 65536, 'key');
}
--- check eval
sub {
    is(scalar(() = log_lines('LINE')), 1, 'one line');
    is(scalar(() = log_lines('JSON')), 1, 'one line of JSON');

    my ($line) = log_lines('LINE');
    like($line, qr{ LINE:AuthFailure:\*{4}"{4}:\S{1000}.*id: evt_\S+, raised \S+ ago$},
         'the line is cut, but not its id');
    ($line) = log_lines('JSON');
    like($line, qr{ JSON \{.*id: evt_\S+, raised \S+ ago$},
         'the JSON line is cut, but not its id');
}

=== TEST 9: a header with a CR or a NUL never gets as far
--- http_config
    api_event_handlers * log prefix=LINE;
--- raw_request eval
["GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: a\x00b\r\nConnection: close\r\n\r\n",
 "GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: a\rLINE\r\nConnection: close\r\n\r\n"]
--- error_code eval
[400, 403]
--- check eval
sub { cmp_ok(scalar(() = log_lines('LINE:', 0)), '<=', 1, 'lines') }

=== TEST 10: what a key's file says of a key
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers * log prefix=JSON format=json;
--- user_files
>>> keys.json
{"old-key-0123456789": {"expires": 1, "access_rights": {"a": {}},
                        "alias": "a\n[x] \"b\" \u2028\u0000"}}
--- request
GET /a
--- more_headers
Authorization: old-key-0123456789
--- error_code: 401
--- check eval
sub {
    my ($line) = log_lines('JSON {');
    my ($text) = $line =~ /JSON (\{.*\}) id: /;

    is(JSON::XS::decode_json($text)->{Meta}{KeyAlias},
       "a\n[x] \"b\" \x{2028}\0", 'KeyAlias');
}

=== TEST 11: what only a dry run would have refused says so
--- http_config
    api_event_handlers * log prefix=LINE;
    api_event_handlers * log prefix=JSON format=json;
--- config
    location /b {
        api_id b;
        api_auth off;
        api_rate 1r/d key=$arg_k;
        api_rate 1r/d dry_run;
        empty_gif;
    }
--- request eval
["GET /b", "GET /b", "GET /b?k=1", "GET /b?k=1"]
--- error_code eval
[200, 200, 200, 429]
--- check eval
sub {
    my $lines = sub {
        my @lines = error_log_text() =~ /$_[0].*RatelimitExceeded.* (id: .*)/g;
        s/id: \S+ | \S+ ago$//g for @lines;
        return CORE::join '; ', @lines;
    };

    ok(wait_for(sub { $lines->('LINE') =~ /.*;.*;/ }), 'three');
    is($lines->('LINE'), 'dry run, raised; dry run, raised; raised', 'line');
    ok(wait_for(sub { $lines->('JSON') =~ /.*;.*;/ }), 'three');
    is($lines->('JSON'), 'raised; raised; raised', 'JSON says it itself');
}
