package Traffic;

# A client with many connections that it keeps open and uses for a few requests
# at once.  It knows what it was answered, and how many answers a connection
# that ended owed it.

use strict;
use warnings;

use Errno qw/ EAGAIN EINTR /;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw/ time /;


# Function for Chaos::child().  Options: port; connections; rate, requests a
# second, 0 for as many as there can be; count, to end after so many; hold, a
# file's name: while there is one nothing is sent; depth,
# most requests at once on a connection; kinds, a list of hashes: name, weight,
# text (the request; a list of texts is sent in parts) or make (gives it),
# refused and passed (statuses).
#
# Returns sent, answered, refused, passed (numbers by kind), broken (requests
# whose connection ended before the answer), wrong (by "kind: status").
sub new {
    my ($class, %options) = @_;

    return sub {
        my $self = bless { connections => 16, depth => 4, rate => 0,
                           result => {}, ready => [], later => [],
                           %options }, $class;

        $self->{result}{$_} = 0 for qw/ sent answered broken retried /;
        $self->{bag} = [ map { ($_) x $_->{weight} } @{ $self->{kinds} } ];
        $self->loop($_[0]);

        return $self->{result};
    };
}


sub loop {
    my ($self, $pipe) = @_;
    my $select = $self->{select} = IO::Select->new($pipe);
    my $from = time;
    my $stop = 0;

    $self->{conns} = {};
    $self->{idle} = [ map { { due => $from } } 1 .. $self->{connections} ];
    $self->{open} = 0;

    while (!$stop || $self->{open} > 0) {
        my $now = time;

        $self->send_late($now);
        $stop ||= defined $self->{count}
                  && $self->{result}{sent} >= $self->{count};

        my $wait = 0.2;

        if (!$stop && defined $self->{hold} && -e $self->{hold}) {
            $wait = 0.05;

        } elsif (!$stop) {
            my @rest;

            for my $c (@{ $self->{idle} }) {

                if ($c->{due} > $now) {
                    push @rest, $c;
                    $wait = $c->{due} - $now if $c->{due} - $now < $wait;

                } elsif (!$self->send($c, $now)) {
                    $c->{due} = $now + 0.02;
                    push @rest, $c;
                    $wait = 0.02 if $wait > 0.02;
                }
            }

            $self->{idle} = \@rest;
        }

        $wait = 0.002 if @{ $self->{later} } && $wait > 0.002;

        for my $fh ($select->can_read($wait)) {

            if ($fh != $pipe) {
                $self->read($self->{conns}{fileno $fh});

            } else {
                $stop = 1;
                $select->remove($pipe);
                $self->{deadline} = time + 15;
            }
        }

        last if defined $self->{deadline} && time > $self->{deadline};
    }
}


sub send {
    my ($self, $c, $now) = @_;
    my $n = 1 + int rand($self->{depth});
    my $text = '';

    if (!$c->{fh}) {
        $c->{fh} = IO::Socket::INET->new(Proto => 'tcp',
            PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or return 0;
        $c->{fh}->blocking(0);
        $c->{in} = '';
        $self->{conns}{fileno $c->{fh}} = $c;
        $self->{select}->add($c->{fh});
    }

    $c->{asked} = [];

    while ($n--) {
        my $kind = $self->{bag}[rand @{ $self->{bag} }];
        my $request = $kind->{make} ? $kind->{make}->() : $kind->{text};

        push @{ $c->{asked} }, $kind;

        if (ref $request) {
            my ($first, @parts) = @$request;

            $text .= $first;
            push @{ $self->{later} }, [ $now + rand(0.03), $c, $c->{fh},
                                        join '', @parts ];
            last;
        }

        $text .= $request;
    }

    $self->{result}{sent} += @{ $c->{asked} };
    $self->{open}++;
    $c->{cost} = @{ $c->{asked} };

    $self->lost($c) if !defined syswrite $c->{fh}, $text;

    return 1;
}


sub send_late {
    my ($self, $now) = @_;

    return unless @{ $self->{later} };

    my @due = grep { $_->[0] <= $now } @{ $self->{later} };

    $self->{later} = [ grep { $_->[0] > $now } @{ $self->{later} } ];

    for (@due) {
        my ($when, $c, $fh, $text) = @$_;

        syswrite $fh, $text if $c->{fh} && $c->{fh} == $fh;
    }
}


sub read {
    my ($self, $c) = @_;

    # several times ready in one round, and closed by the first
    return unless $c && $c->{fh};

    my $n = sysread $c->{fh}, $c->{in}, 65536, length $c->{in};

    if (!$n) {
        return if !defined $n && ($! == EAGAIN || $! == EINTR);

        # a head is an answer, whatever becomes of its body
        $self->answered($c, $1) if @{ $c->{asked} || [] }
            && $c->{in} =~ m{^HTTP/1\.1 (\d+).*?\r\n\r\n}s;
        $self->lost($c);
        return;
    }

    while ($c->{in} =~ m{^HTTP/1\.1 (\d+)(.*?)\r\n\r\n}s) {
        my ($status, $head, $size) = ($1, $2, $+[0]);

        $size += $1 if $head =~ /^Content-Length: (\d+)/mi;
        last if length $c->{in} < $size;

        substr $c->{in}, 0, $size, '';
        $self->answered($c, $status);
    }

    $self->idle($c) if $c->{asked} && !@{ $c->{asked} };
}


sub answered {
    my ($self, $c, $status) = @_;
    my $kind = shift @{ $c->{asked} };
    my $result = $self->{result};

    $result->{answered}++;

    for my $what (qw/ refused passed /) {
        if (grep { $_ == $status } @{ $kind->{$what} || [] }) {
            $result->{$what}{$kind->{name}}++;
            return;
        }
    }

    $result->{wrong}{"$kind->{name}: $status"}++;
}


sub lost {
    my ($self, $c) = @_;

    $self->{result}{broken} += @{ $c->{asked} || [] };
    $self->{select}->remove($c->{fh});
    delete $self->{conns}{fileno $c->{fh}};
    close $c->{fh};
    delete $c->{fh};

    $self->idle($c) if $c->{asked};
}


sub idle {
    my ($self, $c) = @_;
    my $mean = $self->{rate} ? $self->{connections} * $c->{cost}
                               / $self->{rate} : 0;

    delete $c->{asked};
    $self->{open}--;
    $c->{due} = time - $mean * CORE::log(1 - rand);
    push @{ $self->{idle} }, $c;
}


1;
