# All keys, by pages; organisations; policies of keys.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use KeyBlocks;

# all keys by pages of so many, or of organisations
sub pages {
    my ($limit, $path) = (@_, 'keys');
    my (@keys, $next);

    for (1 .. 200) {
        my $after = defined $next ? "&after=$next" : '';
        my ($status, $doc) = call(GET => "$path?limit=$limit$after");

        return "$status $doc->{message}" if $status != 200;
        return 'a page too long' if @{ $doc->{keys} } > $limit;

        push @keys, @{ $doc->{keys} };
        $next = $doc->{next} // return join ' ', sort @keys;
    }

    return 'no end';
}

run_tests();

__DATA__

=== TEST 1: all keys, and by pages
--- http_config
    api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
--- user_files
>>> keys.json
{"from-a-file": {"access_rights": {"a": {"api_id": "a"}}},
 "another-one": {"access_rights": {"a": {"api_id": "a"}}}}
--- check eval
sub {
    my ($status, $doc) = ::call(GET => 'keys');

    is("$status " . scalar @{ $doc->{keys} }, '200 2', 'a file\'s');

    my @ids = @{ $doc->{keys} };
    push @ids, [::call(POST => 'keys/create', ::session())]->[1]{key_hash}
        for 1 .. 23;

    # the file's becomes the API's
    is(::status(PUT => 'keys/another-one', ::session()), 200, 'put');

    ($status, $doc) = ::call(GET => 'keys?filter=x&api_id=a');
    is_deeply([sort @{ $doc->{keys} }], [sort @ids], 'all, each once');
    is_deeply([keys %$doc], ['keys'], 'and nothing else');
    is(::pages($_), CORE::join(' ', sort @ids), "by $_") for 1, 5, 25, 1000;

    is(::status(DELETE => "keys/$ids[-1]"), 200, 'one is deleted');
    is(::status(DELETE => 'keys/from-a-file'), 200, 'and a file\'s');
    is(scalar(split / /, ::pages(7)), 23, 'they are not there');

    is(::status(GET => "keys?$_"), 400, $_)
        for qw/ limit=0 limit=1001 limit=x after=x after=z-1 after=zz /;
    is(::status(GET => 'keys', undef, user => 'eye'), 200, 'for those who view');
}

=== TEST 2: without a store
--- http_config
    api_store off;
--- check eval
sub {
    my @ids = map { [::call(POST => 'keys/create', ::session())]->[1]{key_hash} }
                  1 .. 11;
    my ($status, $doc) = ::call(GET => 'keys');

    is_deeply([sort @{ $doc->{keys} }], [sort @ids], 'all');
    is(::pages($_), CORE::join(' ', sort @ids), "by $_") for 1, 5, 11;

    is(::status(POST => 'org/keys/acme', { org_id => 'acme', rate => 5 }), 200,
       'an organisation');
    ($status, $doc) = ::call(GET => 'org/keys');
    is_deeply($doc, { keys => ['acme'] }, 'is listed by its name');
    is(::pages(5), CORE::join(' ', sort @ids), 'and is no key');
}

=== TEST 3: sessions of organisations
--- check eval
sub {
    my ($status, $doc) = ::call(POST => 'keys/my-own-key', ::session());

    is($status, 200, 'a key');
    is(::asks('my-own-key'), 200, 'used');

    ($status, $doc) = ::call(GET => 'org/keys');
    is_deeply([$status, $doc], [200, { keys => [] }], 'no organisation');
    for my $method (qw/ GET DELETE /) {
        ($status, $doc) = ::call($method => 'org/keys/acme');
        is_deeply([$status, $doc], [404, { status => 'error',
                  message => 'Org not found' }], "$method of none");
    }

    my $org = { quota_max => 5, quota_renewal_rate => 3600, rate => 100,
                per => 1, org_id => 'acme' };
    ($status, $doc) = ::call(POST => 'org/keys/acme', $org);
    is_deeply([$status, $doc], [200, { key => 'acme', status => 'ok',
              action => 'added' }], 'made');
    ($status, $doc) = ::call(PUT => 'org/keys/b%2Fc', $org);
    is("$status $doc->{key} $doc->{action}", '200 b/c modified', 'put');

    ($status, $doc) = ::call(GET => 'org/keys');
    is_deeply([sort @{ $doc->{keys} }], ['acme', 'b/c'], 'both');
    is(::pages(1, 'org/keys'), 'acme b/c', 'by pages');

    ($status, $doc) = ::call(GET => 'org/keys/acme');
    is("$status $doc->{quota_remaining}", '200 5', 'the quota');

    is(::asks('my-own-key'), 200, 'used');
    ($status, $doc) = ::call(GET => 'org/keys/acme');
    is($doc->{quota_remaining}, 4, 'one less');

    is(::status(PUT => 'org/keys/acme', $org), 200, 'put');
    ($status, $doc) = ::call(GET => 'org/keys/acme');
    is($doc->{quota_remaining}, 4, 'goes on');
    is(::status(PUT => 'org/keys/acme?reset_quota=1', $org), 200, 'put');
    ($status, $doc) = ::call(GET => 'org/keys/acme');
    is($doc->{quota_remaining}, 5, 'begins anew');

    is(::status(PUT => 'org/keys/acme', '{"rate": "x"}'), 400, 'no session');
    is(::status(PUT => 'org/keys/acme', $org, user => 'app'), 403, 'who may');

    ($status, $doc) = ::call(DELETE => 'org/keys/acme');
    is_deeply([$status, $doc], [200, { key => 'acme', status => 'ok',
              action => 'deleted' }], 'deleted');
    is(::status(GET => 'org/keys/acme'), 404, 'gone');
    is(::asks('my-own-key'), 200, 'its keys are not');
}

