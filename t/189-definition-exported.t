# Definitions as Tyk writes them: every member is there, most at its default.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
        location / { return 200 "$request_method $request_uri [$http_authorization]\n"; }
    }
END

our $Config = <<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
END

our $Exported = <<'END';
"id": "5fb66262bca82a1b1802af51",
"name": "n",
"expiration": "",
"slug": "n",
"listen_port": 0,
"protocol": "",
"enable_proxy_protocol": false,
"json_rpc_version": "",
"application_protocol": "",
"api_id": "orders",
"org_id": "acme",
"use_keyless": false,
"use_oauth2": false,
"external_oauth": {"enabled": false, "providers": null},
"use_openid": false,
"openid_options": {"providers": null, "segregate_by_client": false},
"oauth_meta": {"allowed_access_types": null, "allowed_authorize_types": null, "auth_login_redirect": ""},
"auth": {
  "name": "",
  "use_param": false,
  "param_name": "",
  "use_cookie": false,
  "cookie_name": "",
  "disable_header": false,
  "auth_header_name": "",
  "use_certificate": false,
  "validate_signature": false,
  "signature": {"algorithm": "", "header": "", "secret": "", "allowed_clock_skew": 0, "error_code": 0, "error_message": "", "use_param": false, "param_name": ""}},
"auth_configs": {
  "authToken": {"name": "", "use_param": false, "param_name": "", "use_cookie": false, "cookie_name": "", "disable_header": false, "auth_header_name": "Authorization", "use_certificate": false, "validate_signature": false, "signature": {"algorithm": "", "header": "", "secret": "", "allowed_clock_skew": 0, "error_code": 0, "error_message": "", "use_param": false, "param_name": ""}},
  "basic": {"name": "", "use_param": false, "param_name": "", "use_cookie": false, "cookie_name": "", "disable_header": false, "auth_header_name": "Authorization", "use_certificate": false, "validate_signature": false, "signature": {"algorithm": "", "header": "", "secret": "", "allowed_clock_skew": 0, "error_code": 0, "error_message": "", "use_param": false, "param_name": ""}},
  "jwt": {"name": "", "use_param": false, "param_name": "", "use_cookie": false, "cookie_name": "", "disable_header": false, "auth_header_name": "", "use_certificate": false, "validate_signature": false, "signature": {"algorithm": "", "header": "", "secret": "", "allowed_clock_skew": 0, "error_code": 0, "error_message": "", "use_param": false, "param_name": ""}}},
"use_basic_auth": false,
"basic_auth": {"disable_caching": false, "cache_ttl": 0, "extract_from_body": false, "body_user_regexp": "", "body_password_regexp": ""},
"use_mutual_tls_auth": false,
"client_certificates": null,
"upstream_certificates": null,
"upstream_certificates_disabled": true,
"pinned_public_keys": {},
"certificate_pinning_disabled": true,
"enable_jwt": false,
"use_standard_auth": true,
"use_go_plugin_auth": false,
"enable_coprocess_auth": false,
"custom_plugin_auth_enabled": false,
"jwt_signing_method": "",
"jwt_source": "",
"jwt_jwks_uris": null,
"jwt_identity_base_field": "",
"jwt_client_base_field": "",
"jwt_policy_field_name": "",
"jwt_default_policies": null,
"jwt_issued_at_validation_skew": 0,
"jwt_expires_at_validation_skew": 0,
"jwt_not_before_validation_skew": 0,
"jwt_skip_kid": false,
"scopes": {"jwt": {}, "oidc": {}},
"idp_client_id_mapping_disabled": false,
"jwt_scope_to_policy_mapping": null,
"jwt_scope_claim_name": "",
"notifications": {"shared_secret": "", "oauth_on_keychange_url": ""},
"enable_signature_checking": false,
"hmac_allowed_clock_skew": -1,
"hmac_allowed_algorithms": null,
"request_signing": {
  "is_enabled": false,
  "secret": "",
  "key_id": "",
  "algorithm": "",
  "header_list": null,
  "certificate_id": "",
  "signature_header": ""},
"base_identity_provided_by": "",
"definition": {
  "enabled": false,
  "name": "",
  "default": "",
  "location": "header",
  "key": "x-api-version",
  "strip_path": false,
  "strip_versioning_data": false,
  "url_versioning_pattern": "",
  "fallback_to_default": false,
  "versions": {}},
