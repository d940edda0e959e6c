# Relays with TLS and a login: who is believed, and who gets the password.

use strict;
use warnings;

use lib 't/lib';
use Smtp;
use ApiEvents;
use DeliverBlocks;
use EmailBlocks;
use File::Temp;

our $Pki = File::Temp->newdir;

for my $name ('own', 'other') {
    my $output = `cd $Pki && openssl req -x509 -newkey rsa:2048 -nodes -days 2 \\
        -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
        -keyout $name.key -out $name.crt 2>&1`;
    die "openssl: $output" if $?;
}

our %Tls = (cert => "$Pki/own.crt", key => "$Pki/own.key");
our %User = (user => 'gateway', password => 'secret-of-mails');

our $Start = Smtp->new(%Tls);
our $Login = Smtp->new(%Tls, %User);
our $Word = Smtp->new(%Tls, %User, methods => ['LOGIN']);
our $Whole = Smtp->new(%Tls, tls => 1);
our $Open = Smtp->new(%User, plain => 1);
our $Loud = Smtp->new(%User, plain => 1);

# api_smtp of that relay
sub relay {
    my ($smtp, $more, $scheme) = @_;

    return ($scheme // 'smtp') . '://localhost:' . $smtp->port
           . " from=api\@example.com $more;";
}

run_tests();

__DATA__

=== TEST 1: STARTTLS is used when it is offered
--- http_config eval
"api_smtp " . ::relay($::Start, "ca=$::Pki/own.crt") . "
api_event_handlers AuthFailure email to=on\@example.com retry=off;"
--- check eval
sub {
    my ($mail) = $::Start->mails('on@example.com', 1);
    ok($mail->{secure}, 'encrypted');
}

=== TEST 2: a certificate that is not believed
--- http_config eval
"api_smtp " . ::relay($::Start, "ca=$::Pki/other.crt") . "
api_event_handlers AuthFailure email to=ca\@example.com retry=off;"
--- check eval
sub {
    like((failures(1))[0], qr/certificate/i, 'refused');
    is(scalar(() = $::Start->mails('ca@example.com', 0)), 0, 'nothing sent');
}

=== TEST 3: verify=off
--- http_config eval
"api_smtp " . ::relay($::Start, 'verify=off starttls=required') . "
api_event_handlers AuthFailure email to=off\@example.com retry=off;"
--- check eval
sub {
    my ($mail) = $::Start->mails('off@example.com', 1);
    ok($mail->{secure}, 'encrypted');
}

=== TEST 4: smtps, and starttls=off
--- http_config eval
"api_smtp " . ::relay($::Whole, "ca=$::Pki/own.crt", 'smtps') . "
api_event_handlers AuthFailure email to=whole\@example.com retry=off;"
--- check eval
sub {
    my ($mail) = $::Whole->mails('whole@example.com', 1);
    ok($mail->{secure}, 'encrypted');
}

=== TEST 5: a login over TLS, the password from a file
--- user_files
>>> password
secret-of-mails
--- http_config eval
"api_smtp " . ::relay($::Login, "ca=$::Pki/own.crt user=gateway password=file:\$TEST_NGINX_SERVER_ROOT/html/password") . "
api_event_handlers AuthFailure email to=login\@example.com retry=off;"
--- check eval
sub {
    my ($mail) = $::Login->mails('login@example.com', 1);
    is($mail->{user}, 'gateway', 'logged in');
    ok($mail->{secure}, 'encrypted');
}
--- no_error_log
secret-of-mails

=== TEST 6: LOGIN
--- http_config eval
"api_smtp " . ::relay($::Word, "ca=$::Pki/own.crt user=gateway password=secret-of-mails") . "
api_event_handlers AuthFailure email to=word\@example.com retry=off;"
--- check eval
sub {
    my ($mail) = $::Word->mails('word@example.com', 1);
    is($mail->{user}, 'gateway', 'logged in');
}

=== TEST 7: without TLS the password stays here
--- http_config eval
"api_smtp " . ::relay($::Open, 'user=gateway password=secret-of-mails') . "
api_event_handlers AuthFailure email to=open\@example.com retry=off;"
--- check eval
sub {
    like((failures(1))[0], qr/\S/, 'refused');
    is(scalar(() = $::Open->logins), 0, 'no login');
    is(scalar(() = $::Open->mails('open@example.com', 0)), 0, 'no mail');
}

=== TEST 8: unless starttls=off is said
--- http_config eval
"api_smtp " . ::relay($::Loud, 'starttls=off user=gateway password=secret-of-mails') . "
api_event_handlers AuthFailure email to=open\@example.com retry=off;"
--- check eval
sub {
    my ($mail) = $::Loud->mails('open@example.com', 1);
    is($mail->{user}, 'gateway', 'logged in');
}

=== TEST 9: required, and not offered
--- http_config eval
"api_smtp " . ::relay($::Open, 'starttls=required') . "
api_event_handlers AuthFailure email to=required\@example.com retry=off;"
--- check eval
sub {
    like((failures(1))[0], qr/\S/, 'refused');
    is(scalar(() = $::Open->mails('required@example.com', 0)), 0, 'no mail');
}
