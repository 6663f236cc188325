# SPDX-License-Identifier: MIT
# CPython with threads; small objects by malloc as well.
. "$srcdir/tests/programs/lib.sh"
need python3
cat >threads.py <<'END'
import hashlib, json, re, sqlite3, sys, threading, zlib
rounds = int(sys.argv[1])
results = [None] * 4

def work(at):
    digest = hashlib.sha256()
    kept = {}
    for i in range(rounds):
        text = json.dumps({"n": [j * at for j in range(i % 40)], "s": "x" * (i % 3000)})
        kept[i % 97] = re.sub("[0-4]", "ab", text)
        digest.update(zlib.decompress(zlib.compress(kept[i % 97].encode())))
    table = sqlite3.connect(":memory:")
    table.execute("create table t(a, b)")
    table.executemany("insert into t values(?, ?)", list(kept.items()))
    for row in table.execute("select a, length(b) from t order by b, a"):
        digest.update(repr(row).encode())
    results[at] = digest.hexdigest()

for generation in range(3):
    threads = [threading.Thread(target=work, args=(at,)) for at in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(results)
END
# The program itself: what is in PATH may be a script of a version manager.
python=$(python3 -c 'import sys; print(sys.executable)')
run "$python" threads.py "$(amount 120 2500)"
PYTHONMALLOC=malloc run "$python" threads.py "$(amount 60 1000)"