"version_data": {
  "not_versioned": true,
  "default_version": "",
  "versions": {"Default": {"name": "Default", "expires": "", "paths": {"ignored": null, "white_list": null, "black_list": null}, "use_extended_paths": true, "extended_paths": {"ignored": [], "white_list": [], "black_list": [], "mock_response": null, "cache": [], "advance_cache_config": [], "transform": [], "transform_response": [], "transform_jq": [], "transform_jq_response": [], "transform_headers": [{"disabled": true, "delete_headers": [], "add_headers": {}, "path": "", "method": "", "act_on": false}], "transform_response_headers": [], "hard_timeouts": [], "circuit_breakers": [], "url_rewrites": [], "virtual": [], "size_limits": [], "method_transforms": [], "track_endpoints": [], "do_not_track_endpoints": [], "validate_json": [], "validate_request": [], "internal": [], "go_plugin": [], "persist_graphql": null, "rate_limit": []}, "global_headers": null, "global_headers_remove": null, "global_headers_disabled": true, "global_response_headers": null, "global_response_headers_remove": null, "global_response_headers_disabled": true, "ignore_endpoint_case": false, "global_size_limit": 0, "global_size_limit_disabled": true, "global_enforce_timeout": "0s", "global_enforce_timeout_disabled": true, "override_target": ""}}},
"uptime_tests": {
  "disabled": false,
  "check_list": null,
  "config": {"expire_utime_after": 0, "service_discovery": {"use_discovery_service": false, "query_endpoint": "", "use_nested_query": false, "parent_data_path": "", "data_path": "", "port_data_path": "", "target_path": "", "use_target_list": false, "cache_disabled": true, "cache_timeout": 60, "endpoint_returns_list": false}, "recheck_wait": 0}},
"proxy": {
  "preserve_host_header": false,
  "listen_path": "/orders/",
  "target_url": "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/up/",
  "disable_strip_slash": true,
  "strip_listen_path": true,
  "enable_load_balancing": false,
  "target_list": null,
  "check_host_against_uptime_tests": false,
  "service_discovery": {"use_discovery_service": false, "query_endpoint": "", "use_nested_query": false, "parent_data_path": "", "data_path": "", "port_data_path": "", "target_path": "", "use_target_list": false, "cache_disabled": true, "cache_timeout": 60, "endpoint_returns_list": false},
  "transport": {"ssl_insecure_skip_verify": false, "ssl_ciphers": null, "ssl_min_version": 0, "ssl_max_version": 0, "ssl_force_common_name_check": false, "proxy_url": ""}},
"disable_rate_limit": false,
"disable_quota": false,
"custom_middleware": {
  "pre": null,
  "post": null,
  "post_key_auth": null,
  "auth_check": {"disabled": true, "name": "", "path": "", "require_session": false, "raw_body_only": false},
  "traffic_logs": {"disabled": false, "name": "", "path": "", "require_session": false, "raw_body_only": false},
  "response": null,
  "driver": "",
  "id_extractor": {"disabled": true, "extract_from": "", "extract_with": "", "extractor_config": null}},
"custom_middleware_bundle": "",
"custom_middleware_bundle_disabled": true,
"cache_options": {
  "cache_timeout": 60,
  "enable_cache": true,
  "cache_all_safe_requests": false,
  "cache_response_codes": [],
  "enable_upstream_cache_control": false,
  "cache_control_ttl_header": "",
  "cache_by_headers": null},
"session_lifetime_respects_key_expiration": false,
"session_lifetime": 0,
"active": true,
"internal": false,
"auth_provider": {"name": "", "storage_engine": "", "meta": null},
"session_provider": {"name": "", "storage_engine": "", "meta": null},
"event_handlers": {"events": null},
"enable_batch_request_support": false,
"enable_ip_whitelisting": false,
"allowed_ips": null,
"enable_ip_blacklisting": false,
"blacklisted_ips": null,
"ip_access_control_disabled": true,
"dont_set_quota_on_create": false,
"expire_analytics_after": 0,
"response_processors": [{"name": "header_injector", "options": {}}, {"name": "response_body_transform", "options": {}}],
"CORS": {
  "enable": false,
  "allowed_origins": ["*"],
  "allowed_methods": null,
  "allowed_headers": null,
  "exposed_headers": null,
  "allow_credentials": false,
  "max_age": 24,
  "options_passthrough": false,
  "debug": false},
"domain": "",
"domain_disabled": true,
"certificates": null,
"do_not_track": false,
"enable_context_vars": false,
"config_data": null,
"config_data_disabled": true,
"tag_headers": null,
"global_rate_limit": {"disabled": true, "rate": 0, "per": 0},
"strip_auth_data": false,
"enable_detailed_recording": false,
"graphql": {
  "enabled": false,
  "execution_mode": "proxyOnly",
  "version": "2",
  "schema": "",
  "type_field_configurations": null,
  "playground": {"enabled": false, "path": ""},
  "engine": {"field_configs": null, "data_sources": null, "global_headers": null},
  "proxy": {"features": {"use_immutable_headers": false}, "auth_headers": null, "request_headers": null, "use_response_extensions": {"on_error_forwarding": false}, "request_headers_rewrite": null},
  "subgraph": {"sdl": ""},
  "supergraph": {"subgraphs": null, "merged_sdl": "", "global_headers": null, "disable_query_batching": false},
  "introspection": {"disabled": false}},
