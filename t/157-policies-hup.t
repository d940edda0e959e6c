# What a reload does to policies: sessions that did not change have the new
# ones, in every worker, and keep their counters.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

no_shuffle();
use_hup();
workers(2);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(user_files => <<'END' . ($block->user_files // ''));
>>> keys.json
{"K": {"apply_policies": ["p"]}}
END
    $block->set_value(http_config => <<'END');
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_policies ../html/policies.json;
END
    $block->set_value(config => <<'END');
    location /a { api_id a; empty_gif; }
    location /b { api_id b; empty_gif; }
END
    $block->set_value(more_headers => 'Authorization: K');
});

no_root_location();
run_tests();

__DATA__

=== TEST 1: before
--- user_files
>>> policies.json
{"p": {"quota_max": 3, "access_rights": {"a": {}}}}
--- request eval
["GET /a", "GET /b", "GET /a"]
--- error_code eval
[200, 403, 200]

=== TEST 2: nothing changed
--- user_files
>>> policies.json
{"p": {"quota_max": 3, "access_rights": {"a": {}}}}
--- request eval
["GET /a", "GET /a", "GET /b"]
--- error_code eval
[200, 403, 403]

=== TEST 3: more of everything
--- user_files
>>> policies.json
{"p": {"quota_max": 5, "access_rights": {"a": {}, "b": {}}}}
--- request eval
["GET /b", "GET /a", "GET /b"]
--- error_code eval
[200, 200, 403]

=== TEST 4: a configuration without the policy is refused
--- user_files
>>> policies.json
{"q": {"quota_max": 9, "access_rights": {"a": {}}}}
--- reload_fails
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[403, 403]
--- allow_log
policy "p" is unknown

=== TEST 5: inactive
--- user_files
>>> policies.json
{"p": {"is_inactive": true, "quota_max": 9, "access_rights": {"a": {}}}}
--- request
GET /a
--- error_code: 403
--- response_body_like: Key is inactive

=== TEST 6: active
--- user_files
>>> policies.json
{"p": {"quota_max": 9, "access_rights": {"a": {}}}}
--- request eval
["GET /a", "GET /b"]
--- error_code eval
[200, 403]
