# What endpoints answer: none of it does more than to make a delivery succeed
# or fail.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use Compress::Zlib qw(memGzip);
use DeliverBlocks;
use RawServer;

sub answer {
    my ($status, $body, @headers) = @_;

    return CORE::join("\r\n", "HTTP/1.1 $status", @headers,
                      'Content-Length: ' . length $body, '', $body);
}

sub chunked {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n$_[0]";
}

# sends it all and closes
sub last_words {
    my ($text) = @_;

    return sub {
        my ($socket) = @_;

        while (length $text) {
            my $n = syswrite $socket, $text, 65536 or last;
            substr $text, 0, $n, '';
        }

        return 0;
    };
}

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

# path, answer, how it ends: a pattern for the log, or '' for a success
our @Cases = (
    ['/accel', answer('200 OK', 'ok', 'X-Accel-Redirect: /secret'), ''],
    ['/accel-named', answer('200 OK', 'ok', 'X-Accel-Redirect: @secret'), ''],
    ['/accel-call', answer('200 OK', 'ok', 'X-Accel-Redirect: /_ae/e/1'), ''],
    ['/accel-more', answer('200 OK', 'ok', 'X-Accel-Limit-Rate: 1',
                           'X-Accel-Buffering: no', 'X-Accel-Expires: 9999',
                           'X-Accel-Charset: utf-16'), ''],
    ['/accel-500', answer('500 No', 'ok', 'X-Accel-Redirect: /secret'),
     'status 500'],
    ['/301', answer('301 Moved', '', 'Location: /followed'), 'status 301'],
    ['/307', answer('307 Moved', '', 'Location: /followed',
                    'Refresh: 0; url=/followed'), 'status 307'],
    ['/400', answer('400 Bad', 'x'), 'status 400'],
    ['/401', answer('401 No', '', 'WWW-Authenticate: Basic'), 'status 401'],
    ['/499', answer('499 Odd', ''), 'status 499'],
    ['/600', answer('600 Odd', ''), 'status 600'],
    ['/204', "HTTP/1.1 204 No Content\r\n\r\n", ''],
    ['/205', answer('205 Reset', ''), ''],
    ['/206', answer('206 Part', 'x', 'Content-Range: bytes 0-0/9'), ''],
    ['/no-reason', "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ''],
    ['/http10', last_words("HTTP/1.0 200 OK\r\n\r\nok"), ''],
    ['/http10-empty', last_words("HTTP/1.0 200 OK\r\n\r\n"), ''],
    ['/lf', "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", ''],
    ['/chunked', chunked("2\r\nok\r\n0\r\n\r\n"), ''],
    ['/trailer', chunked("2;a=b\r\nok\r\n0\r\nX-Trailer: a\r\n\r\n"), ''],
    ['/chunk-size', chunked("xx\r\nok\r\n0\r\n\r\n"), 'answer cut off'],
    ['/chunk-huge', chunked("ffffffffffffffff\r\nok\r\n"), 'answer cut off'],
    ['/chunk-end', last_words(chunked("2\r\nok\r\n")), 'answer cut off'],
    ['/gzip', answer('200 OK', memGzip('ok' x 1000), 'Content-Encoding: gzip'),
     ''],
    ['/gzip-not', answer('200 OK', 'ok', 'Content-Encoding: gzip'), ''],
    ['/10m', last_words(answer('200 OK', 'x' x 10485760)), ''],
    ['/10m-chunked', last_words(chunked(("ffff\r\n" . 'x' x 65535 . "\r\n") x 160
                                        . "0\r\n\r\n")), ''],
    ['/10m-close', last_words("HTTP/1.0 200 OK\r\n\r\n" . 'x' x 10485760), ''],
    ['/cut', last_words("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
     'answer cut off'],
    ['/cut-head', last_words("HTTP/1.1 200 OK\r\nContent-Le"),
     'answer cut off'],
    ['/more', answer('200 OK', 'ok') . 'and more', ''],
    ['/twice', answer('200 OK', 'ok') . answer('500 No', 'ok'), ''],
    ['/lengths', "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n"
                 . "\r\nok", 'no answer|answer cut off|timed out'],
    ['/length', "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
     'no answer|answer cut off|timed out'],
    ['/both', "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
              . "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     'no answer|'],
    ['/garbage', "hello\r\n\r\n", 'answer is not HTTP'],
    ['/nothing', last_words(''), 'no answer'],
    ['/status', "HTTP/1.1 abc\r\n\r\n", 'answer is not HTTP'],
    ['/binary', last_words(CORE::join '', map { chr } 0 .. 255), 'answer is not HTTP'],
    ['/tls', last_words("\x15\x03\x01\x00\x02\x02\x46"), 'answer is not HTTP'],
    ['/long-line', last_words('HTTP/1.1 200 ' . 'x' x 100000), 'no answer'],
    ['/long-header', last_words(answer('200 OK', '', 'X: ' . 'x' x 100000)),
     'answer cut off'],
    ['/headers', last_words(answer('200 OK', '', map { "X-$_: x" } 1 .. 10000)),
     'answer cut off'],
    ['/header', answer('200 OK', 'ok', 'no colon', "Nul: a\0b", ': empty'),
     'no answer|'],
    ['/endless', endless("HTTP/1.0 200 OK\r\n\r\n", 'x' x 65536),
     'answer is too long'],
    ['/endless-chunks', endless(chunked(''), "1000\r\n" . 'x' x 4096 . "\r\n"),
     'answer is too long'],
    ['/endless-status', endless('HTTP/1.1 200 ', 'x' x 4096), 'no answer'],
    ['/endless-headers', endless("HTTP/1.1 200 OK\r\n", "X: y\r\n" x 500),
     'answer cut off'],
    ['/endless-100', endless('', "HTTP/1.1 100 Continue\r\n\r\n", 0.05),
     'status 100|timed out|answer cut off'],
    ['/drip', endless("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", 'x',
                      0.05), 'timed out'],
    ['/drip-status', endless('HTTP/1.1 200 ', 'x', 0.05), 'timed out'],
    ['/drip-headers', endless("HTTP/1.1 200 OK\r\n", "X: y\r\n", 0.05),
     'timed out'],
    ['/bomb', answer('200 OK', memGzip("\0" x 67108864),
                     'Content-Encoding: gzip'), ''],
    ['/log', answer("500 \x1b[31m\n[x] line", 'ok'), 'answer cut off'],
    ['/100', "HTTP/1.1 100 Continue\r\n\r\n" . answer('200 OK', 'ok'),
     'status 100|timed out|answer cut off'],
    ['/101', "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     'status 101|timed out|no answer'],
);

# the most that a process ever had in memory, kB
sub peak {
    open my $in, '<', "/proc/$_[0]/status" or return 0;
    return CORE::join('', <$in>) =~ /^VmHWM:\s+(\d+)/m ? $1 : 0;
}

our $Server = RawServer->new(map { $_->[0] => $_->[1] } @Cases);

our $Url = 'http://127.0.0.1:' . $Server->port;

# one handler a case; who does not wait for the end of it has all the time
sub handlers {
    return CORE::join '', map { <<"END" } @_;
    api_event_handlers AuthFailure webhook retry=off url=$Url$_->[0]
                       timeout=@{[$_->[2] =~ /timed out/ ? '2s' : '1m']};
END
}

worker_connections(1024);
run_tests();

__DATA__

=== TEST 1: answers of all kinds
--- http_config eval
::handlers(@::Cases)
--- config eval
<<"END"
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
    location = /secret {
        internal;
        proxy_pass $::Url/followed;
    }
    location \@secret {
        rewrite ^ /followed break;
        proxy_pass $::Url;
    }
END
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my @worker = worker_pids();
    my $counts = delivered(100);
    my @failed = log_lines('" failed: ');
    my ($ok, $dead) = (0, 0);

    for my $case (@::Cases) {
        my ($path, undef, $want) = @$case;
        my ($got) = map { m{"$::Url$path" failed: (.*)} } @failed;

        like($got // '', $want eq '' ? qr/^$/ : qr/^(?:$want)/, $path);
        defined $got ? $dead++ : $ok++;
    }

    is($counts, "$ok 0 $dead", 'counts');
    is(scalar(grep { $_->[0] eq '/followed' } $::Server->requests), 0,
       'nothing is followed');

    my %times;
    $times{$_->[0]}++ for $::Server->requests;
    is("@{[grep { $times{$_} != 1 } keys %times]}", '', 'sent once');

    is(raise(1), '401', 'the next event');
    delivered(100);
    is("@{[worker_pids()]}", "@worker", 'the worker lives');
    is(equations('/.metrics'), '', 'equations');

    # most of it is the zone's; what was sent is 130 MB; ASan keeps what is freed
    cmp_ok(::peak($worker[0]), '<', 65536, 'kB at the most')
        unless ($ENV{APIEVENTS_MODULE} // '') =~ /asan/;
}
