# Event-driven callbacks that have a say: parity vectors 16, 18, 21 and 22, and
# what else may happen to one that is asked.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use IO::Socket::INET;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . "api_callback_allow 127.0.0.0/8;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# a URL of the recorder's
sub hook {
    my ($uri) = @_;

    return $uri =~ /^http/ ? $uri
           : 'http://127.0.0.1:' . ApiEvents::rand_port(1) . $uri;
}

# a callback before that; its id
sub before {
    my ($object, $uri, %more) = @_;
    my ($status, $doc) = call(POST => 'callbacks', {
        name => "$object at $uri", type => "before-$object", url => hook($uri),
        expected_status => 200, %more });

    die "$status: $doc->{message}\n" if $status != 201;
    return $doc->{id};
}

# "201", or "409 why"
sub made {
    my ($status, $doc) = call(POST => @_);

    return $status == 201 ? $status : "$status $doc->{message}";
}

# rows of that callback, newest first, when there are so many
sub history {
    my ($id, $n) = @_;
    my $rows;

    ApiEvents::wait_for(sub {
        $rows = (call(GET => "callbacks/$id/history"))[1]{items};
        @$rows >= $n
    });

    return @$rows;
}

run_tests();

__DATA__

=== TEST 1: vector 16, an answer that is expected, and ones that are not
--- recorder
--- check eval
sub {
    my $ok = ::before(app => '/ok');

    is(::made(apps => { id => 'a', name => 'A', secret => 'hush' }), 201,
       'created');

    my ($got) = recorded();
    is($got->{method}, 'POST', 'a POST');
    is($got->{headers}{'content-type'}, 'application/json', 'of JSON');
    is($got->{headers}{'x-api-events-hops'}, 1, 'the first hop');

    my $body = $got->{json};
    like(delete $body->{timestamp}, qr/^20\d\d-\d\d-\d\dT[\d:.]+Z$/, 'when');
    like(delete $body->{id}, qr/^evt_[0-9a-f-]{36}$/, 'an id');
    is_deeply($body, { event => 'before', object => 'app',
        action => 'created', user => { name => 'ops', role => 'admin' },
        data => { id => 'a', name => 'A', secret => '****' } }, 'the body');

    is(::status(PUT => 'apps/a', { name => 'B' }), 200, 'updated');
    is(::status(DELETE => 'apps/a'), 200, 'deleted');

    my (undef, $put, $delete) = map { $_->{json} } recorded();
    is("$put->{action} $put->{data}{name} $put->{previous}{name}",
       'updated B A', 'what was, and what is going to be');
    is("$delete->{action} $delete->{data}{name}", 'deleted B', 'what goes');

    ::status(DELETE => "callbacks/$ok");
    my $no = ::before(app => '/status/201');

    is(::made(apps => { id => 'b' }) =~ s/\d+ ms/N ms/r, '409 cancelled by '
       . 'callback "app at /status/201": it answered 201, after N ms',
       '201 is not 200');
    is(::status(GET => 'apps/b'), 404, 'nothing was created');

    my ($row) = ::history($no, 1);
    is("$row->{state} $row->{status} $row->{attempt} $row->{event}",
       'failed 201 1 app.created', 'a row');
}

=== TEST 2: vector 16, refused, unknown, timed out
--- recorder
--- http_config
    resolver 127.0.0.1:1 valid=1s;
    resolver_timeout 1s;
--- allow_log eval
qr/apievents-no-such-name|resolv|send\(\) failed|recv\(\) failed|timed out/
--- check eval
sub {
    my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    my $port = $closed->sockport;
    close $closed;

    my @why = (
        [ "http://127.0.0.1:$port/", qr/refused|connect/i ],
        [ 'http://apievents-no-such-name.invalid/', qr/resolve|found/i ],
        [ '/hang', qr/timed out/i, timeout => 0.3 ],
        [ 'http://192.0.2.1/', qr/192\.0\.2\.1|allowed|reach/i ],
    );

    for (@why) {
        my ($url, $why, %more) = @$_;
        my $id = ::before(app => $url, %more);
        my $made = ::made(apps => { id => 'x' });

        like($made, qr/^409 cancelled by callback/, "$url cancels");
        like($made, $why, 'and why');

        my ($row) = ::history($id, 1);
        is("$row->{state} $row->{status}", 'failed 0', 'a row');
        like($row->{error}, $why, 'that says why');

        ::call(PUT => "callbacks/$id", { name => 'n', type => 'before-app',
            url => ::hook($url),
            expected_status => 200, on_error => 'allow', %more });
        is(::made(apps => { id => 'x' }), 201, 'unless errors are allowed');
        ::status(DELETE => $_) for 'apps/x', "callbacks/$id";
    }
}

