# SPDX-License-Identifier: BSD-3-Clause
# loop.pl - another interpreter
use strict;
$| = 1;
my %h = map { $_ => $_ * $_ } 1 .. 20000;
open(my $self, "<", $0) or die;
my $first = <$self>;
print "ready\n";
select(undef, undef, undef, 0.001) until -e $ENV{GATE};
my $sum = 0;
$sum += $h{$_} for sort { $a <=> $b } keys %h;
print "$sum ", scalar(<$self>);
