# Sessions that were compiled when they were put: what a script set goes by the
# policies of the configuration that there is, not by those of that time.

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
{"K": {"access_rights": {"c": {}}}}
>>> h.js
export default function (ctx) {
    ctx.TykSetKeyData(ctx.event.Meta.KeyID, JSON.stringify({
        alias: 'set', apply_policies: ['p']}), '1');
}
END
    $block->set_value(http_config => <<'END');
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_policies ../html/policies.json;
    api_event_handlers AuthFailure js path=../html/h.js;
END
    $block->set_value(config => <<'END');
    location /a { api_id a; add_header X $api_key_alias; empty_gif; }
    location /b { api_id b; empty_gif; }
END
    $block->set_value(more_headers => 'Authorization: K');
});

no_root_location();
run_tests();


sub statuses {
    return join ' ', map {
        (ApiEvents::http_get($_, undef, "Authorization: K\r\n"))[0]
    } @_;
}

__DATA__

=== TEST 1: set
--- user_files
>>> policies.json
{"p": {"quota_max": 2, "access_rights": {"a": {}}}}
--- request
GET /a
--- error_code: 403
--- check eval
sub {
    ok(wait_for(sub { main::statuses('/a') eq '200' }), 'set');
    is(main::statuses(qw(/b /a /a)), '403 200 403', 'its quota');
}

=== TEST 2: other policies
--- user_files
>>> policies.json
{"p": {"quota_max": 3, "access_rights": {"a": {}, "b": {}}}}
--- request eval
["GET /b", "GET /a"]
--- error_code eval
[200, 403]

=== TEST 3: the first ones again
--- user_files
>>> policies.json
{"p": {"quota_max": 2, "access_rights": {"a": {}}}}
--- request eval
["GET /b", "GET /a"]
--- error_code eval
[403, 403]

=== TEST 4: none of its APIs, but an unlimited quota
--- user_files
>>> policies.json
{"p": {"quota_max": -1, "access_rights": {"a": {}}}}
--- request eval
["GET /a", "GET /a", "GET /b"]
--- error_code eval
[200, 200, 403]
--- response_headers eval
["X: set", "X: set", ""]
