# Versions of an API: which one is asked for, what is refused and how, what the
# key may use, what goes upstream.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

run_tests();

__DATA__

=== TEST 1: by a header: named, none, unknown, expired
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_version header=X-Api-Version v1 v2 v0=2020-01-31T00:00;
        empty_gif;
    }
--- request eval
[map "GET /a", 1 .. 7]
--- more_headers eval
["X-Api-Version: v1", "x-api-version: v2", "", "X-Api-Version:",
 "X-Api-Version: v3", "X-Api-Version: V1", "X-Api-Version: v0"]
--- error_code eval
[200, 200, 403, 403, 403, 403, 403]
--- response_body_like eval
['GIF', 'GIF', ('^\{\n    "error": "Version information not found"\n\}$') x 2,
 ('^\{\n    "error": "This API version does not seem to exist"\n\}$') x 2,
 '^\{\n    "error": "Api Version has expired, please check documentation or contact administrator"\n\}$']
--- recorded_count: 5
--- recorded_check eval
sub {
    my %reasons;

    for (@_) {
        event($_, 'VersionFailure',
              Message => 'Attempted access to disallowed version / path.',
              Path => '/a',
              Key => '',
              KeyID => '',
              Origin => qr/^127\.0\.0\.1:\d+$/,
              APIID => 'orders',
              OrgID => 'acme');
        is_deeply($_->{json}{Meta}, $_->{json}{EventMetaData}, 'Meta');
        $reasons{$_->{json}{Meta}{Reason}}++;
    }

    is_deeply(\%reasons, {
        'Version information not found' => 2,
        'This API version does not seem to exist' => 2,
        'Api Version has expired, please check documentation or contact administrator' => 1,
    }, 'reasons');
}

=== TEST 2: the default is for none, not for an unknown one
--- config
    add_header X-Version $api_version;
    api_auth off;
    location /a {
        api_id a;
        api_version header=x-api-version default=v1 v1 v2;
        empty_gif;
    }
    location /b {
        api_id b;
        api_version header=x-api-version default=v1 fallback v1 v2;
        empty_gif;
    }
    location /c {
        api_id c;
        api_version header=x-api-version default=v0 v0=2020-01-01T00:00;
        empty_gif;
    }
    location /d { api_id d; empty_gif; }
--- request eval
[map "GET /$_", qw(a a a a b b b c d)]
--- more_headers eval
["", "x-api-version: v1", "x-api-version: v2", "x-api-version: v3",
 "", "x-api-version: v2", "x-api-version: v3", "", "x-api-version: v3"]
--- error_code eval
[200, 200, 200, 403, 200, 200, 200, 403, 200]
--- response_headers eval
["X-Version: v1", "X-Version: v1", "X-Version: v2", "X-Version:",
 "X-Version: v1", "X-Version: v2", "X-Version: v1", "X-Version:",
 "X-Version:"]

=== TEST 3: by an argument
--- config
    add_header X-Version $api_version;
    location /a {
        api_id orders;
        api_auth off;
        api_version query=v v1 2.0 a+b;
        empty_gif;
    }
--- request eval
["GET /a?v=v1", "GET /a?x=1&v=2.0&v=9", "GET /a?%76=a%2Bb", "GET /a?v=",
 "GET /a", "GET /a?v=v2", "GET /a?vv=v1"]
--- error_code eval
[200, 200, 200, 403, 403, 403, 403]
--- response_body_like eval
['GIF', 'GIF', 'GIF', 'not found', 'not found', 'seem to exist', 'not found']

=== TEST 4: by the path: the first segment behind the location's prefix
--- config
    add_header X-Version $api_version;
    api_auth off;
    location /orders/ {
        api_id orders;
        api_version url v1 v2;
        empty_gif;

        location ~ \.gif$ { add_header X-Version $api_version; empty_gif; }
    }
    location /plain {
        api_id plain;
        api_version url default=v1 v1 v2;
        empty_gif;
    }
    location ~ ^/(v1|v9)/regex {
        api_id regex;
        api_version url v1;
        empty_gif;
    }
--- request eval
["GET /orders/v1/x", "GET /orders/v2", "GET /orders/v2/", "GET /orders/%76%31/x",
 "GET /orders/", "GET /orders/v3/v1", "GET /orders/v1/x.gif",
 "GET /plain", "GET /plain/", "GET /plain/v2?x", "GET /plain/x",
 "GET /v1/regex", "GET /v9/regex"]
