package Clock;

# Time that a test moves: the nginx it starts has clocks that are ahead of the
# system's by as much as the test says (t/infra/clock.c).  Said before either
# of them starts nginx, it works with ApiEvents.pm and with t/chaos/Chaos.pm:
#
#   use lib 't/lib';
#   use Clock;              # before ApiEvents
#   ...
#   Clock::advance(3600);   # nginx is an hour further on
#
# All that nginx has of this hour is over at once: timeouts of what is on its
# way as well, so let that come to its end first.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Temp;
use Time::HiRes ();

my $Top = abs_path(dirname(__FILE__) . '/../..');
my $Library = "$Top/build/clock.so";
my ($File, $Mono, $Wall);


sub import {
    return if $File;

    # prove alone does not know of it
    my $made = `make -s -C $Top build/clock.so 2>&1`;
    die "cannot make $Library: $made\n" unless -f $Library;

    # the sanitizer's library has to be the first
    $ENV{TEST_NGINX_LD_PRELOAD} = join ' ',
        grep { defined } $ENV{TEST_NGINX_LD_PRELOAD}, $Library;

    $File = File::Temp->new(TEMPLATE => 'apievents-clock-XXXXXX', TMPDIR => 1);
    $ENV{APIEVENTS_CLOCK} = $File->filename;
    ($Mono, $Wall) = (0, 0);
    put();
}


# by so many seconds, a fraction of them or, at the wall clock, back
sub advance {
    my ($seconds) = @_;

    $Mono += int(1e9 * $seconds);
    advance_wall($seconds);
}


# what happens when somebody sets the clock: the monotonic ones go on
sub advance_wall {
    my ($seconds) = @_;

    $Wall += int(1e9 * $seconds);
    put();
}


# what time it is in nginx
sub now {
    return Time::HiRes::time() + $Wall / 1e9;
}


# what a process needs of the environment besides LD_PRELOAD
sub preload {
    return "LD_PRELOAD=$Library APIEVENTS_CLOCK=" . $File->filename;
}


# in place, as the file is mapped
sub put {
    sysseek $File, 0, 0 or die "cannot seek: $!\n";
    (syswrite($File, pack 'q2', $Mono, $Wall) // 0) == 16
        or die "cannot write: $!\n";
}


1;
