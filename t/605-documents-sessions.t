#!/usr/bin/perl

# Sessions that are set at run time outlive nginx, however it ends, and no
# credential is in the database.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Sessions;

outlives($_) for qw/ QUIT TERM KILL /;
worker_killed();
single();
off();

done_testing();


sub outlives {
    my ($signal) = @_;
    my $nginx = start($signal);
    my $key = 'made-by-a-script-0123456789';

    is(status($nginx, $key), 403, "$signal: no such key");
    is(set($nginx, $key, 'one'), 200, 'it is set');
    is(status($nginx, $key), 200, 'it is there at once');
    is(set($nginx, $key, 'two'), 200, 'it is set again');
    is(alias($nginx, $key), 'two', 'as it was set last');

    # a graceful end writes what was accepted, a death what was written

    ok(stored($nginx, 'two'), 'it is stored') if $signal ne 'QUIT';

    if ($signal eq 'KILL') {
        kill 'KILL', $nginx->{pid}, $nginx->workers;
        ok($nginx->gone($nginx->{pid}), 'nginx is dead');
        $nginx->dismiss;
        unlink "$nginx->{dir}/nginx.pid";

    } else {
        ok($nginx->stop($signal), "nginx ends by $signal");
    }

    $nginx->start;
    is(status($nginx, $key), 200, 'it is there after the start');
    is(status($nginx, 'another-key-0123456789'), 403, 'another one is not');
    is(alias($nginx, $key), 'two', 'as it was');
    is(status($nginx, $key), 200, 'and stays');

    ok(bytes($nginx) !~ /\Q$key\E/, 'the credential is not in the file');
    ok(bytes($nginx) =~ /"alias":"two"/, 'the session is');

    $nginx->stop;
    clean($nginx);
}


# what is stored stays, in the zone as well, whichever worker is asked
sub worker_killed {
    my $nginx = start('worker');
    my $there = 0;

    for my $i (1 .. 8) {
        my $worker;

        set($nginx, "key-$i-0123456789", "alias$i");
        ok(stored($nginx, "alias$i"), "key $i is stored");
        $nginx->until(20, sub { ($worker) = $nginx->workers });
        kill 'KILL', $worker;
        ok($nginx->gone($worker), 'a worker is dead');
        is(status($nginx, "key-$i-0123456789"), 200, "key $i is there");
    }

    ok($nginx->stop, 'nginx ends');
    $nginx->start;

    $there += status($nginx, "key-$_-0123456789") == 200 for 1 .. 8;
    is($there, 8, 'and there again');
    $nginx->stop;
}


# without a thread
sub single {
    my $nginx = start('single', class => 'Chaos', master => 'off',
                      workers => 1);
    my $key = 'made-by-a-script-0123456789';

    set($nginx, $key, 'one');
    ok(stored($nginx, 'one'), 'a single process stores it');
    ok($nginx->stop, 'it ends');

    $nginx->start;
    is(status($nginx, $key), 200, 'it is there after the start');
    $nginx->stop;
    clean($nginx);
}


sub off {
    my $nginx = start('off', store => 'off');
    my $key = 'made-by-a-script-0123456789';

    set($nginx, $key, 'one');
    is(status($nginx, $key), 200, 'without a store it is there');
    ok($nginx->reload, 'reloaded');
    is(status($nginx, $key), 200, 'after a reload, too');

    ok($nginx->stop, 'nginx ends');
    $nginx->start;
    is(status($nginx, $key), 403, 'and not after a start');

    $nginx->stop;
    clean($nginx);
}
