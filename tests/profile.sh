# SPDX-License-Identifier: MIT
# The layer profile under the malloc family of unmodified programs: what plug-ins have allocated keeps
# their names, programs with threads and children run as ever, and a child has a file of its own.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "the reader is linked with what is installed"
# shellcheck disable=SC2086
$CC $CFLAGS $include "$srcdir/tests/profile/read.c" -o "$work/read" $shared
$CC $CFLAGS "$srcdir/tests/profile/plugins.c" -o "$work/plugins" -ldl
for name in one two; do
    $CC $CFLAGS -shared -fPIC -Wl,--build-id "$srcdir/tests/profile/plugin.c" -o "$work/$name.so" \
        "-Wl,-soname,$name"
done

# total KEY FILE
total() { "$work/read" "$2" | awk -v key="$1" '$1 == key { print $2 }'; }

# ---- Plug-ins that are closed again --------------------------------------------------------------
for every in 1 32K; do
    timeout 60 "$tool" run -b "profile:every=$every,file=$work/plug.$every" "$work/plugins" \
        "$work/one.so" "$work/two.so" "$work/one.so" >/dev/null
    "$work/read" "$work/plug.$every" >"$work/said"
    [ "$every" != 1 ] || for name in one:155554 two:77777; do
        expect "bytes of ${name%:*}.so" "${name#*:}" \
            "$(awk -v name="/${name%:*}.so" 'index($5, name) { sum += $2 } END { print sum }' "$work/said")"
    done
    # (Of 77777 bytes one in eleven is not sampled.)
    grep -q '/one\.so\|/two\.so' "$work/said" || fail "no plug-in has a name: $(cat "$work/said")"
    expect "lost with every=$every" "0 0 0" \
        "$(echo $(awk '/^lost/ { print $2 }' "$work/said"))"
done

# Another build in the place of the first, at the same addresses: each has a site of its own.
for bytes in 1111 2222; do
    $CC $CFLAGS -shared -fPIC -Wl,--build-id -DBYTES=$bytes "$srcdir/tests/profile/plugin.c" -o "$work/$bytes.so"
done
timeout 60 "$tool" run -b "profile:every=1,file=$work/plug.builds" "$work/plugins" \
    "$work/1111.so" "$work/2222.so=$work/1111.so" >/dev/null
expect 'two builds of a plug-in' '1111 2222' \
    "$(echo $("$work/read" "$work/plug.builds" | awk '$1 == "site" && ($2 == 1111 || $2 == 2222) && index($5, "/1111.so") { print $2 }' | sort))"

# ---- Requests that nobody can serve ----------------------------------------------------------------
cat >"$work/huge.c" <<'END'
#include <stdint.h>
#include <stdlib.h>

int main(void)
{
    volatile size_t sizes[] = {-(size_t)0x80000000, SIZE_MAX, SIZE_MAX / 2 + 1};
    void *volatile block = NULL;

    for (int i = 0; i < 3; i++) {
        if (malloc(sizes[i]) || calloc(sizes[i], 1) || realloc(block, sizes[i]) ||
            aligned_alloc(64, sizes[i] & ~(size_t)63))
            return 1;
        for (int j = 0; j < 1000; j++)
            free(block = malloc(10));
        block = NULL;
    }
    return 0;
}
END
$CC $CFLAGS -w "$work/huge.c" -o "$work/huge"
"$tool" run -b "profile:every=1,file=$work/huge.raw" "$work/huge" || fail "huge: status $?"
blocks=$(total allocated_blocks "$work/huge.raw")
[ "$blocks" -ge 3000 ] || fail "$blocks of 3000 blocks are seen behind refused requests"

# ---- Programs --------------------------------------------------------------------------------------
cat >"$work/program.c" <<'END'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *unused)
{
    for (int i = 0; i < 3000; i++) {
        char *block = malloc(100);

        block = realloc(block, 100000);
        memset(block, 1, 100000);
        free(realloc(block, 50));
        free(calloc(10, 30));
    }
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    int status = 0;
    char *kept = malloc(123456);

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    if (fork() == 0) {
        work(NULL);
        _exit(kept[0] != 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wait(&status);
    return status != 0;
}
END
$CC $CFLAGS -w "$work/program.c" -o "$work/program" -lpthread
for backend in system arena; do
    for every in 1 512K; do
        rm -f "$work"/file.*
        timeout 60 "$tool" run -b "profile:every=$every,file=$work/file.%p+$backend" "$work/program" ||
            fail "every=$every+$backend: status $?"
        expect "files with every=$every+$backend" 2 "$(ls "$work"/file.* | wc -l)"
        [ "$every" = 512K ] || for file in "$work"/file.*; do
            live=$(total live_bytes "$file")
            [ "$live" -ge 123456 ] && [ "$live" -lt 400000 ] ||
                fail "$live bytes are live with every=$every+$backend"
        done
    done
done

# ---- Threads that begin while the file is made ---------------------------------------------------
# 8 of them allocate 40 MB each, in blocks of 100 bytes: of 20000 samples a sum is 0.7 % off.
cat >"$work/threads.c" <<'END'
#include <pthread.h>
#include <stdlib.h>

static void *work(void *unused)
{
    for (int i = 0; i < 400000; i++)
        free(malloc(100));
    return unused;
}

int main(void)
{
    pthread_t threads[8];

    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
END
$CC -O1 -fno-builtin -w "$work/threads.c" -o "$work/threads" -lpthread
timeout 60 "$tool" run -b "profile:every=16K,file=$work/threads.raw" "$work/threads" || fail "threads: $?"
allocated=$(total allocated_bytes "$work/threads.raw")
[ "$allocated" -gt 310000000 ] && [ "$allocated" -lt 330000000 ] ||
    fail "8 threads have allocated 320000000 bytes, and not $allocated"
finish
