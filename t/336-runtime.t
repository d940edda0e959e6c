# Endpoints that are put, replaced and removed while workers run.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use RuntimeBlocks;

# waits until something is so
sub until_so {
    my ($what, $name) = @_;

    ok(ApiEvents::wait_for($what, 30), $name);
}

# URIs that were asked, in their order
sub asked {
    return map { $_->{uri} } ApiEvents::recorded();
}

run_tests();

__DATA__

=== TEST 1: one is put, replaced and removed
--- recorder
--- metrics_equation
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/ok/a"],
            [handle => 'one', 'app.*']);
    ::until_so(sub { raise_event('app.created', '{"n": 1}'); grep { $_ eq '/ok/a' } ::asked() },
               'it gets events');
    raise_event('developer.created', '{}');

    put_all([put => 'one', 'webhook', "url=$url/ok/b", 'header=X-A: 1'],
            [handle => 'one', 'developer.created'], [handle => 'one', 'app.deleted']);
    ::until_so(sub { raise_event('developer.created', '{}'); grep { $_ eq '/ok/b' } ::asked() },
               'at its new URL');
    my $n = grep { $_ eq '/ok/a' } ::asked();
    raise_event('app.created', '{"n": 2}');
    is(delivered(), delivered(), 'all is delivered');
    is(scalar(grep { $_ eq '/ok/a' } ::asked()), $n, 'and no more of what it had');

    put_all();
    ::until_so(sub {
        my $before = ::asked();
        raise_event('developer.created', '{}');
        delivered();
        return ::asked() == $before;
    }, 'it is gone');
}

=== TEST 2: what object and portal events look like, and who is told of which
--- recorder
--- check eval
sub {
    my $url = hook();
    my $file = "$Test::Nginx::Util::ServRoot/html/t.json";

    put_all([put => 'plain', 'webhook', "url=$url/ok/plain"],
            [handle => 'plain', 'app.*'], [handle => 'plain', 'key_request_event.submitted'],
            [put => 'org', 'webhook', "url=$url/ok/org", 'format=portal'],
            [handle => 'org', 'app.*', '', 'acme'],
            [put => 'text', 'webhook', "url=$url/ok/text", 'method=PUT', 'header=X-A: b',
             'body={"to": "{{.data.mail}}", "{{.event}}": {{json .user}}}'],
            [handle => 'text', 'app.created'],
            [put => 'file', 'webhook', "url=$url/ok/file", 'template=default_webhook.json',
             'secret=whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz'],
            [handle => 'file', '*']);

    my $user = { name => 'ops', role => 'admin' };
    ::until_so(sub { raise_event('Mine', '{}'); grep { $_ eq '/ok/file' } ::asked() }, 'all are there');

    my (undef, $id) = raise_event('app.created', { event => 'after', object => 'app',
        action => 'created', user => $user, data => { mail => 'a"b' } }, '&org=acme');
    raise_event('key_request_event.submitted',
                { event => 'key_request_event.submitted', data => { id => 1 } });
    delivered();

    my %got;
    push @{ $got{$_->{uri}} }, $_ for ApiEvents::recorded();

    my ($plain, $request) = @{ $got{'/ok/plain'} };
    my $time = delete $plain->{json}{timestamp};
    like($time, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'an RFC 3339 time');
    is_deeply($plain->{json}, { event => 'after', object => 'app', action => 'created',
                                id => $id, user => $user, data => { mail => 'a"b' } },
              'an object event');
    is($plain->{headers}{'webhook-id'}, $id, 'under its id');
    is($request->{body}, '{"event":"key_request_event.submitted","data":{"id":1}}',
       'a portal event');
    is(scalar @{ $got{'/ok/plain'} }, 2, 'and nothing else');

    is_deeply([map { $_->{json} } @{ $got{'/ok/org'} }],
              [{ event => 'app.created', data => { mail => 'a"b' } }], 'of one organisation');
    is($got{'/ok/text'}[0]{body}, '{"to": "a\"b", "after": {"name":"ops","role":"admin"}}',
       'a template of its own');
    is("$got{'/ok/text'}[0]{method} $got{'/ok/text'}[0]{headers}{'x-a'} "
       . $got{'/ok/text'}[0]{headers}{'content-type'}, 'PUT b application/json', 'and header');
    ok($got{'/ok/file'}[-1]{headers}{'webhook-signature'}, 'signed');
}

=== TEST 3: what is no endpoint
--- http_config
    api_template_path ../html;
