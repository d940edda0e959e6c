package Receiver;

# What takes webhooks: a process with one loop over connections that it keeps
# open.  It writes down each event's id, when it arrived and whether the whole
# answer was sent.  What comes under /hang gets no answer until it is told so;
# other answers are now and then late or in two parts.  Who comes through the
# second socket is failed at random until then: refused, reset in the middle of
# an answer, after half a header, answered by 500, or late.

use strict;
use warnings;

use Errno qw/ EAGAIN EINTR EWOULDBLOCK /;
use IO::Select;
use Socket qw/ SOL_SOCKET SO_LINGER /;
use Time::HiRes qw/ time /;

my $Accepted = "HTTP/1.1 204 No Content\r\n\r\n";
my $Failed = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
my $Answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";


# Function for Chaos::child(); options: late, the share of answers that are
# late or in parts; count_only; faulty, a second socket, and faults, the share
# of failures there.  Told 'r' it answers what hangs.  Returns n and
# arrivals, a list of [id, path, time of arrival, time when it was answered or
# undef, body if it is short, time before which it was not sent].
sub new {
    my ($class, $listen, %options) = @_;

    return sub {
        my $self = bless { listen => $listen, arrivals => [], later => [],
                           held => [], conns => {}, late => 0.2, n => 0,
                           faults => 0.1, failed => {},
                           %options },
                         $class;

        $self->loop($_[0]);

        return { arrivals => $self->{arrivals}, n => $self->{n},
                 failed => $self->{failed} };
    };
}


sub loop {
    my ($self, $pipe) = @_;
    my $select = $self->{select} = IO::Select->new($self->{listen}, $pipe);

    if ($self->{faulty}) {
        $self->{port} = $self->{faulty}->sockport;
        $select->add($self->{faulty});
    }

    while (1) {
        my $late = $self->{later}[0];
        my $wait = !$late ? 0.5 : $late->[0] > time ? $late->[0] - time : 0;

        $wait = 0.02 if $self->{deaf} && $wait > 0.02;

        # what is not ready now was not sent before; a machine that is busy lets
        # it wait for long
        $self->{before} = $self->{now} // time;
        $self->{now} = time;
        $self->{turn}++;

        my @ready = $select->can_read($wait);

        $self->{calm} = $self->{now}
            unless grep { $_ == $self->{listen}
                          || $self->{faulty} && $_ == $self->{faulty} } @ready;

        for my $fh (@ready) {

            # closed by what came just before
            next unless defined fileno $fh;

            if ($fh == $pipe) {
                return unless sysread $pipe, my $byte, 1;
                $self->release;

            } elsif ($fh == $self->{listen}) {
                $self->accept($fh);

            } elsif ($self->{faulty} && $fh == $self->{faulty}) {
                $self->accept($fh, 1);

            } else {
                $self->read($fh);
            }
        }

        $self->write_late;
        $self->hear if $self->{deaf} && time > $self->{deaf};
    }
}


