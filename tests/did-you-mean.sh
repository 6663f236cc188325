# SPDX-License-Identifier: MIT
# Mistakes on the command line and in specs: each is answered with what was meant, or, where nothing
# is near, with what is accepted.
set -eu
. "$srcdir/tests/lib.sh"
need_tool
LC_ALL=C
export LC_ALL
umask 022
mkdir "$work/modules"
modules=$(cd "$work/modules" && pwd -P)
export DISPATCHALLOC_MODULE_PATH="$modules"
# What is not opened needs no more than its name.
for name in jemalloc mimalloc tcmalloc tbb; do echo >"$modules/$name.so"; done

asks=0
expected=2
ask() {
    asks=$((asks + 1))
    status=0
    err=$(timeout 20 "$tool" "$@" 2>&1 </dev/null >/dev/null) || status=$?
    [ "$status" = $expected ] || fail "dispatchalloc $*: status $status: $err"
}
# meant WORD ARGUMENT...: the one thing that is suggested.
meant() {
    word=$1
    shift
    ask "$@"
    got=$(printf '%s\n' "$err" | $SED -n "s/.*(did you mean ['\"]\(.*\)['\"]?).*/\1/p")
    [ "$got" = "$word" ] || fail "dispatchalloc $*: meant $word, said $err"
}
# accepted TEXT ARGUMENT...: nothing is suggested, and the message holds TEXT.
accepted() {
    text=$1
    shift
    ask "$@"
    case $err in
    *'did you mean'*) fail "dispatchalloc $*: a silly suggestion: $err" ;;
    *"$text"*) ;;
    *) fail "dispatchalloc $*: not '$text', but $err" ;;
    esac
}

# ---- Commands ----------------------------------------------------------------------------------
commands='known: list, info, explain, verify, run, status, compare, doctor, fail-each, profile, symbolize, help'
meant list lisst
meant list lis
meant list ls
meant list LIST
meant list listing
meant list --list
meant explain explian system
meant explain exp system
meant verify verfiy system
meant verify check system
meant verify test system
meant run exec true
meant run launch
meant run rnu true
meant status stat
meant status statistics
meant compare comapre true
meant compare bench true
meant doctor docter true
meant doctor diagnose true
meant fail-each inject true
meant fail-each faileach true
meant symbolize symbolise
meant symbolize resolve
meant info inof system
meant help hlep
meant --version version
accepted "$commands" xyzzy
accepted "$commands" help xyzzy
accepted "$commands" prune
accepted "$commands" fast
accepted "$commands" x
accepted "$commands" ''

# ---- Options -------------------------------------------------------------------------------------
meant --json compare --jsn true
meant --json compare -json true
meant --json compare --JSON true
meant --backend compare --backnd=system true
meant --backend run --backed system true
meant --backend run --bakend=jemalloc true
meant --backend=system run -backend=system true
meant --backend run --backends=jemalloc true
meant --debug run --debg true
meant --verbose run --verbos3 true
meant --names list --name-only
meant --capacity verify --capacty=64K system
meant --timeout doctor --timout=5 true
meant --jobs fail-each --jbos=3 true
meant --child fail-each --chlid=sh true
meant --timeout doctor --time-out=5 true
meant --help list --hlep
meant --version --versoin
meant --output doctor --ouput true
accepted "'list' has it; known: " verify --names system
accepted "'verify' has it; known: --help" list --json
accepted "'run' has it" doctor --backend=system true
accepted "known: --help (-h), --version, --backend (-b)" run --xyzzy true
accepted "known: --help (-h), --version, --backend (-b)" run -x true
accepted "known: --help (-h), --version" --xyzzy
accepted "'--ver' may be one of --version, --verbose (-v)" verify --ver system
accepted "'--debug' takes no value" run --debug=yes true
accepted "'--backend' needs a value" run -b
accepted "from 1 to 86400" doctor --timeout=5s true
accepted "from 1 to" compare --runs=many true
meant 64K verify --capacity=64KB system
meant 64K verify --capacity=64kb system
accepted "a number of bytes" verify --capacity=many system
accepted "a number of bytes" verify --capacity=0 system
meant '--case=size_zero --case=size_classes' verify --case=size_zero,size_classes system
meant size_zero verify --case=size_zreo system
meant '-b jemalloc -b mimalloc' compare -b jemalloc,mimalloc true
meant '-b stats+jemalloc -b tbb' compare -b 'stats+jemalloc tbb' true
accepted 'has no option "xyzzy"' compare -b arena:limit=1M,xyzzy=1 true
accepted 'needs a PID, NAME or FILE, or --all' status
accepted 'needs a SPEC, or --list-cases' verify
accepted 'No such file or directory' status --directory=/nonexistent --all

