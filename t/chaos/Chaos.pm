package Chaos;

# An nginx with the module in a folder of its own, and processes around it:
# receiver, traffic, sampler.  Core modules only.  Everything that is started
# here ends with the test, also when the test is killed.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use File::Path qw/ make_path remove_tree /;
use IO::Select;
use IO::Socket::INET;
use POSIX qw/ WNOHANG /;
use Storable qw/ nstore retrieve /;
use Test::Builder;
use Time::HiRes qw/ sleep time /;

# a sanitized or loaded machine waits longer
our $Slow = ($ENV{APIEVENTS_WAIT} || 3) / 3;

my $Top = abs_path(dirname(__FILE__) . '/../..');
my $Nginx = $ENV{TEST_NGINX_BINARY} || $ENV{NGINX} || '/usr/sbin/nginx';
my @Instances;

$SIG{PIPE} = 'IGNORE';
$SIG{INT} = $SIG{TERM} = sub { exit 1 };

END {
    my $status = $?;
    my $well = $status == 0 && Test::Builder->new->is_passing;

    $_->abandon($well) for @Instances;
    $? = $status;
}


sub new {
    my ($class, $name, %options) = @_;
    my $dir = "$Top/build/chaos/$name-$$";

    my $self = bless { dir => $dir, owner => $$, children => {}, ports => {},
                       workers => 2, master => 'on', daemon => 'off',
                       modules => '',
                       %options }, $class;

    # what tests left that failed or were killed
    for my $old (glob "$Top/build/chaos/$name-*") {
        remove_tree($old) unless $old =~ /-(\d+)$/ && $1 != $$
                                 && -d "/proc/$1";
    }

    make_path("$dir/modules");

    # a build that goes on meanwhile does not change what a reload loads
    my $module = $ENV{APIEVENTS_MODULE}
                 || "$Top/build/ngx_http_apievents_module.so";

    die "$module is missing, run make first\n" unless -f $module;
    system('cp', $module, "$dir/modules/apievents.so") == 0
        or die "cannot copy $module\n";

    push @Instances, $self;

    return $self;
}


# njs, for an instance with handlers that are scripts
sub js_module {
    my $file = $ENV{APIEVENTS_JS_MODULE}
               || (`$Nginx -V 2>&1` =~ /--modules-path=(\S+)/)[0]
                  . '/ngx_http_js_module.so';

    return "load_module $file;";
}


# a port of the name, free when it was first asked for
sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name} ||= listener(0)->sockport;
}


sub listener {
    my ($port) = @_;

    return IO::Socket::INET->new(Listen => 1024, Proto => 'tcp',
        LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1)
        || die "cannot listen on 127.0.0.1:$port: $!\n";
}


# one that may be closed for a moment and opened again: its port is none of
# those that the kernel gives to clients
sub low_listener {
    for (1 .. 100) {
        my $listen = eval { listener(10000 + int rand 20000) };
        return $listen if $listen;
    }

    die "cannot find a port\n";
}


# main and http are added to what every instance has
sub configure {
    my ($self, $main, $http) = @_;
    my $dir = $self->{dir};
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join "\n    ", map { "${_}_temp_path $dir/$_;" }
        qw/ client_body proxy fastcgi uwsgi scgi /;
    # what nginx leaves to a binary that it starts instead of its own
    my $env = join "\n", map { "env $_;" }
        qw/ LD_PRELOAD APIEVENTS_CLOCK ASAN_OPTIONS UBSAN_OPTIONS /;
    my $engine = $ENV{APIEVENTS_JS_ENGINE}
                 && $self->{modules} =~ /_js_module/
                 ? "js_engine $ENV{APIEVENTS_JS_ENGINE};" : '';

    spew("$dir/nginx.conf", <<"END");
$self->{modules}
load_module $dir/modules/apievents.so;
$user
daemon $self->{daemon};
master_process $self->{master};
worker_processes $self->{workers};
pid $dir/nginx.pid;
error_log $dir/error.log info;
$env
$main
http {
    $engine
    $temp
    access_log off;
    keepalive_requests 1000000000;
    api_state_path $dir/state;
$http
}
END
}