sub accept {
    my ($self, $listen, $faulty) = @_;
    my $fh = $listen->accept or return;

    $fh->blocking(0);
    $self->{conns}{fileno $fh} = { fh => $fh, in => '', faulty => $faulty,
                                   turn => $self->{turn},
                                   since => $self->{calm} // 0 };
    $self->{select}->add($fh);
}


sub read {
    my ($self, $fh) = @_;
    my $c = $self->{conns}{fileno $fh};
    my $n = sysread $fh, $c->{in}, 65536, length $c->{in};

    $c->{since} = $self->{before} unless $c->{turn} == $self->{turn} - 1;
    $c->{turn} = $self->{turn};

    if (!$n) {
        return if !defined $n && ($! == EAGAIN || $! == EINTR);
        return $self->close($c);
    }

    while ($c->{in} =~ /^(\S+) (\S+)[^\n]*\n(.*?\r\n)\r\n/s) {
        my ($path, $head, $size) = ($2, $3, $+[0]);
        my $body = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;

        last if length $c->{in} < $size + $body;

        my $text = substr $c->{in}, $size, $body;

        substr $c->{in}, 0, $size + $body, '';
        $self->request($c, $path, $text,
                       $head =~ /^webhook-id: (\S+)/mi ? $1 : undef);
    }
}


sub close {
    my ($self, $c) = @_;

    return if $c->{closed};

    $self->{select}->remove($c->{fh});
    delete $self->{conns}{fileno $c->{fh}};
    $c->{closed} = 1;
    CORE::close $c->{fh};
}


sub reset {
    my ($self, $c) = @_;

    return if $c->{closed};

    setsockopt $c->{fh}, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    $self->close($c);
}


# nobody listens for a moment
sub refuse {
    my ($self) = @_;

    return unless $self->{faulty};

    $self->{select}->remove($self->{faulty});
    CORE::close delete $self->{faulty};
    $self->{deaf} = time + 0.02 + rand(0.3);
}


sub hear {
    my ($self) = @_;

    $self->{faulty} = eval { Chaos::listener($self->{port}) } or return;
    $self->{select}->add($self->{faulty});
    delete $self->{deaf};
}


sub fail {
    my ($self, $c, $arrival) = @_;
    my $kind = qw/ reset half 500 slow /[rand 4];

    # for as long as nobody listens all fail that would connect
    $kind = 'refused' if rand() < 0.03;

    $self->{failed}{$kind}++;

    if ($kind eq '500') {
        $self->write($c, $Failed);

    } elsif ($kind eq 'slow') {
        $self->later($c, $Accepted, $arrival, 0.3 + rand(1.5));

    } elsif ($kind eq 'half') {
        $self->write($c, substr $Answer, 0, 1 + int rand 30);
        $self->later($c, undef, undef, rand(0.5));

    } else {
        $self->write($c, substr $Answer, 0, 38 + int rand 4)
            if $kind eq 'reset';
        $self->reset($c);
        $self->refuse if $kind eq 'refused';
    }
}


sub request {
    my ($self, $c, $path, $text, $id) = @_;

    return $self->write($c, $Answer) unless defined $id;

    my $arrival = [ $id, $path, time, undef, length $text < 100 ? $text : '',
                    $c->{since} ];

    $self->{n}++;
    push @{ $self->{arrivals} }, $arrival unless $self->{count_only};

    if ($c->{faulty} && !$self->{released} && rand() < $self->{faults}) {
        $self->fail($c, $arrival);

    } elsif ($path =~ m{^/hang} && !$self->{released}) {
        push @{ $self->{held} }, [ $c, $arrival ];

    } elsif ($path =~ m{^/hang} || rand() >= $self->{late}) {
        $self->write($c, $Accepted, $arrival);

    } elsif (rand() < 0.75) {
        $self->later($c, $Accepted, $arrival);

    } else {
        my $n = 1 + int rand(length($Accepted) - 1);

        $self->write($c, substr $Accepted, 0, $n);
        $self->later($c, substr($Accepted, $n), $arrival);
    }
}


sub later {
    my ($self, $c, $text, $arrival, $seconds) = @_;
    my $when = time + ($seconds // 0.001 + rand(0.03));

    @{ $self->{later} } = sort { $a->[0] <=> $b->[0] }
        @{ $self->{later} }, [ $when, $c, $text, $arrival ];
}


sub write_late {
    my ($self) = @_;
    my $later = $self->{later};

    while (@$later && $later->[0][0] <= time) {
        my ($when, @what) = @{ shift @$later };

        $self->write(@what);
    }
}


sub write {
    my ($self, $c, $text, $arrival) = @_;

    return if $c->{closed};
    return $self->reset($c) unless defined $text;

    my $n = syswrite $c->{fh}, $text;

    $arrival->[3] = time if $arrival && defined $n && $n == length $text;
}


sub release {
    my ($self) = @_;

    $self->{released} = 1;
    $self->{deaf} = 0.1 if $self->{deaf};
    $self->write($_->[0], $Accepted, $_->[1]) for @{ $self->{held} };
    $self->{held} = [];
}


1;
