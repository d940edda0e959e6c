# What nginx sends, under the packages of Standard Webhooks and CloudEvents.

use strict;
use warnings;

use lib 't/interop', 't/chaos';
use Chaos;
use Interop;

use MIME::Base64 qw(encode_base64);
use Test::More;

sub text { return $_[0] . encode_base64($_[1], '') }

# lengths from the least to the most that there may be
my %secret = (new => text('whsec_', join '', map { chr } 1 .. 32),
              old => text('whsec_', join '', map { chr } 200 .. 223),
              long => text('whsec_', join '', map { chr } 100 .. 163));
my $unknown = text('whsec_', 'x' x 32);

# RFC 8032, 7.1, TEST 1 and 2
my @seed = map { pack 'H*', $_ }
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
my @public = map { pack 'H*', $_ }
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
my @pair = (text('whsk_', $seed[0]), text('whsk_', $seed[1] . $public[1]));

my $receiver = Interop->new(%secret, unknown => $unknown,
                            public0 => text('whpk_', $public[0]),
                            public1 => text('whpk_', $public[1]));
my $nginx = Chaos->new('interop', workers => 1);

# path => who of the receiver's keys has to verify it
my %signed = (
    '/one' => 'new', '/two' => 'new old', '/file' => 'old long',
    '/pair' => 'public0', '/both' => 'new public1',
    '/four' => 'long new old public0', '/none' => '',
    '/standard' => 'new', '/text' => 'new',
    '/ce' => 'new', '/ce-binary' => 'new', '/ce-batch' => 'new',
    '/ce-template' => 'new', '/ce-binary-text' => '', '/ce-plain' => '',
);

start();

my $got = $receiver->requests(2 * keys %signed);

is(join(' ', sort keys %$got), join(' ', sort keys %signed), 'all arrived');

for my $path (sort keys %signed) {
    is(scalar @{ $got->{$path} || [] }, 2, "$path: of each event");
    signatures($path, $_) for @{ $got->{$path} || [] };
}

standard();
cloudevents();

ok($nginx->stop, 'nginx ends');
is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
$receiver->end;
done_testing();


sub start {
    my $port = $nginx->port('gateway');
    my $dir = $nginx->{dir};
    my $hook = "webhook url=http://127.0.0.1:$receiver->{port}";

    Chaos::spew("$dir/secrets", "$secret{old}\n$secret{long}\n");
    Chaos::spew("$dir/body.txt", "plain {{.Meta.Path}}\n");
    Chaos::spew("$dir/body.json", '{"where": "{{.Meta.Path}}"}');

    my $handlers = join '', map { "api_event_handlers AuthFailure $hook$_;\n" }
        "/one secret=$secret{new}",
        "/two secret=$secret{new} secret=$secret{old}",
        "/file secret=file:$dir/secrets",
        "/pair secret=$pair[0]",
        "/both secret=$pair[1] secret=$secret{new}",
        "/four secret=$secret{long} secret=$pair[0] secret=$secret{old} "
            . "secret=$secret{new}",
        "/none",
        "/standard secret=$secret{new} format=standard",
        "/text secret=$secret{new} template=$dir/body.txt",
        "/ce secret=$secret{new} format=cloudevents",
        "/ce-binary secret=$secret{new} format=cloudevents-binary",
        "/ce-batch secret=$secret{new} format=cloudevents-batch batch=1",
        "/ce-template secret=$secret{new} format=cloudevents "
            . "template=$dir/body.json",
        "/ce-binary-text format=cloudevents-binary template=$dir/body.txt",
        "/ce-plain format=cloudevents template=$dir/body.txt";

    $nginx->configure('events { worker_connections 1024; }', <<"END");
    api_zone interop:16m;
    api_org acme;
    $handlers

    server {
        listen 127.0.0.1:$port;

        location / {
            api_id orders;
            empty_gif;
        }
    }
END
    $nginx->start;

    is(($nginx->get($_))[0], 401, "$_: refused") for '/a', path();
}


# bytes of which some have to be escaped
sub path { return "/\xc3\xa9\"\\\xf0\x9f\x98\x80/\xe2\x80\xa8" }


