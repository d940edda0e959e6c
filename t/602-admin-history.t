# What the history tells of attempts.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use DeliverBlocks;
use IO::Socket::INET;
use JSON::PP qw(decode_json);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_admin_user ops secret=secret-of-ops;\n"
                                     . ($block->http_config // ''));
    $block->set_value(config => ($block->config // '') . <<'END');
location /a { api_id a; empty_gif; }
location /tyk/ { api_admin; }
location = /.metrics { api_metrics; }
END
});

# what the management says to a request
sub admin {
    my ($method, $uri) = @_;
    my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}")
        or return {};

    print $fh "$method /tyk/$uri HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n\r\n";
    local $/;

    my ($status, $body) = (<$fh> // '') =~ /^HTTP\S+ (\d+).*?\r\n\r\n(.*)/s;
    my $answer = eval { decode_json($body // '') } // {};

    $answer->{http} = $status if ref $answer eq 'HASH';
    return $answer;
}

# so many rows of a list, newest first
sub rows {
    my ($n, $uri) = @_;
    my $rows;

    ApiEvents::wait_for(sub {
        $rows = admin('GET', $uri // 'deliveries')->{items} // [];
        @$rows >= $n
    });

    return @$rows;
}

# so many requests at the receiver
sub arrived {
    my ($n) = @_;
    return ApiEvents::wait_for(sub { $n <= (() = ApiEvents::recorded()) });
}

sub of {
    my ($member, @rows) = @_;
    return join ' ', map { $_->{$member} // 'null' } @rows;
}

# Unix seconds of RFC 3339
sub seconds {
    my ($text) = @_;

    require Time::Local;
    my ($y, $m, $d, $h, $min, $s) = $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/
        or return 0;

    return Time::Local::timegm(0, $min, $h, $d, $m - 1, $y) + $s;
}

run_tests();

__DATA__

=== TEST 1: 500, 500, 200
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/flaky/2;
--- recorder
--- check eval
sub {
    my $event;

    ok(::arrived(1), 'the first');
    is(scalar(::rows(1)), 1, 'its row');
    Clock::advance(7);
    ok(::arrived(2), 'the second');
    is(scalar(::rows(2)), 2, 'its row');
    Clock::advance(361);
    ok(::arrived(3), 'the third');

    my @rows = ::rows(3);

    is(::of('state', @rows), 'delivered retry retry', 'state');
    is(::of('attempt', @rows), '3 2 1', 'attempt');
    is(::of('status', @rows), '200 500 500', 'status');
    is(::of('response', @rows), "flaky\n flaky\n flaky\n", 'response');
    is(::of('error', @rows), '  ', 'error');
    is(::of('handler', @rows), 'webhook webhook webhook', 'handler');
    like($rows[0]{label}, qr{^http://127\.0\.0\.1:\d+/flaky/2$}, 'label');
    is("$rows[0]{event} $rows[0]{api_id}", 'AuthFailure a', 'event and API');
    like($rows[0]{endpoint}, qr/^[0-9a-f]{32}$/, 'endpoint');
    like($rows[0]{duration_ms}, qr/^\d+$/, 'duration');

    my %ids = map { $_->{event_id} => 1 } @rows;
    is(CORE::join(' ', keys %ids), (recorded())[0]{headers}{'webhook-id'}, 'one event');

    is($rows[0]{next_try}, undef, 'no more try');

    for ([2, 5], [1, 300]) {
        my ($i, $delay) = @$_;
        my $wait = ::seconds($rows[$i]{next_try}) - ::seconds($rows[$i]{time})
                   - $rows[$i]{duration_ms} / 1000;

        cmp_ok($wait, '>=', 0.8 * $delay, "next try in $delay s, less 20 %");
        cmp_ok($wait, '<=', 1.2 * $delay + 1, "next try in $delay s, and 20 %");
        cmp_ok(::seconds($rows[$i - 1]{time}), '>=', ::seconds($rows[$i]{next_try}) - 0.001,
               'not before');
    }

    my ($id) = keys %ids;
    is(::of('attempt', ::rows(3, "deliveries?event=$id")), '3 2 1', 'of the event');
    is(::of('attempt', ::rows(2, 'deliveries?state=retry')), '2 1', 'of a state');
    is(::of('attempt', ::rows(3, "deliveries?endpoint=$rows[0]{endpoint}")), '3 2 1',
       'of the endpoint');
    is(scalar(::rows(0, 'dead-letters')), 0, 'none is dead');
    is(::admin('GET', "events/$id")->{EventType}, 'AuthFailure', 'its event');
}

=== TEST 2: no answer
--- http_config
    api_event_handlers AuthFailure webhook url=http://127.0.0.1:1/ retry=2;
--- check eval
sub {
    my ($row) = ::rows(1);

    is("$row->{state} $row->{status}", 'retry 0', 'no status');
    is($row->{error}, 'no answer: refused or reset', 'error');
    is($row->{response}, '', 'no answer');
    ok(defined $row->{next_try}, 'next try');
}

=== TEST 3: the first 4 KiB of an answer
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/big/10000;
--- recorder
--- check eval
sub {
    my ($row) = ::rows(1);
    is(length $row->{response}, 4096, 'bytes');
}

=== TEST 4: a script; a line in a log is a history by itself
--- http_config
    api_event_handlers AuthFailure log prefix=LOG;
    api_event_handlers AuthFailure js path=../html/bad.js name=bad;
--- user_files
>>> bad.js
var bad = new TykJS.TykEventHandlers.NewEventHandler({});
bad.NewHandler(function (event, context) { throw new Error("no good"); });
--- allow_log
no good
--- check eval
sub {
    is(delivered(), '1 0 1', 'both have ended');

    my ($js, @more) = ::rows(1);

    is(scalar @more, 0, 'one row');
    is("$js->{handler} $js->{state}", 'js dead', 'script');
    like($js->{error}, qr/no good/, 'what it says');
}

=== TEST 5: no history
--- http_config
    api_store sqlite:apievents.db history=0;
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
--- recorder
--- check eval
sub {
    ok(::arrived(1), 'arrived');
    is(delivered(), '1 0 0', 'delivered');
    sleep 1;
    is(scalar(::rows(0)), 0, 'no row');
}
