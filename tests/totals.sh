# SPDX-License-Identifier: MIT
# totals.sh LOG...: what the last run of the suite came to, as one line. A libcheck program
# counts as many times as it has checks, any other test once. Exits 1 if anything failed.
passed=0 failed=0 skipped=0
for log in "$@"; do
    trs=${log%.log}.trs
    result=$(sed -n 's/^:global-test-result: //p' "$trs" 2>/dev/null)
    checks=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' "$log" \
        2>/dev/null | tail -n 1)
    # shellcheck disable=SC2086 # three numbers, or none
    set -- $checks
    case $result:$# in
    SKIP:*) skipped=$((skipped + 1)) ;;
    PASS:0) passed=$((passed + 1)) ;;
    PASS:3) passed=$((passed + $1)) ;;
    *:3)
        bad=$(($2 + $3))
        passed=$((passed + $1 - bad))
        # A program can fail as a whole although each of its checks passed.
        [ $bad -gt 0 ] || bad=1
        failed=$((failed + bad)) ;;
    *) failed=$((failed + 1)) ;;
    esac
done
[ $skipped -eq 0 ] || echo "$skipped skipped (the reasons stand in the tests' logs)"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
