# SPDX-License-Identifier: MIT
# What the command offers for a word that is being typed, and that each shell makes of it what it
# should.
set -eu
. "$srcdir/tests/lib.sh"
need_tool
umask 022
mkdir "$work/bin" "$work/modules" "$work/files"
modules=$(cd "$work/modules" && pwd -P)
# What is not opened needs no more than its name.
for name in jemalloc mimalloc; do echo >"$modules/$name.so"; done
export DISPATCHALLOC_MODULE_PATH="$modules" LC_ALL=C HOME="$work" TERM=dumb
ln -s "$tool" "$work/bin/dispatchalloc"
PATH=$work/bin:$PATH
completion=$(cd "$srcdir/tools/completion" && pwd -P)
cd "$work/files"
echo >-f
echo >'two words'

# ---- What there is -----------------------------------------------------------------------------
# offers EXPECTED WORD...: the lines for the last WORD.
offers() {
    expected=$1
    shift
    expect "dispatchalloc --complete $*" "$expected" \
        "$("$tool" --complete "$@" 2>&1 | tr '\n' ' ' | sed 's/ $//')"
}
offers 'list info explain verify run status compare doctor fail-each profile symbolize help' ''
offers 'list info explain verify run status compare doctor fail-each profile symbolize help' help ''
offers 'run' help list r
offers verify ve
offers '' nonsense ''
offers --names list --n
offers '--capacity= --case=' verify --ca
offers size_zero verify --case size_z
offers --case=size_zero verify --case=size_z
offers '--backend=' run --b
offers '' doctor --timeout ''
offers '@program' run ''
offers '@program' run -d -b jemalloc ''
offers '@file' run -b jemalloc true ''
offers '@file' compare --runs 3 true --js
offers '@file' fail-each --resume ''
offers '@program' fail-each --every -j 2 ''
offers '--jobs= --json --junit' fail-each --j
offers '@process' status ''
offers '@program' profile ''
offers '@process' profile -p ''
offers '@file' profile -o ''
offers '@file' profile --output=
offers '@file' profile p.raw -
offers '@file' profile diff ''
offers jemalloc profile -b je
offers '@process' status --watch ''
offers '--watch' status --w
offers '@file' status --since ''
offers '@file' symbolize ''
offers jemalloc run -b je
offers --backend=jemalloc compare --backend=je
offers fixed-arena explain fi
offers 'system stats' info s
offers stats+mimalloc verify stats+mi
offers 'split:to=(stats' explain 'split:to=(sta'
offers 'fixed-arena:capacity=' run -b fixed-arena:c
offers 'fixed-arena:huge_pages=default fixed-arena:huge_pages=advise fixed-arena:huge_pages=never' \
    run -b fixed-arena:huge_pages=
offers 'stats+fixed-arena:capacity=1M,prefault=on stats+fixed-arena:capacity=1M,prefault=off' \
    explain stats+fixed-arena:capacity=1M,pre
offers 'arena:limit=1G,chunk=' explain arena:limit=1G,ch
offers 'stats:share=on stats:share=off' explain stats:share=
offers '' explain arena:limit=1G,limit
offers 'stats+fixed-arena:prefault=on,capacity=' explain stats+fixed-arena:prefault=on,c
offers 'stats:print=on+stats:print=on stats:print=on+stats:print=off' explain stats:print=on+stats:print
offers '' explain nonsense:
offers '' explain jemalloc:
# Every command, and every option of its help.
for command in $("$tool" --complete ''); do
    [ "$command" != help ] || continue
    "$tool" $command --help | sed -n 's/^  \{1,5\}\(-[a-z], \)\{0,1\}\(--[a-z-]*=\{0,1\}\).*/\2/p' |
        sort -u >"$work/help"
    "$tool" --complete $command - | sort -u >"$work/offered"
    missing=$(comm -23 "$work/help" "$work/offered")
    [ -z "$missing" ] || fail "not offered for $command: $missing"
done

