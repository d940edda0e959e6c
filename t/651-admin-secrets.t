# Who is let in to the management API: secrets that are wrong, missing, long, or
# nearly right, in each header; delays of those who guess.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use AdminBlocks;
use IO::Select;
use IO::Socket::INET;
use OpenApi qw(document);

our $Long = 'x' x 65_535;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . "set_real_ip_from 127.0.0.1;\n"
                                     . "large_client_header_buffers 4 128k;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

our @Ways = ('X-Tyk-Authorization: ', 'Admin-Auth: ', 'Authorization: Bearer ');
my $Addresses = 0;

# the statuses of calls with these headers, twenty at a time; each comes from
# an address of its own, so that none waits for others
sub statuses {
    my ($headers, %options) = @_;
    my $path = $options{path} // '/tyk/endpoints';
    my @left = @$headers;
    my @statuses;

    while (my @some = splice @left, 0, 20) {
        push @statuses, map { answer($_) }
                        map { asked($path, $_, $options{address}) } @some;
    }

    return @statuses;
}

sub asked {
    my ($path, $header, $address, $method) = @_;
    my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}")
        or die "connect: $!\n";

    $address //= sprintf '10.%d.%d.1', $Addresses / 200, $Addresses % 200;
    $Addresses++;
    $method //= 'GET';

    print $fh "$method $path HTTP/1.0\r\nX-Real-IP: $address\r\n$header\r\n";

    return $fh;
}