--- error_code eval
[200, 200, 200, 200, 403, 403, 200, 200, 200, 200, 403, 200, 403]
--- response_body_like eval
['GIF', 'GIF', 'GIF', 'GIF', 'not found', 'seem to exist', 'GIF', 'GIF', 'GIF',
 'GIF', 'seem to exist', 'GIF', 'seem to exist']
--- response_headers eval
["X-Version: v1", "X-Version: v2", "X-Version: v2", "X-Version: v1",
 "X-Version:", "X-Version:", "X-Version: v1", "X-Version: v1",
 "X-Version: v1", "X-Version: v2", "X-Version:", "X-Version: v1",
 "X-Version:"]

=== TEST 5: a version that will expire is announced, on refusals too
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version v1 v2=2099-12-31T23:59
                    "v3=2099-12-31 23:59:58" v4=2020-02-29T12:00:00;
        empty_gif;
    }
    location /p {
        api_id orders;
        api_version header=x-api-version v2=2099-12-31T23:59;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up;
    }
    location /up { empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a", "GET /a", "GET /p"]
--- more_headers eval
["X-Api-Version: v1\nAuthorization: short",
 "X-Api-Version: v2\nAuthorization: short",
 "X-Api-Version: v3\nAuthorization: short",
 "X-Api-Version: v4\nAuthorization: short",
 "X-Api-Version: v2\nAuthorization: bad",
 "X-Api-Version: v2\nAuthorization: vers-key"]
--- user_files
>>> keys.json
{"short": {"access_rights": {"orders": {"versions": ["v1", "v2", "v3", "v4"]}}},
 "vers-key": {"access_rights": {"orders": {"versions": ["v2"]}}}}
--- error_code eval
[200, 200, 200, 403, 403, 200]
--- response_headers eval
["X-Tyk-Api-Expires:", "X-Tyk-Api-Expires: Thu, 31 Dec 2099 23:59:00 GMT",
 "X-Tyk-Api-Expires: Thu, 31 Dec 2099 23:59:58 GMT", "X-Tyk-Api-Expires:",
 "X-Tyk-Api-Expires: Thu, 31 Dec 2099 23:59:00 GMT",
 "X-Tyk-Api-Expires: Thu, 31 Dec 2099 23:59:00 GMT"]

=== TEST 6: a version that the key was not given
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version default=v1 v1 v2 v3;
        empty_gif;
    }
    location /n { api_id orders; empty_gif; }
--- user_files
>>> keys.json
{"one-key-0123456789": {"access_rights": {"orders": {"versions": ["v1"]}},
                        "alias": "One"},
 "two-key-0123456789": {"access_rights": {"orders": {"versions": ["v1", "v2"]}}},
 "nil-key-0123456789": {"access_rights": {"orders": {"versions": []}}},
 "all-key-0123456789": {"access_rights": {"orders": {}}}}
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a", "GET /a", "GET /a", "GET /n", "GET /n"]
--- more_headers eval
["Authorization: one-key-0123456789",
 "Authorization: two-key-0123456789\nx-api-version: v2",
 "Authorization: one-key-0123456789\nx-api-version: v2",
 "Authorization: two-key-0123456789\nx-api-version: v3",
 "Authorization: nil-key-0123456789",
 "Authorization: all-key-0123456789",
 "Authorization: nil-key-0123456789",
 "Authorization: all-key-0123456789"]
--- error_code eval
[200, 200, 403, 403, 403, 403, 200, 200]
--- response_body_like eval
['GIF', 'GIF', ('^\{\n    "error": "Access to this API has been disallowed"\n\}$') x 4, 'GIF', 'GIF']
--- recorded_count: 4
--- recorded_check eval
sub {
    event($_, 'VersionFailure',
          Message => 'Attempted access to disallowed version / path.',
          Reason => 'Access to this API has been disallowed',
          Key => '****6789',
          KeyID => qr/^[0-9a-f]{32}$/) for @_;
    event((grep { $_->{json}{Meta}{KeyAlias} } @_), 'VersionFailure',
          KeyAlias => 'One');
}

