# Organisations and key requests: what a portal's organisation is told of, as
# reference documents of Tyk's portal have it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'END' . ($block->http_config // ''))
    api_zone apievents:16m;
    api_callback_allow 127.0.0.0/8;
    api_policies ../html/policies.json;
END
        unless defined $block->emerg;
    $block->set_value(config => <<'END' . ($block->config // ''));
    location /a { api_id a; empty_gif; }
END
    $block->set_value(user_files => <<'END' . ($block->user_files // ''));
>>> policies.json
{"5e2744897c1f8800018bdf3b": {"id": "5e2744897c1f8800018bdf3b",
    "org_id": "5e2743567c1f8800018bdf35", "active": true,
    "rate": 1000, "per": 1, "quota_max": 2, "quota_renewal_rate": 3600,
    "access_rights": {"a": {"api_id": "a", "versions": ["Default"]}}}}
END
    $block->set_value(request => 'GET /none') unless defined $block->request;
    $block->set_value(error_code => 404) unless defined $block->error_code;
});

our $Org = '5e2743567c1f8800018bdf35';
our $Plan = '5e2744897c1f8800018bdf3b';

# the document of Tyk's page on portal events
sub request {
    return {
        id => '5e543dd0f56e1a4affdd7acd', org_id => $Org, for_plan => $Plan,
        apply_policies => [$Plan], by_user => '5e430ef68131890001b83d2e',
        approved => JSON::PP::false,
        date_created => '2020-02-24T16:19:12.175113-05:00',
        portal_developer => {
            id => '5e430ef68131890001b83d2e', email => 'dev@example.com',
            date_created => '2020-02-11T15:30:46.003-05:00',
            inactive => JSON::PP::false, org_id => $Org,
            keys => { '6dc2dfc0' => ['5e431f938131890001b83d30'] },
            subscriptions => { '5e431f938131890001b83d30' => '6dc2dfc0' },
            last_login_date => '2020-02-11T16:43:39.858-05:00' },
        catalogue_entry => {
            name => 'frontend APIs', short_description => '',
            long_description => '', show => JSON::PP::true, api_id => '',
            policy_id => $Plan, documentation => '5e3b477a7c1f8800013603c6',
            version => 'v2', is_keyless => JSON::PP::false, config => {} },
        @_ };
}

# a URL of the recorder's
sub hook {
    return 'http://127.0.0.1:' . ApiEvents::rand_port(1) . $_[0];
}

# an organisation that is told by these URLs, by family
sub organisation {
    my ($id, %urls) = @_;

    return ::call(PUT => "organisations/$id", options(%urls))
        if ::status(GET => "organisations/$id") == 200;
    return ::call(POST => 'organisations', { id => $id, %{ options(%urls) } });
}

sub options {
    my (%urls) = @_;

    return { owner_name => 'O', event_options => {
        map { $_ => { webhook => hook($urls{$_}) } } keys %urls } };
}

# so many requests in the end, of that URI
sub told {
    my ($n, $uri) = @_;
    my $of = sub { grep { !defined $uri || $_->{uri} eq $uri } ApiEvents::recorded() };

    ApiEvents::wait_for(sub { my @got = $of->(); @got >= $n }, 30);
    return $of->();
}

sub get {
    my ($key) = @_;

    return (ApiEvents::http_get('/a', undef, "Authorization: $key\r\n"))[0];
}

run_tests();

__DATA__

=== TEST 1: vector 29: key_request_event.submitted has all documented fields
--- recorder
--- check eval
sub {
    is((::organisation($::Org, key_request_event => '/ok'))[0], 201, 'an organisation');

    my ($status, $doc, $headers) = ::call(POST => 'key-requests', ::request());
    is($status, 201, 'submitted');
    is_deeply($doc, ::request(), 'as it was sent');
    like($headers, qr{^Location: /tyk/key-requests/5e543dd0f56e1a4affdd7acd\r?$}m, 'Location');

    my ($told) = ::told(1);
    is_deeply($told->{json}, { event => 'key_request_event.submitted', data => ::request() },
              'the payload');
    like($told->{body}, qr/^\{"event":"key_request_event.submitted","data":\{"id":/, 'in that order');
    is_deeply((::call(GET => 'key-requests/5e543dd0f56e1a4affdd7acd'))[1], ::request(), 'stored');
}

=== TEST 2: vector 28: an unknown family is ignored, empty is off, PUT replaces
--- recorder
--- check eval
sub {
    my $doc = { id => 'o', owner_name => 'O', hybrid => 7, event_options => {
        key_request_event => { webhook => ::hook('/ok/1'), email => '', redis => JSON::PP::true },
        api_event => { webhook => '', email => '' },
        other_event => { webhook => 'no URL', email => 1 } } };

    my ($status, $got) = ::call(POST => 'organisations', $doc);
    is($status, 201, 'created');
    is_deeply($got, $doc, 'all of it kept');

    ::status(POST => 'key-requests', { id => 'r1', org_id => 'o' });
    is((::told(1))[0]{json}{data}{id}, 'r1', 'told');
    ::status(POST => 'key-requests', { id => 'other', org_id => 'p' });
    ::status(POST => 'key-requests', { id => 'none' });

    my $new = { id => 'o', event_options => { key_request_event => { webhook => ::hook('/ok/2') } } };
    is((::call(PUT => 'organisations/o', $new))[0], 200, 'put');
    is_deeply((::call(GET => 'organisations/o'))[1], $new, 'replaced');
    ::status(POST => 'key-requests', { id => 'r2', org_id => 'o' });
    ::told(1, '/ok/2');

    is((::call(PUT => 'organisations/o', { event_options => {
        key_request_event => { webhook => '' } } }))[0], 200, 'off');
    ::status(POST => 'key-requests', { id => 'r3', org_id => 'o' });
    ::status(PUT => 'organisations/o', $new);
    ::status(POST => 'key-requests', { id => 'r4', org_id => 'o' });
    is(::status(DELETE => 'organisations/o'), 200, 'deleted');
    ::status(POST => 'key-requests', { id => 'r5', org_id => 'o' });
    ::organisation(o => key_request_event => '/ok/3');
    ::status(POST => 'key-requests', { id => 'r6', org_id => 'o' });
    ::told(1, '/ok/3');
    ::told(4);

    # what was removed may have had its last event dead before it was sent
    my %told = map { $_->{json}{data}{id} => $_->{uri} } ApiEvents::recorded();
    delete $told{r4};
    is_deeply(\%told, { r1 => '/ok/1', r2 => '/ok/2', r6 => '/ok/3' }, 'each as it was then');
}

=== TEST 3: approved once, with the key of the plan
--- recorder
--- check eval
sub {
    ::organisation($::Org, key_request_event => '/ok/request', key_event => '/ok/key');
    ::call(POST => 'key-requests', ::request());

    my $uri = 'key-requests/5e543dd0f56e1a4affdd7acd';
    my ($status, $doc, $headers) = ::call(POST => "$uri/approve", undef, user => 'app');
    is($status, 200, 'approved') or diag($doc->{message});
    my $key = delete $doc->{key};
    my $hash = $doc->{key_hash};
    like($key, qr/^\Q$::Org\E[0-9a-f]{32}$/, 'a key');
    like($hash, qr/^[0-9a-f]{32}$/, 'its KeyID');
    is_deeply($doc, ::request(approved => JSON::PP::true, key_hash => $hash), 'the document');
    my ($tag) = $headers =~ /^ETag: (\S+)/m;
    my (undef, $got, $again) = ::call(GET => $uri);
    is_deeply($got, $doc, 'stored, without the key');
    like($again, qr/^ETag: \Q$tag\E/m, 'of that ETag');

    is(CORE::join(' ', map { ::get($key) } 1 .. 3), '200 200 403', 'with its quota');
    is((::call(POST => "$uri/approve"))[0], 409, 'not twice');
    ($status, $doc) = ::call(POST => "$uri/decline");
    is("$status $doc->{message}", '409 the key request is approved already', 'nor declined');

    my @told = sort { $a->{uri} cmp $b->{uri} || $a->{json}{event} cmp $b->{json}{event} }
               ::told(3);
    is(CORE::join(' ', map { $_->{json}{event} } @told),
       'key_event.created key_request_event.approved key_request_event.submitted', 'told');
    is($told[1]{json}{data}{approved}, 1, 'that it is');
    my $data = $told[0]{json}{data};
    is($data->{key_hash}, $hash, 'KeyID');
    is($data->{key}, '****' . substr($key, -4), 'masked key');
    is("$data->{org_id} $data->{apply_policies}[0] $data->{alias}",
       "$::Org $::Plan dev\@example.com", 'its session');
    is(scalar(grep { index($_->{body}, $key) >= 0 } @told), 0, 'nobody is told the key');
    is(scalar(grep { !/\[debug\]/ && index($_, $key) >= 0 } split /\n/, ApiEvents::error_log_text()), 0,
       'nor the log');
}

=== TEST 4: an unknown plan, none, and one of another organisation
--- check eval
sub {
    for ([ { for_plan => 'x' }, qr/"x"/ ], [ { apply_policies => [$::Plan, 'y'] }, qr/"y"/ ],
         [ { for_plan => $::Plan, org_id => 'other' }, qr/organisation/ ], [ {}, qr/"for_plan" is expected/ ])
    {
        my ($doc, $expected) = @$_;
        my $id = (::call(POST => 'key-requests', { org_id => $::Org, %$doc }))[1]{id};
        my ($status, $got) = ::call(POST => "key-requests/$id/approve");

        is($status, 422, 'no key');
        like($got->{message}, $expected, 'says why');
        is((::call(GET => "key-requests/$id"))[1]{approved}, 0, 'not approved');
    }

    is((::call(POST => 'key-requests/none/approve'))[0], 404, 'nor of nothing');
}

=== TEST 9: callbacks have their say about the key of an approval
--- recorder
--- http_config
    api_event_handlers TokenCreated webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/token;
--- check eval
sub {
    ::organisation($::Org, key_request_event => '/ok/request', key_event => '/ok/key');
    my (undef, $callback) = ::call(POST => 'callbacks', { name => 'no', type => 'before-access-token',
        url => ::hook('/status/400'), expected_status => 200 });
    my (undef, $doc, $headers) = ::call(POST => 'key-requests', ::request());
    my ($tag) = $headers =~ /^ETag: (\S+?)\r?$/m;
    my $uri = "key-requests/$doc->{id}";

    my ($status, $got) = ::call(POST => "$uri/approve");
    is($status, 409, 'vetoed');
    like($got->{message}, qr/"no"/, 'by that one');
    is_deeply((::call(GET => $uri))[1], ::request(), 'as it was');
    ::call(DELETE => "callbacks/$callback->{id}");

    is((::call(POST => "$uri/approve", undef, headers => qq(If-Match: "999999"\r\n)))[0], 409, 'changed');
    ($status, $got) = ::call(POST => "$uri/approve", undef, headers => "If-Match: $tag\r\n");
    is($status, 200, 'approved');

    my ($token) = ::told(1, '/ok/token');
    is($token->{json}{message}, 'Key generated.', 'TokenCreated');
    my ($key) = ::told(1, '/ok/key');
    is("$key->{json}{event} $key->{json}{data}{key_hash}", "key_event.created $got->{key_hash}", 'once');
    ::told(2, '/ok/request');
    is(scalar(() = ApiEvents::recorded()), 5, 'and nothing else');
}

=== TEST 10: keys of all calls
--- recorder
--- check eval
sub {
    ::organisation($::Org, key_event => '/ok');

    my $session = { org_id => $::Org, alias => 'me', apply_policies => [$::Plan],
                    basic_auth_data => { password => 'hush' }, meta_data => { token => 'hush', a => 'b' } };
    is(::status(POST => 'keys/a-raw-key-of-some-length', $session), 200, 'created');
    ::told(1);
    my $hash = (::told(1))[0]{json}{data}{key_hash};
    is(::status(PUT => "keys/$hash", { %$session, alias => 'you' }), 200, 'updated');
    ::told(2);
    is(::status(DELETE => "keys/$hash"), 200, 'deleted');

    my @told = ::told(3);
    is(CORE::join(' ', map { "$_->{json}{event} $_->{json}{data}{alias}" } @told),
       'key_event.created me key_event.updated you key_event.deleted you', 'told');
    is(scalar(grep { $_->{json}{data}{key_hash} ne $hash } @told), 0, 'of one');
    is($told[0]{json}{data}{key}, '****ngth', 'masked');
    is($told[1]{json}{data}{key}, '****', 'or not known');
    is($told[0]{json}{data}{meta_data}{a}, 'b', 'what is no secret');
    is(scalar(grep { $_->{body} =~ /hush|a-raw-key-of-some-length/ } @told), 0, 'without secrets');
}

=== TEST 5: declined, and then neither approved nor declined
--- recorder
--- check eval
sub {
    ::organisation($::Org, key_request_event => '/ok', key_event => '/ok');
    ::call(POST => 'key-requests', ::request());

    my $uri = 'key-requests/5e543dd0f56e1a4affdd7acd';
    my ($status, $doc) = ::call(POST => "$uri/decline");
    is($status, 200, 'declined');
    is_deeply($doc, ::request(declined => JSON::PP::true), 'the document');

    for (qw(approve decline)) {
        ($status, $doc) = ::call(POST => "$uri/$_");
        is("$status $doc->{message}", '409 the key request is declined already', "no $_");
    }

    my ($one, $two) = sort { $a->{json}{event} cmp $b->{json}{event} } ::told(2);
    is($one->{json}{event}, 'key_request_event.declined', 'told');
    is_deeply($one->{json}{data}, ::request(declined => JSON::PP::true), 'of that');
}

=== TEST 6: what is put leaves the decision alone
--- recorder
--- check eval
sub {
    ::organisation($::Org, key_request_event => '/ok');
    my ($status, $doc) = ::call(POST => 'key-requests', { org_id => $::Org, for_plan => $::Plan });
    is($status, 201, 'a small one');
    like($doc->{id}, qr/^[0-9a-f]{32}$/, 'an id');
    is($doc->{approved}, 0, 'not approved');
    like($doc->{date_created}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)$/, 'when');
    my $uri = "key-requests/$doc->{id}";

    is((::call(PUT => $uri, { %$doc, approved => JSON::PP::true }))[0], 422, 'not by PUT');
    is((::call(PUT => $uri, { %$doc, key_hash => 'x' }))[0], 422, 'nor a key');
    is((::call(POST => 'key-requests', { approved => JSON::PP::true }))[0], 422, 'nor by POST');
    is((::call(PUT => $uri, { %$doc, by_user => 'u' }))[0], 200, 'another user');
    my $approved = (::call(POST => "$uri/approve"))[1];
    ok($approved->{key}, 'approved');
    my $put = (::call(PUT => $uri, { org_id => $::Org, note => 'n' }))[1];
    is("$put->{note} $put->{approved} $put->{key_hash}", "n 1 $approved->{key_hash}", 'stays approved');
    is((::call(PUT => $uri, { approved => JSON::PP::false }))[0], 422, 'for ever');
    is(::status(DELETE => $uri), 200, 'deleted');
    is(::get($approved->{key}), 200, 'its key stays');

    is(CORE::join(' ', sort map { $_->{json}{event} =~ s/.*\.//r } ::told(4)),
       'approved submitted updated updated', 'told');
}

=== TEST 7: who may, and what is malformed
--- check eval
sub {
    for ([ POST => 'key-requests' ], [ PUT => 'key-requests/x' ], [ DELETE => 'key-requests/x' ],
         [ POST => 'key-requests/x/approve' ], [ POST => 'key-requests/x/decline' ])
    {
        is(::status(@$_, {}, user => 'eye'), 403, "@$_ of view");
        isnt(::status(@$_, {}, user => 'app'), 403, 'of integration');
    }

    is(::status(PUT => 'organisations/x', {}, user => 'app'), 403, 'organisations are of admin');
    is(::status(GET => 'organisations', undef, user => 'eye'), 200, 'and seen by all');

    for ([ 400, { for_plan => 1 } ], [ 400, { apply_policies => [1] } ], [ 400, { approved => 'x' } ],
         [ 400, { portal_developer => { email => {} } } ], [ 422, { date_created => 'today' } ])
    {
        is(::status(POST => 'key-requests', $_->[1]), $_->[0], 'key request');
    }

    for ([ 400, { event_options => [] } ], [ 400, { event_options => { key_event => 'x' } } ],
         [ 400, { event_options => { key_event => { webhook => 1 } } } ],
         [ 422, { event_options => { api_event => { webhook => 'no url' } } } ],
         [ 422, { event_options => { key_event => { webhook => 'ftp://x/' } } } ],
         [ 422, { event_options => { key_event => { email => 'a@example.com' } } } ])
    {
        my ($status, $doc) = ::call(POST => 'organisations', $_->[1]);
        is($status, $_->[0], 'organisation');
        like($doc->{message}, qr/^line 1: (?!$)/, $doc->{message});
    }
}

=== TEST 8: of two approvals at once one has the key, over workers
--- workers: 3
--- check eval
sub {
    for my $n (1 .. 5) {
        ::call(POST => 'key-requests', ::request(id => "r$n"));

        my @calls = map {
            my $pid = open my $fh, '-|';
            if (!$pid) {
                my ($status, $doc) = ::call(POST => "key-requests/r$n/approve");
                print "$status ", $doc->{key_hash} // '';
                close STDOUT;
                require POSIX;
                POSIX::_exit(0);
            }
            $fh
        } 1 .. 4;

        my @answers = map { my $fh = $_; my $line = <$fh>; close $fh; $line } @calls;
        my @ok = grep { /^200 / } @answers;
        is(scalar @ok, 1, 'one');
        is(scalar(grep { /^409 / } @answers), 3, 'the others are too late');
        is((::call(GET => "key-requests/r$n"))[1]{key_hash}, substr($ok[0] // '', 4), 'its key');
    }
}
