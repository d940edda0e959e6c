#!/usr/bin/perl

# A threshold is told of once a period, whatever happens to processes and to
# the list of thresholds.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw/ sleep /;

use lib 't/chaos';

use Chaos;

my $nginx = Chaos->new('monitor', workers => 2);
my $key = "Authorization: one-key-0123456789\r\n";

configure();
$nginx->start;

requests(10);
told('50', 'half of it');

# a worker that is killed, one after the other
for my $pid ($nginx->workers) {
    kill 'KILL', $pid;
    ok($nginx->until(10, sub { !grep { $_ == $pid } $nginx->workers }), 'killed');
}

requests(1);
told('50', 'a worker that was killed');

ok($nginx->reload, 'a reload');
requests(4);
told('50 75', 'a reload');

# what was reached is not told of again where the list has it anew
limits(90, 20, 50, 60, 75);
requests(3);
told('50 75 90', 'another list');

# written before it ends: so it is there again
ok($nginx->stop, 'it ends');
$nginx->start;
requests(1);
told('50 75 90', 'a restart');

limits(100, 50);
requests(1, 200);
told('50 75 90 100', 'all of it');
requests(1, 403);
told('50 75 90 100', 'and no more');

ok($nginx->stop, 'it ends');
is(join("\n", $nginx->bad_log), '', 'the log is clean');

done_testing();


sub configure {
    my $gateway = $nginx->port('gateway');

    Chaos::spew("$nginx->{dir}/keys.json", '{"one-key-0123456789": '
        . '{"quota_max": 20, "quota_renewal_rate": 86400, "org_id": "acme",'
        . ' "access_rights": {"a": {}}, "monitor": {"trigger_limits": [75, 50]}}}');

    $nginx->configure("events { worker_connections 512; }", <<"END");
    api_zone apievents:16m;
    api_keys keys.json;
    api_store sqlite:m.db flush=10ms;
    api_admin_user ops secret=secret-of-ops;
    api_monitor keys=on;
    api_event_handlers TriggerExceeded log prefix=TOLD format=json;

    server {
        listen 127.0.0.1:$gateway;
        location /a { api_id a; api_org acme; empty_gif; }
        location /tyk/ { api_admin; }
        location = /metrics { api_metrics; }
    }
END
}


sub requests {
    my ($n, $status) = @_;

    is(join(' ', map { ($nginx->get('/a', $key))[0] // 'none' } 1 .. $n),
       join(' ', ($status // 200) x $n), "$n requests");
}


sub told {
    my ($limits, $when) = @_;
    my $got = '';

    ok($nginx->until(10, sub {
        my $m = $nginx->metrics or return;
        my $n = Chaos::counters($m);

        $got = join ' ', $nginx->log =~ /TOLD.*?"trigger_limit":\s*(\d+)/g;
        $got eq $limits && $n->{waiting} == 0 && $n->{pending} == 0
    }), "$when: $limits") or diag($got);
}


# a change of the key itself, through the management API, that counts at once
sub limits {
    my $text = '{"quota_max": 20, "quota_renewal_rate": 86400, "org_id": "acme",'
               . ' "access_rights": {"a": {}}, "monitor": {"trigger_limits": ['
               . join(', ', @_) . ']}}';
    my $s = $nginx->connected or die "no connection\n";

    print $s "PUT /tyk/keys/one-key-0123456789?suppress_reset=1 HTTP/1.0\r\n"
             . "Host: localhost\r\nAdmin-Auth: secret-of-ops\r\nContent-Length: "
             . length($text) . "\r\n\r\n$text";
    local $/;
    like(<$s> // '', qr/^HTTP\S+ 200 /, 'thresholds are changed');
}
