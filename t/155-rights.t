# What a session may do at an API: limits of its own there, their counters, the
# paths and methods that are allowed or limited.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

my %LIMIT = (
    two   => '"limit": {"rate": 2, "per": 60}',
    quota => '"limit": {"quota_max": 2, "quota_renewal_rate": 3600}',
    none  => '"limit": {"rate": 0, "per": 0, "quota_max": 0}',
);

add_block_preprocessor(sub {
    my ($block) = @_;
    my $files = $block->user_files;

    $files =~ s/\$(two|quota|none)\b/$LIMIT{$1}/g;

    $block->set_value(user_files => $files);
    $block->set_value(http_config => "api_zone a:16m;\n"
                      . "api_keys ../html/keys.json;\n"
                      . ($block->http_config // ''));
    $block->set_value(config => <<'END' . ($block->config // ''))
    location /a { api_id a; empty_gif; }
    location /b { api_id b; empty_gif; }
    location /c { api_id c; empty_gif; }
END
        unless defined $block->emerg;

    # what is asked by the check alone
    $block->set_value(request => "GET /none")
        unless defined $block->request;
    $block->set_value(error_code => 404)
        unless defined $block->error_code;
});

no_root_location();
run_tests();


# GET $_ with the key K, each in a request of its own
sub statuses {
    return join ' ', map {
        my ($method, $uri) = /^(\S+) (\S+)$/ ? ($1, $2) : ('GET', $_);
        request($method, $uri, 'K')
    } @_;
}


sub request {
    my ($method, $uri, $key) = @_;
    my $port = $Test::Nginx::Util::ServerPortForClient;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port, Timeout => 3)
                 or die "connect: $!\n";

    print $socket "$method $uri HTTP/1.0\r\nAuthorization: $key\r\n\r\n";
    return (<$socket> // '') =~ /^HTTP\S+ (\d+)/ ? $1 : 'none';
}

__DATA__

=== TEST 1: an API's limit stands for all of the session's
--- user_files
>>> keys.json
{"K": {"rate": 1, "per": 60, "quota_max": 1, "quota_renewal_rate": 60,
       "access_rights": {"a": {$two}, "b": {$none}, "c": {}}}}
--- check eval
sub {
    is(main::statuses(qw(/a /a /a)), '200 200 429', 'its own');
    is(main::statuses(qw(/b /c)), '200 429', 'the session\'s are shared');
}

=== TEST 2: a quota, and each API counts for itself
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {$quota}, "b": {$quota}, "c": {}}}}
--- check eval
sub {
    is(main::statuses(qw(/a /a /a /b /b /b /c /c /c)),
       '200 200 403 200 200 403 200 200 200', 'statuses');
}

=== TEST 3: a scope is shared by the APIs that name it
--- user_files
>>> keys.json
{"K": {"quota_max": 3, "quota_renewal_rate": 60, "access_rights":
       {"a": {$quota, "allowance_scope": "s"},
        "b": {$quota, "allowance_scope": "s"},
        "c": {"allowance_scope": "own"}, "d": {}}}}
--- config
    location /d { api_id d; empty_gif; }
--- check eval
sub {
    is(main::statuses(qw(/a /b /a /b)), '200 200 403 403', 'one counter');
    is(main::statuses(qw(/c /c /c /c)), '200 200 200 403', 'a scope');
    is(main::statuses(qw(/d)), '200', 'beside the session\'s');
}

=== TEST 4: endpoints
--- user_files
>>> keys.json
{"K": {"rate": 1, "per": 60, "access_rights": {"a": {"endpoints": [
    {"path": "/a/{id}/x", "methods": [
        {"name": "get", "limit": {"rate": 2, "per": 60}},
        {"name": "HEAD", "limit": {"rate": 1, "per": 60}}]},
    {"path": "^/a/free", "methods": [{"name": "GET"}]}]}}}}
--- check eval
sub {
    is(main::statuses(qw(/a/1/x /a/2/x /a/3/x)), '200 200 429', 'a path');
    is(main::statuses('HEAD /a/1/x', 'HEAD /a/1/x'), '200 429', 'a method');
    is(main::statuses(('/a/free') x 3), '200 200 200', 'no limit');
    is(main::statuses(qw(/a/1 /a/1)), '200 429', 'elsewhere');
}

=== TEST 5: the quota goes on at an endpoint
--- user_files
>>> keys.json
{"K": {"quota_max": 2, "quota_renewal_rate": 60, "access_rights":
    {"a": {"endpoints": [{"path": "/a", "methods": [
        {"name": "GET", "limit": {"rate": 100, "per": 1}}]}]}}}}
--- check eval
sub { is(main::statuses(qw(/a /a /a)), '200 200 403', 'statuses') }

=== TEST 6: allowed URLs
--- user_files
>>> keys.json
{"K": {"rate": 3, "per": 60, "access_rights": {"a": {"allowed_urls": [
    {"url": "^/a/one$", "methods": ["GET"]},
    {"url": "/a/{id}/x", "methods": ["GET", "HEAD"]},
    {"url": "^/a/all", "methods": []}, {"url": "^/a/none"}]},
    "b": {"allowed_urls": []}}}}
--- check eval
sub {
    is(main::statuses('/a/one', '/a/one?x=/a/2/x', 'HEAD /a/one'),
       '200 200 403', 'a method');
    is(main::statuses('HEAD /a/2/x', '/a/two?x=/a/1/x', '/a/all', '/a/none'),
       '200 403 403 403', 'patterns');
    is(main::statuses('/b', '/a/one'), '429 429',
       'what was refused was not charged');
}

=== TEST 7: what an event tells of a URL that is not allowed
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {"allowed_urls": [
    {"url": "^/a/one$", "methods": ["GET"]}]}}}}
