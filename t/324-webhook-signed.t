# Who signed a webhook, and in which format it comes.

use strict;
use warnings;

use lib 't/lib';
use Clock;
use ApiEvents;
use DeliverBlocks;

use Digest::SHA qw(hmac_sha256_base64);
use File::Temp;
use JSON::XS qw(decode_json);
use MIME::Base64 qw(encode_base64 decode_base64);

our @Raw = map { CORE::join '', map { chr } $_ .. $_ + 31 } 1, 50, 100, 150, 200;
our @Secret = map { 'whsec_' . encode_base64($_, '') } @Raw;

# RFC 8032, 7.1, TEST 1
our $Seed = pack 'H*', '9d61b19deffd5a60ba844af492ec2cc4'
                       . '4449c5697b326919703bac031cae7f60';
our $Pair = 'whsk_' . encode_base64($Seed, '');
our $Public = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

# what the n-th key makes of a request
sub v1 {
    my ($r, $n) = @_;
    my $h = $r->{headers};
    my $sig = hmac_sha256_base64("$h->{'webhook-id'}.$h->{'webhook-timestamp'}."
                                 . $r->{body}, $::Raw[$n]);

    return 'v1,' . $sig . '=' x (-length($sig) % 4);
}

# is it a signature of the pair, by openssl
sub v1a {
    my ($r, $sig) = @_;
    my $h = $r->{headers};
    my @file = map { File::Temp->new } 1 .. 3;
    my @text = ("$h->{'webhook-id'}.$h->{'webhook-timestamp'}.$r->{body}",
                decode_base64($sig =~ s/^v1a,//r),
                pack 'H*', "302a300506032b6570032100$::Public");

    for (0 .. 2) {
        binmode $file[$_];
        print { $file[$_] } $text[$_];
        $file[$_]->flush;
    }

    return `openssl pkeyutl -verify -rawin -in $file[0] -sigfile $file[1] -pubin -keyform DER -inkey $file[2] 2>&1`;
}

{
    no warnings 'once';
    *Test::Base::Filter::v1 = \&v1;
    *Test::Base::Filter::v1a = \&v1a;
}

run_tests();

__DATA__

=== TEST 1: one secret
--- http_config eval
"api_event_handlers AuthFailure webhook url=\$HOOK/ok secret=$::Secret[0];"
--- recorded_count: 1
--- recorded_check eval
sub {
    my $h = $_[0]{headers};

    is($h->{'webhook-signature'}, v1($_[0], 0), 'webhook-signature');
    like($h->{'webhook-timestamp'}, qr/^\d{10}$/, 'webhook-timestamp');
    cmp_ok(abs($h->{'webhook-timestamp'} - Clock::now()), '<', 60, 'is now');
    like($h->{'webhook-id'}, qr/^evt_[-0-9a-f]{36}$/, 'webhook-id');
}

=== TEST 2: four secrets, of parameters and of a file's lines
--- http_config eval
"api_event_handlers AuthFailure webhook url=\$HOOK/ok secret=$::Secret[3]
                    secret=file:../html/old secret=$::Pair;"
--- user_files eval
">>> old\n$::Secret[1]\r\n\n$::Secret[2]\n"
--- recorded_count: 1
--- recorded_check eval
sub {
    my @sig = split / /, $_[0]{headers}{'webhook-signature'};

    is(scalar @sig, 4, 'as many signatures');
    is($sig[0], v1($_[0], 3), 'the newest first');
    is($sig[1], v1($_[0], 1), 'a line');
    is($sig[2], v1($_[0], 2), 'another line');
    like(v1a($_[0], $sig[3]), qr/Verified Successfully/, 'Ed25519');
}

=== TEST 3: another attempt has another time, under the same id
--- http_config eval
"api_event_handlers AuthFailure webhook url=\$HOOK/flaky/1 secret=$::Secret[0];"
--- recorded_count: 1
--- check eval
sub {
    Clock::advance(7);
    wait_for(sub { 2 == (() = recorded()) });

    my @got = recorded();
    my @h = map { $_->{headers} } @got;

    is(scalar @got, 2, 'attempts');
    is($h[0]{'webhook-id'}, $h[1]{'webhook-id'}, 'webhook-id');
    cmp_ok($h[1]{'webhook-timestamp'} - $h[0]{'webhook-timestamp'}, '>=', 6,
           'webhook-timestamp');
    is($h[$_]{'webhook-signature'}, v1($got[$_], 0), 'signed') for 0, 1;
    is($got[0]{body}, $got[1]{body}, 'body');
}

=== TEST 4: handlers that differ in their secret alone
--- http_config eval
CORE::join '', map { "api_event_handlers AuthFailure webhook url=\$HOOK/ok secret=$_;\n" }
    @::Secret[0, 1]
--- recorded_count: 2
--- recorded_check eval
sub {
    is(CORE::join(' ', sort map { $_->{headers}{'webhook-signature'} } @_),
       CORE::join(' ', sort map { my $r = $_; grep { $_ eq $r->{headers}{'webhook-signature'} }
                                  v1($r, 0), v1($r, 1) } @_), 'each with its own');
    isnt($_[0]{headers}{'webhook-signature'}, $_[1]{headers}{'webhook-signature'},
         'two of them');
}

=== TEST 5: secrets stand in no log
--- http_config eval
"api_event_handlers AuthFailure webhook url=\$HOOK/status/500 retry=off secret=$::Secret[0];"
--- recorded_count: 1
--- check eval
sub {
    log_lines('" failed: status 500');

    my $log = ApiEvents::error_log_text();

    is(index($log, substr $::Secret[0], 6, 12), -1, 'not the text');
    is(index($log, substr $::Raw[0], 0, 12), -1, 'not the key');
}

=== TEST 6: format=standard
--- http_config eval
"api_event_handlers AuthFailure webhook url=\$HOOK/ok format=standard secret=$::Secret[0];"
--- recorded_count: 1
--- recorded_check eval
sub {
    my $json = $_[0]{json};

    is(CORE::join(' ', sort keys %$json), 'data timestamp type', 'members');
    is($json->{type}, 'AuthFailure', 'type');
    like($json->{timestamp}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'timestamp');
    is($json->{data}{Path}, '/a', 'data');
    is($json->{data}{APIID}, 'a', 'APIID');
    is($_[0]{headers}{'content-type'}, 'application/json', 'Content-Type');
    is($_[0]{headers}{'webhook-signature'}, v1($_[0], 0), 'signed');
}

=== TEST 7: format=standard and a template
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok format=standard
                       template=../html/t.json;
    api_event_handlers AuthFailure webhook url=$HOOK/text format=standard
                       template=../html/t.txt;
--- user_files
>>> t.json
{"path": "{{.Meta.Path}}"}
>>> t.txt
path "{{.Meta.Path}}"
--- recorded_count: 2
--- recorded_check eval
sub {
    my %got = map { $_->{uri} => $_->{json} } @_;

    is($got{'/ok'}{data}{path}, '/a', 'JSON');
    like($got{'/text'}{data}, qr{^path "/a"}, 'text');
}

=== TEST 8: format=cloudevents
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok format=cloudevents;
--- recorded_count: 1
--- recorded_check eval
sub {
    my $json = $_[0]{json};

    is($_[0]{headers}{'content-type'}, 'application/cloudevents+json', 'Content-Type');
    is($json->{specversion}, '1.0', 'specversion');
    is($json->{type}, 'apievents.AuthFailure', 'type');
    is($json->{source}, '/a', 'source');
    is($json->{id}, $_[0]{headers}{'webhook-id'}, 'id');
    is($json->{data}{Path}, '/a', 'data');
    is($_[0]{headers}{'ce-id'}, undef, 'no field');
}

=== TEST 9: format=cloudevents-binary
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok format=cloudevents-binary;
    api_event_handlers AuthFailure webhook url=$HOOK/text format=cloudevents-binary
                       template=../html/t.txt;
--- user_files
>>> t.txt
path "{{.Meta.Path}}"
--- recorded_count: 2
--- recorded_check eval
sub {
    my %got = map { $_->{uri} => $_ } @_;
    my $h = $got{'/ok'}{headers};

    is($h->{'content-type'}, 'application/json', 'Content-Type');
    is($h->{'ce-specversion'}, '1.0', 'ce-specversion');
    is($h->{'ce-type'}, 'apievents.AuthFailure', 'ce-type');
    is($h->{'ce-source'}, '/a', 'ce-source');
    is($h->{'ce-id'}, $h->{'webhook-id'}, 'ce-id');
    is($got{'/ok'}{json}{Path}, '/a', 'body');
    is($got{'/text'}{headers}{'content-type'}, 'application/json', 'of a text');
    is($got{'/text'}{body}, '"path \"/a\""', 'which is JSON then');
}

=== TEST 10: format=cloudevents-batch
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok format=cloudevents-batch;
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{headers}{'content-type'}, 'application/cloudevents-batch+json',
       'Content-Type');
    is(scalar @{ $_[0]{json} }, 1, 'one event');
    is($_[0]{json}[0]{id}, $_[0]{headers}{'webhook-id'}, 'id');
}

