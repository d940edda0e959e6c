package Interop;

# t/interop/receiver.cjs as a process beside the test.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Temp;
use JSON::XS ();
use Time::HiRes qw/ sleep time /;

my $Here = abs_path(dirname(__FILE__));
my $Npm = abs_path("$Here/../..") . '/build/npm';


# keys: names and texts
sub new {
    my ($class, %keys) = @_;
    my $self = bless { file => File::Temp->new }, $class;

    -d "$Npm/node_modules/$_" or die "no package $_: run make deps\n"
        for qw/ standardwebhooks cloudevents /;

    # it ends with the pipe, and that with the test
    local $ENV{KEYS} = JSON::XS->new->canonical->encode(\%keys);
    $self->{pid} = open $self->{pipe}, '|-',
        "exec node $Here/receiver.cjs $Npm \"\$KEYS\" >" . $self->{file}
        or die "cannot start node: $!\n";

    ($self->{port}) = $self->lines(1) or die "node does not start\n";

    return $self;
}


# so many, waited for; each is JSON
sub lines {
    my ($self, $count) = @_;
    my $end = time + ($ENV{APIEVENTS_WAIT} || 30);
    my $json = JSON::XS->new->utf8->allow_nonref;

    while (1) {
        open my $in, '<', $self->{file}->filename or die "results: $!\n";
        my @lines = grep { /\n\z/ } <$in>;

        return map { $json->decode($_) } @lines
            if @lines >= $count || time > $end;
        sleep 0.05;
    }
}


# what came, by path, when it is so much
sub requests {
    my ($self, $count) = @_;
    my %paths;

    my ($port, @requests) = $self->lines($count + 1);

    push @{ $paths{$_->{path}} }, $_ for @requests;

    return \%paths;
}


# without a wait for more
sub end {
    my ($self) = @_;

    close $self->{pipe};
}


1;