>>> event.txt
{{json .}}
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1
                       template=../html/event.txt;
--- request
GET /a/two
--- more_headers
Authorization: K
--- error_code: 403
--- response_body_like: "error": "Access to this resource has been disallowed"
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($e) = map { $_->{json} } @_;

    is($e->{EventType}, 'AuthFailure', 'type');
    is($e->{Meta}{Message}, 'Auth Failure', 'message');
    is($e->{Meta}{Reason}, 'Access to this resource has been disallowed',
       'reason');
}

=== TEST 8: of an API that is there twice the last counts
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {}, "b": {$two}, "a": {$two}, "c": {}}}}
--- check eval
sub { is(main::statuses(qw(/a /a /a /c /c /c)),
         '200 200 429 200 200 200', 'statuses') }

=== TEST 9: many APIs
--- user_files eval
">>> keys.json\n" . '{"K": {"access_rights": {'
. CORE::join(',', map { "\"x$_\": {\$two}" } 1 .. 3000)
. ', "a": {$two}, "b": {}}}}'
--- check eval
sub { is(main::statuses(qw(/a /a /a /b /b /b /c)),
         '200 200 429 200 200 200 403', 'statuses') }

=== TEST 10: disable_quota and disable_rate_limit
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {"limit": {"rate": 1, "per": 60, "quota_max": 1},
    "endpoints": [{"path": "/e", "methods": [
        {"name": "GET", "limit": {"rate": 1, "per": 60}}]}]}}}}
>>> d.json
{"api_id": "a", "disable_rate_limit": true, "disable_quota": true}
--- config
    location /d { api_definition ../html/d.json; empty_gif; }
--- check eval
sub {
    is(main::statuses(qw(/d /d /d/e /d/e)), '200 200 200 200', 'neither');
    is(main::statuses(qw(/a/e /a)), '200 403', 'both');
}

=== TEST 11: whom a rate_limit_pattern makes one
--- user_files
>>> keys.json
{"K":  {"rate": 2, "per": 60, "access_rights": {"a": {}, "b": {$quota}},
        "meta_data": {"client": "x", "n": 7,
                      "rate_limit_pattern": "$tyk_meta.client|$tyk_meta.n"}},
 "K2": {"rate": 2, "per": 60, "access_rights": {"a": {}, "b": {$quota}},
        "meta_data": {"rate_limit_pattern": "x|7"}},
 "K3": {"rate": 2, "per": 60, "access_rights": {"a": {}},
        "meta_data": {"client": "y", "n": 7,
                      "rate_limit_pattern": "$tyk_meta.client|$tyk_meta.n"}},
 "K4": {"rate": 2, "per": 60, "access_rights": {"a": {}},
        "meta_data": {"rate_limit_pattern": "$tyk_meta.none"}}}
>>> event.txt
{{json .}}
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1
                       template=../html/event.txt;
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a", "GET /a", "GET /b", "GET /b", "GET /b"]
--- more_headers eval
["Authorization: K", "Authorization: K2", "Authorization: K",
 "Authorization: K3", "Authorization: K4", "Authorization: K",
 "Authorization: K2", "Authorization: K2"]
--- error_code eval
[200, 200, 429, 200, 200, 200, 200, 403]
--- recorded_count: 2
--- recorded_check eval
sub {
    my %e = map { $_->{json}{EventType} => $_->{json} } @_;

    is($e{RatelimitExceeded}{Meta}{Key}, '****', 'the token');
    is($e{QuotaExceeded}{Meta}{Key}, 'x|7', 'the value');
    isnt($e{QuotaExceeded}{Meta}{KeyID}, undef, 'KeyID');
}

