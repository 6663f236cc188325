# SPDX-License-Identifier: MIT
# Node.js: V8 beside the malloc family, buffers, compression, worker threads, a child.
. "$srcdir/tests/programs/lib.sh"
need node
cat >load.js <<'END'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { createHash } = require('crypto');
const { execFileSync } = require('child_process');
const zlib = require('zlib');

function work(rounds, seed) {
  const hash = createHash('sha256');
  const kept = new Map();
  for (let i = 0; i < rounds; i++) {
    const bytes = Buffer.alloc((i * 7919 + seed) % 20000, i % 251);
    kept.set(i % 61, bytes);
    hash.update(zlib.gunzipSync(zlib.gzipSync(bytes)));
    hash.update(JSON.stringify({ i, list: Array.from({ length: i % 50 }, (_, n) => n * seed) }));
  }
  return hash.digest('hex');
}

if (isMainThread) {
  const rounds = Number(process.argv[2]);
  console.log(work(rounds, 1));
  console.log(execFileSync('echo', ['from a child']).toString().trim());
  const results = [2, 3].map(seed => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { rounds, seed } });
    worker.once('message', resolve);
    worker.once('error', reject);
  }));
  Promise.all(results).then(all => console.log(all.join('\n')));
} else {
  parentPort.postMessage(work(workerData.rounds, workerData.seed));
}
END
run node load.js "$(amount 60 3000)"
