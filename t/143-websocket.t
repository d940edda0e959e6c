# WebSocket: a connection that was let through is one request, however long it
# lasts and whatever goes over it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;
use RawServer;

# switches and sends back what comes; "bye" ends it rudely
our $Server = RawServer->new('/fail' => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
                             map { $_ => \&echo } '/ws',
                             '/ws?api_key=good-key-0123456789');

sub echo {
    my ($socket) = @_;

    syswrite $socket, "HTTP/1.1 101 Switching Protocols\r\n"
        . "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

    while (sysread $socket, my $in, 65536) {
        return 0 if $in =~ /bye/;
        syswrite $socket, $in;
    }

    return 0;
}

add_block_preprocessor(sub {
    my ($block) = @_;
    my $port = $Server->port;

    $block->set_value(http_config => ($block->http_config // '') . <<'END');
    log_format told '$api_decision $status';
END
    $block->set_value(config => <<'END' . $block->config =~ s/SERVER/127.0.0.1:$port/gr);
    access_log logs/told.log told;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
END
    $block->set_value(user_files => $block->user_files =~ s/SERVER/127.0.0.1:$port/gr)
        if defined $block->user_files;
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

run_tests();


# a socket that asked for the switch, and what was answered
sub ws {
    my ($path, @headers) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);

    print $socket join("\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                       'Upgrade: websocket', 'Connection: Upgrade',
                       'Sec-WebSocket-Version: 13',
                       'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
                       @headers), "\r\n\r\n";

    return $socket, hear($socket, qr/\r\n\r\n/);
}

sub hear {
    my ($socket, $until) = @_;
    my $in = '';

    local $SIG{ALRM} = sub { close $socket };
    alarm 5;
    1 while $in !~ $until && sysread $socket, $in, 4096, length $in;
    alarm 0;

    return $in;
}

# a frame of its own as it is sent and comes back
sub echoes {
    my ($socket, $text) = @_;
    my $frame = pack('CC', 0x81, length $text) . $text;

    syswrite $socket, $frame;
    return hear($socket, qr/\Q$text/) eq $frame;
}

sub told {
    open my $in, '<', "$Test::Nginx::Util::ServRoot/logs/told.log" or return;
    return grep { !/404/ } map { chomp; $_ } <$in>;
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(ws hear echoes told);
}

__DATA__

=== TEST 1: it is charged once, and stays up when the limit is used up
--- config
    location /ws { api_id orders; proxy_pass http://SERVER; }
--- check eval
sub {
    my $key = 'Authorization: quota-key-0123456789';
    my ($one, $answer) = ws('/ws', $key);

    like($answer, qr{^HTTP/1\.1 101 }, 'switched');
    ok(echoes($one, "frame $_"), "frame $_") for 1 .. 5;

    (my $two, $answer) = ws('/ws', $key);
    like($answer, qr{^HTTP/1\.1 101 }, 'another');

    (my $three, $answer) = ws('/ws', $key);
    like($answer, qr{^HTTP/1\.1 403 }, 'the third is refused');
    like($answer . hear($three, qr/\}/), qr/"error": "Quota exceeded"/, 'text');

    ok(echoes($_, 'still there'), 'the others stay') for $one, $two;

    close $_ for $one, $two;
    ok(wait_for(sub { told() == 3 }), 'ended');
    is_deeply([sort(told())], ['QuotaExceeded 403', ('allowed 101') x 2], 'log');

    (my $four, $answer) = ws('/ws', $key);
    like($answer, qr{^HTTP/1\.1 403 }, 'nothing was given back');
    ok(wait_for(sub { (my @got = recorded()) == 2 }), 'events');
}
--- recorder

=== TEST 2: a credential in the query, as browsers have to send it
--- config
    location /wq {
        api_id orders;
        api_auth query=api_key;
        proxy_pass http://SERVER/ws;
    }
--- check eval
sub {
    my ($socket, $answer) = ws('/wq?api_key=nothing');

    like($answer, qr{^HTTP/1\.1 403 }, 'unknown');
    ($socket, $answer) = ws('/wq');
    like($answer, qr{^HTTP/1\.1 401 }, 'none');

    ($socket, $answer) = ws('/wq?api_key=good-key-0123456789');
    like($answer, qr{^HTTP/1\.1 101 }, 'a good one');
    ok(echoes($socket, 'hello'), 'frame');

    my $got;
    ok(wait_for(sub { ($got) = grep { $_->{json}{Meta}{Key} } recorded() }),
       'event');
    event($got, 'AuthFailure', Path => '/wq', Key => '****');
    like(originating($got),
         qr{^GET /wq\?api_key=\*\*\* HTTP/1\.1\r\n.*^Upgrade: websocket\r$}ms,
         'request');
}
--- recorder

=== TEST 3: breakers leave it out
--- config
    location ~ ^/(ws|fail) {
        api_id orders;
        api_auth off;
        api_breaker threshold=0.9 samples=2 window=1m open=1m;
        proxy_pass http://SERVER;
    }
--- check eval
sub {
    for (1 .. 3) {
        my ($socket, $answer) = ws('/ws');

        like($answer, qr{^HTTP/1\.1 101 }, 'switched');
        ok(echoes($socket, 'hello'), 'frame');
        syswrite $socket, 'bye';
        hear($socket, qr/never/);
    }

    ok(wait_for(sub { told() == 3 }), 'ended');

    is((http_get('/fail'))[0], 500, 'failed') for 1, 2;
    my ($socket, $answer) = ws('/ws');
    like($answer, qr{^HTTP/1\.1 503 }, 'open after two samples of two');
}

=== TEST 4: a long one is no probe for ever
--- config
    location ~ ^/(ws|fail) {
        api_id orders;
        api_auth off;
        api_breaker threshold=0.9 samples=2 window=1m open=200ms half_open=1;
        proxy_pass http://SERVER;
    }
--- check eval
sub {
    my ($socket, $answer);

    is((http_get('/fail'))[0], 500, 'failed') for 1, 2;
    is((http_get('/fail'))[0], 503, 'open');

    ok(wait_for(sub {
        ($socket, $answer) = ws('/ws');
        return $answer =~ / 101 /;
    }), 'switched, by the probe');
    ok(echoes($socket, 'hello'), 'frame');
    close $socket;

    ok(wait_for(sub { (http_get('/fail'))[0] == 500 }), 'the probe is free');
}

=== TEST 5: a reload ends nothing, and the old worker goes with the last one
--- config
    location /ws {
        api_id orders;
        api_auth off;
        api_quota 2/1d;
        proxy_pass http://SERVER;
    }
--- check eval
sub {
    my ($one, $answer) = ws('/ws');
    my ($old) = worker_pids();

    ok(echoes($one, 'before'), 'before');
    kill HUP => master_pid();
    ok(wait_for(sub { grep { $_ != $old } worker_pids() }), 'reloaded');
    ok(echoes($one, 'after'), 'after');

    ok(wait_for(sub { ((my $two), $answer) = ws('/ws'); $answer =~ / 101 / }),
       'the new worker');
    (my $three, $answer) = ws('/ws');
    like($answer, qr{^HTTP/1\.1 403 }, 'counted on');

    close $one;
    ok(wait_for(sub { !grep { $_ == $old } worker_pids() }), 'gone');
}

=== TEST 6: through a gateway of definitions, with a version in its path
--- config
    api_definitions ../html/apis;
--- user_files
>>> apis/ws.json
{"api_id": "ws", "name": "ws", "org_id": "acme", "use_keyless": true,
 "definition": {"location": "url", "strip_versioning_data": true},
 "proxy": {"listen_path": "/g/", "target_url": "http://SERVER/",
           "strip_listen_path": true},
 "version_data": {"versions": {"v1": {"name": "v1"}, "v2": {"name": "v2",
                               "expires": "2020-01-01 00:00"}}}}
--- check eval
sub {
    my ($socket, $answer) = ws('/g/v1/ws');

    like($answer, qr{^HTTP/1\.1 101 }, 'switched');
    ok(echoes($socket, "frame $_"), "frame $_") for 1 .. 3;

    ($socket, $answer) = ws('/g/v2/ws');
    like($answer, qr{^HTTP/1\.1 403 }, 'expired');
    ($socket, $answer) = ws('/g/ws');
    like($answer, qr{^HTTP/1\.1 403 }, 'none');
    ok(wait_for(sub { (my @got = recorded()) == 2 }), 'events');
}
--- recorder
