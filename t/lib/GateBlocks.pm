package GateBlocks;

# What the blocks of t/1*.t have in common: a zone, keys, and a webhook that
# sends whole envelopes to the recorder of those blocks that have one.

use strict;
use warnings;

use Exporter 'import';
use MIME::Base64 qw(decode_base64);
use Test::Nginx::Socket ();

our @EXPORT = qw(event originating);

my %RIGHTS = (access_rights => '{"orders": {}}');

my %KEYS = (
    'good-key-0123456789'     => { %RIGHTS, alias => '"Alice"' },
    'org-key-0123456789'      => { %RIGHTS, org_id => '"other"' },
    'short'                   => { %RIGHTS },
    'foreign-key-0123456789'  => { access_rights => '{"invoices": {}}' },
    'expired-key-0123456789'  => { %RIGHTS, expires => 1 },
    'eternal-key-0123456789'  => { %RIGHTS, expires => -1 },
    'inactive-key-0123456789' => { %RIGHTS, is_inactive => 'true' },
    'rate-key-0123456789'     => { %RIGHTS, rate => 2, per => 60 },
    'quota-key-0123456789'    => { %RIGHTS, quota_max => 2,
                                   quota_renewal_rate => 3600 },
    'both-key-0123456789'     => { %RIGHTS, rate => 3, per => 60,
                                   quota_max => 2, quota_renewal_rate => 0 },
    'wide-key-0123456789'     => { access_rights => '{"orders": {}, "b": {}}',
                                   quota_max => 3,
                                   quota_renewal_rate => 3600 },
    'v2-key-0123456789'       => { access_rights =>
                                   '{"orders": {"versions": ["v2"]}}' },
    'sp ace/+=%&;"key'        => { %RIGHTS },
);


sub keys_json {
    my @keys;

    for my $key (sort keys %KEYS) {
        my $session = $KEYS{$key};
        my $name = $key =~ s/(["\\])/\\$1/gr;

        push @keys, "    \"$name\": {"
             . join(', ', map { "\"$_\": $session->{$_}" } sort keys %$session)
             . '}';
    }

    return "{\n" . join(",\n", @keys) . "\n}\n";
}


Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $files = $block->user_files // '';
    my $root = '$TEST_NGINX_SERVER_ROOT/html';
    my $org = $http =~ /^\s*api_org\s/m ? '' : 'api_org acme;';

    return if defined $block->emerg;

    $block->set_value(user_files => ">>> keys.json\n" . keys_json()
                      . ">>> event.txt\n{{json .}}\n$files");

    my $handler = !grep({ /^record/ } @{ $block->_section_order }) ? ''
                  : <<"END";
    api_event_handlers * webhook url=http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1
                       template=$root/event.txt;
END

    $block->set_value(http_config => <<"END" . $handler . $http);

    api_zone apievents:16m;
    api_keys $root/keys.json;
    $org
END
});


# an event that the recorder got, checked against a hash of its metadata
sub event {
    my ($got, $type, %meta) = @_;
    my $json = $got->{json} || {};
    my $name = $type;

    Test::More::is($json->{EventType}, $type, $name);

    for my $key (sort keys %meta) {
        my $value = exists $json->{$key} ? $json->{$key}
                    : $json->{EventMetaData}{$key};

        if (ref $meta{$key} eq 'Regexp') {
            Test::More::like($value, $meta{$key}, "$name: $key");

        } else {
            Test::More::is($value, $meta{$key}, "$name: $key");
        }
    }
}


sub originating {
    my ($got) = @_;
    return decode_base64($got->{json}{EventMetaData}{OriginatingRequest});
}


# Test::Base evaluates "eval" sections in its own package
no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for @EXPORT;

1;
