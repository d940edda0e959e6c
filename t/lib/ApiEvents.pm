package ApiEvents;

# Test::Nginx as this project uses it.  t/README.md describes the sections that
# are added here; every block also asserts that nginx logged nothing that it
# must not log, up to its exit.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Socket::INET;
use JSON::XS qw(decode_json);
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep time);

my ($Root, $Recorder, %Known, @Default);
our ($AtOnce, $Fresh);
our $Exit = 0;

# Test::Nginx stops its servers in END blocks, whose commands overwrite the
# status with which a test that died would have ended: this one runs last
END { $? ||= $Exit }

BEGIN {
    $Root = abs_path(dirname(__FILE__) . '/../..');
    $Recorder = "$Root/t/lib/recorder.js";

    # Test::Nginx keeps its server roots and its locks below t/
    chdir $Root or die "$Root: $!\n";
    unshift @INC, "$Root/build/perl/usr/share/perl5";

    # random ports and server roots let prove -j run files side by side
    $ENV{TEST_NGINX_RANDOMIZE} //= 1;
    $ENV{TEST_NGINX_WORKER_USER} //= 'root' if $> == 0;
    $ENV{TEST_NGINX_MASTER_PROCESS} //= 'on';

    # a machine that is slow is not taken for a server that hangs
    $ENV{TEST_NGINX_TIMEOUT} //= 20;
}

