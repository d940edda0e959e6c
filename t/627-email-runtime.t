# Mails of endpoints that are put while workers run, as organisations do.

use strict;
use warnings;

use lib 't/lib';
use Smtp;
use ApiEvents;
use DeliverBlocks;
use RuntimeBlocks;

no_long_string();
run_tests();

__DATA__

=== TEST 1: an endpoint of run time
--- http_config
    api_smtp smtp://127.0.0.1:$TEST_NGINX_RAND_PORT_2 from=api@example.com starttls=off;
--- check eval
sub {
    my $smtp = Smtp->new(port => ApiEvents::rand_port(2));

    put_all([put => 'mail', 'email', 'to={{.data.portal_developer.email}}',
             'subject=Your key for {{.data.for_plan}}', 'retry=2'],
            [handle => 'mail', 'key_request_event.*'],
            [put => 'key', 'email', 'to={{.data.mail}}'],
            [handle => 'key', 'key_event.created', '', 'acme']);

    my %data = (id => 'r', for_plan => "gold\r\nBcc: evil\@example.com");
    my $raised = 0;
    my @mails;

    ApiEvents::wait_for(sub {
        raise_event('key_request_event.approved', { event => 'key_request_event.approved',
            data => { %data, portal_developer => { email => 'jane@example.com' } } });
        @mails = $smtp->mails('jane@example.com', 0)
    }, 30);

    ok(scalar @mails, 'the developer is told');
    is($mails[0]{subject}, 'Your key for gold Bcc: evil@example.com', 'the subject');
    like($mails[0]{text}, qr/The request for a key was approved\./, 'the pair of it');
    is_deeply([grep { $_ eq 'bcc' } @{ $mails[0]{names} }], [], 'no field');

    raise_event('key_event.created', { event => 'key_event.created',
        data => { mail => 'org@example.com' } }, '&org=other');
    raise_event('key_event.created', { event => 'key_event.created',
        data => { mail => 'acme@example.com', alias => 'K' } }, '&org=acme');
    like(($smtp->mails('acme@example.com', 1))[0]{text}, qr/^A key was created\./,
         'the organisation is told');
    is(scalar(() = $smtp->mails('org@example.com', 0)), 0, 'of its own');

    put_all([put => 'mail', 'email', 'to={{.data.portal_developer.email}}', 'retry=off'],
            [handle => 'mail', 'key_request_event.*']);
    ApiEvents::wait_for(sub {
        raise_event('key_request_event.approved', { event => 'key_request_event.approved',
            data => { portal_developer => { email => 'a@example.com, b@example.com' } } });
        ApiEvents::error_log_text() =~ /to=: invalid mail address/
    }, 30);
    is(scalar(() = $smtp->mails('b@example.com', 0)), 0, 'a value adds nobody');
    $smtp->end;
}