=== TEST 4: organisations whose names no list can show
--- check eval
sub {
    for my $name ('caf%E9', '%01', '%C3', 'x' x 129) {
        my ($status, $doc) = ::call(PUT => "org/keys/$name", { rate => 5 });
        is($status, 400, $name);
        like($doc->{message}, qr/UTF-8/, 'why');
    }

    is(::status(PUT => 'org/keys/caf%C3%A9', { rate => 5 }), 200, 'one that can');
    my ($status, $doc) = ::call(GET => 'org/keys');
    is_deeply($doc->{keys}, ["caf\x{e9}"], 'is listed');
    is(::status(GET => 'org/keys/caf%C3%A9'), 200, 'and found');
}

=== TEST 5: policies
--- http_config
    api_policies $TEST_NGINX_SERVER_ROOT/html/policies.json;
--- user_files
>>> policies.json
{"gold": {"id": "gold", "rate": 77, "per": 1, "quota_max": 7, "active": true,
          "access_rights": {"a": {"api_id": "a", "versions": ["Default"]}}},
 "tin": {"id": "tin", "rate": 3, "per": 1, "quota_max": 3, "active": true,
         "access_rights": {"a": {"api_id": "a", "versions": ["Default"]}}}}
--- check eval
sub {
    my ($status, $doc) = ::call(POST => 'keys/preview',
                     { apply_policies => ['gold'], hmac_string => 'sesame' });

    is("$status $doc->{rate} $doc->{quota_max}", '200 77 7', 'as it would be');
    is($doc->{access_rights}{a}{api_id}, 'a', 'with its rights');
    is($doc->{hmac_string}, '', 'without its secret');
    ($status, $doc) = ::call(GET => 'keys');
    is_deeply($doc->{keys}, [], 'nothing is stored');
    is(::status(POST => 'keys/preview', { apply_policies => ['none'] }), 400,
       'no such policy');

    ($status, $doc) = ::call(POST => 'keys/create',
                             { apply_policies => ['gold'], alias => 'x' });
    my ($key, $id) = @$doc{qw/ key key_hash /};
    is(::asks($key), 200, 'it counts');
    ($status, $doc) = ::call(GET => "keys/$key");
    is("$doc->{rate} $doc->{quota_remaining}", '77 6', 'by its policy');

    for ([{ policy => 'tin' }, 3], [{ apply_policies => ['gold'] }, 77]) {
        my ($body, $rate) = @$_;

        ($status, $doc) = ::call(POST => "keys/policy/$id", $body);
        is_deeply([$status, $doc], [200, { key => $id, status => 'ok',
                  action => 'updated', key_hash => $id }], 'changed');
        ($status, $doc) = ::call(GET => "keys/$key");
        is("$doc->{rate} $doc->{alias}", "$rate x", 'that one, the rest stays');
    }

    ($status, $doc) = ::call(POST => "keys/policy/$id", { policy => 'none' });
    is($status, 400, 'no such policy');
    ($status, $doc) = ::call(POST => "keys/policy/$id",
                             { apply_policies => 'gold' });
    is($status, 400, 'no list');
    ($status, $doc) = ::call(POST => 'keys/policy/' . 'f' x 32,
                             { policy => 'tin' });
    is("$status $doc->{message}", '404 Key is not found', 'no such key');
    ($status, $doc) = ::call(GET => "keys/$key");
    is($doc->{rate}, 77, 'it stays');
}
