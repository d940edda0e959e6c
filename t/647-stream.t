# Events as they are raised, to whoever looks on.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(config => "location /a { api_id a; empty_gif; }\n"
                                . "location /b { api_id b; empty_gif; }\n"
                                . ($block->config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# a client of the stream: its socket, and what it got so far
sub stream {
    my ($arguments, $headers) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}",
                                   Timeout => 10) or die "no connection: $!\n";

    print $fh "GET /tyk/events/stream" . ($arguments // '') . " HTTP/1.0\r\nHost: localhost\r\n"
              . "Admin-Auth: secret-of-eye\r\n" . ($headers // '') . "\r\n";
    my $client = { fh => $fh, text => '' };

    got($client, qr/\r\n\r\n/);
    return $client;
}

# reads until that is there; false: the end came, or too much time went by
sub got {
    my ($client, $pattern, $seconds) = @_;
    my $until = time + ($seconds // 30 * ($ENV{APIEVENTS_WAIT} // 20) / 20);
    my $select = IO::Select->new($client->{fh});

    until (ref $pattern eq 'CODE' ? $pattern->($client->{text}) : $client->{text} =~ $pattern) {
        return if time > $until;
        next if !$select->can_read(1);
        sysread($client->{fh}, $client->{text}, 65536, length $client->{text}) or return;
    }

    return 1;
}

# the events of a client, when there are so many
sub events {
    my ($client, $n) = @_;

    got($client, sub { $n <= (() = $_[0] =~ /^data: \{"EventType.*\n\n/mg) });
    return map { my ($id, $name, $data) = @$_; { id => $id, name => $name, doc => decode_json($data) } }
           map { [ /^id: (\S+)\nevent: (\S+)\ndata: (.*)/ ] }
           grep { /^id: / } split /\n\n/, $client->{text} =~ s/^.*?\r\n\r\n//sr;
}

run_tests();

__DATA__

=== TEST 1: what all workers raise, as it comes
--- workers: 3
--- config
    location /k { api_id k; api_event_key raw; empty_gif; }
--- check eval
sub {
    my $client = ::stream();
    like($client->{text}, qr{^HTTP/1.1 200}, 'let in');
    like($client->{text}, qr{^Content-Type: text/event-stream\r$}m, 'its type');
    like($client->{text}, qr{^Cache-Control: no-store\r$}m, 'not stored');
    ok(::got($client, qr/^: events\n/m), 'it begins');

    my %pids;
    for (1 .. 30) {
        ApiEvents::http_get('/a');
        ApiEvents::http_get('/b');
    }

    my @events = ::events($client, 60);
    is(scalar @events, 60, 'each of them');
    is(scalar(keys %{{ map { $_->{id} => 1 } @events }}), 60, 'once');
    is("@{[map { $_->{doc}{ID} eq $_->{id} && $_->{name} eq 'AuthFailure' ? () : $_->{id} } @events]}", '',
       'as they are');

    ApiEvents::http_get('/k', undef, "Authorization: 0123456789abcdef0123\r\n");
    my ($last) = (::events($client, 61))[60];
    is($last->{doc}{APIID}, 'k', 'one with a key');
    unlike($client->{text}, qr/0123456789abcdef0123/, 'which is not shown');
}

=== TEST 2: those that are asked for
--- check eval
sub {
    my $b = ::stream('?api=b');
    my $type = ::stream('?type=Nothing');
    my $family = ::stream('?type=app.*');

    ::got($_, qr/^: events/m) for $b, $type, $family;
    ApiEvents::http_get($_) for '/a', '/b', '/a', '/b';
    ::call(POST => 'apps', { id => '1' });

    is("@{[map { $_->{doc}{APIID} } ::events($b, 2)]}", 'b b', 'of an API');
    is("@{[map { $_->{name} } ::events($family, 1)]}", 'app.created', 'of a family');
    unlike($type->{text}, qr/^data:/m, 'of none');

    is(::status(GET => "events/stream?$_"), 400, $_) for 'keepalive=0', 'last_event_id=1', 'key=x';
    is(::status(POST => 'events/stream', {}), 405, 'it is not posted to');
    is(::status(GET => 'events/stream', undef, user => undef), 403, 'nor shown to all');
}

=== TEST 3: signs of life
--- check eval
sub {
    my $client = ::stream('?keepalive=1');
    ok(::got($client, qr/^:\n\n:\n\n/m), 'two of them');
}

=== TEST 4: not more than 32 of a worker, and room again when one has gone
--- check eval
sub {
    my @clients = map { ::stream() } 1 .. 32;
    my ($status, $doc) = ::call(GET => 'events/stream');

    is($status, 503, 'no room');
    like($doc->{message}, qr/32/, 'and why');

    close((pop @clients)->{fh}) for 1 .. 2;
    ok(ApiEvents::wait_for(sub { ::stream()->{text} =~ /^HTTP\S+ 200/ }), 'room again');

    ApiEvents::http_get('/a');
    is(scalar(grep { 1 == ::events($_, 1) } @clients), 30, 'told to each');
}

=== TEST 5: after a break the past comes first
--- http_config
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
--- recorder
--- check eval
sub {
    my $client = ::stream();
    ::got($client, qr/^: events/m);
    ApiEvents::http_get('/a') for 1 .. 3;

    my @first = ::events($client, 3);
    close $client->{fh};
    ApiEvents::http_get('/b') for 1 .. 5;

    $client = ::stream('', "Last-Event-ID: $first[1]{id}\r\n");
    ApiEvents::http_get('/a') for 1 .. 2;

    my @rest = ::events($client, 8);
    is($rest[0]{id}, $first[2]{id}, 'from there on');
    is(CORE::join('', map { $_->{doc}{APIID} } @rest), 'abbbbbaa', 'in order');
    is(scalar(keys %{{ map { $_->{id} => 1 } @rest }}), 8, 'none is missing');
}

=== TEST 6: without a store it goes on from now
--- http_config
    api_store off;
--- check eval
sub {
    my $client = ::stream('?last_event_id=evt_01941f29-7c00-7000-8000-000000000001');

    like($client->{text}, qr{^HTTP/1.1 200}, 'let in');
    ::got($client, qr/^: events/m);
    ApiEvents::http_get('/a');
    is(scalar ::events($client, 1), 1, 'and told');
}

=== TEST 7: a client that does not read is told how much it missed
--- http_config
    api_event_handlers * log file=/dev/null format=json;
    postpone_output 0;
--- config
    location /big { api_id big; api_event_handlers * log file=/dev/null format=json; empty_gif; }
--- check eval
sub {
    my $slow = ::stream();
    my $fast = ::stream('?api=b');
    ::got($_, qr/^: events/m) for $slow, $fast;

    # a long path in each of some thousands of events
    my $path = '/a/' . 'x' x 6000;
    my $n = 0;
    for (1 .. 60) {
        my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}");
        print $fh "GET $path HTTP/1.1\r\nHost: a\r\n\r\n" x 49
                  . "GET $path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        local $/;
        $n += () = (<$fh> // '') =~ /^HTTP/mg;
    }

    # one may find the ring full
    ok(ApiEvents::wait_for(sub {
        ApiEvents::http_get('/b');
        ::got($fast, qr{"Path":"/b"}, 1);
    }), 'others are told');

    ok(::got($slow, qr/^event: dropped\ndata: (\{.*\})\n\n/m), 'it is told');
    $slow->{text} =~ /^event: dropped\ndata: (\{.*\})\n\n/m;
    my $told = JSON::PP::decode_json($1);
    cmp_ok($told->{slow} + $told->{overwritten}, '>', 0, 'how many');

    $slow->{text} = '';
    ok(ApiEvents::wait_for(sub {
        ApiEvents::http_get('/b');
        ::got($slow, qr{"Path":"/b"}, 1);
    }), 'and goes on');
}

=== TEST 8: a worker that is killed, and one that ends
--- workers: 2
--- allow_log eval
[qr/./]
--- check eval
sub {
    my @clients = map { ::stream() } 1 .. 6;
    ::got($_, qr/^: events/m) for @clients;

    my ($pid) = ApiEvents::worker_pids();
    kill KILL => $pid;
    ok(ApiEvents::wait_for(sub { my @new = ApiEvents::worker_pids(); @new == 2 && !grep { $_ == $pid } @new }),
       'another worker');

    my $client = ::stream();
    ::got($client, qr/^: events/m);
    ApiEvents::http_get('/a') for 1 .. 10;
    is(scalar ::events($client, 10), 10, 'the others go on');

    kill HUP => ApiEvents::master_pid();
    ok(::got($client, qr/^event: end\n/m), 'the end is told');
    ok(!::got($client, qr/nothing more/), 'and there it is');

    $client = ::stream();
    ::got($client, qr/^: events/m);
    ApiEvents::http_get('/a');
    is(scalar ::events($client, 1), 1, 'who comes again is told');
}