sub answer {
    my ($fh) = @_;
    local $/;

    return (<$fh> // '') =~ /^HTTP\S+ (\d+)/ ? $1 : 'none';
}

# how often each comes
sub count {
    my %n;

    $n{$_}++ for @_;
    return CORE::join ', ', map { "$n{$_} x $_" } sort keys %n;
}

# delays that the log tells of, in milliseconds
sub delays {
    my ($n) = @_;
    my @delays;

    ApiEvents::wait_for(sub {
        @delays = ApiEvents::error_log_text() =~ /its answer waits (\d+) ms/g;
        @delays >= $n
    });

    return "@delays";
}

# those that are refused wait
worker_connections(512);
run_tests();

__DATA__

=== TEST 1: what is nearly a secret
--- check eval
sub {
    for my $way (@::Ways) {
        my $right = 'secret-of-ops';
        my @near = ('', map({ substr $right, 0, $_ } 1 .. length($right) - 1),
                    map({ substr $right, $_ } 1 .. length($right) - 1),
                    "${right}x", "x$right", $right x 2, uc $right,
                    "\"$right\"", "$right,$right", "$right\t$right");

        for my $i (0 .. length($right) - 1) {
            for my $bit (0 .. 7) {
                my $near = $right;
                substr($near, $i, 1) ^= chr(1 << $bit);
                push @near, $near if $near !~ /[\x00-\x1f\x7f]/;
            }
        }

        is(::count(::statuses(["$way$right\r\n"])), '1 x 200', "$way: right");
        is(::count(::statuses([map { "$way$_\r\n" } @near])),
           @near . ' x 403', "$way: each other");
    }
}

=== TEST 2: which header counts
--- check eval
sub {
    my %of = (
        'X-Tyk-Authorization: secret-of-ops;Admin-Auth: wrong'          => 200,
        'Admin-Auth: wrong;X-Tyk-Authorization: secret-of-ops'          => 200,
        'X-Tyk-Authorization: wrong;Admin-Auth: secret-of-ops'          => 403,
        'X-Tyk-Authorization: ;Admin-Auth: secret-of-ops'               => 403,
        'Admin-Auth: secret-of-ops;Authorization: Bearer wrong'         => 200,
        'Admin-Auth: wrong;Authorization: Bearer secret-of-ops'         => 403,
        'Admin-Auth: ;Authorization: Bearer secret-of-ops'              => 403,
        'Admin-Auth: wrong;Admin-Auth: secret-of-ops'                   => 403,
        'Admin-Auth: secret-of-;X-Tyk-Authorization: ops'               => 403,
        'ADMIN-AUTH: secret-of-ops'                                     => 200,
        'Authorization: bEARER secret-of-ops'                           => 200,
        'Authorization: secret-of-ops'                                  => 403,
        'Authorization: Basic secret-of-ops'                            => 403,
        'Authorization: Bearer'                                         => 403,
        'Authorization: Bearer  secret-of-ops'                          => 403,
        'Authorization: Bearersecret-of-ops'                            => 403,
        'Admin-Auth: Bearer secret-of-ops'                              => 403,
        'Admin_Auth: secret-of-ops'                                     => 403,
        'Cookie: Admin-Auth=secret-of-ops'                              => 403,
        'X-None: secret-of-ops'                                         => 403,
    );
    my @headers = sort keys %of;
    my @got = ::statuses([map { s/;/\r\n/gr . "\r\n" } @headers]);

    is($got[$_], $of{ $headers[$_] }, $headers[$_]) for 0 .. $#headers;
    is(::count(::statuses([''], path => '/tyk/endpoints?Admin-Auth='
                                        . 'secret-of-ops')), '1 x 403',
       'no argument');
}

=== TEST 3: 64 KiB of a secret
--- user_files eval
">>> long.secret\n$::Long\n"
--- http_config
    api_admin_user long secret=file:$TEST_NGINX_SERVER_ROOT/html/long.secret;
--- check eval
sub {
    for my $way (@::Ways) {
        my $long = $::Long;
        my @long = ($long, "$long.", substr($long, 1), substr($long, 1) . 'y',
                    'y' x 65_535, 'secret-of-ops' . $long);

        is(CORE::join(' ', ::statuses([map { "$way$_\r\n" } @long])),
           '200 403 403 403 403 403', "$way: one is right");
    }
}

=== TEST 4: delays grow by the address, and end
--- check eval
sub {
    my @wrong = map { ::asked('/tyk/endpoints', "Admin-Auth: wrong\r\n",
                              '192.0.2.1') } 1 .. 10;

    is(::delays(10), '50 100 200 400 800 1600 3200 5000 5000 5000',
       'each twice as long');

    is(::count(::statuses(["Admin-Auth: secret-of-ops\r\n"],
                          address => '192.0.2.1')), '1 x 200',
       'the right one, from there');
    is(::delays(10), '50 100 200 400 800 1600 3200 5000 5000 5000',
       'has none');

    ::statuses(["Admin-Auth: wrong\r\n"], address => '192.0.2.2');
    like(::delays(11), qr/ 5000 50$/, 'another address begins anew');

    Clock::advance(61);
    ::statuses(["Admin-Auth: wrong\r\n"], address => '192.0.2.1');
    like(::delays(12), qr/ 50 50$/, 'and that one, after a minute');
}

=== TEST 5: who guesses does not keep others waiting
--- check eval
sub {
    my @wrong = map { ::asked('/tyk/endpoints', "Admin-Auth: wrong\r\n",
                              '192.0.2.1') } 1 .. 20;

    ::delays(20);

    is(::count(::statuses([("Admin-Auth: secret-of-ops\r\n") x 20],
                          address => '192.0.2.1')), '20 x 200', 'answered');
    is(scalar(() = ::delays(20) =~ /\d+/g), 20, 'none of them waits');
    is(::count(map { ::answer($_) } @wrong[0 .. 2]), '3 x 403',
       'the others are refused');
}

=== TEST 6: a network of IPv6 is one guesser
--- check eval
sub {
    ::statuses(["Admin-Auth: wrong\r\n"], address => $_)
        for '2001:db8::1', '2001:db8::2', '2001:db8::ffff:1:2:3',
            '2001:db8:0:1::1', '::ffff:192.0.2.7', '::ffff:192.0.2.8';

    is(::delays(6), '50 100 200 50 50 50', 'by the first 64 bits');
}

=== TEST 7: many who guess use no more than the zone has
--- check eval
sub {
    my ($pid) = worker_pids();
    my $kb = rss($pid);

    is(::count(::statuses([("Admin-Auth: wrong\r\n") x 1000])),
       '1000 x 403', 'refused, each from its own address');
    is(::count(::statuses(["Admin-Auth: secret-of-ops\r\n"])), '1 x 200',
       'the right one is let in');
    is(CORE::join(' ', worker_pids()), $pid, 'the worker lives');

    my $grown = rss($pid) - $kb;
    my $most = ($ENV{TEST_NGINX_LD_PRELOAD} // '') =~ /asan/ ? 256 : 16;
    cmp_ok($grown, '<', $most * 1024, "grown by $grown KB");

    sub rss {
        open my $in, '<', "/proc/$_[0]/status" or return 0;
        return (CORE::join '', <$in>) =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
    }
}

=== TEST 8: nobody is configured
--- http_config
    # nobody
--- check eval
sub {
    my @calls = map {
        my $path = $_;
        map { [uc, $path =~ s/\{\w+\}/x/gr] }
            grep { /^(?:get|put|post|delete)$/ }
            sort keys %{ ::document()->{paths}{$path} };
    } sort keys %{ ::document()->{paths} };
    my @left = (@calls, ['GET', '/'], ['GET', '/x']);
    my @got;

    while (my @some = splice @left, 0, 20) {
        push @got, map { ::answer($_) }
                   map { ::asked("/tyk$_->[1]", "Admin-Auth: x\r\n", undef,
                                 $_->[0]) } @some;
    }

    is(::count(@got), @calls + 2 . ' x 403', 'each call');
}
