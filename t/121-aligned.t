# Periods with places: fixed ones of rates, and the calendar's of quotas.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

use Time::HiRes ();

# a run that starts within a second of midnight would see two of them
sub midnight_is_far {
    sleep 1 while (time + 2) % 86400 < 4;
}

midnight_is_far();
run_tests();

__DATA__

=== TEST 1: a fixed period lets its number pass at once
--- config
    api_auth off;
    location /a { api_id a; api_rate 3r/d mode=fixed; empty_gif; }
    location /b { api_id b; api_rate 2/1d mode=fixed key=$arg_k; empty_gif; }
--- request eval
[(map "GET /a", 1 .. 4), map "GET /b?k=$_", 1, 1, 1, 2]
--- error_code eval
[200, 200, 200, 429, 200, 200, 429, 200]
--- response_body_like eval
[('GIF') x 3, '"API Rate Limit Exceeded"', 'GIF', 'GIF', '"API Rate Limit',
 'GIF']

=== TEST 2: fixed periods start at multiples of their length
--- config
    location /a {
        api_id a;
        api_auth off;
        api_rate 1/1s mode=fixed;
        empty_gif;
        add_header X-At $msec;
    }
--- request
GET /a
--- check eval
sub {
    my %passed;
    my $end = Time::HiRes::time() + 4.5;

    # by the clock that decided: nginx has one reading for a turn
    while (Time::HiRes::time() < $end) {
        my ($code, $head) = http_get('/a');
        my ($at) = $head =~ /^X-At: (\d+)/m;
        $passed{$at}++ if $code == 200;
        Time::HiRes::sleep(0.01);
    }

    cmp_ok(scalar(keys %passed), '>=', 3, 'one in each second');
    is_deeply([grep { $_ != 1 } values %passed], [], 'and no more');
}

=== TEST 3: the units' ends
--- http_config
    api_auth off;
--- config
    location /h {
        api_id h; api_quota 2/1h align=hour tz=+05:45; empty_gif;
        add_header X-Reset $api_quota_reset;
    }
    location /d {
        api_id d; api_quota 2/1d align=day tz=-03:00; empty_gif;
        add_header X-Reset $api_quota_reset;
    }
    location /w {
        api_id w; api_quota 2/1w align=week; empty_gif;
        add_header X-Reset $api_quota_reset;
    }
    location /m {
        api_id m; api_quota 2/1M align=month tz=+01:00; empty_gif;
        add_header X-Reset $api_quota_reset;
    }
    location /p {
        api_id p; api_quota 2/1h; empty_gif;
        add_header X-Reset $api_quota_reset;
    }
--- request
GET /h
--- check eval
sub {
    my $now = time;
    my %reset;

    for my $unit (qw(h d w m p)) {
        my (undef, $head) = http_get("/$unit");
        ($reset{$unit}) = $head =~ /^X-Reset: (\d+)/m;
    }

    is(($reset{h} + 900) % 3600, 1800, 'an hour, 45 minutes off');
    is(($reset{d} - 3 * 3600) % 86400, 0, 'midnight of UTC-3');
    is((gmtime $reset{w})[6], 1, 'a Monday');
    is($reset{w} % 86400, 0, 'its midnight');
    is((gmtime $reset{m} + 3600)[3], 1, 'the first of a month');
    is(($reset{m} + 3600) % 86400, 0, 'its midnight in UTC+1');
    cmp_ok(abs($reset{p} - $now - 3600), '<=', 5, 'from the first on');

    for my $unit (qw(h d w m)) {
        my %most = (h => 3600, d => 86400, w => 604800, m => 31 * 86400);
        cmp_ok($reset{$unit}, '>', $now, "$unit: not over");
        cmp_ok($reset{$unit}, '<=', $now + $most{$unit} + 5, "$unit: near");
    }
}

=== TEST 4: an aligned quota is used up, and shared by workers
--- workers: 2
--- config
    location /a {
        api_id a;
        api_auth off;
        api_quota 5/1d align=day;
        empty_gif;
    }
--- request
GET /a
--- check eval
sub {
    my %codes;

    $codes{(http_get('/a'))[0]}++ for 1 .. 10;
    is_deeply(\%codes, { 200 => 4, 403 => 6 }, 'answers');
}

=== TEST 5: counters and periods outlive a reload
--- config
    location /a {
        api_id a;
        api_auth off;
        api_quota 3/1M align=month;
        api_rate 10/1d mode=fixed;
        empty_gif;
        add_header X-Left "$api_quota_remaining $api_rate_remaining";
    }
--- request
GET /a
--- check eval
sub {
    my ($before) = worker_pids();

    kill HUP => master_pid();
    wait_for(sub { my @now = worker_pids(); @now == 1 && $now[0] != $before });

    my (undef, $head) = http_get('/a');
    like($head, qr/^X-Left: 1 8\b/m, 'what is left');
}
