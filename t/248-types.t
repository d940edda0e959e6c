#!/usr/bin/perl

# njs/apievents.d.ts under tsc: the examples in the form of modules are right,
# and mistakes are found (t/npm/package.json, make deps).

use strict;
use warnings;

use Test::More;

my $tsc = 'build/npm/node_modules/typescript/bin/tsc';

plan skip_all => 'make deps installs typescript' unless -e $tsc;

my @options = qw(--noEmit --strict --allowJs --checkJs --target es2017
                 --module es2015 --moduleResolution node);

checks('t/npm/types/mistakes.ts');
checks(sort glob 'examples/handlers/modules/*.js');

done_testing();


sub checks {
    my (@files) = @_;

    open my $in, '-|', 'node', $tsc, @options, @files or die "node: $!\n";
    my $text = CORE::join '', <$in>;

    ok(close $in, "@files") or diag($text);
    is($text, '', 'nothing to say');
}
