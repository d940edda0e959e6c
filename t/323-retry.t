# When a delivery that failed is tried again, and when it is given up.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use DeliverBlocks;
use IO::Socket::INET;
use RawServer;

sub answer {
    my ($status, @fields) = @_;

    return CORE::join("\r\n", "HTTP/1.1 $status", @fields,
                      'Content-Length: 0', '', '');
}

our @Schedule = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400);

our $Server = RawServer->new(
    '/429' => answer('429 Slow', 'Retry-After: 100'),
    '/429-long' => answer('429 Slow', 'retry-after: 9999'),
    '/429-date' => answer('429 Slow',
                          'Retry-After: Fri, 31 Dec 2100 23:59:59 GMT'),
    '/502' => answer('502 Bad'),
    '/503' => answer('503 No', 'Retry-After: soon'),
    '/504' => answer('504 Late', 'Retry-After: 1'),
    '/500' => answer('500 No', 'Retry-After: 100'),
    '/all' => answer('500 No'),
    '/410' => answer('410 Gone'),
    '/gone' => answer('404 Gone'),
    '/disable' => answer('200 OK', 'webhook-delivery: disable'),
    '/disable-500' => answer('500 No', 'webhook-delivery: disable'),
    '/abort' => answer('500 No', 'Webhook-Delivery: abort-message'),
    '/control' => answer('500 No', 'webhook-delivery: please'),
    '/409' => answer('409 Twice'),
    '/409-always' => answer('409 Twice'),
);

our $Url = 'http://127.0.0.1:' . $Server->port;

# so many requests for a path
sub arrived {
    my ($path, $n) = @_;
    my @requests;

    ApiEvents::wait_for(sub {
        @requests = grep { $_->[0] eq $path } $::Server->requests;
        @requests >= $n
    });

    return @requests;
}

# what the management says to a request with that method
sub admin {
    my ($method, $uri) = @_;
    my $fh = IO::Socket::INET->new("127.0.0.1:$ENV{TEST_NGINX_SERVER_PORT}")
        or return '';

    print $fh "$method $uri HTTP/1.0\r\nAdmin-Auth: secret-of-ops\r\n\r\n";
    local $/;

    return scalar <$fh>;
}

# the seconds until the next attempt, as the log has them of that path
sub waits {
    my ($path, $n) = @_;
    my @waits;

    ApiEvents::wait_for(sub {
        @waits = ApiEvents::error_log_text()
                 =~ m{\Q$path\E" failed: [^\n]*?, the next in (\d+)s}g;
        @waits >= $n
    });

    return @waits;
}

sub told {
    my ($n) = @_;

    ApiEvents::wait_for(sub { $n <= (() = ApiEvents::recorded()) });

    return map { $_->{json} } ApiEvents::recorded();
}

our $Told = <<'END';
    api_event_handlers EndpointDisabled webhook url=$HOOK/told
                       template=../html/all.json;
    api_event_handlers EndpointRecovered webhook url=$HOOK/told
                       template=../html/all.json;
    api_event_handlers DeliveryDead webhook url=$HOOK/told
                       template=../html/all.json;
END

our $All = ">>> all.json\n{{json .}}\n";

run_tests();

__DATA__

=== TEST 1: the whole schedule
--- http_config eval
"$::Told
    api_event_handlers AuthFailure webhook url=$::Url/all;"
--- user_files eval: $::All
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- recorder
--- check eval
sub {
    my @got;
    my $sum = 0;

    for my $i (0 .. 8) {
        @got = ::arrived('/all', $i + 1);
        is(scalar @got, $i + 1, "attempt " . ($i + 1));

        my $wait = (::waits('/all', $i + 1))[$i] // 0;
        my $delay = $::Schedule[$i];

        $sum += $wait;
        cmp_ok($wait, '>=', int(0.8 * $delay), "after $delay s, less 20 %");
        cmp_ok($wait, '<=', 1.2 * $delay + 1, "after $delay s, and 20 %");

        if ($delay > 100) {
            Clock::advance($wait - 60);
            select undef, undef, undef, 0.2;
            is(scalar(() = ::arrived('/all', 1)), $i + 1, 'not before');
            Clock::advance(61);

        } else {
            Clock::advance($wait + 1);
        }
    }

    @got = ::arrived('/all', 10);
    is(scalar @got, 10, 'ten attempts');

    my $all = 75 * 3600 + 35 * 60 + 5;
    cmp_ok($sum, '>=', 0.8 * $all - 9, '75 h 35 min 05 s, less 20 %');
    cmp_ok($sum, '<=', 1.2 * $all + 9, '75 h 35 min 05 s, and 20 %');

    # the last one is over, and told of
    ok(scalar(::told(1)), 'told of');
    delivered();
    Clock::advance(5 * 86400);
    is(scalar(() = ::arrived('/all', 1)), 10, 'and no eleventh');

    my %ids = map { $_->[1] =~ /^webhook-id: (\S+)/m; $1 => 1 } @got;
    is(scalar(keys %ids), 1, 'under one id');

    # of the five days one success of another delivery would make no end
    my ($dead) = grep { $_->{Type} eq 'DeliveryDead' } ::told(1);
    my $meta = $dead->{Meta};

    is($meta->{Message}, 'Delivery given up', 'Message');
    is($meta->{Endpoint}, "$::Url/all", 'Endpoint');
    is($meta->{Handler}, 'webhook', 'Handler');
    is($meta->{Reason}, 'status 500', 'Reason');
    is($meta->{Attempts}, 10, 'Attempts');
    is($meta->{Status}, 500, 'Status');
    is($meta->{Event}, 'AuthFailure', 'Event');
    is($meta->{API}, 'a', 'API');
    ok($ids{$meta->{EventID}}, 'EventID');
    is(delivered(), '1 0 1', 'counts');
}

=== TEST 2: a number of attempts, a success between them
--- http_config
    api_event_handlers AuthFailure webhook retry=3 url=$HOOK/flaky/2;
    api_event_handlers AuthFailure webhook retry=2 url=$HOOK/status/500;
    api_event_handlers AuthFailure webhook retry=1 url=$HOOK/status/501;
    api_event_handlers AuthFailure webhook retry=off url=$HOOK/status/505;
--- recorder
--- check eval
sub {
    my $n = sub { my ($p) = @_; scalar grep { $_->{uri} eq $p } recorded() };

    ok(wait_for(sub { 4 == (() = recorded()) }), 'each once');
    Clock::advance(7);
    ok(wait_for(sub { 6 == (() = recorded()) }), 'two again');
    Clock::advance(361);
    is(delivered(), '1 0 3', 'counts');
    is($n->('/flaky/2'), 3, 'flaky');
    is($n->('/status/500'), 2, 'two attempts');
    is($n->('/status/501'), 1, 'one');
    is($n->('/status/505'), 1, 'off');
}
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }

=== TEST 3: answers that ask to slow down
--- http_config eval
CORE::join '', map { "api_event_handlers AuthFailure webhook url=$::Url$_;\n" }
    qw{ /429 /429-long /429-date /502 /503 /504 /500 /control }
--- check eval
sub {
    my %most = qw{ /429-long 120 /429-date 120 /502 60 /503 60 /504 60 };

    is((::waits('/429', 1))[0], 100, 'Retry-After');

    for my $path (sort keys %most) {
        cmp_ok((::waits($path, 1))[0], '>=', 60, "$path at the least");
        cmp_ok((::waits($path, 1))[0], '<=', $most{$path}, "$path at the most");
    }

    cmp_ok((::waits($_, 1))[0], '<=', 6, "$_ does not") for qw{/500 /control};
    cmp_ok((::waits($_, 1))[0], '>=', 4, $_) for qw{/500 /control};
}

=== TEST 4: so does a time that is over
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/hang timeout=500ms;
--- recorder
--- check eval
sub {
    my ($wait) = ::waits('/hang', 1);

    cmp_ok($wait, '>=', 60, 'at the least');
    cmp_ok($wait, '<=', 60, 'at the most');
}

=== TEST 5: the receiver is gone
--- http_config eval
"$::Told
    api_event_handlers AuthFailure webhook url=$::Url/410 concurrency=1;"
--- user_files eval: $::All
--- recorder
--- request eval
[("GET /a") x 3]
--- error_code eval
[(401) x 3]
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- check eval
sub {
    is(delivered(), '1 0 3', 'none is left');

    my @told = ::told(1);

    is("@{[map { $_->{Type} } @told]}", 'EndpointDisabled', 'told once');
    is($told[0]{Meta}{Message}, 'Endpoint disabled', 'Message');
    is($told[0]{Meta}{Reason}, 'status 410', 'Reason');
    is($told[0]{Meta}{Endpoint}, "$::Url/410", 'Endpoint');
    is(raise(2), '401 401', 'more');
    is(delivered(), '1 0 5', 'are given up');
    is(scalar(grep { $_->[0] eq '/410' } $::Server->requests), 1, 'one attempt');
    is(scalar(log_lines('" is disabled: ')), 1, 'one line');
}

=== TEST 6: the receiver says that it wants no more, or not this one
--- http_config eval
"$::Told
    api_event_handlers AuthFailure webhook url=$::Url/disable;
    api_event_handlers AuthFailure webhook url=$::Url/abort;
    api_event_handlers AuthFailure webhook url=$::Url/disable-500;"
