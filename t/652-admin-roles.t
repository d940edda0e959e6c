# What roles may do, by each route of the OpenAPI document; and that no secret
# comes out anywhere.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use File::Find ();
use File::Temp;
use MIME::Base64;
use OpenApi qw(document);

# what must come out nowhere: "secret-of-" and these; in the clear, or as it is
# in JSON or a URI
my %Raw = (
    endpoint => 'EndpointRaw6f1c2a9e84b7d3f05a1b',
    callback => 'CallbackRaw0b7d3f05a1b6f1c2a9e8',
);

our %Secrets = (
    user     => 'secret-of-',
    endpoint => encode_base64($Raw{endpoint}, ''),
    callback => encode_base64($Raw{callback}, ''),
    header   => 'HeaderOfEndpoint8c1f',
    smtp     => 'PasswordOfRelay5d2e',
    seal     => 'KeyThatSeals94ac-of-this-server',
    app      => 'SecretOfApp7ee1',
    password => 'PasswordOfDeveloper3fb8',
    code     => 'CodeOfToken29d5',
    refresh  => 'RefreshOfToken61aa',
    key      => 'key/of?a client+0123456789abcdef',
    other    => 'OtherKeyOfAClient0123456789abcdef',
    basic    => 'PasswordOfSession4b77',
    hmac     => 'HmacOfSession8aa0',
    jwt      => 'JwtOfSession15ce',
);

our $File = File::Temp->new;
print $File "$Secrets{seal}\n";
close $File;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . "set_real_ip_from 127.0.0.1;\n"
                                     . "api_callback_allow 127.0.0.0/8;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

# [method, path, roles] of each operation
sub operations {
    my $paths = document()->{paths};

    return map {
        my $path = $_;
        map { [uc, $path =~ s{^/}{}r =~ s/\{\w+\}/nothing/gr,
               $paths->{$path}{$_}{'x-roles'}] }
            grep { /^(?:get|put|post|delete)$/ } sort keys %{ $paths->{$path} }
    } sort keys %$paths;
}

# files below the server's root that have it; what nginx itself says when it is
# debugged is its own
sub files_with {
    my ($text) = @_;
    my @with;

    File::Find::find({ no_chdir => 1, wanted => sub {
        local $/;
        -f && open my $in, '<:raw', $_ or return;
        my $has = <$in> // '';

        $has =~ s{^\d{4}/\S+ \S+ \[debug\].*?(?=^\d{4}/|\z)}{}msg if /error/;
        push @with, s{.*/}{}r
            if !m{/conf/|recorder} && index($has, $text) >= 0;
    } }, $Test::Nginx::Util::ServRoot);

    return @with;
}

sub escaped {
    return $_[0] =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger;
}

run_tests();

__DATA__

