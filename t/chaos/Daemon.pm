package Daemon;

# An nginx as it runs on a machine: a daemon, found by its pid file, which can
# be upgraded (USR2) and started again in its folder.

use strict;
use warnings;

use parent -norequire, 'Chaos';

use Chaos;
use Time::HiRes qw/ sleep /;

my $Nginx = $ENV{TEST_NGINX_BINARY} || $ENV{NGINX} || '/usr/sbin/nginx';


sub new {
    my ($class, $name, %options) = @_;

    return $class->SUPER::new($name, daemon => 'on', guards => [], %options);
}


# the command's output; '' is a success
sub run {
    my ($self, @args) = @_;
    my $dir = $self->{dir};
    my $preload = $ENV{TEST_NGINX_LD_PRELOAD} // '';
    my $status = system("LD_PRELOAD='$preload' $Nginx -p $dir "
                        . "-c $dir/nginx.conf @args >$dir/stderr.log 2>&1");
    my $text = Chaos::slurp("$dir/stderr.log");

    return $status == 0 ? '' : $text || 'failed';
}


sub start {
    my ($self) = @_;
    my $text = $self->run;

    die "nginx does not start:\n$text" if $text ne '';

    $self->until(10, sub { $self->read_pid })
        or die "nginx writes no pid, see $self->{dir}/error.log\n";
    $self->{pid} = $self->read_pid;
    $self->watch;

    $self->until(10, sub { $self->connected })
        or die "nginx does not answer, see $self->{dir}/error.log\n";

    return $self;
}


# a guard for each master
sub watch {
    my ($self) = @_;

    $self->guard;
    push @{ $self->{guards} }, delete $self->{guard};
}


sub dismiss {
    my ($self) = @_;

    for my $guard (splice @{ $self->{guards} }) {
        $self->{guard} = $guard;
        $self->SUPER::dismiss;
    }
}


sub read_pid {
    my ($self) = @_;
    my ($pid) = Chaos::slurp("$self->{dir}/nginx.pid") =~ /^(\d+)$/m;

    return $pid && -d "/proc/$pid" ? $pid : undef;
}


# the new master runs beside the old one; returns its pid, which is then ours
sub upgrade {
    my ($self) = @_;
    my $old = $self->{pid};

    kill 'USR2', $old;

    $self->until(10, sub { ($self->read_pid // $old) != $old })
        or return;
    $self->{pid} = $self->read_pid;
    $self->watch;
    $self->until(10, sub { $self->fresh == $self->{workers} });

    return $self->{pid};
}


sub gone {
    my ($self, $pid) = @_;

    return $self->until(20, sub { !-d "/proc/$pid" });
}


sub stop {
    my ($self, $signal) = @_;
    my $pid = $self->{pid} or return;

    kill $signal || 'QUIT', $pid;

    my $ended = $self->gone($pid);

    kill 'KILL', $pid, $self->workers unless $ended;
    delete $self->{pid};
    $self->dismiss;

    return $ended;
}


1;
