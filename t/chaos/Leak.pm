package Leak;

# What grows when something is not given back: descriptors and memory of the
# processes, parts of the shared memory.  Numbers of idle moments are compared.

use strict;
use warnings;

use Chaos;


# Numbers by name, sums over the workers: "fd KIND" and "anon" (KiB); of the
# master "master fd", "master anon"; and what the metrics tell of the zone.
sub measure {
    my ($nginx, $receiver) = @_;
    my $sockets = sockets($nginx->port('gateway'), $receiver);
    my $m = $nginx->metrics or die "no metrics\n";
    my %n = map { $_ => 0 } 'anon', map { "fd $_" }
            qw/ client listen other receiver unix /;

    for my $pid ($nginx->workers) {
        my $fds = descriptors($pid, $sockets);

        $n{"fd $_"} += $fds->{$_} for keys %$fds;
        $n{anon} += anon($pid);
    }

    if ($nginx->{master} eq 'on') {
        my $fds = descriptors($nginx->{pid}, $sockets);

        $n{'master fd'} += $fds->{$_} for keys %$fds;
        $n{'master anon'} = anon($nginx->{pid});
    }

    $n{workers} = () = $nginx->workers;
    $n{rings} = $m->{apievents_rings_owned};
    $n{limits} = $m->{apievents_limits_used};
    $n{sessions} = $m->{apievents_sessions};
    $n{$_} = -$m->{"apievents_$_"}
        for qw/ queue_records_free queue_blocks_free sessions_free_bytes /;

    return \%n;
}


# what kind of socket an inode is
sub sockets {
    my ($gateway, $receiver) = @_;
    my %kind;

    for (split /\n/, Chaos::slurp('/proc/net/tcp')) {
        my ($local, $remote, $state, $inode) = /^\s*\d+:\s\w+:(\w+)\s
            \w+:(\w+)\s(\w+)\s(?:\S+\s+){5}(\d+)/x or next;

        $kind{$inode} = $state eq '0A' ? 'listen'
                        : hex($remote) == $receiver ? 'receiver'
                        : hex($local) == $gateway ? 'client' : 'tcp';
    }

    $kind{(split)[6]} = 'unix' for split /\n/, Chaos::slurp('/proc/net/unix');

    return \%kind;
}


sub descriptors {
    my ($pid, $sockets) = @_;
    my %n;

    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink $fd // next;
        my $kind = $to =~ /^socket:\[(\d+)/ ? $sockets->{$1} || 'socket'
                                            : 'other';

        $n{$kind}++;
    }

    return \%n;
}


# memory of its own, without the zone
sub anon {
    my ($pid) = @_;
    my ($kb) = Chaos::slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;

    return $kb // 0;
}


# By how much each number grew, from the larger of the first two to the smaller
# of the last two: what goes up and down has not grown.
sub growth {
    my (@series) = @_;
    my %grown;

    for my $name (map { keys %$_ } @series) {
        my ($first, $more) = sort { $b <=> $a }
                             map { $_->{$name} // 0 } @series[0, 1];
        my ($last) = sort { $a <=> $b }
                     map { $_->{$name} // 0 } @series[-2, -1];

        $grown{$name} = $last - $first;
    }

    return \%grown;
}


# lines about what grew by more than its bound; 0 where there is none
sub leaks {
    my ($bounds, @series) = @_;
    my $grown = growth(@series);

    return map { "$_ grew by $grown->{$_}: " . series($_, @series) . "\n" }
           grep { $grown->{$_} > ($bounds->{$_} // 0) } sort keys %$grown;
}


sub series {
    my ($name, @series) = @_;

    return join ' ', map { $_->{$name} // 0 } @series;
}


1;
