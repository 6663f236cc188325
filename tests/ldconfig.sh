# SPDX-License-Identifier: MIT
# `make install` ends with a library that the loader finds, or says how it is found: ldconfig is
# run for root and where it helps, never below DESTDIR. The ldconfig here is none: it writes down
# what it was asked, and says that it reads one directory of this test's.
set -eu
. "$srcdir/tests/lib.sh"
unset LD_LIBRARY_PATH PKG_CONFIG_PATH || true
mkdir -p "$work/bin" "$work/read" "$work/other"
ln -s read "$work/alias"
cat >"$work/bin/ldconfig" <<END
#!/bin/sh
case "\$*" in
*-N*) printf '%s\n' '$work/read: (from /etc/ld.so.conf:1)' '	libx.so.1 -> libx.so.1.0' ;;
*) echo ldconfig "\$@" >>'$work/asked'; test ! -e '$work/fails' ;;
esac
END
printf '#!/bin/sh\ncat "%s"\n' "$work/user" >"$work/bin/id"
cat >"$work/bin/pkg-config" <<END
#!/bin/sh
case "\$*" in
*pc_path*) echo '$work/read/pkgconfig:$work/alias/pkgconfig' ;;
*) cat '$work/configured' ;;
esac
END
chmod +x "$work/bin/"*
PATH=$work/bin:$PATH
echo 0 >"$work/user"

# loader JOB DIRECTORY: what it says, and after that what ldconfig was asked.
loader() {
    rm -f "$work/asked"
    LDCONFIG=${ldconfig-$work/bin/ldconfig} PKG_CONFIG=pkg-config \
        sh "$srcdir/lib/ldconfig.sh" "$1" "$work/$2" ${3+"$work/$3"} 2>&1 || echo "exit status $?"
    [ ! -e "$work/asked" ] || cat "$work/asked"
}

# ---- Root --------------------------------------------------------------------------------------
for directory in read alias; do
    expect "root, into $directory" " $work/bin/ldconfig
ldconfig" "$(loader refresh $directory)"
    expect "root is advised of nothing in $directory" '' "$(loader advise $directory)"
done
expect 'root, where the loader does not look' '' "$(loader refresh other)"
expect 'a directory that is gone' '' "$(loader refresh gone)"
said=$(loader advise other)
for advice in "LD_LIBRARY_PATH=$work/other" "-rpath,$work/other" 'ld.so.conf.d' \
        "PKG_CONFIG_PATH=$work/other/pkgconfig"; do
    case $said in *"$advice"*) ;; *) fail "no word of $advice: $said" ;; esac
done
echo "$work/elsewhere" >"$work/configured"
mkdir "$work/lib"
case $(loader advise lib include) in
*"configured for $work/elsewhere"*--define-prefix*) ;;
*) fail "no word of another prefix: $(loader advise lib include)" ;;
esac
rm "$work/configured"
[ "$(echo "$said" | wc -l)" -le 6 ] || fail "that is not short: $said"
expect 'who has set both' '' "$(LD_LIBRARY_PATH=/x:$work/other \
    PKG_CONFIG_PATH=$work/other/pkgconfig loader advise other)"
: >"$work/fails"
case $(loader refresh read) in
*'exit status'*) fail "an installation fails for ldconfig" ;;
*'ldconfig failed'*) ;;
*) fail "nothing is said of an ldconfig that fails" ;;
esac
rm "$work/fails"

# ---- An ordinary user ----------------------------------------------------------------------------
echo 1000 >"$work/user"
expect 'a user, into read' '' "$(loader refresh read)"
case $(loader advise read) in
*'ldconfig as root'*) ;;
*) fail "a user is not told of ldconfig: $(loader advise read)" ;;
esac

# ---- No such ldconfig -----------------------------------------------------------------------------
echo 0 >"$work/user"
expect 'without an ldconfig' '' "$(ldconfig='' loader refresh read)"
case $(ldconfig='' loader advise read) in
*ldconfig*) fail "without an ldconfig it is advised: $(ldconfig='' loader advise read)" ;;
*LD_LIBRARY_PATH=*) ;;
*) fail "without an ldconfig nothing is said" ;;
esac
finish
