# Breakers, timeouts and rates of a definition's paths.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use GateBlocks;

our $Config = <<'END';
    api_definitions $TEST_NGINX_SERVER_ROOT/html/apis;
END

# the recorder answers as the path asks for
sub definition {
    my ($more, $extended) = @_;

    return qq(>>> apis/orders.json\n{"api_id": "orders", "use_keyless": true,\n)
           . qq("proxy": {"listen_path": "/a", "strip_listen_path": true, )
           . qq("target_url": )
           . qq("http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1/"},\n$more)
           . qq("version_data": {"not_versioned": true, "versions": {)
           . qq("Default": {"use_extended_paths": true, $extended}}}}\n);
}

run_tests();

__DATA__

=== TEST 1: a breaker's threshold is a ratio
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('', <<'END');
"extended_paths": {"circuit_breakers": [
  {"path": "/status/{code}", "method": "GET", "threshold_percent": 0.5,
   "samples": 4, "return_to_service_after": 60},
  {"path": "/ok", "method": "GET", "threshold_percent": 0.1, "samples": 1,
   "return_to_service_after": 60, "disabled": true}]}
END
--- request eval
["GET /a/status/200", "GET /a/status/200", "GET /a/status/500",
 "GET /a/status/503", "GET /a/status/200", "POST /a/status/500\nx",
 "POST /a/status/200\nx", "GET /a/ok"]
--- error_code eval
[200, 200, 500, 503, 503, 500, 200, 200]
--- response_body_like eval
[qr//, qr//, qr//, qr//, qr/"error": "Service temporarily unavailable\."/,
 qr//, qr//, qr//]
--- recorded_count: 7

=== TEST 2: its events have Tyk's names
--- config eval: $::Config
--- user_files eval
main::definition('', <<'END');
"extended_paths": {"circuit_breakers": [
  {"path": "/status/500", "method": "GET", "threshold_percent": 1,
   "samples": 2, "return_to_service_after": 60,
   "disable_half_open_state": true}]}
END
--- request eval
["GET /a/status/500", "GET /a/status/500", "GET /a/status/500"]
--- error_code eval
[500, 500, 503]
--- recorded_check eval
sub {
    wait_for(sub { scalar(recorded()) >= 4 });
    my @types = sort map { $_->{json}{EventType} } grep { $_->{json} } recorded();
    is_deeply(\@types, ['BreakerTriggered', 'BreakerTripped'], 'events');
}

=== TEST 3: a timeout, as a number and as a text
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('', <<'END');
"global_enforce_timeout": "1.5s",
"extended_paths": {"hard_timeouts": [
  {"path": "/slow/1000", "method": "GET", "timeout": 1, "duration": "100ms"},
  {"path": "/slow/900", "method": "GET", "timeout": 0.2},
  {"path": "/slow/800", "method": "GET", "timeout": 0.2, "disabled": true}]}
END
--- recorder
--- request eval
["GET /a/slow/1000", "GET /a/slow/900", "GET /a/slow/800",
 "GET /a/slow/100", "GET /a/slow/1900"]
--- error_code eval
[504, 504, 200, 200, 504]
--- response_body_like eval
[(qr/"error": "Upstream service reached hard timeout\."/) x 2, qr//, qr//,
 qr/hard timeout/]

=== TEST 4: rates of endpoints stand for the API's
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('"global_rate_limit": {"rate": 2, "per": 3600},', <<'END');
"extended_paths": {"rate_limit": [
  {"path": "/ok/one$", "method": "GET", "rate": 1, "per": 3600},
  {"path": "/ok/", "method": "GET", "rate": 3, "per": 3600},
  {"path": "/ok/", "method": "PUT", "rate": -1, "per": 3600},
  {"path": "/", "method": "GET", "rate": 1, "per": 3600, "disabled": true},
  {"path": "/", "rate": 1, "per": 3600}]}
END
--- recorder
--- request eval
["GET /a/ok/one", "GET /a/ok/one", (("GET /a/ok/two") x 4),
 (("PUT /a/ok/two\nx") x 4), "GET /a/ok", "POST /a/ok/two\nx", "GET /a/ok"]
--- error_code eval
[200, 429, 200, 200, 200, 429, 200, 200, 200, 200, 200, 200, 429]
--- response_body_like eval
[qr//, qr/API Rate Limit Exceeded/, qr//, qr//, qr//,
 qr/API Rate Limit Exceeded/, (qr//) x 6, qr/API Rate Limit Exceeded/]
--- check eval
sub {
    like(error_log_text(), qr/"rate_limit" without "method" is for no request in \S+orders\.json:8/, 'a warning');
}

=== TEST 5: without a limit of the API
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('', <<'END');
"extended_paths": {"rate_limit": [
  {"path": "/ok/one", "method": "GET", "rate": 1, "per": 3600}]}
END
--- recorder
--- request eval
["GET /a/ok/one", "GET /a/ok/one", "GET /a/ok", "GET /a/ok"]
--- error_code eval
[200, 429, 200, 200]

=== TEST 6: switched off
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('"disable_rate_limit": true,', <<'END');
"extended_paths": {"rate_limit": [
  {"path": "/ok/one", "method": "GET", "rate": 1, "per": 3600}]}
END
--- recorder
--- request eval
["GET /a/ok/one", "GET /a/ok/one"]
--- error_code eval
[200, 200]

=== TEST 7: more endpoints than an API may have limits
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('', '"extended_paths": {"rate_limit": [' . CORE::join(',',
    map qq({"path": "/ok/p$_/", "method": "GET", "rate": 1, "per": 3600}),
    1 .. 40) . ']}')
--- recorder
--- request eval
["GET /a/ok/p40/", "GET /a/ok/p40/", "GET /a/ok/p39/"]
--- error_code eval
[200, 429, 200]

=== TEST 8: extended paths that are not used
--- config eval: "api_event_handlers off;\n" . $::Config
--- user_files eval
main::definition('', <<'END') =~ s/"use_extended_paths": true/"use_extended_paths": false/r;
"extended_paths": {"rate_limit": [
  {"path": "/ok/one", "method": "GET", "rate": 1, "per": 3600}]}
END
--- recorder
--- request eval
["GET /a/ok/one", "GET /a/ok/one"]
--- error_code eval
[200, 200]

=== TEST 9: a host that nobody knows is a failure for the breaker
--- http_config
    resolver 127.0.0.1:1 ipv6=off;
    resolver_timeout 100ms;
--- config eval: $::Config
--- user_files
>>> apis/a.json
{"api_id": "a", "use_keyless": true,
 "proxy": {"listen_path": "/a/", "target_url": "http://no-such-host.invalid"},
 "version_data": {"not_versioned": true, "versions": {"Default": {
   "use_extended_paths": true, "extended_paths": {"circuit_breakers": [
     {"path": "/x", "method": "GET", "threshold_percent": 1, "samples": 2,
      "return_to_service_after": 60}]}}}}}
--- request eval
["GET /a/x", "GET /a/x", "GET /a/x", "GET /a/y"]
--- error_code eval
[502, 502, 503, 502]
