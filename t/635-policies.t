# Policies and plans: one collection, in Tyk's shapes and as managed objects;
# what is written counts for the sessions that apply it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;

my $POLICIES = '{"gold": {"rate": 1000, "per": 1, "quota_max": 2,'
               . ' "quota_renewal_rate": 3600, "access_rights": {"a": {}}},'
               . ' "iron": {"access_rights": {"b": {}}}}';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(user_files => $block->user_files
        // qq(>>> policies.json\n$POLICIES\n>>> keys.json\n)
           . qq({"key-of-gold-0123456789": {"apply_policies": ["gold"]}}\n));
    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_zone apievents:16m;
    api_policies ../html/policies.json;
    api_keys ../html/keys.json;
    api_callback_allow 127.0.0.0/8;
END
    $block->set_value(config => <<'END' . ($block->config // ''));
    location /a { api_id a; empty_gif; }
    location /b { api_id b; empty_gif; }
END
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# a key's statuses at these URIs, in connections of their own
sub asks {
    my ($key, @uris) = @_;

    return join ' ', map {
        (ApiEvents::http_get($_, undef, "Authorization: $key\r\n"))[0]
    } @uris;
}

run_tests();

__DATA__

=== TEST 1: Tyk's shapes
--- check eval
sub {
    my %plan = (name => 'Silver', rate => 5, per => 60, org_id => '',
                access_rights => { a => { api_id => 'a' } });

    is_deeply([ (::call(POST => 'policies', { id => 'silver', %plan }))[0, 1] ],
              [ 200, { key => 'silver', status => 'ok', action => 'added' } ],
              'added');
    my ($status, $doc, $head) = ::call(GET => 'policies/silver');
    is_deeply([ $status, $doc ], [ 200, { id => 'silver', %plan } ], 'as sent');
    like($head, qr/^ETag: "\d+"\r?$/m, 'a tag');

    is_deeply([ (::call(PUT => 'policies/silver', { id => 'silver', %plan,
                                                    rate => 6 }))[0, 1] ],
              [ 200, { key => 'silver', status => 'ok', action => 'modified' } ],
              'modified');
    is((::call(GET => 'policies/silver'))[1]{rate}, 6, 'in its place');

    is((::call(POST => 'policies', { id => 'silver', %plan }))[1]{action},
       'added', 'Tyk adds what is there');
    is((::call(PUT => 'policies/tin', { %plan }))[1]{action}, 'modified',
       'and modifies what is not');
    is((::call(POST => 'policies/zinc', { %plan }))[1]{key}, 'zinc',
       'an id in the path');
    like((::call(POST => 'policies', { id => '', %plan }))[1]{key},
         qr/^[0-9a-f]{32}$/, 'or none at all');

    is_deeply([ (::call(DELETE => 'policies/tin'))[0, 1] ],
              [ 200, { key => 'tin', status => 'ok', action => 'deleted' } ],
              'deleted');

    for ([ 'GET' ], [ 'DELETE' ]) {
        is_deeply([ (::call($_->[0] => 'policies/tin'))[0, 1] ],
                  [ 404, { status => 'error', message => 'Policy not found' } ],
                  "$_->[0] of none");
    }

    is(::status(PUT => 'policies/tin', { id => 'lead' }), 400, 'another id');
    is(::status(PATCH => 'policies/silver', {}), 405, 'a method');
}

=== TEST 2: a list, with those of the file
--- check eval
sub {
    is(CORE::join(' ', map { $_->{id} } @{ (::call(GET => 'policies'))[1] }),
       'gold iron', 'those of the file');

    ::call(POST => 'policies', { id => $_, name => 'mine' })
        for qw/ copper hay iron zinc /;

    my ($status, $list) = ::call(GET => 'policies');
    is(CORE::join(' ', map { $_->{id} . ($_->{name} ? '' : '*') } @$list),
       'copper gold* hay iron zinc', 'in order, one in place of the file\'s');

    for my $limit (1 .. 6) {
        my ($after, @got) = ('');

        for (1 .. 10) {
            my ($status, $doc) = ::call(GET => "plans?limit=$limit&after=$after");
            push @got, map { $_->{id} } @{ $doc->{items} };
            $after = $doc->{next} // last;
        }

        is("@got", 'copper gold hay iron zinc', "by pages of $limit");
    }

    my (undef, $page, $head) = ::call(GET => 'policies?limit=2');
    is(scalar(@$page), 2, 'a page');
    like($head, qr{^Link: <\?limit=2&after=gold>; rel="next"\r?$}m, 'and the next');

    is((::call(GET => 'policies/gold'))[1]{quota_max}, 2, 'one of the file');
    is((::call(GET => 'plans/gold'))[1]{id}, 'gold', 'is a plan');

    my ($no, $doc) = ::call(DELETE => 'policies/gold');
    is($no, 409, 'not to be deleted');
    like($doc->{message}, qr/"gold" is of the configuration/, 'as it says');

    is(::status(DELETE => 'policies/iron'), 200, 'but what stands for it');
    ok(!exists((::call(GET => 'policies/iron'))[1]{name}), 'then it is back');
}

=== TEST 3: plans are managed objects, with callbacks
--- recorder
--- check eval
sub {
    my $hook = 'http://127.0.0.1:' . ApiEvents::rand_port(1);

    is(::status(POST => 'callbacks', { name => 'b', type => 'before-plan',
        url => "$hook/before", expected_status => 200 }), 201, 'one before');
    is(::status(POST => 'callbacks', { name => 'a', type => 'after-plan',
        url => "$hook/after" }), 201, 'one after');

    my ($status, $doc, $head) = ::call(POST => 'plans',
                                       { id => 'p', rate => 1, per => 1 },
                                       user => 'app');
    is($status, 201, 'made, by the role integration');
    like($head, qr{^Location: /tyk/plans/p\r?$}m, 'where it is');
    is_deeply($doc, { id => 'p', rate => 1, per => 1 }, 'the document');

    is(::status(PUT => 'policies/p', { rate => 2 }, user => 'app'), 200, 'put');
    is(::status(POST => 'policies', { id => 'p', rate => 3 }), 200, 'again');
    is(::status(DELETE => 'plans/p'), 200, 'deleted');
    is(::status(POST => 'plans', { id => 'p' }, user => 'eye'), 403, 'a view');
    is(::status(POST => 'policies', { id => 'p' }, user => 'eye'), 403, 'too');

    ApiEvents::wait_for(sub { my @got = recorded(); @got == 8 });
    my @got = map { $_->{json} } recorded();

    is(CORE::join(' ', map { $_->{action} } grep { $_->{event} eq 'before' } @got),
       'created updated updated deleted', 'before');
    is(CORE::join(' ', sort map { $_->{action} } grep { $_->{event} eq 'after' } @got),
       'created deleted updated updated', 'and after');
    is($got[0]{object}, 'plan', 'a plan');

    is(::status(POST => 'callbacks', { name => 'c', type => 'before-plan',
        url => "$hook/status/500", expected_status => 200 }), 201, 'a veto');

    like((::call(POST => 'policies', { id => 'no' }))[1]{message},
         qr/cancelled by callback "c"/, 'that holds');
    is(::status(GET => 'policies/no'), 404, 'nothing was made');
}

=== TEST 4: what is no policy
--- check eval
sub {
    is(::status(PUT => "policies/$_", { rate => 1, per => 1 }), 400, "no id: $_")
        for 'x' x 129, 'caf%E9', '%01';

    for ([ { rate => 'many' }, 400, qr/line 1: "rate" must be/ ],
         [ { access_rights => [] }, 400, qr/"access_rights" must be/ ],
         [ { partitions => { per_api => 1 } }, 400, qr/"per_api" must be/ ],
         [ { id => 'x' x 129 }, 400, qr/1 to 128 bytes/ ],
         [ { id => "a\nb" }, 400, qr/1 to 128 bytes/ ],
         [ { id => 7 }, 400, qr/must be a string/ ],
         [ { partitions => { per_api => JSON::PP::true,
                             acl => JSON::PP::true } }, 422,
           qr/"per_api" goes with no other/ ],
         [ { access_rights => { a => { allowed_urls => [
             { url => '(', methods => [ 'GET' ] } ] } } }, 422, qr/"\("/ ],
         [ '[1]', 400, qr/object/ ], [ '{"rate": 1', 400, qr/line 1/ ])
    {
        my ($doc, $status, $message) = @$_;

        for my $path ('policies', 'plans') {
            my ($got, $answer) = ::call(POST => $path, $doc);

            is($got, $status, "$path: $message");
            like($answer->{message}, $message, 'says so');
        }
    }

    is(scalar(@{ (::call(GET => 'policies'))[1] }), 2, 'nothing was made');
    is(::status(PUT => 'plans/none', {}), 404, 'a plan has to be there');
}

=== TEST 5: it counts for the next request
--- check eval
sub {
    my $key = 'key-of-gold-0123456789';

    is(::asks($key, qw{ /a /b /a /a }), '200 403 200 403', 'as the file says');

    is(::status(PUT => 'policies/gold', { quota_max => 5,
        quota_renewal_rate => 3600, access_rights => { a => {}, b => {} } }),
       200, 'more of it');
    is(::asks($key, qw{ /a /b /a /b }), '200 200 200 403', 'two were used');

    is(::status(PUT => 'policies/gold', { access_rights => { b => {} } }), 200,
       'another API');
    is(::asks($key, qw{ /a /b }), '403 200', 'that alone');

    is(::status(PUT => 'policies/gold', { is_inactive => JSON::PP::true,
        access_rights => { b => {} } }), 200, 'not in use');
    is(::asks($key, '/b'), 403, 'nobody is let in');

    is(::status(DELETE => 'policies/gold'), 200, 'deleted');
    is(::asks($key, qw{ /b /a }), '403 403', 'the file\'s holds again');
}
--- allow_log eval
qr/session is refused/

=== TEST 6: whatever it says, also to a session that was let in before
--- check eval
sub {
    my $key = 'key-of-gold-0123456789';

    for ([ 200, { access_rights => { a => {} } } ],
         [ 200, { access_rights => { a => { allowed_urls => [
             { url => '^/a', methods => [ 'GET' ] } ] } } } ],
         [ 403, { access_rights => { a => { allowed_urls => [
             { url => '^/x', methods => [ 'GET' ] } ] } } } ],
         [ 200, { access_rights => { a => {} }, rate => 1, per => 3600 } ],
         [ 429, { access_rights => { a => {} }, rate => 1, per => 3600 } ],
         [ 200, { access_rights => { a => {} } } ],
         [ 403, {} ])
    {
        my ($status, $plan) = @$_;

        is(::status(PUT => 'plans/gold', { quota_max => -1, %$plan }),
           200, 'changed');
        is(::asks($key, '/a'), $status, 'that counts');
    }
}