# ---- Names ---------------------------------------------------------------------------------------
meant jemalloc run -b je true
meant jemalloc run -b jemaloc true
meant jemalloc run -b JEMALLOC true
meant jemalloc run -b je-malloc true
meant jemalloc explain libjemalloc.so.2
meant mimalloc explain mi
meant tcmalloc explain tc
meant tcmalloc explain tcmalloc_minimal
meant tcmalloc explain gperftools
meant tbb explain tbbmalloc
meant tbb explain onetbb
meant fixed-arena explain fixed
meant fixed-arena explain fixed_arena
meant stats explain statistics
meant stats explain stat+system
meant fixed-arena explain fixd
meant system explain glib
meant tcmalloc explain google
meant tbb explain intel
meant system explain malloc
meant system explain libc
meant system info glibc
meant system verify sytsem
accepted 'known: system, arena, fixed-arena, stats, limit, fail, debug, guard, profile' explain xyzzy
accepted 'known: system, arena, fixed-arena, stats, limit, fail, debug, guard, profile' info ALL
accepted 'known: system, arena, fixed-arena, stats, limit, fail, debug, guard, profile' explain 'stats+xyzzy'

# ---- Options of a spec -----------------------------------------------------------------------------
meant capacity explain fixed-arena:capacty=1M
meant capacity explain fixed-arena:cap=1M
meant huge_pages explain fixed-arena:hugepages=never
meant huge_pages explain fixed-arena:huge-pages=never
meant print explain stats:prnt=off
meant limit explain arena:limits=1M
accepted 'known: ' explain fixed-arena:xyzzy=1
accepted 'it takes none' explain system:capacity=1M
accepted 'key=value' explain fixed-arena:capacity
meant 64K explain fixed-arena:capacity=64KB
meant 64K explain fixed-arena:capacity=64kib
meant 1536K explain fixed-arena:capacity=1.5M
accepted 'a number of bytes from ' explain fixed-arena:capacity=50%
accepted 'a number of bytes from ' explain fixed-arena:capacity=lots
accepted 'a number of bytes from 4K on' explain arena:limit=1
meant on explain stats:print=ON
meant true explain stats:print=ture
accepted 'on or off (also 1, 0, true, false, yes, no)' explain stats:print=enabled
meant never explain fixed-arena:huge_pages=nevr
meant default explain fixed-arena:huge_pages=def
accepted 'one of default|' explain fixed-arena:huge_pages=xyzzy

# ---- What stands where ---------------------------------------------------------------------------
meant stats+system explain system+stats
meant stats+stats:print=off+arena:limit=1M explain arena:limit=1M+stats+stats:print=off
accepted 'has to come last' explain arena+system
meant stats+jemalloc explain stats,jemalloc
meant stats+jemalloc explain 'stats + jemalloc'
meant stats+jemalloc explain 'stats|jemalloc'
meant stats+jemalloc explain stats++jemalloc
meant jemalloc:narenas=4 explain 'jemalloc;narenas=4'
meant jemalloc:narenas=4 explain 'jemalloc narenas=4'
meant jemalloc:narenas=4 explain jemalloc,narenas=4
meant jemalloc:narenas=4,tcache=false explain 'jemalloc:narenas=4;tcache=false'
meant fixed-arena:capacity=64K explain 'fixed-arena:capacity=64 K'
meant fixed-arena:capacity=64K explain 'fixed-arena: capacity = 64K'
meant fixed-arena:capacity=1M,prefault=on explain fixed-arena:capacity=1M:prefault=on
meant arena:limit=1G explain arena:limit:1G
meant arena:limit=1G explain arena=limit:1G
meant arena:limit=1G explain arena=limit=1G
meant stats+arena:limit=1G explain stats+arena=limit:1G
meant stats:print=off,label=x+system explain stats:print:off:label:x+system
accepted 'a spec has one backend, behind its layers' explain jemalloc,mimalloc
accepted 'a spec has one backend, behind its layers' explain 'system arena'
accepted 'a spec has one backend, behind its layers' explain system:arena:limit=1M
accepted 'a spec has one backend, behind its layers' explain system+arena
accepted 'cannot stand in a spec' explain 'xyzzy;narenas=4'
meant jemalloc explain +jemalloc
meant jemalloc explain jemalloc+
meant arena explain arena:
meant arena:limit=1G explain arena:limit=1G,
meant jemalloc explain '"jemalloc"'
meant stats+jemalloc explain "'stats+jemalloc'"
meant stats+jemalloc explain stats-jemalloc
meant stats+arena explain stats.arena
meant stats+fixed-arena:capacity=1M explain 'stats->fixed-arena:capacity=1M'
meant stats+arena explain stats/arena
meant stats+stats+jemalloc explain stats-stats-jemalloc
meant stats:label=my%20lab+jemalloc explain 'stats:label=my lab+jemalloc'
accepted 'item 2 has no name' explain stats+
accepted 'key=value' explain stats:
accepted 'the path of a module has to be absolute' explain ./jemalloc.so
(cd "$modules" && meant "$modules/jemalloc.so" verify ./jemalloc.so)
(cd "$work" && meant "$modules/jemalloc.so" run -b stats:print=off+modules/jemalloc.so true)

