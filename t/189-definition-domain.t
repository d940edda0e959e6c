# Definitions with a domain: each is for the servers of that name.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Servers = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$request_uri\n"; }
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        server_name _;
        api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        server_name one.example other.example;
        api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        server_name two.example *.two.example;
        api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    }
END

# NAME => [domain, listen path, other members]
sub definitions {
    my (%apis) = @_;
    my $text = '';

    for my $name (sort keys %apis) {
        my ($domain, $path, $more) = @{ $apis{$name} };
        $more = $more ? ", $more" : '';

        $text .= qq(>>> apis/$name.json\n{"api_id": "$name", "use_keyless": true,\n)
                 . qq("domain": "$domain", "proxy": {"listen_path": "$path", "target_url":\n)
                 . qq("http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/$name"}$more}\n);
    }

    return $text;
}

# what a host answers
sub answer {
    my ($host, $path) = @_;
    my ($status, undef, $body) = http_get("http://$host$path", rand_port(3));

    return $status == 200 ? (split m{/}, $body)[1] : $status;
}

sub answers {
    my ($path, %expected) = @_;

    is(answer($_, $path), $expected{$_}, "$_$path") for sort keys %expected;
}

sub warnings {
    return error_log_text() =~ /\[warn\] \S+ (.*)$/mg;
}

run_tests();

__DATA__

=== TEST 1: one listen path for different domains
--- http_config eval: $::Servers
--- config
--- user_files eval
main::definitions(one => ['One.example', '/p/'], two => ['two.example', '/p/'],
                  wild => ['*.two.example', '/w/'], all => ['', '/p/'])
--- request
GET /p/
--- error_code: 404
--- check eval
sub {
    main::answers('/p/x', 'one.example' => 'one', 'other.example' => 'one', 'two.example' => 'two',
                  'a.two.example' => 'two', 'else.example' => 'all');
    main::answers('/w/x', 'one.example' => 404, 'a.two.example' => 'wild', 'else.example' => 404);
    is(CORE::join("\n", main::warnings()), '', 'no warning');
}

=== TEST 2: a domain that is switched off is none
--- http_config eval: $::Servers
--- config
--- user_files eval
main::definitions(one => ['one.example', '/p/', '"domain_disabled": true'])
--- request
GET /p/
--- error_code: 404
--- check eval
sub { main::answers('/p/x', 'one.example' => 'one', 'two.example' => 'one', 'else.example' => 'one') }

=== TEST 3: a domain of no server is said once
--- http_config eval: $::Servers
--- config
--- user_files eval
main::definitions(none => ['none.example', '/p/'], one => ['one.example', '/p/'],
                  sub => ['{sub}.two.example', '/p/'])
--- request
GET /p/
--- error_code: 404
--- check eval
sub {
    my @lines = main::warnings();

    main::answers('/p/x', 'one.example' => 'one', 'none.example' => 404, 'a.two.example' => 404);
    is(scalar @lines, 2, 'warnings');
    like($lines[0], qr{no server has this definition: "domain" is no "server_name" in front of "api_definitions", in \S+/none\.json:2$}, 'of the first');
    like($lines[1], qr{no server has this definition: .*/sub\.json:2$}, 'of the second');
}

=== TEST 4: in a server without a name it is ignored and named
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$request_uri\n"; }
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
        api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
    }
--- config
--- user_files eval
main::definitions(one => ['one.example', '/p/'])
--- request
GET /p/
--- error_code: 404
--- check eval
sub {
    main::answers('/p/x', 'one.example' => 'one', 'else.example' => 'one');
    like(CORE::join("\n", main::warnings()), qr/^not supported and ignored in definition "\S+one.json": domain$/, 'named');
}
