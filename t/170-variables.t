# The gate's variables.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    $block->set_value(http_config => <<'END' . $http);
    log_format gate 'id=$api_id org=$api_org key=$api_key_id '
                    'alias=$api_key_alias rate=$api_rate_remaining '
                    'quota=$api_quota_remaining reset=$api_quota_reset '
                    'event=$api_event_id decision=$api_decision '
                    'uri=$api_safe_uri';
    access_log logs/gate.log gate;
END
});

run_tests();

sub log_lines {
    open my $in, '<', "$Test::Nginx::Util::ServRoot/logs/gate.log" or return;
    return map { chomp; $_ } <$in>;
}

BEGIN {
    no strict 'refs';
    *{'Test::Base::Filter::log_lines'} = \&log_lines;
}

__DATA__

=== TEST 1: no API, no values
--- config
    location /a { empty_gif; }
--- request
GET /a?x
--- check eval
sub {
    my ($line) = log_lines();
    is($line, 'id=- org=- key=- alias=- rate=- quota=- reset=- event=- '
              . 'decision=- uri=-', 'the line');
}

=== TEST 2: a request that passed
--- config
    location /a { api_id orders; api_rate 10r/d burst=5; empty_gif; }
--- request
GET /a?x=1
--- more_headers
Authorization: quota-key-0123456789
--- check eval
sub {
    my ($line) = log_lines();
    my ($reset) = $line =~ /reset=(\d+)/;

    like($line, qr/^id=orders org=acme key=[0-9a-f]{32} alias=- rate=5 /,
         'its start');
    like($line, qr/ quota=1 reset=\d+ event=- decision=allowed uri=\/a\?x=1$/,
         'its end');
    cmp_ok(abs($reset - time - 3600), '<', 10, 'unix time of the next period');
}

=== TEST 3: a request that was refused
--- config
    location /a { api_id invoices; api_auth query=k; empty_gif; }
--- request
GET /a?k=good-key-0123456789&x=y
--- error_code: 403
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($line) = log_lines();
    my $id = $_[0]{json}{ID};
    my $key = $_[0]{json}{EventMetaData}{KeyID};

    is($line, "id=invoices org=acme key=$key alias=Alice rate=- quota=- "
              . "reset=- event=$id decision=AuthFailure uri=/a?k=***&x=y",
       'the line');
}

=== TEST 4: what is left is never negative, and the least of several
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_rate 2r/d mode=window;
        api_rate 3r/d mode=window;
        api_quota 4/1d;
        api_quota 3/1h;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 429]
--- check eval
sub {
    is(CORE::join(' ', map { /rate=(\d+) quota=(\d+)/ } log_lines()),
       '1 2 0 1 0 1', 'remaining');
}

=== TEST 5: a quota that is never renewed has no reset
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: both-key-0123456789
--- check eval
sub { like((log_lines())[0], qr/ rate=2 quota=1 reset=- /, 'the line') }

=== TEST 6: in headers, also of refusals and error pages
--- config
    add_header X-Decision "$api_decision $api_id" always;
    error_page 403 /page;
    location /a { api_id orders; api_auth query=k; empty_gif; }
    location /page { empty_gif; }
--- request eval
["GET /a", "GET /a?k=bad", "GET /a?k=good-key-0123456789"]
--- error_code eval
[401, 403, 200]
--- response_headers eval
["X-Decision: AuthFailure orders", "X-Decision: AuthFailure orders",
 "X-Decision: allowed orders"]

