#!/usr/bin/perl

# docs/callbacks.md prints commands and what comes of them: here they are run
# as they stand there, in their order, in a copy of conf.example/callbacks that
# has ports of its own.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use lib 't/chaos';

use Chaos;

my $wait = 30 * $Chaos::Slow;
my $nginx = Chaos->new('walk', modules => Chaos::js_module());
my $dir = $nginx->{dir};
my %ports = (8080 => $nginx->port('gateway'), 8081 => $nginx->port('api'),
             8082 => $nginx->port('hook'), 2525 => $nginx->port('relay'));
my $section = '';

plan skip_all => 'make deps installs curl' if system('curl -V >/dev/null 2>&1');

END {
    my $status = $?;

    kill 'KILL', grep { $_ } map { Chaos::slurp($_) =~ /^(\d+)/ ? $1 : () }
                      grep { -f } "$dir/run/nginx.pid", "$dir/run/mails.pid"
        if $dir;
    $? = $status;
}

prepare();
try(@$_) for commands('docs/callbacks.md');

ok($nginx->until(10, sub { !-f "$dir/run/nginx.pid" }), 'nginx ends');
is(join("\n", grep { /\[(?:alert|crit|emerg|error)\]|Sanitizer/ }
                   split /\n/, Chaos::slurp("$dir/run/error.log")), '',
   'it logs nothing bad');

done_testing();


# a section, a command, what it prints
sub commands {
    my ($page) = @_;
    my (@commands, $in);

    for (split /\n/, Chaos::slurp($page)) {

        if (/^## (.*)/) {
            $section = $1;

        } elsif (/^    \$ (.*)/) {
            push @commands, [ $section, $1, '' ];
            $in = 1;

        } elsif ($in && /^    (.*)/) {
            $commands[-1][2] .= "$1\n";

        } else {
            $in = 0;
        }
    }

    cmp_ok(scalar @commands, '>', 20, 'the page has commands');

    return @commands;
}


# what only looks is looked at until it is there
sub try {
    my ($title, $command, $printed) = @_;
    my $changes = $command !~ /^curl|^grep/ || $command =~ / -d | -X /;
    my $end = time + $wait;
    my $pattern = join '.*', map { quotemeta } split /\.\.\./, $printed, -1;
    my ($got, $status);

    $command =~ s/\b$_\b/$ports{$_}/g for keys %ports;

    while (1) {
        ($got, $status) = output($command);
        last if $got =~ /^$pattern$/ || $changes || time > $end;
        sleep 0.1;
    }

    is($status, 0, "$title: $command");
    like($got, qr/^$pattern$/, "$title: what it prints");
}


sub output {
    my ($command) = @_;
    my $file = "$dir/output";

    my $pid = fork // die "cannot fork: $!\n";

    if ($pid == 0) {
        chdir $dir or die "$dir: $!\n";
        $ENV{PATH} = "$dir/bin:$ENV{PATH}";
        open STDOUT, '>', $file or die "$file: $!\n";
        open STDERR, '>>', "$dir/stderr.log" or die "stderr.log: $!\n";
        exec 'sh', '-c', $command or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    my $status = $?;

    # what is left behind on purpose listens before the next command
    sleep 0.02 until $command !~ /&$/ || -s "$dir/run/mails.pid";

    return (Chaos::slurp($file), $status);
}


sub prepare {
    my $bin = $ENV{TEST_NGINX_BINARY} || $ENV{NGINX} || '/usr/sbin/nginx';
    my $preload = $ENV{TEST_NGINX_LD_PRELOAD} // '';
    my $user = $> == 0 ? "user root;\n" : '';

    system('cp', '-R', glob('conf.example/callbacks/*'), $dir) == 0
        or die "cannot copy conf.example/callbacks\n";

    for my $file ('nginx.conf', 'handlers/receivers.js') {
        my $text = Chaos::slurp("$dir/$file");

        $text =~ s/\b$_\b/$ports{$_}/g for keys %ports;

        if ($file eq 'nginx.conf') {
            $text =~ s/^load_module .*\n//mg;
            $text = "$nginx->{modules}\nload_module $dir/modules/apievents.so;\n"
                    . "$user$text";
            $text =~ s/^http \{\n/http {\n    js_engine $ENV{APIEVENTS_JS_ENGINE};\n/m
                if $ENV{APIEVENTS_JS_ENGINE};
        }

        Chaos::spew("$dir/$file", $text);
    }

    # the nginx that is tested
    mkdir "$dir/bin";
    Chaos::spew("$dir/bin/nginx",
                "#!/bin/sh\nLD_PRELOAD='$preload' exec $bin \"\$@\"\n");
    chmod 0755, "$dir/bin/nginx";
}
