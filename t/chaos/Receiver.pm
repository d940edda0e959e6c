package Receiver;

# What takes webhooks: a process with one loop over connections that it keeps
# open.  It writes down each event's id, when it arrived and whether the whole
# answer was sent.  What comes under /hang gets no answer until it is told so;
# other answers are now and then late or in two parts.

use strict;
use warnings;

use Errno qw/ EAGAIN EINTR EWOULDBLOCK /;
use IO::Select;
use Time::HiRes qw/ time /;

my $Accepted = "HTTP/1.1 204 No Content\r\n\r\n";
my $Answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";


# Function for Chaos::child(); options: late, the share of answers that are
# late or in parts; count_only.  Told 'r' it answers what hangs.  Returns n and
# arrivals, a list of [id, path, time of arrival, time when it was answered or
# undef, body if it is short].
sub new {
    my ($class, $listen, %options) = @_;

    return sub {
        my $self = bless { listen => $listen, arrivals => [], later => [],
                           held => [], conns => {}, late => 0.2, n => 0,
                           %options },
                         $class;

        $self->loop($_[0]);

        return { arrivals => $self->{arrivals}, n => $self->{n} };
    };
}


sub loop {
    my ($self, $pipe) = @_;
    my $select = $self->{select} = IO::Select->new($self->{listen}, $pipe);

    while (1) {
        my $late = $self->{later}[0];
        my $wait = !$late ? 0.5 : $late->[0] > time ? $late->[0] - time : 0;

        for my $fh ($select->can_read($wait)) {

            if ($fh == $pipe) {
                return unless sysread $pipe, my $byte, 1;
                $self->release;

            } elsif ($fh == $self->{listen}) {
                $self->accept;

            } else {
                $self->read($fh);
            }
        }

        $self->write_late;
    }
}


sub accept {
    my ($self) = @_;
    my $fh = $self->{listen}->accept or return;

    $fh->blocking(0);
    $self->{conns}{fileno $fh} = { fh => $fh, in => '' };
    $self->{select}->add($fh);
}


sub read {
    my ($self, $fh) = @_;
    my $c = $self->{conns}{fileno $fh};
    my $n = sysread $fh, $c->{in}, 65536, length $c->{in};

    if (!$n) {
        return if !defined $n && ($! == EAGAIN || $! == EINTR);

        $self->{select}->remove($fh);
        delete $self->{conns}{fileno $fh};
        $c->{closed} = 1;
        close $fh;
        return;
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


sub request {
    my ($self, $c, $path, $text, $id) = @_;

    return $self->write($c, $Answer) unless defined $id;

    my $arrival = [ $id, $path, time, undef, length $text < 100 ? $text : '' ];

    $self->{n}++;
    push @{ $self->{arrivals} }, $arrival unless $self->{count_only};

    if ($path =~ m{^/hang} && !$self->{released}) {
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
    my ($self, @what) = @_;

    @{ $self->{later} } = sort { $a->[0] <=> $b->[0] }
        @{ $self->{later} }, [ time + 0.001 + rand(0.03), @what ];
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

    my $n = syswrite $c->{fh}, $text;

    $arrival->[3] = time if $arrival && defined $n && $n == length $text;
}


sub release {
    my ($self) = @_;

    $self->{released} = 1;
    $self->write($_->[0], $Accepted, $_->[1]) for @{ $self->{held} };
    $self->{held} = [];
}


1;
