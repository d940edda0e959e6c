package AdminBlocks;

# What tests of the management API have in common: three users of each role at
# /tyk/, and calls from the test itself.  Blocks whose http_config has "nobody"
# are without the users.
#
#   my ($status, $doc, $headers) = call(POST => 'keys', { rate => 1 });
#
# The document may be text instead, sent as it is.  Options behind it: user
# (ops; eye views, app integrates; none: undef), headers (lines).  $doc is what
# JSON says, the text itself if it is none.  Each answer is held against the
# OpenAPI document, see OpenApi.pm.  probe() is the same for calls whose
# answer need not end: it reads Content-Length bytes, or nothing.

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use JSON::PP ();
use OpenApi ();
use Test::More ();
use Test::Nginx::Socket ();

our @EXPORT = qw(call probe status);

my $Process = $$;
my $Json = JSON::PP->new->utf8->canonical->allow_nonref;

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->emerg;

    $block->set_value(http_config => ($block->http_config // '') . <<'END')
    api_admin_user ops secret=secret-of-ops;
    api_admin_user eye secret=secret-of-eye role=view;
    api_admin_user app secret=secret-of-app role=integration;
END
        unless ($block->http_config // '') =~ /nobody/;
    $block->set_value(config => ($block->config // '') . <<'END');
    location /tyk/ { api_admin; }
END
});


sub call {
    my ($method, $uri) = @_;
    my $fh = sent(@_) or return;
    local $/;

    return answered($method, $uri, scalar <$fh>);
}


sub probe {
    my ($method, $uri) = @_;
    my $fh = sent(@_) or return;
    my $text = '';
    local $_;

    $text .= $_ while $text !~ /\r\n\r\n\z/ && defined($_ = <$fh>);
    read $fh, $text, $1, length $text
        if $method ne 'HEAD' && $text =~ /^Content-Length: (\d+)/mi;

    return answered($method, $uri, $text);
}


sub sent {
    my ($method, $uri, $doc, %options) = @_;
    my $user = exists $options{user} ? $options{user} : 'ops';
    my $body = !defined $doc ? '' : ref $doc ? $Json->encode($doc) : $doc;
    my $port = $ENV{TEST_NGINX_SERVER_PORT};
    my $fh = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                   Timeout => 10) or return;

    print $fh "$method /tyk/$uri HTTP/1.0\r\nHost: localhost\r\n"
              . (defined $user ? "Admin-Auth: secret-of-$user\r\n" : '')
              . (length $body ? 'Content-Length: ' . length($body) . "\r\n"
                              : '')
              . ($options{headers} // '') . "\r\n$body";

    return $fh;
}


sub answered {
    my ($method, $uri, $answer) = @_;
    my ($status, $headers, $text) = ($answer // '')
        =~ m{^HTTP/\S+ (\d+)[^\n]*\n(.*?)\r\n\r\n(.*)}s or return;

    told($method, $uri, $status, $headers, $text);

    return ($status, eval { $Json->decode($text) } // $text, $headers);
}


# is that what the OpenAPI document says; a process of the test's own cannot
# make a check fail
sub told {
    my $differs = OpenApi::answer_differs(@_) or return;

    if ($$ == $Process) {
        Test::More::fail("OpenAPI: $differs");

    } else {
        warn "# OpenAPI: $differs\n";
    }
}


sub status {
    return (call(@_))[0];
}


1;
