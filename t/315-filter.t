# Endpoints that are not the operator's word, as filter=on makes them: only
# addresses that are globally reachable are connected to, however they are
# written, and whatever a name meant before.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use DnsServer;
use File::Temp;

# what no URL may be made of, so that nobody reads it as another address than
# we do: octal, hexadecimal, short, in one number, with a zone
our @Unread = qw(
    2130706433 017700000001 0x7f000001 0X7F000001 0x7f.1 0x7f.0.0.0x1
    0177.0.0.1 0177.0.0.01 127.0.0.01 127.000.000.001 010.0.0.1
    00.0.0.0 127.1 127.0.1 127.0x1 10.1 0 0x0 0.0 1.2.3 256.0.0.1
    127.0.0.256 127.0.0.0x1 1.2.3.4.5 127.0.0.1. 127..0.1 127.0.0. .127.0.0.1
    ... 255.255.255.255 3232235521 ::1 ::ffff:127.0.0.1 [127.0.0.1]
    [::1%lo] [::1%25lo] [fe80::1%25eth0] [::1 [::ffff:0177.0.0.1]
    [::ffff:127.1] [::ffff:0x7f.0.0.1] [::127.0.0.256] [1] [] [::1]x
    user@127.0.0.1 example.com@127.0.0.1 127.0.0.1%2f 127.0.0.1%00.example.com
    %31%32%37.0.0.1 127。0。0。1 ①②⑦.0.0.1 127.0.0.1\example.com 1２7.0.0.1
    127.0.0.1:0 127.0.0.1:65536 127.0.0.1:80:80 unix: unix:/run/x.sock
    unix:%2frun%2fx.sock
);

# as they are written, and the address they mean, where that is written in
# another way
our @Four = qw(
    0.0.0.0 0.0.0.1 0.255.255.255
    10.0.0.0 10.0.0.1 10.255.255.255
    100.64.0.1 100.127.255.255
    127.0.0.0 127.0.0.1 127.0.0.53 127.1.2.3 127.255.255.254
    169.254.0.1 169.254.169.254 169.254.170.2
    172.16.0.1 172.20.10.1 172.31.255.255
    192.0.0.1 192.0.0.8 192.0.0.170 192.0.2.1
    192.168.0.1 192.168.255.255
    198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
    224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.254
);

our @Six = (
    map({ [$_, $_] } qw(
        :: ::1 ::2 64:ff9b:1::1 100::1 2001:2::1 2001:10::1 2001:db8::1
        2001:db8:ffff::1 3fff::1 5f00::1 fc00::1 fd00::1 fd12:3456:789a::1
        fdff:ffff::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1 4000::1
        2002:7f00:1::1 2002:a00:1::1 2002:c0a8:1::1 2002:a9fe:a9fe::
    )),
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['0::1', '::1'],
    ['FD00::1', 'fd00::1'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ['::FFFF:127.0.0.1', '::ffff:127.0.0.1'],
    ['0:0:0:0:0:ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ['::ffff:7f00:1', '::ffff:127.0.0.1'],
    ['::ffff:a00:1', '::ffff:10.0.0.1'],
    ['::ffff:169.254.169.254', '::ffff:169.254.169.254'],
    ['::ffff:192.168.0.1', '::ffff:192.168.0.1'],
    ['::ffff:0.0.0.0', '::ffff:0.0.0.0'],
    ['::127.0.0.1', '::127.0.0.1'],
    ['::7f00:1', '::127.0.0.1'],
    ['::ffff:0:127.0.0.1', '::ffff:0:7f00:1'],
    ['64:ff9b::127.0.0.1', '64:ff9b::7f00:1'],
    ['64:ff9b::a00:1', '64:ff9b::a00:1'],
    ['64:ff9b::169.254.169.254', '64:ff9b::a9fe:a9fe'],
    # Teredo, whose client is 10.0.0.1, and one whose server is 127.0.0.1
    ['2001:0:4136:e378:8000:63bf:f5ff:fffe',
     '2001:0:4136:e378:8000:63bf:f5ff:fffe'],
    ['2001:0:7f00:1::', '2001:0:7f00:1::'],
);

# each of them as the address of a name
our %Names = map { $Four[$_] eq '0.0.0.0' ? () : ("four$_.test" => $Four[$_]) }
             0 .. $#Four;
$Names{"six$_.test"} = $Six[$_][1] for 0 .. $#Six;
$Names{'all-ones.test'} = '255.255.255.255';
$Names{'zero.test'} = '0.0.0.0';

# a name that says at first where it may be, and then where it may not
our $Dns = DnsServer->new(-ttl => 0,
    (map { ($_ => [$Names{$_}]) } keys %Names),
    'rebinds.test' => [['127.0.0.2'], ['127.0.0.1']],
    'both.test' => ['127.0.0.1', '127.0.0.2'],
    'allowed.test' => ['127.0.0.2'],
    'six.test' => ['::ffff:127.0.0.2'],
);
our $Resolver = 'resolver ' . $Dns->address . ";\n";

our $Allow = "api_callback_allow 127.0.0.2;\n";
our $Port = '$TEST_NGINX_RAND_PORT_1';

# also on the second address, and on it alone
our $Second = <<'END';
    server {
        listen 127.0.0.2:$TEST_NGINX_RAND_PORT_1;
        location / {
            proxy_set_header X-Second yes;
            proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        }
    }
END

sub handlers {
    my ($more, @hosts) = @_;

    return CORE::join '', map { <<"END" } @hosts;
    api_event_handlers AuthFailure webhook url=http://$_:$Port/ok filter=on retry=off
                       timeout=5s $more;
END
}

# the addresses that the log tells of, each as often as it does
sub refused {
    my $text = error_log_text();

    return count($text =~ /address (\S+) is not globally reachable: "/g);
}

sub count {
    my %n;

    $n{$_}++ for @_;

    return \%n;
}

# of those that arrived, how many did so through the second address
sub second {
    my @all = recorded();

    return scalar(grep { $_->{headers}{'x-second'} } @all) == @all ? @all : -1;
}

# what nginx says of a URL, if it does not take it
sub complaint {
    my ($url) = @_;
    my $dir = File::Temp->newdir;
    my $modules = CORE::join '', map { "load_module $_;\n" }
                           split ' ', $ENV{TEST_NGINX_LOAD_MODULES};

    open my $out, '>', "$dir/nginx.conf" or die "$dir: $!\n";
    print $out <<"END";
$modules
pid $dir/pid;
error_log $dir/log;
events { }
http {
    access_log off;
    client_body_temp_path $dir/c; proxy_temp_path $dir/p;
    fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    api_state_path $dir/state;
    api_zone apievents:4m;
    api_event_handlers * webhook "url=$url" filter=on;
}
END
    close $out;

    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my $preload = $ENV{TEST_NGINX_LD_PRELOAD} // '';

    return `LD_PRELOAD="$preload" $nginx -t -p $dir -c $dir/nginx.conf 2>&1`;
}

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(refused count second complaint);
}

worker_connections(2048);
run_tests();

__DATA__


=== TEST 1: what is no address, and no name, stops the start
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    for my $host (@::Unread) {
        my $text = complaint("http://$host/");

        like($text, qr/\[emerg\].*invalid "url=.*expected/, "refused: $host")
            or diag($text);
    }

    unlike(complaint("http://$_/"), qr/\[emerg\].*invalid "url/, "taken: $_")
        for qw(a.test 1.test 0x7g 0xy 127.0.0.1.test 01.test 1-2 a.1b a.test.
               8.8.8.8 [2606:4700::1111] 127.0.0.1:65535);
}

=== TEST 2: addresses, however they are written
--- http_config eval
::handlers('', @::Four, map { "[$_->[0]]" } @::Six)
--- recorded_count: 0
--- check eval
sub {
    my @all = (@::Four, map { $_->[1] } @::Six);

    cmp_ok(scalar(@all), '>=', 60, 'a table');
    is(delivered(), '0 0 ' . @all, 'none is delivered');
    is_deeply(refused(), count(@all), 'each was refused as what it is');
    is(scalar(() = recorded()), 0, 'nothing arrived');
}
--- metrics_equation

=== TEST 3: names that have them
--- http_config eval
$::Resolver . ::handlers('', sort keys %::Names)
--- recorded_count: 0
--- check eval
sub {
    my @all = values %::Names;

    cmp_ok(scalar(@all), '>=', 60, 'a table');
    is(delivered(), '0 0 ' . @all, 'none is delivered');
    is_deeply(refused(), count(@all), 'each was refused as what it is');
    is(scalar(() = recorded()), 0, 'nothing arrived');
}
--- metrics_equation

=== TEST 4: names of this host
--- http_config eval
::handlers('', 'localhost', 'LOCALHOST', 'a.localhost')
--- recorded_count: 0
--- check eval
sub {
    is(delivered(), '0 0 3', 'none is delivered');
    is(refused()->{'127.0.0.1'}, 3, 'each was refused');
}
--- metrics_equation

=== TEST 5: what is added may be asked, and nothing beside it
--- http_config eval
$::Resolver . $::Allow . $::Second
. ::handlers('', '127.0.0.2', 'allowed.test', '127.0.0.1', '127.0.0.3')
--- recorded_count: 2
--- check eval
sub {
    is(delivered(), '2 0 2', 'two are delivered');
    is(second(), 2, 'to the second address');
    is_deeply(refused(), count('127.0.0.1', '127.0.0.3'), 'two refused');
}
--- metrics_equation

=== TEST 6: a name that was good, and is not any more
--- http_config eval
$::Resolver . $::Allow . $::Second . ::handlers('', 'rebinds.test')
--- recorded_count: 1
--- check eval
sub {
    is(delivered(), '1 0 0', 'the first is delivered');

    # an answer holds for the second in which it came
    ok(wait_for(sub {
        select undef, undef, undef, 0.5;
        raise(1);
        delivered();
        refused()->{'127.0.0.1'};
    }), 'the name leads to this host');

    my $seen = () = recorded();

    raise(3);
    like(delivered(), qr/^$seen 0 [4-9]$/, 'those after it are dead');
    is(scalar(() = recorded()), $seen, 'although a connection was kept');
    is(second(), $seen, 'and all that arrived did so elsewhere');
}
--- metrics_equation

=== TEST 7: a name that is this and that
--- http_config eval
$::Resolver . $::Allow . $::Second . ::handlers('', 'both.test')
--- request eval
[("GET /a") x 20]
--- error_code eval
[(401) x 20]
--- check eval
sub {
    my ($good, undef, $dead) = split ' ', delivered();

    # the order of its addresses is another one each time
    is($good + $dead, 20, 'all came to an end');
    is(refused()->{'127.0.0.1'} // 0, $dead, 'some were refused');
    is(second(), $good, 'the others went to the good one');
}
--- recorder
--- metrics_equation

=== TEST 8: an IPv4 address within IPv6 is allowed as one
--- http_config eval
$::Allow . $::Second . ::handlers('', '[::ffff:127.0.0.2]',
                                  '[::ffff:127.0.0.1]')
--- check eval
sub {
    delivered();
    is_deeply(refused(), count('::ffff:127.0.0.1'), 'the other is refused');
}
--- metrics_equation

=== TEST 9: the operator's own endpoints are not filtered
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/1 filter=off retry=off;
    api_event_handlers AuthFailure webhook url=$HOOK/2 retry=off;
    api_event_handlers AuthFailure webhook url=$HOOK/2 filter=on retry=off;
--- recorded_count: 2
--- check eval
sub { is(delivered(), '2 0 1', 'two of three endpoints') }
--- metrics_equation

=== TEST 10: a wrong filter=
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok filter=yes;
--- emerg
invalid "filter=yes", "on" or "off" is expected
nginx.conf:

=== TEST 11: a wrong address
--- http_config
    api_callback_allow 10.0.0.0/8 10.2.0.0/33;
--- emerg
invalid address "10.2.0.0/33", an IPv4 or IPv6 address or network, as 10.2.0.0/16, is expected
nginx.conf:

=== TEST 12: a name is none
--- http_config
    api_callback_allow localhost;
--- emerg
invalid address "localhost", an IPv4 or IPv6 address or network

=== TEST 13: a network with bits beyond its mask
--- http_config
    api_callback_allow fd00::1/8;
--- emerg
invalid address "fd00::1/8", a network without bits beyond its mask is expected
