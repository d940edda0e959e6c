# Managed objects: made, read, put and deleted; what is no object.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# statuses of the same call as each role
sub roles {
    return join ' ', map { ::status(@_, user => $_) // 'none' } qw/ ops app eye /;
}

run_tests();

__DATA__

=== TEST 1: the life of an app
--- check eval
sub {
    my ($status, $doc, $head) = ::call(POST => 'apps', {
        name => 'Shop', status => 'APPROVED', secret => 'sesame-sesame-sesame',
        extraInfo => { colour => 'red' }, unheard => [1] });
    my $id = $doc->{id};

    is($status, 201, 'created');
    like($id, qr/^[0-9a-f]{32}$/, 'an id');
    like($head, qr{^Location: /tyk/apps/$id\r?$}m, 'where it is');
    like($head, qr{^Cache-Control: no-store\r?$}m, 'not to be stored');
    my ($tag) = $head =~ /^ETag: ("\d+")\r?$/m;
    ok($tag, 'a tag');
    is_deeply($doc, { id => $id, name => 'Shop', status => 'APPROVED',
        secret => '****', extraInfo => { colour => 'red' }, unheard => [1] },
        'all of it is kept, but the secret');

    ($status, $doc, $head) = ::call(GET => "apps/$id");
    is("$status $doc->{name}", '200 Shop', 'read');
    like($head, qr/^ETag: $tag\r?$/m, 'the same tag');

    ($status, $doc, $head) = ::call(PUT => "apps/$id", { name => 'New' });
    is($status, 200, 'put');
    is_deeply($doc, { id => $id, name => 'New' }, 'in place of all');
    my ($next) = $head =~ /^ETag: ("\d+")\r?$/m;
    isnt($next, $tag, 'another tag');

    ($status, $doc) = ::call(DELETE => "apps/$id");
    is_deeply([$status, $doc], [200, { status => 'ok', action => 'deleted',
                                       id => $id }], 'deleted');
    is(::status($_->[0] => "apps/$id", $_->[1]), 404, "$_->[0] of none")
        for [ 'GET' ], [ PUT => { name => 'x' } ], [ 'DELETE' ];
}

=== TEST 2: ids of the client's choice
--- check eval
sub {
    for my $id ('a', 'a/b c?d', "\x{c3}\x{a9}", 'x' x 128, '..a') {
        my $uri = 'developers/' . $id =~ s/(.)/sprintf '%%%02x', ord $1/gesr;
        my $text = qq({"id":"$id","email":"a\@b.c"});
        my ($status, $doc, $head) = ::call(POST => 'developers', $text);

        is($status, 201, "create $id");

        my ($where) = $head =~ m{^Location: /tyk/(\S+)\r?$}m;
        is(::status(GET => $where), 200, 'there');
        is(::status(GET => $uri), 200, 'and there');
        is(::status(POST => 'developers', $text), 409, 'once');
        is(::status(DELETE => $uri), 200, 'gone');
    }

    is(::status(POST => 'developers', $_), 400, 'refused')
        for '{"id":""}', '{"id":1}', '{"id":"a\u0001b"}', '{"id":"a\nb"}',
            '{"id":"' . 'x' x 129 . '"}', '{"id":[]}';
    is(::status(PUT => 'developers/a', { id => 'b' }), 400, 'two ids');
}

=== TEST 3: two writers of one document
--- check eval
sub {
    my (undef, undef, $head) = ::call(POST => 'apps', { id => 'one' });
    my ($tag) = $head =~ /^ETag: ("\d+")\r?$/m;
    my %match = (headers => "If-Match: $tag\r\n");

    is(::status(PUT => 'apps/one', { name => 'mine' }, %match), 200, 'mine');
    is(::status(PUT => 'apps/one', { name => 'yours' }, %match), 409, 'not yours');
    is(::status(DELETE => 'apps/one', undef, %match), 409, 'nor is it deleted');
    is((::call(GET => 'apps/one'))[1]{name}, 'mine', 'as it was');

    ($tag) = (::call(GET => 'apps/one'))[2] =~ /^ETag: ("\d+")\r?$/m;
    is(::status(DELETE => 'apps/one', undef, headers => "If-Match: $tag\r\n"),
       200, 'deleted');
    is(::status(GET => 'apps/one'), 404, 'it is');

    is(::status(POST => 'apps', { id => 'one' }), 201, 'once more');
    is(::status(DELETE => 'apps/one', undef, headers => "If-Match: *\r\n"), 200,
       'any');
    is(::status(PUT => 'apps/one', {}, headers => "If-Match: *\r\n"), 404, 'none');
}

=== TEST 4: pages
--- check eval
sub {
    ::status(POST => 'apps', { id => sprintf 'app-%02d', $_ }) for 1 .. 25;

    my ($after, @ids) = ('');

    for (1 .. 5) {
        my ($status, $doc) = ::call(GET => "apps?limit=7&after=$after");
        is($status, 200, 'a page');
        cmp_ok(scalar @{ $doc->{items} }, '<=', 7, 'no more than that');
        push @ids, map { $_->{id} } @{ $doc->{items} };
        $after = $doc->{next} // last;
    }

    is("@ids", CORE::join(' ', map { sprintf 'app-%02d', $_ } 1 .. 25), 'each once');
    is(::status(GET => "apps?limit=$_"), 400, "limit=$_") for 0, 1001, 'x', -1;
    is_deeply((::call(GET => 'developers'))[1], { items => [], next => undef },
              'none of another kind');
}

=== TEST 5: what is wrong, and where
--- check eval
sub {
    my @wrong = (
        [ '', 400, 'line 1: a JSON object is expected' ],
        [ '[]', 400, 'line 1: a JSON object is expected' ],
        [ "{\n\"name\": 1}", 400, 'line 2: "name" must be a string' ],
        [ "{\"name\":\"a\",\n\n\"name\":\"b\"}", 400, 'line 3: "name" is there twice' ],
        [ '{"x":"a\u0000"}', 400, 'line 1: a string has a NUL in it' ],
        [ '{"x":1e999}', 400, 'line 1: a number is too large' ],
        [ "{\"x\":\n\"\xff\"}", 400, qr/^line 2: / ],
        [ '{"a":' x 65 . '1' . '}' x 65, 400, 'line 1: at most 64 levels are expected' ],
        [ '{"status":"OPEN"}', 422, 'line 1: "status" must be one of '
                                    . 'APPROVED PENDING REJECTED CANCELLED' ],
    );

    for (@wrong) {
        my ($text, $expected, $message) = @$_;
        my ($status, $doc) = ::call(POST => 'apps', $text);

        is($status, $expected, $text);
        ref $message ? like($doc->{message}, $message, 'says so')
                     : is($doc->{message}, $message, 'says so');
    }

    is(::status(POST => 'apps', '{"x":"' . 'y' x 1_048_576 . '"}'), 413,
       'too much');
    is_deeply((::call(GET => 'apps'))[1]{items}, [], 'nothing has changed');
    is(::status(PUT => 'apps', {}), 405, 'no id');
    is(::status(POST => 'apps/x', {}), 405, 'no POST of one');
    is(::status(GET => 'apps/x/y'), 404, 'nothing there');
}

=== TEST 6: who may write what
--- check eval
sub {
    my $app = { id => 'a' };

    is(::roles(POST => 'apps', $app), '201 409 403', 'integration may write apps');
    is(::roles(PUT => 'developers/x', {}), '404 404 403', 'and developers');
    is(::roles(DELETE => 'access-tokens/x', undef), '404 404 403', 'and tokens');
    is(::roles(POST => 'system-config', { id => 'c' }), '201 403 403', 'not this');
    is(::roles(DELETE => 'callbacks/x', undef), '404 403 403', 'nor callbacks');
    is(::roles(GET => 'apps/a', undef), '200 200 200', 'all read');
}
