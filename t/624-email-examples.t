#!/usr/bin/perl

# conf.example/email-* run as they are, but for ports, paths and where the
# service is: here it is a relay or a server of the test's own, that looks at
# what it gets as the service would.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP qw/ decode_json /;
use MIME::Base64;
use Test::More;

use lib 't/chaos', 't/lib';

use Chaos;

my $modules = 'build/npm/node_modules';

starts($_) for qw/ smtp ses mandrill sendgrid mailgun /;

over_http(mandrill => 'mandrillapp.com', '/api/1.0/messages/send',
          \&mandrill, '[{"status":"queued","_id":"1"}]');
over_http(sendgrid => 'api.sendgrid.com', '/v3/mail/send', \&sendgrid, '');
over_http(mailgun => 'api.mailgun.net', '/v3/example.com/messages',
          \&mailgun, '{"id":"<1>","message":"Queued"}');

SKIP: {
    skip 'make deps installs smtp-server', 1
        unless -d "$modules/smtp-server" && -d "$modules/mailparser";

    require Smtp;
    by_relay('smtp', 'gateway', 'put-the-password-here');
    by_relay('ses', 'AKIAIOSFODNN7EXAMPLE', 'put-the-password-here');
}

done_testing();


# with nothing changed but what this machine asks for
sub starts {
    my ($name) = @_;
    my $dir = "conf.example/email-$name";
    my $nginx = example($name, sub { $_[0] });
    my $text = Chaos::slurp("$nginx->{dir}/nginx.conf");
    my $stderr = "$nginx->{dir}/stderr.log";
    my @ca = grep { -f } qw{ /etc/ssl/certs/ca-certificates.crt
        /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem };

    like(Chaos::slurp("$dir/nginx.conf"),
         qr/^# +mkdir -p run && nginx -p \. -c nginx\.conf$/m,
         "$name says how to start it");

  SKIP: {
        skip 'there are no CA certificates', 1 unless @ca;

        local $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD} // '';

        my $bin = $ENV{TEST_NGINX_BINARY} || $ENV{NGINX} || '/usr/sbin/nginx';
        my $ok = system("$bin -t -q -p $nginx->{dir} "
                        . "-c $nginx->{dir}/nginx.conf 2>$stderr") == 0;

        ok($ok, "$name passes nginx -t") or diag(Chaos::slurp($stderr));
    }
}


# its folder with ports of its own; change() gets the configuration
sub example {
    my ($name, $change) = @_;
    my $nginx = Chaos->new("email-$name");
    my $dir = $nginx->{dir};
    my %ports = (8080 => $nginx->port('gateway'), 8081 => $nginx->port('api'));
    my $user = $> == 0 ? "user root;\n" : '';

    system('cp', '-R', glob("conf.example/email-$name/*"), $dir) == 0
        or die "cannot copy conf.example/email-$name\n";
    mkdir "$dir/run";

    my $text = $change->(Chaos::slurp("$dir/nginx.conf"));

    $text =~ s/127\.0\.0\.1:(808\d)\b/127.0.0.1:$ports{$1}/g;
    $text =~ s/^load_module .*\n//mg;
    Chaos::spew("$dir/nginx.conf",
                "load_module $dir/modules/apievents.so;\ndaemon off;\n$user"
                . join('', map { "env $_;\n" } qw/ LD_PRELOAD ASAN_OPTIONS
                                                   UBSAN_OPTIONS /) . $text);

    return $nginx;
}


# two mails: of a quota, to the key's user; of a developer, to the administrator
sub traffic {
    my ($nginx) = @_;

    is(($nginx->get('/orders/1', "Authorization: example-key-0123456789\r\n"))[0],
       200, 'a request') for 1 .. 3;

    my $s = $nginx->connected or die "no connection\n";
    my $body = '{"id": "d1", "name": "J\u00f6rg & \"Co\"\r\nBcc: evil@example.com"}';

    print $s "POST /tyk/developers HTTP/1.0\r\nHost: localhost\r\n"
             . "Admin-Auth: put-a-secret-of-yours-here\r\nContent-Length: "
             . length($body) . "\r\n\r\n$body";
    local $/;
    like(<$s>, qr/^HTTP\S+ 201 /, 'a developer');
}


