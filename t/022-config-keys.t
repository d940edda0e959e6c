# What takes many runs of nginx -t.  Every known field of a session is checked:
# one wrong value each, in line 3 of a file of keys.  A zone asks for no more and
# no less than it needs.  And what a trial must leave alone.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;

use File::Temp;

my $nginx = $Test::Nginx::Util::NginxBinary;
my $folder = File::Temp->newdir;
my %wrong;

$wrong{"\"$_\": \"1\""} = "\"$_\" must be a number" for
    qw(allowance rate per throttle_interval);

$wrong{"\"$_\": 1.5"} = "\"$_\" must be an integer" for
    qw(last_check throttle_retry_limit max_query_depth expires quota_max
       quota_renews quota_remaining quota_renewal_rate data_expires
       id_extractor_deadline session_lifetime post_expiry_grace_period);

$wrong{"\"$_\": 1"} = "\"$_\" must be a string" for
    qw(date_created org_id oauth_client_id certificate hmac_string
       rsa_certificate_id apply_policy_id alias last_updated
       post_expiry_action);

$wrong{"\"$_\": 1"} = "\"$_\" must be true or false" for
    qw(hmac_enabled enable_http_signature_validation is_inactive
       enable_detail_recording enable_detailed_recording);

$wrong{"\"$_\": [1]"} = "\"$_\" must be an array of strings" for
    qw(mtls_static_certificate_bindings apply_policies tags);

$wrong{"\"$_\": []"} = "\"$_\" must be an object" for
    qw(basic_auth_data jwt_data monitor meta_data smoothing);

%wrong = (%wrong,
    '"rate": 1e400'
        => '"rate" must be a number',
    '"quota_max": 9223372036854775808'
        => '"quota_max" must be an integer',
    '"oauth_keys": {"a": 1}'
        => '"oauth_keys" must be an object of strings',
    '"access_rights": []'
        => '"access_rights" must be an object of objects',
    '"access_rights": {"a": 1}'
        => '"access_rights" must be an object of objects',
    '"access_rights": {"a": {"versions": [null]}}'
        => '"versions" must be an array of strings',
    '"access_rights": {"a": {"versions": "Default"}}'
        => '"versions" must be an array of strings',
    '"access_rights": {"a": {"limit": {"rate": "1"}}}'
        => '"rate" must be a number',
    '"access_rights": {"a": {"limit": []}}'
        => '"limit" must be an object',
    '"access_rights": {"a": {"allowed_urls": [{"url": 1}]}}'
        => '"url" must be a string',
    '"access_rights": {"a": {"allowed_urls": ["/"]}}'
        => '"allowed_urls" must be an array of objects',
    '"access_rights": {"a": {"allowance_scope": true}}'
        => '"allowance_scope" must be a string',
    '"monitor": {"trigger_limits": ["80"]}'
        => '"trigger_limits" must be an array of numbers',
    '"basic_auth_data": {"password": 1}'
        => '"password" must be a string',
    '"jwt_data": {"secret": []}'
        => '"secret" must be a string',
    '"smoothing": {"enabled": 1}'
        => '"enabled" must be true or false',
);

for my $field (sort keys %wrong) {
    my $output = nginx_t("{\n\"key\": {\n$field}}");

    like($output, qr/\[emerg\] .*keys\.json:3: \Q$wrong{$field}\E in /, $field);
    is(scalar(() = $output =~ /\[emerg\]/g), 1, "$field - one line");
}

like(nginx_t('{"key": {"access_rights": {"a": {}}}}'), qr/test is successful/,
     'a file without faults');

my $small = 'api_zone a:2m';
my ($size) = nginx_t('{}', 'worker_processes 5;', $small)
             =~ /12 rings of 1024k.* need at least (\d+)k/;

like(nginx_t('{}', 'worker_processes 5;', "api_zone a:${size}k"),
     qr/successful/, "a zone of the ${size}k that it asked for");
$size -= 1024;
like(nginx_t('{}', 'worker_processes 5;', "api_zone a:${size}k"),
     qr/too small/, 'a zone of 1m less');

# -t and -s write below a folder of their own, if they have to, and remove it
mkdir "$folder/there" or die "$folder: $!\n";
mkdir "$folder/there/scripts" or die "$folder: $!\n";
mkdir "$folder/there/scripts/" . '0' x 32 or die "$folder: $!\n";

my $before = tree();

for my $state (qw(there new)) {
    for my $script ('export default function (ctx) {}',
                    'export default function (ctx) { let let; }')
    {
        write_file('h.js', $script);

        my $output = nginx_t('{}', '', "api_zone a:16m;
            api_state_path $state;
            api_event_handlers * js path=h.js");

        like($output,
             $script =~ /let/ ? qr/SyntaxError.*h\.js:1/s : qr/successful/,
             "nginx -t: $script");
        is(tree(), $before, "nginx -t leaves $state as it was");

        nginx_run("-s reload");
        is(tree(), $before, "nginx -s leaves $state as it was");
    }
}

run_tests();


sub write_file {
    my ($name, $text) = @_;

    open my $out, '>', "$folder/$name" or die "$folder/$name: $!\n";
    print $out $text;
    close $out;
}


sub nginx_t {
    my ($keys, $main, $http) = @_;
    my $modules = join '', map "load_module $_;\n", split ' ',
                      $ENV{TEST_NGINX_LOAD_MODULES};

    $main //= '';
    $http //= 'api_zone a:16m';

    write_file('keys.json', $keys);
    write_file('nginx.conf', "$modules $main
pid nginx.pid;
error_log stderr;
events { }
http { $http; api_keys keys.json; }
");

    return nginx_run('-t');
}


sub nginx_run {
    my ($options) = @_;

    local $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD} // '';

    return `$nginx -p $folder/ -c nginx.conf $options 2>&1`;
}


sub tree {
    return join '', grep !m{/(?:keys\.json|h\.js|nginx\.(?:conf|pid))$},
                    sort `find $folder`;
}

__DATA__
