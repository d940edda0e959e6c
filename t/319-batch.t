# Several events in one request.  A rate of one request in an hour lets them
# wait for each other: the first goes at once, the clock lets the others go.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use DeliverBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => ($block->config // '') . <<'END');
        location /a {
            api_id a;
            empty_gif;
        }
        location = /m { api_metrics; }
END
});

# n requests arrived; the ids of the events in each
sub batches {
    my ($n) = @_;

    arrived($n);

    return map { [map { $_->{id} } @{ $_->{json} }] } recorded();
}

# waits for n requests
sub arrived {
    my ($n) = @_;

    return wait_for(sub { ApiEvents::count_recorded() >= $n });
}

# deliveries that have not ended
sub pending {
    my ($n) = @_;

    wait_for(sub {
        (metrics('/m')->('apievents_deliveries{state="pending"}') // -1) == $n
    });

    return metrics('/m')->('apievents_deliveries{state="pending"}');
}

{
    no strict 'refs';
    no warnings 'once';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw/ arrived batches pending /;
}

run_tests();

__DATA__

=== TEST 1: what is due goes together, so many at most
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok rate=1/1h batch=4
                       format=cloudevents-batch;
--- recorder
--- check eval
sub {
    arrived(1);
    raise(6);
    is(pending(6), 6, 'six wait');
    Clock::advance(3601);
    is(pending(2), 2, 'four go');
    Clock::advance(3601);
    is(delivered(20, '/m'), '7 0 0', 'all are delivered');

    my @got = recorded();
    my @batches = batches(3);
    my %ids = map { $_ => 1 } map { @$_ } @batches;

    is(CORE::join(' ', map { scalar @$_ } @batches), '1 4 2', 'so many each');
    is(scalar keys %ids, 7, 'each event once');

    is($got[0]{headers}{'webhook-id'}, $batches[0][0], 'the id of one');
    like($got[1]{headers}{'webhook-id'}, qr/^bat_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
         'of several');
    isnt($got[1]{headers}{'webhook-id'}, $got[2]{headers}{'webhook-id'},
         'each its own');
}

=== TEST 2: each is tried again by itself
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/flaky/2 rate=1/1h
                       format=cloudevents-batch;
--- recorder
--- check eval
sub {
    arrived(1);
    raise(3);
    is(pending(4), 4, 'the first failed, three wait');
    Clock::advance(3601);
    arrived(2);
    is(pending(4), 4, 'all have failed');
    Clock::advance(3601);
    is(delivered(20, '/m'), '4 0 0', 'all are delivered');

    my @batches = batches(3);
    my %n;

    $n{$_}++ for map { @$_ } @batches;
    is(CORE::join(' ', map { scalar @$_ } @batches), '1 4 4', 'so many each');
    is(CORE::join(' ', sort values %n), '2 2 2 3', 'none too often');
    is($n{ $batches[0][0] }, 3, 'the first once more');
    is((recorded())[1]{headers}{'webhook-id'},
       (recorded())[2]{headers}{'webhook-id'}, 'the same id of the same');
}

=== TEST 3: what one is answered is all they are told
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/410 rate=1/1h
                       format=cloudevents-batch retry=off;
--- recorder
--- check eval
sub {
    arrived(1);
    raise(3);
    is(delivered(20, '/m'), '0 0 4', 'all are dead');
    is(ApiEvents::count_recorded(), 1, 'the others without a request');
}

=== TEST 4: a request that failed has failed for each
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/500 rate=1/1h
                       format=cloudevents-batch retry=off;
--- recorder
--- check eval
sub {
    arrived(1);
    raise(3);
    is(pending(3), 3, 'three wait');
    Clock::advance(3601);
    is(delivered(20, '/m'), '0 0 4', 'all are dead');
    is(CORE::join(' ', map { scalar @$_ } batches(2)), '1 3', 'so many each');
}

=== TEST 5: what does not go into one goes into another
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok rate=1/1h
                       format=cloudevents-batch template=../html/large.txt;
--- user_files eval
">>> large.txt\n" . '{{.Meta.OriginatingRequest}}' x 20 . "\n"
--- request eval
"POST /a\n" . 'x' x 100_000
--- error_code: 401
--- recorder
--- check eval
sub {
    my $port = $Test::Nginx::Util::ServerPortForClient;

    arrived(1);

    for (1 .. 2) {
        my $fh = IO::Socket::INET->new("127.0.0.1:$port");

        print $fh "POST /a HTTP/1.0\r\nContent-Length: 100000\r\n\r\n",
                  'x' x 100_000;
        my $answer = do { local $/; <$fh> };
    }

    is(pending(2), 2, 'two wait');
    Clock::advance(3601);
    is(pending(1), 1, 'one goes');
    Clock::advance(3601);
    is(delivered(20, '/m'), '3 0 0', 'all are delivered');
    is(CORE::join(' ', map { scalar @$_ } batches(3)), '1 1 1', 'each alone');
}

=== TEST 6: a batch of one
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok rate=1/1h batch=1
                       format=cloudevents-batch;
--- recorder
--- check eval
sub {
    arrived(1);
    raise(2);
    is(pending(2), 2, 'two wait');
    Clock::advance(3601);
    is(pending(1), 1, 'one goes');
    Clock::advance(3601);
    is(delivered(20, '/m'), '3 0 0', 'all are delivered');
}

=== TEST 7: without a format that has a list
--- http_config
    api_event_handlers * webhook url=$HOOK/ok batch=4 format=cloudevents;
--- emerg
invalid "batch=4", a number between 1 and 100 beside "format=cloudevents-batch" is expected in

=== TEST 8: too many
--- http_config
    api_event_handlers * webhook url=$HOOK/ok batch=101 format=cloudevents-batch;
--- emerg
invalid "batch=101", a number between 1 and 100 beside

=== TEST 9: none
--- http_config
    api_event_handlers * webhook url=$HOOK/ok batch=0 format=cloudevents-batch;
--- emerg
invalid "batch=0", a number between 1 and 100 beside
