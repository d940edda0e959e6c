# The receiver, on its own: what others signed and made passes, and what is
# not as it has to be does not.

use strict;
use warnings;

use lib 't/interop';
use Interop;

use Digest::SHA qw(hmac_sha256_base64);
use File::Temp;
use HTTP::Tiny;
use JSON::XS qw(encode_json);
use MIME::Base64 qw(encode_base64);
use Test::More;

my $raw = join '', map { chr } 1 .. 32;
my $secret = 'whsec_' . encode_base64($raw, '');

# RFC 8032, 7.1, TEST 1
my $seed = pack 'H*', '9d61b19deffd5a60ba844af492ec2cc4'
                      . '4449c5697b326919703bac031cae7f60';
my $public = 'whpk_' . encode_base64(pack('H*', 'd75a980182b10ab7d54bfed3c9640'
    . '73a0ee172f3daa62325af021a68f707511a'), '');

my $receiver = Interop->new(one => $secret, other => 'whsec_' . 'QUJD' x 8,
                            public => $public);
my $n = 0;

sub deliver {
    my ($path, $headers, $body) = @_;

    my $answer = HTTP::Tiny->new->post(
        "http://127.0.0.1:$receiver->{port}$path",
        { headers => $headers, content => $body });

    is($answer->{status}, 204, "$path: accepted");

    return $receiver->requests(++$n)->{$path}[0];
}

sub sign {
    my ($id, $time, $body) = @_;
    my $sig = hmac_sha256_base64("$id.$time.$body", $raw);

    $sig .= '=' while length($sig) % 4;

    return { 'webhook-id' => $id, 'webhook-timestamp' => $time,
             'webhook-signature' => "v1,$sig",
             'content-type' => 'application/json' };
}

# by OpenSSL's program; the key in front of its seed: RFC 8410
sub sign_asymmetric {
    my ($id, $time, $body) = @_;
    my ($key, $text) = map { File::Temp->new } 1, 2;

    print $key pack('H*', '302e020100300506032b657004220420') . $seed;
    print $text "$id.$time.$body";
    close $_ for $key, $text;

    my $sig = `openssl pkeyutl -sign -rawin -keyform DER -inkey $key -in $text`;

    return { %{ sign($id, $time, $body) }, 'webhook-signature' =>
             'v1,' . 'A' x 43 . '= v1a,' . encode_base64($sig, '') };
}

my $r = deliver('/signed', sign('evt_1', time, '{"a": 1}'), '{"a": 1}');
my $one = delete $r->{signed}{one}{as_sent};

is($one->{value}{a}, 1, 'signed as it should');
like($r->{signed}{one}{$_}{error} // '', qr/No matching signature|too (?:old|new)/,
     "refused: $_")
    for sort keys %{ $r->{signed}{one} };
ok($r->{signed}{other}{$_}{error}, "another key refuses: $_")
    for sort keys %{ $r->{signed}{other} };
ok($r->{signed}{public}{as_sent}{error}, 'so does one of v1a');
is($r->{cloudevents}{value}, undef, 'it is no CloudEvent');

$r = deliver('/old', sign('evt_1', time - 400, '{}'), '{}');
like($r->{signed}{one}{as_sent}{error}, qr/too old/, 'an old one');

$r = deliver('/public', sign_asymmetric('evt_1', time, '{"a": 1}'), '{"a": 1}');
$one = delete $r->{signed}{public}{as_sent};

is($one->{value}{a}, 1, 'signed with Ed25519');
like($r->{signed}{public}{$_}{error} // '', qr/No matching signature/,
     "refused: $_")
    for sort keys %{ $r->{signed}{public} };
ok($r->{signed}{one}{as_sent}{error}, 'which is no v1');

my %event = (specversion => '1.0', id => '1', source => '/a', type => 'T',
             data => { b => 2 });

$r = deliver('/ce', { 'content-type' => 'application/cloudevents+json' },
             encode_json(\%event));
is($r->{cloudevents}{value}[0]{data}{b}, 2, 'structured');

$r = deliver('/ce-batch', { 'content-type' =>
                            'application/cloudevents-batch+json' },
             encode_json([\%event, \%event]));
is(scalar @{ $r->{cloudevents}{value} }, 2, 'batch');

$r = deliver('/ce-binary', { 'content-type' => 'application/json',
                             map { ("ce-$_" => $event{$_}) }
                             qw(specversion id source type) }, '{"b": 2}');
is($r->{cloudevents}{value}[0]{data}{b}, 2, 'binary');

# it makes up an id and a version, whose absence it does not notice
for my $name (qw(source type)) {
    my %wrong = %event;

    delete $wrong{$name};
    $r = deliver("/ce-no-$name", { 'content-type' =>
                                   'application/cloudevents+json' },
                 encode_json(\%wrong));
    diag(explain($r->{cloudevents})) unless ok($r->{cloudevents}{error}
        || !defined $r->{cloudevents}{value}, "no $name");
}

$receiver->end;
done_testing();
