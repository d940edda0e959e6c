# Bodies that are no JSON, or none that may be: 400 with the place, on each route
# that writes, and nothing is changed.

use strict;
use warnings;

use lib 't/lib';
use ApiEvents;
use AdminBlocks;
use OpenApi qw(document);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => "api_zone apievents:16m;\n"
                                     . ($block->http_config // ''));
    $block->set_value(request => 'GET /none');
    $block->set_value(error_code => 404);
});

my $Deep = 100;

# the line of each in front
our %Bad = (
    'nothing but a space'   => [1, ' '],
    'a word'                => [1, 'nonsense'],
    'an array'              => [1, '[{"id": "x"}]'],
    'a string'              => [1, '"x"'],
    'a number'              => [1, '1'],
    'null'                  => [1, 'null'],
    'truncated'             => [2, qq({"id": "bad",\n "name": "x)],
    'no end'                => [2, qq({"id": "bad",\n "name": "x")],
    'two'                   => [2, qq({"id": "bad"}\n{"id": "bad"})],
    'a comma'               => [2, qq({"id": "bad",\n})],
    'no quotes'             => [2, qq({"id": "bad",\n name: 1})],
    'single quotes'         => [2, qq({"id": "bad",\n 'name': 1})],
    'a comment'             => [2, qq({"id": "bad",\n /* x */ "a": 1})],
    'a name twice'          => [3, qq({"id": "bad", "a": 1,\n\n "a": 2})],
    'a name twice, deep'    => [2, qq({"id": "bad", "b":\n [{"a": 1, "a": 2}]})],
    'a name twice, escaped' => [2, qq({"id": "bad", "a": 1,\n "\\u0061": 2})],
    'id twice'              => [2, qq({"id": "bad",\n "id": "good"})],
    'NUL'                   => [2, qq({"id": "bad",\n "name": "a\\u0000b"})],
    'NUL in a name'         => [2, qq({"id": "bad",\n "a\\u0000b": 1})],
    'NUL as it is'          => [2, qq({"id": "bad",\n "name": "a\0b"})],
    'NUL at the end'        => [2, qq({"id": "bad",\n "name": "a"}\0)],
    'a control character'   => [2, qq({"id": "bad",\n "name": "a\x01b"})],
    'no UTF-8'              => [2, qq({"id": "bad",\n "name": "\xff"})],
    'UTF-8 too long'        => [2, qq({"id": "bad",\n "name": "\xc0\xaf"})],
    'a surrogate in UTF-8'  => [2, qq({"id": "bad",\n "name": "\xed\xa0\x80"})],
    'UTF-8 cut off'         => [2, qq({"id": "bad",\n "name": "\xe2\x82"})],
    'a byte order mark'     => [1, qq(\xef\xbb\xbf{"id": "bad"})],
    'UTF-16'                => [1, "{\0\"\0i\0d\0\"\0:\0001\0}\0"],
    'a number too large'    => [2, qq({"id": "bad",\n "n": 1e400})],
    'a negative one'        => [2, qq({"id": "bad",\n "n": -1e999})],
    'digits without end'    => [2, qq({"id": "bad",\n "n": ) . '9' x 400 . '}'],
    'a bad number'          => [2, qq({"id": "bad",\n "n": 01})],
    'infinity'              => [2, qq({"id": "bad",\n "n": Infinity})],
    'a bad escape'          => [2, qq({"id": "bad",\n "n": "\\x41"})],
    'too deep'              => [2, qq({"id": "bad",\n "n": ) . '[' x $Deep
                                   . ']' x $Deep . '}'],
    'too deep, objects'     => [2, qq({"id": "bad",\n "n": ) . '{"a":' x $Deep
                                   . '1' . '}' x $Deep . '}'],
    'a hundred thousand'    => [1, '[' x 100_000],
);

# routes that write, with ids of what is there
sub writing {
    my $paths = document()->{paths};

    return map {
        my $path = $_;
        map { [uc, $path =~ s{^/}{}r =~ s/\{\w+\}/there/gr] }
            grep { /^(?:put|post|delete|patch)$/ } sort keys %{ $paths->{$path} }
    } sort keys %$paths;
}

# kinds of objects, by their paths
sub kinds {
    my $paths = document()->{paths};

    return map { s{^/}{}r =~ s{/.*}{}r }
           grep { m{^/[\w-]+/\{id\}$} && $paths->{$_}{put} && $paths->{$_}{get} }
           sort keys %$paths;
}

# all that the API has, but for counters of what it does itself
sub everything {
    my %all = map { $_ => (call(GET => $_))[1] }
              grep { $_ !~ m{^(?:endpoints|events|health|openapi|reload)} }
              map { s{^/}{}r } grep { !/\{/ && document()->{paths}{$_}{get} }
              sort keys %{ document()->{paths} };

    return JSON::PP->new->canonical->allow_nonref->encode(\%all);
}

# the revision of the last change that the store has
sub revision {
    chomp(my $db = `find '$Test::Nginx::Util::ServRoot' -name '*.db'`);
    my $text = `sqlite3 -readonly -cmd '.timeout 9000' '$db' 'SELECT max(rev) FROM document'`;

    return $text =~ s/\s+//gr;
}

# values of all types that a schema does not allow; none if it allows any
sub wrong {
    my $schema = OpenApi::resolve($_[0]);

    return () unless $schema->{type} || $schema->{enum};
    return grep { OpenApi::differs($schema, $_) ne '' }
           'x', 1.5, JSON::PP::true(), [], {};
}

run_tests();

__DATA__

=== TEST 1: 400 with the line, and nothing is changed
--- check eval
sub {
    ::call(POST => $_, { id => 'there', name => 'there' })
        for grep { !/callbacks|keys/ } ::kinds();

    my $before = ::everything();
    my $rev = ::revision();
    my (@differs, $n);

    like($before, qr/"there"/, 'something is there');
    like($rev, qr/^\d+$/, 'it has revisions');

    for my $route (::writing()) {
        my ($method, $path) = @$route;

        for my $name (sort keys %::Bad) {
            my ($line, $body) = @{ $::Bad{$name} };
            my ($status, $doc) = ::call($method, $path, $body);
            my $message = ref $doc ? $doc->{message} : $doc;

            push @differs, "$method $path, $name: "
                           . ($status // 'nothing') . " $message"
                if ($status // 0) != 400 || $message !~ /^line $line: ./;
            $n++;
        }
    }

    is(CORE::join("\n", @differs[0 .. ($#differs > 30 ? 30 : $#differs)]), '',
       'each is refused');
    cmp_ok($n, '>', 1000, "$n of them");
    is(::everything(), $before, 'nothing has changed');
    is(::revision(), $rev, 'nor was anything written');
}

=== TEST 2: members of a wrong type
--- check eval
sub {
    my $rev = ::revision() || 0;
    my (@differs, $n);

    for my $route (::writing()) {
        my ($method, $path) = @$route;
        my $op = OpenApi::operation($method, $path);
        my $schema = OpenApi::resolve(
            $op->{requestBody}{content}{'application/json'}{schema} // {});

        for my $name (sort keys %{ $schema->{properties} // {} }) {
            for my $value (::wrong($schema->{properties}{$name})) {
                my ($status, $doc) = ::call($method, $path,
                                            { $name => $value });

                push @differs, "$method $path $name: $status for "
                               . JSON::PP->new->allow_nonref->encode($value)
                               . ' ' . ($doc->{message} // '')
                    if $status !~ /^(?:400|404|409|422)$/;
                $n++;
            }
        }
    }

    is(CORE::join("\n", @differs[0 .. ($#differs > 30 ? 30 : $#differs)]), '',
       'each is refused');
    cmp_ok($n, '>', 100, "$n of them");
    is(::revision() || 0, $rev, 'nothing was written');
}
