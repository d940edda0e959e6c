#!/usr/bin/perl

# One nginx uses a database, and an upgraded one together with the old.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Daemon;

second();
tests_nothing();
upgrade_stays();
upgrade_goes();
reload_moves();

done_testing();


sub configure {
    my ($nginx, $store) = @_;
    my $port = $nginx->port('gateway');

    $nginx->configure('events { }', <<"END");
    api_zone lock:16m;
    api_store $store;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


sub start {
    my ($name, $class, %options) = @_;
    my $nginx = ($class || 'Daemon')->new("lock-$name", %options);

    configure($nginx, 'sqlite:a.db');

    return $nginx->start;
}


sub holder {
    my ($nginx, $db) = @_;

    return Chaos::slurp("$nginx->{dir}/state/" . ($db || 'a') . '.db.lock')
           =~ s/\n//r;
}


# another one with that state path
sub rival {
    my ($nginx) = @_;
    my $rival = Daemon->new("lock-rival");

    configure($rival, "sqlite:$nginx->{dir}/state/a.db");

    return $rival;
}


sub clean {
    my ($nginx) = @_;

    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


sub second {
    for my $kind ([qw/ Daemon on /], [qw/ Chaos on /], [qw/ Chaos off /]) {
        my $nginx = start('second', $kind->[0], master => $kind->[1]);
        my $rival = rival($nginx);

        ok($nginx->until(5, sub { holder($nginx) eq $nginx->{pid} }),
           'the pid is that of the master');
        like($rival->run, qr/store "\S+a\.db" is used by another nginx, pid $nginx->{pid}, in \S+nginx\.conf:\d+/,
             'a second one does not start');
        is(holder($nginx), $nginx->{pid}, 'and leaves the lock as it is');

        ok(reloaded($nginx), 'a reload');
        like($rival->run, qr/is used by another nginx/, 'keeps it');

        ok($nginx->stop('QUIT'), 'the first one ends');
        $rival->start;
        pass('then the other one starts');
        ok($rival->stop('QUIT'), 'and ends');
        clean($nginx);
        $rival->abandon(1);
    }
}


# without a master the process stays
sub reloaded {
    my ($nginx) = @_;

    return $nginx->reload if $nginx->{master} eq 'on';

    kill 'HUP', $nginx->{pid};

    return $nginx->until(10, sub { $nginx->log =~ /reconfiguring/ });
}


sub tests_nothing {
    my $nginx = start('trial');
    my $rival = rival($nginx);

    ok($nginx->until(20, sub { holder($nginx) eq $nginx->{pid} }),
       'the master has the lock');
    is($rival->run('-t'), '', 'a configuration can be tested meanwhile');
    is(holder($nginx), $nginx->{pid}, 'the lock is left alone');
    is($nginx->run('-s reload'), '', 'and signals can be sent');
    ok($nginx->stop('QUIT'), 'nginx ends');

    unlink glob "$nginx->{dir}/state/*";
    rmdir "$nginx->{dir}/state";
    is($nginx->run('-t'), '', 'a test');
    ok(!-e "$nginx->{dir}/state", 'makes nothing');
    clean($nginx);
    $rival->abandon(1);
}


# both use the database, the old one quits, the new one has it
sub upgrade_stays {
    my $nginx = start('upgrade');
    my $rival = rival($nginx);
    my $old = $nginx->{pid};

    ok($nginx->until(5, sub { holder($nginx) eq $old }), 'held by the old one');
    my $new = $nginx->upgrade;

    isnt($new, undef, 'an upgrade shares it') or return;
    is(holder($nginx), $old, 'the old one has the lock');
    kill 'QUIT', $old;
    ok($nginx->gone($old), 'the old one quits');

    ok($nginx->until(10, sub { holder($nginx) eq $new }),
       'the new one takes it over');
    like($rival->run, qr/is used by another nginx, pid $new,/, 'and holds it');

    my $third = $nginx->upgrade;

    isnt($third, undef, 'which can be upgraded too');
    kill 'QUIT', $new;
    ok($nginx->until(20, sub { holder($nginx) eq $third }), 'and is replaced');
    ok($nginx->stop('QUIT'), 'the last one quits');
    clean($nginx);
    $rival->abandon(1);
}


# the new one quits, the old one goes on
sub upgrade_goes {
    my $nginx = start('back');
    my $rival = rival($nginx);
    my $old = $nginx->{pid};

    ok($nginx->until(5, sub { holder($nginx) eq $old }), 'held by the old one');

    my $new = $nginx->upgrade;

    isnt($new, undef, 'an upgrade') or return;
    kill 'WINCH', $old;
    kill 'HUP', $old;
    kill 'QUIT', $new;
    ok($nginx->gone($new), 'the new one quits');
    $nginx->{pid} = $old;

    is(holder($nginx), $old, 'the old one has the lock still');
    like($rival->run, qr/is used by another nginx, pid $old,/, 'and holds it');
    ok($nginx->stop('QUIT'), 'the old one quits');
    clean($nginx);
    $rival->abandon(1);
}


# a reload to another file; one to a file that is in use is refused
sub reload_moves {
    my $nginx = start('moves');
    my $other = rival($nginx);

    configure($other, 'sqlite:a.db');
    $other->start;

    configure($nginx, "sqlite:$other->{dir}/state/a.db");
    kill 'HUP', $nginx->{pid};
    ok($nginx->until(10, sub { $nginx->log =~ /is used by another nginx/ }),
       'a reload to a database in use is refused');
    is($nginx->fresh, 2, 'and nginx goes on');

    configure($nginx, 'sqlite:b.db');
    ok($nginx->reload, 'a reload to one of its own');
    ok($nginx->until(5, sub { holder($nginx, 'b') eq $nginx->{pid} }),
       'holds that');

    configure($nginx, 'off');
    ok($nginx->reload, 'a reload without a store');

    my $rival = rival($nginx);

    configure($rival, "sqlite:$nginx->{dir}/state/b.db");
    ok($nginx->until(10, sub { $rival->run eq '' }), 'gives it back');
    $rival->{pid} = $rival->read_pid;
    ok($rival->stop('QUIT'), 'to others');

    ok($nginx->stop('QUIT'), 'nginx ends');
    is(scalar(grep { !/is used by another/ } $nginx->bad_log), 0,
       'the log is clean');
    $other->stop;
    $_->abandon(1) for $other, $rival;
}
