# SPDX-License-Identifier: MIT
# pgrep, pkill and linux32, which go by the name that they were started as.
. "$srcdir/tests/programs/lib.sh"
need pgrep pkill setarch linux32
sleep 600 &
pid=$!
echo "$pid" >only # among all processes
trap 'kill "$pid" 2>/dev/null || :' EXIT
[ "$(run pgrep -x -F only sleep)" = "$pid" ] && echo "found by its name"
run pgrep -x -F only slee || echo "and by no other"
run pkill -x -F only sleep && echo "killed"
{ wait "$pid"; } 2>/dev/null || echo "ended by $?"
run linux32 uname -m
