package OpenApi;

# The OpenAPI document of the management API, as the tree has it, and what is
# held against it: routes, answers, values.
#
#   document()                    all of src/manage/openapi/, made one
#   operation($method, $path)     what it says of a call; undef: nothing
#   answer_differs($method, $path, $status, $headers, $text)
#   differs($schema, $value)      '', or where and what is not as it says
#
# A schema may have what is in %Checks and no other word, so that none is
# thought to hold that is not looked at.

use strict;
use warnings;

use B ();
use Exporter 'import';
use JSON::PP ();

our @EXPORT_OK = qw(document operation answer_differs differs resolve);

my $Json = JSON::PP->new->utf8->allow_nonref;
my $Document;


sub document {
    my ($document) = @_;

    $Document = $document if $document;

    unless ($Document) {
        my $folder = __FILE__ =~ s{[^/]*$}{}r . '../../src/manage/openapi';

        $Document = {};
        merge($Document, read_part($_)) for sort glob "$folder/*.json";
    }

    return $Document;
}


sub read_part {
    my ($path) = @_;

    open my $in, '<', $path or die "$path: $!\n";
    local $/;

    return eval { $Json->decode(scalar <$in>) } // die "$path: $@";
}


# as manage_openapi.c does it
sub merge {
    my ($map, $part) = @_;

    for my $name (keys %$part) {
        my ($old, $new) = ($map->{$name}, $part->{$name});

        if (ref $old eq 'HASH' && ref $new eq 'HASH') {
            merge($old, $new);

        } elsif (ref $old eq 'ARRAY' && ref $new eq 'ARRAY') {
            push @$old, @$new;

        } else {
            $map->{$name} = $new;
        }
    }
}


