# HostDown and HostUp: upstreams that are probed, and those of which requests
# tell.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    return if defined $block->emerg;

    $block->set_value(http_config => <<'END' . $http);
    api_zone apievents:16m;
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok
                       template=../html/event.txt;
END
    $block->set_value(user_files => ">>> event.txt\n{{json .}}\n"
                      . ($block->user_files // ''));
    $block->set_value(config => 'location = /one { return 204; }')
        unless defined $block->config;
    $block->set_value(request => 'GET /none') unless defined $block->request;
    $block->set_value(error_code => 404) unless defined $block->error_code;
});

no_root_location();
run_tests();


# a server that answers with a status and counts, until it is ended
my $Server;

sub server {
    my ($status, $port) = @_;
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
                                       LocalAddr => '127.0.0.1',
                                       LocalPort => $port // 0)
                 or die "listen: $!\n";

    $port = $listen->sockport;

    defined(my $pid = fork) or die "fork: $!\n";

    if ($pid) {
        $Server = $pid;
        return $port;
    }

    $SIG{TERM} = 'DEFAULT';

    while (my $c = $listen->accept) {
        my $head = '';

        while (my $line = <$c>) {
            $head .= $line;
            last if $line eq "\r\n";
        }

        print $c "HTTP/1.1 $status X\r\nContent-Length: 0\r\n"
                 . "Connection: close\r\n\r\n";
        close $c;
    }

    POSIX::_exit(0);
}


sub server_ends {
    kill 'TERM', $Server;
    waitpid $Server, 0;
    undef $Server;
}


END { if ($Server) { my $status = $?; server_ends(); $? = $status } }


sub events {
    my ($n) = @_;

    return map { $_->{json} } ApiEvents::recorded();
}

__DATA__

=== TEST 1: down, and up
--- workers: 2
--- recorder
--- http_config
    upstream up { server 127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
    api_hosts up probe=/health?x=1 interval=100ms fall=12 rise=2;
--- check eval
sub {
    my $port = ApiEvents::rand_port(2);
    my ($down, $up);

    ok(wait_for(sub { main::events() == 1 }), 'down');

    main::server(204, $port);
    ok(wait_for(sub { main::events() == 2 }), 'up');

    select undef, undef, undef, 0.6;
    my @events = main::events();
    is(@events, 2, 'each is told once');

    ($down, $up) = @events;
    is($down->{Type}, 'HostDown', 'type');
    is($down->{Meta}{Message}, 'Uptime test failed', 'message');

    my $info = $down->{Meta}{HostInfo};
    is($info->{CheckURL}, "http://127.0.0.1:$port/health?x=1", 'CheckURL');
    is($info->{ResponseCode}, 0, 'ResponseCode');
    ok($info->{IsTCPError}, 'IsTCPError');
    is($info->{Timeout}, 80_000_000, 'Timeout');
    is($info->{MetaData}{host_name}, "127.0.0.1:$port", 'host_name');
    is($info->{MetaData}{upstream}, 'up', 'upstream');
    is_deeply([sort keys %$info],
              [sort qw(CheckURL Protocol Timeout EnableProxyProtocol Commands
                       Method Headers Body MetaData ResponseCode Latency
                       IsTCPError)], 'members');

    is($up->{Type}, 'HostUp', 'type');
    is($up->{Meta}{Message}, 'Uptime test succeeded', 'message');
    is($up->{Meta}{HostInfo}{ResponseCode}, 204, 'ResponseCode');
    ok(!$up->{Meta}{HostInfo}{IsTCPError}, 'IsTCPError');

    main::server_ends();
    ok(wait_for(sub { main::events() == 3 }), 'and down again');
}

=== TEST 2: what is healthy: 2xx and 3xx; the first states are no edges
--- recorder
--- http_config
    upstream up {
        server 127.0.0.1:$TEST_NGINX_SERVER_PORT;
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_2 down;
    }
    api_hosts up probe=/302 interval=100ms fall=2;
    api_hosts 127.0.0.1:$TEST_NGINX_SERVER_PORT probe=/404 interval=100ms fall=12;
--- config
    location /302 { return 302 /x; }
    location /404 { return 404; }
    location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT; }
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($e) = map { $_->{json} } @_;

    is($e->{Type}, 'HostDown', 'type');
    is($e->{Meta}{HostInfo}{ResponseCode}, 404, 'ResponseCode');
    ok(!$e->{Meta}{HostInfo}{IsTCPError}, 'IsTCPError');
    like($e->{Meta}{HostInfo}{MetaData}{upstream}, qr/^127/, 'upstream');
}

