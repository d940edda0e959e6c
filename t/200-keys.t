# Sessions of api_keys as the gate sees them.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();


# statuses of requests with these keys, over one connection
sub statuses {
    my @keys = @_;
    my $port = $Test::Nginx::Util::ServerPortForClient;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port, Timeout => 3)
                 or die "connect: $!\n";
    my @statuses;

    while (my @some = splice @keys, 0, 100) {
        print $socket map "GET /a HTTP/1.1\r\nHost: h\r\n"
                          . "Authorization: $_\r\n\r\n", @some;
        push @statuses, map status($socket), @some;
    }

    return @statuses;
}


sub status {
    my ($socket) = @_;
    my ($status, $len);

    local $/ = "\r\n";

    while (my $line = <$socket>) {
        $status = $1 if $line =~ /^HTTP\S+ (\d+)/;
        $len = $1 if $line =~ /^Content-Length: (\d+)/;
        last if $line eq $/;
    }

    read $socket, my $body, $len if $len;
    return $status // 'none';
}

__DATA__

=== TEST 1: rate per time
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"rate": 2, "per": 60, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- more_headers
Authorization: K
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 429]

=== TEST 2: less than one request a time is one request in more time
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"rate": 0.5, "per": 0.5, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- more_headers
Authorization: K
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- check eval
sub {
    # the window that the request was in, and the one in which it still counts
    my $start = Time::HiRes::time();
    ok(wait_for(sub { scalar((http_get('/a', undef, "Authorization: K\r\n"))[0])
                      == 200 }, 10), 'a second one');
    cmp_ok(Time::HiRes::time() - $start, '>', 0.7, 'but not at once');
}

=== TEST 3: a part of a request is not rounded up
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"rate": 2.9, "per": 60, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- more_headers
Authorization: K
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 429]

=== TEST 4: no rate, a rate of nothing, a negative one; no time is one second
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"none": {"access_rights": {"a": {}}},
 "zero": {"rate": 0, "per": 60, "access_rights": {"a": {}}},
 "less": {"rate": -1, "per": 60, "access_rights": {"a": {}}},
 "null": {"rate": null, "per": null, "access_rights": {"a": {}}},
 "time": {"rate": 1, "per": 0, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /
--- check eval
sub {
    is("@{[main::statuses(qw(none none zero zero less less null null))]}",
       '200 200 200 200 200 200 200 200', 'unlimited');
    is("@{[main::statuses(qw(time time))]}", '200 429', 'one a second');
}

=== TEST 5: huge and tiny numbers
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"fast": {"rate": 1e300, "per": 1e-300, "access_rights": {"a": {}}},
 "slow": {"rate": 1e-300, "per": 1e300, "access_rights": {"a": {}}},
 "many": {"quota_max": 9223372036854774784,
          "quota_renewal_rate": 9223372036854774784,
          "expires": 9223372036854774784, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /
--- check eval
sub {
    is("@{[main::statuses(qw(fast fast slow slow many many))]}",
       '200 200 200 429 200 200', 'statuses');
}

=== TEST 6: a quota that renews
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"K": {"quota_max": 2, "quota_renewal_rate": 1, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- more_headers
Authorization: K
--- request eval
["GET /a", "GET /a", "GET /a"]
--- error_code eval
[200, 200, 403]
--- check eval
sub {
    ok(wait_for(sub { "@{[main::statuses('K')]}" eq '200' }), 'renewed');
}

=== TEST 7: quotas that never renew, and none
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"never": {"quota_max": 1, "quota_renewal_rate": 0,
           "access_rights": {"a": {}}},
 "less": {"quota_max": 1, "quota_renewal_rate": -1,
          "access_rights": {"a": {}}},
 "none": {"quota_max": -1, "quota_renewal_rate": 60,
          "access_rights": {"a": {}}},
 "zero": {"quota_max": 0, "quota_renewal_rate": 60,
          "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /
--- check eval
sub {
    is("@{[main::statuses(qw(never never less less none none zero zero))]}",
       '200 403 200 403 200 200 200 200', 'statuses');
}

=== TEST 8: keys that have expired, never do, and are inactive
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"past": {"expires": 1, "access_rights": {"a": {}}},
 "zero": {"expires": 0, "access_rights": {"a": {}}},
 "less": {"expires": -1, "access_rights": {"a": {}}},
 "late": {"expires": 4102444800, "access_rights": {"a": {}}},
 "off": {"is_inactive": true, "access_rights": {"a": {}}},
 "on": {"is_inactive": false, "access_rights": {"a": {}}},
 "other": {"access_rights": {"b": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /
--- check eval
sub {
    is("@{[main::statuses(qw(past zero less late off on other unknown))]}",
       '401 200 200 200 403 200 403 403', 'statuses');
}

=== TEST 9: keys of any bytes
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{\"k\\\"\\\\'\\u00e9\xe2\x82\xac\": {\"access_rights\": {\"a\": {}}}}"
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /
--- check eval
sub {
    is("@{[main::statuses(qq(k\"\\'\xc3\xa9\xe2\x82\xac), 'k')]}", '200 403',
       'statuses');
}

=== TEST 10: more keys than a worker keeps compiled, twice
--- http_config
    api_zone a:64m;
    api_keys ../html/keys.json;
--- user_files eval
">>> keys.json\n{"
. CORE::join(",\n", map { "\"key-$_\": {\"access_rights\": {\"a\": {}}}" }
                        1 .. 9000)
. '}'
--- config
    keepalive_requests 10000;
    location = /m { api_metrics; }
    location /a { api_id a; return 404; empty_gif; }
    location = /a { api_id a; empty_gif; }
--- request
GET /
--- check eval
sub {
    my @keys = map "key-$_", 1 .. 9000;
    my %seen;

    is(metrics('/m')->('apievents_sessions'), 9000, 'sessions');
    $seen{$_}++ for main::statuses(@keys), main::statuses(CORE::reverse @keys);
    is_deeply(\%seen, {200 => 18000}, 'statuses');
}

=== TEST 11: a key that a reload takes away, on a connection that goes on
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
--- user_files
>>> keys.json
{"gone": {"access_rights": {"a": {}}}, "kept": {"access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /
--- ignore_response
--- check eval
sub {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $Test::Nginx::Util::ServerPortForClient);
    my $get = sub {
        local $SIG{PIPE} = 'IGNORE';
        print $socket "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: $_[0]\r\n";
        print $socket "\r\n" if !$_[1];
        return $_[1] ? '' : main::status($socket);
    };

    is($get->('gone'), 200, 'before');
    is($get->('kept'), 200, 'both');

    # the old worker has to wait for the rest of this one
    $get->('gone', 'unfinished');

    open my $out, '>', "$ENV{TEST_NGINX_SERVER_ROOT}/html/keys.json" or die $!;
    print $out '{"kept": {"access_rights": {"a": {}}}}';
    close $out;

    my ($old) = worker_pids();
    kill 'HUP', master_pid();
    ok(wait_for(sub { grep { $_ != $old } worker_pids() }), 'a new worker');

    print $socket "\r\n";
    is(main::status($socket), 403, 'in the old worker');

    for my $case (['gone', 403], ['kept', 200]) {
        my ($status) = http_get('/a', undef, "Authorization: $case->[0]\r\n");
        is($status, $case->[1], "$case->[0]: in a new one");
    }
}
