# Secrets of callbacks: they sign what is sent, nobody is shown them, and the
# disk has them sealed only.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use CallbackBlocks;
use Digest::SHA qw(hmac_sha256);
use File::Find ();
use File::Temp;
use MIME::Base64;

our @Raw = map { chr(64 + $_) x 32 } 1 .. 3;
our @Secret = map { 'whsec_' . encode_base64($_, '') } @Raw;

my $File = File::Temp->new;

sub key {
    open my $out, '>', $File or die;
    print $out "$_[0]\n";
}

# all workers have that key after a while
sub rekey {
    my %old = map { $_ => 1 } ApiEvents::worker_pids();

    key(@_);
    kill HUP => ApiEvents::master_pid();
    ApiEvents::wait_for(sub {
        my @pids = ApiEvents::worker_pids();
        @pids == 2 && !grep $old{$_}, @pids
    }, 30);
}

key('a-key-that-seals-it');
our $Key = "api_secret_key file:$File;\n";

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => $Key . ($block->http_config // ''))
        if $block->name !~ /no key/;
});

# what signs it, of @Secret; none
sub signer {
    my ($r) = @_;
    my $h = $r->{headers};
    my $content = join '.', $h->{'webhook-id'}, $h->{'webhook-timestamp'} // '',
                  $r->{body};
    my @of = grep {
        ($h->{'webhook-signature'} // '')
            eq 'v1,' . encode_base64(hmac_sha256($content, $Raw[$_]), '')
    } 0 .. $#Raw;

    return @of ? $of[0] : 'none';
}

# files below the server's root that have it; what nginx itself says when it
# is debugged is its own
sub files_with {
    my ($text) = @_;
    my @with;

    File::Find::find({ no_chdir => 1, wanted => sub {
        local $/;
        -f && open my $in, '<:raw', $_ or return;
        my $got = <$in> // '';
        $got =~ s{^\d{4}/\S+ \S+ \[debug\].*?(?=^\d{4}/|\z)}{}msg if /error/;
        push @with, $_ if index($got, $text) >= 0;
    } }, $Test::Nginx::Util::ServRoot);

    return @with;
}

# a callback as it was made, put again with that
sub put {
    my ($id, %more) = @_;
    my $doc = (call(GET => "callbacks/$id"))[1];

    delete @$doc{qw(last_triggered)};
    return call(PUT => "callbacks/$id", { %$doc, %more });
}

run_tests();

__DATA__

=== TEST 1: both kinds are signed, and the test, too
--- recorder
--- check eval
sub {
    my $before = ::callback('before-app', '/1', secret => $::Secret[0]);
    my $after = ::callback('after-app', '/2', secret => $::Secret[1]);

    is(::status(POST => 'apps', { id => 'a' }), 201, 'created');

    my @told = ::told(2);
    is(CORE::join(' ', map { ::signer($_) } @told), '0 1', 'signed');
    is($told[0]{headers}{'webhook-id'}, $told[0]{json}{id}, 'the id is the event\'s');
    is($told[1]{headers}{'webhook-id'}, $told[0]{json}{id}, 'of both');
    cmp_ok(abs($told[0]{headers}{'webhook-timestamp'} - time), '<', 60, 'a time');

    is(::status(POST => "callbacks/$before/test"), 200, 'tried');
    is(::status(POST => "callbacks/$after/test"), 200, 'tried');
    is(CORE::join(' ', map { ::signer($_) } ::told(4)), '0 0 1 1', 'signed');

    ::callback('before-app', '/3');
    is(::status(PUT => 'apps/a', {}), 200, 'updated');

    my ($plain) = grep { $_->{uri} eq '/3' } ::told(7);
    ok($plain->{headers}{'webhook-id'}, 'an id without a secret');
    ok(!defined $plain->{headers}{'webhook-signature'}, 'and no signature');
}

=== TEST 2: nobody is shown it, nor finds it on the disk
--- recorder
--- http_config
    api_store sqlite:a.db;
--- check eval
sub {
    my @headers = ('Authorization', 'X-Api-Key', 'Cookie', 'X-Plain');
    my %headers = map { $_ => "value-of-$_" } @headers;
    my ($status, $doc) = ::call(POST => 'callbacks', { name => 'n', id => 'c',
        type => 'before-app', url => ::hook('/1'), expected_status => 200,
        secret => $::Secret[0], headers => \%headers });

    my %masked = ((map { $_ => '****' } @headers), 'X-Plain' => 'value-of-X-Plain');
    is($status, 201, 'made');

    for ([ made => $doc ],
         map({ [ "one, to $_" => (::call(GET => 'callbacks/c', undef, user => $_))[1] ],
               [ "all, to $_" => (::call(GET => 'callbacks', undef, user => $_))[1]{items}[0] ] }
             qw(ops eye app)),
         [ put => (::put('c', name => 'm'))[1] ])
    {
        is($_->[1]{secret}, '****', "masked, $_->[0]");
        is_deeply($_->[1]{headers}, \%masked, 'and headers');
    }

    is(::status(POST => 'apps', { id => 'a' }), 201, 'created');

    my ($got) = ::told(1);
    is(::signer($got), 0, 'signed');
    is($got->{headers}{lc $_}, $headers{$_}, "sent, $_") for @headers;

    unlink ApiEvents::recorder_file();
    ok(scalar ::files_with('sealed:'), 'sealed');
    ok(scalar ::files_with('value-of-X-Plain'), 'what is none is not');
    is_deeply([ ::files_with($_) ], [], 'not on the disk')
        for map({ MIME::Base64::encode_base64($_, '') =~ s/=+$//r } $::Raw[0]),
            'value-of-Authorization', 'value-of-X-Api-Key', 'value-of-Cookie';
}

=== TEST 3: who puts back what he was shown keeps it; another replaces it
--- recorder
--- check eval
sub {
    my $id = ::callback('before-app', '/1', secret => $::Secret[0],
                        headers => { Authorization => 'first' });
    my $n = 0;
    my $signed = sub {
        my ($what, @expected) = @_;
        is(::status(POST => 'apps', { id => 'a' . $n++ }), 201, 'created');

        my $got = (::told($n))[-1];
        ($got) = grep { $_->{json}{data}{id} eq 'a' . ($n - 1) } ::told($n);
        is(::signer($got) . ' ' . ($got->{headers}{authorization} // ''),
           "@expected", $what);
    };

    $signed->('as made', 0, 'first');
    is((::put($id, name => 'x'))[0], 200, 'put');
    $signed->('kept', 0, 'first');
    is((::put($id, secret => $::Secret[1],
              headers => { Authorization => 'second' }))[0], 200, 'put');
    $signed->('replaced', 1, 'second');
    is((::put($id, headers => {}))[0], 200, 'put');
    $signed->('one kept', 1, '');
    is((::put($id, secret => undef))[0], 200, 'put');
    $signed->('none', 'none', '');

    my ($status, $doc) = ::put($id, secret => '****');
    is("$status $doc->{message}", '422 line 1: the "secret": there is none that'
       . ' "****" could keep', 'nothing to keep');

    ($status, $doc) = ::put($id, headers => { Authorization => '****' });
    is("$status $doc->{message}", '422 line 1: the header "Authorization": there'
       . ' is none that "****" could keep', 'nor of a header');

    is(::status(POST => 'callbacks', { name => 'n', type => 'after-app',
       url => ::hook('/'), secret => '****' }), 422, 'nor of a new one');
}

=== TEST 4: a secret that cannot be one
--- recorder
--- check eval
sub {
    for ('', 'hush', 'whsec_QUJD', 'whsk_QUJD', 'file:/etc/hostname',
         'sealed:' . 'A' x 64)
    {
        for my $type (qw(before-app after-app)) {
            my ($status, $doc) = ::call(POST => 'callbacks', { name => 'n',
                type => $type, url => ::hook('/'), expected_status => 200,
                secret => $_ });

            like("$status $doc->{message}",
                 qr/^422 line 1: invalid "secret", expected (?!.*QUJD)/, "'$_'");
        }
    }

    is(::status(POST => 'callbacks', { name => 'n', type => 'after-app',
       url => ::hook('/'), secret => 1 }), 400, 'a number');
    is_deeply((::call(GET => 'callbacks'))[1]{items}, [], 'nothing was made');
}

=== TEST 5: with no key there is no secret, but there are headers
--- recorder
--- check eval
sub {
    for my $type (qw(before-app after-app)) {
        my ($status, $doc) = ::call(POST => 'callbacks', { name => 'n',
            type => $type, url => ::hook('/'), expected_status => 200,
            secret => $::Secret[0] });

        is("$status $doc->{message}", '422 line 1: a "secret" is kept sealed '
           . 'only: "api_secret_key" must be configured', $type);
    }

    my $id = ::callback('before-app', '/1', headers => { Authorization => 'a' });
    is((::call(GET => "callbacks/$id"))[1]{headers}{Authorization}, '****', 'masked');
    is((::put($id, name => 'x'))[0], 200, 'put');
    is(::status(POST => 'apps', { id => 'a' }), 201, 'created');
    is((::told(1))[0]{headers}{authorization}, 'a', 'sent');
}

=== TEST 6: sealed with another key: not sent in another way
--- recorder
--- http_config
    api_store sqlite:a.db;
--- workers: 2
--- check eval
sub {
    ::callback('before-app', '/1', secret => $::Secret[0], except_user => 'app');
    ::callback('after-app', '/2', secret => $::Secret[0]);
    is(::status(POST => 'apps', { id => 'a' }), 201, 'created');
    ::told(2);

    ::rekey('another-key-that-seals-it');
    ok(ApiEvents::wait_for(sub {
        my ($status, $doc) = ::call(PUT => 'apps/a', {});
        $status == 409 && $doc->{message} =~ /cannot be opened/
    }), 'it is not asked, and cancels');

    is(::status(PUT => 'apps/a', {}, user => 'app'), 200, 'updated');
    ::rekey('a-key-that-seals-it');
    ok(ApiEvents::wait_for(sub { ::status(PUT => 'apps/a', {}) == 200 }),
       'the key is back');
    is(::signer($_), 0, 'signed') for ::told(4);
}
--- allow_log eval
qr/callback "callback\/[0-9a-f]{32}" cannot be called: its secrets cannot be opened/
