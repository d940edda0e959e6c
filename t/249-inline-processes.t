# Handlers in line, and what happens to nginx's processes meanwhile.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use InlineBlocks;

# takes connections, and nothing more
our $Hole = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
            or die "listen: $!\n";

add_block_preprocessor(sub {
    my ($block) = @_;
    my $hole = '127.0.0.1:' . $Hole->sockport;

    $block->set_value(config => $block->config =~ s/HOLE/$hole/r)
        if defined $block->config;
});

workers(2);
run_tests();


# a request whose handlers run, as they have logged
sub begin_run {
    my ($n) = @_;
    my $socket = client(request_head('GET', '/api/x?wait=1', 'Connection: close'));

    wait_for(sub { (() = logged($n) =~ /LOG /g) >= $n });

    return $socket;
}

__DATA__

=== TEST 1: a reload in the middle: what runs is finished
--- handlers
request a.js
response b.js
--- user_files
>>> a.js
export default function (ctx) {
    if (!ctx.req.urlParameters.wait) { return; }
    ctx.log.info('LOG a');
    return new Promise(function (resolve) { setTimeout(resolve, 1500); });
}
>>> b.js
export default function (ctx) {
    if (!ctx.req.urlParameters.wait) { return; }
    ctx.json.seen = true;
    return new Promise(function (resolve) { setTimeout(resolve, 300); });
}
--- request
GET /api/x
--- response_body_like: "uri":"/x"
--- check eval
sub {
    my $before = CORE::join ' ', sort(worker_pids());
    my $socket = main::begin_run(1);

    kill HUP => master_pid();
    ok(wait_for(sub { my @now = worker_pids();
                      @now >= 2 && !grep { my $pid = $_; grep { $_ == $pid } split / /, $before }
                                         (sort { $b <=> $a } @now)[0, 1] }),
       'there are new workers');
    like(hear($socket), qr/^HTTP\/1.1 200 .*"seen":true\}$/s, 'the old one answers');
    ok(wait_for(sub { worker_pids() == 2 }), 'and ends');
}



=== TEST 2: the worker is killed in the middle: the next one serves
--- handlers
request a.js
response b.js timeout=60s
--- user_files
>>> a.js
export default function (ctx) {
    if (!ctx.req.urlParameters.wait) { return; }
    ctx.log.info('LOG a');
}
>>> b.js
export default function (ctx) {
    if (!ctx.req.urlParameters.wait) { return; }
    return new Promise(function (resolve) { setTimeout(resolve, 40000); });
}
--- request
GET /api/x
--- response_body_like: "uri":"/x"
--- allow_log eval
qr/exited on signal 9/
--- check eval
sub {
    my $socket = main::begin_run(1);

    kill KILL => worker_pids();
    is(hear($socket), '', 'no answer');
    ok(wait_for(sub { (http_get('/api/x'))[0] == 200 }), 'the next is served');
}



=== TEST 3: nginx is told to quit: what runs is finished
--- handlers
request a.js
--- user_files
>>> a.js
export default function (ctx) {
    if (!ctx.req.urlParameters.wait) { return; }
    ctx.log.info('LOG a');
    return new Promise(function (resolve) { setTimeout(resolve, 1000); });
}
--- request
GET /api/x
--- response_body_like: "uri":"/x"
--- check eval
sub {
    my $socket = main::begin_run(1);

    kill QUIT => master_pid();
    like(hear($socket), qr/^HTTP\/1.1 200 .*"uri":"\/x"/s, 'it is answered');
}



=== TEST 4: a reload while a resource hangs: its handler is answered for
--- config
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            api_event_handlers request js path=a.js;
            api_event_handlers response js path=b.js timeout=3s;
        }
        location /api/hang {
            proxy_pass http://HOLE;
            proxy_read_timeout 600s;
        }
--- user_files
>>> a.js
if (req.urlParameters.wait) { log.info('LOG a'); }
>>> b.js
if (req.urlParameters.wait) { SysUtility.getResource('hang'); }
--- request
GET /api/x
--- response_body_like: "uri":"/x"
--- check eval
sub {
    my $before = CORE::join ' ', sort(worker_pids());
    my $socket = main::begin_run(1);

    kill HUP => master_pid();
    like(hear($socket), qr/"errorMessage":"timeout"\}$/, 'the old one answers');
    ok(wait_for(sub { my @now = worker_pids();
                      @now == 2 && !grep { $before =~ /\b$_\b/ } @now }), 'and ends');
}