=== TEST 11: another Content-Type
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok format=cloudevents
                       "header=Content-Type: application/cloudevents+json; charset=utf-8";
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{headers}{'content-type'}, 'application/cloudevents+json; charset=utf-8',
       'Content-Type');
}

=== TEST 12: a secret that is none
--- http_config eval
"api_event_handlers * webhook url=\$HOOK/ok secret=$::Secret[0] secret=topsecretthing;"
--- emerg eval
qr{invalid "secret=..." 2 of 2, expected a secret that starts with "whsec_" or "whsk_" in \S+nginx\.conf:(?!.*topsecret)}

=== TEST 13: a secret that is too short
--- http_config
    api_event_handlers * webhook url=$HOOK/ok secret=whsec_QUJD;
--- emerg eval
qr{invalid "secret=..." 1 of 1, expected base64 of 24 to 64 bytes behind "whsec_" in (?!.*QUJD)}

=== TEST 14: an empty secret
--- http_config
    api_event_handlers * webhook url=$HOOK/ok secret=;
--- emerg
invalid "secret=", a secret or "file:PATH" is expected in
nginx.conf:

=== TEST 15: a file without a secret
--- http_config
    api_event_handlers * webhook url=$HOOK/ok secret=file:../html/empty;
--- user_files eval
">>> empty\n\n\n"
--- emerg
invalid "secret=", a secret or "file:PATH" is expected

