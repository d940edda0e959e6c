# Secrets that change while deliveries wait: what is tried again is signed with
# what is configured then, and receivers that know one of both verify it.

use strict;
use warnings;

use lib 't/interop', 't/chaos', 't/lib';
use Clock;
use Chaos;
use Interop;

use MIME::Base64 qw(encode_base64);
use Test::More;

sub text { return $_[0] . encode_base64($_[1], '') }

my %secret = map { $_ => text('whsec_', $_ x 8) } qw/ first second third /;

# RFC 8032, 7.1, TEST 1
my $pair = text('whsk_', pack 'H*', '9d61b19deffd5a60ba844af492ec2cc4'
                                    . '4449c5697b326919703bac031cae7f60');
my $public = text('whpk_', pack 'H*', 'd75a980182b10ab7d54bfed3c964073a'
                                      . '0ee172f3daa62325af021a68f707511a');

my $receiver = Interop->new(%secret, public => $public);
my $nginx = Chaos->new('rotation', workers => 1);

my @formats = qw/ tyk standard cloudevents cloudevents-binary
                  cloudevents-batch /;

# of what is configured, one after the other
my @turns = (['first'], ['second', 'first'], ['third', 'second', 'public']);

configure(@{ $turns[0] });
$nginx->start;
is(($nginx->get('/a'))[0], 401, 'refused');

my $n = @formats;
$receiver->requests($n);
verified(0, @{ $turns[0] });

for my $turn (1, 2) {
    configure(@{ $turns[$turn] });
    ok($nginx->reload, "turn $turn: reloaded");

    # those that failed are due, by 72 s at the latest; one more is refused
    # and fails
    ok(idle('apievents_deliveries_in_flight'), "turn $turn: all have failed");
    Clock::advance(80);
    is(($nginx->get('/b'))[0], 401, "turn $turn: refused") if $turn == 1;

    $n += $turn == 1 ? 2 * @formats : @formats;
    $receiver->requests($n);
    verified($turn, @{ $turns[$turn] });
}

my $got = $receiver->requests($n);

for my $format (@formats) {
    my %times;

    push @{ $times{$_->{headers}{'webhook-id'}} }, $_
        for @{ $got->{"/again-$format"} };

    is(join(' ', map { scalar @$_ } values %times), '2 2',
       "$format: two ids, each tried again");

    for my $id (sort keys %times) {
        my ($first, $second) = map { $_->{headers} } @{ $times{$id} };

        is($times{$id}[1]{body}, $times{$id}[0]{body}, "$format: the body");
        cmp_ok($second->{'webhook-timestamp'}, '>',
               $first->{'webhook-timestamp'}, "$format: the time goes on");
    }
}

ok(idle('apievents_deliveries{state="pending"}'), 'nothing is pending');
ok($nginx->stop, 'nginx ends');
$receiver->end;
done_testing();


sub configure {
    my @keys = @_;
    my $port = $nginx->port('gateway');
    my $hook = "webhook url=http://127.0.0.1:$receiver->{port}";
    my $secrets = join ' ', map {
        'secret=' . ($_ eq 'public' ? $pair : $secret{$_})
    } @keys;

    # each event in a request of its own
    my $handlers = join '', map {
        "api_event_handlers AuthFailure $hook/again-$_ format=$_ $secrets"
        . (/batch/ ? ' batch=1' : '') . ";\n"
    } @formats;

    $nginx->configure('events { worker_connections 1024; }', <<"END");
    api_zone rotation:16m;
    $handlers

    server {
        listen 127.0.0.1:$port;

        location / {
            api_id rotation;
            empty_gif;
        }
        location = /metrics { api_metrics; }
    }
END
}


sub idle {
    my ($name) = @_;

    return $nginx->until(20, sub {
        my $m = $nginx->metrics;
        $m && $m->{$name} == 0
    });
}


# by who has one of the keys, and by nobody else; of this turn alone
sub verified {
    my ($turn, @keys) = @_;
    my %good = map { $_ => 1 } @keys;
    my $got = $receiver->requests($n);
    my @now = $turn == 0 ? (0) : $turn == 1 ? (1, 2) : (3);

    for my $format (@formats) {
        my $path = "/again-$format";

        is(scalar @{ $got->{$path} || [] }, 1 + $now[-1],
           "turn $turn, $format: arrived");

        for my $r (map { $_ // () } @{ $got->{$path} }[@now]) {
            for my $key (sort keys %{ $r->{signed} }) {
                like($r->{signed}{$key}{as_sent}{error} // 'verified',
                     $good{$key} ? qr/^verified$/
                     : qr/^No matching signature found$/,
                     "turn $turn, $format: $key");
            }

            my $events = $r->{cloudevents}{value};

            is($format =~ /^cloud/ ? $events && $events->[0]{id} : 'none',
               $format =~ /^cloud/ ? $r->{headers}{'webhook-id'} : 'none',
               "turn $turn, $format: a CloudEvent of this id");
        }
    }
}
