# Organisations: what their sessions forbid, and whom their limits count.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;


    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_org_keys $TEST_NGINX_SERVER_ROOT/html/orgs.json;
END
});

run_tests();

__DATA__

=== TEST 1: one that is inactive lets nobody in, and is no event
--- config
    location /a { api_id orders; empty_gif; }
    location /k { api_id k; api_auth off; empty_gif; }
    location /o { api_id orders; api_org other; empty_gif; }
    location /n { api_id orders; api_org off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"is_inactive": true}}
--- request eval
["GET /a", "GET /k", "GET /a", "GET /o", "GET /n"]
--- more_headers eval
["Authorization: good-key-0123456789", "", "Authorization: bad",
 ("Authorization: good-key-0123456789") x 2]
--- error_code eval
[403, 403, 403, 200, 200]
--- response_body_like eval
[('^\{\n    "error": "this organisation access has been disabled, please contact your API administrator"\n\}$') x 3, 'GIF', 'GIF']
--- metrics
apievents_events_raised_total 0

=== TEST 2: its rate: status, text and event
--- config
    location /a { api_id orders; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"rate": 2, "per": 60}}
--- request eval
["GET /a", "GET /a", "GET /a?b"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200, 403]
--- response_body_like eval
['GIF', 'GIF', '^\{\n    "error": "This organisation rate limit has been exceeded, please contact your API administrator"\n\}$']
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'OrgRateLimitExceeded',
          Message => 'Organisation rate limit has been exceeded',
          Path => '/a',
          Key => 'acme',
          KeyID => qr/^[0-9a-f]{32}$/,
          KeyAlias => '',
          Origin => qr/^127\.0\.0\.1:\d+$/,
          DryRun => undef,
          APIID => 'orders',
          OrgID => 'acme');
    is_deeply($_[0]{json}{Meta}, $_[0]{json}{EventMetaData}, 'both names');
    is($_[0]{json}{Type}, 'OrgRateLimitExceeded', 'Type');
}

=== TEST 3: its quota: status, text and event
--- config
    location /a { api_id orders; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
["GET /a", "GET /a"]
--- more_headers eval
["Authorization: good-key-0123456789", "Authorization: short"]
--- error_code eval
[200, 403]
--- response_body_like eval
['GIF', '^\{\n    "error": "This organisation quota has been exceeded, please contact your API administrator"\n\}$']
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'OrgQuotaExceeded',
          Message => 'Organisation quota has been exceeded',
          Path => '/a', Key => 'acme', Sequence => 1,
          APIID => 'orders', OrgID => 'acme');
}

=== TEST 4: it counts all keys and all APIs of the organisation, keyless too
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id b; empty_gif; }
    location /k { api_id k; api_auth off; empty_gif; }
    location /o { api_id orders; api_org other; empty_gif; }
    location /n { api_id k; api_org off; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 4, "quota_renewal_rate": 3600}, "empty": {}}
--- request eval
[map "GET /$_", qw(a b k a o a k n)]
--- more_headers eval
[map { /k/ ? '' : "Authorization: $_-key-0123456789" }
     qw(good wide k org org good k k)]
--- error_code eval
[200, 200, 200, 200, 200, 403, 403, 200]

=== TEST 5: of the API, not of the key
--- config
    location /a { api_id orders; empty_gif; }
    location /n { api_id orders; api_org off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 1, "quota_renewal_rate": 3600},
 "other": {"is_inactive": true}}
--- request eval
["GET /a", "GET /a", "GET /n"]
--- more_headers
Authorization: org-key-0123456789
--- error_code eval
[200, 403, 200]
--- recorded_count: 1
--- recorded_check eval
sub {
    event($_[0], 'OrgQuotaExceeded', Key => 'acme', OrgID => 'acme');
}

=== TEST 6: who is refused for the key is not counted
--- config
    location /a { api_id orders; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"rate": 1, "per": 3600, "quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
[map "GET /a", 1 .. 7]
--- more_headers eval
["", map "Authorization: $_-key-0123456789",
 qw(bad expired foreign inactive good good)]
--- error_code eval
[401, 403, 401, 403, 403, 200, 403]
--- response_body_like eval
['field missing', 'disallowed', 'expired', 'disallowed', 'inactive', 'GIF', 'This organisation rate limit']

=== TEST 7: who is refused by a limit is not counted
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id b; api_auth off; api_rate 1r/d; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 5, "quota_renewal_rate": 3600}}
--- request eval
[map "GET /$_", qw(a a a a b b b a a)]
--- more_headers eval
[map { /k/ ? '' : "Authorization: $_-key-0123456789" }
     qw(rate rate rate rate k k k good good)]
--- error_code eval
[200, 200, 429, 429, 200, 429, 429, 200, 200]
--- metrics
apievents_events_raised_total 4

=== TEST 8: it is asked before the credential, and refuses first
--- config
    location /a { api_id orders; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"rate": 1, "per": 3600}}
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
["Authorization: good-key-0123456789", "", "Authorization: bad",
 "Authorization: expired-key-0123456789"]
--- error_code eval
[200, 403, 403, 403]
--- response_body_like eval
['GIF', ('This organisation rate limit') x 3]

