# Keys through the management API, in Tyk's shapes: a script that was written
# for its gateway works.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use KeyBlocks;

sub text_of {
    local (@ARGV, $/) = map { "$Test::Nginx::Util::ServRoot/$_" } @_;

    return join '', map { $_ // '' } <>;
}

# all that the store has
sub stored {
    my $root = $Test::Nginx::Util::ServRoot;
    my @files = split /\0/, `find $root -path '*state*' -type f -print0`;

    return text_of(map { substr $_, length("$root/") } @files);
}

run_tests();

__DATA__

=== TEST 1: the life of a generated key
--- check eval
sub {
    my ($status, $doc, $head) = ::call(POST => 'keys/create', ::session());
    my ($key, $id) = @$doc{qw/ key key_hash /};

    is($status, 200, 'created');
    like($key, qr/^acme[0-9a-f]{32}$/, 'the organisation and 128 bits');
    like($id, qr/^[0-9a-f]{32}$/, 'its KeyID');
    is_deeply($doc, { key => $key, status => 'ok', action => 'added',
                      key_hash => $id }, 'as Tyk says it');
    is(::asks($key), 200, 'it counts at once');
    is(::asks('acme' . '0' x 32), 403, 'another one does not');
    is(::asks($id), 403, 'nor does its KeyID');

    ($status, $doc, $head) = ::call(GET => "keys/$key");
    is("$status $doc->{rate} $doc->{quota_remaining}", '200 1000 9',
       'read by the key, with what is left');
    like($doc->{date_created}, qr/^20\d\d-\d\d-\d\dT/, 'when it was made');
    cmp_ok($doc->{quota_renews}, '>', time, 'when the quota renews');
    my ($tag) = $head =~ /^ETag: ("\d+")\r?$/m;
    ok($tag, 'a tag');

    for my $uri ("keys/$id", "keys/$id?hashed=1", "keys/$id?hashed=true",
                 "keys/$key?api_id=a", "keys/$key?org_id=acme",
                 substr("keys/$key", 0, 5) . substr($key, 4) . '?org_id=acme')
    {
        my ($status, $same) = ::call(GET => $uri);

        is_deeply([$status, $same], [200, $doc], "the same by $uri");
    }

    is(::status(GET => "keys/$key?hashed=1"), 404, 'a key is no KeyID');

    my $made = $doc->{date_created};
    ($status, $doc) = ::call(PUT => "keys/$key", ::session(rate => 5));
    is_deeply([$status, $doc], [200, { key => $key, status => 'ok',
        action => 'modified', key_hash => $id }], 'put');

    ($status, $doc) = ::call(GET => "keys/$id");
    is("$doc->{rate} $doc->{quota_remaining}", '5 10', 'the quota is whole');
    is($doc->{date_created}, $made, 'as old as before');

    is(::asks($key), 200, 'used');
    is(::status(PUT => "keys/$id?suppress_reset=1", ::session()), 200,
       'put by KeyID');
    ($status, $doc) = ::call(GET => "keys/$key");
    is($doc->{quota_remaining}, 9, 'with the quota as it was');

    ($status, $doc) = ::call(DELETE => "keys/$key");
    is_deeply([$status, $doc], [200, { key => $key, status => 'ok',
        action => 'deleted', key_hash => $id }], 'deleted');
    is(::asks($key), 403, 'at once');

    for ([GET => 'Key not found'], [DELETE => 'There is no such key found'],
         [PUT => 'Key is not found', ::session()])
    {
        my ($method, $message, $body) = @$_;

        for my $uri ("keys/$key", "keys/$id") {
            is_deeply([::call($method, $uri, $body)]->[1],
                      { status => 'error', message => $message },
                      "$method of none");
            is(::status($method, $uri, $body), 404, 'is a 404');
        }
    }
}

=== TEST 2: keys of one's own
--- check eval
sub {
    my ($status, $doc) = ::call(POST => 'keys/my-own-key', ::session());

    is("$status $doc->{key} $doc->{action}", '200 my-own-key added', 'made');
    is(::asks('my-own-key'), 200, 'it counts');
    is(::status(POST => 'keys/my-own-key', ::session(rate => 7)), 200,
       'once more');

    ($status, $doc) = ::call(GET => 'keys/my-own-key');
    is($doc->{rate}, 7, 'in its place');

    # it looks like a KeyID, and is none
    my $hex = '0123456789abcdef' x 2;
    ($status, $doc) = ::call(POST => "keys/$hex", ::session());
    is("$status $doc->{key}", "200 $hex", 'of 32 hex digits');
    isnt($doc->{key_hash}, $hex, 'whose KeyID is another');
    is(::asks($hex), 200, 'counts');
    is(::status(GET => "keys/$doc->{key_hash}"), 200, 'by KeyID');

    is(::status(PUT => "keys/$hex", ::session(rate => 8)), 200, 'put');
    is(::asks($hex), 200, 'still counts');
    is(::status(DELETE => "keys/$hex"), 200, 'deleted');
    is(::asks($hex), 403, 'counts no more');

    ($status, $doc) = ::call(POST => 'keys', ::session(org_id => ''));
    like($doc->{key}, qr/^[0-9a-f]{32}$/, 'generated without organisation');
    is(::asks($doc->{key}), 200, 'counts');

    is(::status(POST => 'keys/acmebob', ::session()), 200, 'of a user');
    ($status, $doc) = ::call(DELETE =>
                             'keys/bob?username=true&org_id=acme');
    is("$status $doc->{key}", '200 acmebob', 'by user name');

    is(::status(POST => 'keys/last', ::session()), 200, 'one more');
    ($status, $doc) = ::call(DELETE => 'keys/last?api_id=-1');
    is_deeply([$status, $doc], [200, "null\n"], 'of all APIs');
    is(::asks('last'), 403, 'is gone');

    is(::status(POST => "keys/$_", ::session()), 400, "no key: $_")
        for 'ab', '****7890', 'x' x 4097;
}

=== TEST 3: what is no session changes nothing
--- check eval
sub {
    my $none = 'Failed to create key, keys must have at least one Access '
               . 'Rights record set.';

    is(::status(POST => 'keys/there', ::session(alias => 'x')), 200, 'one');

    for (['{"rate": 1}', qr/^\Q$none\E$/],
         ['{"rate": 1, "access_rights": {}}', qr/^\Q$none\E$/],
         ["{\n\"rate\": \"many\"}", qr/line 2: .*rate/],
         ['{"access_rights": [1]}', qr/line 1: .*access_rights/],
         ['{"rate": 1,', qr/line 1: /], ['[]', qr/line 1: /],
         ['{"rate": 1, "rate": 2}', qr/line 1: .*rate/],
         ['', qr/a JSON object is expected/])
    {
        my ($text, $what) = @$_;

        for my $way ([POST => 'keys/create'], [POST => 'keys/there'],
                     [PUT => 'keys/there'], [POST => 'keys/new'])
        {
            my ($status, $doc) = ::call(@$way, $text);

            is($status, 400, "@$way $text");
            like($doc->{message}, $what, 'says what') or diag($doc->{message});
        }
    }

    my ($status, $doc) = ::call(GET => 'keys/there');
    is("$status $doc->{alias}", '200 x', 'it is as it was');
    is(::status(GET => 'keys/new'), 404, 'and none is new');
    is_deeply([map { ::status(POST => 'keys/create', ::session(),
                              user => $_) } qw/ ops app eye /],
              [200, 200, 403], 'who may');
    is(::status(PATCH => 'keys/there', '{}'), 405, 'no such method');
}

=== TEST 4: secrets are kept and not shown
--- check eval
sub {
    my $secrets = { basic_auth_data => { password => 'sesame-1',
                                         hash_type => 'bcrypt' },
                    jwt_data => { secret => 'sesame-2' },
                    hmac_enabled => JSON::PP::true,
                    hmac_string => 'sesame-3' };

    is(::status(POST => 'keys/private', ::session(%$secrets)), 200, 'made');

    my ($status, $doc) = ::call(GET => 'keys/private');
    is_deeply([@$doc{qw/ basic_auth_data jwt_data hmac_string /}],
              [{ password => '', hash_type => 'bcrypt' }, { secret => '' },
               ''], 'blank');

    # what was shown is put back
    is(::status(PUT => 'keys/private', { %$doc, alias => 'back' }), 200,
       'put');
    my $stored = ::stored();
    like($stored, qr{"alias":"back"[^\0]*sesame-$_}, 'it is kept')
        for 1 .. 3;
    unlike($stored, qr/keys?\W*private/, 'the key is not');

    unlike(CORE::join('', grep { !/\[debug\]/ } split /^/, error_log_text()),
           qr/sesame|private/, 'nothing in the log');
    unlike(::text_of('logs/access.log'), qr/private/, 'nor in the other');
    like(::text_of('logs/access.log'), qr{PUT /tyk/keys/\*+ HTTP},
         'which has stars');
}

=== TEST 5: two who change the same
--- check eval
sub {
    my ($status, $doc, $head) = ::call(POST => 'keys/shared', ::session());
    my ($tag) = $head =~ /^ETag: ("\d+")\r?$/m;

    ok($tag, 'a tag');
    ($status, $doc, $head) = ::call(PUT => 'keys/shared',
        ::session(alias => 'one'), headers => "If-Match: $tag\r\n");
    is($status, 200, 'the first one');
    is(::status(PUT => 'keys/shared', ::session(alias => 'two'),
                headers => "If-Match: $tag\r\n"), 409, 'the second one');
    is(::status(DELETE => 'keys/shared', undef,
                headers => "If-Match: $tag\r\n"), 409, 'nor deletes it');
    ($tag) = $head =~ /^ETag: ("\d+")\r?$/m;
    ($status, $doc, $head) = ::call(GET => 'keys/shared');
    is($doc->{alias}, 'one', 'is the first one');
    like($head, qr/^ETag: $tag\r?$/m, 'with its tag');
    is(::status(DELETE => 'keys/shared', undef,
                headers => "If-Match: $tag\r\n"), 200, 'deleted');
}

=== TEST 6: without a store
--- http_config
    api_store off;
--- check eval
sub {
    my ($status, $doc, $head) = ::call(POST => 'keys/create', ::session());
    my $key = $doc->{key};
    my ($tag) = $head =~ /^ETag: ("\d+")\r?$/m;

    is($status, 200, 'created');
    is(::asks($key), 200, 'it counts');
    is(::status(PUT => "keys/$key", ::session(alias => 'x'),
                headers => "If-Match: $tag\r\n"), 200, 'put');
    is(::status(PUT => "keys/$key", ::session(alias => 'y'),
                headers => "If-Match: $tag\r\n"), 409, 'not twice');
    ($status, $doc) = ::call(GET => "keys/$key");
    is("$status $doc->{alias}", '200 x', 'read');
    is(::status(PUT => 'keys/none', ::session()), 404, 'there is none');
    is(::status(DELETE => "keys/$key"), 200, 'deleted');
    is(::status(DELETE => "keys/$key"), 404, 'once');
    is(::asks($key), 403, 'counts no more');
}

=== TEST 7: a file's keys
--- http_config
    api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
--- user_files
>>> keys.json
{"from-a-file": {"alias": "file", "access_rights": {"a": {"api_id": "a"}}},
 "another-one": {"alias": "file", "access_rights": {"a": {"api_id": "a"}}}}
--- check eval
sub {
    my ($status, $doc) = ::call(GET => 'keys/from-a-file');

    is("$status $doc->{alias}", '200 file', 'read');
    is(::status(PUT => 'keys/from-a-file', ::session(alias => 'api')), 200,
       'put');
    ($status, $doc) = ::call(GET => 'keys/from-a-file');
    is("$status $doc->{alias}", '200 api', 'is the API\'s');
    is(::status(DELETE => "keys/$_"), 200, "$_ is deleted")
        for 'from-a-file', 'another-one';
    is(::asks($_), 403, "$_ is gone") for 'from-a-file', 'another-one';
}
