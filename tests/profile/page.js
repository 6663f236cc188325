// SPDX-License-Identifier: MIT
// What tools/profile/page.js makes of a page's data, without a browser:
//
//   node page.js PAGE small     the page of tests/profile/model
//   node page.js PAGE large     one of many stacks, and how long it takes until it can be drawn
'use strict';
const assert = require('assert');
const fs = require('fs');

const page = fs.readFileSync(process.argv[2], 'utf8');
const begun = performance.now();
const data = JSON.parse(page.split('type="application/json">\n')[1].split('\n</script>')[0]);
const script = page.split('<script>\n')[1].split('</script>')[0];
const made = { exports: {} };
new Function('module', script)(made);
const { makeTree, totalsOf, layout, search, placesOf, columnsOf, neighbour, inBytes, describe } = made.exports;
const PEAK = 0, LIVE = 2, LIVE_BLOCKS = 3, ALLOCATED_BLOCKS = 5, TEMPORARY = 6;

function names(tree, boxes) {
  return boxes.map(box => box.node === 0 ? 'all' : describe(data, data.frames[tree.frame[box.node]]).split(' ')[0]);
}

function small() {
  const tree = makeTree(data), peak = totalsOf(tree, data, PEAK), live = totalsOf(tree, data, LIVE);
  const whole = layout(tree, peak, 0, 900, 0.5);

  // Children within their parents, beside each other, as wide as they are worth.
  for (const box of whole) {
    const above = whole.find(other => other.node === tree.parent[box.node]);

    assert(box.x >= above.x && box.x + box.width <= above.x + above.width + 1e-6);
    assert(Math.abs(box.width - peak[box.node] / 10) < 1e-6, 'the model has 9000 bytes at its peak');
  }
  assert.strictEqual(peak[0], 9000);
  assert.strictEqual(live[0], 1500);
  const innermost = whole.find((box, i) => names(tree, whole)[i] === 'inner');
  assert.strictEqual(innermost.width, 800);

  // Zoomed: what is above is as wide, what is beside is gone.
  const zoomed = layout(tree, peak, innermost.node, 900, 0.5);
  assert.deepStrictEqual(names(tree, zoomed), ['all', 'main', 'grow', 'inner']);
  assert(zoomed.every(box => box.x === 0 && box.width === 900));
  assert.strictEqual(layout(tree, live, 0, 900, 700).length, 2, 'what is narrow is left out');
  assert.strictEqual(layout(tree, new Float64Array(tree.count), 0, 900, 0.5).length, 1, 'of nothing');

  // What is below what was found is not counted twice.
  assert.strictEqual(search(tree, peak, data, 'MAIN').sum, 9000);
  assert.strictEqual(search(tree, peak, data, 'a.c:12').sum, 8000);
  assert.strictEqual(search(tree, peak, data, 'grow').sum, 8500);
  assert.strictEqual(search(tree, peak, data, 'no such').sum, 0);

  assert.deepStrictEqual(placesOf(data, LIVE, LIVE_BLOCKS).map(row => [row[1], row[2], row[3]]),
    [['inner', 1000, 1], ['grow', 500, 5]]);
  assert.deepStrictEqual(placesOf(data, TEMPORARY, ALLOCATED_BLOCKS).map(row => row.slice(2)), [[100, 100], [2, 10]]);

  const columns = columnsOf(data.points, data.duration, 5);
  assert.deepStrictEqual([...columns], [0, 3000, 9000, -1, 1500]);

  assert.strictEqual(neighbour(tree, zoomed, innermost.node, 'ArrowUp'), tree.parent[innermost.node]);
  assert.strictEqual(neighbour(tree, zoomed, tree.parent[innermost.node], 'ArrowDown'), innermost.node);
  assert.strictEqual(neighbour(tree, whole, 0, 'ArrowUp'), 0);
  assert.strictEqual(neighbour(tree, whole, 0, 'ArrowLeft'), 0);
  const row = whole.filter(box => tree.depth[box.node] === 2).map(box => box.node);
  assert(row.length > 1);
  assert.strictEqual(neighbour(tree, whole, row[0], 'ArrowRight'), row[1]);
  assert.strictEqual(neighbour(tree, whole, row[1], 'ArrowLeft'), row[0]);

  assert.deepStrictEqual([0, 1023, 1024, 1048575, 1.5 * 1048576].map(inBytes),
    ['0 B', '1023 B', '1.0 KiB', '1.0 MiB', '1.5 MiB']);
}

function large() {
  const tree = makeTree(data), boxes = layout(tree, totalsOf(tree, data, PEAK), 0, 1400, 0.5);

  placesOf(data, LIVE, LIVE_BLOCKS);
  placesOf(data, TEMPORARY, ALLOCATED_BLOCKS);
  console.log(`${data.values.length / 9} stacks, ${tree.count} nodes, ${boxes.length} boxes: ` +
    `${Math.round(performance.now() - begun)} ms`);
}

(process.argv[3] === 'large' ? large : small)();