"analytics_plugin": {},
"tags_disabled": true,
"tags": null,
"is_oas": false,
"detailed_tracing": false,
"upstream_auth": {
  "enabled": false,
  "basic_auth": {"enabled": false, "username": "", "header": {"enabled": false, "name": ""}},
  "oauth": {"enabled": false}},
"security_requirements": null,
"error_overrides": null,
"error_overrides_disabled": true
END

# members that have other values than the exported ones
sub exported {
    my (%other) = @_;
    my $text = $Exported;

    for my $name (keys %other) {
        $text =~ s/"\Q$name\E": (null|true|false|-?\d+|"[^"]*"|\[\]|\{\})/"$name": $other{$name}/
            or die "no $name\n";
    }

    return ">>> apis/orders.json\n{$text}\n";
}

# one definition at /a/ without keys, with these lists
sub paths {
    my ($lists, $more) = @_;
    $more //= '';

    return qq(>>> apis/orders.json\n{"api_id": "orders", "use_keyless": true,\n)
           . qq("proxy": {"listen_path": "/a/", "target_url": )
           . qq("http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2/"},\n$more\n)
           . qq("version_data": {"not_versioned": true, "versions": {"Default": {\n)
           . qq("use_extended_paths": true, "extended_paths": {$lists}}}}}\n);
}

