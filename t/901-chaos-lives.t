#!/usr/bin/perl

# The short form of `make chaos` with nginx stopped and started, and another
# binary: what was pending comes out of the store.

use strict;
use warnings;

$ENV{KILLS} ||= 6;
$ENV{STARTS} ||= 1;
$ENV{UPGRADES} ||= 1;
$ENV{RATE} ||= 600;

do './t/chaos/run';
die $@ if $@;
