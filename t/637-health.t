# The health of an API in Tyk's shape.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(user_files => qq(>>> keys.json\n)
        . qq({"key-of-many-0123456789": {"access_rights": {"a": {}},)
        . qq( "quota_max": 4, "quota_renewal_rate": 3600}}\n)
        . qq(>>> up/x\nhere\n));
    $block->set_value(http_config => <<'END');
    api_zone apievents:16m;
    api_keys ../html/keys.json;
END
    $block->set_value(config => <<'END');
    location /a { api_id a; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/up/x; }
    location /b { api_id b; api_auth off; api_rate 1/3600s; empty_gif; }
    location /up/ { root html; }
END
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

sub get {
    my ($uri, $key) = @_;

    return (ApiEvents::http_get($uri, undef,
                                $key ? "Authorization: $key\r\n" : ''))[0];
}

run_tests();

__DATA__

=== TEST 1: what happened at each API
--- check eval
sub {
    my $key = 'key-of-many-0123456789';
    my @names = qw(throttle_reqests_per_second quota_violations_per_second
                   key_failures_per_second average_upstream_latency
                   average_requests_per_second);

    my ($status, $doc) = ::call(GET => 'health?api_id=a', undef, user => 'eye');
    is($status, 200, 'of none so far');
    is_deeply($doc, { map { $_ => 0 } @names }, 'all are there');

    is(CORE::join(' ', map { ::get('/a', $key) } 1 .. 6),
       '200 200 200 200 403 403', 'four are let in');
    is(CORE::join(' ', map { ::get('/a', $_) } undef, 'wrong', 'wrong too'),
       '401 403 403', 'and three are not known');
    is(CORE::join(' ', map { ::get('/b') } 1 .. 4), '200 429 429 429',
       'of the other one');

    ($status, $doc) = ::call(GET => 'health?api_id=a');

    # of 50 to 60 seconds, however long this has taken
    for ([ average_requests_per_second => 9 ],
         [ quota_violations_per_second => 2 ],
         [ key_failures_per_second => 3 ])
    {
        my ($name, $n) = @$_;
        cmp_ok($doc->{$name}, '>=', $n / 60 - 0.001, "$name, at least");
        cmp_ok($doc->{$name}, '<=', $n / 50 + 0.001, "$name, at most");
    }

    is($doc->{throttle_reqests_per_second}, 0, 'none throttled');
    like($doc->{average_upstream_latency}, qr/^\d+(?:\.\d+)?$/, 'ms');

    ($status, $doc) = ::call(GET => 'health?api_id=b');
    cmp_ok($doc->{throttle_reqests_per_second}, '>=', 3 / 60 - 0.001, 'three');
    cmp_ok($doc->{throttle_reqests_per_second}, '<=', 3 / 50 + 0.001, 'are');
    is($doc->{quota_violations_per_second}, 0, 'no quota');

    is_deeply((::call(GET => 'health?api_id=none'))[1],
              { map { $_ => 0 } @names }, 'of an API that there is not');
    is((::call(GET => 'health'))[0], 400, 'an API is expected');
    is(::status(POST => 'health?api_id=a', {}), 405, 'a method');
}
