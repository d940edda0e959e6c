# Webhooks over TLS: who is believed.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use DeliverBlocks;
use File::Temp;

our $Pki = File::Temp->newdir;

sub write_file {
    my ($name, $text) = @_;

    open my $out, '>', "$Pki/$name" or die "$name: $!\n";
    print $out $text;
    close $out;
}

sub openssl {
    my $output = `cd $Pki && openssl @_ 2>&1`;
    die "openssl @_: $output" if $?;
}

sub certificate {
    my ($name, $subject, $ext) = @_;

    write_file('ext', $ext);
    openssl("req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr",
            "-subj '$subject'");
    openssl("x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial",
            "-out $name.crt -days 2 -extfile ext");
}

for my $ca ('ca', 'other') {
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.crt",
            "-days 2 -subj /CN=$ca");
}

certificate('localhost', '/CN=x', 'subjectAltName=DNS:localhost');
certificate('example', '/CN=localhost', 'subjectAltName=DNS:*.hook.localhost');
certificate('address', '/CN=127.0.0.1', 'basicConstraints=CA:FALSE');

certificate('client', '/CN=gateway', 'basicConstraints=CA:FALSE');
certificate('another', '/CN=another', 'basicConstraints=CA:FALSE');

# nothing is revoked; but a list of one CA says nothing of another's
write_file('index', '');
write_file('crl.conf', "[ca]\ndefault_ca = a\n[a]\ndatabase = index\n"
                       . "default_md = sha256\ndefault_crl_days = 2\n");
openssl('ca -gencrl -config crl.conf -keyfile other.key -cert other.crt',
        '-out other.crl');

# a receiver with that certificate, which tells the recorder of the TLS
sub receiver {
    my ($certificate, $more) = @_;
    $more //= '';

    return <<"END";
    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2 ssl;
        ssl_certificate $Pki/$certificate.crt;
        ssl_certificate_key $Pki/$certificate.key;
        $more
        location / {
            proxy_set_header X-Sni \$ssl_server_name;
            proxy_set_header X-Connection \$connection;
            proxy_set_header X-Client \$ssl_client_s_dn;
            proxy_set_header X-Reused \$ssl_session_reused;
            proxy_set_header Host \$http_host;
            proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        }
    }
END
}

sub handler {
    return "api_event_handlers AuthFailure webhook retry=off"
           . " url=https://$_[0]:\$TEST_NGINX_RAND_PORT_2/ok $_[1];\n";
}

run_tests();

__DATA__

=== TEST 1: a certificate of a CA that is named
--- http_config eval
::receiver('localhost') . ::handler('localhost', "ca=$::Pki/ca.crt")
--- request
GET /a
--- error_code: 401
--- recorder
--- metrics
apievents_deliveries{state="delivered"} 1
--- check eval
sub {
    http_get('/a');
    ok(wait_for(sub { (() = recorded()) == 2 }), 'two requests');

    my @got = recorded();
    is($got[0]{headers}{'x-sni'}, 'localhost', 'SNI');
    is($got[0]{headers}{host}, 'localhost:' . rand_port(2), 'Host');
    is($got[1]{headers}{'x-connection'}, $got[0]{headers}{'x-connection'},
       'one connection');
}

=== TEST 2: a wildcard
--- http_config eval
::receiver('example') . ::handler('a.hook.localhost', "ca=$::Pki/ca.crt")
--- recorded_count: 1
--- recorded_check eval
sub { is($_[0]{headers}{'x-sni'}, 'a.hook.localhost', 'SNI') }

=== TEST 3: a certificate of another CA
--- http_config eval
::receiver('localhost') . ::handler('localhost', "ca=$::Pki/other.crt")
--- recorded_count: 0
--- error_log
upstream SSL certificate verify error
failed: no answer: refused or reset

=== TEST 4: a certificate of a CA that the system does not know
--- http_config eval
::receiver('localhost') . ::handler('localhost', "verify=on")
--- recorded_count: 0
--- error_log
upstream SSL certificate verify error
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 5: a certificate for another name
--- http_config eval
::receiver('example') . ::handler('localhost', "ca=$::Pki/ca.crt")
--- recorded_count: 0
--- error_log
upstream SSL certificate does not match "localhost"
--- metrics
apievents_deliveries{state="dead"} 1

