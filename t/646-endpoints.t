# Endpoints that are created through the management API, and secrets that are
# rotated.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use Digest::SHA qw(hmac_sha256_base64);
use MIME::Base64 qw(decode_base64);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . "api_callback_allow 127.0.0.0/8;\n"
                                     . ($block->http_config // ''));
    $block->set_value(config => "location /a { api_id a; empty_gif; }\n"
                                . "location /b { api_id b; empty_gif; }\n"
                                . ($block->config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# a URL of the recorder's
sub hook {
    return 'http://127.0.0.1:' . ApiEvents::rand_port(1) . $_[0];
}

# one that gets refusals; its document
sub create {
    my (%members) = @_;
    my ($status, $doc) = call(POST => 'endpoints', { url => hook('/ok'),
                                                     events => ['AuthFailure'], %members });

    die "$status: $doc->{message}\n" if $status != 201;
    return $doc;
}

# requests at the receiver, when there are so many
sub told {
    my ($n) = @_;

    ApiEvents::wait_for(sub { my @got = ApiEvents::recorded(); @got >= $n });
    return ApiEvents::recorded();
}

# does that request have a signature by that secret
sub signed {
    my ($request, $secret) = @_;
    my $h = $request->{headers};
    my $sum = hmac_sha256_base64("$h->{'webhook-id'}.$h->{'webhook-timestamp'}.$request->{body}",
                                 decode_base64(substr $secret, 6));

    $sum .= '=' while length($sum) % 4;
    return scalar grep { $_ eq "v1,$sum" } split / /, $h->{'webhook-signature'} // '';
}

run_tests();

__DATA__

=== TEST 1: created, changed and deleted, in all workers
--- workers: 3
--- recorder
--- check eval
sub {
    my ($status, $doc, $headers) = ::call(POST => 'endpoints', {
        url => ::hook('/ok/1'), events => ['AuthFailure'], api => 'a', name => 'mine',
        method => 'PUT', headers => { 'X-Mine' => 'yes' }, retry => 'off', timeout => '3s' });

    is($status, 201, 'created');
    like($doc->{id}, qr/^[0-9a-f]{32}$/, 'an id');
    like($headers, qr{^Location: /tyk/endpoints/$doc->{id}\r?$}m, 'where');

    my $id = $doc->{id};
    my $one = sub { (::call(GET => "endpoints/$id"))[1] };
    my $raise = sub { ApiEvents::http_get($_[0]) for 1 .. 6 };

    ok(ApiEvents::wait_for(sub { ($one->()->{state} // '') eq 'enabled' }), 'listed');
    is($one->()->{name}, 'mine', 'as it was created');
    is($one->()->{handler}, 'webhook', 'a webhook');
    ok(!$one->()->{configured}, 'not of the configuration');

    # other workers follow within a second
    select undef, undef, undef, 1.5;
    $raise->($_) for '/a', '/b';
    my @told = ::told(6);
    is(scalar @told, 6, 'of its API alone');
    is("$told[0]{method} $told[0]{uri} $told[0]{headers}{'x-mine'}", 'PUT /ok/1 yes', 'as it says');

    is(::status(PUT => "endpoints/$id", { url => ::hook('/ok/2'), events => ['AuthFailure'] }),
       200, 'changed');
    select undef, undef, undef, 1.5;
    $raise->($_) for '/a', '/b';
    is(scalar(grep { $_->{uri} eq '/ok/2' } ::told(18)), 12, 'of all APIs');

    is(::status(POST => "endpoints/$id/ping"), 202, 'tried');
    is(scalar ::told(19), 19, 'and there it is');

    is(::status(DELETE => "endpoints/$id"), 200, 'deleted');
    is(::status(DELETE => "endpoints/$id"), 404, 'once');
    ok(ApiEvents::wait_for(sub { ::status(GET => "endpoints/$id") == 404 }), 'gone');
}

=== TEST 2: what cannot be one
--- http_config
    api_event_handlers KeyExpired webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/static;
--- recorder
--- check eval
sub {
    for ([ {}, 422, qr/"url"/ ],
         [ { url => 1 }, 400, qr/url/ ],
         [ { url => 'ftp://x/' }, 422, qr/http/ ],
         [ { events => [] }, 422, qr/"events"/ ],
         [ { events => ['Nothing'] }, 422, qr/events/ ],
         [ { method => 'TRACE' }, 422, qr/method=TRACE/ ],
         [ { retry => 99 }, 422, qr/retry=99/ ],
         [ { timeout => 'soon' }, 422, qr/timeout=soon/ ],
         [ { timeout => {} }, 422, qr/timeout/ ],
         [ { format => 'xml' }, 422, qr/format=xml/ ],
         [ { headers => { 'Content-Length' => '1' } }, 422, qr/header/ ],
         [ { headers => { 'X-A' => 'file:/etc/passwd' } }, 422, qr/file:/ ],
         [ { id => 'mine' }, 422, qr/32 hex/ ],
         [ { secret => 'whsec_' . 'A' x 32 }, 422, qr/api_secret_key/ ])
    {
        my %doc = %{ $_->[0] } ? (url => ::hook('/ok'), events => ['AuthFailure'], %{ $_->[0] })
                               : (events => ['*']);
        my ($status, $doc) = ::call(POST => 'endpoints', \%doc);

        is($status, $_->[1], "refused: $doc->{message}");
        like($doc->{message}, $_->[2], 'what is expected');
    }

    my ($static) = grep { $_->{label} =~ /static/ } @{ (::call(GET => 'endpoints'))[1]{items} };
    ok($static->{configured}, 'one of the configuration');

    for my $call ([ PUT => "endpoints/$static->{id}", { url => ::hook('/ok'), events => ['*'] } ],
                  [ DELETE => "endpoints/$static->{id}" ],
                  [ POST => 'endpoints', { id => $static->{id}, url => ::hook('/'), events => ['*'] } ])
    {
        my ($status, $doc) = ::call(@$call);
        is($status, 409, "$call->[0] is none of ours");
        like($doc->{message}, qr/configuration/, 'and why');
    }

    is(::status(POST => 'callbacks', { name => 'told', type => 'after-app', url => ::hook('/ok') }),
       201, 'a callback');
    my ($told) = grep { !$_->{configured} && !exists $_->{url} }
                      @{ (::call(GET => 'endpoints'))[1]{items} };

    for my $call ([ PUT => "endpoints/$told->{id}", { url => ::hook('/ok'), events => ['*'] } ],
                  [ DELETE => "endpoints/$told->{id}" ])
    {
        my ($status, $doc) = ::call(@$call);
        is($status, 409, "$call->[0] is a callback's");
        like($doc->{message}, qr/callback/, 'and why');
    }

    is(::status(POST => 'endpoints', { url => ::hook('/ok'), events => ['*'] }, user => $_), 403, "not by $_")
        for qw(eye app);
    my ($status, $doc) = ::call(POST => "endpoints/$static->{id}/rotate");
    is($status, 409, 'no secret without a key');
    like($doc->{message}, qr/api_secret_key/, 'and why');
}

=== TEST 3: secrets, sealed and rotated
--- http_config
    api_secret_key file:$TEST_NGINX_SERVER_ROOT/html/key;
--- user_files eval
">>> key\n0123456789abcdef0123456789abcdef\n"
--- recorder
--- check eval
sub {
    my $first = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
    my $id = ::create(secret => $first, headers => { Authorization => 'Basic b3BlbiBzZXNhbWU=' })->{id};

    ok(ApiEvents::wait_for(sub { ::status(GET => "endpoints/$id") == 200 }), 'there');

    my $doc = (::call(GET => "endpoints/$id"))[1];
    is($doc->{secret}, '****', 'not shown');
    is($doc->{headers}{Authorization}, '****', 'nor the other');

    ApiEvents::http_get('/a');
    my ($told) = ::told(1);
    ok(::signed($told, $first), 'signed');
    is($told->{headers}{authorization}, 'Basic b3BlbiBzZXNhbWU=', 'and let in');

    my ($status, $rotated) = ::call(POST => "endpoints/$id/rotate", { keep => '1h' });
    is($status, 200, 'rotated');
    like($rotated->{secret}, qr{^whsec_[A-Za-z0-9+/]{43}=$}, 'a new one');
    like($rotated->{previous_until}, qr/^20\d\d-/, 'the old one has an end');

    ApiEvents::http_get('/a');
    $told = (::told(2))[1];
    ok(::signed($told, $rotated->{secret}), 'signed by the new one');
    ok(::signed($told, $first), 'and by the old one');

    my ($again, $last) = ::call(POST => "endpoints/$id/rotate", { keep => 0 });
    ApiEvents::http_get('/a');
    $told = (::told(3))[2];
    ok(::signed($told, $last->{secret}), 'by the last one');
    ok(!::signed($told, $rotated->{secret}), 'and no other');

    is(::status(PUT => "endpoints/$id", { url => ::hook('/ok'), events => ['*'], secret => '****' }), 200,
       'changed but for its secret');
    ApiEvents::http_get('/a');
    $told = (::told(4))[3];
    ok(::signed($told, $last->{secret}), 'which it has still');

    is(::status(POST => "endpoints/$id/rotate?keep=31d"), 400, 'not for that long');
    is(::status(POST => 'endpoints/' . '0' x 32 . '/rotate'), 404, 'none of that id');

    my $everything = CORE::join '', map { JSON::PP::encode_json((::call(GET => $_))[1]) }
                              'endpoints', "endpoints/$id", 'deliveries';
    $everything .= CORE::join '', grep { m{^\d+/.*\[(?!debug)} } split /^/, ApiEvents::error_log_text();
    unlike($everything, qr/\Q$_\E/, 'never told again')
        for $first, $rotated->{secret}, $last->{secret}, 'b3BlbiBzZXNhbWU=';
}

=== TEST 4: it is there after a reload and a kill, with its secrets
--- http_config
    api_secret_key file:$TEST_NGINX_SERVER_ROOT/html/key;
--- user_files eval
">>> key\n0123456789abcdef0123456789abcdef\n"
--- recorder
--- allow_log eval
[qr/./]
--- check eval
sub {
    my $id = ::create(events => ['*'])->{id};
    my $secret = (::call(POST => "endpoints/$id/rotate"))[1]{secret};

    my ($pid) = ApiEvents::worker_pids();
    kill KILL => $pid;
    ok(ApiEvents::wait_for(sub { my ($new) = ApiEvents::worker_pids(); $new && $new != $pid }), 'another worker');
    ok(ApiEvents::wait_for(sub { (::status(GET => "endpoints/$id") // 0) == 200 }), 'which knows it');

    ApiEvents::http_get('/a');
    my ($told) = ::told(1);
    ok(::signed($told, $secret), 'and its secret');
}