# what {"$ref": "#/..."} refers to
sub resolve {
    my ($value) = @_;

    while (ref $value eq 'HASH' && defined $value->{'$ref'}) {
        my @names = split m{/}, $value->{'$ref'} =~ s{^#/}{}r;
        my $to = document();

        $to = ref $to eq 'HASH' ? $to->{$_} : undef for @names;
        die "OpenAPI: nothing is at $value->{'$ref'}\n" unless defined $to;

        $value = $to;
    }

    return $value;
}


# templates of the paths that a path below the location may mean, those with
# more names first
sub templates {
    my ($path) = @_;
    my @have = grep { length } split m{/}, $path =~ s/[?#].*//r;
    my %names;

    for my $template (keys %{ document()->{paths} }) {
        my @want = grep { length } split m{/}, $template;
        next if @want != @have
                || grep { $want[$_] !~ /^\{/ && $want[$_] ne $have[$_] }
                        0 .. $#want;

        $names{$template} = CORE::join '', map { /^\{/ ? 0 : 1 } @want;
    }

    my @sorted = sort { $names{$b} cmp $names{$a} } keys %names;

    return @sorted;
}


sub operation {
    my ($method, $path) = @_;
    $method = lc($method eq 'HEAD' ? 'GET' : $method);

    my ($template) = grep { document()->{paths}{$_}{$method} }
                     templates($path) or return;

    return document()->{paths}{$template}{$method};
}


# '', or what of an answer the document does not say
sub answer_differs {
    my ($method, $path, $status, $headers, $text) = @_;
    my $value = eval { $Json->decode($text) };
    my $known = templates($path) ? 'method' : 'path';
    my $where = "$method $path $status";
    my $error = resolve({ '$ref' => '#/components/schemas/Error' });

    # nginx' own, of what is no request to it
    return '' if $status >= 400 && $text =~ /^<html>/;

    my $op = operation($method, $path);

    unless ($op) {
        my $expected = $known eq 'method' ? 405 : 404;

        return $status =~ /^(?:400|403|409|413|415|503|$expected)$/
               && ($method eq 'HEAD' || differs($error, $value) eq '')
               ? '' : "$where: src/manage/openapi/ has no such $known";
    }

    my $response = $op->{responses}{$status}
        or return "$where: src/manage/openapi/ has no such status";
    $response = resolve($response);

    for my $name (grep { resolve($response->{headers}{$_})->{required} }
                  keys %{ $response->{headers} // {} }) {
        return "$where: there is no header $name"
            unless $headers =~ /^\Q$name\E:/mi;
    }

    my ($type) = $headers =~ /^Content-Type: *([^;\s]*)/mi;
    my $content = $response->{content} or return '';
    $content = $content->{ $type // '' }
        or return "$where: no Content-Type " . ($type // '') . ' there';

    return '' if $method eq 'HEAD' || $type ne 'application/json';
    return "$where: no JSON: $text" if $@;

    my $differs = differs($content->{schema}, $value);

    return $differs && "$where: $differs";
}


# ---- values ----

my %Types = (
    null    => sub { !defined $_[0] },
    boolean => sub { JSON::PP::is_bool($_[0]) },
    object  => sub { ref $_[0] eq 'HASH' },
    array   => sub { ref $_[0] eq 'ARRAY' },
    number  => sub { number($_[0]) },
    integer => sub { number($_[0]) && $_[0] =~ /^-?\d+(?:\.0+)?\z/ },
    string  => sub { defined $_[0] && !ref $_[0] && !number($_[0]) },
);

sub number {
    my ($value) = @_;

    return 0 if !defined $value;
    return ref($value) =~ /^Math::Big/ if ref $value;

    my $flags = B::svref_2object(\$value)->FLAGS;

    return $flags & (B::SVf_IOK | B::SVf_NOK) && !($flags & B::SVf_POK);
}


# each is given the word's value, the value and the schema: what is wrong
my %Checks = (
    type => sub {
        my ($types, $value) = @_;
        my @types = ref $types ? @$types : $types;

        return '' if grep { $Types{$_}->($value) } @types;
        return shown($value) . ' is no ' . join ' or ', @types;
    },
    enum => sub {
        my ($words, $value) = @_;
        return (grep { same($_, $value) } @$words)
               ? '' : shown($value) . ' is none of ' . shown($words);
    },
    const => sub {
        my ($word, $value) = @_;
        return same($word, $value) ? ''
               : shown($value) . ' is not ' . shown($word);
    },
    required => sub {
        my ($names, $value) = @_;
        my @lacks = ref $value eq 'HASH'
                    ? grep { !exists $value->{$_} } @$names : ();
        return @lacks ? "there is no member @lacks" : '';
    },
    properties => sub {
        my ($schemas, $value) = @_;
        return '' unless ref $value eq 'HASH';

        for my $name (sort grep { exists $value->{$_} } keys %$schemas) {
            my $differs = differs($schemas->{$name}, $value->{$name});
            return ".$name$differs" if $differs;
        }

        return '';
    },
    additionalProperties => sub {
        my ($schema, $value, $all) = @_;
        return '' unless ref $value eq 'HASH';

        for my $name (sort grep { !$all->{properties}{$_} } keys %$value) {
            return ": a member $name is not told of"
                if JSON::PP::is_bool($schema) && !$schema;

            my $differs = differs($schema, $value->{$name});
            return ".$name$differs" if $differs;
        }

        return '';
    },
    items => sub {
        my ($schema, $value) = @_;
        return '' unless ref $value eq 'ARRAY';

        for my $i (0 .. $#$value) {
            my $differs = differs($schema, $value->[$i]);
            return "[$i]$differs" if $differs;
        }

        return '';
    },
    allOf => sub {
        my ($schemas, $value) = @_;
        return (grep { $_ } map { differs($_, $value) } @$schemas)[0] // '';
    },
    anyOf => sub {
        my ($schemas, $value) = @_;
        my @differs = map { differs($_, $value) } @$schemas;
        return (grep { $_ eq '' } @differs) ? '' : join ', or ', @differs;
    },
    minimum => sub {
        my ($min, $value) = @_;
        return number($value) && $value < $min ? "$value is less than $min" : '';
    },
    maximum => sub {
        my ($max, $value) = @_;
        return number($value) && $value > $max ? "$value is more than $max" : '';
    },
    minLength => sub {
        my ($min, $value) = @_;
        return $Types{string}->($value) && length $value < $min
               ? shown($value) . ' is too short' : '';
    },
    maxLength => sub {
        my ($max, $value) = @_;
        return $Types{string}->($value) && length $value > $max
               ? shown($value) . ' is too long' : '';
    },
    pattern => sub {
        my ($pattern, $value) = @_;
        return $Types{string}->($value) && $value !~ /$pattern/
               ? shown($value) . " is not $pattern" : '';
    },
    format => sub {
        my ($format, $value) = @_;
        return $format ne 'date-time' || !$Types{string}->($value)
               || $value =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)\z/
               ? '' : shown($value) . ' is no time';
    },
    map { $_ => sub { '' } } qw(description default example examples),
);


sub differs {
    my ($schema, $value) = @_;

    $schema = resolve($schema);
    return $schema ? '' : ' is not expected' if JSON::PP::is_bool($schema);

    for my $word (sort keys %$schema) {
        my $check = $Checks{$word} or die "OpenAPI: no word $word is known\n";
        my $differs = $check->($schema->{$word}, $value, $schema);

        return $differs =~ /^[.\[:]/ ? $differs : ": $differs" if $differs;
    }

    return '';
}


sub same { return shown($_[0]) eq shown($_[1]) }

sub shown { return JSON::PP->new->canonical->allow_nonref->encode($_[0]) }


1;
