# What a reload does to the limits of organisations: they change, what was
# counted stays.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

no_shuffle();
use_hup();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_org_keys $TEST_NGINX_SERVER_ROOT/html/orgs.json;
END
    $block->set_value(config => <<'END');
    location /k { api_id k; api_auth off; empty_gif; }
END
});

run_tests();

__DATA__

=== TEST 1: before
--- user_files
>>> orgs.json
{"acme": {"quota_max": 3, "quota_renewal_rate": 3600}}
--- request eval
["GET /k", "GET /k"]
--- error_code eval
[200, 200]

=== TEST 2: the quota goes on
--- user_files
>>> orgs.json
{"acme": {"quota_max": 3, "quota_renewal_rate": 3600}}
--- request eval
["GET /k", "GET /k"]
--- error_code eval
[200, 403]

=== TEST 3: a larger one has room for more
--- user_files
>>> orgs.json
{"acme": {"quota_max": 4, "quota_renewal_rate": 3600}}
--- request eval
["GET /k", "GET /k"]
--- error_code eval
[200, 403]

=== TEST 4: inactive
--- user_files
>>> orgs.json
{"acme": {"quota_max": 9, "quota_renewal_rate": 3600, "is_inactive": true}}
--- request
GET /k
--- error_code: 403
--- response_body_like: this organisation access has been disabled

=== TEST 5: gone, so it is not limited
--- user_files
>>> orgs.json
{}
--- request
GET /k
--- error_code: 200

=== TEST 6: and back, with what it had used
--- user_files
>>> orgs.json
{"acme": {"quota_max": 5, "quota_renewal_rate": 3600}}
--- request eval
["GET /k", "GET /k"]
--- error_code eval
[200, 403]