sub start {
    my ($self) = @_;
    my $dir = $self->{dir};
    my $pid = fork;

    die "cannot fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD}
            if defined $ENV{TEST_NGINX_LD_PRELOAD};

        open STDERR, '>>', "$dir/stderr.log";
        { exec $Nginx, '-p', $dir, '-c', "$dir/nginx.conf" }
        POSIX::_exit(1);
    }

    $self->{pid} = $pid;
    $self->guard;

    for (1 .. 200 * $Slow) {
        return $self if $self->connected;

        die "nginx does not start:\n", slurp("$dir/stderr.log"), $self->log
            if waitpid($pid, WNOHANG) == $pid;

        sleep 0.05;
    }

    die "nginx does not answer, see $dir/error.log\n";
}


# should the test be killed: the pipe's other end is closed then
sub guard {
    my ($self) = @_;

    pipe my $r, my $w or die "cannot pipe: $!\n";

    my $pid = fork;

    if ($pid == 0) {
        # sockets that the test closes are not to stay open here
        POSIX::close($_) for grep { $_ != fileno $r } 3 .. 255;
        $SIG{INT} = $SIG{TERM} = 'IGNORE';

        sysread $r, my $buf, 1;
        kill 'KILL', $self->{pid}, $self->workers;
        POSIX::_exit(0);
    }

    close $r;
    $self->{guard} = { pid => $pid, pipe => $w };
}


sub dismiss {
    my ($self) = @_;
    my $guard = delete $self->{guard} or return;

    kill 'KILL', $guard->{pid};
    waitpid $guard->{pid}, 0;
}


sub connected {
    my ($self) = @_;

    return IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1',
                                 PeerPort => $self->port('gateway'));
}


# the master's children, those that are shutting down included
sub workers {
    my ($self) = @_;
    my $pid = $self->{pid};

    return $pid if $self->{master} eq 'off';

    return grep { title($_) =~ /worker process/ }
           split ' ', slurp("/proc/$pid/task/$pid/children");
}


# those that are not shutting down
sub fresh {
    my ($self) = @_;

    return $self->workers if $self->{master} eq 'off';
    return grep { title($_) !~ /shutting down/ } $self->workers;
}


sub title {
    my ($pid) = @_;

    return slurp("/proc/$pid/cmdline");
}


# returns when the new workers run and no old one takes requests
sub reload {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->fresh;

    kill 'HUP', $self->{pid};

    return $self->until(10, sub {
        my @fresh = $self->fresh;

        return @fresh == $self->{workers} && !grep { $old{$_} } @fresh;
    });
}


# waits for what the function tells, returns its last answer; seconds are those
# of a machine that has nothing else to do
sub until {
    my ($self, $seconds, $condition) = @_;
    my $end = time + 4 * $seconds * $Slow;

    while (1) {
        my $ok = $condition->();

        return $ok if $ok || time > $end;
        sleep 0.02;
    }
}


# ends nginx by the signal and tells whether it did end
sub stop {
    my ($self, $signal) = @_;
    my $pid = $self->{pid} or return;

    kill $signal || 'QUIT', $pid;

    my $ended = $self->until(20, sub { waitpid($pid, WNOHANG) == $pid });

    $self->{status} = $?;

    if (!$ended) {
        kill 'KILL', $pid, $self->workers;
        waitpid $pid, 0;
    }

    delete $self->{pid};
    $self->dismiss;

    return $ended;
}


# status, body; nothing when there was no whole answer
sub get {
    my ($self, $uri, $headers, $seconds) = @_;
    my $socket = $self->connected or return;
    my $select = IO::Select->new($socket);
    my $end = time + ($seconds || 5) * $Slow;
    my $text = '';

    syswrite $socket, "GET $uri HTTP/1.0\r\nHost: localhost\r\n"
                      . ($headers || '') . "\r\n";

    while (time < $end) {
        next unless $select->can_read(0.1);
        last unless sysread $socket, $text, 65536, length $text;
    }

    my ($status, $head, $body) = $text =~ m{^HTTP/\S+ (\d+)(.*?\r\n\r\n)(.*)}s
        or return;

    return if $head =~ /Content-Length: (\d+)/i && $1 != length $body;
    return ($status, $body);
}


# the numbers by name, or by name{labels}; undef: no whole answer
sub metrics {
    my ($self) = @_;
    my ($status, $body) = $self->get('/metrics');

    return unless defined $status && $status == 200;
    return { $body =~ /^(\w+(?:\{.*?\})?) (\d+)$/mg };
}


