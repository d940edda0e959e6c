package AdminBlocks;

# What tests of the management API have in common: three users of each role at
# /tyk/, and calls from the test itself.
#
#   my ($status, $doc, $headers) = call(POST => 'keys', { rate => 1 });
#
# The document may be text instead, sent as it is.  Options behind it: user
# (ops; eye views, app integrates; none: undef), headers (lines).  $doc is what
# JSON says, the text itself if it is none.

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use JSON::PP ();
use Test::Nginx::Socket ();

our @EXPORT = qw(call status);

my $Json = JSON::PP->new->utf8->canonical->allow_nonref;

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->emerg;

    $block->set_value(http_config => ($block->http_config // '') . <<'END');
    api_admin_user ops secret=secret-of-ops;
    api_admin_user eye secret=secret-of-eye role=view;
    api_admin_user app secret=secret-of-app role=integration;
END
    $block->set_value(config => ($block->config // '') . <<'END');
    location /tyk/ { api_admin; }
END
});


sub call {
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
    local $/;

    my ($status, $headers, $text) = (<$fh> // '')
        =~ m{^HTTP/\S+ (\d+)[^\n]*\n(.*?)\r\n\r\n(.*)}s or return;

    return ($status, eval { $Json->decode($text) } // $text, $headers);
}


sub status {
    return (call(@_))[0];
}


1;