sub over_http {
    my ($name, $host, $path, $check, $answer) = @_;
    my $listen = Chaos::listener(0);
    my $port = $listen->sockport;

    my $nginx = example($name, sub {
        $_[0] =~ s{https://\Q$host\E/}{http://127.0.0.1:$port/}r;
    });

    $nginx->start;
    traffic($nginx);

    my %seen = map { $_->{header}{subject} => $_ }
               map { $check->(take($listen, $answer, $path)) } 1 .. 2;

    said("$name, the quota", $seen{'60 % of your quota are used'},
         'jane@example.com', qr/^60 % of your quota are used\.$/m);
    said("$name, the developer", (grep { /^New/ } keys %seen)[0]
         ? (map { $seen{$_} } grep { /^New/ } keys %seen) : undef,
         'admin@example.com', qr/J\x{f6}rg & "Co"/);

    ok($nginx->until(10, sub {
        my $m = deliveries($nginx);
        2 == grep { $_->{state} eq 'delivered' } @$m
    }), "$name: they are delivered");

    ok($nginx->stop, "$name ends");
    is(join("\n", $nginx->bad_log), '', "$name: the log");
}


sub said {
    my ($name, $mail, $to, $text) = @_;

    ok($mail, "$name is told of") or return;
    is($mail->{to}, $to, "$name: to");
    is($mail->{from}, 'api@example.com', "$name: from");
    like($mail->{text}, $text, "$name: text");
    like($mail->{html}, qr/^<p>.*event evt_/s, "$name: HTML");
    unlike($mail->{html}, qr/& |"Co"/, "$name: escaped");
    like($mail->{header}{id}, qr/^evt_[0-9a-f-]{36}$/, "$name: its id");
}


sub deliveries {
    my ($nginx) = @_;
    my (undef, $body) = $nginx->get('/tyk/deliveries',
                                  "Admin-Auth: put-a-secret-of-yours-here\r\n");

    return eval { decode_json($body)->{items} } || [];
}


# one request, answered as the service does: its headers and its body
sub take {
    my ($listen, $answer, $path) = @_;

    IO::Select->new($listen)->can_read(30 * $Chaos::Slow)
        or die "nothing arrives\n";

    my $s = $listen->accept or die "accept: $!\n";
    my $text = '';

    while ($text !~ /\r\n\r\n/
           || length($') < ($text =~ /^Content-Length: (\d+)/mi)[0])
    {
        IO::Select->new($s)->can_read(30 * $Chaos::Slow)
            && sysread $s, $text, 65536, length $text or die "cut: $text\n";
    }

    my ($line, $head, $body) = $text =~ /^(.*?)\r\n(.*?)\r\n\r\n(.*)/s;
    my %headers = map { /^([^:]+): (.*)/ ? (lc $1 => $2) : () }
                  split /\r\n/, $head;

    print $s "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
             . 'Content-Length: ' . length($answer)
             . "\r\nConnection: close\r\n\r\n$answer";
    close $s;

    is($line, "POST $path HTTP/1.1", 'method and path');

    return (\%headers, $body);
}


sub mandrill {
    my ($headers, $body) = @_;
    my $doc = decode_json($body);
    my $message = $doc->{message};

    is($headers->{'content-type'}, 'application/json', 'Mandrill takes JSON');
    is($doc->{key}, 'put-your-key-here', 'the key');
    is(join(' ', sort keys %$doc), 'async key message', 'members');
    is($message->{to}[0]{type}, 'to', 'a recipient');
    is($message->{from_name}, 'Example API', 'a name');

    return { to => $message->{to}[0]{email}, from => $message->{from_email},
             text => $message->{text}, html => $message->{html},
             header => { subject => $message->{subject},
                         id => $message->{headers}{'X-Api-Event-Id'} } };
}


sub sendgrid {
    my ($headers, $body) = @_;
    my $doc = decode_json($body);
    my $to = $doc->{personalizations}[0];

    is($headers->{'content-type'}, 'application/json', 'Sendgrid takes JSON');
    is($headers->{authorization}, 'Bearer put-your-key-here', 'the key');
    is(join(' ', map { $_->{type} } @{ $doc->{content} }),
       'text/plain text/html', 'the parts, in that order');

    return { to => $to->{to}[0]{email}, from => $doc->{from}{email},
             text => $doc->{content}[0]{value},
             html => $doc->{content}[1]{value},
             header => { subject => $doc->{subject},
                         id => $to->{custom_args}{event_id} } };
}


sub mailgun {
    my ($headers, $body) = @_;
    my %form;

    for (split /&/, $body, -1) {
        my ($name, $value) = map { decoded($_) } split /=/, $_, 2;

        ok(!exists $form{$name}, "$name once");
        $form{$name} = $value;
    }

    is($headers->{'content-type'}, 'application/x-www-form-urlencoded',
       'Mailgun takes a form');
    is($headers->{authorization},
       'Basic ' . encode_base64('api:put-your-key-here', ''), 'the key');
    is(join(' ', sort keys %form),
       'from h:X-Api-Event-Id html o:tag subject text to', 'fields');

    return { to => $form{to}, from => ($form{from} =~ /<(.*)>/)[0],
             text => $form{text}, html => $form{html},
             header => { subject => $form{subject},
                         id => $form{'h:X-Api-Event-Id'} } };
}


sub decoded {
    my ($text) = @_;

    $text =~ tr/+/ /;
    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    utf8::decode($text);

    return $text;
}


# with TLS and a login, as the example wants them
sub by_relay {
    my ($name, $user, $password) = @_;
    my $pki = "build/chaos/pki-$$";

    mkdir 'build/chaos';
    mkdir $pki;
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
           . " -addext subjectAltName=DNS:localhost -keyout $pki/key"
           . " -out $pki/cert >/dev/null 2>&1") == 0 or die "no openssl\n";

    my $relay = Smtp->new(cert => "$pki/cert", key => "$pki/key",
                          user => $user, password => $password);
    my $port = $relay->port;
    my $nginx = example($name, sub {
        my ($text) = @_;

        $text =~ s{smtp://[\w.-]+:587}{smtp://localhost:$port}
            && $text =~ s{(starttls=required)}{$1 ca=cert}
            or die "$name has no relay\n";
        $text
    });

    system('cp', "$pki/cert", $nginx->{dir});
    system('rm', '-r', $pki);
    $nginx->start;
    traffic($nginx);

    my ($quota) = $relay->mails('jane@example.com', 1);
    my ($signup) = $relay->mails('admin@example.com', 1);

    ok($quota->{secure} && $signup->{secure}, "$name: encrypted");
    is($quota->{user}, $user, "$name: logged in");
    like($quota->{text}, qr/has used 60 % of its quota/, "$name: the quota");
    like($quota->{html}, qr{<b>60 %</b>}, "$name: in HTML");
    like($signup->{subject}, qr/^New developer: J\x{f6}rg & "Co"/,
         "$name: the developer");
    like($signup->{html}, qr{<b>J\x{f6}rg &amp; &#34;Co&#34;}, "$name: in HTML");
    is(scalar($relay->mails('evil@example.com', 0)), 0, "$name: no header");
    is(scalar(grep { $_ eq 'bcc' } @{ $signup->{names} }), 0,
       "$name: no field of a value");

    ok($nginx->stop, "$name ends");
    is(join("\n", $nginx->bad_log), '', "$name: the log");
}
