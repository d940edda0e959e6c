# Who has a say in keys, and who is told of them: callbacks of access-token,
# TokenCreated, TokenUpdated, TokenDeleted.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use KeyBlocks;

sub callback {
    my (%members) = @_;
    my ($status, $doc) = call(POST => 'callbacks', { name => 'judge',
        url => 'http://127.0.0.1:' . rand_port(1) . '/status/403',
        expected_status => '2xx', %members });

    return $status == 201 ? $doc->{id} : die "callback: $doc->{message}";
}

run_tests();

__DATA__

=== TEST 1: a veto changes nothing
--- http_config
    api_callback_allow 127.0.0.0/8;
--- user_files
>>> event.txt
{{json .}}
--- recorder
--- check eval
sub {
    is(::status(POST => 'keys/my-own-key', ::session(alias => 'x')), 200,
       'made before');

    my $id = ::callback(type => 'before-access-token');

    for ([POST => 'keys/create', ::session()],
         [POST => 'keys/other-key', ::session()],
         [POST => 'keys/my-own-key', ::session(alias => 'y')],
         [PUT => 'keys/my-own-key', ::session(alias => 'y')],
         [DELETE => 'keys/my-own-key'])
    {
        my ($status, $doc) = ::call(@$_);

        is($status, 409, "$_->[0] $_->[1]");
        like($doc->{message}, qr/judge/, 'says who');
    }

    my ($status, $doc) = ::call(GET => 'keys/my-own-key');
    is("$status $doc->{alias}", '200 x', 'it is as it was');
    is(::asks('my-own-key'), 200, 'it counts');
    is(::asks('other-key'), 403, 'another one does not');
    ($status, $doc) = ::call(GET => 'keys');
    is(scalar @{ $doc->{keys} }, 1, 'nor is there any');

    my @asked = map { $_->{json} } recorded();
    is(scalar @asked, 5, 'each was asked about');
    is_deeply([@{ $asked[3] }{qw/ event object action /}],
              [qw/ before access-token updated /], 'a change');
    is_deeply([@{ $asked[3]{data} }{qw/ code alias /}], ['****', 'y'],
              'what it would be');
    is($asked[3]{previous}{alias}, 'x', 'what it is');
    is(scalar(grep { $_->{text} =~ /my-own-key|other-key/ } recorded()), 0,
       'no credential');
    is($asked[4]{action}, 'deleted', 'a deletion');

    is(::status(DELETE => "callbacks/$id"), 200, 'without it');
    is(::status(DELETE => 'keys/my-own-key'), 200, 'deleted');
}

=== TEST 2: what handlers get
--- http_config
    api_event_handlers TokenCreated webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok template=$TEST_NGINX_SERVER_ROOT/html/event.txt;
    api_event_handlers TokenUpdated webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok template=$TEST_NGINX_SERVER_ROOT/html/event.txt;
    api_event_handlers TokenDeleted webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok template=$TEST_NGINX_SERVER_ROOT/html/event.txt;
--- user_files
>>> event.txt
{{json .}}
--- recorder
--- check eval
sub {
    my ($status, $doc) = ::call(POST => 'keys/create', ::session());
    my ($key, $id) = @$doc{qw/ key key_hash /};
    my $masked = '****' . substr($key, -4);

    is(::status(PUT => "keys/$id", ::session()), 200, 'put by KeyID');
    is(::status(PUT => "keys/$key", ::session()), 200, 'put by key');
    is(::status(DELETE => "keys/$key?api_id=-1"), 200, 'deleted');
    ($status, $doc) = ::call(POST => 'keys/mine', ::session(org_id => 'b'));
    is(::status(POST => 'keys/mine', '{}'), 400, 'what is none');
    is(::status(PUT => 'keys/none', ::session()), 404, 'of none');
    is(::status(DELETE => 'keys/none'), 404, 'of none');

    ok(wait_for(sub { recorded() >= 5 }, 30), 'events arrived');

    my @events = sort { $a->{ID} cmp $b->{ID} }
                 map { $_->{json} } recorded();
    my @want = (
        ['TokenCreated', 'Key generated.', 'acme', $masked, $id],
        ['TokenUpdated', 'Key modified.', 'acme', $id, $id],
        ['TokenUpdated', 'Key modified.', 'acme', $masked, $id],
        ['TokenDeleted', 'Key deleted.', 'acme', $masked, $id],
        ['TokenCreated', 'Key modified.', 'b', '****', $doc->{key_hash}]);

    is(scalar @events, scalar @want, 'one of each');

    for (0 .. $#want) {
        my $meta = $events[$_]{EventMetaData};

        is_deeply([$events[$_]{EventType}, @$meta{qw/ Message Org Key KeyID /}],
                  $want[$_], "event $_");
        is($events[$_]{OrgID}, $want[$_][2], 'of the organisation');
    }

    is(scalar(grep { $_->{text} =~ /\Q$key/ } recorded()), 0,
       'no credential');
}

=== TEST 3: an after callback is told, and events of the object's own
--- http_config
    api_callback_allow 127.0.0.0/8;
    api_event_handlers access-token.created webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok?own template=$TEST_NGINX_SERVER_ROOT/html/event.txt;
--- user_files
>>> event.txt
{{json .}}
--- recorder
--- check eval
sub {
    ::callback(type => 'after-access-token', expected_status => undef,
               url => 'http://127.0.0.1:' . rand_port(1) . '/ok?after');

    my ($status, $doc) = ::call(POST => 'keys/create', ::session(
        alias => 'x', jwt_data => { secret => 'sesame' }));
    my ($key, $id) = @$doc{qw/ key key_hash /};

    is($status, 200, 'created');
    is(::status(DELETE => "keys/$key"), 200, 'deleted');
    ok(wait_for(sub { recorded() >= 3 }, 30), 'told');

    my ($made) = grep { $_->{uri} =~ /after/ && $_->{json}{action} eq 'created' }
                      recorded();
    is_deeply([@{ $made->{json} }{qw/ event object /}],
              [qw/ after access-token /], 'what it is');
    is_deeply([@{ $made->{json}{data} }{qw/ id code alias /}],
              [$id, '****' . substr($key, -4), 'x'], 'of which key');
    is($made->{json}{data}{jwt_data}{secret}, '', 'without its secret');

    my ($gone) = grep { $_->{uri} =~ /after/ && $_->{json}{action} eq 'deleted' }
                      recorded();
    is($gone->{json}{data}{alias}, 'x', 'what was deleted');
    is(scalar(grep { $_->{text} =~ /\Q$key\E|sesame/ } recorded()), 0,
       'no secret');
}

=== TEST 4: the key as the location says
--- http_config
    api_event_key hash;
    api_event_handlers TokenCreated webhook url=http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ok template=$TEST_NGINX_SERVER_ROOT/html/event.txt;
--- user_files
>>> event.txt
{{json .}}
--- recorder
--- check eval
sub {
    my ($status, $doc) = ::call(POST => 'keys/create', ::session());

    ok(wait_for(sub { recorded() >= 1 }, 30), 'told');
    is((recorded())[0]{json}{EventMetaData}{Key}, $doc->{key_hash}, 'a KeyID');
}