# events and deliveries as EVENTS.md counts them
sub counters {
    my ($m) = @_;
    my %n;

    $n{raised} = $m->{apievents_events_raised_total};
    $n{routed} = $m->{apievents_events_routed_total};
    $n{waiting} = $m->{apievents_events_waiting};
    $n{deliveries} = $m->{apievents_deliveries_total};
    $n{dropped} = 0;

    for (keys %$m) {
        $n{dropped} += $m->{$_} if /^apievents_events_dropped_total\{/;
        $n{$1} = $m->{$_} if /^apievents_deliveries\{state="(\w+)"\}/;
    }

    return \%n;
}


# '' or what does not add up
sub wrong {
    my ($n) = @_;
    my $text = '';

    $text .= "raised $n->{raised} is not dropped $n->{dropped} + waiting "
             . "$n->{waiting} + routed $n->{routed}\n"
        if $n->{raised} != $n->{dropped} + $n->{waiting} + $n->{routed};

    $text .= "deliveries $n->{deliveries} is not delivered $n->{delivered} + "
             . "suppressed $n->{suppressed} + pending $n->{pending} + dead "
             . "$n->{dead}\n"
        if $n->{deliveries} != $n->{delivered} + $n->{suppressed}
                               + $n->{pending} + $n->{dead};

    return $text;
}


sub log {
    my ($self) = @_;

    return slurp("$self->{dir}/error.log");
}


# what must not be in the log; the master tells of each killed worker
sub bad_log {
    my ($self) = @_;

    return grep { /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:/
                  && !/worker process \d+ exited on signal 9/ }
           split /\n/, $self->log . slurp("$self->{dir}/stderr.log");
}


# Runs the function in a process: it gets the end of a pipe that closes when
# it has to come to an end, and returns a reference for finish().
sub child {
    my ($self, $name, $seconds, $function) = @_;

    pipe my $r, my $w or die "cannot pipe: $!\n";

    my $pid = fork;

    die "cannot fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        close $w;
        $self->close_others;
        $SIG{INT} = $SIG{TERM} = $SIG{ALRM} = 'DEFAULT';
        alarm $seconds * $Slow;
        srand($self->{seed} + length($name) * 1000) if defined $self->{seed};

        my $result = eval { $function->($r) };

        print STDERR "$name: $@" if $@;
        nstore($result || {}, "$self->{dir}/$name.result");
        POSIX::_exit($@ ? 1 : 0);
    }

    close $r;
    $self->{children}{$name} = { pid => $pid, pipe => $w };
}


# a descriptor that is left open would keep another process waiting
sub close_others {
    my ($self) = @_;

    close $_->{pipe} for values %{ $self->{children} };
    close $self->{guard}{pipe} if $self->{guard};
    $self->{owner} = 0;
}


sub tell {
    my ($self, $name, $byte) = @_;

    syswrite $self->{children}{$name}{pipe}, $byte;
}


# with the second argument not before it ends by itself
sub finish {
    my ($self, $name, $by_itself) = @_;
    my $child = $self->{children}{$name};

    close $child->{pipe} unless $by_itself;
    waitpid $child->{pid}, 0;
    delete $self->{children}{$name};

    die "$name did not end well: $?\n" if $?;
    return retrieve("$self->{dir}/$name.result");
}


# a child that does not come to a good end
sub shoot {
    my ($self, $name) = @_;
    my $child = delete $self->{children}{$name};

    kill 'KILL', $child->{pid};
    waitpid $child->{pid}, 0;
}


sub abandon {
    my ($self, $well) = @_;

    return unless $self->{owner} == $$;

    for my $child (values %{ $self->{children} }) {
        kill 'KILL', $child->{pid};
        waitpid $child->{pid}, 0;
    }

    $self->{children} = {};

    if ($self->{pid}) {
        kill 'KILL', $self->{pid}, $self->workers;
        waitpid $self->{pid}, 0;
        delete $self->{pid};
        $self->dismiss;
    }

    # else it stays for whoever looks for the reason
    remove_tree($self->{dir}) if $well;
}


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/;

    return <$fh> // '';
}


sub spew {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "cannot write $file: $!\n";
    print $fh $text;
    close $fh or die "cannot write $file: $!\n";
}


1;
