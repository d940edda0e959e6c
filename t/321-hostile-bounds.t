# What an endpoint that means harm costs: as much memory, time and connections as
# any other that fails.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use Compress::Zlib qw(memGzip);
use DeliverBlocks;
use RawServer;
use Time::HiRes;

# sends head once and then more and more, until nobody listens any more
sub endless {
    my ($head, $more, $pause) = @_;

    return sub {
        my ($socket) = @_;

        syswrite $socket, $head;

        while (defined syswrite $socket, $more) {
            select undef, undef, undef, $pause if $pause;
        }

        return 0;
    };
}

# reads nothing of the body
sub deaf {
    my ($text) = @_;

    return [sub {
        my ($socket) = @_;

        syswrite $socket, $text;
        sleep 4;
        return 0;
    }];
}

sub hang {
    my ($text) = @_;

    return sub {
        my ($socket) = @_;

        syswrite $socket, $text;
        sysread $socket, my $byte, 1;
        return 0;
    };
}

my $Ok = "HTTP/1.1 200 OK\r\n";
my $Bomb = memGzip("\0" x 67_108_864);

# of what there is no end, and none within the time
our %Answers = (
    '/endless' => endless("$Ok\r\n", 'x' x 65536),
    '/endless-length' => endless("${Ok}Content-Length: 999999999999\r\n\r\n",
                                 'x' x 65536),
    '/endless-chunks' => endless("${Ok}Transfer-Encoding: chunked\r\n\r\n",
                                 "4000\r\n" . 'x' x 16384 . "\r\n"),
    '/endless-chunk' => endless("${Ok}Transfer-Encoding: chunked\r\n\r\n"
                                . "7fffffffffffffff\r\n", 'x' x 65536),
    '/endless-extension' => endless("${Ok}Transfer-Encoding: chunked\r\n\r\n1;",
                                    'x' x 65536),
    '/endless-trailer' => endless("${Ok}Transfer-Encoding: chunked\r\n\r\n0\r\n",
                                  'X: ' . 'x' x 4000 . "\r\n"),
    '/endless-status' => endless('HTTP/1.1 200 ', 'x' x 4096),
    '/endless-headers' => endless($Ok, "X: y\r\n" x 500),
    '/endless-header' => endless("${Ok}X: ", 'x' x 4096),
    '/endless-100' => endless('', "HTTP/1.1 100 Continue\r\n\r\n" x 100),
    '/endless-103' => endless('', "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                                  x 100),
    '/endless-lines' => endless('', "\r\n" x 1000),
    '/endless-answers' => endless('', "${Ok}Content-Length: 2\r\n\r\nok" x 100),
    '/bomb' => "${Ok}Content-Encoding: gzip\r\nContent-Length: " . length($Bomb)
               . "\r\n\r\n$Bomb",
    '/drip' => endless("${Ok}Content-Length: 99999\r\n\r\n", 'x', 0.02),
    '/drip-chunks' => endless("${Ok}Transfer-Encoding: chunked\r\n\r\n",
                              "1\r\nx\r\n", 0.02),
    '/drip-status' => endless('HTTP/1.1 200 ', 'x', 0.02),
    '/drip-headers' => endless($Ok, "X: y\r\n", 0.02),
    '/drip-100' => endless('', "HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    '/hang' => hang(''),
    '/hang-head' => hang("${Ok}Content-Length: 5\r\n"),
    '/hang-body' => hang("${Ok}Content-Length: 5\r\n\r\nab"),
    '/101' => hang("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                   . "Connection: upgrade\r\n\r\n"),
);

# what is well in the end, and what only the time ends
our @Well = qw(/bomb /endless-answers);

# nginx reads on over answers 103 from 1.29 on
my ($minor) = `$Test::Nginx::Util::NginxBinary -v 2>&1` =~ m{nginx/1\.(\d+)};

if ($minor >= 29) {
    $Answers{'/hints'} = ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" x 16)
                         . "${Ok}Content-Length: 2\r\n\r\nok";
    push @Well, '/hints';
}

our @Paths = sort keys %Answers;
our @Slow = grep { m{^/(?:drip|hang|101|endless-(?:extension|trailer))} } @Paths;
our @Fast = grep { my $path = $_; !grep { $_ eq $path } @Slow } @Paths;

# for requests that are large: what is said before they were read
our %Early = (
    '/early' => [sub { syswrite $_[0], "${Ok}Content-Length: 2\r\n\r\nok"; 0 }],
    '/early-500' => [sub {
        syswrite $_[0], "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
        return 0;
    }],
    '/early-kept' => deaf("${Ok}Content-Length: 2\r\n\r\nok"),
    '/early-close' => [sub { return 0 }],
    '/deaf' => deaf(''),
);

# what comes behind an answer is no answer to the next request
my $Kept = "${Ok}Content-Length: 2\r\n\r\nok";
our %Garbage = (
    '/more' => "${Kept}garbage",
    '/twice' => $Kept . "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    '/chunks' => "${Ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                 . "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    '/204' => "HTTP/1.1 204 No Content\r\n\r\n"
              . "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    '/fine' => $Kept,
);

our $Server = RawServer->new(%Answers, %Early, %Garbage);
our $Url = 'http://127.0.0.1:' . $Server->port;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => $block->http_config =~ s/\$URL/$Url/gr);
    $block->set_value(config => <<'END');
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
END
    $Server->forget;
});

# one handler a path
sub handlers {
    my ($more, @paths) = @_;

    return CORE::join '', map { <<"END" } @paths;
    api_event_handlers AuthFailure webhook retry=off url=$Url$_ $more;
END
}

# kB of a process that are its own, and how many descriptors it has
sub anon {
    open my $in, '<', "/proc/$_[0]/status" or return 0;
    return CORE::join('', <$in>) =~ /^RssAnon:\s+(\d+)/m ? $1 : 0;
}

sub descriptors {
    return scalar(() = glob "/proc/$_[0]/fd/*");
}

# of all cases: which end by themselves, and which in time
sub cases {
    my ($time) = @_;

    return handlers('timeout=1m concurrency=8', @Fast)
           . handlers("timeout=$time", @Slow);
}

# waits until all have ended; the most memory meanwhile, and what ended how
sub watch {
    my ($pid, $seconds) = @_;
    my ($most, $n) = (0, '');

    wait_for(sub {
        my $anon = anon($pid);
        my $m = metrics('/.metrics');

        $most = $anon if $anon > $most;
        $n = CORE::join ' ', map { $m->("apievents_deliveries{state=\"$_\"}") // 0 }
                             qw(delivered dead pending);
        return $n =~ / 0\z/ && ($m->('apievents_events_waiting') // 1) == 0;
    }, $seconds);

    return ($most, $n);
}

sub sanitized {
    return ($ENV{APIEVENTS_MODULE} // '') =~ /asan/;
}

{
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_}
        for qw(anon descriptors watch sanitized);
}

log_level('info');
worker_connections(2048);
run_tests();

__DATA__

=== TEST 1: memory and time, many at once
--- main_config
    worker_rlimit_nofile 8192;
--- http_config eval
::cases('1s')
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my ($pid) = worker_pids();

    watch($pid, 60);

    # each has its pool and buffers once
    my $before = anon($pid);
    my $open = descriptors($pid);

    raise(8);

    my ($most, $n) = watch($pid, 120);

    is($n, 9 * @::Well . ' ' . 9 * (@::Paths - @::Well) . ' 0', 'all have ended');
    cmp_ok($most - $before, '<', 200 * 8 * @::Paths, 'kB for all at once')
        unless sanitized();
    note("$most kB at the most, $before before, ", anon($pid), ' after');

    # but those that are kept, as many as there were at once
    ok(wait_for(sub { descriptors($pid) <= $open + 8 * @::Well }),
       'no descriptor is left');
    is("@{[worker_pids()]}", $pid, 'the worker lives');
    is(equations('/.metrics'), '', 'equations');

    # the receiver comes to know of some when they have ended
    my %times;
    ok(wait_for(sub {
        %times = ();
        $times{$_->[0]}++ for $::Server->requests;
        return !grep { ($times{$_} // 0) != 9 } @::Paths;
    }), 'each was sent once') || diag(CORE::join ' ', %times);
}

=== TEST 2: connections, of which there are few
--- http_config eval
"api_delivery_connections 3%;\n" . ::cases('300ms')
. "api_event_handlers KeyExpired webhook url=$::Url/fine;"
. 'api_keys ../html/keys.json;'
--- user_files
>>> keys.json
{"old-key-0123456789": {"expires": 1, "access_rights": {"a": {}}}}
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my ($pid) = worker_pids();

    raise(4);

    my (undef, $n) = watch($pid, 120);
    my $dead = 5 * (@::Paths - @::Well);

    is($n, 5 * @::Well . " $dead 0", 'all have ended');

    # more than there would be, had each one kept a slot
    raise(200, '/a', "Authorization: old-key-0123456789\r\n");
    (undef, $n) = watch($pid, 60);
    is($n, 5 * @::Well + 200 . " $dead 0", 'and those that are well go on');
    unlike(error_log_text(), qr/worker_connections are not enough/, 'connections');
}

=== TEST 3: an answer before the request was read, and none at all
--- http_config eval
::handlers('timeout=1s concurrency=2 template=../html/large.txt', sort keys %::Early)
--- user_files eval
">>> large.txt\n" . '{{define "t"}}' . ('0123456789abcdef' x 64 . "\n") x 900
. '{{end}}' . '{{template "t"}}' x 4
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my ($pid) = worker_pids();

    watch($pid, 60);

    my $before = anon($pid);
    my $open = descriptors($pid);

    raise(5);

    my ($most, $n) = watch($pid, 60);

    # what was answered before nginx saw the end of it is its own to judge
    like($n, qr/^(\d+) (\d+) 0$/, 'all have ended');
    my ($ok, $dead) = $n =~ /(\d+)/g;
    is($ok + $dead, 6 * keys %::Early, 'each once');
    cmp_ok($dead, '>=', 18, 'no answer, or a bad one, is no success');
    cmp_ok($most - $before, '<', 5 * 2 * 12000, 'kB: some copies of the body')
        unless sanitized();

    # but those that are kept: whether one is depends on what was read first
    ok(wait_for(sub { descriptors($pid) <= $open + 2 * keys %::Early }),
       'no descriptor is left');
    is(equations('/.metrics'), '', 'equations');
}

=== TEST 4: what comes behind an answer is not the next one's
--- http_config eval
::handlers('concurrency=1', sort keys %::Garbage)
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my ($pid) = worker_pids();

    for (1 .. 4) {
        watch($pid, 20);
        raise(1);
    }

    my (undef, $n) = watch($pid, 20);

    is($n, 5 * (keys %::Garbage) . ' 0 0', 'all are delivered');

    my %on;
    push @{ $on{$_->[0]} }, $_->[3] for $::Server->requests;
    is("@{ $on{$_} }", '1 1 1 1 1', "$_: each on a connection of its own")
        for qw(/more /twice /chunks /204);
    is("@{ $on{'/fine'} }", '1 2 3 4 5', 'and one that is kept');
}

=== TEST 5: calls of a script
--- main_config
    worker_rlimit_nofile 8192;
--- http_config
    api_event_handlers AuthFailure js path=../html/ask.js name=ask timeout=1s;
--- user_files eval
">>> ask.js\n" . <<"END"
var ask = new TykJS.TykEventHandlers.NewEventHandler({});

ask.NewHandler(function (event, context) {
    var answer = TykMakeHttpRequest(JSON.stringify({
        Method: 'POST', Domain: '$::Url', Body: 'x', Headers: {},
        Resource: event.Meta.Path.substring(2)
    }));

    log('answer ' + (answer ? JSON.parse(answer).Code : answer));
});
END
--- request
GET /a/fine
--- error_code: 401
--- check eval
sub {
    my ($pid) = worker_pids();
    my $n;

    watch($pid, 60);

    my $before = anon($pid);
    my $open = descriptors($pid);
    my $most = 0;

    for (1 .. 2) {
        raise(1, "/a$_") for @::Paths;
    }

    ($most, $n) = watch($pid, 60);

    like($n, qr/ 0$/, 'all have ended');
    cmp_ok($most - $before, '<', 4096 * 2 * @::Paths, 'kB for all at once')
        unless sanitized();
    note("$n, $most kB at the most, $before before, ", anon($pid), ' after');
    ok(wait_for(sub { descriptors($pid) <= $open + 8 * @::Well }), 'no descriptor is left');
    is("@{[worker_pids()]}", $pid, 'the worker lives');
    is(equations('/.metrics'), '', 'equations');
}

=== TEST 6: TLS that does not come about
--- http_config eval
::handlers('timeout=1s', '/hang') =~ s/http:/https:/r
. ::handlers('timeout=1s', '/endless') =~ s/http:/https:/r
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- check eval
sub {
    my ($pid) = worker_pids();
    my (undef, $n) = watch($pid, 60);

    is($n, '0 6 0', 'all have failed');
}
