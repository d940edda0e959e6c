# Endpoints that somebody switches off and on: who is told, and who gets
# nothing meanwhile.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use IO::Socket::INET;
use JSON::PP qw(decode_json);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_admin_user ops secret=secret-of-ops;\n"
                                     . ($block->http_config // ''));
    $block->set_value(config => ($block->config // '') . <<'END');
location /tyk/ { api_admin; }
location = /.metrics { api_metrics; }
END
});

sub admin {
    my ($method, $uri) = @_;
    my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}")
        or return {};

    print $fh "$method /tyk/$uri HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n\r\n";
    local $/;

    my ($body) = (<$fh> // '') =~ /\r\n\r\n(.*)/s;

    return eval { decode_json($body // '') } // {};
}

# the id of the endpoint with that text in its label
sub endpoint {
    my ($text) = @_;
    my ($found) = grep { index($_->{label}, $text) >= 0 }
                  @{ admin('GET', 'endpoints')->{items} };

    return $found->{id};
}

# so many requests for /told in the end, their documents
sub told {
    my ($n) = @_;
    my @told;

    ApiEvents::wait_for(sub {
        @told = map { $_->{json} } grep { $_->{uri} eq '/told' } ApiEvents::recorded();
        @told >= $n
    });

    return @told;
}

run_tests();

__DATA__

=== TEST 1: by hand, and what is told of it
--- http_config
    api_event_handlers EndpointDisabled webhook url=$HOOK/told template=../html/all.json;
    api_event_handlers EndpointRecovered webhook url=$HOOK/told template=../html/all.json;
--- user_files eval
">>> all.json\n{{json .}}\n"
--- config
    location /a {
        api_id a;
        api_event_handlers off;
        api_event_handlers AuthFailure webhook url=$HOOK/ok;
        empty_gif;
    }
--- recorder
--- check eval
sub {
    my $id = ::endpoint('/ok');

    is(delivered(), '1 0 0', 'the first');
    is(::admin('POST', "endpoints/$id/disable")->{reason}, 'by hand', 'disabled');

    my ($off) = ::told(1);
    my $meta = $off->{EventMetaData};

    is($off->{EventType}, 'EndpointDisabled', 'told');
    is($off->{EventMetaData}{Message}, 'Endpoint disabled', 'message');
    is($meta->{Reason}, 'by hand', 'reason');
    is($meta->{User}, 'ops', 'user');
    is($meta->{Handler}, 'webhook', 'handler');
    like($meta->{Endpoint}, qr{^http://127\.0\.0\.1:\d+/ok$}, 'endpoint');
    ok(!exists $meta->{EventID}, 'no event');

    ::admin('POST', "endpoints/$id/disable");
    raise(1);
    is(delivered(), '2 0 1', 'a dead letter');

    is(::admin('POST', "endpoints/$id/enable")->{state}, 'enabled', 'enabled');
    is(scalar(::told(1)), 1, 'nothing is told before it takes something');

    raise(1);

    my @told = ::told(2);
    is(scalar @told, 2, 'told once, and again');
    is($told[1]{EventType}, 'EndpointRecovered', 'recovered');
    is(delivered(), '4 0 1', 'delivered');
    is(scalar(::told(2)), 2, 'no more');
}

=== TEST 2: one that its receiver disabled is not told of again
--- http_config
    api_event_handlers EndpointDisabled webhook url=$HOOK/told template=../html/all.json;
--- user_files eval
">>> all.json\n{{json .}}\n"
--- config
    location /a {
        api_id a;
        api_event_handlers off;
        api_event_handlers AuthFailure webhook url=$HOOK/status/410;
        empty_gif;
    }
--- recorder
--- check eval
sub {
    is((::told(1))[0]{EventMetaData}{Reason}, 'status 410', 'told');

    my $id = ::endpoint('/status/410');

    is(::admin('POST', "endpoints/$id/disable")->{reason}, 'by hand', 'disabled');
    is(delivered(), '1 0 1', 'nothing is pending');
    is(scalar(::told(1)), 1, 'not again');
}

=== TEST 3: a log that is disabled gets nothing until it is enabled
--- http_config
    api_event_handlers AuthFailure log prefix=LOG;
    api_event_handlers EndpointRecovered webhook url=$HOOK/told template=../html/all.json;
--- user_files eval
">>> all.json\n{{json .}}\n"
--- config
    location /a { api_id a; empty_gif; }
--- recorder
--- check eval
sub {
    my $id = ::endpoint('LOG');

    is(delivered(), '1 0 0', 'the first');
    is(::admin('POST', "endpoints/$id/disable")->{state}, 'disabled', 'disabled');

    raise(2);
    is(delivered(), '1 0 2', 'dead letters');

    ::admin('POST', "endpoints/$id/enable");
    raise(1);
    is((::told(1))[0]{EventMetaData}{Handler}, 'log', 'recovered');
    is(delivered(), '3 0 2', 'delivered, and told');
    is(scalar(my @lines = log_lines('LOG:AuthFailure:', 2)), 2, 'two lines');
}
