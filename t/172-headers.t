# api_limit_headers: X-RateLimit-*, RateLimit-Policy and RateLimit, Retry-After.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;
use Test::Nginx::Socket ();

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    return if defined $block->emerg;

    $block->set_value(http_config => <<'END' . $http);
    log_format told '$api_quota_reset';
    access_log logs/told.log told;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2 http2;
        location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    }
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        add_header X-RateLimit-Limit 77;
        add_header x-ratelimit-remaining 76;
        add_header X-Ratelimit-Reset 75;
        add_header RateLimit '"up";r=1';
        add_header ratelimit-policy '"up";q=2';
        add_header Retry-After 7;
        add_header X-RateLimit-Other yes;
        add_header RateLimits yes;
        location / { empty_gif; }
    }
END
});

run_tests();

# the headers that an answer has, in their order, as "name: value" lines;
# X-RateLimit-Reset as seconds from now
sub told {
    my ($head) = @_;
    my @lines = $head =~ /^((?:X-RateLimit-(?:Limit|Remaining|Reset)
                             |RateLimit(?:-Policy)?|Retry-After):\ .*?)\r?$/mgix;

    s/^(X-RateLimit-Reset): (\d+)/"$1: " . ($2 - time)/ei for @lines;
    return join "\n", @lines;
}

sub told_of {
    my ($uri, $key) = @_;
    my ($status, $head)
        = http_get($uri, undef, $key ? "Authorization: $key\r\n" : '');
    return "$status\n" . told($head);
}

# seconds may have passed since a counter was first used: numbers behind t=,
# Reset and Retry-After may be up to two less, and Reset, which is rounded up
# to a whole second of the clock, one more
sub is_told {
    my ($got, $expected, $name) = @_;
    my $near = sub {
        my ($what, $want, $have) = @_;
        my $most = $want + ($what =~ /reset/i);
        return $have <= $most && $have >= $want - 2 ? $want : $have;
    };
    my @want = $expected =~ /(?:t=|Reset: |After: )(-?\d+)/gi;
    my $i = 0;

    $got =~ s/(t=|Reset: |After: )(-?\d+)/
              $1 . $near->($1, $want[$i++] \/\/ -9, $2)/gie;
    is($got, $expected, $name);
}

# where a number gets another digit or is made in another way, and some between
sub numbers {
    return map({ (10 ** $_ - 1, 10 ** $_, 10 ** $_ + 1) } 1 .. 8), 10 ** 9,
           99_999_998, 12_345_678, 90_000_009, 500_060_000, 987_654_321,
           map { 7 * 13 ** $_ } 1 .. 7;
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(told told_of is_told);
}

__DATA__

=== TEST 1: a rate of the API, by GCRA
--- config
    location /a { api_id orders; api_auth off; api_rate 10r/m burst=2;
                  empty_gif; }
