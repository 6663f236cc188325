# SPDX-License-Identifier: MIT
# Change a file at one place that is found by its text, so that edits elsewhere do not matter:
#
#   awk -v from=REGEX -v at=REGEX -v text=LINES -f edit.awk FILE   put LINES before the place
#   awk -v from=REGEX -v at=REGEX -v drop=1 -f edit.awk FILE       leave its line out
#
# The place is the first line that matches `at` behind the first one that matches `from`. A file
# that has no such place is an error.
!begun && $0 ~ from { begun = 1; print; next }
begun && !done && $0 ~ at {
    done = 1
    if (drop)
        next
    print text
}
{ print }
END {
    if (!done) {
        printf "%s: there is no \"%s\" behind \"%s\"\n", FILENAME, at, from >"/dev/stderr"
        exit 1
    }
}
