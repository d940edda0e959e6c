package Admin;

# Clients of the management API, each with one call under way: they make, put,
# delete, read and list the same few objects at random and write down what they
# were answered, and when.

use strict;
use warnings;

use Errno qw/ EAGAIN EINTR /;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw/ time /;

my $Json = JSON::PP->new->utf8->canonical;
my $Secret = 'secret-of-ops';


# Function for Chaos::child().  Options: port, clients, seconds, objects (of
# each collection), hook (a URL).  Returns ops, a list of calls as History
# wants them, and wrong, a list of what no call may be answered.
sub new {
    my ($class, %options) = @_;

    return sub {
        my $self = bless { clients => 64, seconds => 60, objects => 6,
                           ops => [], wrong => [], tags => {}, n => 0,
                           conns => {}, %options }, $class;

        $self->loop($_[0]);

        return { ops => $self->{ops}, wrong => $self->{wrong} };
    };
}


sub loop {
    my ($self, $pipe) = @_;
    my $select = $self->{select} = IO::Select->new($pipe);
    my $end = time + $self->{seconds};
    my @clients = map { { n => $_ } } 1 .. $self->{clients};
    my $open = @clients;

    while (grep($_->{op}, @clients) || time < $end) {

        if (time < $end) {
            $self->begin($_) for grep !$_->{op}, @clients;
        }

        for my $fh ($select->can_read(0.05)) {

            if ($fh == $pipe) {
                $end = 0;
                $select->remove($pipe);

            } else {
                $self->read($self->{conns}{fileno $fh});
            }
        }

        last if time > $end + 60;
    }

    # nobody has told whether these were done
    $self->{ops} = [ @{ $self->{ops} },
                     map { $_->{op}{end} = 9e9; $_->{op} }
                     grep $_->{op}, @clients ];
}


# a call at random; more of what changes than of what reads
sub choose {
    my ($self) = @_;
    my $collection = qw/ apps apps developers callbacks /[rand 4];
    my $id = 'o' . int rand $self->{objects};
    my $object = "$collection/$id";
    my $kind = rand;

    return { kind => 'list', collection => $collection,
             after => rand() < 0.5 ? '' : $id, limit => 1 + int rand 4,
             method => 'GET' } if $kind < 0.08;

    my $op = { object => $object, collection => $collection, id => $id };

    return { %$op, kind => 'get', method => 'GET' } if $kind < 0.25;

    $op->{match} = $self->{tags}{$object}
        if rand() < 0.3 && $self->{tags}{$object};

    return { %$op, kind => 'delete', method => 'DELETE' } if $kind < 0.45;

    $op->{mark} = 'm' . ++$self->{n};
    $op->{veto} = rand() < 0.1 && $collection ne 'callbacks';
    $op->{keep} = rand() < 0.3 && $collection ne 'callbacks';
    delete $op->{match} if $kind < 0.7;

    return { %$op, $kind < 0.7 ? (kind => 'create', method => 'POST')
                               : (kind => 'put', method => 'PUT') };
}


sub document {
    my ($self, $op) = @_;
    my %doc = (id => $op->{id}, mark => $op->{mark},
               pad => $op->{mark} x int rand 200);

    $doc{keep} = JSON::PP::true if $op->{keep};
    $doc{veto} = JSON::PP::true if $op->{veto};

    %doc = (%doc, name => $op->{mark}, type => 'after-plan',
            url => $self->{hook})
        if $op->{collection} eq 'callbacks';

    return $Json->encode(\%doc);
}