=== TEST 9: whom it refuses, no other limit counts
--- config
    location /a { api_id orders; api_quota 4/1d; empty_gif; }
    location /o { api_id orders; api_org off; api_quota 3/1d; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
[map "GET /$_", qw(a a a a o o)]
--- more_headers
Authorization: quota-key-0123456789
--- error_code eval
[200, 403, 403, 403, 200, 403]
--- response_body_like eval
['GIF', ('This organisation quota') x 3, 'GIF', '"Quota exceeded"']

=== TEST 10: rate before quota
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"rate": 1, "per": 3600, "quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 403]
--- response_body_like eval
['GIF', 'This organisation rate limit']

=== TEST 11: no limit, or none above 0, is unlimited; expiry means nothing
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"rate": 0, "quota_max": -1, "expires": 1}}
--- request eval
[map "GET /a", 1 .. 3]
--- error_code eval
[200, 200, 200]

=== TEST 12: one that has no session is not limited
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"other": {"is_inactive": true}}
--- request
GET /a
--- error_code: 200

=== TEST 13: what another module refuses is given back
--- config
    location /a {
        api_id orders;
        api_auth off;
        auth_request /auth;
        empty_gif;
    }
    location = /auth {
        if ($request_uri ~ ok) { return 204; }
        return 403;
    }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
["GET /a", "GET /a", "GET /a?ok", "GET /a?ok"]
--- error_code eval
[403, 403, 200, 403]
--- response_body_like eval
['', '', 'GIF', 'This organisation quota']

=== TEST 14: satisfy any does not undo its refusal
--- config
    location /a {
        api_id orders;
        satisfy any;
        allow all;
        empty_gif;
    }
    location /b {
        api_id orders;
        satisfy any;
        deny all;
        empty_gif;
    }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 2, "quota_renewal_rate": 3600}}
--- request eval
["GET /a", "GET /b", "GET /a", "GET /b"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 200, 403, 403]
--- response_body_like eval
['GIF', 'GIF', 'This organisation quota', 'This organisation quota']

=== TEST 15: the log handler's line has the organisation
--- http_config
    api_event_handlers * log prefix=ORG;
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 1, "quota_renewal_rate": 3600}}
--- request
GET /a
--- check eval
sub {
    is((http_get('/a'))[0], 403, 'refused');
    ok(wait_for(sub { error_log_text() =~ /ORG:OrgQuotaExceeded.*acme/ }),
       'line');
}

=== TEST 16: variables
--- http_config
    log_format t '$api_decision|$api_rate_remaining|$api_quota_remaining|$api_org|$api_key_id';
--- config
    access_log $TEST_NGINX_SERVER_ROOT/logs/t.log t;
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"rate": 9, "per": 3600, "quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 403]
--- check eval
sub {
    my $file = "$Test::Nginx::Util::ServRoot/logs/t.log";
    my $text;

    wait_for(sub {
        local (@ARGV, $/) = $file;
        $text = <>;
        return ($text // '') =~ /Exceeded/;
    });
    is($text, "allowed|8|0|acme|-\nOrgQuotaExceeded|8|0|acme|-\n", 'log');
}

=== TEST 17: workers share its counters, nobody is let in too often
--- workers: 2
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 10, "quota_renewal_rate": 3600}}
--- request
GET /a
--- check eval
sub {
    my (%codes, @pids);

    for (1 .. 4) {
        my $pid = fork // die;

        if (!$pid) {
            http_get('/a') for 1 .. 5;
            require POSIX;
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    waitpid $_, 0 for @pids;

    is((http_get('/a'))[0], 403, 'used up');
    is(metrics()->('apievents_events_raised_total'), 12, 'refused of 22');
}
--- metrics
apievents_events_raised_total 0

=== TEST 18: OriginatingRequest of its events
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 1, "quota_renewal_rate": 3600}}
--- request eval
["GET /a", "POST /a?x=1\nbody"]
--- error_code eval
[200, 403]
--- recorded_count: 1
--- recorded_check eval
sub {
    like(originating($_[0]), qr{^POST /a\?x=1 HTTP/1\.1\r\n.*\r\n\r\nbody$}s,
         'request');
}

=== TEST 19: a path that needs no key counts all the same
--- config
    location /a/ {
        api_definition ../html/a.json;
        api_org acme;
        api_rate 2r/d mode=window key=$arg_k;
        empty_gif;
    }
--- user_files
>>> orgs.json
{"acme": {"quota_max": 3, "quota_renewal_rate": 3600}}
>>> a.json
{"api_id": "orders", "name": "o", "proxy": {"listen_path": "/a/"},
 "version_data": {"not_versioned": true, "versions": {"Default": {
  "name": "Default", "paths": {"ignored": ["/ping"]}}}}}
--- request eval
[map "GET /a/$_", qw(ping?k=1 x ping?k=1 ping?k=1 ping ping)]
--- error_code eval
[200, 401, 200, 429, 200, 403]
--- response_body_like eval
['GIF', 'field missing', 'GIF', 'API Rate Limit', 'GIF',
 'This organisation quota']
