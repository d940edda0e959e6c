package Smtp;

# t/smtp/server.cjs, a relay, as a process beside the test, and what it got.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Temp;
use IO::Socket::INET;
use JSON::XS ();
use Test::More ();
use Time::HiRes qw/ sleep time /;

my $Root = abs_path(dirname(__FILE__) . '/../..');
my $Modules = "$Root/build/npm/node_modules";


# to be used before what makes a plan
sub import {
    for (qw/ smtp-server mailparser /) {
        -d "$Modules/$_" or Test::More::plan(skip_all => "make deps installs $_");
    }
}


# options: those of server.cjs
sub new {
    my ($class, %options) = @_;
    my $self = bless { file => File::Temp->new }, $class;

    # it ends with the pipe, and that with the test
    local $ENV{OPTIONS} = JSON::XS->new->canonical->encode(\%options);
    $self->{pid} = open $self->{pipe}, '|-',
        "exec node $Root/t/smtp/server.cjs $Modules \"\$OPTIONS\" >"
        . $self->{file}
        or die "cannot start node: $!\n";

    ($self->{port}) = $self->lines(1) or die "node does not start\n";

    return $self;
}


sub port { $_[0]{port} }


# a port on which nothing listens now
sub free_port {
    my $fh = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "listen: $!\n";

    return $fh->sockport;
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


# the mails to that address, so many of them, waited for
sub mails {
    my ($self, $to, $count) = @_;
    my $end = time + ($ENV{APIEVENTS_WAIT} || 30);
    my @mails;

    while (1) {
        @mails = grep { ref && $_->{what} eq 'mail'
                            && grep { $_ eq $to } @{ $_->{to} } }
                      $self->lines(0);

        return @mails if @mails >= $count || time > $end;
        sleep 0.05;
    }
}


# the logins that were tried
sub logins { grep { ref && $_->{what} eq 'auth' } $_[0]->lines(0) }


# without a wait for more
sub end {
    my ($self) = @_;

    close $self->{pipe} if $self->{pipe};
    delete $self->{pipe};
}


sub DESTROY { $_[0]->end }


1;
