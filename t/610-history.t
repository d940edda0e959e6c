# History, dead letters and replay through the management API.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use JSON::XS;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => ($block->http_config // '') . <<'END');
api_admin_user ops secret=secret-of-ops;
END
    $block->set_value(config => ($block->config // <<'API') . <<'END');
location /a {
    api_id a;
    empty_gif;
}
API
location /tyk/ { api_admin; }
location = /m { api_metrics; }
END
});

# what the API answers, decoded; its status first
sub admin {
    my ($method, $path, $body) = @_;
    my $port = $Test::Nginx::Util::ServerPortForClient;
    my $fh = IO::Socket::INET->new("127.0.0.1:$port") or return 0;

    $body = defined $body ? JSON::XS->new->encode($body) : '';

    print $fh "$method /tyk/$path HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n"
              . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

    my $answer = do { local $/; <$fh> };
    my ($head, $text) = split /\r\n\r\n/, $answer // '', 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};

    return ($status // 0, eval { decode_json($text) } // $text);
}

sub admin_items {
    my ($path) = @_;
    my (undef, $page) = admin(GET => $path);

    return @{ $page->{items} };
}


# rows of a list, as soon as there are n
sub rows {
    my ($n, $path) = @_;
    my $got;

    wait_for(sub {
        (undef, $got) = admin(GET => $path);
        ref $got && @{ $got->{items} } >= $n
    });

    return ref $got ? @{ $got->{items} } : ();
}


# blocks are evaluated in the package of Test::Base's filters
{
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(admin admin_items rows);
}

run_tests();

__DATA__

=== TEST 1: a delivery has its row, its event its envelope
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
--- recorder
--- check eval
sub {
    my ($row) = rows(1, 'deliveries');
    my ($got) = recorded();
    my ($status, $envelope) = admin(GET => "events/$row->{event_id}");

    is($row->{event_id}, $got->{headers}{'webhook-id'}, 'its event');
    is_deeply([@$row{qw/ event handler state attempt status error api_id
                         next_try /}],
              ['AuthFailure', 'webhook', 'delivered', 1, 200, '', 'a', undef],
              'how it went');
    like($row->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, 'when');
    like($row->{endpoint}, qr/^[0-9a-f]{32}$/, 'to whom');
    is($status, 200, 'the event');
    is($envelope->{EventType}, 'AuthFailure', 'is the one');
    is($envelope->{ID}, $row->{event_id}, 'by its id');
    is(scalar(rows(1, 'dead-letters?limit=1')), 0, 'no dead letter');
}

=== TEST 2: an event is sent again under its id
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
--- recorder
--- check eval
sub {
    my ($row) = rows(1, 'deliveries');
    my ($status, $answer) = admin(POST => "events/$row->{event_id}/replay");

    is($status, 200, 'accepted');
    is($answer->{replayed}, 1, 'one');
    is(delivered(20, '/m'), '2 0 0', 'delivered');
    is(CORE::join(' ', map { $_->{headers}{'webhook-id'} } recorded()),
       "$row->{event_id} $row->{event_id}", 'twice the same id');
    is(scalar(rows(2, "deliveries?event=$row->{event_id}")), 2,
       'two rows of one event');

    ($status) = admin(POST => "deliveries/$row->{id}/retry");
    is($status, 200, 'a delivery by its row');
    is(delivered(20, '/m'), '3 0 0', 'delivered');

    ($status) = admin(POST => 'deliveries/999999/retry');
    is($status, 404, 'no such row');
    ($status) = admin(POST =>
                      'events/evt_00000000-0000-7000-8000-000000000000/replay');
    is($status, 404, 'no such event');
    ($status) = admin(POST => "events/$row->{event_id}/replay",
                      { endpoint => 'f' x 32 });
    is($status, 409, 'no such endpoint');
}

=== TEST 3: dead letters are sent again until they are none
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/flaky/2 retry=off;
--- recorder
--- check eval
sub {
    my ($dead) = rows(1, 'dead-letters');
    my ($status, $answer);

    is_deeply([@$dead{qw/ state attempt status /}], ['dead', 1, 500], 'one');

    ($status, $answer) = admin(POST => 'dead-letters/replay');
    is($answer->{replayed}, 1, 'sent again');

    wait_for(sub { my @r = rows(1, 'dead-letters');
                   @r && $r[0]{id} != $dead->{id} });
    is(scalar(rows(1, 'dead-letters')), 1, 'dead again');

    ($status, $answer) = admin(POST => 'dead-letters/replay',
                               { event => $dead->{event_id} });
    is($answer->{replayed}, 1, 'and again');
    is(delivered(20, '/m'), '1 0 2', 'delivered');
    ok(wait_for(sub {
           my (undef, $list) = admin(GET => 'dead-letters');
           @{ $list->{items} } == 0
       }), 'no dead letter is left');
    is(CORE::join(' ', map { $_->{state} } rows(3, 'deliveries')),
       'delivered dead dead', 'newest first');
}

=== TEST 4: pages and filters
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
    api_event_handlers AuthFailure webhook url=$HOOK/fail retry=off;
--- recorder
--- check eval
sub {
    my ($next, @ids);

    raise(4);
    delivered(20, '/m');
    is(scalar(rows(10, 'deliveries')), 10, 'all');

    do {
        my (undef, $page) = admin(GET => 'deliveries?limit=4'
                                  . ($next ? "&before=$next" : ''));
        push @ids, map { $_->{id} } @{ $page->{items} };
        $next = $page->{next};
    } while ($next);

    is(scalar @ids, 10, 'in pages');
    is("@ids", CORE::join(' ', sort { $b <=> $a } @ids), 'newest first, each once');

    my @dead = rows(5, 'deliveries?state=dead');
    is(scalar @dead, 5, 'by state');
    is(scalar(rows(5, "deliveries?endpoint=$dead[0]{endpoint}")), 5,
       'by endpoint');
    is(scalar(rows(10, 'deliveries?event=AuthFailure')), 10, 'by event');
    is(scalar(admin_items('deliveries?event=KeyExpired')), 0, 'of none');

    my @first = admin_items("deliveries?to=$dead[-1]{time}");
    is($first[-1]{id}, $ids[-1], 'until then, the first one');
    is(scalar(grep { $_->{time} gt $dead[-1]{time} } @first), 0,
       'and none that is later');
    ok(@first < 10, 'which are not all');
    is(scalar(admin_items('deliveries?from=2200-01-01T00:00:00Z')), 0,
       'from then on');

}

=== TEST 5: a range is sent again, each delivery once
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
--- recorder
--- check eval
sub {
    my ($answer, $sent, $next);

    raise(4);
    my @rows = rows(5, 'deliveries');
    my $from = $rows[-1]{time};

    (undef, $answer) = admin(POST => 'events/replay',
                             { from => '2200-01-01T00:00:00Z' });
    is($answer->{replayed}, 0, 'nothing there');

    $sent = 0;
    do {
        (undef, $answer) = admin(POST => 'events/replay',
            { from => $from, before => $rows[0]{id} + 1, limit => 2,
              $next ? (before => $next) : () });
        $sent += $answer->{replayed};
        $next = $answer->{next};
    } while ($next);

    is($sent, 5, 'five');
    is(delivered(20, '/m'), '10 0 0', 'delivered');

    my %n;
    $n{ $_->{headers}{'webhook-id'} }++ for recorded();
    is(CORE::join(' ', values %n), '2 2 2 2 2', 'each once more');
}

=== TEST 6: without a store
--- http_config
    api_store off;
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
--- recorder
--- check eval
sub {
    my ($status, $answer) = admin(GET => 'deliveries');

    is($status, 503, 'unavailable');
    like($answer->{message}, qr/there is no store/, 'why');
    is((admin(GET => 'endpoints'))[0], 200, 'endpoints are there');
}

=== TEST 7: no credential leaves the store
--- http_config
    api_event_handlers * webhook url=$HOOK/ok;
--- config
    location /a {
        api_id a;
        api_event_key raw;
        empty_gif;
    }
--- request
GET /a?api=unknown-key-0123456789
--- more_headers
Authorization: unknown-key-0123456789
--- error_code: 403
--- recorder
--- check eval
sub {
    my ($row) = rows(1, 'deliveries');
    my ($status, $envelope) = admin(GET => "events/$row->{event_id}");

    like((recorded())[0]{body}, qr/unknown-key-0123456789/, 'raw on its way');
    is($envelope->{EventMetaData}{Key}, '****6789', 'masked in the store');
    unlike(JSON::XS->new->encode($envelope), qr/unknown-key-0123456789/,
           'everywhere');
}

=== TEST 8: an attempt that fails tells why, and when the next one is
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/fail retry=2;
    api_event_handlers AuthFailure webhook url=http://127.0.0.1:1/ retry=off;
    api_event_handlers AuthFailure log prefix=logged;
--- recorder
--- allow_log: connect\(\) failed
--- check eval
sub {
    my ($dead) = rows(1, 'dead-letters');
    my ($retry) = rows(1, 'deliveries?state=retry');

    is_deeply([@$retry{qw/ state attempt status response /}],
              ['retry', 1, 500, "failed\n"], 'one is tried again');
    cmp_ok($retry->{next_try}, 'gt', $retry->{time}, 'later');
    cmp_ok($retry->{duration_ms}, '<', 20000, 'after a moment');
    is_deeply([@$dead{qw/ state attempt next_try label /}],
              ['dead', 1, undef, 'http://127.0.0.1:1/'], 'one is dead');
    like($dead->{error}, qr/connect|refused/, 'and why');
    is(delivered(20, '/m'), '1 0 2', 'both are dead, a line is logged');

    my @rows = rows(3, 'deliveries');
    is(CORE::join(' ', map { "$_->{state} $_->{attempt}" } @rows[0, 2]),
       'dead 2 ' . ($rows[2]{state} eq 'retry' ? 'retry 1' : 'dead 1'),
       'a row an attempt');
    is(scalar @rows, 3, 'none of the line');
}

=== TEST 9: what is disabled ends as a dead letter without an attempt
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/status/410;
--- recorder
--- check eval
sub {
    my ($row) = rows(1, 'dead-letters');

    is_deeply([@$row{qw/ state attempt status /}], ['dead', 1, 410],
              'it asked for that');
    raise(3);
    is(delivered(20, '/m'), '0 0 4', 'all are dead');

    my @dead = rows(4, 'dead-letters');

    is(scalar @dead, 4, 'four letters');
    is_deeply([@{ $dead[0] }{qw/ attempt error status /}],
              [0, 'the endpoint is disabled', 0], 'with the reason');
}
