# Relays that hang or refuse at each step of a conversation; a queue that is
# full; whom a threshold is told to.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use Smtp;
use ApiEvents;
use DeliverBlocks;
use EmailBlocks;
use File::Temp;
use IO::Socket::INET;

our %Relays;

# A relay that goes wrong at a step (GREETING, EHLO, MAIL, RCPT, DATA, DOT): it
# says $what, or nothing any more.  One process a connection.
sub broken {
    my ($step, $what) = @_;
    my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
        or die "listen: $!\n";
    my $log = File::Temp->new;
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';

        # it ends with the test, however that ends
        my $parent = getppid;

        while (getppid == $parent) {
            my $ready = '';
            vec($ready, fileno $listen, 1) = 1;
            next unless select $ready, undef, undef, 0.5;

            my $client = $listen->accept or next;
            next if fork;
            close $listen;
            talk($client, $step, $what, $log->filename);
            POSIX::_exit(0);
        }

        POSIX::_exit(0);
    }

    $Relays{$pid} = $log;

    return { port => $listen->sockport, log => $log };
}

sub talk {
    my ($client, $step, $what, $log) = @_;
    my %answers = (GREETING => '220 relay', EHLO => '250 relay',
                   MAIL => '250 ok', RCPT => '250 ok', DATA => '354 go on',
                   DOT => '250 ok', QUIT => '221 bye');
    my $now = 'GREETING';

    alarm 60;

    while (1) {
        if ($now eq $step) {
            reached($log, $step);

            # until the client goes away
            if (!defined $what) {
                1 while defined <$client>;
                return;
            }
        }

        print $client $now eq $step ? "$what\r\n"
                                    : ($answers{$now} // '250 ok') . "\r\n";

        my $line = <$client> // return;

        if ($now eq 'DATA' && $step ne 'DATA') {
            while ($line ne ".\r\n") { $line = <$client> // return }
            $now = 'DOT';

        } else {
            ($now) = uc($line) =~ /^(\w+)/;
            $now = 'EHLO' if $now eq 'HELO';
        }
    }
}

sub reached {
    my ($log, $step) = @_;

    open my $out, '>>', $log or return;
    print $out "$step\n";
    close $out;
}

# api_smtp of it
sub relay {
    return "api_smtp smtp://127.0.0.1:$_[0]{port} from=api\@example.com"
           . " starttls=off;\n";
}

END {
    my $status = $?;
    kill 'KILL', keys %Relays;
    waitpid $_, 0 for keys %Relays;
    $? = $status;
}

no_long_string();
run_tests();

__DATA__

=== TEST 1: a relay that says nothing any more is given up
--- http_config eval
$::Hang = ::broken('GREETING');
::relay($::Hang) . "api_event_handlers AuthFailure email to=a\@example.com timeout=1s retry=off;"
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/timed out|timeout/i, 'why');
}

=== TEST 2: at EHLO
--- http_config eval
$::Hang = ::broken('EHLO');
::relay($::Hang) . "api_event_handlers AuthFailure email to=a\@example.com timeout=1s retry=off;"
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/timed out|timeout/i, 'why');
}

=== TEST 3: at MAIL FROM
--- http_config eval
$::Hang = ::broken('MAIL');
::relay($::Hang) . "api_event_handlers AuthFailure email to=a\@example.com timeout=1s retry=off;"
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/timed out|timeout/i, 'why');
}

=== TEST 4: at RCPT TO
--- http_config eval
$::Hang = ::broken('RCPT');
::relay($::Hang) . "api_event_handlers AuthFailure email to=a\@example.com timeout=1s retry=off;"
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/timed out|timeout/i, 'why');
}

=== TEST 5: at DATA
--- http_config eval
$::Hang = ::broken('DATA');
::relay($::Hang) . "api_event_handlers AuthFailure email to=a\@example.com timeout=1s retry=off;"
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/timed out|timeout/i, 'why');
}