=== TEST 6: nothing is checked when verify is off
--- http_config eval
::receiver('example') . ::handler('localhost', "verify=off")
. ::handler('127.0.0.1', "verify=off ca=$::Pki/other.crt")
--- recorded_count: 2
--- recorded_check eval
sub {
    my ($name, $address) = sort { $b->{headers}{host} cmp $a->{headers}{host} } @_;

    is($name->{headers}{'x-sni'}, 'localhost', 'SNI of a name');
    ok(!exists $address->{headers}{'x-sni'}, 'no SNI of an address');
}

=== TEST 7: a Host of the handler's own changes no name in TLS
--- http_config eval
::receiver('localhost')
. ::handler('localhost', "ca=$::Pki/ca.crt \"header=Host: other.example\"")
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{headers}{'x-sni'}, 'localhost', 'SNI');
    is($_[0]{headers}{host}, 'other.example', 'Host');
}

=== TEST 8: handlers of one URL that believe differently
--- http_config eval
::receiver('localhost') . ::handler('localhost', "ca=$::Pki/ca.crt")
. ::handler('localhost', "ca=$::Pki/other.crt")
. ::handler('localhost', "verify=off \"header=X-Off: 1\"")
--- recorded_count: 2
--- recorded_check eval
sub { is(scalar(grep { $_->{headers}{'x-off'} } @_), 1, 'one that checks') }
--- metrics
apievents_deliveries{state="delivered"} 2
apievents_deliveries{state="dead"} 1

=== TEST 9: an address, by the certificate's common name
--- http_config eval
::receiver('address') . ::handler('127.0.0.1', "ca=$::Pki/ca.crt")
--- recorded_count: 1

=== TEST 10: what the http level says of TLS is not for deliveries
--- http_config eval
::receiver('localhost', "ssl_client_certificate $::Pki/ca.crt; ssl_verify_client optional;")
. <<"END" . ::handler('localhost', "ca=$::Pki/ca.crt")
    proxy_ssl_certificate $::Pki/example.crt;
    proxy_ssl_certificate_key $::Pki/example.key;
    proxy_ssl_trusted_certificate $::Pki/other.crt;
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 0;
    proxy_ssl_name wrong.example;
    proxy_ssl_server_name off;
    proxy_ssl_protocols TLSv1.1;
    proxy_ssl_ciphers NULL;
    proxy_ssl_crl $::Pki/other.crl;
    proxy_ssl_conf_command Options -SessionTicket;
    proxy_ssl_conf_command MaxProtocol TLSv1.1;
END
--- recorded_count: 1
--- recorded_check eval
sub {
    is($_[0]{headers}{'x-sni'}, 'localhost', 'SNI');
    ok(!exists $_[0]{headers}{'x-client'}, 'no certificate is shown');
}

=== TEST 11: plain HTTP at the other end
--- http_config eval
::handler('localhost', 'verify=off') =~ s/RAND_PORT_2/RAND_PORT_1/r
--- recorded_count: 0
--- allow_log
SSL_do_handshake() failed
--- error_log
failed: no answer: refused or reset

=== TEST 12: a certificate that is shown
--- http_config eval
::receiver('localhost', "ssl_verify_client on; ssl_client_certificate $::Pki/ca.crt;")
    . ::handler('localhost', "ca=$::Pki/ca.crt cert=$::Pki/client.crt cert_key=$::Pki/client.key")
--- recorded_count: 1
--- recorded_check eval
sub { is($_[0]{headers}{'x-client'}, 'CN=gateway', 'by its name') }

=== TEST 13: none that is shown
--- http_config eval
::receiver('localhost', "ssl_verify_client on; ssl_client_certificate $::Pki/ca.crt;")
    . ::handler('localhost', "ca=$::Pki/ca.crt")
--- recorded_count: 0
--- error_log
failed: status 400

=== TEST 14: a session is taken up again, by its own endpoint
--- http_config eval
::receiver('localhost', "keepalive_requests 1; ssl_session_cache shared:s:1m; ssl_protocols TLSv1.2 TLSv1.3;")
    . ::handler('localhost', "ca=$::Pki/ca.crt concurrency=1")
