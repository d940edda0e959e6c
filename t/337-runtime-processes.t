# Endpoints of run time and what happens to processes: several workers, a kill,
# a reload, a stop and start, attempts in flight at a removal.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RuntimeBlocks;

sub until_so {
    my ($what, $name) = @_;

    ok(ApiEvents::wait_for($what, 30), $name);
}

sub asked {
    return grep { /ok|slow|fail|hang/ } map { $_->{uri} } ApiEvents::recorded();
}

# so many events; what their data counts
sub raise_all {
    my ($from, $to) = @_;

    return grep { (raise_event('app.created', { data => { n => $_ } }))[0] != 200 } $from .. $to;
}

# the numbers that have arrived at a URI
sub numbers {
    my ($uri) = @_;
    my %seen;

    $seen{ $_->{json}{data}{n} // '' }++ for grep { $_->{uri} eq $uri } ApiEvents::recorded();
    delete $seen{''};

    return \%seen;
}

# kilobytes of memory of all workers
sub memory {
    my $sum = 0;

    for my $pid (ApiEvents::worker_pids()) {
        open my $in, '<', "/proc/$pid/statm" or next;
        $sum += 4 * (split ' ', <$in>)[1];
    }

    return $sum;
}

run_tests();

__DATA__

=== TEST 1: who raised an event is told how first attempts ended
--- workers: 2
--- recorder
--- check eval
sub {
    my $url = hook();

    put_all([put => 'good', 'webhook', "url=$url/ok"], [handle => 'good', 'app.*'],
            [put => 'bad', 'webhook', "url=$url/fail"], [handle => 'bad', 'app.*'],
            [put => 'none', 'webhook', 'url=http://127.0.0.1:1/'], [handle => 'none', 'plan.*'],
            [put => 'slow', 'webhook', "url=$url/hang", 'timeout=60s'],
            [handle => 'slow', 'developer.*']);
    ::until_so(sub {
        my $all = 1;
        $all &&= (raise_event('app.created', {}, '&watch=20000'))[1] =~ /^2 of 2/ for 1 .. 4;
        return $all;
    }, 'both workers have them');

    for (1 .. 5) {
        my @lines = split /\n/, (raise_event('app.created', {}, '&watch=20000'))[1];
        is_deeply([sort @lines], ['0 200 ', '1 500 status 500', '2 of 2'], 'one and one');
    }

    my ($status, $text) = raise_event('plan.created', {}, '&watch=20000');
    like($text, qr/^1 of 1\n1 (?:502 |0 )\S/, 'one that is not there');
    is((raise_event('Mine', {}, '&watch=20000'))[1], '0 of 0', 'nobody');
    is((raise_event('developer.created', {}, '&watch=50'))[1], '0 of 1', 'not yet');
}

=== TEST 2: attempts are in flight when it is removed
--- workers: 2
--- recorder
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/slow/2000", 'concurrency=2', 'retry=spec'],
            [handle => 'one', '*']);
    ::until_so(sub { raise_event('Mine', {}); ::asked() }, 'there');
    is(::raise_all(1, 20), 0, 'raised');
    put_all();
    ::until_so(sub { delivered(undef) =~ /^(\d+) 0 (\d+)$/ && $1 + $2 > 20 && $2 > 0 },
               'what waited is dead, what was under way is not');

    put_all([put => 'one', 'webhook', "url=$url/ok/again"], [handle => 'one', '*']);
    ::until_so(sub { raise_event('Mine', {}); grep { m{/ok/again} } ::asked() }, 'it comes again');
}

=== TEST 3: retries die at a removal, not when they are due
--- recorder
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/status/503", 'retry=spec'],
            [handle => 'one', 'app.created']);
    ::until_so(sub { raise_event('app.created', {}); ApiEvents::recorded() }, 'there');
    put_all();
    ::until_so(sub { delivered(undef) =~ /^0 0 [1-9]/ }, 'dead');
}

=== TEST 4: a thousand changes while it is asked
--- recorder
--- check eval
sub {
    my $url = hook();
    my $rounds = sub {
        my ($from, $to) = @_;

        for my $i ($from .. $to) {
            put_all([put => 'one', 'webhook', "url=$url/ok/$i", 'secret=whsec_' . 'MDEy' x 10,
                     "header=X-N: $i", 'body={{.data.n}} ' . 'x' x 20_000],
                    [handle => 'one', 'app.created']);
            raise_event('app.created', { data => { n => $i } }) if $i % 5 == 0;
            select undef, undef, undef, 0.025;
        }
    };

    $rounds->(1, 40);
    delivered();
    my $before = ::memory();
    $rounds->(41, 240);
    is((split ' ', delivered())[2], 0, 'nothing is lost');
    cmp_ok(::memory() - $before, '<', 8 * 1024, 'no growth')
        unless ($ENV{TEST_NGINX_LD_PRELOAD} // '') =~ /asan/;   # keeps what is freed
}

=== TEST 5: workers are killed, and what they had to route goes to all
--- workers: 2
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/ok/one"], [handle => 'one', 'app.created'],
            [put => 'two', 'webhook', "url=$url/slow/20"], [handle => 'two', 'app.created']);
    ::until_so(sub { raise_event('app.created', {}); grep { /slow/ } ::asked() }, 'there');

    my %raised;

    for my $round (0 .. 3) {
        for my $n ($round * 50 + 1 .. $round * 50 + 50) {
            my ($status) = raise_event('app.created', { data => { n => $n } });
            $raised{$n} = 1 if ($status // 0) == 200;
            kill 'KILL', (ApiEvents::worker_pids())[$round % 2] if $n % 50 == 25;
        }
    }

    ::until_so(sub {
        my ($one, $two) = (::numbers('/ok/one'), ::numbers('/slow/20'));
        return !grep { !$one->{$_} || !$two->{$_} } keys %raised;
    }, 'each event arrived at both');
    cmp_ok(scalar(keys %raised), '>', 100, 'of enough events');
}

=== TEST 6: a reload in the middle
--- workers: 2
--- recorder
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/ok/one"], [handle => 'one', 'app.created']);
    ::until_so(sub { raise_event('app.created', {}); ::asked() }, 'there');

    my %raised;

    for my $n (1 .. 150) {
        my ($status) = raise_event('app.created', { data => { n => $n } });
        $raised{$n} = 1 if ($status // 0) == 200;
        kill 'HUP', ApiEvents::master_pid() if $n == 50;
    }

    ::until_so(sub {
        my $one = ::numbers('/ok/one');
        return !grep { !$one->{$_} } keys %raised;
    }, 'each event arrived');

    my @workers = ApiEvents::worker_pids();
    put_all();
    ::until_so(sub {
        my $before = ::asked();
        raise_event('app.created', {}) for 1 .. 4;
        delivered();
        return ::asked() == $before;
    }, 'removed in the new workers');
}

=== TEST 7: events wait for what was stored
--- recorder
--- check eval
sub {
    my $url = hook();

    is((raise_event('app.created', { data => { n => 1 } }))[0], 200, 'raised before');
    put_all([put => 'one', 'webhook', "url=$url/ok/one"], [handle => 'one', 'app.created']);
    ::until_so(sub { ::numbers('/ok/one')->{1} }, 'it arrived');
}