=== TEST 3: several of them, by name; the first that says no ends it
--- recorder
--- check eval
sub {
    ::before(developer => '/b', name => 'b');
    ::before(developer => '/a', name => 'a');
    ::before(developer => '/off', name => '0', active => JSON::PP::false);
    ::before(app => '/other', name => 'other');
    my $no = ::before(developer => '/status/500', name => 'c');
    ::before(developer => '/d', name => 'd');

    like(::made(developers => { id => 'x' }), qr/^409 .*"c"/, 'cancelled');
    is("@{[map { $_->{uri} } recorded()]}", '/a /b /status/500', 'in order');

    ::status(DELETE => "callbacks/$no");
    is(::made(developers => { id => 'x' }), 201, 'created');
    is("@{[map { $_->{uri} } (recorded())[3 .. 5]]}", '/a /b /d', 'all');
}

=== TEST 4: the filter by action, and by user
--- recorder
--- check eval
sub {
    ::before(app => '/f', headers => { Action => 'created, Update',
                                       'X-Key' => 'of mine' });
    ::before(app => '/g', headers => { action => 'delete' });
    ::before(app => '/h', except_user => 'app');

    is(::status(POST => 'apps', { id => 'a' }, user => 'app'), 201, 'created');
    is(::status(PUT => 'apps/a', {}), 200, 'updated');
    is(::status(DELETE => 'apps/a', undef, user => 'app'), 200, 'deleted');

    my @got = recorded();
    is("@{[map { $_->{json}{action} . $_->{uri} } @got]}",
       'created/f updated/f updated/h deleted/g', 'who was asked');
    is($got[0]{headers}{'x-key'}, 'of mine', 'its header');
    is($got[0]{json}{user}{role}, 'integration', 'and who did it');
}

=== TEST 5: expected statuses
--- recorder
--- check eval
sub {
    my %tests = (
        200 => [ 204, 0 ], '2xx' => [ 204, 1 ], '200,204' => [ 204, 1 ],
        '4xx,503' => [ 503, 1 ],
    );

    for (sort keys %tests) {
        my ($status, $passes) = @{ $tests{$_} };
        my $id = ::before(app => "/status/$status", expected_status => $_);

        is(::made(apps => { id => 'x' }) eq 201 ? 1 : 0, $passes, "$status of $_");
        ::status(DELETE => $_) for 'apps/x', "callbacks/$id";
    }

    my $id = ::before(app => '/status/204', expected_status => [ 200, '204' ]);
    is(::made(apps => { id => 'x' }), 201, 'a list');
}

