# Relays that refuse, hang or are not there.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use Smtp;
use ApiEvents;
use DeliverBlocks;
use EmailBlocks;

our $Admin = <<'END';
        location /a { api_id a; empty_gif; }
        location = /.metrics { api_metrics; }
        location = /free { empty_gif; }
        location /tyk/ { api_admin; }
END

# what the management answers, decoded
sub admin {
    my ($uri) = @_;
    my (undef, undef, $body) = ApiEvents::http_get($uri, undef,
                                    "Admin-Auth: secret-of-operations\r\n");

    return $body;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: 5xx to sender, recipient and message: dead at once, and shown
--- http_config
    api_admin_user ops secret=secret-of-operations;
    api_event_handlers AuthFailure email to=a@example.com from=m553@example.com;
    api_event_handlers AuthFailure email to=a@example.com,r550@example.com;
    api_event_handlers AuthFailure email to=d554@example.com;
    api_event_handlers DeliveryDead log prefix=TOLD format=json;
--- config eval: $::Admin
--- check eval
sub {
    is(scalar(() = ::log_lines('TOLD', 3)), 3, 'told of');
    is(delivered(), '3 0 3', 'dead') or diag(ApiEvents::error_log_text());

    my $log = ApiEvents::error_log_text();

    like($log, qr{failed: MAIL FROM: 553 .*because it was asked for},
         'the sender');
    like($log, qr{failed: RCPT TO:<r550\@example.com>: 550 .*because},
         'which recipient');
    like($log, qr{failed: DATA: 554 .*because it was asked for}, 'the message');
    is(scalar(() = mails('a', 0)), 0, 'none of several gets it');

    my $dead = '';
    ApiEvents::wait_for(sub {
        $dead = ::admin('/tyk/dead-letters') // '';
        3 == (() = $dead =~ /because it was asked for/g)
    });
    like($dead, qr{RCPT TO:<r550\@example.com>: 550 .*because}, 'a dead letter');
    like($dead, qr{"email"}, 'of that handler');
}

=== TEST 2: 4xx: tried again, then taken, under the same Message-ID
--- http_config
    api_event_handlers AuthFailure email to=once-d451@example.com;
    api_event_handlers AuthFailure email to=once-r450@example.com;
--- check eval
sub {
    my @failed = failures(2);

    like("@failed", qr/DATA: 451 .*because .*, attempt 1, the next in \d+s/,
         'the message');
    like("@failed", qr/RCPT TO:<once-r450\@example.com>: 450 .*because/,
         'the recipient');

    Clock::advance(10);

    my @mails = mails('once-d451', 2);
    is(scalar(@mails), 2, 'sent twice');
    is($mails[0]{id}, $mails[1]{id}, 'as the same mail');
    is($mails[0]{date}, $mails[1]{date}, 'of that date');
    is(scalar(() = mails('once-r450', 1)), 1, 'the other once');
    is(delivered(), '2 0 0', 'delivered');
}

=== TEST 3: the last attempt
--- http_config
    api_event_handlers AuthFailure email to=d451@example.com retry=2;
--- check eval
sub {
    failures(1);
    Clock::advance(10);
    is(delivered(), '0 0 1', 'dead');
    like((failures(2))[1], qr/^DATA: 451 .*because it was asked for$/, 'why');
}

=== TEST 4: a relay that is not there, and comes
--- http_config eval
$::Port = Smtp::free_port();
"    api_smtp smtp://127.0.0.1:$::Port from=api\@example.com starttls=off;
    api_event_handlers AuthFailure email to=down\@example.com;"
--- check eval
sub {
    like((failures(1))[0], qr/Failed to connect .*, the next in/, 'refused');

    my $smtp = Smtp->new(port => $::Port);
    Clock::advance(10);

    is(scalar(() = $smtp->mails('down@example.com', 1)), 1, 'sent');
    is(delivered(), '1 0 0', 'delivered');
}

=== TEST 5: a connection that is cut
--- http_config
    api_event_handlers AuthFailure email to=once-cut@example.com;
--- check eval
sub {
    like((failures(1))[0], qr/\S.*, attempt 1, the next in/, 'cut');
    Clock::advance(10);
    is(scalar(() = mails('once-cut', 1)), 1, 'sent');
    is(delivered(), '1 0 0', 'delivered');
}

=== TEST 6: a name that is none
--- http_config
    api_smtp smtp://relay.invalid from=api@example.com starttls=off;
    api_event_handlers AuthFailure email to=name@example.com retry=off timeout=20s;
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/resolve|timed out|timeout/i, 'why');
}

=== TEST 7: a relay that hangs holds up nothing else
--- http_config
    api_event_handlers AuthFailure email to=hang@example.com timeout=5s retry=off;
    api_event_handlers AuthFailure webhook url=$HOOK/hook;
--- recorder
--- check eval
sub {
    ::raise(11);

    ApiEvents::wait_for(sub { 12 <= (() = ApiEvents::recorded()) });
    is(scalar(() = ApiEvents::recorded()), 12, 'the webhooks arrive');

    my ($status) = ApiEvents::http_get('/free');
    is($status, 200, 'requests are answered');

    like((failures(1))[0], qr/timed out/i, 'it is given up');
}
--- recorded_wait: 0

=== TEST 8: of a relay's answer to a password nothing is kept but the code
--- http_config eval
$::Wrong = Smtp->new(user => 'u', password => 'right-one');
"    api_admin_user ops secret=secret-of-operations;
    api_smtp smtp://127.0.0.1:" . $::Wrong->port . " from=api\@example.com"
. " starttls=off user=u password=hidden-wrong-one;
    api_event_handlers AuthFailure email to=auth\@example.com retry=off;"
--- config eval: $::Admin
--- check eval
sub {
    my $base64 = MIME::Base64::encode_base64('hidden-wrong-one', '');

    is(delivered(), '0 0 1', 'dead');
    like((failures(1))[0], qr/^AUTH: 535$/, 'why');

    my $all = ApiEvents::error_log_text() . (::admin('/tyk/deliveries') // '')
              . (::admin('/tyk/dead-letters') // '')
              . (ApiEvents::http_get('/.metrics'))[2];

    unlike($all, qr/hidden-wrong-one|\Q$base64\E/, 'no password');
    ok(scalar(grep { !$_->{good} } $::Wrong->logins), 'it was told to the relay');
}
