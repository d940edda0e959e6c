# Policies that sessions take over by name.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

my $RIGHTS = '"access_rights": {"a": {}, "b": {}}';

add_block_preprocessor(sub {
    my ($block) = @_;
    my $files = $block->user_files;

    $files =~ s/\$rights\b/$RIGHTS/g;
    $files .= ">>> keys.json\n{}\n" unless $files =~ /^>>> keys\.json/m;

    $block->set_value(user_files => $files);
    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_policies ../html/policies.json;
END
    $block->set_value(config => <<'END' . ($block->config // ''))
    location /a { api_id a; empty_gif; }
    location /b { api_id b; empty_gif; }
    location /c { api_id c; empty_gif; }
END
        unless defined $block->emerg;

    # what is asked by the check alone
    $block->set_value(request => "GET /none")
        unless defined $block->request;
    $block->set_value(error_code => 404)
        unless defined $block->error_code;
});

no_root_location();
run_tests();


# KEY/URI each, in a request of its own
sub statuses {
    return join ' ', map { request(split /(?=\/)/, $_, 2) } @_;
}


sub request {
    my ($key, $uri) = @_;
    my ($status) = ApiEvents::http_get($uri, undef,
                                       "Authorization: $key\r\n");

    return $status;
}

__DATA__

=== TEST 1: a policy's limits and rights stand for the session's
--- user_files
>>> policies.json
{"gold": {"rate": 3, "per": 60, "quota_max": 2, "quota_renewal_rate": 60,
          $rights}}
>>> keys.json
{"K": {"apply_policies": ["gold"], "rate": 1, "per": 60},
 "L": {"apply_policy_id": "gold", "access_rights": {"c": {}}}}
--- check eval
sub {
    is(main::statuses(qw(K/a K/b K/a K/b K/c)), '200 200 403 403 403',
       'one quota over both');
    is(main::statuses(qw(L/a L/c L/b L/a)), '200 403 200 403',
       'of each key');
}

=== TEST 2: an array of policies, and two of them merged
--- user_files
>>> policies.json
[{"id": "one", "rate": 1, "per": 60, "quota_max": 3,
  "access_rights": {"a": {"allowed_urls": [{"url": "^/a/1", "methods": ["GET"]}]}}},
 {"_id": "two", "rate": 4, "per": 60, "quota_max": 2,
  "access_rights": {"a": {"allowed_urls": [{"url": "^/a/2", "methods": ["GET"]}]},
                    "b": {}}}]
>>> keys.json
{"K": {"apply_policies": ["two", "one"]}}
--- check eval
sub {
    is(main::statuses(qw(K/a/1 K/a/2 K/a/3 K/a/1 K/a/1)),
       '200 200 403 200 403', 'the URLs of both, the greater quota');
    is(main::statuses(qw(K/b K/b K/b)), '200 200 403',
       'an API counts with the policy that granted it');
}

=== TEST 3: per_api
--- user_files
>>> policies.json
{"p": {"partitions": {"per_api": true}, "quota_max": 2,
       "access_rights": {"a": {"limit": {"quota_max": 1}}, "b": {}, "c": {}}}}
>>> keys.json
{"K": {"apply_policies": ["p"]}}
--- check eval
sub {
    is(main::statuses(qw(K/a K/a K/b K/c K/b)), '200 403 200 200 403',
       'its own, and one that the others share');
}

=== TEST 4: partitions
--- user_files
>>> policies.json
{"quota": {"partitions": {"quota": true}, "quota_max": 1,
           "rate": 1, "per": 60, $rights},
 "acl":   {"partitions": {"acl": true}, "quota_max": 1, $rights}}
>>> keys.json
{"K": {"apply_policies": ["quota"], "quota_max": 9, "rate": 9, "per": 60,
       "access_rights": {"c": {}}},
 "L": {"apply_policies": ["acl"], "quota_max": 2, "rate": 9, "per": 60,
       "access_rights": {"c": {}}}}
--- check eval
sub {
    is(main::statuses(qw(K/a K/c K/c)), '403 200 403', 'quota');
    is(main::statuses(qw(L/c L/a L/b L/a)), '403 200 200 403', 'acl');
}

=== TEST 5: a policy that is inactive, one that expires keys
--- user_files
>>> policies.json
{"on":  {"active": true, $rights},
 "off": {"is_inactive": true, $rights},
 "not": {"active": false, $rights},
 "day": {"key_expires_in": 86400, $rights},
 "age": {"key_expires_in": 86400000000, $rights}}
>>> keys.json
{"K1": {"apply_policies": ["on"]},
 "K2": {"apply_policies": ["on", "off"]},
 "K3": {"apply_policies": ["not", "on"]},
 "K4": {"apply_policies": ["on"], "is_inactive": true},
 "K5": {"apply_policies": ["day"], "date_created": "2020-01-01T00:00:00.5+01:00"},
 "K6": {"apply_policies": ["day"], "date_created": "0001-01-01T00:00:00Z"},
 "K7": {"apply_policies": ["day"], "date_created": "2020-01-01T00:00:00Z",
        "expires": 99999999999},
 "K8": {"apply_policies": ["age", "day"], "date_created": "2020-01-01T00:00:00Z"},
 "K9": {"apply_policies": ["day"], "date_created": "2020-01-01T00:00:00-23:59"}}
--- check eval
sub {
    is(main::statuses(qw(K1/a K2/a K3/a K4/a)), '200 403 403 403',
       'inactive');
    is(main::statuses(qw(K5/a K6/a K7/a K8/a K9/a)), '401 200 200 200 401',
       'expiry');
}

=== TEST 6: a policy for no API leaves the rights to the session
--- user_files
>>> policies.json
{"p": {"quota_max": 1}}
>>> keys.json
{"K": {"apply_policies": ["p"], "access_rights": {"a": {}}}}
--- check eval
sub { is(main::statuses(qw(K/b K/a K/a)), '403 200 403', 'statuses') }

=== TEST 7: what scripts see of it
--- user_files
>>> policies.json
{"p": {"quota_max": 1, "quota_renewal_rate": 60, "tags": ["t"],
       "meta_data": {"m": 1}, $rights}}
>>> keys.json
{"K": {"apply_policies": ["p"], "alias": "me"}}
>>> h.js
export default function (ctx) {
    var s = JSON.parse(ctx.TykGetKeyData(ctx.event.Meta.KeyID, 'a'));

    ctx.log('LOG ' + JSON.stringify([s.alias, s.apply_policies, s.quota_max,
                                     s.quota_remaining, s.tags, s.meta_data,
                                     s.access_rights.a.limit.quota_remaining]));
}
--- http_config
    api_event_handlers QuotaExceeded js path=../html/h.js;
--- log_level: info
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: K
--- error_code eval
[200, 403]
--- check eval
sub {
    ok(wait_for(sub {
        index(error_log_text(), 'LOG ["me",["p"],1,0,["t"],{"m":1},0]') > 0
    }), 'merged');
}

=== TEST 8: a rate_limit_pattern of a policy
--- user_files
>>> policies.json
{"p": {"quota_max": 1, "meta_data": {"rate_limit_pattern": "$tyk_meta.c"},
       $rights}}
>>> keys.json
{"K": {"apply_policies": ["p"], "meta_data": {"c": "x"}},
 "L": {"apply_policies": ["p"], "meta_data": {"c": "x"}},
 "M": {"apply_policies": ["p"], "meta_data": {"c": "y"}}}
--- check eval
sub { is(main::statuses(qw(K/a L/a M/a)), '200 403 200', 'statuses') }

=== TEST 9: a script sets sessions with policies
--- user_files
>>> policies.json
{"p": {"quota_max": 1, "access_rights": {"a": {}}},
 "o": {"org_id": "other", "access_rights": {"a": {}}}}
>>> keys.json
{"K": {"access_rights": {"b": {}}}, "L": {"access_rights": {"b": {}}},
 "M": {"access_rights": {"b": {}}}}
>>> h.js
export default function (ctx) {
    var path = ctx.event.Meta.Path.split('/');

    ctx.TykSetKeyData(ctx.event.Meta.KeyID,
                      JSON.stringify({apply_policies: [path[2]],
                                      org_id: 'acme'}), '1');
}
--- http_config
    api_event_handlers AuthFailure js path=../html/h.js;
--- check eval
sub {
    is(main::statuses(qw(K/a/p L/a/none M/a/o)), '403 403 403', 'before');
    ok(wait_for(sub { main::statuses('K/a/q') eq '200' }), 'set');
    is(main::statuses(qw(K/a)), '403', 'its quota');
    is(main::statuses(qw(L/b M/b)), '200 200', 'as they were');
    ok(wait_for(sub {
        my $log = error_log_text();
        $log =~ /policy \S*none\S* is unknown/
            && $log =~ /policy \S*o\S* is of another organisation/
    }), 'why');
}

=== TEST 10: organisations
--- user_files
>>> policies.json
{"p": {"quota_max": 1}}
>>> keys.json
{"K": {"access_rights": {"a": {}}}}
>>> orgs.json
{"acme": {"apply_policies": ["p"], "access_rights": {"a": {}}}}
--- http_config
    api_org_keys ../html/orgs.json;
    api_org acme;
--- check eval
sub { is(main::statuses(qw(K/a K/a)), '200 403', 'statuses') }

=== TEST 11: what is not supported is told once
--- user_files
>>> policies.json
{"p": {"throttle_interval": 1, "smoothing": {"enabled": false}, $rights},
 "q": {"throttle_interval": 0, "throttle_retry_limit": 5, $rights}}
>>> keys.json
{"K": {"access_rights": {"a": {"limit": {"smoothing": {"enabled": true}}}}}}
--- check eval
sub { is(main::statuses(qw(K/a)), '200', 'status') }

=== TEST 12: an unknown policy
--- user_files
>>> policies.json
{"p": {}}
>>> keys.json
{"K": {"access_rights": {"a": {}}},
 "a-key-that-is-long": {"apply_policies": ["p", "gold"],
       "access_rights": {"a": {}}}}
--- emerg
keys.json:2: policy "gold" is unknown, which key "****long" applies

=== TEST 13: of another organisation
--- user_files
>>> policies.json
{"p": {"org_id": "other", $rights}}
>>> keys.json
{"K": {"apply_policy_id": "p", "org_id": "acme"}}
--- emerg
keys.json:1: policy "p" is of another organisation, which key "****" applies

=== TEST 14: an organisation's
--- user_files
>>> policies.json
{}
>>> orgs.json
{"acme": {"apply_policy_id": "p"}}
--- http_config
    api_org_keys ../html/orgs.json;
--- emerg
orgs.json:1: policy "p" is unknown, which organisation "acme" applies

=== TEST 15: policies that grant nothing
--- user_files
>>> policies.json
{"p": {"quota_max": 1}}
>>> keys.json
{"K": {"apply_policy_id": "p"}}
--- emerg
keys.json:1: "access_rights" with at least one API are expected

=== TEST 16: no JSON
--- user_files
>>> policies.json
{"p": {},
 "q" {}}
--- emerg
policies.json:2:

=== TEST 17: wrong types
--- user_files
>>> policies.json
{"p": {},
 "q": {"rate": "1"}}
--- emerg
policies.json:2: "rate" must be a number

=== TEST 18: a partition that is not known to be true or false
--- user_files
>>> policies.json
{"p": {"partitions": {"acl": 1}}}
--- emerg
policies.json:1: "acl" must be true or false

=== TEST 19: a regex that does not compile
--- user_files
>>> policies.json
{"p": {"access_rights": {"a": {"allowed_urls": [{"url": "("}]}}}}
--- emerg
policies.json:1: "url" must be a regular expression: pcre

=== TEST 20: twice the same
--- user_files
>>> policies.json
[{"id": "p"},
 {"id": "p"}]
--- emerg
policies.json:2: policy "p" is there twice

=== TEST 21: no file
--- user_files
--- http_config
--- emerg
policies.json" failed

=== TEST 22: two of them
--- user_files
>>> policies.json
{}
--- http_config
    api_policies ../html/policies.json;
--- emerg
"api_policies" directive is duplicate in
nginx.conf:
