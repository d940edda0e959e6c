# RateLimit-Policy and RateLimit, as nginx sent them, under a parser of
# structured fields that others wrote (t/npm/package.json, make deps).

use strict;
use warnings;

use Cwd qw(abs_path);

my $npm;

# before the modules that say that there is no plan
BEGIN {
    $npm = abs_path('build/npm');

    unless ($npm && -d "$npm/node_modules/structured-headers") {
        require Test::More;
        Test::More::plan(skip_all =>
                         'make deps installs structured-headers');
    }
}

use lib 't/lib';
use ApiEvents;
use GateBlocks;

use File::Temp qw(tempfile);
use JSON::XS ();

run_tests();

# what the parser makes of each value
sub parsed {
    my ($file, $name) = tempfile(UNLINK => 1);
    print $file map { "$_\n" } @_;
    close $file;

    my @lines = `node t/npm/structured.cjs $npm <$name`;
    return map { JSON::XS::decode_json($_) } @lines;
}

# status, RateLimit-Policy, RateLimit of an answer
sub limits {
    my ($uri, $key) = @_;
    my ($status, $head)
        = http_get($uri, undef, $key ? "Authorization: $key\r\n" : '');

    return $status, map { $head =~ /^$_: (.*?)\r?$/m ? $1 : '' }
                    qw(RateLimit-Policy RateLimit);
}

sub names { return CORE::join ' ', map { $_->[0] } @{ $_[0] } }

BEGIN {
    no strict 'refs';
    *{"Test::Base::Filter::$_"} = \&{$_} for qw(parsed limits names);
}

__DATA__

=== TEST 1: the parser is one
--- config
    location /x { empty_gif; }
--- request
GET /x
--- check eval
sub {
    my @got = parsed('"a";q=1;w=2, "b";r=0', '"a";q=1,', 'a;q=1', '"a";Q=1');

    is_deeply($got[0], [['a', { q => 1, w => 2 }], ['b', { r => 0 }]], 'a list');
    ok(ref $got[$_] eq 'HASH', "wrong: $_") for 1 .. 3;
}

=== TEST 2: one limit
--- config
    location /a { api_id orders; api_auth off; api_rate 10r/m burst=2;
                  empty_gif; }
--- request
GET /a
--- check eval
sub {
    my ($status, @values) = limits('/a');
    my ($policy, $limit) = parsed(@values);

    is_deeply($policy, [['api-rate-1', { q => 12, w => 60 }]], 'policy');
    is_deeply($limit, [['api-rate-1', { r => 1, t => 6 }]], 'limit');

    limits('/a');
    ($status, @values) = limits('/a');
    ($policy, $limit) = parsed(@values);
    is($status, 429, 'refused');
    is_deeply($policy, [['api-rate-1', { q => 12, w => 60 }]], 'policy');
    is($limit->[0][1]{r}, 0, 'nothing left');
}

=== TEST 3: all kinds of them, passed and refused
--- http_config
    api_org_keys $TEST_NGINX_SERVER_ROOT/html/orgs.json;
--- user_files
>>> orgs.json
{"acme": {"rate": 1e15, "per": 0.001, "quota_max": 1e15,
          "quota_renewal_rate": 1e9}}
--- config
    location /a {
        api_id orders;
        api_rate 1000000000/1ms burst=1000000000;
        api_rate 3/3650d mode=window key=$arg_x;
        api_rate 9/500ms mode=fixed;
        api_quota 1000000000/3650d;
        api_quota 5/1M align=month tz=-03:30;
        empty_gif;
    }
--- request
GET /a
--- error_code: 401
--- check eval
sub {
    my $key = 'both-key-0123456789';
    my ($status, @values) = limits('/a?x=1', $key);
    my ($policy, $limit) = parsed(@values);
    my $all = 'org-rate org-quota key-rate key-quota api-rate-1 api-rate-2 '
              . 'api-rate-3 api-quota-1 api-quota-2';

    is($status, 200, 'passed');
    is(names($policy), $all, 'policies');
    is(names($limit), $all, 'limits');

    for (@$policy) {
        my ($name, $p) = @$_;
        like($p->{q}, qr/^\d+\z/, "$name: q");
        like($p->{w} // '', $name eq 'key-quota' ? qr/^\z/ : qr/^[1-9]\d*\z/,
             "$name: w");
    }

    for (@$limit) {
        my ($name, $p) = @$_;
        like($p->{r}, qr/^\d+\z/, "$name: r");
        like($p->{t} // '', $name eq 'key-quota' ? qr/^\z/ : qr/^\d+\z/,
             "$name: t");
    }

    limits('/a?x=1', $key);
    ($status, @values) = limits('/a?x=1', $key);
    ($policy, $limit) = parsed(@values);
    is($status, 403, 'refused');
    is(names($policy), $all, 'policies');
    is(names($limit), $all, 'limits');

    ($status, @values) = limits('/a', 'good-key-0123456789');
    ($policy, $limit) = parsed(@values);
    is(names($policy), 'org-rate org-quota api-rate-1 api-rate-3 api-quota-1 '
                       . 'api-quota-2', 'those that apply');
    is(names($limit), names($policy), 'and no others');
}