# ---- bash ----------------------------------------------------------------------------------------
# in_bash LINE EXPECTED: what is put in the place of bash's own last word, which begins at = : or (.
in_bash() {
    got=$(bash --norc -c '
        . "$1"
        compopt() { :; }
        line=$2
        [[ $2 == *[\"\'\'']* ]] || line=$(sed "s/[:=(]/ & /g" <<<"$2")
        read -ra COMP_WORDS <<<"$line"
        [[ $2 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMP_LINE=$2 COMP_POINT=${#2}
        _dispatchalloc
        IFS=,
        echo "${COMPREPLY[*]}"' completion "$completion/dispatchalloc" "$1") || got="status $?"
    like "bash, '$1'" "$2" "$got"
}
if command -v bash >/dev/null 2>&1; then
    in_bash 'dispatchalloc ve' verify
    in_bash 'dispatchalloc run -b je' jemalloc
    in_bash 'dispatchalloc run --backend=je' jemalloc
    in_bash 'dispatchalloc run -b fixed-arena:c' capacity=
    in_bash 'dispatchalloc run -b fixed-arena:huge_pages=ne' never
    in_bash 'dispatchalloc run -b fixed-arena:huge_pages=' default,advise,never
    in_bash 'dispatchalloc run -b fixed-arena:' 'capacity=,*'
    in_bash 'dispatchalloc run -b fixed-arena:capacity=1M,pre' '1M,prefault=on,1M,prefault=off'
    in_bash 'dispatchalloc verify stats+mi' stats+mimalloc
    in_bash "dispatchalloc explain 'stats:print=on+mi" stats:print=on+mimalloc
    in_bash "dispatchalloc explain 'split:to=(sta" 'split:to=(stats'
    in_bash 'dispatchalloc run -b system cat tw' 'two words'
    in_bash 'dispatchalloc run cat -' -f
    in_bash "dispatchalloc run --backend=system -c -- cat --to=$work/files/two" "$work/files/two words"
    in_bash 'dispatchalloc run bas' '*bash*'
    ! command -v ps >/dev/null 2>&1 || in_bash "dispatchalloc status $$" "*$$*"
    in_bash 'dispatchalloc verify two' ''
else
    echo "there is no bash: not tested"
fi

# ---- zsh -----------------------------------------------------------------------------------------
# in_zsh LINE EXPECTED: the line after a tab.
in_zsh() {
    got=$(timeout 60 zsh -f -c '
        zmodload zsh/zpty
        zpty -b shell zsh -f
        answer() { zpty -r -m shell line "*$1*"; }
        zpty -w shell "PS1= PS2=; stty -echo; unsetopt zle_bracketed_paste; fpath=($1 \$fpath)
            autoload -Uz compinit; compinit -u -D
            show() { print -r -- \"<\$LBUFFER>\"; zle kill-buffer; zle send-break }; zle -N show
            bindkey ^X show; echo re\"\"ady"
        answer ready
        zpty -w -n shell "$2"$'\''\t\x18'\''
        answer "<*>"
        print -r -- "$line"' completion "$completion" "$1" 2>&1 | sed -n 's/.*<\(.*\)>.*/\1/p') || got="status $?"
    expect "zsh, '$1'" "$2" "$got"
}
if command -v zsh >/dev/null 2>&1; then
    quietly zsh -n "$completion/_dispatchalloc" || fail "zsh -n"
    if zsh -f -c 'zmodload zsh/zpty && autoload +X -U compinit' 2>/dev/null; then
        in_zsh 'dispatchalloc ve' 'dispatchalloc verify '
        in_zsh 'dispatchalloc run -b je' 'dispatchalloc run -b jemalloc '
        in_zsh 'dispatchalloc run --backend=fixed-arena:ca' 'dispatchalloc run --backend=fixed-arena:capacity='
        in_zsh 'dispatchalloc run -b fixed-arena:huge_pages=ne' 'dispatchalloc run -b fixed-arena:huge_pages=never '
        in_zsh "dispatchalloc explain 'split:to=(sta" "dispatchalloc explain 'split:to=(stats' "
        in_zsh 'dispatchalloc run -b system cat tw' 'dispatchalloc run -b system cat two\ words '
    fi
else
    echo "there is no zsh: not tested"
fi

# ---- fish ----------------------------------------------------------------------------------------
# in_fish LINE EXPECTED
in_fish() {
    got=$(timeout 60 fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
        "$completion/dispatchalloc.fish" "$1" 2>&1 | cut -f 1 | tr '\n' ' ' | sed 's/ $//')
    like "fish, '$1'" "$2" "$got"
}
if fish --no-config -c true >/dev/null 2>&1; then
    quietly fish --no-execute "$completion/dispatchalloc.fish" || fail "fish --no-execute"
    in_fish 'dispatchalloc ve' verify
    in_fish 'dispatchalloc run -b je' jemalloc
    in_fish 'dispatchalloc run --backend=fixed-arena:ca' --backend=fixed-arena:capacity=
    in_fish 'dispatchalloc run -b fixed-arena:huge_pages=ne' fixed-arena:huge_pages=never
    in_fish "dispatchalloc explain 'split:to=(sta" '*split:to=(stats'
    in_fish 'dispatchalloc run -b system cat tw' 'two*words'
    in_fish 'dispatchalloc run fis' '*fish*'
    in_fish 'dispatchalloc status 1' '*1*'
else
    echo "there is no fish that takes --no-config: not tested"
fi
finish