# what is said of one definition, and nothing else
sub named {
    my (@names) = @_;
    my @lines = error_log_text() =~ /^(.*\[warn\].*)$/mg;

    is(scalar @lines, @names ? 1 : 0, 'warnings') or diag(@lines);
    my ($names) = ($lines[0] // '') =~ /ignored in definition "\S+": (.*)/;
    is($names // '', join(', ', @names), 'names');
}

run_tests();

__DATA__

=== TEST 1: a definition with everything at its default says nothing
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval: main::exported()
--- request eval
["GET /orders/x?a=b", "GET /orders/x", "GET /orders/x", "OPTIONS /orders/x", "POST /orders/\nbody"]
--- more_headers eval
["Authorization: Bearer good-key-0123456789", "", "Authorization: wrong",
 "Authorization: good-key-0123456789\nOrigin: http://a\nAccess-Control-Request-Method: PUT",
 "Authorization: good-key-0123456789"]
--- error_code eval: [200, 401, 403, 200, 200]
--- response_body_like eval
[qr{^GET /up/x\?a=b \[Bearer good-key-0123456789\]$}, ("") x 2, qr{^OPTIONS /up/x }, qr{^POST /up/ }]
--- check eval
sub { main::named() }

=== TEST 2: and nothing where a location is written for it, but its own members
--- http_config eval: $::Upstream
--- config
    location /a/ {
        api_definition $TEST_NGINX_SERVER_ROOT/html/apis/orders.json;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;
    }
--- user_files eval: main::exported(domain_disabled => 'false', domain => '"a.example"')
--- request
GET /a/
--- error_code: 401
--- check eval
sub { main::named() }

=== TEST 3: numbers with a point, and lists that are null
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(use_keyless => 'true', max_age => '1e1',
               expiration => '"-1"', expires => '"-1"')
=~ s/"global_rate_limit": .*/"global_rate_limit": {"rate": 2.0, "per": 60.0},/r
--- request eval
[("GET /orders/x") x 3]
--- error_code eval: [200, 200, 429]
--- check eval
sub { main::named() }

=== TEST 4: what is switched off beside it is not named
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(upstream_certificates => '{"a": "b"}', pinned_public_keys => '{"a": "b"}',
               custom_middleware_bundle => '"x.zip"', error_overrides => '{"401": []}',
               domain => '"a.example"', check_list => '[{"url": "http://a/"}]')
=~ s/"uptime_tests": \{(\s*)"disabled": false/"uptime_tests": {$1"disabled": true/r
=~ s/"pre": null/"pre": [{"disabled": true, "name": "a", "path": "b"}]/r
=~ s/("auth_check": \{"disabled": true, "name": )""/$1"a"/r
--- request
GET /orders/x
--- error_code: 401
--- check eval
sub { main::named() }

=== TEST 5: and is where it is not
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(upstream_certificates => '{"a": "b"}', upstream_certificates_disabled => 'false',
               pinned_public_keys => '{"a": "b"}', certificate_pinning_disabled => 'false',
               custom_middleware_bundle => '"x.zip"', custom_middleware_bundle_disabled => 'false',
               error_overrides => '{"401": []}', error_overrides_disabled => 'false',
               check_list => '[{"url": "http://a/"}]', cache_all_safe_requests => 'true',
               listen_port => 9000, protocol => '"tcp"', enable_proxy_protocol => 'true',
               certificates => '["abc"]', application_protocol => '"mcp"',
               json_rpc_version => '"2.0"')
=~ s/"response_processors": \[/"response_processors": [{"name": "header_transform", "options": {}}, /r
=~ s/("virtual": \[)/$1\{"disabled": false, "path": "\/x"}/r
--- request
GET /orders/x
--- error_code: 401
--- check eval
sub {
    main::named(qw(application_protocol cache_options.enable_cache custom_middleware_bundle error_overrides
                   json_rpc_version pinned_public_keys response_processors upstream_certificates
                   uptime_tests.check_list certificates enable_proxy_protocol listen_port protocol
                   extended_paths.virtual));
}

=== TEST 6: a processor of answers that adds headers is one that acts
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported() =~ s/("name": "header_injector", "options": )\{\}/$1\{"add_headers": {"a": "b"}}/r
--- request
GET /orders/x
--- error_code: 401
--- check eval
sub { main::named('response_processors') }

=== TEST 7: the answer of a dashboard, with the definition in it
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(use_keyless => 'true') =~ s/\{"id"/{"api_model": {}, "hook_references": [], "is_site": false, "api_definition": {"id"/r =~ s/\}\n*\z/}}\n/r
--- request
GET /orders/x
--- response_body_like: ^GET /up/x
--- check eval
sub { main::named() }

=== TEST 8: a list of what is allowed that allows nothing
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::paths('"white_list": [{"path": "/w", "method_actions": {}},
{"path": "/r", "method_actions": {"GET": {"action": "reply", "code": 201, "data": "r"}}}]')
--- request eval
["GET /a/w", "GET /a/x", "GET /a/r", "POST /a/r\nx"]
--- error_code eval: [403, 403, 201, 403]

=== TEST 9: an empty path is none
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::paths('"ignored": [{"path": "", "method": ""}], "black_list": [{"path": ""}, {"path": "^$"}],
"rate_limit": [{"path": "", "method": "GET", "rate": 1, "per": 60}],
"mock_response": [{"path": "", "method": "GET", "code": 418}]')
=~ s/"use_keyless": true,//r
--- request eval
["GET /a/x", "GET /a/x", "GET /a/x"]
--- more_headers eval
["", ("Authorization: good-key-0123456789") x 2]
--- error_code eval: [401, 200, 200]
--- check eval
sub {
    like(error_log_text(), qr/"black_list" with an empty "path" is for no request in .*orders\.json:5/, 'a warning');
}

=== TEST 10: and allows nothing
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval: main::paths('"white_list": [{"path": ""}]')
--- request
GET /a/x
--- error_code: 403

=== TEST 11: paths for Tyk's own use are closed, ignored ones too
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::paths('"ignored": [{"path": "/in"}], "mock_response": [{"path": "/in", "method": "PUT"}],
"internal": [{"path": "/in", "method": "GET"}, {"path": "/off", "method": "GET", "disabled": true}]')
--- request eval
["GET /a/in/side", "POST /a/in\nx", "GET /a/off", "GET /a/x"]
--- error_code eval: [403, 200, 200, 200]
--- response_body_like eval
[qr/Requested endpoint is forbidden/, ("") x 3]
--- check eval
sub { main::named() }

=== TEST 12: targets without a scheme, of a list
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(use_keyless => 'true', enable_load_balancing => 'true',
               target_list => '["127.0.0.1:$TEST_NGINX_RAND_PORT_2/one", "http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/two"]')
--- request eval
["GET /orders/x", "GET /orders/x"]
--- response_body_like eval
[qr{^GET /one/x}, qr{^GET /two/x}]

=== TEST 13: lists of addresses that the newer switch has on
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(use_keyless => 'true', ip_access_control_disabled => 'false', blacklisted_ips => '["127.0.0.1"]')
--- request
GET /orders/x
--- error_code: 403
--- response_body_like: access from this IP has been disallowed

=== TEST 14: and that only the older one has, whatever the newer says
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(use_keyless => 'true', enable_ip_whitelisting => 'true', allowed_ips => '["192.0.2.1"]',
               blacklisted_ips => '["127.0.0.1"]')
--- request
GET /orders/x
--- error_code: 403

=== TEST 15: neither
--- http_config eval: $::Upstream
--- config eval: $::Config
--- user_files eval
main::exported(use_keyless => 'true', blacklisted_ips => '["127.0.0.1"]', allowed_ips => '["192.0.2.1"]')
--- request
GET /orders/x
