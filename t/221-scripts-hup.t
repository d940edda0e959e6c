# Scripts, and sessions that scripts wrote, over reloads.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

no_shuffle();
use_hup();
run_tests();


# folders of scripts, the runtime's left out, and how often they are there
sub folders {
    my $state = "$Test::Nginx::Util::ServRoot/logs/state/scripts";
    my @folders = grep !-e "$_/apievents.js", glob "$state/*";

    return map s{.*/}{}r, @folders;
}


sub is_logged {
    my ($text) = @_;

    return Test::More::ok(ApiEvents::wait_for(sub {
        ApiEvents::error_log_text() =~ /\Q$text\E/
    }), "logged: $text");
}

__DATA__

=== TEST 1: a script that changes its key
--- log_level: info
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    api_keys ../html/keys.json;
--- user_files
>>> h.js
export default function (ctx) {
    ctx.TykSetKeyData('K', '{"rate": 1, "per": 60, "alias": "script",'
                           + '"access_rights": {"a": {}}}', '1');
    ctx.log('first');
}
>>> keys.json
{"K": {"rate": 1, "per": 60, "alias": "file", "access_rights": {"a": {}}}}
--- config
    location /a {
        api_id a;
        api_event_handlers RatelimitExceeded js path=h.js;
        add_header X-Alias $api_key_alias always;
        empty_gif;
    }
--- request eval
["GET /a", "GET /a"]
--- more_headers
Authorization: K
--- error_code eval
[200, 429]
--- response_headers eval
["X-Alias: file", "X-Alias: file"]
--- check eval
sub {
    main::is_logged('script "h.js": first');
    is(scalar(main::folders()), 2, 'folders: a module and its caller');
}

=== TEST 2: another script; the file does not win over what was set
--- log_level: info
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    api_keys ../html/keys.json;
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler({});
h.NewHandler(function (event) { log('second'); });
>>> keys.json
{"K": {"rate": 9, "per": 60, "alias": "file", "access_rights": {"a": {}}}}
--- config
    location /a {
        api_id a;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        add_header X-Alias $api_key_alias always;
        empty_gif;
    }
--- request
GET /a
--- more_headers
Authorization: K
--- error_code: 429
--- response_headers
X-Alias: script
--- check eval
sub {
    main::is_logged('script "h.js": second');
    is(scalar(main::folders()), 1, 'folders: an event script');
}

=== TEST 3: a reload that fails leaves the folders of what runs
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    api_keys ../html/keys.json;
--- user_files
>>> h.js
var h = new TykJS.TykEventHandlers.NewEventHandler(;
>>> keys.json
{}
--- config
    location /a {
        api_id a;
        api_event_handlers RatelimitExceeded js path=h.js name=h;
        empty_gif;
    }
--- reload_fails
--- request
GET /a
--- more_headers
Authorization: K
--- error_code: 429
--- error_log
SyntaxError
--- check eval
sub { cmp_ok(scalar(main::folders()), '>=', 1, 'folders') }

=== TEST 4: a configuration without scripts
--- http_config
    api_zone a:16m;
    api_state_path $TEST_NGINX_SERVER_ROOT/logs/state;
--- config
    location /a { api_id a; empty_gif; }
--- request
GET /a
--- more_headers
Authorization: K
--- error_code: 429
--- check eval
sub { is(scalar(main::folders()), 0, 'folders') }
