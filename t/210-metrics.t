# api_metrics: Prometheus' text format.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

run_tests();

__DATA__

=== TEST 1: headers
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- response_headers
Content-Type: text/plain; version=0.0.4
Cache-Control: no-store

=== TEST 2: HEAD
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- request
HEAD /m
--- response_body

=== TEST 3: other methods, one with a body, over one connection
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- pipelined_requests eval
["POST /m\nbody", "DELETE /m", "PUT /m", "OPTIONS /m", "GET /m"]
--- error_code eval
[405, 405, 405, 405, 200]

=== TEST 4: a body with GET is thrown away
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- pipelined_requests eval
["GET /m\nbody", "GET /m"]
--- error_code eval
[200, 200]

=== TEST 5: every series has its help and type, once, and a number
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- check eval
sub {
    my (%help, %type, %seen, @wrong);
    my $text = http_get('/m');

    for (split /\n/, $text) {
        if (/^# HELP (\w+) \S.*\.$/) {
            push @wrong, $_ if $help{$1}++;

        } elsif (/^# TYPE (\w+) (counter|gauge)$/) {
            my ($name, $type) = ($1, $2);

            push @wrong, $_ if $type{$name} || !$help{$name}
                               || ($type eq 'counter') != ($name =~ /_total$/);
            $type{$name} = $type;

        } elsif (/^((apievents_\w+)(?:\{\w+="\w+"\})?) \d+$/) {
            push @wrong, $_ if !$type{$2} || $seen{$1}++;

        } else {
            push @wrong, $_;
        }
    }

    is_deeply(\@wrong, [], 'lines');
    like($text, qr/\n\z/, 'the last line ends');

    ok(exists $seen{$_}, $_) for
        qw(apievents_events_raised_total apievents_events_routed_total
           apievents_events_waiting apievents_deliveries_total),
        map("apievents_deliveries{state=\"$_\"}",
            qw(delivered suppressed pending dead)),
        map("apievents_events_dropped_total{reason=\"$_\"}",
            qw(ring_full too_large loop corrupt torn));
}

=== TEST 6: what is counted
--- workers: 2
--- http_config
    api_zone a:16m;
    api_keys ../html/keys.json;
    api_event_handlers RatelimitExceeded log;
    api_event_handlers AuthFailure webhook retry=off url=http://127.0.0.1:1/;
--- user_files
>>> keys.json
{"K": {"rate": 1, "per": 60, "access_rights": {"a": {}}}}
--- config
    location /a { api_id a; empty_gif; }
--- request eval
["GET /a", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
["Authorization: K", "Authorization: K", "Authorization: K",
 "Authorization: L"]
--- error_code eval
[200, 429, 429, 403]
--- metrics
apievents_events_raised_total 3
apievents_events_dropped_total 0
apievents_events_routed_total 3
apievents_events_waiting 0
apievents_deliveries_total 3
apievents_deliveries{state="delivered"} 2
apievents_deliveries{state="suppressed"} 0
apievents_deliveries{state="pending"} 0
apievents_deliveries{state="dead"} 1
apievents_deliveries_in_flight 0
apievents_rings 6
apievents_rings_owned 2
apievents_sessions 1
--- metrics_equation

=== TEST 7: the location is no API, whatever is around it
--- http_config
    api_zone a:16m;
    api_id a;
--- config
    location /a { empty_gif; }
    location = /m { api_metrics; }
--- request eval
["GET /a", "GET /m"]
--- error_code eval
[401, 200]

=== TEST 8: nginx's own access control is asked
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; deny all; }
--- request
GET /m
--- error_code: 403
--- error_log
access forbidden by rule

=== TEST 9: twice
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics; api_metrics; }
--- emerg
"api_metrics" directive is duplicate

=== TEST 10: with an argument
--- http_config
    api_zone a:16m;
--- config
    location = /m { api_metrics on; }
--- emerg
invalid number of arguments in "api_metrics" directive

=== TEST 11: outside of a location
--- http_config
    api_zone a:16m;
--- config
    api_metrics;
--- emerg
"api_metrics" directive is not allowed here

=== TEST 12: without a zone
--- config
    location = /m { api_metrics; }
--- request
GET /m
--- error_code: 503
--- error_log
api_metrics needs an api_zone
