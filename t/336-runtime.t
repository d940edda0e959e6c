# Endpoints that are put, replaced and removed while workers run.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RuntimeBlocks;

# waits until something is so
sub until_so {
    my ($what, $name) = @_;

    ok(ApiEvents::wait_for($what, 30), $name);
}

# URIs that were asked, in their order
sub asked {
    return map { $_->{uri} } ApiEvents::recorded();
}

run_tests();

__DATA__

=== TEST 1: one is put, replaced and removed
--- request
GET /.metrics
--- error_code: 200
--- recorder
--- metrics_equation
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/ok/a"],
            [handle => 'one', 'app.*']);
    ::until_so(sub { raise_event('app.created', '{"n": 1}'); grep { $_ eq '/ok/a' } ::asked() },
               'it gets events');
    raise_event('developer.created', '{}');

    put_all([put => 'one', 'webhook', "url=$url/ok/b", 'header=X-A: 1'],
            [handle => 'one', 'developer.created'], [handle => 'one', 'app.deleted']);
    ::until_so(sub { raise_event('developer.created', '{}'); grep { $_ eq '/ok/b' } ::asked() },
               'at its new URL');
    my $n = grep { $_ eq '/ok/a' } ::asked();
    raise_event('app.created', '{"n": 2}');
    is(delivered(), delivered(), 'all is delivered');
    is(scalar(grep { $_ eq '/ok/a' } ::asked()), $n, 'and no more of what it had');

    put_all();
    ::until_so(sub {
        my $before = ::asked();
        raise_event('developer.created', '{}');
        delivered();
        return ::asked() == $before;
    }, 'it is gone');
}
