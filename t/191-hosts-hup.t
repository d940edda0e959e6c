# What a reload does to hosts: what is known of them stays.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

# ports of Test::Nginx are others in each block; this is none that the kernel
# gives to clients
my ($Port) = grep {
    IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
                          LocalPort => $_)
} map { 20000 + int rand 10000 } 1 .. 20;

# what arrived that no block before had: a reload may cut an answer off, and
# then the same event comes again
my %Seen;

sub news {
    return grep { !$Seen{ $_->{headers}{'webhook-id'} }++ }
           ApiEvents::recorded();
}

no_shuffle();
use_hup();
workers(2);

add_block_preprocessor(sub {
    my ($block) = @_;

    my $http = ($block->http_config // '') =~ s/\$PORT/$Port/gr;

    $block->set_value(http_config => <<'END' . <<"END2" . $http);
    api_zone apievents:16m;
    api_event_handlers * webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok
                       template=../html/event.txt;
END
    upstream up { server 127.0.0.1:$Port; }
END2
    $block->set_value(user_files => ">>> event.txt\n{{json .}}\n");
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

no_root_location();
run_tests();

__DATA__

=== TEST 1: down
--- http_config
    api_hosts up probe=/health interval=200ms fall=10 rise=10;
--- config
    location /one { return 204; }
--- recorder
--- recorded_count: 1
--- recorded_check eval
sub { is(CORE::join(' ', map { $_->{json}{Type} } main::news()), 'HostDown', 'type') }

=== TEST 2: it is still down, which is nothing new
--- http_config
    api_hosts up probe=/health interval=200ms fall=10 rise=10;
--- config
    location /two { return 204; }
--- recorder
--- check eval
sub {
    select undef, undef, undef, 0.5;
    is(scalar(my @none = main::news()), 0, 'no event');
}

=== TEST 3: up after one more reload
--- http_config
    api_hosts up probe=/health interval=1s fall=4 rise=2;
    server {
        listen 127.0.0.1:$PORT;
        location /health { return 204; }
    }
--- config
    location /three { return 204; }
--- recorder
--- recorded_count: 1
--- recorded_check eval
sub { is(CORE::join(' ', map { $_->{json}{Type} } main::news()), 'HostUp', 'type') }

=== TEST 4: nobody looks any more
--- config
    location /four { return 204; }
--- recorder
--- check eval
sub {
    select undef, undef, undef, 0.5;
    is(scalar(my @none = main::news()), 0, 'no event');
}
