# SPDX-License-Identifier: MIT
# Of manual pages, a line for each name in NAME that the page is not called by: "NAME PAGE".
FNR == 1 {
    page = own = FILENAME
    sub(/.*\//, "", page)
    sub(/.*\//, "", own)
    sub(/\.[0-9]$/, "", own)
    in_name = 0
}
/^\.Sh/ { in_name = ($2 == "NAME") }
in_name && $1 == ".Nm" && $2 != own { print $2, page }