# ---- What is no program, and what is no command ----------------------------------------------------
mkdir "$work/here"
cd "$work/here"
printf '#!/bin/sh\n' >h64
chmod 755 h64
cp h64 module.so
expected=127
meant 'run -b jemalloc ./h64' run jemalloc ./h64
meant 'run -b jemalloc ./h64 1 2' run jemaloc ./h64 1 2
meant 'run -b jemalloc PROGRAM' run jemalloc
meant 'run -b stats+arena:limit=1G ./h64' run stats arena:limit=1G ./h64
meant 'run --debug ./h64' run debug ./h64
meant 'run ./h64' run h64
meant 'run ./h64 1' run './h64 1'
meant 'run env A=1 B_2=3 ./h64' run A=1 B_2=3 ./h64
meant 'compare -b jemalloc -b mimalloc ./h64' compare -b system jemalloc mimalloc ./h64
meant 'compare ./h64' compare -b system h64
meant 'doctor ./h64' doctor jemalloc ./h64
accepted 'No such file or directory' run no-such-program
accepted 'No such file or directory' run jemaloc
accepted 'No such file or directory' run backend ./h64
accepted 'No such file or directory' run no-such-program ./h64
accepted 'No such file or directory' doctor ./h65
expected=2
meant 'run -b stats ./h64' stats ./h64
meant 'run -b stats+jemalloc ./h64' stats+jemalloc ./h64
meant 'run -b arena PROGRAM' arena
meant status stats
meant status stat ./h64
meant verify check ./h64
meant verify check ./module.so
meant 'run ./h64 -x' ./h64 -x
meant 'run ./h64' h64
meant 'run env' env
meant 'run env A=1 ./h64' A=1 ./h64
meant 'info jemalloc' list jemalloc
meant 'info jemalloc' list jemaloc
accepted "extra operand 'xyzzy'" list xyzzy
accepted "missing command" # as well as the help:
case $err in *"Usage: dispatchalloc COMMAND"*"compare "*"PROGRAM"*) ;; *) fail "no command: $err" ;; esac

# ---- Variables ---------------------------------------------------------------------------------------
expected=127
export DISPATCHALOC_MALLOC=system
meant DISPATCHALLOC_MALLOC run no-such-program
unset DISPATCHALOC_MALLOC
export dispatchalloc_verbose=1 MALLOC_CHECK_=0 DISPATCH=1
meant DISPATCHALLOC_VERBOSE run no-such-program
unset dispatchalloc_verbose MALLOC_CHECK_ DISPATCH
expected=2
DISPATCHALLOC_MODULE_PATH="relative:$modules::nowhere"
mkdir relative
meant "$(pwd -P)/relative" explain xyzzy
expect "directories that are not looked in" 2 "$(printf '%s\n' "$err" | grep -c 'is not looked in')"
DISPATCHALLOC_MODULE_PATH=$modules
expected=0
accepted '' list --names
expected=2

# ---- Help, however it is asked for -----------------------------------------------------------------
helps() {
    wanted=$1
    shift
    got=$("$tool" "$@" 2>&1) || got="status $?: $got"
    like "dispatchalloc $*" "$wanted" "$got"
}
helps 'Usage: dispatchalloc COMMAND *' -h
helps 'Usage: dispatchalloc COMMAND *' help
helps 'Usage: dispatchalloc run *
Usage: dispatchalloc status *' help run status
for command in list info explain verify run status compare doctor fail-each symbolize help; do
    helps "Usage: dispatchalloc $command *" $command help
    helps "Usage: dispatchalloc $command *" help $command
    helps "Usage: dispatchalloc $command *" $command -h
    helps "Usage: dispatchalloc $command *" -h $command
done

# ---- No argument gives orders to the terminal ---------------------------------------------------------
# Controls of ASCII, those from U+0080 on, and what is no UTF-8; other characters are shown.
evil=$(printf 'a\033!31m\302\233b\233c\300\233d\341\200e\355\240\200f\177')
shown='a?!31m??b?c??d??e???f?'
cleans() {
    ask "$@"
    case $err in
    *"$shown"*) ;;
    *) fail "$(printf '%s' "$*" | cat -v): not '$shown', but $(printf '%s' "$err" | cat -v)" ;;
    esac
    [ -z "$(printf '%s' "$err" | tr -d '[:print:]\n')" ] ||
        fail "control characters reach the terminal: $(printf '%s' "$err" | cat -v)"
}
cleans "$evil"
cleans "--$evil"
cleans list "--$evil=$evil"
cleans list "$evil"
cleans run "--$evil" true
cleans run "-b$evil" true
cleans explain "$evil"
cleans explain "fixed-arena:$evil=1"
cleans explain "fixed-arena:capacity=$evil"
cleans verify "--timeout=$evil" system
cleans verify "--capacity=$evil" system
cleans compare -n "$evil" true
ask "$(printf 'gr\303\274n \342\202\254 \360\237\230\200')"
case $err in *"$(printf "'gr\303\274n \342\202\254 \360\237\230\200'")"*) ;; *) fail "UTF-8 is not shown: $err" ;; esac

at_least 180 $asks "mistakes"
finish
