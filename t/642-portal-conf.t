# Portal events by configuration.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n" . ($block->http_config // ''));
    return if defined $block->emerg;
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

run_tests();

__DATA__

=== TEST 1: events of one organisation and family, at two webhooks
--- http_config
    api_portal_events org=acme key_request_event webhook=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/1
                      webhook=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/2;
    api_portal_events org=acme key_event webhook=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/3;
    api_portal_events org=other key_request_event webhook=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/4;
    api_event_handlers key_request_event.submitted webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok/all;
--- recorder
--- check eval
sub {
    ::call(POST => 'key-requests', { id => 'none' });
    ::call(POST => 'key-requests', { id => 'a', org_id => 'acme' });
    ::call(POST => 'key-requests', { id => 'o', org_id => 'other' });
    ::call(POST => 'key-requests/a/decline');

    my $told = sub {
        CORE::join(', ', sort map { "$_->{uri} $_->{json}{event} $_->{json}{data}{id}" =~ s/key_request_event\.//r }
                              ApiEvents::recorded());
    };
    ApiEvents::wait_for(sub { my @got = ApiEvents::recorded(); @got >= 8 }, 30);
    is($told->(), '/ok/1 declined a, /ok/1 submitted a, /ok/2 declined a, /ok/2 submitted a, '
       . '/ok/4 submitted o, /ok/all submitted a, /ok/all submitted none, /ok/all submitted o', 'each its own');
    is((grep { $_->{uri} eq '/ok/4' } ApiEvents::recorded())[0]{body} =~ s/"data".*//r,
       '{"event":"key_request_event.submitted",', 'the payload');
}

=== TEST 2: no organisation
--- http_config
    api_portal_events acme key_event webhook=http://127.0.0.1:1/;
--- emerg
invalid parameter "acme", "org=" with an organisation is expected first in

=== TEST 3: an empty one
--- http_config
    api_portal_events org= key_event webhook=http://127.0.0.1:1/;
--- emerg
invalid parameter "org=", "org=" with an organisation is expected first in

=== TEST 4: no family
--- http_config
    api_portal_events org=acme app webhook=http://127.0.0.1:1/;
--- emerg
unknown events "app", "api_event", "key_event" or "key_request_event" is expected in

=== TEST 5: no way
--- http_config
    api_portal_events org=acme key_event url=http://127.0.0.1:1/;
--- emerg
invalid parameter "url=http://127.0.0.1:1/", "webhook=" with a URL or "email=" with an address is expected in

=== TEST 6: nobody at all
--- http_config
    api_portal_events org=acme key_event;
--- emerg
"webhook=" with a URL or "email=" with an address is expected after "key_event" in

=== TEST 7: no URL
--- http_config
    api_portal_events org=acme key_event webhook=x;
--- emerg
invalid "url=x"

=== TEST 8: a mail without a relay
--- http_config
    api_portal_events org=acme key_event email=a@example.com;
--- emerg
handler "email" needs a relay, "api_smtp" is expected in the http block, in
