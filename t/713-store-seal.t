#!/usr/bin/perl

# What a delivery tells of a credential after it waited on the disk, and what
# the disk tells.

use strict;
use warnings;

use Test::More;
use IO::Select;
use MIME::Base64;

use lib 't/chaos';

use Chaos;
use Daemon;

my $Secret = 'a-credential-of-somebody';
my $Masked = '****body';
my $Key = 'X' x 20;

masked_without_a_key();
sealed_with_one();
sealed_with_another();

done_testing();


sub start {
    my ($name, $key) = @_;
    my $nginx = Daemon->new("seal-$name");

    $nginx->{listen} = Chaos::listener(0);
    $nginx->{hook} = $nginx->{listen}->sockport;
    Chaos::spew("$nginx->{dir}/request.txt", '{{.Meta.OriginatingRequest}}');
    configure($nginx, $key);

    return $nginx->start;
}


sub configure {
    my ($nginx, $key) = @_;
    my $dir = $nginx->{dir};
    my $port = $nginx->port('gateway');

    Chaos::spew("$dir/key", "$key\n") if defined $key;
    $key = defined $key ? "file:$dir/key" : 'off';

    $nginx->configure("events { }\nworker_shutdown_timeout 500ms;", <<"END");
    api_zone seal:16m;
    api_store sqlite:a.db;
    api_secret_key $key;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            api_event_key raw;
            api_event_handlers * webhook timeout=60s template=$dir/request.txt
                url=http://127.0.0.1:$nginx->{hook}/;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


# a delivery that nobody answers, then a start with another key, or none;
# what the store has meanwhile
sub wait_on_disk {
    my ($nginx, $key) = @_;

    $nginx->get('/a', "Authorization: $Secret\r\n");
    ok($nginx->until(10, sub {
        my $m = $nginx->metrics or return;

        return Chaos::counters($m)->{pending} == 1
    }), 'one is pending');
    ok($nginx->stop('TERM'), 'nginx ends');

    close delete $nginx->{listen};
    $nginx->{listen} = Chaos::listener($nginx->{hook});

    my $stored = join '', map { Chaos::slurp($_) }
                          grep -f, glob "$nginx->{dir}/state/*.db*";

    like($stored, qr/OriginatingRequest|HTTP\/1\.1/, 'the request is stored');
    like($stored, qr/Authorization: \Q$Masked\E/, 'with a mask');
    unlike($stored, qr/\Q$Secret\E/, 'the credential is not');

    configure($nginx, $key);
    $nginx->start;
}


# what arrives, as soon as something does
sub arrives {
    my ($nginx) = @_;
    my $select = IO::Select->new($nginx->{listen});

    for (1 .. 3) {
        return 'nothing' unless $select->can_read(30);

        my $fh = $nginx->{listen}->accept or next;
        my $got = '';

        while (IO::Select->new($fh)->can_read(30)
               && sysread $fh, $got, 65536, length $got)
        {
            my ($head, $body) = $got =~ /^(.*?\r\n\r\n)(.*)/s or next;
            my ($len) = $head =~ /^Content-Length: (\d+)/im;

            next if length $body < ($len // 0);

            syswrite $fh, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            return decode_base64($body);
        }
    }

    return 'nothing';
}


sub ends {
    my ($nginx) = @_;

    $nginx->until(10, sub {
        Chaos::counters($nginx->metrics)->{delivered} == 1
    });
    ok($nginx->stop('QUIT'), 'nginx ends');
    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


sub masked_without_a_key {
    my $nginx = start('none');

    wait_on_disk($nginx);
    like(arrives($nginx), qr/^Authorization: \Q$Masked\E\r$/m,
         'without a key: the mask arrives');
    ends($nginx);
}


sub sealed_with_one {
    my $nginx = start('one', $Key);

    wait_on_disk($nginx, $Key);
    like(arrives($nginx), qr/^Authorization: \Q$Secret\E\r$/m,
         'with a key: what was sent');
    ends($nginx);
}


sub sealed_with_another {
    my $nginx = start('another', $Key);

    wait_on_disk($nginx, "$Key.");
    like(arrives($nginx), qr/^Authorization: \Q$Masked\E\r$/m,
         'with another key: the mask arrives');
    ends($nginx);
}
