package ScriptBlocks;

# What the blocks of t/33*.t have in common with each other, beside DeliverBlocks:
# AuthFailure is handled by h.js below html/, unless a block has a handler of
# its own.  In files $HOOK is the URL of the recorder, $SELF that of nginx, and
# $H( begins an event script: $H(function (event, context) { ... });

use strict;
use warnings;

use Exporter 'import';
use JSON::XS qw(decode_json);
use Test::Nginx::Socket ();

use DeliverBlocks ();           # its preprocessor has to run after this one

our @EXPORT = qw(told);

my %Text = (
    '$H('   => 'var h = new TykJS.TykEventHandlers.NewEventHandler({}); '
               . 'h.NewHandler(',
    '$HOOK' => 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_1',
    '$SELF' => 'http://127.0.0.1:$TEST_NGINX_SERVER_PORT',
);


Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $files = $block->user_files;

    $http = "api_event_handlers AuthFailure js path=h.js name=h;\n$http"
        unless ($http . ($block->config // '')) =~ /event_handlers|definition/;
    $block->set_value(http_config => "api_script_path ../html;\n$http");
    $block->set_value(log_level => 'info') unless defined $block->log_level;

    $block->set_value(user_files => $files =~ s/(\$(?:H\(|HOOK|SELF))/$Text{$1}/gr)
        if defined $files && !ref $files;
});


# what scripts told by log('TOLD ' + JSON.stringify(...)), n times or more
sub told {
    my ($n) = @_;
    my @told;

    ApiEvents::wait_for(sub {
        @told = ApiEvents::error_log_text() =~ /TOLD (.*)/g;
        @told >= ($n // 1)
    });

    return map { decode_json("[$_]")->[0] } @told;
}


# Test::Base evaluates "eval" sections in its own package
no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for @EXPORT;

1;
