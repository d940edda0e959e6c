package KeyBlocks;

# What tests of keys have in common: a zone, and an API "a" of acme that wants a key.
#
#   session(rate => 5)      of an organisation "acme", for that API
#   asks($key)              the API's status for a key

use strict;
use warnings;

use Exporter 'import';
use Test::Nginx::Socket ();

our @EXPORT = qw(session asks);

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(config => ($block->config // '') . <<'END');
    location /a {
        api_id a;
        api_org acme;
        api_auth header=Authorization;
        empty_gif;
    }
END
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});


sub session {
    return { org_id => 'acme', rate => 1000, per => 60, quota_max => 10,
             quota_renewal_rate => 3600,
             access_rights => { a => { api_id => 'a', api_name => 'A',
                                       versions => ['Default'] } }, @_ };
}


sub asks {
    my ($key) = @_;

    return (ApiEvents::http_get('/a', undef, "Authorization: $key\r\n"))[0];
}


1;
