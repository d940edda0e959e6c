#!/usr/bin/perl

# The sums that hold at every moment, asked for during traffic of all kinds,
# and in the end equal to what clients and receivers counted.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use Isolation;
use Test::More;
use Time::HiRes qw/ sleep /;

all_states();
drops();

done_testing();


sub kind {
    my ($name, $uri, %options) = @_;

    return { name => $name, weight => 1, refused => [401], %options,
             text => "GET $uri HTTP/1.1\r\nHost: localhost\r\n\r\n" };
}


sub location {
    my ($name, @handlers) = @_;

    return <<"END" . join('', map { "    $_;\n" } @handlers) . "}\n";
location /$name {
    api_id $name;
    empty_gif;
END
}


# from whichever worker answers: what is wrong, what went back
sub sampler {
    my ($nginx) = @_;

    $nginx->child('sampler', 60, sub {
        my $select = IO::Select->new($_[0]);
        my %r = (samples => 0, wrong => [], back => [], seen => {});
        my %last;

        until ($select->can_read(0.004)) {
            my $n = $nginx->counters;

            next unless defined $n->{raised};

            my $wrong = Chaos::wrong($n);

            $r{samples}++;
            push @{ $r{wrong} }, $wrong if $wrong;

            for (sort keys %$n) {
                $r{seen}{$_}++ if $n->{$_};
                push @{ $r{back} }, "$_ $last{$_}, then $n->{$_}\n"
                    if !/waiting|pending/ && ($last{$_} // 0) > $n->{$_};
            }

            %last = %$n;
        }

        return \%r;
    });
}


sub check_samples {
    my ($nginx, $name, @seen) = @_;
    my $r = $nginx->finish('sampler');

    cmp_ok($r->{samples}, '>', 20, "$name: there are samples");
    is(join('', @{ $r->{wrong} }), '', "$name: the sums hold at all of them");
    is(join('', @{ $r->{back} }), '', "$name: no count goes back");
    ok($r->{seen}{$_}, "$name: some were $_") for @seen;
}


sub all_states {
    my $gone = 'http://127.0.0.1:' . Chaos::listener(0)->sockport . '/';
    my $hook = 'api_event_handlers * webhook retry=off url=';
    my $cool = 'cooldown=300ms';
    my $nginx = Isolation->begin('sums', locations => join '',
        location('log', "${hook}HOOK/log", 'api_event_handlers * log prefix=LOG'),
        location('hang', "${hook}HOOK/hang timeout=300ms concurrency=4 queue=20",
                 "${hook}HOOK/beside"),
        location('cool', "${hook}HOOK/cool $cool", "${hook}HOOK/slow $cool"),
        location('gone', "$hook$gone"),
        location('both', "$hook$gone $cool"),
        location('rate', 'api_auth off', 'api_rate 50r/s', "${hook}HOOK/rate"),
        location('none'));

    sampler($nginx);

    my $traffic = $nginx->burst(2000, rate => 700, connections => 16, kinds => [
        kind('log', '/log'), kind('hang', '/hang'), kind('gone', '/gone'),
        kind('both', '/both'), kind('none', '/none'),
        kind('cool', '/cool/1'), kind('cool', '/cool/2'),
        kind('rate', '/rate', refused => [429], passed => [200]) ]);

    my $n = $nginx->settled;

    check_samples($nginx, 'sums', qw/ pending delivered suppressed dead /);

    my $lines = () = $nginx->log =~ /\] .* LOG:AuthFailure:/g;
    my $got = $nginx->arrivals(name => 'sums');
    my %ids = map { $_ => scalar keys %{ $got->{$_} } } keys %$got;
    my %sent = %{ $traffic->{refused} };
    my $refused = 0;

    $refused += $_ for values %sent;

    is($traffic->{broken}, 0, 'sums: all were answered');
    is(join(' ', keys %{ $traffic->{wrong} }), '', 'sums: as expected');

    is($n->{raised}, $refused, 'sums: raised is what clients saw refused');
    is($n->{routed}, $refused, 'sums: all are routed');
    is($n->{deliveries}, 2 * ($sent{log} + $sent{hang} + $sent{cool})
                         + $sent{gone} + $sent{both} + $sent{rate},
       'sums: a delivery for each handler');

    is("$ids{'/log'} $lines $ids{'/beside'} $ids{'/rate'}",
       "$sent{log} $sent{log} $sent{hang} $sent{rate}",
       'sums: receivers have all');
    is($n->{delivered}, 2 * $sent{log} + $sent{hang} + $sent{rate}
                        + $ids{'/cool'} + $ids{'/slow'},
       'sums: delivered is what receivers and the log have');
    is($n->{suppressed}, 2 * $sent{cool} - $ids{'/cool'} - $ids{'/slow'},
       'sums: suppressed is what a cooldown kept from them');
    is($n->{dead}, $sent{hang} + $sent{gone} + $sent{both},
       'sums: dead is what had no answer or no room');
    is(scalar(grep { Isolation::twice($got->{$_}) } keys %$got), 0,
       'sums: nothing arrived twice');
}


# With the smallest rings, and workers that sleep until there is much to do.
sub drops {
    my $nginx = Isolation->begin('drops', zone => '2m ring=16k',
        http => 'api_event_handlers EventsDropped webhook url=HOOK/told;',
        api => 'api_event_handlers AuthFailure webhook url=HOOK/ok;');
    my $path = '/a/' . 'x' x 800;
    my @clients = map { $nginx->connected } 1 .. 200;
    my $text = "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my $refused = 0;

    sampler($nginx);

    for (1 .. 5) {
        my @workers = $nginx->workers;

        kill 'STOP', @workers;
        syswrite $_, $text for @clients;
        kill 'CONT', @workers;

        for (@clients) {
            sysread $_, my $answer, 65536;
            $refused++ if $answer =~ m{^HTTP/1.1 401 };
        }

        sleep 0.2;
    }

    # each worker tells of it at most once a second
    my $told = 0;

    ok($nginx->until(6, sub {
        $told = 0;
        $told += $_ for $nginx->log =~ /: (\d+) events were dropped/g;

        return $told == ($nginx->counters->{dropped} // 0);
    }), 'drops: all are told of');

    my $n = $nginx->settled;

    check_samples($nginx, 'drops', qw/ dropped delivered /);

    my $got = $nginx->arrivals(name => 'drops');

    is($refused, 5 * @clients, 'drops: all are refused');
    is($n->{raised}, $refused + keys %{ $got->{'/told'} },
       'drops: raised is what was refused and what is told of it');
    is($n->{dropped}, $refused - keys %{ $got->{'/ok'} },
       'drops: dropped is what did not arrive');
    is("$n->{dead} $n->{suppressed}", '0 0', 'drops: nothing else is lost');
}