sub begin {
    my ($self, $c) = @_;

    if (!$c->{fh}) {
        $c->{fh} = IO::Socket::INET->new(Proto => 'tcp',
            PeerAddr => '127.0.0.1', PeerPort => $self->{port}) or return;
        $c->{fh}->blocking(0);
        $self->{conns}{fileno $c->{fh}} = $c;
        $self->{select}->add($c->{fh});
    }

    my $op = $c->{op} = $self->choose;
    my $uri = $op->{kind} eq 'list'
              ? "$op->{collection}?limit=$op->{limit}&after=$op->{after}"
              : $op->{kind} eq 'create' ? $op->{collection} : $op->{object};
    my $body = defined $op->{mark} ? $self->document($op) : '';

    $c->{in} = '';
    $op->{start} = time;

    my $text = "$op->{method} /tyk/$uri HTTP/1.1\r\nHost: localhost\r\n"
               . "Admin-Auth: $Secret\r\nContent-Length: " . length($body)
               . ($op->{match} ? "\r\nIf-Match: \"$op->{match}\"" : '')
               . "\r\n\r\n$body";

    $self->lost($c) if (syswrite($c->{fh}, $text) // 0) != length $text;
}


sub read {
    my ($self, $c) = @_;

    # several times ready in one round, and closed by the first
    return unless $c && $c->{fh};

    my $n = sysread $c->{fh}, $c->{in}, 65536, length $c->{in};

    return if !defined $n && ($! == EAGAIN || $! == EINTR);
    return $self->lost($c) if !$n || !$c->{op};
    return unless $c->{in} =~ m{^HTTP/1\.1 (\d+)(.*?\r\n)\r\n}s;

    my ($status, $head, $size) = ($1, $2, $+[0]);
    my ($length) = $head =~ /^Content-Length: (\d+)/mi or return;

    return if length $c->{in} < $size + $length;

    my $op = delete $c->{op};

    $op->{end} = time;
    $op->{status} = $status;
    ($op->{rev}) = $head =~ /^ETag: "(\d+)"/mi;
    $self->answered($op, substr $c->{in}, $size, $length);
    $self->close($c) if $head =~ /^Connection: close/mi;
}


sub answered {
    my ($self, $op, $text) = @_;
    my $doc = eval { $Json->decode($text) };

    push @{ $self->{ops} }, $op;

    return $self->wrong($op, "no JSON: $text") unless ref $doc eq 'HASH';

    $op->{why} = $doc->{message} // '' if $op->{status} >= 400;

    return $self->wrong($op, $op->{why})
        if $op->{status} >= 500 || $op->{status} =~ /^4(?!04|09)/;
    return $self->listed($op, $doc) if $op->{kind} eq 'list';
    return if $op->{status} >= 400;

    $self->{tags}{ $op->{object} } = $op->{rev} if $op->{rev};
    return if $op->{kind} eq 'delete';

    $self->wrong($op, "torn: $text") unless $self->whole($doc);
    $self->wrong($op, "no revision") unless $op->{rev};
    $self->wrong($op, "another one: $text") if $doc->{id} ne $op->{id};

    if ($op->{kind} eq 'get') {
        $op->{mark} = $doc->{mark};

    } elsif ($doc->{mark} ne $op->{mark}) {
        $self->wrong($op, "not what was put: $text");
    }
}


sub listed {
    my ($self, $op, $doc) = @_;
    my $last = $op->{after};

    for my $item (@{ $doc->{items} }) {
        $self->wrong($op, "torn: " . $Json->encode($item))
            unless $self->whole($item) || $item->{id} !~ /^o/;
        $self->wrong($op, "'$item->{id}' behind '$last'")
            unless $item->{id} gt $last;

        $last = $item->{id};
        $op->{items}{$last} = $item->{mark};
    }

    $self->wrong($op, "too many") if @{ $doc->{items} } > $op->{limit};

    # as far as it has looked
    $op->{until} = defined $doc->{next} ? $last : "\xff";
}


sub whole {
    my ($self, $doc) = @_;
    my $mark = $doc->{mark} // return 0;

    return ($doc->{pad} // '-') =~ /^(?:\Q$mark\E)*$/
           && ($doc->{name} // $mark) eq $mark;
}


sub wrong {
    my ($self, $op, $why) = @_;

    push @{ $self->{wrong} }, "$op->{kind} "
        . ($op->{object} // $op->{collection}) . ": " . ($op->{status} // '-')
        . " $why";
}


# a worker that is killed ends nothing later than its connections
sub lost {
    my ($self, $c) = @_;

    if (my $op = delete $c->{op}) {
        $op->{end} = time;
        push @{ $self->{ops} }, $op;
    }

    $self->close($c);
}


sub close {
    my ($self, $c) = @_;
    my $fh = delete $c->{fh} or return;

    $self->{select}->remove($fh);
    delete $self->{conns}{fileno $fh};
    CORE::close $fh;
}


1;
