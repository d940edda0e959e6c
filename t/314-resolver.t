# Where a webhook's host is: addresses, localhost, the "resolver" of nginx.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use DnsServer;

# two.test has an address where nobody listens and a good one, silent.test has
# no answer, the others no address
our $Dns = DnsServer->new(
    'one.test' => ['127.0.0.1'],
    'two.test' => ['127.0.0.2', '127.0.0.1'],
    'dead.test' => ['127.0.0.2', '127.0.0.3'],
    'six.test' => ['::1'],
    'both.test' => ['127.0.0.2', '::1'],
    'silent.test' => undef,
);

sub handler {
    my ($host, $more) = @_;
    my $port = $host =~ /:/ ? 2 : 1;

    return "api_event_handlers AuthFailure webhook retry=off"
           . " url=http://$host:\$TEST_NGINX_RAND_PORT_$port/ok " . ($more // '')
           . ";\n";
}

sub resolver {
    return "resolver " . $Dns->address . " @_;\n";
}

# what listens on IPv6 passes on to the recorder
our $Six = <<'END';
    server {
        listen [::1]:$TEST_NGINX_RAND_PORT_2;
        location / {
            proxy_set_header Host $http_host;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        }
    }
END

worker_connections(512);
run_tests();

__DATA__

=== TEST 1: localhost is this host, whatever the resolver says
--- http_config eval
::resolver() . ::handler('localhost') . ::handler('LOCALHOST')
. ::handler('hook.localhost')
--- recorded_count: 3
--- recorded_check eval
sub {
    my @hosts = sort map { $_->{headers}{host} } @_;
    my $port = rand_port(1);

    is("@hosts", "LOCALHOST:$port hook.localhost:$port localhost:$port", 'Host');
}

=== TEST 2: localhost without a resolver
--- http_config eval
::handler('localhost')
--- recorded_count: 1

=== TEST 3: an IPv6 address
--- http_config eval
$::Six . ::handler('[::1]') . ::handler('[0:0::0:1]')
--- recorded_count: 2
--- recorded_check eval
sub {
    my @hosts = sort map { $_->{headers}{host} } @_;
    my $port = rand_port(2);

    is("@hosts", "[0:0::0:1]:$port [::1]:$port", 'Host');
}

=== TEST 4: localhost that listens on IPv6 only
--- http_config eval
$::Six . ::handler('localhost') =~ s/RAND_PORT_1/RAND_PORT_2/r
--- recorded_count: 1

=== TEST 5: a name
--- http_config eval
::resolver() . ::handler('one.test') . ::handler('ONE.test.')
--- recorded_count: 2

=== TEST 6: an address that refuses is followed by the next one
--- http_config eval
::resolver() . ::handler('two.test')
--- request eval
[("GET /a") x 6]
--- error_code eval
[(401) x 6]
--- recorded_count: 6
--- metrics
apievents_deliveries{state="delivered"} 6

=== TEST 7: all addresses refuse
--- http_config eval
::resolver() . ::handler('dead.test')
--- error_log
failed: no answer: refused or reset
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 8: a name with an IPv6 address only
--- http_config eval
$::Six . ::resolver() . ::handler('six.test') =~ s/RAND_PORT_1/RAND_PORT_2/r
--- recorded_count: 1

=== TEST 9: a name with both, one of which refuses
--- http_config eval
$::Six . ::resolver() . ::handler('both.test') =~ s/RAND_PORT_1/RAND_PORT_2/r
--- request eval
[("GET /a") x 4]
--- error_code eval
[(401) x 4]
--- recorded_count: 4

=== TEST 10: a name that does not exist stops no start
--- http_config eval
::resolver() . ::handler('none.test') . ::handler('one.test')
--- recorded_count: 1
--- error_log eval
qr{\[warn\] .*delivery of evt_\S+ to webhook "http://none.test:\d+/ok" failed: host not found}
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="delivered"} 1

=== TEST 11: a DNS server that does not answer
--- http_config eval
::resolver() . ::handler('silent.test', 'timeout=1s') . ::handler('one.test')
--- recorded_count: 1
--- error_log eval
qr{silent.test:\d+/ok" failed: timed out}
--- metrics
apievents_deliveries{state="dead"} 1
apievents_deliveries{state="delivered"} 1

=== TEST 12: its own time is shorter
--- http_config eval
::resolver() . "resolver_timeout 300ms;\n" . ::handler('silent.test')
--- error_log eval
qr{silent.test:\d+/ok" failed: host not found}

=== TEST 13: no DNS server at all
--- http_config eval
"resolver 127.0.0.1:9;\n" . ::handler('one.test', 'timeout=500ms')
. ::handler('localhost')
--- recorded_count: 1
--- error_log
failed: timed out
--- allow_log
recv() failed

=== TEST 14: an answer is good for its time, and for all attempts
--- http_config eval
::resolver('ipv6=off') . ::handler('one.test', 'concurrency=4')
--- init
$::Dns->forget
--- request eval
[("GET /a") x 10]
--- error_code eval
[(401) x 10]
--- recorded_count: 10
--- check eval
sub {
    is(scalar(grep { $_ eq 'one.test A' } $::Dns->asked), 1, 'asked once');
}

=== TEST 15: nginx ends while a host is looked up
--- main_config
    worker_shutdown_timeout 200ms;
--- http_config eval
"api_store off;\n" . ::resolver() . ::handler('silent.test')
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- metrics
apievents_deliveries{state="pending"} 3
--- shutdown_error_log
3 deliveries are left to other workers
3 deliveries are not made: the last worker ends