=== TEST 7: versions come before the credential, and charge nothing
--- config
    location /a {
        api_id orders;
        api_quota 1/1d;
        api_version header=x-api-version v1 v2;
        empty_gif;
    }
--- user_files
>>> keys.json
{"one": {"access_rights": {"orders": {"versions": ["v1"]}},
         "quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
[map "GET /a", 1 .. 5]
--- more_headers eval
["", "Authorization: bad\nx-api-version: v9",
 "Authorization: one\nx-api-version: v9",
 "Authorization: one\nx-api-version: v2",
 "Authorization: one\nx-api-version: v1"]
--- error_code eval
[403, 403, 403, 403, 200]
--- response_body_like eval
['Version information', 'not seem to exist', 'not seem to exist',
 'Access to this API', 'GIF']

=== TEST 8: a master key may use all of them
--- http_config
    api_master_keys on;
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version default=v1 v1 v2;
        empty_gif;
    }
--- user_files
>>> keys.json
{"master": {"access_rights": {}}}
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["Authorization: master", "Authorization: master\nx-api-version: v2"]
--- error_code eval
[200, 200]

=== TEST 9: what named it goes upstream, or not
--- config
    location /h { api_id h; api_auth off; api_version header=x-api-version default=v1 v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /sh { api_id h; api_auth off; api_version strip header=X-Api-Version default=v1 v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /q { api_id q; api_auth off; api_version query=v v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /sq { api_id q; api_auth off; api_version query=v strip v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /u { api_id u; api_auth off; api_version url v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /su/ { api_id u; api_auth off; api_version url strip default=v1 fallback v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /st/ { api_id u; api_auth off; api_version url strip v1;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/base/; }
--- recorder
--- request
GET /h
--- more_headers
X-Api-Version: v1
--- check eval
sub {
    http_get('/sh?a', undef, "X-One: 1\r\nX-Api-Version: v1\r\nX-Two: 2\r\nX-API-VERSION: v2\r\n");
    http_get('/sh?b', undef, "X-One: 1\r\n");
    http_get($_) for '/q?v=v1&a=1', '/sq?a=1&v=v1&b=%20&%76=v2', '/sq?v=v1',
        '/sq//x?a&v=v1', '/u/v1/x', '/su/v1/x?y', '/su/v1', '/su/v2/x',
        '/su/v1/v1', '/st/v1/x%20y?z=1';

    my @got = recorded();

    is_deeply([map $_->{uri}, @got], [
       '/h', '/sh?a', '/sh?b', '/q?v=v1&a=1', '/sq?a=1&b=%20', '/sq',
       '/sq/x?a', '/u/v1/x', '/su/x?y', '/su/', '/su/v2/x', '/su/v1',
       '/base/x%20y?z=1'], 'uris');
    is($got[0]{headers}{'x-api-version'}, 'v1', 'kept');
    is($got[1]{headers}{'x-api-version'}, undef, 'stripped');
    is($got[1]{headers}{'x-one'} . $got[1]{headers}{'x-two'}, '12', 'others');
    is($got[2]{headers}{'x-one'}, '1', 'nothing to strip');
}

=== TEST 10: refusals' OriginatingRequest has what would have been stripped
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version strip v1;
        empty_gif;
    }
--- request
GET /a
--- more_headers
X-Api-Version: v1
Authorization: unknown
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub { like(originating($_[0]), qr/X-Api-Version: v1\r\n/, 'header') }

=== TEST 11: a level inherits versions, replaces them, or switches them off
--- http_config
    api_auth off;
    api_version header=x-api-version v1;
--- config
    location /a { api_id a; empty_gif; }
    location /b { api_id b; api_version query=v v2; empty_gif; }
    location /c { api_id c; api_version off; empty_gif; }
    location /d { empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /b?v=v2", "GET /b", "GET /c", "GET /d"]
--- more_headers eval
["x-api-version: v1", "", "", "x-api-version: v1", "", ""]
--- error_code eval
[200, 403, 200, 403, 200, 200]

=== TEST 12: an internal redirect asks for no other version
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_version url v1;
        try_files /nothing /b;
    }
    location /b {
        api_id b;
        api_auth off;
        api_version url v2;
        empty_gif;
    }
--- request eval
["GET /a/v1/x", "GET /a/v2", "GET /b/v2"]
--- error_code eval
[200, 403, 200]

=== TEST 13: an error page of its own
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_version header=x-api-version default=v1 v1;
        error_page 403 /page;
        empty_gif;
    }
    location = /page { internal; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["", "x-api-version: no"]
--- error_code eval
[200, 403]
--- response_body_like eval
['GIF', 'GIF']

=== TEST 14: satisfy any does not undo an unknown version, but a key's
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version v1;
        satisfy any;
        allow all;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["Authorization: good-key-0123456789\nx-api-version: v2",
 "Authorization: good-key-0123456789\nx-api-version: v1"]
--- error_code eval
[403, 200]

=== TEST 15: the log handler, and variables in a log
--- http_config
    api_event_handlers * log prefix=V;
    log_format t '$api_version|$api_decision|$status';
--- config
    access_log $TEST_NGINX_SERVER_ROOT/logs/t.log t;
    location /a {
        api_id orders;
        api_auth off;
        api_version header=x-api-version v1;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["x-api-version: v1", "x-api-version: v2"]
--- error_code eval
[200, 403]
--- check eval
sub {
    my $text;

    ok(wait_for(sub { error_log_text() =~ /V:VersionFailure/ }), 'line');
    wait_for(sub {
        local (@ARGV, $/) = "$Test::Nginx::Util::ServRoot/logs/t.log";
        return ($text = <> // '') =~ /Failure/;
    });
    is($text, "v1|allowed|200\n-|VersionFailure|403\n", 'log');
}

=== TEST 16: HEAD, XML and workers
--- workers: 2
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_version header=x-api-version v1;
        empty_gif;
    }
--- request eval
["HEAD /a", "POST /a\n<x/>"]
--- more_headers eval
["", "Content-Type: text/xml"]
--- error_code eval
[403, 403]
--- response_body_like eval
['^$', '<error>Version information not found</error>$']

=== TEST 17: api_limit_status sets the status of all of them
--- config
    api_limit_status version=404;
    location /a {
        api_id orders;
        api_version header=x-api-version v1 v2;
        empty_gif;
    }
--- user_files
>>> keys.json
{"one": {"access_rights": {"orders": {"versions": ["v1"]}}}}
--- request eval
[map "GET /a", 1 .. 4]
--- more_headers eval
["", "x-api-version: v3", "x-api-version: v2\nAuthorization: one",
 "x-api-version: v1\nAuthorization: one"]
--- error_code eval
[404, 404, 404, 200]

=== TEST 18: files below a version, with and without strip
--- config
    api_auth off;
    location /kept/ { api_id kept; api_version url v1; root html; }
    location /root/ { api_id root; api_version url strip v1; root html; }
    location /alias/ { api_id alias; api_version url strip v1;
                       alias html/data/; }
    location /try/ { api_id try; api_version url strip v1; root html;
                     try_files /none $uri.txt =404; }
--- user_files
>>> kept/v1/a.txt
kept
>>> root/a.txt
root
>>> data/a.txt
alias
>>> try/a.txt
try
--- request eval
["GET /kept/v1/a.txt", "GET /root/v1/a.txt", "GET /alias/v1/a.txt",
 "GET /try/v1/a", "GET /alias/v1/v1"]
--- error_code eval
[200, 200, 200, 200, 404]
--- response_body_like eval
['^kept', '^root', '^alias', '^try', '404']
--- response_headers eval
["Content-Type: text/plain", "Content-Type: text/plain",
 "Content-Type: text/plain", "Content-Type: text/plain", ""]

=== TEST 19: policies give versions too
--- http_config
    api_policies $TEST_NGINX_SERVER_ROOT/html/policies.json;
--- config
    location /a {
        api_id orders;
        api_version header=x-api-version v1 v2 v3;
        empty_gif;
    }
--- user_files
>>> policies.json
{"one": {"id": "one", "active": true,
         "access_rights": {"orders": {"versions": ["v1"]}}},
 "two": {"id": "two", "active": true,
         "access_rights": {"orders": {"versions": ["v2"]}}}}
>>> keys.json
{"key": {"apply_policies": ["one", "two"]}}
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers eval
[map "Authorization: key\nx-api-version: v$_", 1 .. 3]
--- error_code eval
[200, 200, 403]