=== TEST 3: a host that does not answer in time
--- recorder
--- http_config
    upstream up { server 127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    api_hosts up probe=/hang interval=200ms timeout=100ms fall=6;
--- check eval
sub {
    my $down = sub {
        grep { ($_->{json}{Type} // '') eq 'HostDown' } ApiEvents::recorded()
    };

    ok(wait_for(sub { $down->() }), 'down');
    my ($e) = map { $_->{json} } $down->();
    ok($e->{Meta}{HostInfo}{IsTCPError}, 'IsTCPError');
    ok($e->{Meta}{HostInfo}{Latency} >= 90, 'Latency');

    my ($probe) = grep { $_->{uri} eq '/hang' } ApiEvents::recorded();
    is($probe->{headers}{host}, 'up', 'Host');
    is($probe->{method}, 'GET', 'method');
}
--- error_log
host 127.0.0.1:

=== TEST 4: of several servers the one that is down
--- recorder
--- http_config
    upstream up {
        server 127.0.0.1:$TEST_NGINX_SERVER_PORT;
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_2 backup;
        server 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    }
    api_hosts UP probe=/one interval=100ms fall=12;
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{json}{Meta}{HostInfo}{MetaData}{host_name},
       '127.0.0.1:' . ApiEvents::rand_port(2), 'host_name');
}

=== TEST 5: what requests tell
--- workers: 2
--- recorder
--- http_config
    api_hosts 127.0.0.1:$TEST_NGINX_RAND_PORT_2 rise=1;
--- config
    location /p { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/; }
--- check eval
sub {
    my $port = ApiEvents::rand_port(2);

    is(CORE::join(' ', map { (http_get('/p'))[0] } 1 .. 2), '502 502', 'two');
    is(main::events(), 0, 'are not enough');

    is((http_get('/p'))[0], 502, 'the third');
    ok(wait_for(sub { main::events() == 1 }), 'down');
    is((http_get('/p'))[0], 502, 'the fourth');

    main::server(503, $port);
    is((http_get('/p'))[0], 503, 'an answer');
    ok(wait_for(sub { main::events() == 2 }), 'up');

    main::server_ends();
    is((http_get('/p'))[0], 502, 'once') for 1 .. 2;
    main::server(200, $port);
    is((http_get('/p'))[0], 200, 'in between');
    main::server_ends();
    is((http_get('/p'))[0], 502, 'twice') for 1 .. 2;

    select undef, undef, undef, 0.2;

    my @events = main::events();
    is(@events, 2, 'not in a row');
    is($events[0]{Type}, 'HostDown', 'type');
    is($events[0]{Meta}{HostInfo}{CheckURL}, "http://127.0.0.1:$port", 'URL');
    is($events[1]{Type}, 'HostUp', 'type');
    is($events[1]{Meta}{HostInfo}{ResponseCode}, 503, 'ResponseCode');
}

=== TEST 6: Tyk's body
--- recorder
--- http_config
    upstream up { server 127.0.0.1:$TEST_NGINX_SERVER_PORT; }
    api_hosts up probe=/500 interval=100ms fall=12;
    api_event_handlers HostDown webhook
                       url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/tyk;
--- config
    location /500 { return 500; }
--- check eval
sub {
    my @tyk;

    ok(wait_for(sub {
        @tyk = grep { $_->{uri} eq '/tyk' } ApiEvents::recorded();
    }), 'arrived');

    my $host = $tyk[0]{json}{host};

    is_deeply($tyk[0]{json},
              { event => 'HostDown', message => 'Uptime test failed',
                url => "http://$host/500", response_code => '500',
                tcp_error => 'false', host => $host, api_id => '' }, 'body');
    like($host, qr/^127\.0\.0\.1:\d+$/, 'host');
}

=== TEST 7: without a master
--- master: off
--- recorder
--- http_config
    upstream up { server 127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
    api_hosts up probe=/ interval=100ms fall=12;
--- recorded_count: 1
--- recorded_check eval
sub { is($_[0]{json}{Type}, 'HostDown', 'type') }

=== TEST 8: a hostile http level does not reach probes
--- recorder
--- http_config
    upstream up { server 127.0.0.1:$TEST_NGINX_SERVER_PORT; }
    proxy_set_header X-Evil 1;
    proxy_method DELETE;
    proxy_intercept_errors on;
    error_page 404 =200 /none;
    api_hosts up probe=/p interval=100ms fall=12;
--- config
    location /p {
        if ($http_x_evil) { return 200; }
        if ($request_method != GET) { return 200; }
        return 404;
    }
--- recorded_count: 1
--- recorded_check eval
sub { is($_[0]{json}{Meta}{HostInfo}{ResponseCode}, 404, 'the answer') }

=== TEST 9: an unknown upstream
--- http_config
    api_zone a:16m;
    api_hosts nobody;
--- emerg
unknown upstream "nobody", the name of an "upstream" block or HOST:PORT of a "proxy_pass" is expected in
nginx.conf:

=== TEST 10: a port that nobody is proxied to
--- http_config
    api_zone a:16m;
    upstream up { server 127.0.0.1:9; }
    api_hosts up:81;
--- emerg
unknown upstream "up:81"

=== TEST 11: no zone
--- http_config
    upstream up { server 127.0.0.1:9; }
    api_hosts up;
--- emerg
"api_hosts" needs an "api_zone" in the http block in

=== TEST 12: the same twice
--- http_config
    api_zone a:16m;
    upstream up { server 127.0.0.1:9; }
    api_hosts up;
    api_hosts UP probe=/;
--- emerg
duplicate "api_hosts UP", the first is in

=== TEST 13: only servers that are down
--- http_config
    api_zone a:16m;
    upstream up { server 127.0.0.1:9 down; }
    api_hosts up;
--- emerg
upstream "up" has no server with an address that could be watched in

=== TEST 14: a parameter that is not known
--- http_config
    api_hosts up path=/;
--- emerg
invalid parameter "path=/", "probe=", "interval=", "timeout=", "fall=" or "rise=" is expected in

=== TEST 15: no path
--- http_config
    api_hosts up probe=health;
--- emerg
invalid "probe=health", a path that starts with "/" is expected

=== TEST 16: a path that is two lines
--- http_config
    api_hosts up "probe=/a\nX: y";
--- emerg
a path that starts with "/" is expected

=== TEST 17: no time
--- http_config
    api_hosts up probe=/ interval=5x;
--- emerg
invalid "interval=5x", a time of 50ms to 1d is expected

=== TEST 18: an interval that is too short
--- http_config
    api_hosts up probe=/ interval=60ms;
--- emerg
"api_hosts" directive has an "interval=" that is too short, at least 100ms is expected

=== TEST 19: a timeout that is too long
--- http_config
    api_hosts up probe=/ interval=1s timeout=1s;
--- emerg
"api_hosts" directive has a "timeout=" that is not shorter than "interval="

=== TEST 20: never down
--- http_config
    api_hosts up fall=0;
--- emerg
invalid "fall=0", 1 to 1000 is expected

=== TEST 21: never up
--- http_config
    api_hosts up rise=x;
--- emerg
invalid "rise=x", 1 to 1000 is expected

=== TEST 22: an interval of nothing
--- http_config
    api_hosts up interval=5s;
--- emerg
"api_hosts" directive with "interval=" or "timeout=" needs "probe="
