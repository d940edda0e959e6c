# Sequence, which counts the events of a key, and LimiterOverflow, when there is no
# memory for more counters.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

# requests on one connection; the number of each status
sub many {
    my ($text, @names) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                     PeerPort => $Test::Nginx::Util::ServerPortForClient)
                 or die "connect: $!\n";
    my %statuses;

    while (my @some = splice @names, 0, 50) {
        my ($in, $n) = ('', 0);

        print $socket map { $text =~ s/NAME/$_/r } @some;
        $socket->flush;

        while ($n < @some) {
            sysread $socket, $in, 65536, length $in or die "closed\n";

            while ($in =~ m{^HTTP/1\.1 (\d+)(.*?\r\n\r\n)}s) {
                my ($status, $head, $size) = ($1, $2, $+[0]);

                $size += $1 if $head =~ /^Content-Length: (\d+)/mi;
                last if length $in < $size;

                substr $in, 0, $size, '';
                $statuses{$status}++;
                $n++;
            }
        }
    }

    return \%statuses;
}

{
    no warnings "once";
    *Test::Base::Filter::many = \&many;
}

log_level('info');
run_tests();

__DATA__

=== TEST 1: a number for each key, and for each API where there is none
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers * webhook url=$HOOK/ok template=../html/event.json concurrency=1;
--- config
    location /a { api_id a; empty_gif; }
    location /b { api_id b; empty_gif; }
--- user_files
>>> keys.json
{"one-key-0123456789": {"expires": 1, "access_rights": {"a": {}, "b": {}}}}
>>> event.json
{"type": "{{.Type}}", "api": "{{.APIID}}", "key": "{{.Meta.KeyID}}", "n": {{.Sequence}}}
--- request eval
[map "GET /$_", qw(a a b a b a b)]
--- more_headers eval
['Authorization: one-key-0123456789', 'Authorization: two-key-0123456789',
 'Authorization: one-key-0123456789', 'X: 1', 'X: 1', 'X: 1',
 'Authorization: two-key-0123456789']
--- error_code eval
[401, 403, 401, 401, 401, 401, 403]
--- recorded_count: 7
--- recorded_check eval
sub {
    my %got;

    push @{ $got{ $_->{json}{key} || $_->{json}{api} } },
        "$_->{json}{type} $_->{json}{n}" for @_;

    is(CORE::join(', ', sort map { CORE::join ' ', @$_ } values %got),
       'AuthFailure 1, AuthFailure 1 AuthFailure 2, AuthFailure 1 AuthFailure 2, '
       . 'KeyExpired 1 KeyExpired 2', 'numbers');
}

=== TEST 2: more limits than there is memory for
--- http_config
    keepalive_requests 1000000;
    api_zone apievents:4m ring=64k;
    api_event_handlers LimiterOverflow webhook url=$HOOK/ok template=../html/event.json;
    api_rate 1r/d key=$arg_k;
--- config
    location /a { api_id a; api_auth off; empty_gif; }
--- user_files
>>> event.json
{"type": "{{.Type}}", "api": "{{.APIID}}", "message": "{{.Meta.Message}}",
 "count": {{.Meta.Count}}, "key": "{{.Meta.KeyID}}"}
--- recorder
--- request
GET /a?k=none
--- error_code: 200
--- check eval
sub {
    my ($passed, $n) = (0, 0);

    # none gains allowance by it: of those that share one, one passes
    while ($n < 100_000 && !recorded()) {
        my $got = many("GET /a?k=NAME HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       map { ++$n } 1 .. 2000);

        $passed += $got->{200} // 0;
    }

    ok(wait_for(sub { scalar(() = recorded()) }), "an event, after $n keys");

    my $event = (recorded())[0]{json};

    is("$event->{type} $event->{message} $event->{api}$event->{key}",
       'LimiterOverflow Limiter memory is used up ', 'event');
    cmp_ok($event->{count}, '>', 0, 'Count');
    cmp_ok($passed, '<', $n, 'not all passed');
    like(error_log_text(), qr/\[warn\] .* requests shared a limit, "api_zone" has no room for more counters/,
         'the log');

    # what had a counter before is still known
    my $again = many("GET /a?k=NAME HTTP/1.1\r\nHost: localhost\r\n\r\n", 'none', 1 .. 99);
    is($again->{429}, 100, 'and nobody passes twice');
}
--- metrics_equation
