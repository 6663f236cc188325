# SPDX-License-Identifier: MIT
# page.html and page.js as arrays of C, for html.c: what stands before the data, and what behind.
# awk -f page.awk SCRIPT=page.js page.html

function put(line) {
    gsub(/\\/, "\\\\", line)
    gsub(/"/, "\\\"", line)
    gsub(/\?\?/, "?\\?", line) # no trigraphs
    print "    \"" line "\\n\","
}

BEGIN { print "static const char *const page_start[] = {" }
$0 == "@DATA@" {
    print "    NULL,\n};\nstatic const char *const page_end[] = {"
    next
}
$0 == "@SCRIPT@" {
    while ((getline line < SCRIPT) > 0)
        put(line)
    next
}
{ put($0) }
END { print "    NULL,\n};" }
