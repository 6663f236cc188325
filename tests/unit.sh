# SPDX-License-Identifier: MIT
# Run a libcheck program for automake's driver: everything that it says goes to the log,
# its closing line ("100%: Checks: 9, Failures: 0, Errors: 0") also to descriptor 9.
# (UNIT_RUNNER is a checker to run it under, of several words.)
# shellcheck disable=SC2086
output=$(${UNIT_RUNNER:+$LIBTOOL --mode=execute $UNIT_RUNNER} "$@" 2>&1)
status=$?
printf '%s\n' "$output"
name=${1##*/}
printf '%s\n' "$output" | sed -n "s/^[0-9]*%: Checks: .*/      $name: &/p" >&9
exit $status
