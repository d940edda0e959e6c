# Callbacks of type after: vectors 17, 18, 19 and 20, and what workers have in
# memory of them.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use CallbackBlocks;
use IO::Socket::INET;

run_tests();

__DATA__

=== TEST 1: told at once, by whichever worker
--- workers: 3
--- recorder
--- check eval
sub {
    for (1 .. 10) {
        my $id = ::callback('after-app', "/ok/$_");

        is(::status(POST => 'apps', { id => "a$_", n => 1 }), 201, 'created');
        is(::status(DELETE => "callbacks/$id"), 200, 'no more');
        is(::status(PUT => "apps/a$_", {}), 200, 'updated');
    }

    my @told = ::told(10);
    is("@{[sort map { $_->{json}{data}{id} } @told]}",
       "@{[sort map { qq(a$_) } 1 .. 10]}", 'each of its own');

    my $body = $told[0]{json};
    like(delete $body->{timestamp}, qr/^20\d\d-\d\d-\d\dT/, 'when');
    is(delete $body->{id}, $told[0]{headers}{'webhook-id'}, 'its id');
    is_deeply($body, { event => 'after', object => 'app', action => 'created',
                       user => { name => 'ops', role => 'admin' },
                       data => { id => $body->{data}{id}, n => 1 } }, 'the body');
}

=== TEST 2: vector 17, a dead listener: one attempt, and it is there
--- recorder
--- check eval
sub {
    my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    my $port = $closed->sockport;
    close $closed;

    my $id = ::callback('after-app', "http://127.0.0.1:$port/", name => 'dead');
    my ($status, $doc) = ::call(POST => 'apps', { id => 'a' });

    is($status, 201, 'created');
    is(scalar @{ $doc->{warnings} }, 1, 'a warning');
    like($doc->{warnings}[0], qr/^callback "dead": .*refused.*, after \d+ ms$/,
         'of what went wrong');
    ok(!exists((::call(GET => 'apps/a'))[1]{warnings}), 'of that call alone');

    my @rows = ::history($id, 1);
    is(scalar @rows, 1, 'one attempt');
    is("$rows[0]{attempt} $rows[0]{status} $rows[0]{state}", '1 0 dead', 'dead');
    like($rows[0]{error}, qr/refused|connect/i, 'and why');
    ok((::call(GET => "callbacks/$id"))[1]{last_triggered}, 'triggered');
}
--- allow_log eval
qr/Connection refused/

=== TEST 3: vector 18, before comes first; what is cancelled is told to nobody
--- recorder
--- check eval
sub {
    ::callback('after-app', '/ok/b');
    my $no = ::callback('before-app', '/status/400');

    is(::status(POST => 'apps', { id => 'a' }), 409, 'cancelled');
    ::status(DELETE => "callbacks/$no");
    ::callback('before-app', '/ok/a');
    is(::status(POST => 'apps', { id => 'a' }), 201, 'created');

    my ($before, $after, $cancelled) = ::told(3);
    is("$before->{uri} $after->{uri} $cancelled->{uri}", '/ok/a /ok/b /status/400',
       'each once');
    is($before->{json}{id}, $after->{json}{id}, 'one id');
    is($before->{json}{event} . $after->{json}{event}, 'beforeafter', 'when');
}

=== TEST 4: vector 19, two of them, one of which fails
--- recorder
--- check eval
sub {
    my @ids = (::callback('after-app', '/status/500'),
               ::callback('after-app', '/ok'));

    my ($status, $doc) = ::call(POST => 'apps', { id => 'a' });
    is($status, 201, 'created');
    like("@{ $doc->{warnings} }", qr/^callback "after-app at .status.500": it answered 500, after \d+ ms$/,
         'one warning');
    is((::call(DELETE => 'apps/a'))[1]{warnings}[0] =~ s/\d+ ms/N ms/r,
       'callback "after-app at /status/500": it answered 500, after N ms',
       'and one of what is deleted');
    is("@{[map { $_->{uri} } ::told(4)]}", '/ok /ok /status/500 /status/500', 'both');
    is("@{[map { (::history($_, 1))[0]{state} } @ids]}", 'dead delivered',
       'each for itself');
}

