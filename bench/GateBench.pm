package GateBench;

# Copyright (C) the ngx_http_apievents_module authors
#
# What bench/instructions and bench/gate share: the configurations they
# compare, and instances of nginx that run them.  Each variant is the same
# server with one more thing in the http block and in the location; there may
# be other locations, in which nothing is asked.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Exporter qw/ import /;
use File::Basename qw/ basename dirname /;
use File::Path qw/ make_path remove_tree /;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw/ sleep /;

our @EXPORT = qw/ $top $dir $nginx @variants prepare configure start stop
    free_port spew key write_keys /;

our $top = dirname(dirname(abs_path(__FILE__)));
our $dir = "$top/build/bench/" . basename($0);
our $nginx = $ENV{NGINX} || '/usr/sbin/nginx';

my $module = $ENV{APIEVENTS_MODULE}
    || "$top/build/ngx_http_apievents_module.so";

# all that a request is held against; what is added here is compared

my $api = <<'END';
api_id bench;
api_rate 1000000r/s burst=1000000;
api_breaker path=^/ threshold=0.5 samples=1000 window=1h open=30s half_open=3;
END

my $zone = 'api_zone a:ZONE ring=64k; api_keys KEYS; '
    . 'api_state_path STATE; MORE';;

our @variants = (
    { name => 'nothing', http => '', location => '' },
    {
        name => 'limit_req',
        http => 'limit_req_zone $http_authorization zone=l:ZONE '
            . 'rate=1000000r/s;',
        location => 'limit_req zone=l burst=1000000 nodelay;',
    },
    {
        name => 'this module',
        module => 1,
        http => $zone,
        location => "$api api_limit_headers off;",
    },
    {
        name => 'and headers',
        module => 1,
        http => $zone,
        location => $api,
    },
);

my @pids;

$SIG{INT} = $SIG{TERM} = sub { exit 1 };

END {
    my $status = $?;

    stop($_) for my @all = @pids;

    $? = $status;
}


sub prepare {
    remove_tree($dir);
    make_path($dir);
}


# what a key looks like, and a file of n of them; so many that the file would
# be too large are short, and have no access rights

sub key {
    my ($i, $n) = @_;

    return sprintf $n > 10000 ? '%07d' : 'bench%027d', $i;
}

sub write_keys {
    my ($file, $n) = @_;

    open my $fh, '>', $file or die "$file: $!";

    my $session = '"rate":1000000,"per":1,"quota_max":1000000000';

    $session .= ',"quota_renewal_rate":86400,'
        . '"access_rights":{"bench":{"api_id":"bench"}}' if $n <= 10000;

    print $fh '{';

    for my $i (0 .. $n - 1) {
        print $fh ",\n" if $i;
        print $fh '"', key($i, $n), "\":{$session}";
    }

    print $fh '}';
    close $fh or die "$file: $!";
}


# one instance: its own folder, configuration and port

sub configure {
    my ($name, $variant, %p) = @_;

    my $home = "$dir/$name";
    my $zone = $p{zone} || '32m';
    my $http = $variant->{http};

    make_path("$home/tmp");
    remove_tree("$home/state");

    for ($http) {
        s/ZONE/$zone/;
        s/KEYS/$p{keys}/;
        s/STATE/$home\/state/;
        s/MORE/$p{more} \/\/ ''/e;
    }

    my $load = ($variant->{load} // '')
        . ($variant->{module} ? "load_module $module;" : '');
    my $temp = join "\n", map { "${_}_temp_path $home/tmp/$_;" }
        qw/ client_body proxy fastcgi uwsgi scgi /;
    my $content = $p{upstream}
        ? "proxy_pass http://upstream; proxy_http_version 1.1; "
            . 'proxy_set_header Connection "";'
        : 'empty_gif;';
    my $upstream = $p{upstream}
        ? "upstream upstream { server 127.0.0.1:$p{upstream}; keepalive 64; }"
        : '';
    my $main = $p{main} // '';

    spew("$home/nginx.conf", <<"END");
$load
daemon off;
$main
pid $home/nginx.pid;
error_log $home/error.log error;
events { worker_connections 1024; }
http {
    $temp
    access_log off;
    keepalive_requests 100000000;
    $upstream
    $http
    server {
        listen 127.0.0.1:$p{port};
        location / {
            $variant->{location}
            $content
        }
        @{[ $variant->{others} // '' ]}
    }
}
END
}


sub start {
    my ($name, $port, $seconds, @before) = @_;

    my $pid = fork;

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        { exec @before, $nginx, '-p', "$dir/$name", '-c',
            "$dir/$name/nginx.conf" }
        POSIX::_exit(1);
    }

    push @pids, $pid;

    for (1 .. $seconds * 20) {
        return $pid if IO::Socket::INET->new(Proto => 'tcp',
            PeerAddr => '127.0.0.1', PeerPort => $port);

        waitpid($pid, POSIX::WNOHANG()) == 0
            or die "$name did not start, see $dir/$name/error.log\n";

        sleep 0.05;
    }

    die "$name does not listen\n";
}


sub stop {
    my ($pid) = @_;

    @pids = grep { $_ != $pid } @pids;

    # a signal that comes just before epoll_wait() is seen with the next one

    do {
        kill 'TERM', $pid;
        sleep 0.1;
    } while waitpid($pid, POSIX::WNOHANG()) == 0;
}


sub free_port {
    my $s = IO::Socket::INET->new(Proto => 'tcp', Listen => 1,
        LocalAddr => '127.0.0.1');

    return $s->sockport;
}


sub spew {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "$file: $!";
    print $fh $text;
    close $fh or die "$file: $!";
}


1;
