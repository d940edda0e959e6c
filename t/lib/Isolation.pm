package Isolation;

# An nginx that raises events, a receiver beside it, and traffic: what
# t/34*.t and t/35*.t have in common.  Built on t/chaos.

use strict;
use warnings;

use lib 't/chaos';

use parent -norequire, 'Chaos';

use Chaos;
use File::Path qw/ remove_tree /;
use IO::Select;
use IO::Socket::INET;
use Receiver;
use Test::More;
use Time::HiRes qw/ sleep time /;
use Traffic;

# AuthFailure, answered with 401
our $Refused = { name => 'refused', weight => 1, refused => [401],
                 text => "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n" };


# Starts both.  Options, besides those of Chaos: connections (512), zone
# (64m), main, http, and api, what stands in location /a; or locations instead.
# HOOK in them is the receiver's URL.
sub begin {
    my ($class, $name, %options) = @_;
    my $self = $class->new("$name-$$", connections => 512, zone => '64m',
                           main => 'worker_shutdown_timeout 500ms;',
                           http => '', api => '', %options);

    $self->{listen} = Chaos::listener(0);
    $self->{hook} = 'http://127.0.0.1:' . $self->{listen}->sockport;

    Chaos::spew("$self->{dir}/body.json",
                '{"request": "{{.EventMetaData.OriginatingRequest}}"}');
    $self->change;
    $self->start;
    $self->child('receiver', 90, Receiver->new($self->{listen}, late => 0,
                                             %{ $options{receiver} || {} }));

    # the socket is there before the workers are
    $self->until(5, sub {
        my $m = $self->metrics;
        $m && $m->{apievents_rings_owned} == $self->{workers}
    });

    return $self;
}


# writes the configuration, for a reload with other options
sub change {
    my ($self, %options) = @_;

    $self->{$_} = $options{$_} for keys %options;

    my $port = $self->port('gateway');
    my $locations = $self->{locations} || <<"END";
        location /a {
            api_id a;
            $self->{api}
            empty_gif;
        }
END

    $self->configure("events { worker_connections $self->{connections}; }\n"
                     . $self->{main}, <<"END" =~ s/HOOK/$self->{hook}/gr);
    api_zone isolation:$self->{zone};
    $self->{http}

    server {
        listen 127.0.0.1:$port;
        $locations
        location = /metrics { api_metrics; }

        location = /plain {
            api_id plain;
            api_auth off;
            try_files /none =204;
        }
    }
END
}


# so many requests as fast as they are answered; what Traffic tells of them
sub burst {
    my ($self, $count, %options) = @_;

    pipe my $r, my $w or die "cannot pipe: $!\n";

    return Traffic->new(port => $self->port('gateway'), kinds => [$Refused],
                        connections => 8, count => $count, %options)->($r);
}


# the numbers by name, none if there is no answer within so many seconds
sub counters {
    my ($self, $seconds) = @_;
    my ($status, $body) = $self->get('/metrics', '', $seconds);

    return {} unless defined $status && $status == 200;
    return Chaos::counters({ $body =~ /^(\w+(?:\{.*?\})?) (\d+)$/mg });
}


# Waits until all is routed and not more than so many deliveries are pending;
# returns the numbers then.
sub settled {
    my ($self, $pending, $seconds) = @_;
    my $n;

    $self->until($seconds || 10, sub {
        $n = $self->counters;
        return defined $n->{waiting} && $n->{waiting} == 0
               && $n->{pending} <= ($pending || 0);
    });

    return $n;
}


# ends nginx and the receiver; what arrived, by path: a hash of id to arrivals
sub arrivals {
    my ($self, %options) = @_;
    my $allowed = $options{allowed} || qr/(?!)/;

    ok($self->stop($options{signal} || 'QUIT'), "$options{name}: nginx ends");
    is(join('', map { "$_\n" } grep { $_ !~ $allowed } $self->bad_log), '',
       "$options{name}: the log is clean");

    my %paths;

    for (@{ $self->finish('receiver')->{arrivals} }) {
        push @{ $paths{$_->[1]}{$_->[0]} }, $_;
    }

    # one that failed is left to be looked at
    remove_tree($self->{dir}) if Test::More->builder->is_passing;

    return \%paths;
}


sub twice {
    my ($ids) = @_;

    return scalar grep { @$_ > 1 } values %{ $ids || {} };
}


# milliseconds from raise to arrival that so large a share needs at the most
sub delay {
    my ($ids, $share) = @_;

    return share($share, map {
        my ($high, $low) = $_->[0][0] =~ /^evt_(\w{8})-(\w{4})/;
        $_->[0][2] * 1000 - hex($high) * 65536 - hex($low)
    } values %$ids);
}


sub share {
    my ($share, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;

    return @sorted ? $sorted[$share * $#sorted] : 0;
}


# how long each of so many requests of one client takes, in milliseconds
sub latencies {
    my ($self, $uri, $count) = @_;
    my $socket = $self->connected or return;
    my $select = IO::Select->new($socket);
    my @ms;

    while ($count--) {
        my $from = time;
        my $text = '';

        syswrite $socket, "GET $uri HTTP/1.1\r\nHost: localhost\r\n\r\n";

        while ($text !~ /\r\n\r\n/ && $select->can_read(5)) {
            sysread $socket, $text, 65536, length $text or last;
        }

        push @ms, 1000 * (time - $from);
        return @ms, 1e6 if $text !~ m{^HTTP/1.1 \d+ };
    }

    return @ms;
}


1;
