# HTTP/3, where nginx and curl both have it.

use strict;
use warnings;

BEGIN {
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

    if (`$nginx -V 2>&1` !~ /http_v3/ || `curl --version` !~ /\bHTTP3\b/) {
        require Test::More;
        Test::More::plan(skip_all => 'nginx and curl with HTTP/3 are needed');
    }
}

use lib 't/lib';
use ApiEvents;
use GateBlocks;
use File::Temp;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $locations = $block->config;

    $block->set_value(http_config => $http . <<"END");
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 quic;
        ssl_certificate ../html/cert.pem;
        ssl_certificate_key ../html/key.pem;
        access_log logs/told.log;
$locations
    }
END
    $block->set_value(config => '');
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
    $block->set_value(user_files => pair() . ($block->user_files // ''));
});

run_tests();


sub pair {
    my $folder = File::Temp::tempdir(CLEANUP => 1);

    my $said = join '', `openssl req -x509 -newkey ec -nodes -days 1 -batch \\
        -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost \\
        -keyout $folder/key.pem -out $folder/cert.pem 2>&1`;

    die "openssl: $said" if $?;

    local $/;
    return join '', map {
        open my $in, '<', "$folder/$_" or die "$folder/$_: $!\n";
        ">>> $_\n" . <$in>;
    } 'key.pem', 'cert.pem';
}

sub h3 {
    my @args = @_;
    my $base = 'https://127.0.0.1:' . ApiEvents::rand_port(2);

    open my $curl, '-|', 'curl', '-s', '-i', '-k', '-m', 5, '--http3-only',
         map { s{^/}{$base/}r } @args or die "curl: $!\n";
    binmode $curl;
    local $/;
    return <$curl> // '';
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::h3"} = \&h3;
}

__DATA__

=== TEST 1: a good key, its quota, none
--- config
    location /a { api_id orders; empty_gif; }
--- check eval
sub {
    my @key = ('-H', 'Authorization: quota-key-0123456789');
    my @events;

    like(h3(@key, '/a'), qr{^HTTP/3 200 .*^x-ratelimit-remaining: 1\r$}ms, 'first');
    like(h3(@key, '/a'), qr{^HTTP/3 200 }, 'second');
    like(h3(@key, '/a'),
         qr{^HTTP/3 403 .*\r\n\r\n\{\n    "error": "Quota exceeded"\n\}$}s, 'third');
    like(h3('-d', 'body', '/a?x'), qr{^HTTP/3 401 }, 'none');

    ok(wait_for(sub { (@events = recorded()) == 2 }), 'events');
    event($_, $_->{json}{EventType}, Path => '/a',
          Origin => qr/^127\.0\.0\.1:\d+$/) for @events;

    my ($none) = grep { $_->{json}{EventType} eq 'AuthFailure' } @events;
    like(originating($none),
         qr{^POST /a\?x HTTP/1\.1\r\n.*\r\n\r\nbody$}s, 'request');
}
--- recorder

=== TEST 2: versions by a header, limits by address
--- config
    location /a {
        api_id orders;
        api_auth off;
        api_version header=x-api-version strip v1;
        api_rate 1r/d key=$remote_addr;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
    }
--- check eval
sub {
    my @version = ('-H', 'X-Api-Version: v1');

    like(h3('/a'), qr{^HTTP/3 403 .*Version information}s, 'none');
    like(h3(@version, '/a'), qr{^HTTP/3 200 }, 'served');
    like(h3(@version, '/a'), qr{^HTTP/3 429 }, 'rate');

    my ($got) = grep { $_->{uri} eq '/ok' } recorded();
    is($got->{headers}{'x-api-version'}, undef, 'stripped');
}
--- recorder