=== TEST 7: the event's id is known when a header is made
--- config
    add_header X-Event $api_event_id always;
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; satisfy any; deny all; empty_gif; }
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[401, 401]
--- response_headers_like eval
[("X-Event: evt_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
 x 2]

=== TEST 8: before the gate there is an API, but no decision
--- config
    location /a {
        api_id orders;
        api_auth query=k;
        set $early "$api_id $api_org $api_decision $api_safe_uri";
        add_header X-Early $early always;
        empty_gif;
    }
--- request
GET /a?k=secret
--- error_code: 403
--- response_headers
X-Early: orders acme  /a?k=***

=== TEST 9: upstreams get them
--- config
    location /a {
        api_id orders;
        proxy_set_header X-Key-Id $api_key_id;
        proxy_set_header X-Alias $api_key_alias;
        proxy_set_header X-None "$api_event_id";
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- request
GET /a
--- more_headers
Authorization: good-key-0123456789
--- recorded_count: 1
--- recorded_check eval
sub {
    my $h = $_[0]{headers};
    is($h->{'x-alias'}, 'Alice', 'alias');
    like($h->{'x-key-id'}, qr/^[0-9a-f]{32}$/, 'KeyID');
    ok(!exists $h->{'x-none'}, 'no event');
}

=== TEST 10: a location without a gate within an API still hides credentials
--- config
    api_id orders;
    api_auth query=k;
    location /a { return 204; }
--- request
GET /a?%6B=secret&k
--- error_code: 204
--- check eval
sub { like((log_lines())[0], qr{ decision=- uri=/a\?%6B=\*\*\*&k$}, 'the line') }

=== TEST 11: a credential in a refused request's error page
--- config
    error_page 403 /page;
    location /a { api_id orders; api_auth query=k; empty_gif; }
    location /page { return 200; }
--- request
GET /a?k=secret
--- error_code: 403
--- check eval
sub { like((log_lines())[0], qr{ uri=/a\?k=\*\*\*$}, 'the line') }

=== TEST 12: all of them, and each decision
--- http_config
    log_format all '$uri: $api_decision $api_id $api_org $api_key_id '
                   '$api_key_alias $api_version $api_rate_remaining '
                   '$api_quota_remaining $api_quota_reset $api_breaker_state '
                   '$api_event_id $api_safe_uri';
    access_log logs/all.log all;
--- user_files
>>> keys.json
{"good": {"alias": "Alice", "access_rights": {"orders": {"versions": ["v2"]}}},
 "gone": {"expires": 1, "access_rights": {"orders": {"versions": ["v2"]}}}}
>>> slow.json
{"api_id": "slow", "use_keyless": true, "version_data": {
    "not_versioned": true, "versions": {"Default": {"extended_paths": {
        "hard_timeouts": [{"path": "/", "method": "GET", "timeout": 1}]}}}}}
--- config
    api_auth query=k;
    location = /allowed {
        api_id orders;
        api_version query=v default=v1 v1 v2;
        api_rate 10r/m burst=4;
        api_quota 5/1h;
        api_breaker;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    }
    location = /version { api_id orders; api_version query=v v1; empty_gif; }
    location = /rate { api_id r; api_auth off; api_rate 1r/d; empty_gif; }
    location = /quota { api_id q; api_auth off; api_quota 1/1d; empty_gif; }
    location = /breaker { api_id b; api_auth off; api_breaker samples=1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/fail; }
    location = /timeout {
        api_definition $TEST_NGINX_SERVER_ROOT/html/slow.json;
        api_auth off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/slow/3000;
    }
--- recorder
--- request eval
["GET /allowed?k=good&v=v2", "GET /allowed?k=bad",
 "GET /allowed?k=gone", "GET /version?v=v3", "GET /rate",
 "GET /rate", "GET /quota", "GET /quota", "GET /breaker", "GET /breaker",
 "GET /timeout"]
--- error_code eval
[200, 403, 401, 403, 200, 429, 200, 403, 500, 503, 504]
--- check eval
sub {
    my $id = qr/evt_[0-9a-f-]{36}/;
    my $key = qr/[0-9a-f]{32}/;
    my $time = qr/\d{10}/;
    my @want = (
        qr{allowed: allowed orders acme $key Alice v2 4 4 $time closed - /allowed\?k=\*\*\*&v=v2},
        qr{allowed: AuthFailure orders acme $key - v1 - - - - $id /allowed\?k=\*\*\*},
        qr{allowed: KeyExpired orders acme $key - v1 - - - - $id /allowed\?k=\*\*\*},
        qr{version: VersionFailure orders acme - - \S+ - - - - $id /version\?v=v3},
        qr{rate: allowed r acme - - - 0 - - - - /rate},
        qr{rate: RatelimitExceeded r acme - - - 0 - - - $id /rate},
        qr{quota: allowed q acme - - - - 0 $time - - /quota},
        qr{quota: QuotaExceeded q acme - - - - 0 $time - $id /quota},
        qr{breaker: allowed b acme - - - - - - \S+ - /breaker},
        qr{breaker: BreakerOpen b acme - - - - - - open - /breaker},
        qr{timeout: Timeout slow acme - - \S+ - - - - - /timeout},
    );
    my @lines;

    wait_for(sub {
        open my $in, '<', "$Test::Nginx::Util::ServRoot/logs/all.log";
        CORE::chomp(@lines = <$in>);
        return @lines == @want;
    });

    like($lines[$_], qr{^/$want[$_]$}, "line $_") for 0 .. $#want;
}

=== TEST 13: there is no other one
--- config
    location /a { set $x $api_versions; }
--- emerg
unknown "api_versions" variable