sub signatures {
    my ($path, $r) = @_;
    my %good = map { $_ => 1 } split ' ', $signed{$path};
    my %n = (v1 => 0, v1a => 0);

    $n{ /^(v1a?),/ ? $1 : $_ }++
        for split / /, $r->{headers}{'webhook-signature'} // '';

    my $pairs = grep { /^public/ } keys %good;

    is_deeply(\%n, { v1a => $pairs, v1 => keys(%good) - $pairs },
              "$path: so many signatures");

    for my $key (sort keys %{ $r->{signed} }) {
        my %says = %{ $r->{signed}{$key} };
        my $as_sent = delete $says{as_sent};

        # the packages parse what they have verified
        like($as_sent->{error} // 'verified',
             !$good{$key} ? qr/^No matching signature found$/
             : $path eq '/text' ? qr/JSON/ : qr/^verified$/, "$path: $key")
            or diag(explain($as_sent));

        for my $change (sort keys %says) {
            like($says{$change}{error} // 'verified',
                 $change =~ /^too_(\w+)/ ? qr/^Message timestamp too $1$/
                 : qr/^No matching signature found$/,
                 "$path: $key, $change");
        }
    }

    like($r->{headers}{'webhook-id'}, qr/^evt_[-0-9a-f]{36}$/, "$path: id");
}


sub standard {
    my ($plain, $odd) = map { $_->{signed}{new}{as_sent}{value} }
                        by_path('/standard');

    is($plain->{type}, 'AuthFailure', 'standard: type');
    is($plain->{data}{Path}, '/a', 'standard: data');
    is($odd->{data}{Path}, "/\x{e9}\"\\\x{1f600}/\x{2028}",
       'standard: what was escaped');
}


sub cloudevents {
    for my $path (grep { /^\/ce/ } sort keys %signed) {
        for my $r (by_path($path)) {
            my $says = $r->{cloudevents};
            my $ce = ($says->{value} || [])->[0];

            is($says->{error}, undef, "$path: the SDK takes it");
            is(scalar @{ $says->{value} || [] }, 1, "$path: an event");
            is($ce->{id}, $r->{headers}{'webhook-id'}, "$path: id");
            is($ce->{specversion}, '1.0', "$path: specversion");
            like($ce->{type}, qr/AuthFailure$/, "$path: type");
            is($ce->{source}, '/acme/orders', "$path: source");
            cmp_ok(abs(ms($ce->{time}) - 1000 * time), '<', 120_000,
                   "$path: time");
        }
    }

    # what it makes up where nothing is said has to be there
    for my $r (by_path('/ce')) {
        like($r->{body}, qr/"$_":/, "/ce: $_ is said")
            for qw/ id source type specversion time /;
    }

    for my $r (by_path('/ce-binary')) {
        ok(defined $r->{headers}{"ce-$_"}, "/ce-binary: $_ is said")
            for qw/ id source type specversion time /;
    }

    for my $path ('/ce', '/ce-binary', '/ce-batch') {
        my ($plain, $odd) = map { $_->{cloudevents}{value}[0]{data} }
                            by_path($path);

        is($plain->{Path}, '/a', "$path: data");
        is($odd->{Path}, "/\x{e9}\"\\\x{1f600}/\x{2028}",
           "$path: what was escaped");
    }

    my ($rendered) = by_path('/ce-template');
    is($rendered->{cloudevents}{value}[0]{data}{where}, '/a', 'a template');

    for my $path ('/ce-plain', '/ce-binary-text') {
        my ($plain) = by_path($path);
        like($plain->{cloudevents}{value}[0]{data}, qr{^plain /a\n?$},
             "$path: text");
    }
}


# the plain one first
sub by_path {
    return sort { length $a->{body} <=> length $b->{body} } @{ $got->{$_[0]} };
}


sub ms {
    my ($text) = @_;

    require Time::Local;
    $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/ or return 0;
    return 1000 * Time::Local::timegm($6, $5, $4, $3, $2 - 1, $1);
}
