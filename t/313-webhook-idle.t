# Idle connections to receivers and those of scripts are deliveries' connections
# too: together they stay within the share, and none keeps another out.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RawServer;

our $Server = RawServer->new('/slow' => sub {
    select undef, undef, undef, 0.1;
    syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    return 0;
});

our $Url = 'http://127.0.0.1:' . $Server->port;

# connections to the server that are established
no warnings 'once';
*Test::Base::Filter::established = sub {
    my $port = sprintf '%04X', $Server->port;

    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    return scalar grep { /^ *\d+: \S+ \w+:$port 01 / } <$in>;
};

worker_connections(64);
run_tests();

__DATA__

=== TEST 1: as many endpoints as the worker has connections
--- http_config eval
CORE::join '', map { "api_event_handlers * webhook url=$::Url/$_;\n" } 1 .. 70
--- init
$::Server->forget;
--- main_config
    worker_shutdown_timeout 500ms;
--- check eval
sub {
    for my $n (1 .. 3) {
        ok(wait_for(sub { (() = $::Server->requests) == 70 * $n }),
           'all are served');
        cmp_ok(established(), '<=', 16, 'connections within the share');
        raise(1) if $n < 3;
    }

    my @kept = grep { $_->[3] > 1 } $::Server->requests;
    cmp_ok(scalar @kept, '<', 210, 'not all are kept');
}

=== TEST 2: few endpoints keep theirs
--- http_config eval
CORE::join '', map { "api_event_handlers * webhook url=$::Url/$_ concurrency=1;\n" } 1 .. 3
--- init
$::Server->forget;
--- main_config
    worker_shutdown_timeout 500ms;
--- request eval
[("GET /a") x 10]
--- error_code eval
[(401) x 10]
--- check eval
sub {
    ok(wait_for(sub { (() = $::Server->requests) == 30 }), 'all are served');
    is(established(), 3, 'a connection an endpoint');
    is(scalar(grep { $_->[3] == 1 } $::Server->requests), 3,
       'made once');
}

=== TEST 3: a script that asks for many at once
--- http_config
    api_event_handlers * js path=../html/h.js name=h timeout=60s;
--- init
$::Server->forget;
--- user_files eval
">>> h.js\n" . <<"END"
var h = new TykJS.TykEventHandlers.NewEventHandler({});

h.NewHandler(function (event, context) {
    var i, answers, requests = [];

    for (i = 0; i < 100; i++) {
        requests.push({method: 'GET', headers: {}, body: '',
                       relative_url: '$::Url/slow'});
    }

    answers = JSON.parse(TykBatchRequest(JSON.stringify({requests: requests})));
    log('TOLD ' + answers.filter(function (answer) {
        return answer.code === 200;
    }).length);
});
END
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[401, 401]
--- check eval
sub {
    my $most = 0;

    ok(wait_for(sub {
        my $now = established();

        $most = $now if $most < $now;
        (() = error_log_text() =~ /TOLD 100,?\s/g) == 2
    }, 60), 'all are answered');
    cmp_ok($most, '<=', 16, 'connections within the share');
    cmp_ok($most, '>', 1, 'several at once');
}

=== TEST 4: what a script waits for is given back when its time is over
--- http_config
    api_event_handlers * js path=../html/h.js name=h timeout=1s;
    api_event_handlers * webhook url=$HOOK/ok;
--- recorder
--- user_files eval
">>> h.js\n" . <<'END'
var h = new TykJS.TykEventHandlers.NewEventHandler({});

h.NewHandler(function (event, context) {
    var i, requests = [];

    for (i = 0; i < 50; i++) {
        requests.push({method: 'GET', relative_url:
                       'http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/hang'});
    }

    TykBatchRequest(JSON.stringify({requests: requests}));
});
END
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- recorded_check eval
sub {
    ok(wait_for(sub { (grep { $_->{uri} eq '/ok' } recorded()) == 3 }),
       'webhooks go on');
}
--- metrics
apievents_deliveries{state="dead"} 3
apievents_deliveries{state="delivered"} 3
