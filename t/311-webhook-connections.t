# Time, concurrency, queues and connections of webhooks.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RawServer;

# answers one request a connection and closes it when the next one comes
our $Server = RawServer->new('/one' => sub {
    my ($socket, $n) = @_;

    syswrite $socket, "HTTP/1.1 204 No Content\r\n\r\n" if $n == 1;
    return $n == 1;
});

our $Url = 'http://127.0.0.1:' . $Server->port;

# tells the recorder, that stands behind it, of the connection
our $Front = <<'END';
    limit_conn_zone $server_port zone=receiver:1m;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        %s
        location / {
            proxy_set_header X-Connection $connection;
            proxy_set_header X-Requests $connection_requests;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        }
    }
END

worker_connections(1024);
run_tests();

__DATA__

=== TEST 1: a receiver that does not answer
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/hang timeout=1s;
--- recorded_count: 1
--- error_log eval
qr{\[warn\] .*delivery of evt_\S+ to webhook "http://127.0.0.1:\d+/hang" failed: timed out}
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="pending"} 0
--- metrics_equation

=== TEST 2: a receiver that answers for ever, byte by byte
--- http_config eval
sprintf($::Front, 'limit_rate 100;') . <<'END'
    api_event_handlers AuthFailure webhook retry=off timeout=1s
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/big/10000;
END
--- recorded_count: 1
--- error_log eval
qr{/big/10000" failed: timed out}

=== TEST 3: the time of an attempt is over while its header is on its way
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/slow/5000 timeout=1s;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/slow/100 timeout=20s;
--- recorded_count: 2
--- error_log
/slow/5000" failed: timed out
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="delivered"} 1

=== TEST 4: nobody listens
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/;
--- error_log
failed: no answer: refused or reset
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 5: the connection is closed before there is an answer
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/close;
--- recorded_count: 1
--- error_log
failed: no answer: refused or reset
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 6: statuses
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/201;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/204;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/299;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/301;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/304;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/404;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/410;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/500;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/502;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/504;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/599;
--- recorded_count: 11
--- metrics
apievents_deliveries{state="delivered"} 3
apievents_deliveries{state="dead"} 8
--- check eval
sub {
    for my $status (301, 304, 404, 410, 500, 502, 504, 599) {
        like(error_log_text(), qr{/status/$status" failed: status $status$}m,
             "$status is logged");
    }
}

=== TEST 7: no more at once than concurrency= says
--- http_config eval
sprintf($::Front, 'limit_conn receiver 2;') . <<'END'
    api_event_handlers AuthFailure webhook retry=off concurrency=2 queue=100
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/slow/100;
END
--- request eval
[("GET /a") x 10]
--- error_code eval
[(401) x 10]
--- recorded_count: 10
--- recorded_check eval
sub { cmp_ok($_[9]{time} - $_[0]{time}, '>=', 380, 'two at once') }
--- metrics
apievents_deliveries{state="delivered"} 10
apievents_deliveries{state="dead"} 0

=== TEST 8: no less either
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/slow/1500 concurrency=8;
--- request eval
[("GET /a") x 8]
--- error_code eval
[(401) x 8]
--- recorded_count: 8
--- recorded_check eval
sub { cmp_ok($_[7]{time} - $_[0]{time}, '<', 1400, 'all at once') }

=== TEST 9: what finds the queue full
--- http_config
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/hang concurrency=1 queue=2
                       timeout=1s;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/ok queue=1;
--- request eval
[("GET /a") x 6]
--- error_code eval
[(401) x 6]
--- recorded_count: 9
--- check eval
sub {
    my @full = log_lines('queue of webhook');

    is(scalar @full, 1, 'told once');
    like($full[0], qr{\[warn\] .*queue of webhook "http://127.0.0.1:\d+/hang" is full, evt_\S+ and what follows},
         'which queue, since when');
}
--- metrics
apievents_deliveries{state="dead"} 6
apievents_deliveries{state="delivered"} 6
--- metrics_equation

=== TEST 10: connections are kept and used again
--- http_config eval
sprintf($::Front, 'keepalive_requests 1000;') . <<'END'
    api_event_handlers AuthFailure webhook retry=off concurrency=1
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/ok;
END
--- request eval
[("GET /a") x 20]
--- error_code eval
[(401) x 20]
--- recorded_count: 20
--- recorded_check eval
sub {
    my %connections = map { $_->{headers}{'x-connection'} => 1 } @_;

    is(scalar keys %connections, 1, 'one connection');
    is($_[19]{headers}{'x-requests'}, 20, 'its last request');
}

=== TEST 11: a receiver that closes each connection
--- http_config eval
sprintf($::Front, 'keepalive_requests 1;') . <<'END'
    api_event_handlers AuthFailure webhook retry=off
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/ok;
END
--- request eval
[("GET /a") x 20]
--- error_code eval
[(401) x 20]
--- recorded_count: 20
--- recorded_check eval
sub {
    is(scalar(grep { $_->{headers}{'x-requests'} == 1 } @_), 20,
       'a connection each');
}

=== TEST 12: a receiver that closes idle connections at any moment
--- http_config eval
sprintf($::Front, 'keepalive_timeout 5ms;') . <<'END'
    api_event_handlers AuthFailure webhook retry=off
        url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/ok;
END
--- request eval
[("GET /a") x 100]
--- error_code eval
[(401) x 100]
--- recorded_count: 100
--- metrics
apievents_deliveries{state="delivered"} 100
apievents_deliveries{state="dead"} 0

=== TEST 13: a receiver that closes a connection when it is used again
--- http_config eval
"api_event_handlers AuthFailure webhook retry=off url=$::Url/one concurrency=1;"
--- request eval
[("GET /a") x 10]
--- error_code eval
[(401) x 10]
--- metrics
apievents_deliveries{state="delivered"} 10
apievents_deliveries{state="dead"} 0
--- check eval
sub {
    my @numbers = map { $_->[3] } $::Server->requests;

    is(scalar(grep { $_ == 1 } @numbers), 10, 'answered');
    is(scalar(grep { $_ == 2 } @numbers), 9, 'sent twice');
}
