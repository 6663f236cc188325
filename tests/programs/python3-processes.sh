# SPDX-License-Identifier: MIT
# CPython's multiprocessing: forks of a threaded process, a pool, queues, spawned ones.
. "$srcdir/tests/programs/lib.sh"
need python3
cat >processes.py <<'END'
import multiprocessing, subprocess, sys, threading

def square(number):
    return sum(i * i for i in [number] * 50), str(number) * 20

def feed(queue, count):
    for i in range(count):
        queue.put(bytes(i % 500) * 10)
    queue.put(None)

def main(count):
    stop = threading.Event()
    def churn():
        while not stop.is_set():
            [bytearray(i * 10) for i in range(200)]
    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for method in "fork", "spawn":
            context = multiprocessing.get_context(method)
            with context.Pool(3) as pool:
                print(method, hash(tuple(pool.map(square, range(count)))) != 0,
                      sum(pair[0] for pair in pool.map(square, range(count), 7)))
                pool.close()
                pool.join()
        queue = multiprocessing.get_context("fork").Queue()
        child = multiprocessing.get_context("fork").Process(target=feed, args=(queue, count))
        child.start()
        print(sum(len(item) for item in iter(queue.get, None)))
        child.join()
        print(child.exitcode, subprocess.run(["sh", "-c", "echo from $1", "sh", "a child"],
                                             capture_output=True).stdout)
    finally:
        stop.set()
        thread.join()

if __name__ == "__main__":
    main(int(sys.argv[1]))
END
python=$(python3 -c 'import sys; print(sys.executable)')
run "$python" processes.py "$(amount 50 20000)"
