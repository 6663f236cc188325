#!/bin/sh
# SPDX-License-Identifier: MIT
# Whether the sources look as .clang-format and .editorconfig say. `tests/format.sh --mend` makes
# them so. For continuous integration and before a commit: not a part of `make check`, since it
# takes the very version of clang-format that the tree was formatted with.
set -eu
cd "${0%/*}/.."
formatter=${CLANG_FORMAT-clang-format-16}
command -v "$formatter" >/dev/null 2>&1 || {
    echo "format: skipped: there is no $formatter (Debian's package of that name)"
    exit 77
}
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || {
    echo "format: skipped: not in a clone that git can read"
    exit 77
}
# Tables that a program wrote, or whose columns are their sense.
tables='tests/layout_vectors.h|tests/choice/table.h'
sources=$(git ls-files '*.c' '*.h' | grep -Ev "^($tables)\$")
if [ "${1-}" = --mend ]; then
    # shellcheck disable=SC2086 # names without blanks
    exec "$formatter" -i $sources
fi
status=0
# shellcheck disable=SC2086
"$formatter" --dry-run --Werror $sources || status=1
# What .editorconfig says of every file: the end of lines and of files.
for file in $(git ls-files); do
    case $file in *.[135] | *.7 | *.png) continue ;; esac
    [ -s "$file" ] || continue
    awk -v file="$file" '
        /[ \t\r]$/ { print file ":" FNR ": blanks at the end of the line"; bad = 1 }
        END { exit bad }' "$file" || status=1
    [ -z "$(tail -c 1 "$file")" ] || { echo "$file: no line end at its end"; status=1; }
done
[ $status = 0 ] && echo "format: passed" || echo "format: failed; tests/format.sh --mend mends sources"
exit $status