# Test::Nginx draws its ports also from those that the kernel gives to clients:
# one that a client has left less than a minute ago cannot be listened to.
{
    package Test::Nginx::Util;
    use subs 'rand';

    sub rand {
        my ($n) = @_;
        my $drawing = ((caller 1)[3] // '') =~ /::gen_rand_port$/;

        return CORE::rand($n && $drawing ? $n * ApiEvents::server_ports() : $n);
    }
}

# what our sections are called; any other unknown name is a mistake
my @SECTIONS = qw(name description ONLY SKIP LAST handlers
    emerg allow_log workers master recorder recorded_count recorded_wait
    recorded_like recorded_check metrics metrics_url metrics_equation check);

my @FUNCTIONS = qw(recorded http_get metrics equations wait_for rand_port
    error_log_text master_pid worker_pids);

my $BAD_LOG = qr/\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:/;
my $LIMIT = $ENV{APIEVENTS_WAIT} // 20;
my $Engine = $ENV{APIEVENTS_JS_ENGINE};
my $STEP = 0.02;


# use ApiEvents;               our module and njs are loaded
# use ApiEvents 'no_module';   njs alone
sub import {
    my ($class, @flags) = @_;
    my $caller = caller;

    $ENV{TEST_NGINX_LOAD_MODULES} //= modules(grep { /no_module/ } @flags);

    eval "package $caller; use Test::Nginx::Socket 'no_plan'; 1" or die $@;
    eval 'END { $Exit = $? } 1' or die $@;    # and this one first
    hook();

    # Test::Base evaluates "eval" sections in the second of these packages
    no strict 'refs';
    *{"${caller}::$_"} = *{"Test::Base::Filter::$_"} = \&{$_} for @FUNCTIONS;
    *{"Test::Base::Filter::$_"} = \&{"Test::More::$_"}
        for qw(ok is isnt like unlike cmp_ok is_deeply pass fail diag note);
}


# the share of all ports from 1988 on that is below those of clients
sub server_ports {
    my $first = 32768;

    if (open my $in, '<', '/proc/sys/net/ipv4/ip_local_port_range') {
        ($first) = <$in> =~ /(\d+)/;
    }

    return $first > 4096 ? ($first - 1992) / 63548 : 1;
}


sub modules {
    my ($no_module) = @_;
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my ($folder) = `$nginx -V 2>&1` =~ /--modules-path=(\S+)/;
    my $ours = $ENV{APIEVENTS_MODULE}
               || "$Root/build/ngx_http_apievents_module.so";

    my @modules = ($ENV{APIEVENTS_JS_MODULE}
                   || "$folder/ngx_http_js_module.so");
    push @modules, $ours unless $no_module;

    for my $module (@modules) {
        next if -e $module;
        require Test::More;
        Test::More::BAIL_OUT("$module is missing: run make deps and make");
    }

    return "@modules";
}


# Test::Nginx calls these variables at the right moments; it has no other way
# to add a check that polls, or one that holds for every block.
sub hook {
    my $run = $Test::Nginx::Util::RunTestHelper;
    my $check_log = $Test::Nginx::Util::CheckErrorLog;
    my $check_shutdown = $Test::Nginx::Util::CheckShutdownErrorLog;
    my $block;

    learn_sections();
    Test::Nginx::Socket::add_block_preprocessor(\&preprocess);

    $Test::Nginx::Util::RunTestHelper = sub {
        my $dry_run = $_[1];

        $block = $_[0];
        unlink recorder_file() if !$Fresh;
        $Fresh = 0;
        $run->(@_);

        return if $dry_run;
        check_recorded($block);
        check_metrics($block);
        $block->check->() if defined $block->check;
        check_clean($block, 'while it ran');
    };

    $Test::Nginx::Util::CheckErrorLog = sub {
        $check_log->(@_);
        check_emerg($_[0]) if defined $_[0]->emerg;
        check_clean($_[0], 'at its start');
    };

    $Test::Nginx::Util::CheckShutdownErrorLog = sub {
        my ($done, $dry_run) = @_;

        return if $dry_run;
        $check_shutdown->(@_) unless ($done->no_shutdown_error_log // '') eq 'ours';
        check_clean($done, 'up to its exit');
    };

    poll_error_log(\$block);
    fail_early();
    listen_on_loopback();
    look_at_processes();

    # what a log may hold is asserted here, a warning says nothing more; and
    # a process that had to be killed was kept alive by a timer or connection
    $SIG{__WARN__} = sub {
        print STDERR @_ unless $_[0] =~ /^WARNING: .* - .*\[[a-z]+\] \d+#/s;
        Test::More::fail("nginx exits when told to")
            if $_[0] =~ /timeout when waiting for the process/;
    };
}


# Test::Nginx tries for 30 seconds to start with a wrong configuration and then
# stops all test files.  Here the file ends at once, the others run.
sub fail_early {
    no warnings qw(redefine prototype);

    *Test::Nginx::Util::bail_out = *Test::Nginx::Socket::bail_out = sub (@) {
        die "@_\n";
    };

    *Test::Nginx::Util::sleep = sub {
        return if $AtOnce;

        if ((caller(1))[3] eq 'Test::Nginx::Util::run_test'
            && !$Test::Nginx::Util::UseHup)
        {
            my ($line) = grep { !/ bind\(\) | still could not bind/ }
                              error_log_text() =~ /^(.*\[emerg\].*)$/mg;
            die "nginx does not start: $line\n" if defined $line;
        }

        sleep $_[0];
    };
}


sub listen_on_loopback {
    my $write = \&Test::Nginx::Util::write_config_file;
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my ($minor) = `$nginx -v 2>&1` =~ m{/1\.(\d+)};

    no warnings qw(redefine prototype);
    *Test::Nginx::Util::write_config_file = sub ($$$) {

        # after a reload it would take away what came of that
        unlink recorder_file();
        $Fresh = 1;

        $write->(@_);

        local ($^I, @ARGV) = ('', $Test::Nginx::Util::ConfFile);
        while (<>) {
            s/^(\s*listen\s+)(?=\d+[\s;])/${1}127.0.0.1:/;

            # a parameter up to 1.24, a directive since 1.25.1
            s/^(\s*listen\s.*) http2;/$1; http2 on;/ if $minor > 24;
            print;
        }
    };
}


# Test::Nginx looks twice, whether there is a process and whether it is a
# zombie, and takes one for running that is reaped in between.
sub look_at_processes {
    no warnings qw(redefine prototype);
    *Test::Nginx::Util::is_running = sub ($) {
        return `ps -o stat= -p $_[0]` =~ /^[^Z\s]/;
    };
}


sub learn_sections {
    %Known = map { $_ => 1 } @SECTIONS;

    for my $file (@INC{qw(Test/Nginx/Util.pm Test/Nginx/Socket.pm)}) {
        open my $in, '<', $file or die "$file: $!\n";
        local $/;
        $Known{$_} = 1 for <$in> =~ /block\}?->\{?(\w+)/g;
    }
}


# What error_log waits for may be written after the response: the log is read
# again until all of its patterns were seen.  Test::Nginx waits 45 ms before it
# reads, after each request: only what must not be there needs that.
sub poll_error_log {
    my ($block) = @_;
    my $read = \&Test::Nginx::Util::error_log_data;

    no warnings 'redefine';
    *Test::Nginx::Socket::error_log_data = sub () {
        my $from = $Test::Nginx::Util::ErrLogFilePos;
        my $end = time + $LIMIT;
        my $pats = $$block ? $$block->error_log : undef;

        local $AtOnce = $$block && !defined $$block->no_error_log
                        && !defined $$block->grep_error_log;
        my @pats = !defined $pats ? () : ref $pats eq 'ARRAY' ? @$pats
                   : ref $pats ? $pats : split /\n+/, $pats;

        while (1) {
            my $lines = $read->();
            my $text = join '', @{ $lines || [] };

            return $lines if time > $end
                || !grep { ref $_ ? $text !~ $_ : index($text, $_) < 0 } @pats;
            $Test::Nginx::Util::ErrLogFilePos = $from;
            sleep $STEP;
        }
    };
}


sub preprocess {
    my ($block) = @_;
    my @sections = @{ $block->_section_order };

    for my $section (@sections) {
        die $block->name, ": unknown section $section\n"
            unless $Known{$section};
    }

    @Default = ($Test::Nginx::Util::MasterProcessEnabled,
                $Test::Nginx::Util::Workers) unless @Default;

    my $workers = $block->workers;
    my $master = $block->master // (defined $workers ? 'on' : $Default[0]);

    $Test::Nginx::Util::MasterProcessEnabled = $master;
    $Test::Nginx::Util::Workers = $workers // $Default[1];

    $block->set_value(no_shutdown_error_log => 'ours')
        unless defined $block->no_shutdown_error_log
            || defined $block->shutdown_error_log;

    if (defined $block->emerg) {
        $block->set_value(config => '') unless defined $block->config;
        $block->set_value(must_die => 1) unless defined $block->must_die;
        $block->set_value(suppress_stderr => 1);
    }

    add_recorder($block) if grep { /^record/ } @sections;
    add_http($block);

    if (defined $block->metrics || defined $block->metrics_equation) {
        my $config = $block->config // '';
        my $url = metrics_url($block);

        $block->set_value(config => "location = $url { api_metrics; }\n$config")
            if $url eq '/.metrics';
    }
}


# no line of its own: messages name the lines after it
sub add_http {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $modules = $ENV{TEST_NGINX_LOAD_MODULES};

    # files run side by side, each block begins with an empty folder
    $http = "api_state_path \$TEST_NGINX_SERVER_ROOT/logs/state; $http"
        if $modules =~ /apievents/ && $http =~ /api_zone/
           && $http !~ /api_state_path/;
    $http = "js_engine $Engine; $http" if $Engine && $modules =~ /_js_module/;

    $block->set_value(http_config => $http) if $http ne '';
}


sub add_recorder {
    my ($block) = @_;
    my $main = $block->main_config // '';
    my $http = $block->http_config // '';

    # a receiver that hangs would keep an exiting worker waiting
    $block->set_value(main_config => "worker_shutdown_timeout 500ms;\n$main")
        unless $main =~ /worker_shutdown_timeout/;

    $block->set_value(http_config => $http . <<"END");

    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        access_log off;
        keepalive_requests 1000000;
        client_max_body_size 32m;
        client_body_buffer_size 32m;
        set \$recorder_file @{[recorder_file()]};

        location / {
            js_import recorder from $Recorder;
            js_content recorder.handle;
        }
    }
END
}


# within logs/, which Test::Nginx empties for each block
sub recorder_file {
    return "$Test::Nginx::Util::ServRoot/logs/recorded";
}


sub check_recorded {
    my ($block) = @_;
    my $name = $block->name;
    my $like = $block->recorded_like;
    my @like = !defined $like ? () : ref $like eq 'ARRAY' ? @$like
               : ref $like ? $like : split /\n+/, $like;
    my $count = $block->recorded_count // (@like ? scalar @like : undef);
    my $limit = $block->recorded_wait // $LIMIT;

    return unless defined $count || defined $block->recorded_check;

    # then once more, for one too many
    wait_for(sub { count_recorded() >= ($count // 1) }, $limit);
    sleep($count ? 0.05 : 0.2) if defined $count;

    my @got = recorded();
    my $seen = join '', map { "\n$_->{text}\n" } @got;

    Test::More::is(scalar @got, $count, "$name - requests recorded")
        || Test::More::diag($seen) if defined $count;

    for my $i (0 .. $#like) {
        my $pattern = ref $like[$i] ? $like[$i] : qr/$like[$i]/s;
        Test::More::like($got[$i] ? $got[$i]{text} : '', $pattern,
                         "$name - recorded_like $i");
    }

    $block->recorded_check->(@got) if defined $block->recorded_check;
}


sub check_metrics {
    my ($block) = @_;
    my $name = $block->name;
    my $url = metrics_url($block);

    if (defined $block->metrics) {
        my %want = map { /^\s*(\S+(?:\{.*\})?)\s+(\S+)\s*$/ ? ($1, $2) : () }
                       split /\n/, $block->metrics;
        my $want = join '', map { "$_ $want{$_}\n" } sort keys %want;
        my $got;

        wait_for(sub {
            my $m = metrics($url);
            $got = join '', map { "$_ " . ($m->($_) // 'none') . "\n" }
                                sort keys %want;
            $got eq $want
        });
        Test::More::is($got, $want, "$name - metrics");
    }

    if (defined $block->metrics_equation) {
        for (1 .. 3) {
            my $wrong = equations($url);
            Test::More::is($wrong, '', "$name - the equations hold");
            sleep $STEP;
        }
    }
}


sub metrics_url {
    my ($block) = @_;

    for my $url ($block->metrics_url, $block->metrics_equation) {
        return $1 if defined $url && $url =~ /^\s*(\/\S+)/;
    }

    return '/.metrics';
}


sub check_emerg {
    my ($block) = @_;
    my $name = $block->name;
    # a message of njs goes on in lines without a time, and is one of another
    # level if it comes from QuickJS
    my @lines = grep { /\[emerg\]|\[error\] \S+ js compile: / }
                split /\n(?=\d{4}\/\d\d\/\d\d )/, error_log_text();

    Test::More::is(scalar @lines, 1, "$name - one emerg line")
        || Test::More::diag(join "\n", @lines);

    for my $part (ref $block->emerg eq 'ARRAY' ? @{ $block->emerg }
                  : ref $block->emerg ? $block->emerg
                  : split /\n+/, $block->emerg)
    {
        my $pattern = ref $part ? $part : qr/\Q$part\E/;
        Test::More::like($lines[0] // '', $pattern, "$name - emerg");
    }
}


sub check_clean {
    my ($block, $when) = @_;
    my $allow = $block->allow_log // '';
    my @allow = ref $allow eq 'ARRAY' ? @$allow : ref $allow ? $allow
                : split /\n+/, $allow;

    push @allow, qr/\[emerg\]/ if defined $block->must_die
                                  || defined $block->reload_fails;

    my @bad = grep {
        my $line = $_;
        $line =~ $BAD_LOG
            && !grep { ref $_ ? $line =~ $_ : index($line, $_) >= 0 } @allow
    } split /\n/, error_log_text();

    Test::More::is(join("\n", @bad), '', $block->name . " - log clean $when");
}


# ---- functions for test files ----

sub error_log_text {
    open my $in, '<:raw', $Test::Nginx::Util::ErrLogFile or return '';
    local $/;
    return <$in> // '';
}


sub master_pid {
    return Test::Nginx::Util::get_pid_from_pidfile('');
}


# workers that do not exit yet; empty with --- master: off
sub worker_pids {
    my $master = master_pid();
    my @lines = `ps -o pid=,args= --ppid $master`;

    # in memcheck processes have no title of their own

    return map { /^\s*(\d+) (?:nginx: worker process$|(?!nginx: ))/ ? $1 : () }
               @lines;
}


sub rand_port {
    my ($n) = @_;
    return $Test::Nginx::Util::RandPorts->{"TEST_NGINX_RAND_PORT_$n"};
}


# calls a function every 20 ms until it returns true or the time is over
sub wait_for {
    my ($condition, $limit) = @_;
    my $end = time + ($limit // $LIMIT);

    while (1) {
        my $ok = $condition->();
        return $ok if $ok || time > $end;
        sleep $STEP;
    }
}


sub count_recorded {
    open my $in, '<', recorder_file() or return 0;

    # a long one may be written in part
    return scalar(grep { /\n\z/ } <$in>);
}


# what the recorder got: a list of hashes, see t/README.md
sub recorded {
    open my $in, '<', recorder_file() or return ();
    my @requests;

    while (my $line = <$in>) {
        last unless $line =~ /\n\z/;

        my $r = decode_json($line);
        my @headers = map { [map { decode_base64($_) } @$_] } @{ $r->{headers} };

        $r->{body} = decode_base64($r->{body});
        $r->{json} = eval { decode_json($r->{body}) };
        $r->{raw_headers} = \@headers;
        $r->{headers} = {};
        for my $h (@headers) {
            my $known = \$r->{headers}{lc $h->[0]};
            $$known = defined $$known ? "$$known, $h->[1]" : $h->[1];
        }

        $r->{text} = "$r->{method} $r->{uri}\n"
                     . join('', map { "$_->[0]: $_->[1]\n" } @headers)
                     . "\n$r->{body}";
        push @requests, $r;
    }

    return @requests;
}


# the body of a GET, or in list context status, headers and body
sub http_get {
    my ($url, $port, $headers) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', Timeout => $LIMIT,
        PeerPort => $port // $Test::Nginx::Util::ServerPortForClient,
    ) or return wantarray ? (0, '', '') : '';

    print $socket "GET $url HTTP/1.0\r\nHost: localhost\r\n", $headers // '',
                  "\r\n";

    local $SIG{ALRM} = sub { close $socket };
    alarm $LIMIT;
    my $answer = do { local $/; <$socket> } // '';
    alarm 0;

    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};

    return wantarray ? ($status // 0, $head // '', $body // '') : $body // '';
}


# Prometheus text as a function: the sum over the series that have the labels
# given, so that NAME alone sums all of NAME; undef where there is none.
sub metrics {
    my ($url) = @_;
    my @series;

    for (split /\n/, http_get($url // '/.metrics')) {
        next unless /^(\w+)(?:\{(.*)\})?\s+(\S+)$/;
        push @series, [$1, { labels($2) }, $3];
    }

    return sub {
        my ($name, $labels) = $_[0] =~ /^(\w+)(?:\{(.*)\})?$/;
        my %want = labels($labels);
        my $sum;

        for my $s (@series) {
            next if $s->[0] ne $name;
            next if grep { ($s->[1]{$_} // '') ne $want{$_} } keys %want;
            $sum = ($sum // 0) + $s->[2];
        }

        return $sum;
    };
}


sub labels {
    return ($_[0] // '') =~ /(\w+)="((?:\\.|[^"\\])*)"/g;
}


# '' or what is wrong with the sums that hold in every snapshot
sub equations {
    my ($url) = @_;
    my $m = metrics($url);
    my $wrong = '';

    for my $e ([qw(apievents_events_raised_total apievents_events_dropped_total
                   apievents_events_waiting apievents_events_routed_total)],
               ['apievents_deliveries_total',
                map { "apievents_deliveries{state=\"$_\"}" }
                    qw(delivered suppressed pending dead)])
    {
        my ($left, @right) = map { $m->($_) } @$e;
        my $sum = 0;

        $sum += $_ // 0 for @right;
        next if defined $left && $left == $sum && !grep { !defined } @right;

        $wrong .= "$e->[0] " . ($left // 'none') . " is not " . join(' + ',
                  map { "$e->[$_ + 1] " . ($right[$_] // 'none') } 0 .. $#right)
                  . "\n";
    }

    return $wrong;
}


1;
