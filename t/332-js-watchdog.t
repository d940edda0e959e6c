# Scripts that do not come back, and workers that end while scripts wait.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use IO::Socket::INET;
use ScriptBlocks;

# takes what is sent to it, and reads nothing
our $Syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
              or die "udp: $!\n";

# a block whose script loops has but to say how
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => '
        location = /.metrics { api_metrics; }
        location /loop {
            api_id loop;
            api_event_handlers AuthFailure js path=loop.js timeout=1s;
            empty_gif;
        }
        location /a {
            api_id a;
            api_event_handlers AuthFailure js path=good.js;
            empty_gif;
        }
    ');

    $block->set_value(user_files => $block->user_files . <<'END');
>>> good.js
export default function (ctx) {
    ctx.TykMakeHttpRequest({Domain: '$HOOK/good'});
    ctx.log('GOOD ' + ctx.event.ID);
}
END
});

workers(2);
run_tests();


# raises the event of the loop, then others, while it goes on and behind it
sub loop_twice {
    my ($told) = @_;
    my $text = 'script "loop.js" has not returned for over 2 seconds, its '
               . 'worker is ended';

    ok(ApiEvents::wait_for(sub {
        DeliverBlocks::raise(1);
        () = ApiEvents::error_log_text() =~ /\Q$text\E/g;
    }, 20), 'the first worker is ended');

    # the requests before may have been few: those of the worker in the loop
    # were answered when it ended

    ok(ApiEvents::wait_for(sub {
        DeliverBlocks::raise(1);
        (ApiEvents::metrics()->('apievents_deliveries{state="delivered"}') // 0)
            > 3
    }), 'the other one works meanwhile');

    ok(ApiEvents::wait_for(sub {
        DeliverBlocks::raise(1);
        (() = ApiEvents::error_log_text() =~ /\Q$text\E/g) == 2;
    }, 20), 'the second worker is ended');

    is(DeliverBlocks::raise(5), '401 401 401 401 401', 'requests are served');
    like(DeliverBlocks::delivered(5), qr/^\d+ 0 1$/, 'one is dead');
    is(ApiEvents::equations('/.metrics'), '', 'the equations hold');
    ok(ApiEvents::wait_for(sub { ApiEvents::worker_pids() == 2 }),
       'there are two workers again');

    my %ids = map { $_ => 1 } ApiEvents::error_log_text() =~ /GOOD (\S+)/g;

    my $m = ApiEvents::metrics();

    is(scalar keys %ids, $m->('apievents_deliveries{state="delivered"}'),
       'all others were handled');
    is((() = ApiEvents::error_log_text() =~ /exited on signal/g) + 0, 2,
       'no other worker died');
    like(ApiEvents::error_log_text(),
         qr/a worker died in script "loop.js" at evt_\S+, which is run for the last/,
         'the second run is told of');
}

__DATA__

=== TEST 1: an endless loop
--- user_files
>>> loop.js
export default function (ctx) { for ( ;; ) { } }
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub { main::loop_twice() }

=== TEST 2: a loop behind a call
--- user_files
>>> loop.js
export default function (ctx) {
    ctx.TykMakeHttpRequest({Domain: '$HOOK/before'});
    for ( ;; ) { }
}
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub { main::loop_twice() }

=== TEST 3: a loop behind an await
--- user_files
>>> loop.js
export default async function (ctx) {
    let x = await ctx.http.request({Domain: '$HOOK/before'});
    for ( ;; ) { }
}
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub { main::loop_twice() }

=== TEST 4: a loop behind a timer
--- user_files
>>> loop.js
export default function (ctx) {
    return new Promise(function (resolve) {
        setTimeout(function () { for ( ;; ) { } }, 50);
    });
}
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub { main::loop_twice() }

=== TEST 5: a loop behind a promise that is there already
--- user_files
>>> loop.js
export default function (ctx) {
    return Promise.resolve().then(function () { for ( ;; ) { } });
}
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub { main::loop_twice() }

=== TEST 6: a reload while a script waits for an answer
--- main_config
    worker_shutdown_timeout 20s;
--- workers: 1
--- user_files
>>> loop.js
export default function (ctx) {
    ctx.TykMakeHttpRequest({Domain: '$HOOK/slow/700/' + ctx.event.ID});
    ctx.TykMakeHttpRequest({Domain: '$HOOK/behind/' + ctx.event.ID});
    ctx.log('TOLD 1');
}
--- request
GET /loop
--- error_code: 401
--- recorder
--- check eval
sub {
    my ($old) = worker_pids();

    ok(wait_for(sub { recorded() == 1 }), 'it waits');
    kill 'HUP', master_pid();
    ok(wait_for(sub {
        my @pids = worker_pids();
        @pids == 1 && $pids[0] != $old
    }), 'a new worker');
    is(raise(1), '401', 'which serves');

    is(delivered(5), '2 0 0', 'both are delivered');

    my @got = map { $_->{uri} =~ m{/evt_} ? $_->{uri} =~ s{/evt_.*}{}r : () }
                  recorded();

    is("@got", '/slow/700 /behind', 'each call was made once');
    like(error_log_text(), qr/\[info\] $old#$old: script "loop.js": TOLD 1/,
         'the old worker finished it');
    is((() = error_log_text() =~ /TOLD 1/g) + 0, 1, 'once');
}

=== TEST 7: workers that are killed while a script waits
--- workers: 1
--- user_files
>>> loop.js
export default function (ctx) {
    ctx.TykMakeHttpRequest({Domain: '$HOOK/slow/700/' + ctx.event.ID});
    ctx.TykMakeHttpRequest({Domain: '$HOOK/behind/' + ctx.event.ID});
    ctx.log('TOLD 1');
}
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub {
    for my $n (1 .. 3) {
        my ($old) = worker_pids();

        ok(wait_for(sub { recorded() == $n }), 'it waits');
        kill 'KILL', $old;
        wait_for(sub {
            my @pids = worker_pids();
            @pids == 1 && $pids[0] != $old
        });
    }

    is(delivered(5), '1 0 0', 'delivered in the end');

    my @uris = map { $_->{uri} } recorded();
    my ($id) = $uris[0] =~ /(evt_.*)/;

    is("@uris", "@{[map qq{$_/$id}, ('/slow/700') x 4, '/behind']}",
       'again under the same id');
    is_deeply([told()], [1], 'what it did is done once');
}

=== TEST 8: a log that is no file, beside one that is
--- main_config eval
'error_log syslog:server=127.0.0.1:' . $::Syslog->sockport . ' debug;'
--- log_level: info
--- user_files
>>> loop.js
export default function (ctx) { for ( ;; ) { } }
--- request
GET /loop
--- error_code: 401
--- recorder
--- allow_log
exited on signal 9
--- check eval
sub {
    ok(wait_for(sub { error_log_text() =~ /exited on signal/ }),
       'the worker is ended');
    like(error_log_text(),
         qr/ \[error\] \d+#\d+: script "loop.js" has not returned for over 2 seconds, its worker is ended\n/,
         'its line');
    unlike(error_log_text(), qr/exited on signal 11/, 'by the watchdog');
}
