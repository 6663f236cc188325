# SPDX-License-Identifier: MIT
# The rules of doc/design.md about who may know whom: what includes what, who reads the
# environment, loads libraries, asks for the operating system, allocates or prints, and how
# much thread-local storage there is.
set -eu
. "$srcdir/tests/lib.sh"
cd "$srcdir"

sources() { find "$@" -name '*.[ch]' | LC_ALL=C sort; }

# complain RULE: each line of standard input breaks it.
complain() {
    while read -r line; do
        fail "$1: $line"
    done
}

# Lines of code in which a pattern stands, with their places: no comments, no strings.
code_with() { # PATTERN FILE...
    pattern=$1
    shift
    awk -v pattern="$pattern" '
        FNR == 1 { in_comment = 0 }
        {
            line = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
            if (in_comment && line !~ /\*\//) next
            if (in_comment) { sub(/^.*\*\//, "", line); in_comment = 0 }
            if (line ~ /\/\*/) { sub(/\/\*.*$/, "", line); in_comment = 1 }
            if (line ~ pattern) print FILENAME ":" FNR ": " $0
        }' "$@"
}

# "FILE HEADER" for each include in quotes.
includes() {
    # shellcheck disable=SC2046
    awk 'match($0, /^#[ ]*include "[^"]*"/) {
             split(substr($0, RSTART, RLENGTH), part, "\""); print FILENAME, part[2]
         }' $(sources "$@")
}

# ---- Every file says what it is licensed under -----------------------------------------------
find lib arenas backends layers preload tools conformance include tests bench examples \
    -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.mk' >"$work/files"
# shellcheck disable=SC2046 # names without blanks
awk 'FNR <= 2 && /SPDX-License-Identifier: MIT/ { print FILENAME }' $(cat "$work/files") | sort >"$work/licensed"
sort "$work/files" | comm -23 - "$work/licensed" | complain "no licence line at the top"

# ---- lib: a file includes its own room and those below -----------------------------------------
# Their order stands in lib/lib.mk; an include is "ROOM/FILE.h".
rooms=$(sed -n 's/^lib_rooms = //p' lib/lib.mk)
# shellcheck disable=SC2012 # rooms have plain names
expect "the folders of lib/" "$(printf '%s\n' $rooms | sort)" "$(ls -d lib/*/ | cut -d/ -f2 | sort)"
includes lib | awk -v rooms="$rooms" '
    BEGIN { count = split(rooms, name, " "); for (i = 1; i <= count; i++) level[name[i]] = i }
    {
        split($1, from, "/"); split($2, to, "/")
        # The default is a table over the system backend.
        if ($0 == "lib/chain/system_instance.c ../../backends/system/system.h") next
        if (!(from[2] in level)) print $1 " stands in no room"
        else if (!(to[1] in level)) print $1 " includes " $2 ", of no room"
        else if (level[to[1]] > level[from[2]]) print $1 " includes " $2
    }' | complain "includes what is above"
includes lib | awk '{ print "lib/" $2 }' | grep -v '/\.\./' | sort -u | while read -r header; do
    [ -e "$header" ] || echo "$header"
done | complain "not there"

# ---- Arenas are above lib, and below the backends that are made of them ------------------------
includes arenas | while read -r file header; do
    case $header in
    */*) [ -e "lib/$header" ] || echo "$file includes $header" ;;
    *) [ -e "${file%/*}/$header" ] || echo "$file includes $header" ;;
    esac
done | complain "knows more than lib"

# ---- Backends and layers could be modules, the tool and the kit another project's ------------
for directory in backends/* layers/* tools conformance; do
    [ -d "$directory" ] || continue
    # shellcheck disable=SC2046
    code_with '^#[ ]*include <config' $(sources "$directory")
    includes "$directory" | while read -r file header; do
        # The interposer's copy of the system backend calls the C library by other names.
        [ "$file $header" = "backends/system/posix.c ../../preload/libc_names.h" ] && continue
        case $directory:$header in
        backends/*:../*/* | layers/*:../*/*) echo "$file includes $header" ;;
        # What several backends, or layers, share, next to them.
        backends/*:../* | layers/*:../*)
            [ -e "${directory%%/*}/${header#../}" ] || echo "$file includes $header" ;;
        tools:tools/* | tools:conformance/conformance.h | conformance:conformance/*) ;;
        # What command, library and interposer of one version know of each other.
        tools:lib/shared/* | tools:lib/base/nearest.h) ;;
        *:*/*) echo "$file includes $header" ;;
        *) [ -e "${file%/*}/$header" ] || echo "$file includes $header" ;;
        esac
    done
done | complain "knows more than the public headers"

# ---- Who does what ---------------------------------------------------------------------------
library=$(sources lib arenas backends layers preload)
only() { # WHAT PATTERN PLACES...
    what=$1 pattern=$2
    shift 2
    # shellcheck disable=SC2086
    code_with "$pattern" $library | while read -r line; do
        for place in "$@"; do
            # shellcheck disable=SC2254
            case $line in $place*) continue 2 ;; esac
        done
        echo "$line"
    done | complain "$what only in $*"
}
word() { echo "(^|[^a-zA-Z0-9_])($1)([^a-zA-Z0-9_]|\$)"; }

