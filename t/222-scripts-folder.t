# The module's folder: whose it is, and that a worker cannot lead a master that
# is root astray.  nginx is started here, not by Test::Nginx, whose workers
# are root.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

use File::Temp;
use Fcntl ':mode';

my $nginx = $Test::Nginx::Util::NginxBinary;
my $folder = File::Temp->newdir;
my $user = $> == 0 ? 'nobody' : getpwuid($>);
my ($uid, $gid) = (getpwnam($user))[2, 3];
my $state = "$folder/state";

chmod 0755, $folder;
mkdir "$folder/logs" or die "$folder: $!\n";

write_file('h.js', 'export default function (ctx) {}');
write_file('e.js', 'var h = new TykJS.TykEventHandlers.NewEventHandler({});');

# left by a trial that was killed, and by somebody else
mkdir $state;
chmod 0700, $state;
mkdir "$state/$_" for "scripts-test.4194999", "scripts-test.$$", 'other';

is(start(), '', 'starts');

my @all = map { chomp; $_ } `find $state`;

ok(!-d "$state/scripts-test.4194999", 'what a dead process left is gone');
ok(-d "$state/scripts-test.$$", 'what a living one has is not');
ok(-d "$state/other", 'what is not ours is not');
is(scalar(grep m{/scripts/[0-9a-f]{32}$}, @all), 4, 'folders by contents');

is_deeply([grep !m{/(?:other|scripts-test\.\d+)$} && (stat)[4] != $uid, @all],
          [], 'all is the workers\' own');
is_deeply([grep { (stat)[2] & (S_IRWXG | S_IRWXO) }
           grep !m{/(?:other|scripts-test\.\d+)$}, @all], [],
          'nobody else can read it');

my ($runtime) = grep m{/scripts/\w+/apievents\.js$}, @all;
my ($script) = grep m{/scripts/\w+/e\.js$}, @all;

stop();

# as a worker could
write_text($runtime, 'export default {};');
unlink $script;
symlink "$folder/victim", $script;
write_file('victim', 'untouched');

is(start(), '', 'starts again');
is(read_text("$folder/victim"), 'untouched', 'a link is not followed');
ok(!-l $script, 'and gone');
like(read_text($runtime), qr/run_event/, 'the runtime is whole again');
stop();

system('rm', '-rf', "$state/scripts");
mkdir "$folder/elsewhere";
symlink "$folder/elsewhere", "$state/scripts";

like(start(), qr/\[emerg\] .*folder "\S+\/state\/scripts" cannot be made or opened/,
     'nor is one of folders');
is_deeply([glob "$folder/elsewhere/*"], [], 'nothing is written there');

run_tests();


sub write_text {
    my ($name, $text) = @_;

    open my $out, '>', $name or die "$name: $!\n";
    print $out $text;
    close $out;
}


sub write_file {
    write_text("$folder/$_[0]", $_[1]);
}


sub read_text {
    open my $in, '<', $_[0] or return "$_[0]: $!";
    local $/;
    return <$in>;
}


sub start {
    my $modules = join '', map "load_module $_;\n", split ' ',
                      $ENV{TEST_NGINX_LOAD_MODULES};
    my $set_user = $> == 0 ? "user $user " . getgrgid($gid) . ';' : '';

    write_file('nginx.conf', "$modules $set_user
pid nginx.pid;
error_log stderr;
events { }
http {
    api_zone a:16m;
    api_state_path state;
    api_event_handlers * js path=h.js;
    api_event_handlers * js path=e.js name=h;
}
");

    local $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD} // '';

    # the output's other end would stay open in the daemon
    system("$nginx -p $folder/ -c nginx.conf 2>$folder/output");
    return join '', grep /\[(?:emerg|alert|crit|error)\]/,
                    split /^/, read_text("$folder/output");
}


sub stop {
    my $pid = read_text("$folder/nginx.pid");

    chomp $pid;
    return unless $pid =~ /^\d+$/;
    kill 'QUIT', $pid;
    wait_for(sub { !kill 0, $pid }) or fail("nginx $pid exits");
}

__DATA__