=== TEST 12: a regex that gives up is no way in
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {"allowed_urls": [
    {"url": "(x+x+)+y", "methods": ["GET"]}]}}}}
--- allow_log
ngx_regex_exec
pcre
--- request eval
["GET /a/" . 'x' x 60, "GET /a/xxxy"]
--- more_headers
Authorization: K
--- error_code eval
[403, 200]

=== TEST 13: a regex that does not compile
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {}}},
 "L": {"access_rights": {"a": {"allowed_urls": [
    {"url": "^/(a", "methods": ["GET"]}]}}}}
--- emerg eval
qr{keys\.json:3: "url" must be a regular expression: pcre\S+ failed: .* in "\^/\(a" .*nginx\.conf:}

=== TEST 14: nor does an endpoint's
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {"endpoints": [
    {"path": "[", "methods": [{"name": "GET"}]}]}}}}
--- emerg
keys.json:2: "path" must be a regular expression: pcre

=== TEST 15: too many of them
--- user_files eval
">>> keys.json\n" . '{"K": {"access_rights": {"a": {"allowed_urls": ['
. CORE::join(',', ('{"url": "a", "methods": ["GET"]}') x 1025) . ']}}}}'
--- emerg
keys.json:1: "allowed_urls" with at most 1024 entries is expected

=== TEST 16: an endpoint's limit of the wrong type
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {"endpoints": [
    {"path": "a", "methods": [{"name": "GET", "limit": {"rate": "1"}}]}]}}}}
--- emerg
keys.json:2: "rate" must be a number

=== TEST 17: a document shows what is left of each limit
--- user_files
>>> keys.json
{"K": {"quota_max": 9, "quota_renewal_rate": 60, "access_rights":
    {"a": {$quota, "api_name": "n"}, "b": {}, "c": {}}}}
>>> h.js
export default function (ctx) {
    var s = JSON.parse(ctx.TykGetKeyData(ctx.event.Meta.KeyID, 'a'));
    var a = s.access_rights.a;

    ctx.log('LOG ' + [s.quota_remaining, a.limit.quota_remaining,
                      a.limit.quota_max, a.api_name,
                      a.limit.quota_renews > Date.now() / 1000,
                      JSON.stringify(s.access_rights.b)].join(' '));
}
--- http_config
    api_event_handlers QuotaExceeded js path=../html/h.js;
--- log_level: info
--- request eval
["GET /a", "GET /b", "GET /a", "GET /a"]
--- more_headers
Authorization: K
--- error_code eval
[200, 200, 200, 403]
--- check eval
sub {
    ok(wait_for(sub { error_log_text() =~ /LOG 8 0 2 n true \{\}/ }), 'live');
}

=== TEST 18: a script sets a session anew
--- user_files
>>> keys.json
{"K": {"access_rights": {"a": {$quota, "endpoints": [{"path": "/a", "methods": [
    {"name": "GET", "limit": {"rate": 2, "per": 60}}]}]}}}}
>>> h.js
export default function (ctx) {
    var s = JSON.parse(ctx.TykGetKeyData(ctx.event.Meta.KeyID, 'a'));

    s.access_rights.a.allowed_urls = [{url: '^/a', methods: ['GET']}];
    ctx.TykSetKeyData(ctx.event.Meta.KeyID, JSON.stringify(s), '0');
}
--- http_config
    api_event_handlers RatelimitExceeded js path=../html/h.js;
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers
Authorization: K
--- error_code eval
[200, 200, 429]
--- check eval
sub {
    ok(wait_for(sub { main::statuses('/a') eq '200' }), 'counters are new');
    is(main::statuses(qw(/a /a)), '200 429', 'and count');
    is(main::statuses('HEAD /a'), '403', 'so are the rights');
}

=== TEST 19: which it cannot with a regex that does not compile
--- user_files
>>> keys.json
{"K": {"access_rights": {"b": {}}}}
>>> h.js
export default function (ctx) {
    ctx.TykSetKeyData(ctx.event.Meta.KeyID, JSON.stringify({access_rights:
        {a: {allowed_urls: [{url: '(', methods: ['GET']}]}}}), '0');
}
--- http_config
    api_event_handlers AuthFailure js path=../html/h.js;
--- request
GET /a
--- more_headers
Authorization: K
--- error_code: 403
--- error_log
must be a regular expression: pcre
--- check eval
sub { is(main::statuses('/b'), '200', 'the old session stands') }