only "the environment is read" "$(word 'getenv|secure_getenv|setenv|putenv|environ')" \
    lib/os/ preload/interposer.c preload/ours.c preload/jemalloc_calls.c preload/deepbind.c
only "variables are named" "$(word 'dal_os_getenv_')" lib/os/ lib/spec/variables.c
only "libraries are loaded" "$(word 'dlopen|dlsym|dlvsym|dlmopen')" lib/registry/dlopen.c preload/ \
    backends/jemalloc/system.c # a module, which asks for what is in the process
only "libraries are unloaded" "$(word 'dlclose')" nowhere
only "RTLD_DEEPBIND is used" "$(word 'RTLD_DEEPBIND')" preload/deepbind.c
# (How a symbol is hidden depends on the object format; that is not what this is about.)
only "the operating system is asked for" \
    "$(word '_WIN32|_WIN64|__linux__|__linux|__FreeBSD__|__NetBSD__|__OpenBSD__|__CYGWIN__|__MINGW32__|_MSC_VER')" \
    lib/os/ backends/system/ '*/*/posix.c' '*/*/windows.c'

# The core is compiled once for library and interposer.
only "the interposer is told apart" "$(word 'DAL_INTERPOSER')" backends/system/

# ---- What the objects really call --------------------------------------------------------------
# Nothing allocates but the system backend, and nothing prints by stdio, which may allocate.
# (The loader may: dlopen does as well.)
allocates='malloc calloc realloc reallocarray free posix_memalign aligned_alloc memalign valloc
    strdup strndup asprintf vasprintf getline realpath'
prints='printf fprintf vprintf vfprintf puts fputs fputc putchar fwrite fopen fdopen fclose
    fflush perror stdout stderr __printf_chk __fprintf_chk __vfprintf_chk syslog'
objects=$(cd "$builddir" && find lib arenas backends layers -path '*/.libs/libco*_la-*.o')
[ -n "$objects" ] || objects=$(cd "$builddir" && find lib arenas backends layers -name 'libco*_la-*.o')
[ "$(echo "$objects" | wc -l)" -ge 20 ] || fail "hardly any object was found"
# (The table of the default has malloc and free for slots: backends/system/system.h. The interposer
# has those files compiled for itself.)
# By objdump, since nm sees nothing in objects that are for link-time optimisation as well.
if [ -n "$OBJDUMP" ]; then
    # shellcheck disable=SC2086,SC2046 # lists
    (cd "$builddir" && $OBJDUMP -t $(printf '%s\n' $objects | grep -v -E \
        '/libcore_la-(backend|posix|windows|system_instance|dlopen)\.o$')) >"$work/symbols" ||
        fail "$OBJDUMP"
    awk '/file format/ { object = $1 }
         /\*UND\*/ && NF > 2 { sub(/@.*/, "", $NF); print object, $NF }' "$work/symbols" >"$work/called"
    at_least 100 "$(wc -l <"$work/called")" "functions that the objects call"
    # shellcheck disable=SC2086 # lists
    awk -v names="$(echo $allocates $prints)" '
        BEGIN { split(names, list); for (i in list) wrong[list[i]] }
        /libcommon_la-loader_trust\.o: realpath$/ { next }
        $2 in wrong { print $1 " calls " $2 }' "$work/called" | complain "allocates or prints"
else
    echo "there is no objdump: what the objects call is not looked at"
fi

# ---- Thread-local storage ------------------------------------------------------------------------
if [ -z "$sanitized" ] && command -v readelf >/dev/null 2>&1; then
    for file in "$builddir"/.libs/libdispatchalloc.so "$builddir"/.libs/libdispatchalloc-preload.so; do
        [ -e "$file" ] || continue
        bytes=$(readelf -lW "$file" | awk '$1 == "TLS" { print $6 }')
        [ -n "$bytes" ] || bytes=0
        [ $((bytes)) -le 88 ] || fail "${file##*/} has $((bytes)) bytes of thread-local storage"
        echo "${file##*/}: $((bytes)) bytes of thread-local storage"
        ! has_static_tls || readelf -rW "$file" | grep -E 'DTPMOD|DTPOFF|TLSDESC|__tls_get_addr' |
            complain "${file##*/} has thread-local storage that is not initial-exec"
    done
fi

# ---- A build in the source tree leaves nothing that git would take -------------------------------
if command -v git >/dev/null 2>&1 && [ -e "$srcdir/.git" ] &&
    git -C "$srcdir" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    programs=$(cd "$builddir" && printf '%s\n' 'include Makefile' \
        'made: ; @echo $(PROGRAMS) $(check_PROGRAMS) $(EXTRA_PROGRAMS)' |
        MAKEFLAGS= "${MAKE:-make}" -s -f - made)
    case $programs in *tests/*) ;; *) fail "the programs are not known: $programs" ;; esac
    for file in $programs backends/jemalloc/private.conf backends/jemalloc/private/done; do
        git -C "$srcdir" check-ignore -q --no-index "$file" || echo "$file"
    done | complain "not in .gitignore"
fi
finish
