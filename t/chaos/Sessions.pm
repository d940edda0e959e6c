package Sessions;

# An nginx whose sessions are set by a script, for tests with Daemon.

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use Chaos;
use Daemon;

our @EXPORT = qw(start keys_file status set session alias bytes stored sqlite
                 clean);


sub start {
    my ($name, %options) = @_;
    my $class = delete $options{class} || 'Daemon';
    my $zone = delete $options{zone} || '16m';
    my $store = delete $options{store} || 'sqlite:a.db';
    my $nginx = $class->new("sessions-$name", modules => Chaos::js_module(),
                            %options);

    Chaos::spew("$nginx->{dir}/set.js", <<'END');
export default function (ctx) {
    var p = ctx.req.urlParameters;

    ctx.TykSetKeyData(p.key, JSON.stringify({
        alias: p.alias, quota_max: 100, quota_renewal_rate: 3600,
        meta_data: {more: p.more ? 'x'.repeat(+p.more) : ''},
        access_rights: {a: {}}
    }), '0');
}
END
    Chaos::spew("$nginx->{dir}/get.js", <<'END');
export default function (ctx) {
    ctx.log.info('GOT ' + ctx.TykGetKeyData(ctx.req.urlParameters.key, ''));
}
END

    keys_file($nginx, 'in-the-file-0123456789' => 'file');
    configure($nginx, $zone, $store);

    return $nginx->start;
}


sub keys_file {
    my ($nginx, %keys) = @_;

    Chaos::spew("$nginx->{dir}/keys.json", '{' . join(',', map {
        qq("$_": {"alias": "$keys{$_}", "access_rights": {"a": {}}})
    } keys %keys) . '}');
}


sub configure {
    my ($nginx, $zone, $store) = @_;
    my $port = $nginx->port('gateway');

    $nginx->configure("events { }\nworker_shutdown_timeout 5s;", <<"END");
    api_zone sessions:$zone;
    api_store $store;
    api_script_path $nginx->{dir};
    api_keys $nginx->{dir}/keys.json;

    server {
        listen 127.0.0.1:$port;

        location /a {
            api_id a;
            empty_gif;
        }

        location /set {
            api_id set;
            api_auth off;
            api_event_handlers request js path=set.js;
            empty_gif;
        }

        location /get {
            api_id get;
            api_auth off;
            api_event_handlers request js path=get.js;
            empty_gif;
        }

        location = /metrics { api_metrics; }
    }
END
}


# the status with that key
sub status {
    my ($nginx, $key) = @_;

    return ($nginx->get('/a', "Authorization: $key\r\n"))[0] // 'none';
}


sub set {
    my ($nginx, $key, $alias, $more) = @_;
    my $uri = "/set?key=$key&alias=$alias" . ($more ? "&more=$more" : '');

    return ($nginx->get($uri))[0] // 'none';
}


# the session as a script sees it
sub session {
    my ($nginx, $key) = @_;
    my $n = () = $nginx->log =~ /GOT /g;
    my @got;

    $nginx->get("/get?key=$key");
    $nginx->until(20, sub {
        @got = $nginx->log =~ /GOT (\{.*?\}), request id/g;
        @got > $n
    });

    return $got[-1] // '';
}


sub alias {
    my ($nginx, $key) = @_;

    return session($nginx, $key) =~ /"alias":"(.*?)"/ ? $1 : 'none';
}


# what is in the files of the database
sub bytes {
    my ($nginx) = @_;

    return join '', map { Chaos::slurp($_) } grep { -f }
               map { "$nginx->{dir}/state/a.db$_" } '', '-wal';
}


# and what a transaction has made of it
sub stored {
    my ($nginx, $alias) = @_;
    my $db = "$nginx->{dir}/state/a.db";

    return $nginx->until(20, sub {
        -f $db && sqlite($db, "SELECT count(*) FROM document"
                              . " WHERE body LIKE '%\"$alias\"%'") =~ /^1/
    });
}


# another process that uses the database; what it cannot do it says
sub sqlite {
    my ($db, $sql) = @_;

    open my $pipe, '-|', 'sqlite3', '-cmd', '.timeout 20000', $db, "$sql;"
        or die "sqlite3: $!\n";

    return join '', <$pipe>;
}


sub clean {
    my ($nginx) = @_;

    is(join('', map { "$_\n" } $nginx->bad_log), '', 'the log is clean');
}


1;
