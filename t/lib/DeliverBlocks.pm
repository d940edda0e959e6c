package DeliverBlocks;

# What the blocks of t/3*.t have in common: a zone, a state path; $HOOK, the URL of the
# recorder; an API at /a, that raises AuthFailure for whoever brings no key,
# and one such request, where a block has none of its own.

use strict;
use warnings;

use Exporter 'import';
use Test::Nginx::Socket ();

our @EXPORT = qw(raise log_lines delivered);

my $STATE = '$TEST_NGINX_SERVER_ROOT/logs/state';
my $HOOK = 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_1';


Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';

    $http = "api_zone apievents:16m;\n$http" unless $http =~ /api_zone/;
    $http = "api_state_path $STATE;\n$http" unless $http =~ /api_state_path/;
    $block->set_value(http_config => $http =~ s/\$HOOK/$HOOK/gr);

    return if defined $block->emerg;

    $block->set_value(config => ($block->config // <<'END') =~ s/\$HOOK/$HOOK/gr);
        location /a {
            api_id a;
            empty_gif;
        }
END

    if (!grep { /request/ } @{ $block->_section_order }) {
        $block->set_value(request => 'GET /a');
        $block->set_value(error_code => 401);
    }
});


# so many requests that each raise an event, from within a check
sub raise {
    my ($n, $url, $headers) = @_;
    my @statuses;

    for (1 .. $n) {
        my ($status) = ApiEvents::http_get($url // '/a', undef, $headers);
        push @statuses, $status;
    }

    return "@statuses";
}


# what the error log has of a handler with that prefix, waited for
sub log_lines {
    my ($prefix, $n) = @_;
    my @lines;

    ApiEvents::wait_for(sub {
        @lines = grep { /\Q$prefix\E/ } split /\n/, ApiEvents::error_log_text();
        @lines >= ($n // 1)
    }) || Test::More::diag(grep { !/\[debug\]/ }
                               ApiEvents::error_log_text() =~ /^\d.*\n/mg);

    return @lines;
}


# waits until nothing is pending: "delivered suppressed dead"
sub delivered {
    my ($limit, $url) = @_;
    my $m;

    ApiEvents::wait_for(sub {
        $m = ApiEvents::metrics($url // '/.metrics');
        ($m->('apievents_deliveries{state="pending"}') // 1) == 0
            && ($m->('apievents_events_waiting') // 1) == 0
    }, $limit);

    return join ' ', map { $m->("apievents_deliveries{state=\"$_\"}") // 'none' }
                         qw(delivered suppressed dead);
}


# Test::Base evaluates "eval" sections in its own package
no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for @EXPORT;

1;