=== TEST 6: behind the message; it is tried again, a minute later at the least
--- http_config eval
$::Hang = ::broken('DOT');
::relay($::Hang) . "api_event_handlers AuthFailure email to=a\@example.com timeout=1s retry=2;"
--- check eval
sub {
    my ($why) = failures(1);
    my ($next) = $why =~ /attempt 1, the next in (\d+)s/;

    like($why, qr/timed out|timeout/i, 'why');
    cmp_ok($next // 0, '>=', 59, 'the next one');
    Clock::advance(75);
    is(delivered(30), '0 0 1', 'dead after the second');
}

=== TEST 7: 4xx to the sender is tried again
--- http_config eval
$::At = ::broken('MAIL', '451 not now');
::relay($::At) . "api_event_handlers AuthFailure email to=a\@example.com retry=2;"
--- check eval
sub {
    like((failures(1))[0], qr/^MAIL FROM: 451 not now, attempt 1, the next in/,
         'why');
    Clock::advance(10);
    is(delivered(30), '0 0 1', 'dead after the last');
}

=== TEST 8: 421 instead of a greeting
--- http_config eval
$::At = ::broken('GREETING', '421 too many connections');
::relay($::At) . "api_event_handlers AuthFailure email to=a\@example.com retry=2;"
--- check eval
sub {
    like((failures(1))[0], qr/421.*, attempt 1, the next in/, 'why');
    Clock::advance(10);
    is(delivered(30), '0 0 1', 'dead after the last');
}

=== TEST 9: 554 instead of a greeting is about the gateway: tried again
--- http_config eval
$::At = ::broken('GREETING', '554 no service');
::relay($::At) . "api_event_handlers AuthFailure email to=a\@example.com retry=2;"
--- check eval
sub {
    like((failures(1))[0], qr/554.*, attempt 1, the next in/, 'why');
    Clock::advance(10);
    is(delivered(30), '0 0 1', 'dead after the last');
}

=== TEST 10: 552 at DATA is about the mail: dead at once
--- http_config eval
$::At = ::broken('DATA', '552 too much');
::relay($::At) . "api_event_handlers AuthFailure email to=a\@example.com;"
--- check eval
sub {
    is(delivered(30), '0 0 1', 'dead');
    like((failures(1))[0], qr/^DATA: 552 too much$/, 'why');
}

=== TEST 11: AUTH refused is tried again, with the login of then
--- http_config eval
$::Login = Smtp->new(user => 'u', password => 'right-one');
"api_smtp smtp://127.0.0.1:" . $::Login->port . " from=api\@example.com"
. " starttls=off user=u password=wrong-one;
api_event_handlers AuthFailure email to=auth\@example.com retry=2;"
--- check eval
sub {
    like((failures(1))[0], qr/^AUTH: 535, attempt 1, the next in/, 'why');
    Clock::advance(10);
    is(delivered(30), '0 0 1', 'dead after the last');
    is(scalar(() = $::Login->mails('auth@example.com', 0)), 0, 'no mail');
}

=== TEST 12: a queue that is full: what comes is dead, and counted
--- http_config eval
$::At = ::broken('GREETING');
::relay($::At) . "api_event_handlers AuthFailure email to=a\@example.com timeout=3s retry=off queue=3 concurrency=1;"
--- check eval
sub {
    ApiEvents::wait_for(sub { -s $::At->{log}->filename }, 30);
    ::raise(9);

    my $m;
    ApiEvents::wait_for(sub {
        $m = ApiEvents::metrics('/.metrics');
        ($m->('apievents_deliveries_total') // 0) == 10
    }, 30);
    cmp_ok($m->('apievents_deliveries{state="dead"}'), '>=', 6, 'dead');
    cmp_ok($m->('apievents_deliveries{state="pending"}'), '<=', 4, 'at most');
    like(ApiEvents::error_log_text(), qr/queue of email "a\@example\.com" is full/,
         'and said');
    is(equations('/.metrics'), '', 'the equations hold');
}

=== TEST 13: a key's user is told of a threshold, in the words built in
--- http_config
    api_keys $TEST_NGINX_SERVER_ROOT/html/keys.json;
    api_monitor limits=50,100 keys=on
        email "to={{or .Meta.email `ops@example.com`}}";
--- config
    location /a { api_id a; api_org acme; empty_gif; }
    location = /.metrics { api_metrics; }
--- user_files
>>> keys.json
{"one-key-0123456789": {"quota_max": 2, "alias": "Jane <J>", "access_rights": {"a": {}},
                        "meta_data": {"email": "jane@example.com"}},
 "two-key-0123456789": {"quota_max": 2, "alias": "none", "access_rights": {"a": {}}}}
--- check eval
sub {
    ::raise(2, '/a', "Authorization: one-key-0123456789\r\n");
    ::raise(1, '/a', "Authorization: two-key-0123456789\r\n");

    my @jane = sort { $a->{event} cmp $b->{event} } mails('jane', 2);
    my ($ops) = mails('ops');

    is(scalar @jane, 2, 'each threshold once');
    is($jane[0]{subject}, 'Quota: 50 % used by Jane <J>', 'Subject');
    like($jane[0]{text}, qr/^A key \(Jane <J>\) has used 50 % of its quota\.\n\nThreshold: 50 %\n/,
         'text');
    like($jane[0]{html}, qr{\(Jane &lt;J&gt;\)\s+has used <b>50 %</b>}, 'HTML');
    like($jane[1]{text}, qr/has used 100 % of its quota/, 'the other one');
    like($ops->{text}, qr/\(none\) has used 50 %/, 'who has no address');
    unlike("@{[map { $_->{raw} } @jane, $ops]}", qr/-key-0123456789/, 'no key');
}
