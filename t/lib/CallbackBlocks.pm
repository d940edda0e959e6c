package CallbackBlocks;

# What tests of event-driven callbacks have in common: a zone, listeners on the
# loopback, and callbacks at the recorder's URIs.

use strict;
use warnings;

use Exporter 'import';
use Test::Nginx::Socket ();

use AdminBlocks;
use ApiEvents ();

our @EXPORT = qw(hook callback told history);

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . "api_callback_allow 127.0.0.0/8;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});


# a URL of the recorder's, or one as it is
sub hook {
    my ($uri) = @_;

    return $uri =~ /^http/ ? $uri
           : 'http://127.0.0.1:' . ApiEvents::rand_port(1) . $uri;
}


# a callback of that type; its id
sub callback {
    my ($type, $uri, %more) = @_;
    my ($status, $doc) = call(POST => 'callbacks', {
        name => "$type at $uri", type => $type, url => hook($uri),
        $type =~ /^before/ ? (expected_status => 200) : (), %more });

    die "$status: $doc->{message}\n" if $status != 201;
    return $doc->{id};
}


# so many requests in the end, in the order of their URIs
sub told {
    my ($n) = @_;

    ApiEvents::wait_for(sub { my @got = ApiEvents::recorded(); @got >= $n });
    return sort { $a->{uri} cmp $b->{uri} } ApiEvents::recorded();
}


# rows of that callback, newest first, when there are so many
sub history {
    my ($id, $n) = @_;
    my $rows;

    ApiEvents::wait_for(sub {
        $rows = (call(GET => "callbacks/$id/history"))[1]{items};
        @$rows >= $n
    });

    return @$rows;
}


1;
