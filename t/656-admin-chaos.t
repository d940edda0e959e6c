#!/usr/bin/perl

# The short form of `make chaos-admin`, and histories in which there is
# something to be found.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use History;

finds();

$ENV{SECONDS} ||= 7;
$ENV{RELOAD_EVERY} ||= 4;

do './t/chaos/admin';
die $@ if $@;


# calls from one moment to another, one a line
sub history {
    my ($text) = @_;

    return [ map {
        my ($start, $end, $kind, $status, @more) = split;

        +{ start => $start, end => $end, kind => $kind, object => 'a',
           status => $status eq 'lost' ? undef : $status,
           map { split /=/, tr/_/ /r } @more }
    } grep /\S/, split /\n/, $text ];
}


sub fits {
    my ($what, $text) = @_;

    is(History::check(history($text)), '', $what);
}


sub fits_not {
    my ($what, $why, $text) = @_;

    like(History::check(history($text)), $why, $what);
}


sub finds {
    fits('nothing', '');
    fits('in order', <<'END');
1 2 create 201 mark=a rev=1
3 4 get 200 mark=a rev=1
5 6 put 200 mark=b rev=2 match=1
7 8 delete 200
9 10 get 404
END
    fits('at once', <<'END');
1 9 put 200 mark=c rev=3
1 8 put 200 mark=b rev=2
1 7 create 201 mark=a rev=1
2 6 get 200 mark=b rev=2
END
    fits('without answers: done, and not', <<'END');
1 2 create lost mark=a
3 4 get 200 mark=a rev=1
5 6 delete lost
7 8 get 200 mark=a rev=1
9 10 delete lost
11 12 get 404
END
    fits('vetoed', <<'END');
1 2 create 201 mark=a rev=1 keep=1
3 4 delete 409 why=cancelled_by_callback
5 6 put 409 mark=b veto=1 why=cancelled_by_callback
7 8 get 200 mark=a rev=1
END

    fits_not('a lost write', qr/^get .*there was b/, <<'END');
1 2 create 201 mark=a rev=1
3 4 put 200 mark=b rev=2
5 6 get 200 mark=a rev=1
END
    fits_not('one that is gone', qr/^get .*there was a/, <<'END');
1 2 create 201 mark=a rev=1
3 4 get 404
END
    fits_not('a resurrected one', qr/^get .*there was nothing/, <<'END');
1 2 create 201 mark=a rev=1
3 4 delete 200
5 6 get 200 mark=a rev=1
END
    fits_not('one that comes late', qr/^get .*there was nothing/, <<'END');
1 2 create lost mark=a
3 4 get 404
5 6 get 200 mark=a rev=1
END
    fits_not('two that were both made', qr/^create a b .*there was a/, <<'END');
1 4 create 201 mark=a rev=1
2 5 create 201 mark=b rev=2
END
    fits_not('another one than was expected', qr/^put a c if 1/, <<'END');
1 2 create 201 mark=a rev=1
3 4 put 200 mark=b rev=2
5 6 put 200 mark=c rev=3 match=1
END
    fits_not('revisions the wrong way', qr/^create a/, <<'END');
1 2 create 201 mark=a rev=2
3 4 put 200 mark=b rev=1
END
    fits_not('one mark with two', qr/^a has the revisions 1 and 2/, <<'END');
1 2 create 201 mark=a rev=1
3 4 get 200 mark=a rev=2
END
    fits_not('what was vetoed', qr/^get .*there was nothing/, <<'END');
1 2 create 409 mark=a veto=1 why=cancelled_by_callback
3 4 get 200 mark=a rev=1
END
    fits_not('what was to be kept', qr/^delete .*there was a/, <<'END');
1 2 create 201 mark=a rev=1 keep=1
3 4 delete 200
END
}
