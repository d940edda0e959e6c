# Every refusal in every format: its status, text, event and headers, the
# limits' headers family by family, and what gRPC gets.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use JSON::XS ();

# what it is called, its location, its key; status, text, decision, what
# grpc-status is; and the limit that problem+json names
our @Refusals = (
    ['none', '', '', 401, 'Authorization field missing', 'AuthFailure', 16],
    ['unknown', '', 'nobody', 403, 'Access to this API has been disallowed',
     'AuthFailure', 7],
    ['expired', '', 'expired', 401, 'Key has expired, please renew',
     'KeyExpired', 16],
    ['inactive', '', 'inactive', 403, 'Key is inactive, please renew',
     'KeyExpired', 7],
    ['foreign', '', 'foreign', 403, 'Access to this API has been disallowed',
     'AuthFailure', 7],
    ['url', '', 'narrow', 403, 'Access to this resource has been disallowed',
     'AuthFailure', 7],
    ['krate', '', 'rate', 429, 'Rate Limit Exceeded', 'RatelimitExceeded', 8,
     'key-rate'],
    ['kquota', '', 'quota', 403, 'Quota exceeded', 'QuotaExceeded', 8,
     'key-quota'],
    ['rate', 'api_rate 1r/d;', 'good', 429, 'API Rate Limit Exceeded',
     'RatelimitExceeded', 8, 'api-rate-1'],
    ['quota', 'api_quota 1/1d;', 'good', 403, 'Quota exceeded',
     'QuotaExceeded', 8, 'api-quota-1'],
    ['orgoff', 'api_org off.org;', 'good', 403, 'this organisation access has '
     . 'been disabled, please contact your API administrator', '-', 7],
    ['orgrate', 'api_org rate.org;', 'good', 403, 'This organisation rate '
     . 'limit has been exceeded, please contact your API administrator',
     'OrgRateLimitExceeded', 8, 'org-rate'],
    ['orgquota', 'api_org quota.org;', 'good', 403, 'This organisation quota '
     . 'has been exceeded, please contact your API administrator',
     'OrgQuotaExceeded', 8, 'org-quota'],
    ['vunknown', 'api_version query=v v1;', 'good', 403, 'Version information '
     . 'not found', 'VersionFailure', 7],
    ['vnone', 'api_version query=k default=v1 v1;', 'good', 403,
     'This API version does not seem to exist', 'VersionFailure', 7],
    ['vexpired', 'api_version query=v default=v1 v1=2020-01-01T00:00;',
     'good', 403, 'Api Version has expired, please check documentation or '
     . 'contact administrator', 'VersionFailure', 7],
    ['vgranted', 'api_version query=v default=v1 v1;', 'good', 403,
     'Access to this API has been disallowed', 'VersionFailure', 7],
    ['breaker', 'api_breaker samples=1 open=1h window=1h;', 'good', 503,
     'Service temporarily unavailable.', 'BreakerOpen', 14],
);

my %Formats = (
    tyk => '', problem => 'api_error_format problem;',
    layer7 => 'api_error_format layer7;',
    x => 'api_limit_headers x-ratelimit;',
    r => 'api_limit_headers ratelimit; api_error_format problem;',
    a => 'api_limit_headers retry-after; api_error_format layer7;',
    no => 'api_limit_headers off;',
);

my $all = join ', ', map { "\"$_->[0]\": {}" }
                         grep { $_->[0] ne 'foreign' } @Refusals;
my %keys = (
    good => '', expired => ', "expires": 1', inactive => ', "is_inactive": true',
    rate => ', "rate": 1, "per": 86400',
    quota => ', "quota_max": 1, "quota_renewal_rate": 86400',
);

my $keys = join ",\n", (map { "\"$_\": {\"access_rights\": {$all}$keys{$_}}" }
                            sort keys %keys),
    '"foreign": {"access_rights": {"none": {}}}',
    '"narrow": {"access_rights": {"url": {"allowed_urls": '
    . '[{"url": "^/x", "methods": ["GET"]}]}}}';

