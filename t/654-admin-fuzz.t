# Random calls of the management API, made of its OpenAPI document, for
# FUZZ_TIME seconds: each is answered as the document says, none with a 500; the
# worker lives, does not grow, and the store is whole.  AE_SEED repeats a run as
# far as times allow; make fuzz-admin is a long one.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use AdminFuzz;
use OpenApi ();
use Time::HiRes qw(time);

our $Seed = $ENV{AE_SEED} // 1;
our $Time = $ENV{FUZZ_TIME} // 4;
our $Asan = ($ENV{TEST_NGINX_LD_PRELOAD} // '') =~ /asan/;

our @Wrong;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:32m;\n"
                                     . "api_callback_allow 127.0.0.0/8;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# so many seconds, at least 50 calls; how many
sub fuzz {
    my ($fuzz, $seconds) = @_;
    my $end = time + $seconds;
    my $n = 0;

    @Wrong = ();

    while ((time < $end || $n < 50) && @Wrong < 20) {
        my ($method, $uri, $body, %options) = $fuzz->next;
        my ($status, $doc) = one($method, $uri, $body, %options);

        $fuzz->saw($doc);
        $n++;
    }

    return $n;
}

# an answer that is no good is in @Wrong
sub one {
    my ($method, $uri, $body, %options) = @_;
    my $differs = 'no answer';
    my ($status, $doc) = do {
        no warnings 'redefine';
        local *AdminBlocks::told = sub {
            $differs = OpenApi::answer_differs(@_);
            $differs ||= "a $_[2]" if $_[2] >= 500 && $_[2] !~ /^50[13]$/;
        };
        probe($method, $uri, $body, %options);
    };

    push @Wrong, "$differs\n$method $uri\n" . ($body // '')
                 . "\n" . (ref $doc eq 'HASH' ? $doc->{message} // '' : '')
        if $differs;

    return ($status, $doc);
}

# paths of lists whose items have an id
sub lists {
    my $paths = OpenApi::document()->{paths};

    return map { s{^/}{}r } grep { !/\{/ && $paths->{"$_/{id}"}{delete}
                                   && $paths->{$_}{get} } sort keys %$paths;
}

# ids of what a list has
sub ids {
    my ($path) = @_;
    my ($after, @ids);

    do {
        my ($status, $doc) = one(GET => "$path?limit=1000" . (defined $after
                                 ? '&after=' . AdminFuzz::escaped($after) : ''));
        return if ref $doc ne 'HASH' && ref $doc ne 'ARRAY';

        my $items = ref $doc eq 'ARRAY' ? $doc
                    : $doc->{items} // $doc->{keys} // [];
        # endpoints of callbacks and organisations go with these
        push @ids, map { ref $_ ? $_->{id} : $_ }
                       grep { $path ne 'endpoints' || exists $_->{url} } @$items;
        $after = ref $doc eq 'HASH' ? $doc->{next} : undef;
    } while (defined $after);

    return grep { defined } @ids;
}

# all that is listed is there; then it is deleted, callbacks first
sub emptied {
    my @lists = sort { ($b eq 'callbacks') <=> ($a eq 'callbacks') } lists();
    my @left;

    for my $path (@lists) {
        for my $id (ids($path)) {
            my $uri = "$path/" . AdminFuzz::escaped($id);
            my ($there) = one(GET => $uri);
            my ($gone, $doc) = one(DELETE => $uri);

            push @left, "$uri: $there, $gone"
                        . (ref $doc eq 'HASH' ? " $doc->{message}" : '')
                if $there != 200 || $gone != 200;
        }
    }

    return CORE::join "\n", @left;
}

sub rss {
    open my $in, '<', "/proc/$_[0]/status" or return 0;
    return (CORE::join '', <$in>) =~ /^VmRSS:\s+(\d+)/m ? $1 : 0;
}

run_tests();

__DATA__

=== TEST 1: calls at random
--- recorder
--- check eval
sub {
    my ($pid) = worker_pids();
    my $fuzz = AdminFuzz->new($::Seed, map {
        'http://127.0.0.1:' . rand_port(1) . $_ } '/ok', '/status/500');

    note("AE_SEED=$::Seed");

    my $n = ::fuzz($fuzz, $::Time / 2);
    is(CORE::join("\n\n", @::Wrong), '', "$n calls, AE_SEED=$::Seed");
    is(::emptied(), '', 'what is listed is there, and can be deleted');

    my $before = ::rss($pid);
    $n = ::fuzz($fuzz, $::Time / 2);
    is(CORE::join("\n\n", @::Wrong), '', "$n more");
    is(::emptied(), '', 'and so again');

    my $grown = ::rss($pid) - $before;
    cmp_ok($grown, '<', $::Asan ? 256 * 1024 : 8 * 1024, "grown by $grown KB");

    is(CORE::join(' ', worker_pids()), $pid, 'the worker lives');
    is(::status(GET => 'endpoints'), 200, 'and answers');

    CORE::chomp(my $db = `find '$Test::Nginx::Util::ServRoot' -name '*.db'`);
    is(`sqlite3 -readonly -cmd '.timeout 9000' '$db' 'PRAGMA integrity_check'`,
       "ok\n", 'the store is whole');
}
