package AdminFuzz;

# Random calls of the management API, made of its OpenAPI document.
#
#   my $fuzz = AdminFuzz->new($seed, @urls);
#   my ($method, $uri, $body, %options) = $fuzz->next;     # for call()
#   $fuzz->saw($doc);            # ids of answers come in later calls
#
# Most values are as the document wants them, some nearly, some not at all.
# URLs are of @urls, or none, so that nothing leaves the machine; nothing is
# reloaded, which would be another worker.

use strict;
use warnings;

use JSON::PP ();
use OpenApi qw(document resolve);

my $Json = JSON::PP->new->utf8->canonical->allow_nonref;

my @Strings = ('', 'a', 'there', 'x' x 127, 'x' x 129, 'y' x 5000, '0', '-1',
    'null', "caf\x{e9}", "\x{1F600}", "\x{202e}abc", '../../etc/passwd', '%00',
    '%s%n%x', "a\nb", "a\r\nX-Evil: 1", '{{.id}}', '{{', "' OR 1=1 --", '"',
    '\\', '****', '2026-01-02T03:04:05Z', '9999-99-99', 'evt_x', 'f' x 32,
    'APPROVED', 'ACTIVE', 'closed', '2xx', '200', 'http://', 'file:///etc/passwd',
    'a@example.com', "\x7f");
my @Numbers = (0, 1, 2, -1, 3, 60, 100, 1000, 1001, 0.5, 1.5, -0.0, 1e9, 1e300,
    2147483648, 4294967296, 9007199254740993, -9223372036854775807);


sub new {
    my ($class, $seed, @urls) = @_;
    my $paths = document()->{paths};

    srand $seed;

    my @ops = map {
        my $path = $_;
        map { [uc, $path, $paths->{$path}{$_}] }
            grep { /^(?:get|put|post|delete)$/ } sort keys %{ $paths->{$path} }
    } sort grep { !m{^/reload} } keys %$paths;

    return bless { ops => \@ops, urls => \@urls, ids => ['there'] }, $class;
}


sub one { return $_[rand @_] }

sub chance { return rand() < $_[0] }


