# A webhook as its receiver sees it.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;

run_tests();

__DATA__

=== TEST 1: what is sent by default
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok;
--- recorded_count: 1
--- recorded_check eval
sub {
    my ($r) = @_;

    is($r->{method}, 'POST', 'method');
    is($r->{uri}, '/ok', 'uri');
    is($r->{headers}{host}, '127.0.0.1:' . rand_port(1), 'Host');
    is($r->{headers}{'user-agent'}, 'Tyk-Hookshot', 'User-Agent');
    is($r->{headers}{'content-type'}, 'application/json', 'Content-Type');
    is($r->{headers}{'content-length'}, length $r->{body}, 'Content-Length');
    is($r->{headers}{'x-api-events-hops'}, '1', 'X-Api-Events-Hops');
    like($r->{headers}{'webhook-id'}, qr/^evt_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z/,
         'webhook-id');
    is(scalar keys %{ $r->{headers} }, 6, 'nothing else');
    like(delete $r->{json}{origin}, qr/^127\.0\.0\.1:\d+$/, 'origin');
    is_deeply($r->{json}, { event => 'AuthFailure', message => 'Auth Failure',
                            path => '/a', key => '' }, 'body');
}
--- metrics
apievents_deliveries{state="delivered"} 1
apievents_deliveries{state="dead"} 0
--- metrics_equation

=== TEST 2: the bodies of all events that the gate raises
--- http_config
    api_keys ../html/keys.json;
    api_event_handlers * eh_web_hook_handler url=$HOOK/ok;
--- config
    location /a { api_id a; empty_gif; }
