#!/usr/bin/perl

# The short form of `make storm`.

use strict;
use warnings;

$ENV{EVENTS} ||= 20_000;

do './t/chaos/storm';
die $@ if $@;
