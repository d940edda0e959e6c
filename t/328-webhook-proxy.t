# Webhooks through a proxy of plain HTTP.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RawServer;

our $Proxy = RawServer->new('http://hook.invalid/refuses' => "HTTP/1.1 407 Proxy\r\n"
                                          . "Content-Length: 0\r\n\r\n");
our $Other = RawServer->new;

sub handler {
    my ($url, $more) = @_;
    $more //= '';

    return "api_event_handlers AuthFailure webhook url=$url $more;\n";
}

# through the first of the two proxies
sub proxied {
    return handler($_[0], "proxy=http://localhost:" . $Proxy->port . " retry=off "
                          . ($_[1] // ''));
}

# so many requests at a server in the end
sub arrived {
    my ($server, $n) = @_;

    ApiEvents::wait_for(sub { $server->requests >= $n });

    return map { $_->[1] } $server->requests;
}

sub forget {
    $_->forget for $Proxy, $Other;
}

run_tests();

__DATA__

=== TEST 1: the proxy gets the whole URL, and the Host that it names
--- http_config eval
::proxied('http://hook.invalid:8081/a/b?c=%20d')
--- init
::forget()
--- check eval
sub {
    my ($head) = ::arrived($::Proxy, 1);

    like($head, qr{^POST http://hook\.invalid:8081/a/b\?c=%20d HTTP/1\.1\r\n}, 'request line');
    like($head, qr{^Host: hook\.invalid:8081\r$}m, 'Host');
}

=== TEST 2: no path, the usual port
--- http_config eval
::proxied('http://hook.invalid')
--- init
::forget()
--- check eval
sub {
    my ($head) = ::arrived($::Proxy, 1);

    like($head, qr{^POST http://hook\.invalid/ HTTP/1\.1\r\n}, 'request line');
    like($head, qr{^Host: hook\.invalid\r$}m, 'Host');
}

=== TEST 3: a Host of its own, the name of the URL is not looked up
--- http_config eval
::proxied('http://hook.invalid/', '"header=Host: other.example"')
--- init
::forget()
--- check eval
sub {
    my ($head) = ::arrived($::Proxy, 1);

    like($head, qr{^POST http://hook\.invalid/ }, 'request line');
    like($head, qr{^Host: other\.example\r$}m, 'Host');
}

=== TEST 4: what the proxy answers is the answer
--- http_config eval
::proxied('http://hook.invalid/refuses')
--- init
::forget()
--- error_log
failed: status 407

=== TEST 5: connections to the proxy are kept, and are one endpoint's
--- http_config eval
::proxied('http://hook.invalid/one', 'concurrency=1')
. ::proxied('http://hook.invalid/two', 'concurrency=1')
--- init
::forget()
--- check eval
sub {
    for my $n (1 .. 3) {
        raise(1) if $n > 1;
        is(scalar(my @all = ::arrived($::Proxy, 2 * $n)), 2 * $n, "round $n");
    }

    my %numbers;
    push @{ $numbers{$_->[0]} }, $_->[3] for $::Proxy->requests;

    is("@{ $numbers{$_} }", '1 2 3', $_) for sort keys %numbers;
}

=== TEST 6: with one proxy, with another one, and with none
--- http_config eval
my $url = 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok';

::proxied($url) . ::handler($url)
. ::handler($url, 'proxy=http://127.0.0.1:' . $::Other->port)
--- init
::forget()
--- recorded_count: 1
--- check eval
sub {
    ::arrived($::Other, 1);
    ::arrived($::Proxy, 1);
    is(scalar($::Proxy->requests), 1, 'one at the first');
    is(scalar($::Other->requests), 1, 'one at the second');
}
--- metrics
apievents_deliveries{state="delivered"} 3

=== TEST 7: not with TLS
--- http_config
api_event_handlers * webhook url=https://localhost/ proxy=http://127.0.0.1:3128;
--- emerg
"proxy=" is for plain http, a "url=" that starts with "http://" is expected in
nginx.conf:

=== TEST 8: a proxy that is spoken to by TLS
--- http_config
api_event_handlers * webhook url=http://localhost/ proxy=https://127.0.0.1:3128;
--- emerg
invalid "proxy=https://127.0.0.1:3128", "http://HOST:PORT" is expected in
nginx.conf:

=== TEST 9: a proxy with a path
--- http_config
api_event_handlers * webhook url=http://localhost/ proxy=http://127.0.0.1:3128/a;
--- emerg
invalid "proxy=http://127.0.0.1:3128/a", "http://HOST:PORT" is expected in

=== TEST 10: no URL
--- http_config
api_event_handlers * webhook url=http://localhost/ proxy=127.0.0.1:3128;
--- emerg
invalid "proxy=127.0.0.1:3128",

=== TEST 11: what looks at addresses would look at the proxy's
--- http_config
api_event_handlers * webhook url=http://localhost/ filter=on proxy=http://127.0.0.1:3128;
--- emerg
"filter=on" and "proxy=" exclude each other, one of them is expected in
nginx.conf:
