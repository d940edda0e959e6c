# openapi.json against the API that runs, in both directions; and what is held
# against answers of other tests (t/lib/OpenApi.pm).

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use OpenApi qw(answer_differs differs document operation);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

my $None = 'f' x 32;

# paths with an id of nothing in the place of each parameter
sub paths {
    return map { s{^/}{}r =~ s/\{\w+\}/$None/gr }
           sort keys %{ document()->{paths} };
}

# is a call one of a route: neither its path nor its method is unknown
sub routed {
    my ($status, $doc) = probe(@_);

    return 'no answer' unless $status;
    return 'no method' if $status == 405;
    return 'no path' if $status == 404 && ref $doc
                        && $doc->{message} eq 'there is nothing of that name';
    return 'a route';
}

run_tests();

__DATA__

=== TEST 1: what is served is what the tree has
--- check eval
sub {
    my ($status, $doc, $headers) = ::call(GET => 'openapi.json');

    is($status, 200, 'served');
    like($headers, qr{^Content-Type: application/json\r?$}m, 'as JSON');
    is($doc->{openapi}, '3.1.0', 'its version');
    is_deeply(delete $doc->{servers}, [{ url => '/tyk' }], 'where it is');
    is_deeply($doc, ::document(), 'all parts');

    is(::status(GET => 'openapi.json', undef, user => $_), 200, "to $_")
        for qw(eye app);
    is(::status(GET => 'openapi.json', undef, user => undef), 403,
       'to nobody else');
}

=== TEST 2: where a location is
--- config
    location /adm { api_admin; }
    location /a"b/ { api_admin; }
--- check eval
sub {
    my %at = ('/adm/' => '/adm', '/a"b/' => '/a"b');

    for my $path (sort keys %at) {
        my $text = http_get("${path}openapi.json" =~ s/"/%22/r, undef,
                            "Admin-Auth: secret-of-ops\r\n");
        my $doc = JSON::PP::decode_json($text);
        is($doc->{servers}[0]{url}, $at{$path}, "at $path");
    }
}

=== TEST 3: each path with each method
--- check eval
sub {
    my (@differs, $n);

    for my $path (::paths()) {
        for my $method (qw(GET HEAD POST PUT DELETE PATCH OPTIONS)) {
            my $want = ::operation($method, $path) ? 'a route' : 'no method';
            my $got = ::routed($method, $path);

            push @differs, "$method $path: $got, not $want" if $got ne $want;
            $n++;
        }
    }

    is(CORE::join("\n", @differs), '', 'as the document says');
    cmp_ok($n, '>', 100, 'many');
}

=== TEST 4: what is beside the paths is none
--- check eval
sub {
    my @near = map { ("$_/x", "x$_", "${_}x", s{/[^/]*$}{/x/y}r) } ::paths();
    my @none = grep { !OpenApi::templates($_) } @near, '', '%2e', '*',
                    '@', '@/x', 'openapi', 'openapi.json/x', '{id}';
    my @differs = grep { ::routed(GET => $_) ne 'no path' } @none;

    is(CORE::join("\n", @differs), '', 'nothing of that name');
    cmp_ok(scalar @none, '>', 30, 'many');
}

=== TEST 5: what differs is seen
--- check eval
sub {
    my %of = (
        'type integer' => [{ type => 'integer' }, 1, '1'],
        'type null'    => [{ type => ['null', 'string'] }, undef, 1],
        'type boolean' => [{ type => 'boolean' }, JSON::PP::true(), 1],
        'enum'         => [{ enum => ['a', undef] }, undef, 'b'],
        'const'        => [{ const => 'a' }, 'a', 'b'],
        'required'     => [{ required => ['a'] }, { a => undef }, { b => 1 }],
        'properties'   => [{ properties => { a => { type => 'number' } } },
                           { a => 1.5 }, { a => 'x' }],
        'closed'       => [{ properties => { a => {} },
                             additionalProperties => JSON::PP::false() },
                           { a => 1 }, { a => 1, b => 1 }],
        'items'        => [{ items => { minimum => 1 } }, [1, 2], [1, 0]],
        'allOf'        => [{ allOf => [{ maximum => 3 }, { minimum => 1 }] },
                           2, 4],
        'anyOf'        => [{ anyOf => [{ const => 1 }, { const => 2 }] }, 2, 3],
        'minLength'    => [{ minLength => 2 }, 'ab', 'a'],
        'maxLength'    => [{ maxLength => 2 }, 'ab', 'abc'],
        'pattern'      => [{ pattern => '^a+$' }, 'aa', 'ab'],
        'date-time'    => [{ format => 'date-time' }, '2026-01-02T03:04:05.6Z',
                           '2026-01-02'],
        '$ref'         => [{ '$ref' => '#/components/schemas/Error' },
                           { status => 'error', message => 'm' },
                           { status => 'ok', message => 'm' }],
    );

    for my $word (sort keys %of) {
        my ($schema, $right, $wrong) = @{ $of{$word} };
        is(::differs($schema, $right), '', "$word holds");
        isnt(::differs($schema, $wrong), '', "$word does not");
    }

    is(eval { ::differs({ minItems => 1 }, []) }, undef,
       'a word that is not known');

    my $json = "Content-Type: application/json\r\n";
    my $error = '{"status":"error","message":"m"}';

    is(::answer_differs(GET => 'apps/a?b=c', 404, $json, $error), '', 'right');
    isnt(::answer_differs(@$_), '', "@$_[0, 1, 2]")
        for [GET => 'apps/a', 418, $json, $error],
            [GET => 'apps/a', 200, $json, '{"id":"a"}'],
            [GET => 'apps/a', 404, "Content-Type: text/plain\r\n", $error],
            [GET => 'apps/a', 404, $json, '{"status":"error"}'],
            [GET => 'apps/a', 404, $json, 'nothing'],
            [POST => 'apps/a', 200, $json, '{}'],
            [GET => 'none', 200, $json, '{}'],
            [GET => 'none', 405, $json, $error];
}

=== TEST 6: ids of any characters have a path, or are refused
--- check eval
sub {
    my $escaped = sub { $_[0] =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger };

    for my $id ('a//b', '/', '//', 'a/', '/a', 'http://x/y', 'a?b#c', 'a%2Fb',
                'a b+c', '...', 'a/..b/c', '..a', '{id}', '@', '"') {
        my $uri = 'apps/' . $escaped->($id);

        is(::status(POST => 'apps', { id => $id }), 201, "$id: made");
        is((::call(GET => $uri))[1]{id}, $id, 'read');
        is(::status(PUT => $uri, { name => 'x' }), 200, 'put');
        is(::status(DELETE => $uri), 200, 'deleted');
    }

    for my $id ('.', '..', '../a', 'a/..', 'a/./b', 'a/../b', '', "a\x1f") {
        is(::status(POST => 'apps', { id => $id }), 400, "$id is refused");
    }
}