--- user_files eval: $::All
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- recorder
--- check eval
sub {
    is(delivered(), '4 0 2', 'one took it all the same');

    my @told = ::told(3);
    my %told = map { $_->{Type} => $_->{Meta} } @told;
    my @disabled = sort map { $_->{Meta}{Endpoint} }
                        grep { $_->{Type} eq 'EndpointDisabled' } @told;

    is("@disabled", "$::Url/disable $::Url/disable-500", 'disabled');
    is($told{EndpointDisabled}{Reason}, 'webhook-delivery: disable', 'why');
    is($told{DeliveryDead}{Endpoint}, "$::Url/abort", 'dead');
    is($told{DeliveryDead}{Reason}, 'webhook-delivery: abort-message', 'why');
    is($told{DeliveryDead}{Attempts}, 1, 'Attempts');
    raise(1);
    is(delivered(), '5 0 5', 'the next');
    is(scalar(::arrived('/abort', 2)), 2, 'is asked again');
    is(scalar(::arrived('/disable', 1)), 1, 'is not');
}

=== TEST 7: five days of nothing but failure
--- http_config eval
"$::Told
    api_event_handlers AuthFailure webhook url=$::Url/409-always;"
--- user_files eval: $::All
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- recorder
--- check eval
sub {
    ::waits('/409-always', 1);
    Clock::advance(5 * 86400 - 600);
    ::waits('/409-always', 2);
    is(scalar(() = recorded()), 0, 'not before');
    Clock::advance(900);
    ok(wait_for(sub { () = recorded() }), 'then');
    Clock::advance(86400);
    is(delivered(), '1 0 1', 'what waits is given up when it is due');
    is(scalar(() = ::arrived('/409-always', 1)), 3, 'without an attempt');

    my @told = ::told(1);

    is("@{[map { $_->{Type} } @told]}", 'EndpointDisabled', 'told');
    is($told[0]{Meta}{Reason}, 'nothing but failed for 5 days', 'Reason');
}

=== TEST 8: one that had to be given up takes deliveries again
--- http_config eval
"$::Told" . '
    api_event_handlers AuthFailure webhook url=$HOOK/flaky/1 retry=off;'
--- user_files eval: $::All
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- recorder
--- check eval
sub {
    is(delivered(), '1 0 1', 'dead');
    raise(2);
    is(delivered(), '4 0 1', 'delivered');

    my @told = grep { $_->{uri} eq '/told' } recorded();

    is("@{[map { $_->{json}{Type} } @told]}", 'DeliveryDead EndpointRecovered',
       'once each');
}

=== TEST 9: what is a success
--- http_config eval
"api_event_handlers AuthFailure webhook url=$::Url/409 success=200,409;
 api_event_handlers AuthFailure webhook url=$::Url/gone success=4xx;
 api_event_handlers AuthFailure webhook retry=off success=202 url=$::Url/other;"
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- check eval
sub {
    is(delivered(), '2 0 1', 'counts');
    like(CORE::join('', log_lines('" failed: ')), qr{/other" failed: status 200}, 'another');
}

=== TEST 10: nobody is told that nobody can be told
--- http_config
    api_event_handlers * webhook url=$HOOK/status/500 retry=off;
    api_event_handlers * log prefix=LOG;
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
--- recorder
--- check eval
sub {
    is(delivered(), '2 0 2', 'two events, two handlers');
    is(scalar(grep { /LOG:DeliveryDead:/ } log_lines('LOG:', 2)), 1, 'one of it');
}

=== TEST 11: disabled for five days of failure, enabled again, recovered
--- http_config eval
"$::Told" . '
    api_admin_user ops secret=secret-of-ops;
    api_event_handlers AuthFailure webhook url=$HOOK/flaky/3;'
--- user_files eval: $::All
--- config
    location /a { api_id a; empty_gif; }
    location = /.metrics { api_metrics; }
    location /tyk/ { api_admin; }
--- recorder
--- check eval
sub {
    my $told = sub {
        map { $_->{json} } grep { $_->{uri} eq '/told' } recorded()
    };

    for my $n (1 .. 2) {
        ok(wait_for(sub { $n <= (() = log_lines('/flaky/3" failed')) }),
           "attempt $n");
        Clock::advance($n == 1 ? 10 : 5 * 86400);
    }

    ok(wait_for(sub { $told->() }), 'told');

    my ($disabled) = $told->();
    is($disabled->{Type}, 'EndpointDisabled', 'of what');

    my ($id) = map { /^([0-9a-f]{32})"(?:(?!"id":").)*\/flaky\/3"/ ? $1 : () }
               split /"id":"/, ::admin('GET', '/tyk/endpoints');
    like(::admin('POST', "/tyk/endpoints/$id/enable"), qr/"state":"enabled"/,
         'enabled');

    raise(1);
    ok(wait_for(sub { 2 <= (() = $told->()) }), 'told again');

    my $recovered = ($told->())[1];
    is($recovered->{Type}, 'EndpointRecovered', 'of what');
    is($recovered->{Meta}{Endpoint}, $disabled->{Meta}{Endpoint}, 'Endpoint');

    raise(2);
    like(delivered(), qr/ 0 \d$/, 'nothing waits');
    is(scalar(() = $told->()), 2, 'once');
}
