# SPDX-License-Identifier: MIT
# PHP: arrays, strings, regular expressions, sorting, JSON; with its own allocator and without.
. "$srcdir/tests/programs/lib.sh"
need php
cat >load.php <<'END'
<?php
$items = [];
for ($i = 0; $i < (int)$argv[1]; $i++) {
    $items[] = ['id' => $i, 'name' => str_repeat(chr(97 + $i % 26), $i % 300), 'tags' => range(0, $i % 20)];
    if ($i % 3 == 0) unset($items[intdiv($i, 2)]);
}
usort($items, fn($a, $b) => strcmp($a['name'], $b['name']) ?: $a['id'] <=> $b['id']);
$text = json_encode($items);
echo strlen($text), ' ', md5($text), ' ', count(json_decode($text, true)), "\n";
echo preg_match_all('/"name":"(a+|z+)"/', $text), ' ', md5(preg_replace('/b+/', 'x', $text)), "\n";
END
run php -n load.php "$(amount 3000 60000)"
USE_ZEND_ALLOC=0
export USE_ZEND_ALLOC
run php -n load.php "$(amount 1000 20000)"
