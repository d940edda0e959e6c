# Several events in one request: signed as a whole, and each of them one that
# the package of CloudEvents takes.

use strict;
use warnings;

use lib 't/interop', 't/chaos', 't/lib';
use Clock;
use Chaos;
use Interop;

use MIME::Base64 qw(encode_base64);
use Test::More;

my $events = 5;
my $secret = 'whsec_' . encode_base64('s' x 32, '');
my $receiver = Interop->new(own => $secret,
                            other => 'whsec_' . encode_base64('o' x 32, ''));
my $nginx = Chaos->new('batch', workers => 1);
my $port = $nginx->port('gateway');

# what comes after the first waits for the rate
$nginx->configure('events { worker_connections 1024; }', <<"END");
    api_zone batch:16m;
    api_event_handlers AuthFailure
                       webhook url=http://127.0.0.1:$receiver->{port}/batch
                       format=cloudevents-batch secret=$secret rate=1r/m;

    server {
        listen 127.0.0.1:$port;

        location / {
            api_id batch;
            empty_gif;
        }
        location = /metrics { api_metrics; }
    }
END
$nginx->start;

is(($nginx->get('/first'))[0], 401, 'refused');
$receiver->requests(1);

is(($nginx->get("/$_"))[0], 401, "/$_: refused") for 1 .. $events;

ok($nginx->until(20, sub {
    my $m = $nginx->metrics;
    $m && $m->{'apievents_deliveries{state="pending"}'} == $events
}), 'they wait');

Clock::advance(61);

my ($first, $batch) = @{ $receiver->requests(2)->{'/batch'} };

is(scalar @{ $first->{cloudevents}{value} }, 1, 'the first came alone');
is($batch->{cloudevents}{error}, undef, 'the package takes the others');
is(scalar @{ $batch->{cloudevents}{value} || [] }, $events, 'in one request');

my %ids = map { $_->{id} => 1 } @{ $batch->{cloudevents}{value} };

is(scalar keys %ids, $events, 'each has its id');
is(join(' ', sort map { $_->{data}{Path} } @{ $batch->{cloudevents}{value} }),
   join(' ', map { "/$_" } 1 .. $events), 'and its data');

for my $r ($first, $batch) {
    my $own = $r->{signed}{own};

    is($own->{as_sent}{error}, undef, 'the signature is verified');
    like($own->{other_body}{error}, qr/^No matching/, 'with no other body');
    like($own->{other_id}{error}, qr/^No matching/, 'nor id');
    like($r->{signed}{other}{as_sent}{error}, qr/^No matching/, 'nor key');
}

is($first->{headers}{'webhook-id'}, $first->{cloudevents}{value}[0]{id},
   'the id of a single event');
like($batch->{headers}{'webhook-id'}, qr/^bat_/, 'the id of a set');

ok($nginx->stop, 'nginx ends');
is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
$receiver->end;
done_testing();