--- user_files
>>> keys.json
{
  "rate-key-0123456789": {"rate": 1, "per": 60, "access_rights": {"a": {}}},
  "quota-key-0123456789": {"quota_max": 1, "quota_renewal_rate": 60,
                           "access_rights": {"a": {}}},
  "old-key-0123456789": {"expires": 1, "access_rights": {"a": {}}}
}
--- request eval
[("GET /a") x 5]
--- more_headers eval
[map "Authorization: $_-key-0123456789", qw(rate rate quota quota old)]
--- error_code eval
[200, 429, 200, 403, 401]
--- recorded_count: 3
--- recorded_check eval
sub {
    my %got = map { $_->{json}{event} => $_ } @_;

    for my $e (['RatelimitExceeded', 'Rate Limit Exceeded'],
               ['QuotaExceeded', 'Key Quota Limit Exceeded'],
               ['KeyExpired', 'Attempted access from expired key.'])
    {
        my $r = $got{$e->[0]};

        is($r->{json}{message}, $e->[1], "$e->[0]: message");
        is($r->{json}{key}, '****6789', "$e->[0]: key");
        is($r->{body}, <<"END" =~ s/\n\z//r, "$e->[0]: the whole body");
{
    "event": "$e->[0]",
    "message": "$e->[1]",
    "path": "/a",
    "origin": "$r->{json}{origin}",
    "key": "****6789"
}
END
    }
}

=== TEST 3: URL with a query, its escapes as they are written
--- http_config
    api_event_handlers * webhook url=$HOOK/ok/a%20b/%2e%2e//c?d=e&f=%26&?;
--- recorded_like
^POST /ok/a%20b/%2e%2e//c\?d=e&f=%26&\?\n

=== TEST 4: URL with a query and no path
--- http_config
    api_event_handlers * webhook url=$HOOK?a=b;
--- recorded_like
^POST /\?a=b\n

=== TEST 5: URL without a path
--- http_config
    api_event_handlers * webhook url=$HOOK;
--- recorded_like
^POST /\n

=== TEST 6: methods, each with the body
--- http_config
    api_event_handlers * webhook url=$HOOK/1 method=PUT concurrency=1;
    api_event_handlers * webhook url=$HOOK/2 method=patch;
    api_event_handlers * webhook url=$HOOK/3 method=GET;
    api_event_handlers * webhook url=$HOOK/4 method=DELETE;
    api_event_handlers * webhook url=$HOOK/5 method=post;
--- recorded_count: 5
--- recorded_check eval
sub {
    my @got = sort map { "$_->{uri} $_->{method}" } @_;

    is("@got", '/1 PUT /2 PATCH /3 GET /4 DELETE /5 POST', 'methods');
    is(scalar(grep { $_->{json}{event} eq 'AuthFailure' } @_), 5, 'bodies');
    is(scalar(grep { $_->{headers}{'content-length'} == length $_->{body} } @_),
       5, 'Content-Length');
}

=== TEST 7: headers
--- http_config
    api_event_handlers * webhook url=$HOOK/ok "header=X-One: 1" "header=X-Two:2"
                       "header=x-one: again  " "header=X-Empty:"
                       "header=X-Quote: a\"b\\c:d" "header=X-Utf8: é";
--- recorded_check eval
sub {
    my $h = $_[0]{headers};

    is($h->{'x-one'}, '1, again', 'one that stands twice');
    is($h->{'x-two'}, '2', 'without a space');
    is($h->{'x-empty'}, '', 'without a value');
    is($h->{'x-quote'}, 'a"b\\c:d', 'quotes, backslash and colon');
    is($h->{'x-utf8'}, "\xc3\xa9", 'other than ASCII');
}

=== TEST 8: headers that replace what is sent by default
--- http_config
    api_event_handlers * webhook url=$HOOK/ok "header=Host: other.example"
                       "header=user-agent: Own/1.0"
                       "header=content-type: application/vnd.own+json";
--- recorded_check eval
sub {
    my $h = $_[0]{headers};

    is($h->{host}, 'other.example', 'Host');
    is($h->{'user-agent'}, 'Own/1.0', 'User-Agent');
    is($h->{'content-type'}, 'application/vnd.own+json', 'Content-Type');
}

=== TEST 9: a header's value from a file
--- http_config
    api_event_handlers * webhook url=$HOOK/ok
                       "header=Authorization: file:../html/token";
--- user_files
>>> token
Bearer secret
--- recorded_check eval
sub { is($_[0]{headers}{authorization}, 'Bearer secret', 'Authorization') }

=== TEST 10: a template whose name ends in .json
--- http_config
    api_template_path ../html;
    api_event_handlers * webhook url=$HOOK/ok template=event.json;
--- config
    location /a {
        api_id a;
        api_org "acme";
        empty_gif;
    }
--- user_files
>>> event.json
{"path": "{{.Meta.Path}}", "old": "{{.EventMetaData.Path}}",
 "same": {{eq .Type .EventType}}, "api": "{{.APIID}}", "org": "{{.OrgID}}",
 "id": "{{.ID}}", "none": "{{.Meta.None}}", "suppressed": {{.Suppressed}},
 "sequence": {{.Sequence}}, "stamp": "{{.TimeStamp}}"}
--- request eval
"GET /a/\"b\\\xc3\xa9\xff?q"
--- error_code: 401
--- recorded_check eval
sub {
    my ($r) = @_;
    my $j = $r->{json};

    is($r->{headers}{'content-type'}, 'application/json', 'Content-Type');
    is($j->{path}, "/a/\"b\\\x{e9}\x{fffd}", 'path');
    is($j->{old}, $j->{path}, 'EventMetaData');
    ok($j->{same}, 'EventType');
    is("$j->{api} $j->{org}", 'a acme', 'APIID, OrgID');
    is($j->{id}, $r->{headers}{'webhook-id'}, 'ID');
    is($j->{none}, '', 'a missing field');
    is($j->{suppressed}, 0, 'Suppressed');
    is($j->{sequence}, 1, 'Sequence');
    like($j->{stamp}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/,
         'TimeStamp');
}

=== TEST 11: a template whose name ends in .txt
--- http_config
    api_event_handlers * webhook url=$HOOK/ok template=../html/event.txt;
--- user_files
>>> event.txt
{{.Type}} <{{.Meta.Path}}>
--- request
GET /a/"<
--- error_code: 401
--- recorded_check eval
sub {
    my ($r) = @_;

    is($r->{headers}{'content-type'}, 'text/plain', 'Content-Type');
    is($r->{body}, "AuthFailure </a/\"<>\n", 'body');
}

=== TEST 12: a content type that says JSON
--- http_config
    api_event_handlers * webhook url=$HOOK/1 template=../html/event.txt
                       "header=Content-Type: application/json; charset=utf-8";
    api_event_handlers * webhook url=$HOOK/2 template=../html/event.txt
                       "header=content-type: application/own+JSON";
    api_event_handlers * webhook url=$HOOK/3 template=../html/event.txt
                       "header=Content-Type: application/jsonl";
--- user_files
>>> event.txt
"{{.Meta.Path}}"
--- request
GET /a/"
--- error_code: 401
--- recorded_count: 3
--- recorded_check eval
sub {
    my %body = map { $_->{uri} => $_->{body} } @_;

    is($body{'/1'}, "\"/a/\\\"\"\n", 'application/json');
    is($body{'/2'}, "\"/a/\\\"\"\n", 'application/own+JSON');
    is($body{'/3'}, "\"/a/\"\"\n", 'application/jsonl');
}

=== TEST 13: an empty body
--- http_config
    api_event_handlers * webhook url=$HOOK/ok template=../html/empty.txt;
--- user_files
>>> empty.txt
{{/* nothing */ -}}
--- recorded_check eval
sub {
    is($_[0]{body}, '', 'body');
    is($_[0]{headers}{'content-length'}, 0, 'Content-Length');
}

=== TEST 14: a body of many buffers
--- http_config
    api_event_handlers * webhook url=$HOOK/ok template=../html/large.txt;
--- user_files eval
">>> large.txt\n" . ('0123456789abcdef' x 16 . "\n") x 3000
--- recorded_check eval
sub {
    is($_[0]{body}, ('0123456789abcdef' x 16 . "\n") x 3000, 'body');
}

=== TEST 15: a template without an end
--- http_config
    api_event_handlers AuthFailure webhook url=$HOOK/ok template=../html/large.txt;
--- user_files
>>> large.txt
{{define "a"}}{{template "b" .}}{{template "b" .}}{{end -}}
{{define "b"}}{{template "c" .}}{{template "c" .}}{{end -}}
{{define "c"}}{{range $i, $v := .}}{{range $i, $v := $}}{{range $i, $v := $}}{{range $i, $v := $}}{{printf "%1000d" 1}}{{end}}{{end}}{{end}}{{end}}{{end -}}
{{template "a" .}}
--- recorded_count: 0
--- error_log eval
qr/delivery of evt_\S+ to webhook ".*\/ok" failed: the template's output/
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 16: what every delivery has of its own
--- http_config
    api_event_handlers * webhook url=$HOOK/1;
    api_event_handlers * webhook url=$HOOK/2;
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[401, 401]
--- recorded_count: 4
--- recorded_check eval
sub {
    my %ids;

    $ids{$_->{headers}{'webhook-id'}}{$_->{uri}}++ for @_;
    is(scalar keys %ids, 2, 'an id an event');
    is_deeply([values %ids], [({ '/1' => 1, '/2' => 1 }) x 2],
              'once at each of its handlers');
}

=== TEST 17: the hops of what a delivery caused
--- http_config
    api_event_handlers * webhook url=$HOOK/ok;
--- request eval
[map "GET /a", 0 .. 7]
--- more_headers eval
["X-Api-Events-Hops: 0", "X-Api-Events-Hops: 1", "X-Api-Events-Hops: 4",
 "X-Api-Events-Hops: 5", "X-Api-Events-Hops: 99999999999999999999",
 "X-Api-Events-Hops: x", "X-Api-Events-Hops: 1\r\nX-Api-Events-Hops: 7",
 "X-Api-Events-Hops: -1"]
--- error_code eval
[(401) x 8]
--- recorded_check eval
sub {
    like("@{[map { $_->{headers}{'x-api-events-hops'} } @_]}",
         qr/^1 2 5/, 'one more than the request had');
}
