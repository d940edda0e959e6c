# Sessions that need no more than their record: keys of all combinations of
# limits in turn, each with its own, at locations that differ.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(user_files => <<'END');
>>> keys.json
{"rate2": {"rate": 2, "per": 600, "alias": "A", "access_rights": {"a": {}}},
 "rate3": {"rate": 3, "per": 600, "alias": "B", "access_rights": {"a": {}}},
 "quota1": {"quota_max": 1, "quota_renewal_rate": 600,
            "access_rights": {"b": {}, "a": {"limit": null}}},
 "quota2": {"quota_max": 2, "quota_renewal_rate": 600,
            "access_rights": {"a": {"allowed_urls": []}, "c": {}}},
 "both": {"rate": 1, "per": 600, "quota_max": 9, "quota_renewal_rate": 600,
          "access_rights": {"a": {}}},
 "other": {"rate": 9, "per": 600, "quota_max": 2, "quota_renewal_rate": 600,
           "access_rights": {"a": {}}},
 "none": {"access_rights": {"a": {}}},
 "mixed": {"quota_max": 2, "quota_renewal_rate": 600,
           "access_rights": {"a": {}, "b": {"limit": {"quota_max": 1}}}},
 "old": {"expires": 1000000000, "access_rights": {"a": {}}},
 "off": {"is_inactive": true, "access_rights": {"a": {}}},
 "elsewhere": {"access_rights": {"aa": {}}}}
END
    $block->set_value(http_config => <<'END');
    api_zone a:16m;
    api_keys ../html/keys.json;
END
    $block->set_value(config => <<'END');
    location /a { api_id a; add_header X $api_key_alias; empty_gif; }
    location /b { api_id b; empty_gif; }
END
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

no_root_location();
run_tests();


sub statuses {
    return join ' ', map {
        my ($key, $uri) = split /(?=\/)/;
        (ApiEvents::http_get($uri, undef, "Authorization: $key\r\n"))[0]
    } @_;
}

__DATA__

=== TEST 1: each key has its own limits
--- check eval
sub {
    is(main::statuses(qw(rate2/a rate3/a quota1/a quota2/a both/a other/a)),
       '200 200 200 200 200 200', 'first');
    is(main::statuses(qw(rate2/a rate3/a quota1/a quota2/a both/a other/a)),
       '200 200 403 200 429 200', 'second');
    is(main::statuses(qw(rate2/a rate3/a quota1/a quota2/a both/a other/a)),
       '429 200 403 403 429 403', 'third');
    is(main::statuses(qw(none/a rate3/a none/a none/a none/a)),
       '200 429 200 200 200', 'fourth');
}

=== TEST 2: rights, and what is asked before them
--- check eval
sub {
    is(main::statuses(qw(rate2/b quota1/b elsewhere/a elsewhere/b)),
       '403 200 403 403', 'rights');
    is(main::statuses(qw(old/a off/a nobody/a)), '401 403 403', 'not at all');
}

=== TEST 3: an API with a limit of its own beside one without
--- check eval
sub {
    is(main::statuses(qw(mixed/a mixed/b mixed/b mixed/a mixed/a)),
       '200 200 403 200 403', 'two counters');
}
