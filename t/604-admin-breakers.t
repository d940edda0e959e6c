# Breakers through the management API: how they are, and by hand.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use BreakerBlocks;
use AdminBlocks;

# the breaker of that path
sub breaker {
    my ($path) = @_;
    my ($status, $doc) = call(GET => 'breakers');

    return (grep { $_->{path} eq $path } @{ $doc->{items} })[0];
}

# its state after that, or what was wrong
sub force {
    my ($path, $state, %options) = @_;
    my ($status, $doc) = call(POST => 'breakers/' . breaker($path)->{id}
                                      . '/force', { state => $state },
                              %options);

    return $status == 200 ? $doc->{state} : "$status $doc->{message}";
}

run_tests();

__DATA__

=== TEST 1: the list, and one of it
--- config
    location /a {
        api_id a;
        api_breaker path=^/a/5 method=GET samples=2 window=1h open=1h;
        api_breaker samples=1 window=1h open=1h dry_run;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;

        location /a/500/y { proxy_pass http://$TEST_NGINX_UPSTREAM/; }
    }
    location /b {
        api_id b;
        api_org other;
        api_breaker samples=5 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    my ($status, $doc) = ::call(GET => 'breakers');
    my ($x, $dry, $b) = sort { $b->{path} cmp $a->{path}
                               || $a->{api_id} cmp $b->{api_id} }
                             @{ $doc->{items} };

    is(scalar @{ $doc->{items} }, 3, 'each once, also one that is inherited');

    my $id = delete $x->{id};
    like($id, qr/^[0-9a-f]{32}$/, 'an id');

    is_deeply($x, { api_id => 'a', org_id => 'acme', path => '^/a/5',
                    method => 'GET', version => '', state => 'closed',
                    dry_run => JSON::PP::false, samples => 0, failures => 0,
                    slow => 0, probes => 0, opened => 0, retry_ms => 0 },
              'a new one');
    ok($dry->{dry_run}, 'a dry run');
    is("$b->{api_id} $b->{org_id}", 'b other', 'of another API');

    answers('/a/500', '/a/500', '/a/500');

    ($status, $doc) = ::call(GET => "breakers/$id");
    is($status, 200, 'one');
    is("$doc->{state} $doc->{samples} $doc->{failures} $doc->{opened}",
       'open 2 2 1', 'open');
    cmp_ok($doc->{retry_ms}, '>', 3_000_000, 'for an hour');

    is(::status(GET => 'breakers/' . 'f' x 32), 404, 'an unknown one');
    is(::status(GET => 'breakers/x'), 404, 'no id');
    is(::status(POST => 'breakers'), 405, 'none is made');
}

=== TEST 2: forced open, forced closed, automatic
--- config
    location /a {
        api_id a;
        api_breaker path=^/a samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- recorder
--- check eval
sub {
    is(::force('^/a', 'open'), 'forced_open', 'open');
    is(answers('/a/ok'), '503 forced_open BreakerOpen', 'refused');
    is(::force('^/a', 'open'), 'forced_open', 'again');

    is(::force('^/a', 'closed'), 'forced_closed', 'closed');
    is(answers('/a/500', '/a/500'), '500 forced_closed allowed, '
       . '500 forced_closed allowed', 'passes whatever happens');

    is(::force('^/a', 'auto'), 'closed', 'automatic');
    is(answers('/a/500', '/a/ok'), '500 closed allowed, '
       . '503 open BreakerOpen', 'as before');

    is(::force('^/a', 'auto'), 'closed', 'closed by that');
    is(answers('/a/ok'), '200 closed allowed', 'passes');

    my @names = (qw/ BreakerTriggered BreakerTripped BreakerTriggered
                     BreakerReset /) x 2;

    ok(wait_for(sub { recorded() >= 8 }), 'events arrived');
    is("@{[map { $_->{json}{EventType} }
           sort { $a->{json}{Sequence} <=> $b->{json}{Sequence} }
                recorded()]}", "@names", 'two a change, none without one');
}

=== TEST 3: what is wrong, and who may not
--- config
    location /a {
        api_id a;
        api_breaker path=^/a samples=1 window=1h open=1h;
        proxy_pass http://$TEST_NGINX_UPSTREAM/;
    }
--- check eval
sub {
    my $id = ::breaker('^/a')->{id};
    my $expected = '"state": "open", "closed" or "auto" is expected';

    is(::force('^/a', $_), "400 $expected", 'state ' . ($_ // 'null'))
        for 'half_open', '', undef, 1, [ 'open' ];

    is(::status(POST => "breakers/$id/force", $_), 400, "body $_")
        for '', '[]', '{', '{"state":"open"';

    is(::status(POST => 'breakers/' . 'f' x 32 . '/force',
                { state => 'open' }), 404, 'an unknown one');
    is(::status(GET => "breakers/$id/force"), 405, 'GET');
    like(::force('^/a', 'open', user => 'eye'), qr/^403 /, 'view');
    like(::force('^/a', 'open', user => 'app'), qr/^403 /, 'integration');
    is((::call(GET => "breakers/$id", undef, user => 'eye'))[1]{state},
       'closed', 'nothing has changed');
}
