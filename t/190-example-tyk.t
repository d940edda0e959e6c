#!/usr/bin/perl

# conf.example/tyk runs as it is, but for its ports and paths.

use strict;
use warnings;

use Test::More;

use lib 't/chaos';

use Chaos;

my $nginx = Chaos->new('tyk', modules => Chaos::js_module());
my $dir = $nginx->{dir};

prepare();
$nginx->start;

my $key = "Authorization: a-key-of-orders-0123456789\r\n";

# a definition with keys and versions

answers('/orders/', '', 401, qr/Authorization field missing/);
answers('/orders/', "Authorization: wrong\r\n", 403, qr/disallowed/);
answers('/orders/', "Authorization: an-expired-key-0123456789\r\n", 401,
        qr/Key has expired/);
answers('/orders/7?a=b', $key, 200,
        qr{^\{"uri":"/orders/7\?a=b","host":"localhost:\d+"\}$});
answers('/orders/7', "${key}x-api-version: v1\r\n", 403,
        qr/Api Version has expired/);
answers('/orders/7', "${key}x-api-version: v3\r\n", 403,
        qr/does not seem to exist/);
answers('/orders/health', '', 200, qr{"/orders/health"});
answers('/orders/admin', $key, 403, qr/Requested endpoint is forbidden/);

# three of the five that the key has in a minute are left

answers('/orders/broken', $key, 500, qr/500/) for 1 .. 2;
answers('/orders/broken', $key, 503, qr/Service temporarily unavailable\./);
answers('/orders/search', $key, 200, qr{/orders/search}) for 1 .. 2;
answers('/orders/7', $key, 429, qr/"error": "Rate Limit Exceeded"/);

# one without keys

answers('/catalogue/x', '', 200,
        qr{^\{"uri":"/one/catalogue/x",});
answers('/catalogue/teapot', '', 418, qr/^\{"kind": "teapot"\}$/);
answers('/elsewhere', '', 404, qr/404/);

# what their handlers did

seen('received.log', qr/AuthFailure/, 'the webhook');
seen('error.log', qr/key expired at orders: Attempted access from expired key/,
     'the script');
seen('error.log', qr/ORDERS:BreakerTripped/, 'the log');

unlike(Chaos::slurp("$dir/run/error.log"), qr/not supported and ignored/,
       'nothing is ignored');

ok($nginx->stop, 'it ends');

done_testing();


sub answers {
    my ($uri, $headers, $status, $body) = @_;
    my @got = $nginx->get($uri, $headers);

    is($got[0], $status, "$uri: status");
    like($got[1], $body, "$uri: body");
}


sub seen {
    my ($file, $text, $name) = @_;

    ok($nginx->until(5, sub { Chaos::slurp("$dir/run/$file") =~ $text }),
       $name);
}


sub prepare {
    my %ports = (8080 => $nginx->port('gateway'), 8081 => $nginx->port('api'),
                 8082 => $nginx->port('hook'));
    my $user = $> == 0 ? "user root;\n" : '';

    system('cp', '-R', glob('conf.example/tyk/*'), $dir) == 0
        or die "cannot copy conf.example/tyk\n";
    mkdir "$dir/run";

    for my $file ("$dir/nginx.conf", glob "$dir/apis/*.json") {
        my $text = Chaos::slurp($file);

        $text =~ s/(127\.0\.0\.1|localhost):(808\d)\b/$1:$ports{$2}/g;
        $text =~ s/^load_module .*\n//mg;
        $text = "$nginx->{modules}\nload_module $dir/modules/apievents.so;\n"
                . "daemon off;\n$user$text" if $file =~ /\.conf$/;

        Chaos::spew($file, $text);
    }
}