=== TEST 1: each route and each role
--- check eval
sub {
    my (@differs, $n);

    for my $op (::operations()) {
        my ($method, $path, $roles) = @$op;
        my %may = map { $_ => 1 } @$roles;
        my %user = (view => 'eye', integration => 'app', admin => 'ops');

        for my $role (qw(view integration admin)) {
            my ($status, $doc) = ::probe($method, $path,
                $method =~ /^P/ ? {} : undef, user => $user{$role});
            my $got = $status != 403;

            push @differs, "$role: $method $path: $status"
                if $got != ($may{$role} // 0);
            $n++;
        }
    }

    is(CORE::join("\n", @differs), '', 'as the document says');
    cmp_ok($n, '>', 100, 'many');
}

=== TEST 2: what each role may
--- check eval
sub {
    my @ops = ::operations();
    my %writes;

    for (@ops) {
        my ($method, $path, $roles) = @$_;
        my ($first) = split m{/}, $path;

        is("@$roles", 'view integration admin', "$method $path for all")
            if $method eq 'GET' && $first ne 'reload';
        next if $method eq 'GET';

        $writes{$first} = 1 if grep { $_ eq 'integration' } @$roles;
        is(scalar(grep { $_ eq 'view' } @$roles), 0, "no $method $path to view");
        is($roles->[-1], 'admin', "$method $path to admin");
    }

    my %may = map { $_ => 1 }
              qw(apps developers plans policies access-tokens keys key-requests);
    is(CORE::join(' ', sort grep { !$may{$_} } keys %writes), '',
       'integration writes no more than that');
}

=== TEST 3: no secret in a log, an answer, a metric, a row
--- recorder
--- http_config eval
<<"END"
    api_secret_key file:$::File;
    api_smtp smtp://127.0.0.1:9 from=a\@example.com user=u
             password=$::Secrets{smtp};
    api_event_handlers * webhook
        url=http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/status/500 retry=off
        secret=whsec_$::Secrets{endpoint}
        "header=X-Token: $::Secrets{header}";
    api_event_handlers AuthFailure email to=b\@example.com;
END
--- config
    location /a {
        api_id a;
        api_auth header=Authorization;
        empty_gif;
    }
    location = /m { api_metrics; }
--- allow_log eval
qr/127\.0\.0\.1:9|connect\(\)|email|mail/
--- check eval
sub {
    my %s = %::Secrets;
    my $key = ::escaped($s{key});
    my $session = { org_id => 'acme', rate => 1000, per => 60, quota_max => 1,
        quota_renewal_rate => 3600, hmac_string => $s{hmac},
        basic_auth_data => { password => $s{basic}, hash_type => '' },
        jwt_data => { secret => $s{jwt} },
        access_rights => { a => { api_id => 'a', api_name => 'A',
                                  versions => ['Default'] } } };
    my @put = (
        [POST => "keys/$key", $session], [PUT => "keys/$key", $session],
        [POST => "keys/$s{other}", $session], [GET => "keys/$key"],
        [PUT => "keys/$s{other}none", $session],
        [POST => 'apps', { id => 'a', secret => $s{app} }],
        [PUT => 'apps/a', { name => 'A', secret => $s{app} }],
        [POST => 'developers', { id => 'd', password => $s{password} }],
        [POST => 'access-tokens', { id => 't', code => $s{code},
                                    refreshToken => $s{refresh} }],
        map({ [POST => 'callbacks', { id => "c$_", name => "c$_",
               type => "$_-app", expected_status => 200,
               secret => "whsec_$s{callback}",
               url => 'http://127.0.0.1:' . rand_port(1) . '/ok' }] }
            qw(before after)),
        [POST => 'callbacks/cbefore/test'],
        [POST => 'apps', { id => 'b', secret => $s{app} }],
        [POST => 'apps', '{"id": "c", "secret": "' . $s{app} . '", '],
        [POST => 'apps', { id => 'd', secret => $s{app}, status => 'no' }],
        [DELETE => 'apps/b'],
    );
    my @answers;

    for (@put) {
        my ($method, $path, $doc) = @$_;
        my ($status, $answer) = ::call($method, $path, $doc);

        cmp_ok($status // 0, '<', 500, "$method " . substr $path, 0, 20);

        # who names a raw key gets that back, as Tyk has it
        push @answers, "$method $path", ref $answer
            ? JSON::PP->new->canonical->encode(
                  { %$answer, $path =~ /^keys/ ? (key => '') : () })
            : $answer;
    }

    # refused, let in, over its quota; wrong secrets, of a user and of none
    http_get('/a', undef, "Authorization: $_\r\n")
        for 'unknown' . $s{other}, $s{other}, $s{other}, $s{other};
    http_get('/tyk/apps', undef, "Admin-Auth: secret-of-nobody\r\n");

    my %lists = map { $_->[1] => 1 } grep { $_->[0] eq 'GET' } ::operations();
    my @ids = map { "$_->[1]/$_->[2]{id}" }
              grep { ref $_->[2] && $_->[2]{id} } @put;

    wait_for(sub {
        (() = JSON::PP::encode_json((::call(GET => 'deliveries'))[1])
              =~ /QuotaExceeded/) > 0
    });

    my @events = map { $_->{id} } @{ (::call(GET => 'events'))[1]{items} };

    for my $user (qw(eye app ops)) {
        for my $path (sort(grep { !/nothing|stream|reload/ } keys %lists),
                      @ids, "keys/$key", 'callbacks/cafter/history',
                      'callbacks/cbefore/history',
                      map { "events/$_" } @events) {
            my ($status, $answer) = ::probe(GET => $path, undef,
                                            user => $user);
            push @answers, "$user GET $path", JSON::PP->new->canonical
                ->allow_nonref->encode($answer // '');
        }
    }

    push @answers, 'metrics', scalar http_get('/m');

    my $answers = CORE::join "\n", grep { !/^\S+ (?:GET )?keys/
                                          && !/^\S+ \S+ keys/ } @answers;

    like($answers, qr/"\*{4}"/, 'but masks');
    is(CORE::join(' ', sort(::files_with('/tyk/keys/'))), 'access.log',
       'calls are logged');

    # of these three the session is, which the disk has
    my %stored = map { $_ => 1 } qw(basic hmac jwt);

    for my $name (sort keys %s) {
        my %forms = map { $_ => 1 }
                    $s{$name}, $s{$name} =~ s{/}{\\/}gr, ::escaped($s{$name});

        for my $form (sort keys %forms) {
            is(index($answers, $form), -1, "no answer has $name");
            is(CORE::join(' ', grep { !$stored{$name} || !/\.db/ }
                              ::files_with($form)), '', "no file has $name");
        }
    }
}
