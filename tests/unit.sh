# SPDX-License-Identifier: MIT
# Run a libcheck program for automake's driver: everything that it says goes to the log,
# its closing line ("100%: Checks: 9, Failures: 0, Errors: 0") also to descriptor 9.
# (UNIT_RUNNER is a checker to run it under, of several words. A program that UNIT_APART is a pattern
# for is run for each check, which is where libcheck has no fork: see suite.h.)
# shellcheck disable=SC2086

# Each check by its number, until there is none. (On a busy machine wine has processes that do not
# begin; one that ends at its start does so each time.)
apart() {
    checks=0 failed=0 tries=0
    while :; do
        status=0
        said=$(SUITE_CHECK=$checks ${UNIT_RUNNER-} "$@" 2>&1) || status=$?
        said=$(printf '%s\n' "$said" | tr -d '\r')
        case $said in *"no check of that number"*) break ;; esac
        check=$(printf '%s\n' "$said" | sed -n 's/^check //p')
        if [ -z "$check" ]; then
            printf '%s\n' "$said"
            echo "check $checks does not begin: $status"
            tries=$((tries + 1))
            [ $tries -lt 3 ] || return 1
            continue
        fi
        tries=0
        checks=$((checks + 1))
        [ $status -ne 0 ] || continue
        failed=$((failed + 1))
        printf '%s\n' "$said"
        # As libcheck says it, with the status at the end.
        echo "$check:$status" | sed 's/^\(.*:[0-9]*\):\([^:]*\):\([0-9]*\):\([0-9]*\)$/\1:F:apart:\2:\3: status \4/'
    done
    echo "$(((checks - failed) * 100 / checks))%: Checks: $checks, Failures: $failed, Errors: 0"
    [ $failed -eq 0 ]
}

case $1 in
${UNIT_APART-}) output=$(apart "$@" 2>&1) ;;
*) output=$(${UNIT_RUNNER:+$LIBTOOL --mode=execute $UNIT_RUNNER} "$@" 2>&1) ;;
esac
status=$?
printf '%s\n' "$output"
name=${1##*/}
printf '%s\n' "$output" | sed -n "s/^[0-9]*%: Checks: .*/      $name: &/p" >&9
exit $status