=== TEST 6: vector 22, and what else is no callback
--- check eval
sub {
    my %right = (name => 'n', type => 'before-app', url => 'http://127.0.0.1/',
                 expected_status => '2xx');
    my @wrong = (
        [ { expected_status => undef }, qr/"expected_status" is expected/ ],
        [ { expected_status => 'x' }, qr/"expected_status" is expected/ ],
        [ { expected_status => [] }, qr/"expected_status" is expected/ ],
        [ { expected_status => [ {} ] }, qr/"expected_status" is expected/ ],
        [ { name => '' }, qr/a "name" is expected/ ],
        [ { type => 'during-app' }, qr/a "type" is expected: before- or/ ],
        [ { type => 'before-apps' }, qr/a "type" is expected/ ],
        [ { type => 'before' }, qr/a "type" is expected/ ],
        [ { url => 'ftp://127.0.0.1/' }, qr/invalid "url", / ],
        [ { url => undef }, qr/a "url" is expected/ ],
        [ { on_error => 'stop' }, qr/must be cancel or allow/ ],
        [ { timeout => 0 }, qr/must be seconds, at most 60/ ],
        [ { timeout => 61 }, qr/must be seconds, at most 60/ ],
        [ { headers => { action => 'create,drop' } }, qr/some of created/ ],
        [ { headers => { "a\nb" => 'c' } }, qr/cannot be sent/ ],
        [ { headers => { a => "b\r\nc" } }, qr/cannot be sent/ ],
        [ { headers => { 'Content-Length' => '1' } }, qr/cannot be sent/ ],
    );

    for (@wrong) {
        my ($change, $message) = @$_;
        my ($status, $doc) = ::call(POST => 'callbacks', { %right, %$change });

        is($status, 422, CORE::join(' ', map { $_ // 'none' } %$change));
        like($doc->{message}, $message, 'says what is expected');
    }

    is(::status(POST => 'callbacks', { %right, headers => [] }), 400, 'a list');
    is(::status(POST => 'callbacks', { %right, type => 'after-app',
                                       expected_status => undef }), 201,
       'after needs no status');
    is(::status(POST => 'callbacks', { %right, type => 'after-app',
                                       expected_status => 'x' }), 201,
       'and ignores one');
}

=== TEST 7: a test, history, and when it was triggered
--- recorder
--- check eval
sub {
    my $id = ::before(app => '/t');

    is((::call(GET => "callbacks/$id"))[1]{last_triggered}, undef, 'never');

    my ($status, $doc) = ::call(POST => "callbacks/$id/test");
    is("$status $doc->{status} $doc->{answered} $doc->{error}", '200 ok 200 ',
       'it answered');

    my ($got) = recorded();
    is($got->{json}{event}, 'ping', 'a ping');
    is($got->{json}{id}, $doc->{event_id}, 'its id');

    my ($row) = ::history($id, 1);
    is("$row->{event_id} $row->{state} $row->{handler}",
       "$doc->{event_id} delivered callback", 'a row');

    for ([ one => (::call(GET => "callbacks/$id"))[1] ],
         [ all => (::call(GET => 'callbacks'))[1]{items}[0] ])
    {
        is($_->[1]{last_triggered}, $row->{time}, "when, of $_->[0]");
    }

    is(::status(POST => 'callbacks/none/test'), 404, 'none of that id');
    is(::status(POST => "callbacks/$id/test", undef, user => 'app'), 403, 'role');
    is_deeply([ ::history('none', 0) ], [], 'no rows');
}

=== TEST 8: changed by someone else while it was asked
--- check eval
sub {
    is(::made(apps => { id => 'a', name => 'first' }), 201, 'created');

    my $listen = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    ::before(app => 'http://127.0.0.1:' . $listen->sockport . '/',
             except_user => 'app', timeout => 50);
    my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}");

    print $fh "PUT /tyk/apps/a HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n"
              . "Content-Length: 15\r\n\r\n" . '{"name":"late"}';

    my $asked = $listen->accept;
    is(::status(PUT => 'apps/a', { name => 'soon' }, user => 'app'), 200,
       'another comes first');
    print $asked "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    local $/;
    like(<$fh>, qr/^HTTP\S+ 409 .*changed by someone else meanwhile/s, 'a conflict');
    is((::call(GET => 'apps/a'))[1]{name}, 'soon', 'the other one stays');
}

=== TEST 9: the client goes away while it is asked
--- check eval
sub {
    my $listen = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    my $id = ::before(app => 'http://127.0.0.1:' . $listen->sockport . '/',
                      timeout => 50);
    my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}");

    print $fh "POST /tyk/apps HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n"
              . "Content-Length: 10\r\n\r\n" . '{"id":"a"}';

    my $asked = $listen->accept;
    close $fh;
    print $asked "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    my ($row) = ::history($id, 1);
    is("$row->{state} $row->{status}", 'delivered 200', 'it has answered');

    ::status(DELETE => "callbacks/$id");
    is(::made(apps => { id => 'b' }), 201, 'another one is made');
    is(::status(GET => 'apps/b'), 200, 'and is there');
}

=== TEST 10: vector 23, a loop ends
--- check eval
sub {
    for my $hops (0, 4, 5, 500) {
        my ($status, $doc) = ::call(POST => 'apps', { id => "a$hops" },
                                    headers => "X-Api-Events-Hops: $hops\r\n");

        is($status, $hops < 5 ? 201 : 409, "$hops hops");
        like($doc->{message}, qr/loop/, 'says so') if $hops >= 5;
    }
}
--- allow_log eval
qr/callbacks go round in a loop/
