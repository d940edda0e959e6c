package EmailBlocks;

# What the blocks of t/62*.t have in common, besides those of DeliverBlocks: a
# relay, $Smtp; api_smtp of it, unless a block has its own; the API a, that
# raises AuthFailure, with metrics.  A block without a request makes one.

use strict;
use warnings;

use DeliverBlocks;
use Smtp;

our $Smtp = Smtp->new;


Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $port = $Smtp->port;

    return if defined $block->emerg;

    $http .= "api_smtp smtp://127.0.0.1:$port"
             . " \"from=The API <api\@example.com>\" starttls=off;\n"
        unless $http =~ /api_smtp/;

    $block->set_value(http_config => $http);
    $block->set_value(config => <<'END') unless defined $block->config;
        location /a {
            api_id a;
            empty_gif;
        }
        location = /.metrics { api_metrics; }
        location = /free { empty_gif; }
END
});


# the mails to an address of example.com, so many, waited for
sub mails {
    my ($name, $count) = @_;

    return $Smtp->mails("$name\@example.com", $count // 1);
}


# what the error log says of deliveries that failed, so often, waited for
sub failures {
    my ($count) = @_;
    my @failed;

    ApiEvents::wait_for(sub {
        @failed = ApiEvents::error_log_text()
                  =~ /to email "[^"]*" failed: ([^\n]*)/g;
        @failed >= $count
    });

    return @failed;
}


sub import {
    my $caller = caller;

    no strict 'refs';
    *{"${caller}::$_"} = *{"Test::Base::Filter::$_"} = \&{$_}
        for qw(mails failures);
    *{"Test::Base::Filter::Smtp"} = *{"${caller}::Smtp"} = \$Smtp;
}

1;