--- request
GET /a
--- check eval
sub {
    is_told(told_of('/a'), <<'END' =~ s/\n\z//r, 'one is left');
200
X-RateLimit-Limit: 12
X-RateLimit-Remaining: 1
X-RateLimit-Reset: 6
RateLimit-Policy: "api-rate-1";q=12;w=60
RateLimit: "api-rate-1";r=1;t=6
END
    told_of('/a');
    is_told(told_of('/a'), <<'END' =~ s/\n\z//r, 'none is left');
429
X-RateLimit-Limit: 12
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 6
RateLimit-Policy: "api-rate-1";q=12;w=60
RateLimit: "api-rate-1";r=0;t=6
Retry-After: 6
END
}

=== TEST 2: a quota
--- config
    location /a { api_id orders; api_auth off; api_quota 2/1h; empty_gif; }
--- request
GET /a
--- check eval
sub {
    is_told(told_of('/a'), <<'END' =~ s/\n\z//r, 'the last');
200
X-RateLimit-Limit: 2
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 3600
RateLimit-Policy: "api-quota-1";q=2;w=3600
RateLimit: "api-quota-1";r=0;t=3600
END
    is_told(told_of('/a'), <<'END' =~ s/\n\z//r, 'refused');
403
X-RateLimit-Limit: 2
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 3600
RateLimit-Policy: "api-quota-1";q=2;w=3600
RateLimit: "api-quota-1";r=0;t=3600
Retry-After: 3600
END
}

=== TEST 3: a key's rate and a quota that is never renewed
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: both-key-0123456789
--- check eval
sub {
    is_told(told_of('/a', 'both-key-0123456789'), <<'END' =~ s/\n\z//r, 'the last');
200
X-RateLimit-Limit: 2
X-RateLimit-Remaining: 0
RateLimit-Policy: "key-rate";q=3;w=60, "key-quota";q=2
RateLimit: "key-rate";r=1;t=120, "key-quota";r=0
END
    is_told(told_of('/a', 'both-key-0123456789'), <<'END' =~ s/\n\z//r, 'refused for ever');
403
X-RateLimit-Limit: 2
X-RateLimit-Remaining: 0
RateLimit-Policy: "key-rate";q=3;w=60, "key-quota";q=2
RateLimit: "key-rate";r=1;t=120, "key-quota";r=0
END
}

=== TEST 4: several of the API and of the key, each by its name
--- config
    location /a {
        api_id orders;
        api_rate 100r/s burst=9;
        api_rate 1r/d dry_run;
        api_rate 7/90m mode=window key=$arg_x;
        api_rate 5/2s mode=fixed;
        api_quota 1/1d key=$arg_x;
        api_quota 9/1500ms;
        empty_gif;
    }
--- request
GET /a
--- more_headers
Authorization: quota-key-0123456789
--- check eval
sub {
    my ($status, $head) = http_get('/a?x=1', undef,
                            "Authorization: quota-key-0123456789\r\n");
    my $told = told($head);

    like($told, qr/^X-RateLimit-Limit: 2$/m, 'the first with nothing left');
    like($told, qr/^X-RateLimit-Remaining: 0$/m, 'nothing');
    like($told, qr/^RateLimit-Policy:\ "key-quota";q=2;w=3600,
                   \ "api-rate-1";q=109;w=1,\ "api-rate-3";q=7;w=5400,
                   \ "api-rate-4";q=5;w=2,\ "api-quota-1";q=1;w=86400,
                   \ "api-quota-2";q=9;w=2$/mx, 'all that apply');
    like($told, qr/^RateLimit:\ "key-quota";r=0;t=3[56]\d\d,
                   \ "api-rate-1";r=\d;t=1,\ "api-rate-3";r=6;t=10[78]\d\d,
                   \ "api-rate-4";r=[34];t=[12],\ "api-quota-1";r=0;t=86\d\d\d,
                   \ "api-quota-2";r=[78];t=[012]$/mx, 'and what is left');

    ($status, $head) = http_get('/a?x=1', undef,
                            "Authorization: good-key-0123456789\r\n");
    is($status, 403, 'refused by the quota of the API');
    like($head, qr/^Retry-After: 86[34]\d\d\r?$/m, 'until then');
    unlike($head, qr/key-/, 'nothing of a key without limits');
}

=== TEST 5: a quota comes before a rate, whatever is left of either
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d;
                  api_quota 10/1h; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- response_headers_like eval
["X-RateLimit-Limit: 10\nX-RateLimit-Remaining: 9",
 "X-RateLimit-Limit: 10\nX-RateLimit-Remaining: 9\nRetry-After: 8[56]\\d\\d\\d"]

=== TEST 6: the longest of those that refuse
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/m;
                  api_quota 1/1h; api_limit_status quota=400; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- response_headers_like eval
["X-RateLimit-Remaining: 0", "Retry-After: 3(?:600|59\\d)"]

=== TEST 7: no limit, no headers; nor when another reason came first
--- config
    location /a { api_id orders; empty_gif; }
    location /b { api_id orders; api_rate 1r/d; empty_gif; }
    location /c { empty_gif; }
--- request eval
["GET /a", "GET /b", "GET /b", "GET /c"]
--- more_headers eval
["Authorization: good-key-0123456789", "", "Authorization: bad", ""]
--- error_code eval
[200, 401, 403, 200]
--- response_headers eval
[("X-RateLimit-Limit:\nX-RateLimit-Remaining:\nX-RateLimit-Reset:\n"
  . "RateLimit-Policy:\nRateLimit:\nRetry-After:") x 4]

=== TEST 8: dry_run is not shown
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d dry_run;
                  api_quota 1/1h dry_run; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 200]
--- response_headers eval
[("X-RateLimit-Limit:\nRateLimit-Policy:\nRateLimit:\nRetry-After:") x 2]

=== TEST 9: families, and how levels inherit them
--- http_config
    api_limit_headers retry-after;
--- config
    location /a { api_id a; api_auth off; api_rate 1r/d; empty_gif; }
    location /b { api_id b; api_auth off; api_rate 1r/d;
                  api_limit_headers x-ratelimit; empty_gif; }
    location /c { api_id c; api_auth off; api_rate 1r/d;
                  api_limit_headers ratelimit retry-after; empty_gif; }
    location /d { api_id d; api_auth off; api_rate 1r/d;
                  api_limit_headers off; empty_gif; }
--- request
GET /a
--- check eval
sub {
    is_told(told_of('/a'), "429\nRetry-After: 86400", 'retry-after');

    told_of('/b');
    is_told(told_of('/b'), "429\nX-RateLimit-Limit: 1\n"
                           . "X-RateLimit-Remaining: 0\n"
                           . "X-RateLimit-Reset: 86400", 'x-ratelimit');
    told_of('/c');
    is_told(told_of('/c'), "429\nRateLimit-Policy: \"api-rate-1\";q=1;w=86400\n"
                           . "RateLimit: \"api-rate-1\";r=0;t=86400\n"
                           . "Retry-After: 86400", 'ratelimit retry-after');
    told_of('/d');
    is_told(told_of('/d'), "429\n", 'off');
}

=== TEST 10: an upstream's own are replaced, where a limit applies
--- config
    location /a { api_id orders; api_auth off; api_rate 10r/m;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
    location /b { api_id orders; api_auth off;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
    location /c { api_id c; api_auth off; api_rate 10r/m;
                  api_limit_headers ratelimit;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
--- request
GET /x
--- error_code: 404
--- check eval
sub {
    my ($status, $head) = http_get('/a');

    is_told(told($head), <<'END' =~ s/\n\z//r, 'replaced, but for Retry-After');
Retry-After: 7
X-RateLimit-Limit: 10
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 6
RateLimit-Policy: "api-rate-1";q=10;w=60
RateLimit: "api-rate-1";r=0;t=6
END
    like($head, qr/X-RateLimit-Other: yes/, 'others stay');
    like($head, qr/RateLimits: yes/, 'others stay');

    ($status, $head) = http_get('/b');
    my @theirs = $head =~ /^(?:x-)?ratelimit(?:-(?:limit|remaining|reset|policy))?: /mgi;
    is(scalar @theirs, 5, 'no limit, nothing replaced');

    ($status, $head) = http_get('/c');
    like($head, qr/^X-RateLimit-Limit: 77/m, 'of a family that is off');
    unlike($head, qr/"up"/, 'of one that is on');
}

=== TEST 11: files, 304, HEAD, error pages, errors of nginx and of upstreams
--- config
    api_auth off;
    api_rate 1000r/m burst=999;
    location /f { api_id orders; alias $TEST_NGINX_SERVER_ROOT/html/f; }
    location /n { api_id orders; root none; }
    location /u { api_id orders; proxy_pass http://127.0.0.1:1; }
    location /e { api_id orders; error_page 404 =200 /f; root none; }
    location /i { api_id orders; try_files /none /f; }
    location /d { api_id orders; deny all; }
--- user_files
>>> f
a file
--- request
GET /f
--- allow_log
connect() failed
--- check eval
sub {
    for my $uri ('/f', '/n', '/u', '/e', '/i', '/d') {
        my ($status, $head) = http_get($uri);
        my @lines = split /\n/, told($head);
        is(scalar @lines, 5, "$uri: $status");
    }

    my ($status, $head) = http_get('/f', undef,
                                    "If-None-Match: *\r\n");
    is($status, 304, 'not modified');
    like($head, qr/^RateLimit: "api-rate-1";r=\d+;t=1\r?$/m, 'it tells');

    my $port = $Test::Nginx::Util::ServerPort;
    $head = `curl -s -m 5 --head http://127.0.0.1:$port/f`;
    like($head, qr/^HTTP\S+ 200.*^RateLimit: "api-rate-1";r=\d+;t=1\r?$/ms,
         'HEAD');
}

=== TEST 12: a page about a refusal
--- config
    error_page 429 /f;
    location /a { api_id orders; api_auth off; api_rate 1r/d; empty_gif; }
    location /f { return 200 page; }
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- response_body_like eval
['GIF', 'page']
--- response_headers_like eval
['RateLimit: "api-rate-1";r=0;t=86400', 'Retry-After: 86\d\d\d']

=== TEST 13: not of subrequests
--- config
    location /a { api_id orders; api_auth off; api_rate 1r/d;
                  mirror /m; empty_gif; }
    location /m { internal; api_id orders; api_auth off; api_rate 1r/d;
                  empty_gif; }
    location /s { ssi on; default_type text/html; add_header X-Is here;
                  alias $TEST_NGINX_SERVER_ROOT/html/s.html; }
    location /b { api_id orders; api_auth off; api_rate 1r/d; return 200 b; }
--- user_files
>>> s.html
<!--#include virtual="/b" -->
--- request eval
["GET /a", "GET /s"]
--- error_code eval
[200, 200]
--- response_headers_like eval
["X-RateLimit-Remaining: 0", "X-Is: here"]
--- response_headers eval
["X-Is:", "X-RateLimit-Remaining:"]

=== TEST 14: HTTP/2
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    my $port = ApiEvents::rand_port(2);
    my $curl = "curl -s -i -m 5 --http2-prior-knowledge"
               . " http://127.0.0.1:$port/a";
    my $head = `$curl`;
    $head = `$curl`;

    like($head, qr{^HTTP/2 429}, 'refused');
    is_told(told($head), <<'END' =~ s/\n\z//r, 'in lower case');
x-ratelimit-limit: 1
x-ratelimit-remaining: 0
x-ratelimit-reset: 86400
ratelimit-policy: "api-rate-1";q=1;w=86400
ratelimit: "api-rate-1";r=0;t=86400
retry-after: 86400
END

    my $grpc = `$curl -X POST -H 'Content-Type: application/grpc'`;
    like($grpc, qr{^HTTP/2 200.*^retry-after: 86\d\d\d\r$}ms, 'and for gRPC');
}

=== TEST 15: problem+json names what is used up
--- config
    location /a { api_id orders; api_rate 1000r/s burst=999; api_quota 1/1h;
                  api_quota 5/1h; api_error_format problem; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- more_headers eval
["Authorization: both-key-0123456789", "Authorization: both-key-0123456789",
 "Authorization: quota-key-0123456789"]
--- error_code eval
[200, 403, 403]
--- response_body_like eval
['GIF', '"violated-policies":\["api-quota-1"\]\}$',
 '"violated-policies":\["api-quota-1"\]\}$']

=== TEST 16: problem+json names all that are used up
--- config
    location /a { api_id orders; api_rate 1r/d; api_quota 1/1h;
                  api_error_format problem; empty_gif; }
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: good-key-0123456789
--- error_code eval
[200, 429]
--- response_body_like eval
['GIF', '"violated-policies":\["api-rate-1","api-quota-1"\]\}$']

=== TEST 17: $api_quota_reset is the same moment
--- config
    location /a { api_id orders; api_auth off; api_quota 2/1h; empty_gif; }
--- request
GET /a
--- check eval
sub {
    my ($status, $head) = http_get('/a');
    my ($reset) = $head =~ /^X-RateLimit-Reset: (\d+)/m;
    my @told;

    wait_for(sub {
        open my $in, '<', "$Test::Nginx::Util::ServRoot/logs/told.log";
        @told = <$in>;
        return @told == 2;
    });
    is($told[1], "$reset\n", 'as in the log');
}

=== TEST 18: large numbers
--- config
    location /a { api_id orders; api_auth off;
                  api_quota 1000000000/3650d;
                  api_rate 1000000000/1ms burst=1000000000; empty_gif; }
--- request
GET /a
--- response_headers_like
X-RateLimit-Limit: 1000000000
X-RateLimit-Remaining: 999999999
RateLimit-Policy: "api-rate-1";q=2000000000;w=1, "api-quota-1";q=1000000000;w=315360000
RateLimit: "api-rate-1";r=1000000000;t=1, "api-quota-1";r=999999999;t=315360000

=== TEST 19: an organisation's
--- http_config
    api_org_keys $TEST_NGINX_SERVER_ROOT/html/orgs.json;
--- user_files
>>> orgs.json
{"acme": {"rate": 5, "per": 60, "quota_max": 2, "quota_renewal_rate": 600}}
--- config
    location /a { api_id orders; api_auth off; empty_gif; }
--- request
GET /a
--- check eval
sub {
    is_told(told_of('/a'), <<'END' =~ s/\n\z//r, 'the last');
200
X-RateLimit-Limit: 2
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 600
RateLimit-Policy: "org-rate";q=5;w=60, "org-quota";q=2;w=600
RateLimit: "org-rate";r=3;t=120, "org-quota";r=0;t=600
END
    is_told(told_of('/a'), <<'END' =~ s/\n\z//r, 'refused');
403
X-RateLimit-Limit: 2
X-RateLimit-Remaining: 0
X-RateLimit-Reset: 600
RateLimit-Policy: "org-rate";q=5;w=60, "org-quota";q=2;w=600
RateLimit: "org-rate";r=3;t=120, "org-quota";r=0;t=600
Retry-After: 600
END
}

=== TEST 20: an open breaker, which gives back what was charged
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_quota 10/1h;
        api_breaker samples=1 window=1h open=100s;
        proxy_pass http://127.0.0.1:1;
    }
    location /b {
        api_id b;
        api_auth off;
        api_breaker samples=1 window=1h open=100s;
        proxy_pass http://127.0.0.1:1;
    }
--- request
GET /a
--- error_code: 502
--- allow_log
connect() failed
--- check eval
sub {
    my $told = told_of('/a');
    my ($retry) = $told =~ s/Retry-After: (\d+)\z/Retry-After: n/ ? $1 : 0;

    is_told($told, <<'END' =~ s/\n\z//r, 'nine are left, as before');
503
X-RateLimit-Limit: 10
X-RateLimit-Remaining: 9
X-RateLimit-Reset: 3600
RateLimit-Policy: "api-quota-1";q=10;w=3600
RateLimit: "api-quota-1";r=9;t=3600
Retry-After: n
END
    ok($retry >= 98 && $retry <= 121, "open for $retry s more");

    told_of('/b');
    like(told_of('/b'), qr/^503\nRetry-After: 1[012]\d\z|^503\nRetry-After: 9[89]\z/,
         'where no limit applies too');
}

=== TEST 21: what a key's rights say
--- user_files
>>> keys.json
{"good": {"rate": 9, "per": 60, "access_rights": {"orders": {
    "limit": {"rate": 4, "per": 30, "quota_max": 3, "quota_renewal_rate": 60},
    "endpoints": [{"path": "/a/e", "methods": [
        {"name": "GET", "limit": {"rate": 2, "per": 60}}]}]}}}}
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    is_told(told_of('/a', 'good'), <<'END' =~ s/\n\z//r, 'of the API');
200
X-RateLimit-Limit: 3
X-RateLimit-Remaining: 2
X-RateLimit-Reset: 60
RateLimit-Policy: "key-rate";q=4;w=30, "key-quota";q=3;w=60
RateLimit: "key-rate";r=3;t=60, "key-quota";r=2;t=60
END
    is_told(told_of('/a/e', 'good'), <<'END' =~ s/\n\z//r, 'of an endpoint');
200
X-RateLimit-Limit: 3
X-RateLimit-Remaining: 1
X-RateLimit-Reset: 60
RateLimit-Policy: "endpoint-rate";q=2;w=60, "key-quota";q=3;w=60
RateLimit: "endpoint-rate";r=1;t=120, "key-quota";r=1;t=60
END
}

=== TEST 22: each number of digits
--- config eval
CORE::join "", map { <<"END" } main::numbers()
    location /$_/ { api_id n$_; api_auth off; api_quota $_/1d; empty_gif; }
END
--- request
GET /x
--- error_code: 404
--- check eval
sub {
    for my $n (main::numbers()) {
        my ($status, $head) = http_get("/$n/");
        my $m = $n - 1;
        my ($told) = told($head) =~ /\A(.*?)\nX-RateLimit-Reset/s;

        is($told, "X-RateLimit-Limit: $n\nX-RateLimit-Remaining: $m", "of $n");
        like($head, qr/^RateLimit-Policy: "api-quota-1";q=$n;w=86400\r?$/m, 'q');
        like($head, qr/^RateLimit: "api-quota-1";r=$m;t=86400\r?$/m, 'r');
    }
}

=== TEST 23: what the upstream took is taken off
--- config
    location /a { api_id orders; api_auth off; api_quota 3/1h;
                  proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/slow/1500; }
--- recorder
--- request
GET /a
--- response_headers_like
RateLimit: "api-quota-1";r=2;t=359[5-9]

=== TEST 24: an unknown family
--- config
    location /a { api_limit_headers x-rate; }
--- emerg
invalid or repeated parameter "x-rate" in "api_limit_headers", expected "x-ratelimit", "ratelimit", "retry-after" or "off" alone in
nginx.conf:

=== TEST 25: one twice
--- config
    location /a { api_limit_headers ratelimit ratelimit; }
--- emerg
invalid or repeated parameter "ratelimit" in "api_limit_headers", expected "x-ratelimit",

=== TEST 26: off beside another
--- config
    location /a { api_limit_headers ratelimit off; }
--- emerg
invalid or repeated parameter "off" in "api_limit_headers", expected "x-ratelimit",

=== TEST 27: twice
--- config
    location /a { api_limit_headers off; api_limit_headers off; }
--- emerg
"api_limit_headers" directive is duplicate in

=== TEST 28: keys of other numbers at one location
--- user_files
>>> keys.json
{"few": {"rate": 4, "per": 60, "quota_max": 3, "quota_renewal_rate": 60,
         "access_rights": {"orders": {}}},
 "many": {"rate": 40, "per": 60, "quota_max": 3, "quota_renewal_rate": 60,
          "access_rights": {"orders": {}}},
 "long": {"rate": 4, "per": 90, "quota_max": 3, "quota_renewal_rate": 60,
          "access_rights": {"orders": {}}},
 "most": {"rate": 4, "per": 60, "quota_max": 30, "quota_renewal_rate": 60,
          "access_rights": {"orders": {}}}}
--- config
    location /a { api_id orders; empty_gif; }
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my %policy = (
        few => '"key-rate";q=4;w=60, "key-quota";q=3;w=60',
        many => '"key-rate";q=40;w=60, "key-quota";q=3;w=60',
        long => '"key-rate";q=4;w=90, "key-quota";q=3;w=60',
        most => '"key-rate";q=4;w=60, "key-quota";q=30;w=60'
    );

    for my $key (qw/ few many long most few /) {
        my ($told) = told_of('/a', $key) =~ /^RateLimit-Policy: (.*)$/m;

        is($told, $policy{$key}, "the policy of $key");
    }
}