=== TEST 16: a file that is not there
--- http_config
    api_event_handlers * webhook url=$HOOK/ok secret=file:none;
--- emerg
open() "
conf/none" failed (2: No such file or directory) in
nginx.conf:

=== TEST 17: too many secrets
--- http_config eval
"api_event_handlers * webhook url=\$HOOK/ok " . CORE::join(' ', map { "secret=$_" } @::Secret) . ';'
--- emerg
too many secrets, at most 4 are expected in
nginx.conf:

=== TEST 18: a format
--- http_config
    api_event_handlers * webhook url=$HOOK/ok format=json;
--- emerg
invalid "format=json", "tyk", "standard", "cloudevents", "cloudevents-binary", "cloudevents-batch", "callback" or "portal" is expected in
nginx.conf:

=== TEST 19: an empty format
--- http_config
    api_event_handlers * webhook url=$HOOK/ok format=;
--- emerg
invalid "format=", "tyk",

=== TEST 20: handlers that have no secret
--- http_config
    api_event_handlers * log secret=whsec_QUJD;
--- emerg
unknown or repeated parameter "secret" of handler "log" in

=== TEST 21: a secret that has an end signs until then
--- http_config eval
"api_event_handlers AuthFailure webhook url=\$HOOK/ok secret=$::Secret[0]
                    secret=$::Secret[1]\@2099-12-31T23:59:59Z secret=file:../html/old;"
--- user_files eval
">>> old\n$::Secret[2]\@2024-12-31T23:59:59Z\n$::Secret[3]\@2099-12-31T23:59:59Z\n"
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{headers}{'webhook-signature'},
       CORE::join(' ', map { v1($_[0], $_) } 0, 1, 3), 'but for one');
}

=== TEST 22: an end that is none
--- http_config eval
"api_event_handlers * webhook url=\$HOOK/ok secret=$::Secret[0] secret=$::Secret[1]\@tomorrow;"
--- emerg eval
qr{invalid "secret=..." 2 of 2, expected a time as 2024-12-31T23:59:59Z behind "@" in }

=== TEST 23: no secret without an end
--- http_config eval
"api_event_handlers * webhook url=\$HOOK/ok secret=$::Secret[0]\@2099-12-31T23:59:59Z;"
--- emerg
invalid "secret=..." 1 of 1, expected the newest secret without an end in
