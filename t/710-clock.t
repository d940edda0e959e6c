# Time that is moved: t/lib/Clock.pm, and what of the module it lets a test
# see without waiting.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use DeliverBlocks;

use POSIX ();

# what a process in it reads: CLOCK_MONOTONIC, CLOCK_REALTIME, time()
sub clocks {
    my ($env) = @_;

    return split ' ', `$env $^X -MTime::HiRes=:DEFAULT,clock_gettime -e '
        print join " ", (map { clock_gettime(\$_) }
                         Time::HiRes::CLOCK_MONOTONIC(),
                         Time::HiRes::CLOCK_REALTIME()), CORE::time'`;
}

{
    no warnings 'once';
    *Test::Base::Filter::clocks = \&clocks;
}

run_tests();

__DATA__

=== TEST 1: clocks go where they are moved, each for itself
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    my $ahead = sub {
        my @now = clocks('');
        my @ahead = clocks($_[0] // Clock::preload());

        return map { $ahead[$_] - $now[$_] } 0 .. 2;
    };

    my @before = $ahead->();
    my $moved = sub {
        my ($name, @expected) = @_;
        my @after = $ahead->();

        for (0 .. 2) {
            my $by = $after[$_] - $before[$_];
            cmp_ok(abs($by - $expected[$_]), '<', 25, "$name: $_")
                or diag($by);
        }
    };

    $moved->('not', 0, 0, 0);
    Clock::advance(3600.5);
    $moved->('on', 3600.5, 3600.5, 3600.5);
    Clock::advance_wall(-7200);
    $moved->('set back', 3600.5, -3599.5, -3599.5);
    cmp_ok(abs(Clock::now() - (clocks(Clock::preload()))[1]), '<', 25, 'now');
    Clock::advance_wall(7200);

    cmp_ok(abs, '<', 25, 'without a file')
        for $ahead->('env -u APIEVENTS_CLOCK '
                     . Clock::preload() =~ s/ APIEVENTS_CLOCK=.*//r);
}

=== TEST 2: a cooldown of an hour
--- http_config
    api_event_handlers * webhook url=$HOOK/ok cooldown=1h
                       template=../html/event.json;
--- user_files
>>> event.json
{"suppressed": {{.Suppressed}}, "at": "{{.TimeStamp}}"}
--- request eval
[("GET /a") x 4]
--- error_code eval
[(401) x 4]
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_deliveries{state="suppressed"} 2
apievents_deliveries{state="pending"} 1
--- recorded_count: 1
--- check eval
sub {
    Clock::advance(3500);
    select undef, undef, undef, 0.3;
    is(scalar(() = recorded()), 1, 'held until its end');

    Clock::advance(100);
    is(delivered(), '2 2 0', 'then delivered');

    my @got = recorded();
    is(scalar(@got), 2, 'requests');
    is("@{[map { $_->{json}{suppressed} } @got]}", '0 2', 'Suppressed');
    cmp_ok($got[1]{time} - $got[0]{time}, '>=', 3599e3, 'an hour later');

    raise(1);
    my ($hour) = POSIX::strftime('%Y-%m-%d %H:', gmtime Clock::now());
    Clock::advance(3600);
    is(delivered(), '3 2 0', 'and the next');
    like((recorded())[2]{json}{at}, qr/^\Q$hour\E/, 'raised in that hour')
        if $hour eq POSIX::strftime('%Y-%m-%d %H:',
                                    gmtime Clock::now() - 3600);
}

=== TEST 3: the period of a quota
--- config
    location /q {
        api_id q;
        api_auth off;
        api_quota 2/30d;
        empty_gif;
    }
--- request eval
[("GET /q") x 3]
--- error_code eval
[200, 200, 403]
--- check eval
sub {
    Clock::advance(29 * 86400);
    is(raise(1, '/q'), '403', 'within its period');
    Clock::advance(86400);
    ok(wait_for(sub { raise(1, '/q') eq '200' }), 'the next');
    is(raise(2, '/q'), '200 403', 'has as many');
}