=== TEST 5: vector 20, the filter by action, and by user
--- recorder
--- check eval
sub {
    ::callback('after-app', '/ok/c', headers => { action => 'created,updated',
                                                  'X-Key' => 'mine' });
    ::callback('after-app', '/ok/d', headers => { action => 'deleted' });
    ::callback('after-app', '/ok/e', except_user => 'app');

    is(::status(POST => 'apps', { id => 'a' }, user => 'app'), 201, 'created');
    is(::status(PUT => 'apps/a', { n => 1 }), 200, 'updated');
    is(::status(DELETE => 'apps/a', undef, user => 'app'), 200, 'deleted');
    ::told(4);

    # an event that comes later is told, so those before have been
    is(::status(POST => 'apps', { id => 'z' }), 201, 'the last');

    my @got = sort map { "$_->{json}{data}{id} $_->{json}{action}$_->{uri}" } ::told(6);
    is(CORE::join(', ', @got), 'a created/ok/c, a deleted/ok/d, a updated/ok/c, '
       . 'a updated/ok/e, z created/ok/c, z created/ok/e', 'who was told');
    is((::told(6))[0]{headers}{'x-key'}, 'mine', 'its header');
    is((grep { $_->{json}{action} eq 'updated' } ::told(6))[0]{json}{previous}{id},
       'a', 'what was');
}

=== TEST 6: handlers of the configuration are told, too
--- http_config
    api_event_handlers developer.created webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok;
--- recorder
--- check eval
sub {
    is(::status(POST => 'developers', { id => 'd', password => 'hush' }), 201,
       'created');

    my ($got) = ::told(1);
    is($got->{json}{data}{password}, '****', 'without its password');
    is($got->{json}{object}, 'developer', 'of a developer');
}

=== TEST 7: changed, switched off and on
--- recorder
--- check eval
sub {
    my $id = ::callback('after-app', '/ok/1');
    my %doc = (name => 'n', type => 'after-app');

    is(::status(POST => 'apps', { id => 'a' }), 201, 'the first URL');
    ::status(PUT => "callbacks/$id", { %doc, url => ::hook('/ok/2') });
    is(::status(POST => 'apps', { id => 'b' }), 201, 'the second');
    ::status(PUT => "callbacks/$id", { %doc, url => ::hook('/ok/3'),
                                       active => JSON::PP::false });
    is(::status(POST => 'apps', { id => 'c' }), 201, 'off');
    ::status(PUT => "callbacks/$id", { %doc, url => ::hook('/ok/4'),
                                       type => 'after-developer' });
    is(::status(POST => 'apps', { id => 'd' }), 201, 'of another object');
    is(::status(POST => 'developers', { id => 'e' }), 201, 'that one');

    is(CORE::join(' ', map { "$_->{uri}=$_->{json}{data}{id}" } ::told(3)),
       '/ok/1=a /ok/2=b /ok/4=e', 'as it was then');
    is(scalar(::history($id, 3)), 3, 'one history');
}

=== TEST 8: what its endpoint cannot be
--- check eval
sub {
    for ([ retry => 'often' ], [ retry => 0 ], [ url => "http://a b/" ],
         [ headers => { 'a b' => 'c' } ])
    {
        my ($status, $doc) = ::call(POST => 'callbacks', { name => 'n',
            type => 'after-app', url => 'http://127.0.0.1/', @$_ });

        is($status, 422, "$_->[0]");
        like($doc->{message}, qr/^line 1: /, 'says why');
    }
}

=== TEST 9: one whose writer died before it could tell the others
--- http_config
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
--- recorder
--- check eval
sub {
    my $db = $Test::Nginx::Util::ServRoot . '/logs/state/apievents.db';
    my $url = ::hook('/ok');
    my $n = 0;

    my $doc = qq({"id":"c","name":"n","type":"after-app","url":"$url"});
    my $sql = "INSERT INTO document VALUES (NULL, 'callback', 'c', 1, 1, '$doc')";

    is(system('sqlite3', '-cmd', '.timeout 20000', $db, $sql), 0, 'stored');
    ok(ApiEvents::wait_for(sub {
        ::status(POST => 'apps', { id => 'a' . $n++ });
        my @got = ApiEvents::recorded();
        @got > 0
    }, 30), 'and told of what comes later');
}

=== TEST 10: who is excepted stays so, however many callbacks come and go
--- recorder
--- check eval
sub {
    my $id = ::callback('after-app', '/ok/one', except_user => 'app');

    for (1 .. 20) {
        my $other = ::callback('after-app', "/ok/$_", except_user => 'app',
                               headers => { 'X-Long' => 'x' x (100 * $_) });

        ::status(DELETE => "callbacks/$other") if $_ % 2;
        is(::status(POST => 'apps', { id => "a$_" }, user => 'app'), 201,
           'created by whom it is not told of');
    }

    is(::status(POST => 'apps', { id => 'mine' }), 201, 'created by another');
    ::history($id, 1);
    is("@{[map { $_->{json}{data}{id} } ::told(11)]}",
       CORE::join(' ', ('mine') x 11), 'which all that are left are told');
}
