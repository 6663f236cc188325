# SPDX-License-Identifier: MIT
# bash: arrays, substitutions, subshells, pipes, traps. Debian's brings its own malloc's name
# for nothing: it is linked against the C library's.
. "$srcdir/tests/programs/lib.sh"
need bash
cat >load.bash <<'END'
set -euo pipefail
declare -A seen
declare -a list
text=
for ((i = 0; i < $1; i++)); do
    key=key$((i * 7919 % 301))
    seen[$key]=${seen[$key]-}$i,
    list+=("${key//e/EE}")
    text+=${list[-1]:0:4}
    if ((i % 100 == 0)); then
        text=$(printf '%s' "${text:0:2000}" | tr k K)
        mapfile -t list < <(printf '%s\n' "${list[@]}" | sort | head -n 200)
    fi
done
for key in "${!seen[@]}"; do echo "$key ${seen[$key]}"; done | sort
echo "$text"
exit_handler() { echo "at exit: ${#list[@]}"; }
trap exit_handler EXIT
(exec bash -c 'echo "${@^^}"' bash one two)
wait
END
run bash load.bash "$(amount 1500 30000)"
