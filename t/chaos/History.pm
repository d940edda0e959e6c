package History;

# Is there an order of the calls in which each was answered as it was, and that
# has none before another that had ended when it began?  One object at a time:
# the call's own moment lies between its begin and its end.  A call without an
# answer was done in that time, or not at all.
#
# A call has object, kind (create, put, delete, get), start, end, status and
# why (undef: no answer), rev, mark, match, keep and veto.  Revisions of what
# was written say in which order.

use strict;
use warnings;


# '', or what does not fit; $revs: by mark, of writes without an answer too
sub check {
    my ($ops) = @_;
    my (%revs, @events);

    for (@$ops) {
        next unless $_->{rev} && defined $_->{mark} && $_->{status} < 300;

        return "$_->{mark} has the revisions $revs{$_->{mark}} and $_->{rev}"
            if ($revs{$_->{mark}} //= $_->{rev}) != $_->{rev};
    }

    my %marks = reverse %revs;

    return "two of one revision" if keys %marks != keys %revs;

    my @order = sort { $a <=> $b } values %revs;
    my %next = map { $order[$_] => $_ } 0 .. $#order;

    for my $i (0 .. $#$ops) {
        my $op = $ops->[$i];

        next if says_nothing($op);
        push @events, [ $op->{start}, 0, $i ], [ $op->{end}, 1, $i ];
        $op->{known} = $revs{ $op->{mark} } if defined $op->{mark};
    }

    # of the same moment begins come first: that allows more
    @events = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @events;

    # an order so far: next of @order, revision, mark, keep, and what of what
    # is under way has been done in it
    my @worlds = ([ 0, 0, undef, 0, {} ]);
    my %open;

    for (@events) {
        my ($time, $ends, $i) = @$_;

        if (!$ends) {
            $open{$i} = $ops->[$i];
            next;
        }

        my @after = after(\@worlds, \%open, $i, \%next);

        return misfit($ops->[$i], \@worlds) unless @after;

        delete $open{$i};
        @worlds = @after;
    }

    return '';
}


# the worlds in which it was done, and without an answer those where not, too
sub after {
    my ($worlds, $open, $i, $next) = @_;
    my (%seen, %found);
    my @todo = @$worlds;

    my @reads = grep { reads($open->{$_}) } keys %$open;
    my @writes = grep { !reads($open->{$_}) } keys %$open;

    while (my $world = pop @todo) {
        my ($order, $rev, $mark, $keep, $done) = @$world;

        # what changes nothing is done as soon as it can be
        $done = $world->[4] = { %$done, map { $_ => 1 }
                                grep { answers($world, $open->{$_}) }
                                grep { !$done->{$_} } @reads };

        my $key = join ' ', $order, $mark // '-', $keep,
                       sort { $a <=> $b } keys %$done;

        next if $seen{$key}++;

        if ($done->{$i} || !defined $open->{$i}{status}) {
            my %rest = %$done;

            delete $rest{$i};
            $found{join ' ', $order, $mark // '-', $keep, sort keys %rest}
                = [ $order, $rev, $mark, $keep, \%rest ];

            # what comes later may be done later
            next if $done->{$i};
        }

        push @todo, grep defined, map { step($world, $open->{$_}, $_, $next) }
                                  grep !$done->{$_}, @writes;
    }

    return values %found;
}


sub reads {
    my ($op) = @_;

    return $op->{kind} eq 'get' || ($op->{status} // 0) >= 300;
}


# that world with the change made, or undef
sub step {
    my ($world, $op, $i, $next) = @_;
    my ($order, $rev, $mark, $keep, $done) = @$world;
    my @same = ($order, $rev, $mark, $keep, { %$done, $i => 1 });

    return if $op->{veto};
    return if $op->{kind} eq 'create' ? defined $mark : !defined $mark;
    return if $op->{match} && $rev && $rev != $op->{match};

    if ($op->{kind} eq 'delete') {
        return if $keep;
        @same[1 .. 3] = (0, undef, 0);
        return \@same;
    }

    # whose revision nobody knows was written over unseen, at any time
    if (defined $op->{known}) {
        return if $next->{ $op->{known} } != $order;
        $same[0]++;
    }

    @same[1 .. 3] = ($op->{known} // 0, $op->{mark}, $op->{keep} ? 1 : 0);

    return \@same;
}


# no answer to a look, or one that may come at any time
sub says_nothing {
    my ($op) = @_;
    my $status = $op->{status};

    return $op->{kind} eq 'get' if !defined $status;
    return $status >= 500
           || $status == 409 && $op->{why} =~ /changed by someone else/;
}


# is that what is answered there
sub answers {
    my ($world, $op) = @_;
    my ($order, $rev, $mark, $keep) = @$world;
    my ($status, $why) = ($op->{status}, $op->{why} // '');

    return defined $mark && $mark eq $op->{mark} if $status < 300;
    return !defined $mark if $status == 404;
    return 0 if $status != 409;

    return $op->{kind} eq 'delete' ? $keep : $op->{veto} || 0
        if $why =~ /cancelled by callback/;
    return defined $mark if $why =~ /there is one of id/;
    return !$rev || $rev != $op->{match} if $why =~ /^If-Match/;
    return 0;
}


sub misfit {
    my ($op, $worlds) = @_;
    my %may = map { ($_->[2] // 'nothing') . ($_->[1] ? " ($_->[1])" : '') => 1 }
              @$worlds;

    return sprintf "%s %s %s%s answered %s %s%s at %.6f-%.6f, where there was "
                   . "%s", $op->{kind}, $op->{object}, $op->{mark} // '',
                   $op->{match} ? " if $op->{match}" : '',
                   $op->{status} // '-', $op->{why} // '',
                   $op->{rev} ? " ($op->{rev})" : '', $op->{start}, $op->{end},
                   join ' or ', sort keys %may;
}


1;
