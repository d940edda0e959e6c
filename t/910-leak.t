#!/usr/bin/perl

# The short form of `make soak`.

use strict;
use warnings;

$ENV{REQUESTS} ||= 60_000;
$ENV{RELOADS} ||= 6;

do './t/chaos/soak';
die $@ if $@;
