package RuntimeBlocks;

# What tests of endpoints of run time have in common: the module of
# t/infra/runtime.c, which stands for management.
#
#   put_all([put => 'one', 'webhook', "url=$url"], [handle => 'one', 'app.*']);
#   my ($status, $id) = raise_event('app.created', { data => {} });
#   my ($status, $error) = check_words('webhook', "url=$url");
#
# put_all() says all that there is to be: what is not in it any more goes.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use IO::Socket::INET;
use JSON::PP ();
use Test::Nginx::Socket ();

our @EXPORT = qw(put_all raise_event check_words hook);

my $Json = JSON::PP->new->utf8->canonical;
my $Ours = $ENV{APIEVENTS_MODULE}
           || abs_path(dirname(__FILE__) . '/../..')
              . '/build/ngx_http_apievents_module.so';
my $Module = dirname($Ours) . '/runtime.so';

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(main_config => "load_module $Module;\n"
                                     . ($block->main_config // ''));
    $block->set_value(config => "location /a { api_id a; empty_gif; }\n")
        unless defined $block->config;
    $block->set_value(http_config => <<'END' . ($block->http_config // ''));
    runtime_file $TEST_NGINX_SERVER_ROOT/logs/runtime;
    client_body_buffer_size 4m;
    client_max_body_size 4m;
END
    $block->set_value(http_config => "api_callback_allow 127.0.0.0/8;\n"
                                     . $block->http_config)
        unless $block->http_config =~ /api_callback_allow/;
    $block->set_value(config => ($block->config // '') . <<'END');
    location = /.check { runtime_check; }
    location = /.raise { runtime_raise; }
END
    $block->set_value(metrics_equation => '')
        unless defined $block->metrics_equation;
});


sub hook {
    return "http://127.0.0.1:" . ApiEvents::rand_port(1);
}


# told by the path of the file, since the folder is emptied for each block
sub put_all {
    my (@lines) = @_;
    my $file = "$Test::Nginx::Util::ServRoot/logs/runtime";

    open my $out, '>', "$file.new" or die "$file.new: $!\n";
    print $out map { join("\t", @$_) . "\n" } @lines;
    close $out or die "$file.new: $!\n";
    rename "$file.new", $file or die "$file: $!\n";
}


sub post {
    my ($uri, $body) = @_;
    my $port = $ENV{TEST_NGINX_SERVER_PORT};
    my $fh = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                   Timeout => 10) or return;

    print $fh "POST $uri HTTP/1.0\r\nHost: localhost\r\nContent-Length: "
              . length($body) . "\r\n\r\n$body";
    local $/;

    return (<$fh> // '') =~ m{^HTTP/\S+ (\d+)[^\n]*\n.*?\r\n\r\n(.*)}s;
}


sub raise_event {
    my ($name, $meta, $args) = @_;

    return post("/.raise?name=$name" . ($args // ''),
                ref $meta ? $Json->encode($meta) : $meta // '');
}


sub check_words {
    return post('/.check', join "\n", @_);
}


# Test::Base evaluates "eval" sections in its own package
no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for @EXPORT;

1;