my $config = join '', map {
    my $format = $_;
    map {
        "location = /$format/$_->[0] {\n    api_id $_->[0];\n"
        . "    $Formats{$format} $_->[1]\n"
        . "    proxy_pass http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/up;\n}\n"
    } @Refusals
} sort keys %Formats;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(user_files => <<"END");
>>> keys.json
{$keys}
>>> orgs.json
{"off.org": {"is_inactive": true},
 "rate.org": {"rate": 1, "per": 86400},
 "quota.org": {"quota_max": 1, "quota_renewal_rate": 86400}}
>>> event.txt
{{json .}}
END
    $block->set_value(http_config => <<"END");
    api_zone apievents:16m;
    api_keys ../html/keys.json;
    api_org_keys ../html/orgs.json;
    api_auth header=Authorization query=k;
    api_org acme;
    api_event_handlers * webhook url=http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/
                       template=../html/event.txt;
    add_header X-Decision \$api_decision always;
    add_header X-Event \$api_event_id always;
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 http2;
        access_log off;
        $config
    }
END
    $block->set_value(config => "location = /up { return 500; }\n$config");
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

run_tests();


# status, headers by name in lower case, body
sub ask {
    my ($format, $refusal) = @_;
    my ($name, $key) = @$refusal[0, 2];
    my $args = $name eq 'vunknown' ? '?v=' : $name eq 'vnone' ? '?k=good' : '';
    my ($status, $head, $body) = ApiEvents::http_get("/$format/$name$args",
        undef, $key ne '' ? "Authorization: $key\r\n" : '');

    return $status, fields($head), $body;
}


sub grpc {
    my ($refusal) = @_;
    my ($name, $key) = @$refusal[0, 2];
    my $args = $name eq 'vunknown' ? '?v=' : $name eq 'vnone' ? '?k=good' : '';

    open my $curl, '-|', 'curl', '-s', '-i', '-m', 20,
         '--http2-prior-knowledge', '-X', 'POST',
         '-H', 'Content-Type: application/grpc',
         $key ne '' ? ('-H', "Authorization: $key") : (),
         'http://127.0.0.1:' . ApiEvents::rand_port(2) . "/tyk/$name$args"
        or die "curl: $!\n";
    local $/;
    my ($head, $body) = split /\r\n\r\n/, <$curl> // '', 2;

    return $head =~ m{^HTTP/2 (\d+)}, fields($head), $body;
}


sub fields {
    return { map { /^(\S+?): (.*)/ ? (lc $1, $2) : () } split /\r\n/, $_[0] };
}


# each limit is used up, the breaker trips
sub prepare {
    for my $r (@Refusals) {
        ask('tyk', $r) if $r->[7] || $r->[0] eq 'breaker';
    }
}

__DATA__