sub next {
    my ($self) = @_;
    my ($method, $path, $op) = @{ one(@{ $self->{ops} }) };
    my $schema = $op->{requestBody}{content}{'application/json'}{schema};
    my ($headers, @query) = ('');

    $path =~ s/^\///;
    $path =~ s/\{\w+\}/escaped($self->name)/ge;

    for my $parameter (map { resolve($_) } @{ $op->{parameters} // [] }) {
        next if $parameter->{in} eq 'path' || chance(0.7);

        my $value = $self->text($parameter->{schema});

        push @query, escaped($parameter->{name}) . '=' . escaped($value)
            if $parameter->{in} eq 'query';
        $headers .= "$parameter->{name}: "
                    . one('"1"', '*', '"99"', 'x', '"1", "2"') . "\r\n"
            if $parameter->{in} eq 'header';
    }

    $path .= '?' . join '&', @query if @query;
    $method = one(qw(GET HEAD PUT POST DELETE PATCH)) if chance(0.02);

    my $body = $schema && !chance(0.03)
               ? $Json->encode($self->value($schema, 0))
               : chance(0.05) ? $Json->encode($self->any(0)) : undef;

    return ($method, $path, damaged($body),
            user => chance(0.9) ? 'ops' : one('eye', 'app'),
            headers => $headers . (chance(0.02) ? "X-Api-Events-Hops: 5\r\n" : ''));
}


# of something that there is, more often than not
sub name {
    my ($self) = @_;

    return one(@{ $self->{ids} }) if chance(0.8);
    # dots would lead out of the location
    return one(grep { length && !m{\.\./} } @Strings);
}


sub text {
    my ($self, $schema) = @_;
    my $value = $self->value($schema // {}, 5);

    return !defined $value ? '' : ref $value ? $Json->encode($value) : $value;
}


sub value {
    my ($self, $schema, $depth) = @_;

    $schema = resolve($schema);
    return $self->any($depth) if chance(0.03) || JSON::PP::is_bool($schema);
    return one(@{ $schema->{enum} }) if $schema->{enum};
    return $schema->{const} if exists $schema->{const};

    my $many = $schema->{anyOf} // $schema->{oneOf};
    return $self->value(one(@$many), $depth) if $many;

    if ($schema->{allOf}) {
        my @parts = map { $self->value($_, $depth) } @{ $schema->{allOf} };
        return { map { ref $_ eq 'HASH' ? %$_ : () } @parts };
    }

    my $types = $schema->{type} // ($schema->{properties} ? 'object' : undef);
    return $self->any($depth) unless defined $types;

    my $type = ref $types ? one(@$types) : $types;
    my $make = $self->can("make_$type") or die "no $type\n";

    return $make->($self, $schema, $depth);
}


sub make_null { return undef }

sub make_boolean { return one(JSON::PP::true(), JSON::PP::false()) }

sub make_string {
    my ($self, $schema) = @_;

    return one(@{ $self->{urls} }) if chance(0.1);
    return one(@{ $self->{ids} }) if chance(0.5);
    return one(@Strings);
}

sub make_number { return one(@Numbers) }

sub make_integer {
    my ($self, $schema) = @_;

    return 0 + ($schema->{minimum} // 0) + int rand 20 if chance(0.7);
    return int one(grep { abs($_) < 1e18 } @Numbers);
}

sub make_array {
    my ($self, $schema, $depth) = @_;

    return [] if $depth > 6;
    return [map { $self->value($schema->{items} // {}, $depth + 1) }
            1 .. rand 4];
}

sub make_object {
    my ($self, $schema, $depth) = @_;
    my $properties = $schema->{properties} // {};
    my %must = map { $_ => 1 } @{ $schema->{required} // [] };
    my %object;

    for my $name (keys %$properties) {
        $object{$name} = $self->value($properties->{$name}, $depth + 1)
            if chance($must{$name} ? 0.97 : 0.4);
    }

    if (chance(0.2) && $depth < 6) {
        my $more = $schema->{additionalProperties};
        $object{ one(@Strings) } = ref $more ? $self->value($more, $depth + 1)
                                             : $self->any($depth + 1);
    }

    # a way for them to go on existing
    $object{url} = one(@{ $self->{urls} })
        if exists $object{url} && chance(0.8);

    return \%object;
}


sub any {
    my ($self, $depth) = @_;
    my $kind = int rand($depth > 6 ? 4 : 6);

    return $kind == 0 ? undef
           : $kind == 1 ? make_boolean()
           : $kind == 2 ? one(@Numbers)
           : $kind == 3 ? $self->make_string
           : $kind == 4 ? [map { $self->any($depth + 1) } 1 .. rand 4]
           : { map { one(@Strings) => $self->any($depth + 1) } 1 .. rand 4 };
}


# seldom: cut, changed, repeated
sub damaged {
    my ($body) = @_;

    return $body if !defined $body || !length $body || !chance(0.06);

    my $at = int rand length $body;
    my $kind = int rand 4;

    return substr $body, 0, $at if $kind == 0;
    return $body . substr $body, $at if $kind == 1;
    substr($body, $at, 1) = chr int rand 256 if $kind == 2;
    substr($body, $at, 0) = one('[' x 70, "\0", '"', ',', '\\u0000', "\xff")
        if $kind == 3;

    return $body;
}


sub escaped {
    my ($text) = @_;

    utf8::encode($text) if utf8::is_utf8($text);
    return $text =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger;
}


sub saw {
    my ($self, $doc) = @_;
    my $ids = $self->{ids};

    if (ref $doc eq 'HASH') {
        for my $name (qw(id key key_hash event_id)) {
            push @$ids, $doc->{$name}
                if defined $doc->{$name} && !ref $doc->{$name}
                   && length $doc->{$name};
        }

        $self->saw($doc->{items}) if ref $doc->{items};

    } elsif (ref $doc eq 'ARRAY') {
        $self->saw($_) for grep { ref } @$doc;
    }

    splice @$ids, 1, @$ids - 60 if @$ids > 60;
}


1;
