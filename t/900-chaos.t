#!/usr/bin/perl

# The short form of `make chaos`.

use strict;
use warnings;

$ENV{KILLS} ||= 15;

do './t/chaos/run';
die $@ if $@;
