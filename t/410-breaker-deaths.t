#!/usr/bin/perl

# An upstream that breaks and mends while workers are killed and nginx is
# reloaded: no probe is lost for ever, and each change has its two events but
# where a worker died between the change and them.

use strict;
use warnings;

use lib 't/lib';

use File::Temp;
use Isolation;
use Test::More;
use Time::HiRes qw/ sleep time /;

my $seed = $ENV{AE_SEED} || time;
srand $seed;
note "seed $seed";

my $dir = File::Temp->newdir;
chmod 0755, $dir;

my $nginx = Isolation->begin('breaker', http => <<"HTTP", locations => <<"END");
    server {
        listen unix:$dir/up.sock;

        location / {
            if (-f $dir/broken) { return 503; }
            return 200;
        }
    }
HTTP
        location /a {
            api_id a;
            api_auth off;
            api_breaker samples=10 window=1s open=100ms half_open=3 probe=1h;
            api_event_handlers BreakerTripped webhook url=HOOK/tripped;
            api_event_handlers BreakerReset webhook url=HOOK/reset;
            api_event_handlers BreakerTriggered webhook url=HOOK/triggered;
            proxy_pass http://unix:$dir/up.sock:/;
        }
END

$nginx->child('traffic', 120, Traffic->new(
    port => $nginx->port('gateway'), rate => 1000, depth => 1,
    connections => 8, kinds => [ { name => 'a', weight => 1,
        refused => [502, 503], passed => [200],
        text => "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n" } ]));

my $kills = 0;

for (1 .. 10) {
    Chaos::spew("$dir/broken", '');
    $nginx->until(10, \&open_now) or last;
    sleep rand 0.2;
    $kills += strike();
    sleep 0.05 + rand 0.1;
    unlink "$dir/broken";
    $nginx->until(10, \&ok_now) or last;
    sleep rand 0.2;
    $kills += strike() if rand() < 0.5;
}

$nginx->reload;

my $result = $nginx->finish('traffic');

ok($nginx->until(5, sub { 5 == grep { ok_now() } 1 .. 5 }),
   'it is closed in the end');

my $n = $nginx->settled(0, 30);
my $got = $nginx->arrivals(name => 'breaker');
my ($trips, $resets, $both) = map { scalar keys %{ $got->{"/$_"} || {} } }
                                  qw/ tripped reset triggered /;

cmp_ok($trips, '>=', 5, 'it opened');
cmp_ok($resets, '>=', 3, 'and closed');
cmp_ok($resets, '<=', $trips + $kills, 'not more often');
cmp_ok(abs($both - $trips - $resets), '<=', $kills, 'two events a change');
is($n->{dropped}, 0, 'none is dropped');
cmp_ok($result->{passed}{a}, '>', 100, 'requests passed');
cmp_ok($result->{refused}{a}, '>', 100, 'and were refused');

note "$kills killed, $trips opened, $resets closed";

done_testing();


# a worker, 1 if there was one
sub strike {
    my @workers = $nginx->fresh;

    return @workers ? kill('KILL', $workers[rand @workers]) : 0;
}


# refused by the breaker, not by the upstream
sub open_now {
    my ($status, $body) = $nginx->get('/a');

    return ($body || '') =~ /temporarily unavailable/;
}


sub ok_now {
    my ($status) = $nginx->get('/a');

    return ($status || 0) == 200;
}