--- user_files
>>> t.json
{"t": 1}
--- check eval
sub {
    my $url = 'http://127.0.0.1:9';

    is_deeply([check_words('webhook', "url=$url")], [200, 'ok'], 'one that is');
    is((check_words('webhook', "url=$url", 'template=t.json'))[0], 200, 'with a template');

    for (['unknown handler "log"', 'log'],
         ['unknown handler "js"', 'js', 'path=a.js'],
         ['"api_smtp" is expected', 'email', 'to=a@example.com'],
         ['"url=" is expected', 'webhook'],
         ['invalid "url=ftp://x", an absolute http://', 'webhook', 'url=ftp://x'],
         ['invalid "timeout=x", a time such as', 'webhook', "url=$url", 'timeout=x'],
         ['invalid "retry=11"', 'webhook', "url=$url", 'retry=11'],
         ['invalid "success=999"', 'webhook', "url=$url", 'success=999'],
         ['invalid "format=x"', 'webhook', "url=$url", 'format=x'],
         ['unknown or repeated parameter "ca"', 'webhook', "url=$url", 'ca=/etc/passwd'],
         ['unknown or repeated parameter "cert"', 'webhook', "url=$url", 'cert=x', 'cert_key=x'],
         ['unknown or repeated parameter "verify"', 'webhook', "url=$url", 'verify=off'],
         ['unknown or repeated parameter "filter"', 'webhook', "url=$url", 'filter=off'],
         ['unknown or repeated parameter "proxy"', 'webhook', "url=$url", 'proxy=http://p'],
         ['unknown or repeated parameter "use"', 'webhook', "url=$url", 'use=x'],
         ['"file:" is not read at run time', 'webhook', "url=$url", 'secret=file:/etc/passwd'],
         ['"file:" is not read at run time', 'webhook', "url=$url", 'header=X: file:/etc/passwd'],
         ['invalid "secret=..." 1 of 1', 'webhook', "url=$url", 'secret=x'],
         ['invalid template in body:1:', 'webhook', "url=$url", 'body={{.'],
         ['invalid "template=/etc/passwd"', 'webhook', "url=$url", 'template=/etc/passwd'],
         ['invalid "template=../conf/nginx.conf"', 'webhook', "url=$url",
          'template=../conf/nginx.conf'],
         ['invalid "template=a/.."', 'webhook', "url=$url", 'template=a/..'],
         ['none.json" failed (2: No such file', 'webhook', "url=$url", 'template=none.json'],
         ['invalid parameter "x"', 'webhook', "url=$url", 'x'],
         ['words without NUL', 'webhook', "url=$url", "body=a\0b"],
         ['at most 4096 bytes is expected', 'webhook', "url=$url/" . 'x' x 5000])
    {
        my ($expected, @words) = @$_;
        my ($status, $text) = check_words(@words);

        is($status, 400, substr("no endpoint: @words[1 .. $#words]", 0, 99));
        ok(index($text, substr($expected, 0, 159)) >= 0 || length($text) == 159, $text);
    }
}

=== TEST 4: without a template path only what is shipped is read
--- check eval
sub {
    my $url = 'http://127.0.0.1:9';

    is((check_words('webhook', "url=$url", 'template=default_webhook.json'))[0], 200, 'shipped');
    is((check_words('webhook', "url=$url", 'template=nginx.conf'))[0], 400, 'not shipped');
}

=== TEST 5: the address filter is always on
--- http_config
    api_callback_allow 127.0.0.2;
--- recorder
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/ok", 'retry=off'], [handle => 'one', '*']);
    ::until_so(sub { raise_event('Mine', '{}'); delivered() =~ /[1-9]$/ }, 'dead');
    is(scalar(::asked()), 0, 'none arrived');
    like(ApiEvents::error_log_text(), qr/address 127.0.0.1 is not globally reachable/, 'said');
}

=== TEST 6: an event that is too large is cut
--- recorder
--- check eval
sub {
    my $url = hook();

    put_all([put => 'one', 'webhook', "url=$url/ok"], [handle => 'one', '*']);
    ::until_so(sub { raise_event('Mine', '{}'); ::asked() }, 'it is there');

    my $large = { id => 'app1', text => 'x' x 150_000 };

    is((raise_event('app.updated', { data => $large, previous => $large }))[0], 200, 'raised');
    $large->{text} x= 2;
    is((raise_event('app.updated', { data => $large, n => 1 }))[0], 200, 'raised');
    is((raise_event('Mine', { data => $large }))[0], 503, 'not one of a script');
    delivered();

    my ($first, $second) = map { $_->{json} } grep { $_->{body} =~ /app1/ } ApiEvents::recorded();

    is(length $first->{data}{text}, 150_000, 'the object whole');
    ok($first->{cut} && !$first->{previous}, 'without what it was');
    is_deeply([$second->{data}, !!$second->{cut}], [{ id => 'app1' }, 1], 'its id');
}
--- allow_log
events were dropped
