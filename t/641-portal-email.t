# Portal events as mails, to organisation and developer: what a relay, which is
# someone else's program, reads of them.

use strict;
use warnings;

use lib 't/lib';
use Smtp;
use ApiEvents;
use AdminBlocks;
use EmailBlocks;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    api_zone apievents:16m;
    api_callback_allow 127.0.0.0/8;
    api_policies ../html/policies.json;
END
    $block->set_value(user_files => <<'END');
>>> policies.json
{"gold": {"id": "gold", "org_id": "acme", "active": true, "rate": 10, "per": 1,
          "access_rights": {"a": {"api_id": "a", "versions": ["Default"]}}}}
END
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

sub hook {
    return 'http://127.0.0.1:' . ApiEvents::rand_port(1) . $_[0];
}

# the mails to one of example.com, by their subjects
sub subjects {
    my ($name, $count) = @_;

    return { map { $_->{subject} => $_ } mails($name, $count) };
}

run_tests();

__DATA__

=== TEST 1: vector 28: webhook and email, the developer with the organisation
--- recorder
--- check eval
sub {
    my ($status, $doc) = ::call(POST => 'organisations', { id => 'acme', event_options => {
        key_request_event => { webhook => ::hook('/ok'),
            email => 'Portal <portal@example.com>, {{.data.portal_developer.email}}' },
        key_event => { email => 'keys@example.com' } } });
    is($status, 201, 'an organisation') or diag($doc->{message});

    for my $n (1 .. 2) {
        ::call(POST => 'key-requests', { id => "r$n", org_id => 'acme', for_plan => 'gold',
            portal_developer => { email => "dev$n\@example.com" } });
    }
    my $approved = (::call(POST => 'key-requests/r1/approve'))[1];
    ::call(POST => 'key-requests/r2/decline');

    my $one = ::subjects('dev1', 2);
    my $two = ::subjects('dev2', 2);
    is(CORE::join(', ', sort keys %$one), 'Key request approved, Key request received', 'the first');
    is(CORE::join(', ', sort keys %$two), 'Key request declined, Key request received', 'the second');

    my $mail = $one->{'Key request approved'};
    is_deeply($mail->{to}, ['portal@example.com', 'dev1@example.com'], 'and the organisation');
    like($mail->{text}, qr/^The request for a key was approved\.\n\nRequest:    r1\nPlan:       gold\nDeveloper:  dev1\@example\.com\nOrg:        acme\n/, 'text');
    like($mail->{html}, qr{<tr><td>Plan</td><td>gold</td></tr>}, 'HTML');
    unlike($mail->{raw}, qr/\Q$approved->{key}\E/, 'not with the key');
    like($two->{'Key request declined'}{text}, qr/^The request for a key was declined\./, 'declined');
    like($two->{'Key request received'}{text}, qr/^A request for a key was received\./, 'received');

    my ($key) = ::mails('keys');
    is($key->{subject}, 'Key created', 'key_event');
    like($key->{text}, qr/^A key was created\.\n\nAlias:  dev1\@example\.com\nKey id: $approved->{key_hash}\nOrg:    acme\n/, 'of that key');

    my $events = sub { map { $_->{json}{event} } ApiEvents::recorded() };
    ApiEvents::wait_for(sub { my @got = $events->(); @got >= 4 }, 30);
    is(CORE::join(' ', sort $events->()), 'key_request_event.approved key_request_event.declined '
       . 'key_request_event.submitted key_request_event.submitted', 'the webhook as well');
}

=== TEST 2: a developer without an address; a value that is no single one
--- check eval
sub {
    ::call(POST => 'organisations', { id => 'acme', event_options => { key_request_event => {
        email => '{{.data.portal_developer.email}}, all@example.com' } } });
    ::call(POST => 'key-requests', { id => 'r', org_id => 'acme' });
    my ($mail) = ::mails('all');
    is_deeply($mail->{to}, ['all@example.com'], 'the other one');

    ::call(POST => 'key-requests', { id => 's', org_id => 'acme',
        portal_developer => { email => "x, evil\@example.com" } });
    like((::failures(1))[0], qr/^to=: invalid mail address/, 'nobody');
    is(scalar(() = ::mails('evil', 0)), 0, 'no other');
}

=== TEST 3: an address changes, and goes
--- check eval
sub {
    my $put = sub { (::call(PUT => 'organisations/acme', { event_options => {
        key_request_event => { email => $_[0] } } }))[0] };

    ::call(POST => 'organisations', { id => 'acme' });

    for (1 .. 2) {
        is($put->("to$_\@example.com"), 200, 'put');
        ::call(POST => 'key-requests', { id => "r$_", org_id => 'acme' });
        is(scalar(() = ::mails("to$_")), 1, 'a mail');
    }

    is($put->(''), 200, 'off');
    ::call(POST => 'key-requests', { id => 'r3', org_id => 'acme' });
    is($put->('to4@example.com'), 200, 'another');
    ::call(POST => 'key-requests', { id => 'r4', org_id => 'acme' });
    is(scalar(() = ::mails('to4')), 1, 'a mail');
    is(scalar(() = ::mails('to2')), 1, 'no other');
}

=== TEST 4: signing up
--- http_config
    api_event_handlers developer.created email "to={{.data.email}}";
--- check eval
sub {
    is(::status(POST => 'developers', { id => 'd', name => 'Jo <b>', login => 'jo',
                                        email => 'signup@example.com', password => 'hush' }), 201, 'created');
    my ($mail) = ::mails('signup');
    is($mail->{subject}, 'You are signed up', 'Subject');
    like($mail->{text}, qr/^Jo <b>, you are signed up\.\n/, 'text');
    like($mail->{html}, qr{<p>Jo &lt;b&gt;, you are signed up\.}, 'HTML');
    unlike($mail->{raw}, qr/hush/, 'no password');
}
