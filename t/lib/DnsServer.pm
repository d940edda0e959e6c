package DnsServer;

# A DNS server for "resolver".
#
#   my $dns = DnsServer->new('one.test' => ['127.0.0.1', '::1'],
#                            'two.test' => [['127.0.0.2'], ['127.0.0.1']],
#                            'silent.test' => undef);
#
# A name has addresses, or lists of them, of which the next one is for each
# query of a type, and the last one for all that follow.  A name that is not
# there is not found.  Options: -ttl (60).

use strict;
use warnings;

use File::Temp;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw/ AF_INET AF_INET6 inet_pton /;

my %Type = (A => 1, AAAA => 28);


sub new {
    my ($class, %zone) = @_;
    my $ttl = delete $zone{-ttl} // 60;
    my $socket = IO::Socket::INET->new(Proto => 'udp',
                                       LocalAddr => '127.0.0.1')
                 or die "udp: $!\n";
    my $self = bless { zone => \%zone, socket => $socket, parent => $$,
                       ttl => $ttl, file => File::Temp->new }, $class;

    $self->{pid} = fork // die "fork: $!\n";

    if (!$self->{pid}) {
        $SIG{TERM} = $SIG{INT} = 'DEFAULT';
        $self->serve;
        POSIX::_exit(0);
    }

    return $self;
}


sub address {
    return '127.0.0.1:' . $_[0]{socket}->sockport;
}


# the queries so far: "one.test A"
sub asked {
    open my $in, '<', $_[0]{file}->filename or die "queries: $!\n";
    chomp(my @lines = <$in>);
    return @lines;
}


sub forget {
    truncate $_[0]{file}->filename, 0 or die "truncate: $!\n";
}


sub serve {
    my ($self) = @_;
    my $select = IO::Select->new($self->{socket});

    while (getppid == $self->{parent}) {
        next unless $select->can_read(1);

        my $peer = $self->{socket}->recv(my $query, 512);
        my $reply = $self->answer($query);

        $self->{socket}->send($reply, 0, $peer) if defined $reply;
    }
}


sub answer {
    my ($self, $query) = @_;
    my ($id, $labels) = unpack 'n x10 Z*', $query;
    my $type = unpack 'n', substr $query, 13 + length $labels;
    my $name = join '.', unpack '(C/a)*', $labels;
    my ($word) = grep { $Type{$_} == $type } keys %Type;
    my $zone = $self->{zone};

    open my $asked, '>>', $self->{file}->filename or die "queries: $!\n";
    syswrite $asked, "$name " . ($word // $type) . "\n";
    close $asked;

    return if exists $zone->{$name} && !defined $zone->{$name};

    my $list = $zone->{$name} || [];

    if (ref $list->[0]) {
        my $n = $self->{n}{"$name $type"}++;
        $list = $list->[$n < @$list ? $n : -1];
    }

    my @data = grep { defined } map {
        inet_pton($type == $Type{A} ? AF_INET : AF_INET6, $_)
    } @$list;

    return pack('nnnnnn', $id, 0x8180 | ($zone->{$name} ? 0 : 3), 1,
                scalar @data, 0, 0)
           . substr($query, 12, length($labels) + 5)
           . join '', map { pack 'nnnNn/a', 0xc00c, $type, 1, $self->{ttl},
                                 $_ } @data;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{parent} != $$ || !$self->{pid};

    local $?;
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
}


1;
