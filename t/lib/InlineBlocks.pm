package InlineBlocks;

# What the blocks of t/24*.t have in common: an API at /api/ without keys, in
# front of an upstream that tells in JSON what it was asked; its handlers are
# the lines of "handlers", such as "request h.js", of files below html/.  In
# what a block says $UPSTREAM is the upstream's URL, and $EXAMPLES the folder of
# the example handlers.  RAW is the address of a server that raw_server() was
# told of.
#
# The upstream:
#   /status/503     that status, with no JSON
#   /own/409        that status, with JSON that has a statusCode
#   /slow/100       after that many milliseconds
#   /file/...       of html/
#   /answers/...    likewise, as JSON
#   anything else   {"verb", "uri", "args", "body", "headers"}

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use IO::Socket::INET;
use Test::Nginx::Socket ();

our @EXPORT = qw(logged raw_server client hear talk request_head);
our @EXPORT_OK = qw(ask);

my $EXAMPLES = abs_path('examples/handlers');
my $UPSTREAM = 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_1';

my $Echo = <<'END';

>>> echo.js
function answer(r) {
    var headers = {};

    r.rawHeadersIn.forEach(function (h) {
        headers[h[0].toLowerCase()] = h[1];
    });

    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['ETag'] = '"of-upstream"';
    r.headersOut['X-Upstream'] = 'yes';
    r.return(200, JSON.stringify({verb: r.method, uri: r.uri,
        args: r.variables.args,
        body: r.uri === '/hex' ? r.requestBuffer.toString('hex')
                               : r.requestText, headers: headers}));
}

function run(r) {
    var part = r.uri.split('/');

    if (part[1] === 'status') {
        r.return(Number(part[2]), 'not JSON');

    } else if (part[1] === 'own') {
        r.headersOut['Content-Type'] = 'application/json';
        r.return(Number(part[2]), JSON.stringify({statusCode: Number(part[2]),
            errorCode: 7, errorMessage: 'of upstream'}));

    } else if (part[1] === 'slow') {
        setTimeout(answer, Number(part[2]), r);

    } else {
        answer(r);
    }
}

export default {run};
END


Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    my $http = $block->http_config // '';
    my $handlers = join '', map { /(\S+) (.*)/ ? <<"END" : () }
            api_event_handlers $1 js path=$2;
END
        split /\n/, $block->handlers // '';

    $handlers =~ s/\$EXAMPLES/$EXAMPLES/g;

    $block->set_value(http_config => <<"END" =~ s/\$UPSTREAM/$UPSTREAM/gr);
    api_zone apievents:16m;
    api_state_path \$TEST_NGINX_SERVER_ROOT/logs/state;
    api_script_path ../html;
    $http

    server {
        listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
        js_import echo from ../html/echo.js;

        location / { js_content echo.run; client_max_body_size 0; }
        location /file/ { alias \$TEST_NGINX_SERVER_ROOT/html/; }
        location /answers/ {
            alias \$TEST_NGINX_SERVER_ROOT/html/;
            default_type application/json;
        }
    }
END

    $block->set_value(user_files => ($block->user_files // '') . $Echo);
    $block->set_value(log_level => 'info') unless defined $block->log_level;

    return if defined $block->emerg;

    $block->set_value(config => ($block->config // <<'END')
        location /api/ {
            api_id a;
            api_auth off;
            proxy_pass $UPSTREAM/;
            HANDLERS
        }
END
        =~ s/\$UPSTREAM/$UPSTREAM/gr =~ s/HANDLERS/$handlers/gr);
});


# the lines that handlers logged as "LOG ...", once there are n of them
sub logged {
    my ($n) = @_;
    my @lines;

    ApiEvents::wait_for(sub {
        @lines = map { /: (LOG .*?), request id: \w+/ ? $1 : () }
                     split /\n/, ApiEvents::error_log_text();
        @lines >= $n
    });

    return join "\n", @lines;
}


# what blocks call RAW is a RawServer
sub raw_server {
    my ($server) = @_;

    Test::Nginx::Socket::add_block_preprocessor(sub {
        my ($block) = @_;
        my $raw = '127.0.0.1:' . $server->port;

        $block->set_value($_ => $block->$_ =~ s/RAW/$raw/gr)
            for grep { defined $block->$_ } qw(http_config config user_files);
    });
}


# a connection to nginx, on which text was written
sub client {
    my ($text, $port) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', Timeout => 30,
        PeerPort => $port // $Test::Nginx::Util::ServerPortForClient)
        or die "connect: $!\n";

    syswrite $socket, $text if defined $text;
    return $socket;
}


# all that comes until nginx closes, or until it is what is wanted
sub hear {
    my ($socket, $wanted) = @_;
    my $text = '';

    local $SIG{ALRM} = sub { close $socket };
    alarm 30;
    1 while (!defined $wanted || $text !~ $wanted)
            && sysread $socket, $text, 65536, length $text;
    alarm 0;

    return $text;
}


sub talk {
    return hear(client(@_));
}


sub request_head {
    my ($verb, $path, @headers) = @_;
    return join '', map "$_\r\n", "$verb $path HTTP/1.1", 'Host: x', @headers,
                    '';
}


# status, head and body, or "200 body", of a GET, or "POST /path" with lines of
# headers and a body
sub ask {
    my ($what, $headers, $body) = @_;
    my ($verb, $path) = $what =~ /(\S+) (.*)/ ? ($1, $2) : ('GET', $what);

    $headers //= '';
    $headers .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;

    my ($head, $rest) = split /\r\n\r\n/, talk("$verb $path HTTP/1.0\r\n"
        . "Host: x\r\n$headers\r\n" . ($body // '')), 2;
    my ($status) = ($head // '') =~ m{^HTTP/\S+ (\d+)};
    my @answer = ($status // 0, $head // '', $rest // '');

    return wantarray ? @answer : "$answer[0] $answer[2]";
}


# Test::Base evaluates "eval" sections in its own package
no strict 'refs';
*{"Test::Base::Filter::$_"} = \&{$_} for @EXPORT, @EXPORT_OK;

1;