=== TEST 1: statuses, texts and decisions, to a client of HTTP/1.0
--- recorder
--- check eval
sub {
    main::prepare();

    for my $r (@::Refusals) {
        my ($name, undef, $key, $status, $text, $decision) = @$r;
        my ($got, $h, $body) = main::ask('tyk', $r);

        is($got, $status, "$name: status");
        is($body, qq({\n    "error": "$text"\n}), "$name: body");
        is($h->{'content-type'}, 'application/json', "$name: type");
        is($h->{'x-decision'} // '-', $decision, "$name: decision");
    }
}

=== TEST 2: problem+json
--- recorder
--- check eval
sub {
    main::prepare();

    my %titles = (401 => 'Unauthorized', 403 => 'Forbidden',
                  503 => 'Service Unavailable');

    for my $r (@::Refusals) {
        my ($name, undef, $key, $status, $text, $decision, undef, $limit) = @$r;
        my ($got, $h, $body) = main::ask('problem', $r);
        my $p = JSON::XS::decode_json($body);

        is($got, $status, "$name: status");
        is($h->{'content-type'}, 'application/problem+json', "$name: type");
        is($p->{status}, $status, "$name: member status");
        is($p->{detail}, $text, "$name: detail");
        is($p->{instance}, $h->{'x-event'}, "$name: instance");
        ok(($p->{instance} // '') =~ /^evt_/ || $decision =~ /^(-|BreakerOpen)$/,
           "$name: an event's");

        if ($limit) {
            is($p->{type}, 'https://iana.org/assignments/http-problem-types'
               . '#quota-exceeded', "$name: type");
            is_deeply($p->{'violated-policies'}, [$limit], "$name: policies");

        } else {
            is($p->{type}, 'about:blank', "$name: type");
            is($p->{title}, $titles{$status}, "$name: title");
            ok(!exists $p->{'violated-policies'}, "$name: no policy");
        }
    }
}

=== TEST 3: layer7
--- recorder
--- check eval
sub {
    main::prepare();

    for my $r (@::Refusals) {
        my ($name, undef, $key, $status, $text) = @$r;
        my ($got, $h, $body) = main::ask('layer7', $r);

        is($got, $status, "$name: status");
        is_deeply(JSON::XS::decode_json($body),
                  { statusCode => $status, errorCode => $status * 10 + 1,
                    errorMessage => $text }, "$name: body");
    }
}

=== TEST 4: gRPC
--- recorder
--- check eval
sub {
    main::prepare();

    for my $r (@::Refusals) {
        my ($name, $text, $code) = @$r[0, 4, 6];
        my ($got, $h, $body) = main::grpc($r);

        is($got, 200, "$name: status");
        is($h->{'grpc-status'}, $code, "$name: grpc-status");
        is($h->{'grpc-message'}, $text, "$name: grpc-message");
        is($h->{'content-type'}, 'application/grpc', "$name: type");
        is($body, '', "$name: no body");
    }
}

=== TEST 5: the limits' headers, family by family, in any format
--- recorder
--- check eval
sub {
    main::prepare();

    my %families = (
        tyk => 'ratelimit ratelimit-policy retry-after x-ratelimit-limit '
               . 'x-ratelimit-remaining x-ratelimit-reset',
        x => 'x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset',
        r => 'ratelimit ratelimit-policy', a => 'retry-after', no => '',
    );
    $families{$_} = $families{tyk} for qw(problem layer7);

    for my $r (@::Refusals) {
        for my $format (sort keys %families) {
            my (undef, $h) = main::ask($format, $r);
            my $want = $r->[7] ? $families{$format} : '';

            # how long to wait is told of a breaker too
            $want = 'retry-after' if $r->[0] eq 'breaker'
                                     && $families{$format} =~ /retry/;
            is(CORE::join(' ', grep { /rate|retry/ } sort keys %$h), $want,
               "$r->[0], $format");
        }
    }
}

=== TEST 6: each has one event, but those that have none
--- recorder
--- check eval
sub {
    my @want = map { $_->[5] } grep { $_->[5] !~ /^(-|BreakerOpen)$/ }
                                    @::Refusals;

    main::prepare();
    main::ask('tyk', $_) for @::Refusals;
    ok(wait_for(sub { (() = recorded()) >= @want + 2 }), 'arrived');

    my %count;
    $count{$_->{json}{EventType}}++ for recorded();

    my %expected;
    $expected{$_}++ for @want, 'BreakerTriggered', 'BreakerTripped';
    is_deeply(\%count, \%expected, 'events');

    for my $e (grep { $_->{json}{EventType} =~ /^Org|Version/ } recorded()) {
        my $meta = $e->{json}{EventMetaData};
        my $type = $e->{json}{EventType};

        if ($type eq 'VersionFailure') {
            is($meta->{Message}, 'Attempted access to disallowed version / '
               . 'path.', 'message');
            my ($name) = $meta->{Path} =~ m{^/tyk/(v\w+)$};
            my ($r) = grep { $_->[0] eq $name } @::Refusals;
            is($meta->{Reason}, $r->[4], 'reason');
            is($meta->{Key}, $name eq 'vgranted' ? '****' : '', 'key');

        } else {
            my $what = $type eq 'OrgQuotaExceeded' ? 'quota' : 'rate limit';
            is($meta->{Message}, "Organisation $what has been exceeded",
               'message');
            is($meta->{Key}, $what eq 'quota' ? 'quota.org' : 'rate.org',
               'key');
        }

        like($meta->{Origin}, qr/^127\.0\.0\.1:\d+$/, 'origin');
        ok(exists $meta->{OriginatingRequest}, 'OriginatingRequest');
    }
}
