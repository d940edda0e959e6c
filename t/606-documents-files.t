#!/usr/bin/perl

# Sessions that are set or deleted at run time, where a file has them as well,
# where others wrote to the database, and in a zone without room.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;
use Sessions;

reloads();
follows();
full();

done_testing();


# a file's session that was changed stays changed
sub reloads {
    my $nginx = start('reload');
    my $key = 'in-the-file-0123456789';

    is(alias($nginx, $key), 'file', 'of the file');
    set($nginx, $key, 'changed');
    is(alias($nginx, $key), 'changed', 'changed');

    keys_file($nginx, $key => 'newer');
    ok($nginx->reload, 'reloaded');
    is(alias($nginx, $key), 'changed', 'after a reload');

    ok($nginx->stop, 'nginx ends');
    $nginx->start;
    is(status($nginx, $key), 200, 'after a start');
    is(alias($nginx, $key), 'changed', 'as it was set');

    # and when the file has it no more

    keys_file($nginx);
    ok($nginx->reload, 'reloaded without it');
    is(alias($nginx, $key), 'changed', 'it is no longer the file\'s');

    $nginx->stop;
    clean($nginx);
}


# what another process deletes in the log is gone: its follower is the keeper
sub follows {
    my $nginx = start('follow');
    my $key = 'made-by-a-script-0123456789';
    my $db = "$nginx->{dir}/state/a.db";

    set($nginx, $key, 'one');
    ok(stored($nginx, 'one'), 'it is stored');

    # as if who had committed that had died before the zone had it

    sqlite($db, q(INSERT OR REPLACE INTO document)
                . q( SELECT NULL, collection, id, created, updated,)
                . q( replace(body, '"one"', '"other"') FROM document));
    ok($nginx->until(20, sub { alias($nginx, $key) eq 'other' }),
       'the zone catches up');
    is(status($nginx, $key), 200, 'it is the same key');

    sqlite($db, q(INSERT OR REPLACE INTO document)
                . q( SELECT NULL, collection, id, created, updated, NULL)
                . q( FROM document));
    ok($nginx->until(20, sub { status($nginx, $key) == 403 }),
       'and with a deletion');

    # one that a file has

    my $file = `printf in-the-file-0123456789 | sha256sum | cut -c1-32`;
    chomp $file;

    is(status($nginx, 'in-the-file-0123456789'), 200, 'a key of the file');
    sqlite($db, "INSERT INTO document VALUES"
                . " (NULL, 'key', '$file', 1, 9000000000000000000, NULL)");
    ok($nginx->until(20, sub { status($nginx, 'in-the-file-0123456789')
                               == 403 }), 'deleted as well');
    ok($nginx->reload, 'reloaded');
    is(status($nginx, 'in-the-file-0123456789'), 403, 'after a reload');

    ok($nginx->stop, 'nginx ends');
    $nginx->start;
    is(status($nginx, 'in-the-file-0123456789'), 403, 'after a start');

    set($nginx, 'in-the-file-0123456789', 'back');
    is(status($nginx, 'in-the-file-0123456789'), 200, 'made anew');

    $nginx->stop;
    clean($nginx);
}


# a zone without room refuses, and a start tells
sub full {
    my $nginx = start('full', zone => '8m');
    my $n = 0;

    $n++ while $n < 500 && set($nginx, "big-$n-0123456789", 'x', 20000) == 200;

    cmp_ok($n, '<', 500, "the zone is full after $n");
    like($nginx->log, qr/no room in api_zone for a session/, 'it says so');

    $nginx->stop;
    $nginx->start;
    is(scalar(grep { status($nginx, "big-$_-0123456789") == 200 } 0 .. $n - 1),
       $n, 'those that fitted are there');
    $nginx->stop;
}
