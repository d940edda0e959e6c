# grpc_pass: the gate before a gRPC service.  The service is another server of
# the same nginx, with trailers; the client is curl, which prints them.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $locations = $block->config;

    $block->set_value(http_config => $http . <<"END");
    log_format told '\$api_decision \$upstream_status \$status';
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 http2;
        access_log logs/told.log told;
$locations
    }
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_3 http2;
        root html;
        default_type application/grpc;
        client_max_body_size 0;

        location /orders.Orders/ {
            add_header X-Version \$http_x_api_version;
            add_header X-Te \$http_te;
            add_trailer grpc-status 0;
            add_trailer grpc-message fine;
            error_page 405 =200 \$uri;

            # no Content-Length, as trailers come behind none
            sub_filter_types *;
            sub_filter none none;
        }
        location /orders.Orders/Fail { return 503; }
        location /orders.Orders/Upload {
            proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/ok;
        }
    }
END
    $block->set_value(config => '');
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
    $block->set_value(user_files => ($block->user_files // '')
                      . ">>> orders.Orders/Get\nreply\n");
});

run_tests();


# what curl prints, trailers behind the body
sub grpc {
    my ($path, @args) = @_;

    open my $curl, '-|', 'curl', '-s', '-i', '-m', 5,
         '--http2-prior-knowledge', '-H', 'Content-Type: application/grpc',
         '-H', 'TE: trailers', '-X', 'POST', @args,
         'http://127.0.0.1:' . ApiEvents::rand_port(2) . $path
         or die "curl: $!\n";
    binmode $curl;
    local $/;
    return <$curl> // '';
}

sub told {
    open my $in, '<', "$Test::Nginx::Util::ServRoot/logs/told.log" or return;
    return map { chomp; $_ } <$in>;
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(grpc told);
}

__DATA__

=== TEST 1: a call with a good key, and three that are refused
--- config
    location /orders.Orders/ {
        api_id orders;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    }
--- check eval
sub {
    my @key = ('-H', 'Authorization: quota-key-0123456789');
    my $path = '/orders.Orders/Get';
    my $got = grpc($path, @key);
    my @events;

    like($got, qr{^HTTP/2 200 .*^content-type: application/grpc\r$}ms, 'head');
    like($got, qr{\r\n\r\nreply\n.*^grpc-status: 0\r?$}ms, 'body and status');
    like($got, qr{^grpc-message: fine\r?$}m, 'another trailer');
    like($got, qr{^x-te: trailers\r$}m, 'TE');

    like(grpc($path, @key), qr{reply}, 'the second');
    like(grpc($path, @key), qr{^HTTP/2 200 .*^grpc-status: 8\r$}ms, 'quota');
    like(grpc($path), qr{^grpc-status: 16\r$}m, 'no key');
    like(grpc($path, '-H', 'Authorization: foreign-key-0123456789'),
         qr{^grpc-status: 7\r$}m, 'another API');

    is_deeply([sort(told())],
              [('AuthFailure - 200') x 2, 'QuotaExceeded - 200',
               ('allowed 200 200') x 2], 'log')
        if wait_for(sub { told() == 5 });
    ok(wait_for(sub { (@events = recorded()) == 3 }), 'events');

    my ($quota) = grep { $_->{json}{EventType} eq 'QuotaExceeded' } @events;

    event($quota, 'QuotaExceeded', Path => $path, Key => '****6789',
          Origin => qr/^127\.0\.0\.1:\d+$/);
    like(originating($quota),
         qr{^POST $path HTTP/1\.1\r\n.*\r\n\r\n$}s, 'request');
}
--- recorder

=== TEST 2: versions by metadata, and by the path
--- config
    location /orders.Orders/ {
        api_id orders;
        api_auth off;
        api_version header=x-api-version v1 v2;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    }
    location /s/ {
        api_id s;
        api_auth off;
        api_version header=x-api-version strip v1;
        rewrite ^/s(.*) $1 break;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    }
    location /u/ {
        api_id u;
        api_auth off;
        rewrite ^/u(.*) $1 break;
        api_version url strip v1;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    }
--- check eval
sub {
    my $path = '/orders.Orders/Get';

    like(grpc($path, '-H', 'X-Api-Version: v2'),
         qr{^x-version: v2\r\n.*reply}ms, 'by a header');
    like(grpc($path), qr{^grpc-status: 7\r$}m, 'none');
    unlike(grpc("/s$path", '-H', 'X-Api-Version: v1'),
           qr{^x-version: v1}m, 'stripped');
    like(grpc("/u/v1$path"), qr{reply}, 'by the path');
    like(grpc("/u/v2$path"), qr{^grpc-status: 7\r$}m, 'unknown');
}

=== TEST 3: a service that is not there is charged, it was let in
--- config
    location /orders.Orders/ {
        api_id orders;
        api_auth off;
        api_quota 1/1d;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_4;
    }
--- check eval
sub {
    my $path = '/orders.Orders/Get';

    like(grpc($path), qr{^HTTP/2 502}, 'no service');
    like(grpc($path), qr{^grpc-status: 8\r$}m, 'charged');
}

=== TEST 4: a breaker sees the service's answers
--- config
    location /orders.Orders/ {
        api_id orders;
        api_auth off;
        api_breaker threshold=1 samples=2 open=1m;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    }
--- check eval
sub {
    my $path = '/orders.Orders/Get';
    my @events;

    like(grpc('/orders.Orders/Fail'), qr{^HTTP/2 503}, 'first') for 1, 2;
    like(grpc($path), qr{^HTTP/2 200 .*^grpc-status: 14\r$}ms, 'open');
    ok(wait_for(sub { (@events = recorded()) == 2 }), 'events');
    like($_->{json}{EventType}, qr/^BreakerTri/, 'event') for @events;
}
--- recorder

=== TEST 5: a long call in both directions
--- config
    location /orders.Orders/ {
        api_id orders;
        api_auth off;
        client_max_body_size 0;
        grpc_pass grpc://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    }
--- check eval
sub {
    my $folder = "$Test::Nginx::Util::ServRoot/html";

    for my $name ('up', 'orders.Orders/Long') {
        open my $out, '>', "$folder/$name" or die;
        print $out '#' x 1_000_000;
        close $out;
    }

    my $got = grpc('/orders.Orders/Long');

    is($got =~ tr/#//, 1_000_000, 'download');
    like($got =~ s/#+//r, qr{^grpc-status: 0\r?$}m, 'status');

    like(grpc('/orders.Orders/Upload', '--data-binary', "\@$folder/up"),
         qr{^HTTP/2 200}, 'upload');
    is(length((recorded())[0]{body}), 1_000_000, 'whole');
}
--- recorder
