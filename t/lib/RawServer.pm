package RawServer;

# A receiver outside of nginx that answers whatever bytes a test wants, and
# writes down what it got.
#
#   my $server = RawServer->new('/ok' => "HTTP/1.1 204 No Content\r\n\r\n",
#                               '/x' => sub { my ($socket, $n) = @_; ... });
#
# $n counts the requests of the connection.  It is kept after a text, and after
# a sub that returns true.  [sub { ... }] is called when the head is there, before
# any of the body was read.  A path that is not there is answered by 200.

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;

my $Ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";


sub new {
    my ($class, %answers) = @_;
    my $listen = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
                                       LocalAddr => '127.0.0.1', Timeout => 1)
                 or die "listen: $!\n";
    my $self = bless { answers => \%answers, listen => $listen,
                       parent => $$, file => File::Temp->new }, $class;

    $self->{pid} = fork // die "fork: $!\n";

    if (!$self->{pid}) {
        $self->serve;
        POSIX::_exit(0);
    }

    return $self;
}


sub port {
    return $_[0]{listen}->sockport;
}


# the requests so far: [path, head, body, number on its connection, peer]
sub requests {
    my ($self) = @_;

    open my $in, '<:raw', $self->{file}->filename or die "requests: $!\n";
    local $/ = "\0\0\n";

    return map { chomp; [split /\0/, $_, 5] } <$in>;
}


sub forget {
    truncate $_[0]{file}->filename, 0 or die "truncate: $!\n";
}


# a process a connection; they go with the one that started them
sub serve {
    my ($self) = @_;

    require POSIX;
    setpgrp;
    $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = $SIG{INT} = 'DEFAULT';

    while (getppid == $self->{parent}) {
        my $socket = $self->{listen}->accept or next;
        my $pid = fork;

        next if !defined $pid || $pid;

        $SIG{PIPE} = 'IGNORE';
        $self->talk($socket);
        POSIX::_exit(0);
    }
}


sub talk {
    my ($self, $socket) = @_;
    my ($n, $in) = (0, '');

    while (1) {
        my $read = sysread $socket, $in, 65536, length $in;

        return if !$read;
        next if $in !~ /^\S+ (\S+)[^\n]*\n(?:.*?\r\n)?\r\n/s;

        my ($path, $head) = ($1, $&);
        my $size = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;

        my $answer = $self->{answers}{$path} // $Ok;

        if (ref $answer eq 'ARRAY') {
            $answer = $answer->[0];

        } elsif (length $in < length($head) + $size) {
            next;
        }

        my $body = substr $in, length $head, $size;

        $in = '';

        open my $out, '>>:raw', $self->{file}->filename;
        syswrite $out, CORE::join("\0", $path, $head, $body, ++$n,
                                      $socket->peerhost) . "\0\0\n";
        close $out;

        if (!ref $answer) {
            syswrite $socket, $answer;

        } elsif (!$answer->($socket, $n)) {
            return;
        }
    }
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{parent} != $$ || !$self->{pid};

    local $?;
    kill 'TERM', -$self->{pid}, $self->{pid};
    waitpid $self->{pid}, 0;
}


1;