--- recorder
--- check eval
sub {
    for my $n (2 .. 4) {
        ok(wait_for(sub { (() = recorded()) == $n - 1 }), 'one more');
        http_get('/a');
    }

    ok(wait_for(sub { (() = recorded()) == 4 }), 'all');

    my @got = map { $_->{headers} } recorded();

    is(CORE::join(' ', map { $_->{'x-reused'} // '.' } @got), '. r r r', 'reused');
    isnt($got[0]{'x-connection'}, $got[1]{'x-connection'}, 'over another connection');
}

=== TEST 15: a session is no other endpoint's
--- http_config eval
::receiver('localhost', "keepalive_requests 1; ssl_session_cache shared:s:1m;")
    . ::handler('localhost', "ca=$::Pki/ca.crt concurrency=1 rate=1/1h")
    . ::handler('localhost', "ca=$::Pki/other.crt concurrency=1")
    . ::handler('localhost', "ca=$::Pki/ca.crt concurrency=1 \"header=X-A: b\"")
--- recorder
--- check eval
sub {
    ok(wait_for(sub { (() = recorded()) == 2 }), 'two');
    http_get('/a');
    ok(wait_for(sub { (() = recorded()) == 3 }), 'three');

    my @reused = map { $_->{headers}{'x-reused'} // '.' }
                 grep { !$_->{headers}{'x-a'} } recorded();

    is("@reused", '.', 'of one endpoint');

    my $failed = () = ApiEvents::error_log_text() =~ /upstream SSL certificate verify error/g;
    cmp_ok($failed, '>=', 1, 'the other believes it no more');
}

=== TEST 16: a certificate without its key
--- http_config eval
"api_event_handlers * webhook url=https://localhost/ cert=$::Pki/client.crt;"
--- emerg
"cert=" and "cert_key=" are expected together in
nginx.conf:

=== TEST 17: a key without its certificate
--- http_config eval
"api_event_handlers * webhook url=https://localhost/ cert_key=$::Pki/client.key;"
--- emerg
"cert=" and "cert_key=" are expected together

=== TEST 18: a certificate that is not there
--- http_config eval
"api_event_handlers * webhook url=https://localhost/ cert=none.crt cert_key=$::Pki/client.key;"
--- emerg
invalid "cert=none.crt", a file with a certificate is expected in
nginx.conf:

=== TEST 19: another certificate's key
--- http_config eval
"api_event_handlers * webhook url=https://localhost/ cert=$::Pki/client.crt cert_key=$::Pki/ca.key;"
--- emerg
ca.key", a file with the certificate's key, without a password, is expected in
nginx.conf:

=== TEST 20: a name that nginx would take for something else
--- http_config eval
"api_event_handlers * webhook url=https://localhost/ cert=\$host cert_key=data:x;"
--- emerg
invalid "cert=$host", a file with a certificate is expected

=== TEST 21: endpoints that differ in the certificate that they show
--- http_config eval
::receiver('localhost', "ssl_verify_client optional; ssl_client_certificate $::Pki/ca.crt; ssl_session_cache shared:s:1m;")
    . ::handler('localhost', "ca=$::Pki/ca.crt concurrency=1 cert=$::Pki/client.crt cert_key=$::Pki/client.key")
    . ::handler('localhost', "ca=$::Pki/ca.crt concurrency=1 cert=$::Pki/another.crt cert_key=$::Pki/another.key")
    . ::handler('localhost', "ca=$::Pki/ca.crt concurrency=1")
--- recorder
--- check eval
sub {
    for my $n (1 .. 3) {
        http_get('/a') if $n > 1;
        ok(wait_for(sub { (() = recorded()) == 3 * $n }), 'three more');
    }

    my (%n, %connections);

    for (map { $_->{headers} } recorded()) {
        my $client = $_->{'x-client'} // 'none';

        $n{$client}++;
        $connections{$_->{'x-connection'}}{$client} = 1;
    }

    is(CORE::join(', ', map { "$_ $n{$_}" } sort keys %n),
       'CN=another 3, CN=gateway 3, none 3', 'each shows its own');
    is(scalar(keys %connections), 3, 'a connection each');
}
