# SPDX-License-Identifier: MIT
# Perl: hashes, strings that grow, regular expressions, sorting, closures, children.
. "$srcdir/tests/programs/lib.sh"
need perl
cat >words.pl <<'END'
use strict; use warnings;
my $rounds = shift;
my (%count, @kept);
my $seed = 42;
sub random { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed % shift }
for my $i (1 .. $rounds) {
    my $text = join ' ', map { chr(97 + random(26)) x (1 + random(9)) } 1 .. 20;
    $count{$_}++ for $text =~ /(\w+)/g;
    (my $other = $text) =~ s/([aeiou]+)/<$1>/g;
    push @kept, sub { length $other };
    splice @kept, random(scalar @kept), 1 if @kept > 500;
}
my $total = 0;
$total += $_->() for @kept;
print "$total\n";
print map { "$_ $count{$_}\n" } sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
for my $n (1 .. 4) {
    my $child = fork // die;
    if (!$child) { my $s = ''; $s .= "$_," for 1 .. 5000; exit(length($s) % 200 == 94 ? 0 : 1) }
    waitpid $child, 0;
    print "child $n: $?\n";
}
my $big = 'ab' x 2_000_000;
$big =~ tr/a/c/;
print unpack('%32C*', $big), "\n";
print `echo in the shell`;
END
run perl words.pl "$(amount 1500 60000)"
