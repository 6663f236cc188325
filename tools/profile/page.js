// SPDX-License-Identifier: MIT
// What the page shows of a profile. First what needs no page, which the tests run by itself; then
// the page. The data is what html.c writes: a tree by columns, each node behind its parent.
'use strict';

const MEASURES = [
  ['bytes at the peak', 'bytes'], ['blocks at the peak', 'blocks'],
  ['bytes live at the end', 'bytes'], ['blocks live at the end', 'blocks'],
  ['bytes allocated in all', 'bytes'], ['blocks allocated in all', 'blocks'],
  ['temporary blocks', 'blocks'],
];
const PEAK_BYTES = 0, LIVE_BYTES = 2, LIVE_BLOCKS = 3, ALLOCATED_BYTES = 4, ALLOCATED_BLOCKS = 5;
const TEMPORARY = 6;
// Of data.values: a node, the frame that is the place of what ends there, and its values.
const VALUES = 2, STRIDE = MEASURES.length + VALUES;

// ---- The tree ----------------------------------------------------------------------------------

// Where the parent of each node is, how deep it is, and where the nodes below it end.
function makeTree(data) {
  const count = data.parents.length;
  const parent = new Int32Array(count), depth = new Int32Array(count), end = new Int32Array(count);

  for (let i = 1; i < count; i++) {
    parent[i] = i - data.parents[i];
    depth[i] = depth[parent[i]] + 1;
  }
  for (let i = count - 1; i > 0; i--) {
    end[i] = Math.max(end[i], i + 1);
    end[parent[i]] = Math.max(end[parent[i]], end[i]);
  }
  end[0] = count;
  return { count, parent, depth, end, frame: Int32Array.from(data.nodes) };
}

// A measure of each node with all below it.
function totalsOf(tree, data, measure) {
  const totals = new Float64Array(tree.count);

  for (let i = 0; i < data.values.length; i += STRIDE)
    totals[data.values[i]] += data.values[i + VALUES + measure];
  for (let i = tree.count - 1; i > 0; i--)
    totals[tree.parent[i]] += totals[i];
  return totals;
}

// The rectangles to draw when a node fills the width: those above it do as well, and what would be
// narrower than least is left out with all below it.
function layout(tree, totals, zoomed, width, least) {
  const above = [], boxes = [], next = new Map();
  const scale = totals[zoomed] > 0 ? width / totals[zoomed] : 0;

  for (let node = zoomed; node !== 0; node = tree.parent[node])
    above.unshift({ node: tree.parent[node], x: 0, width });
  boxes.push(...above, { node: zoomed, x: 0, width });
  next.set(zoomed, 0);
  for (let i = zoomed + 1; i < tree.end[zoomed];) {
    const wide = totals[i] * scale, x = next.get(tree.parent[i]);

    next.set(tree.parent[i], x + wide);
    if (wide >= least) {
      next.set(i, x);
      boxes.push({ node: i, x, width: wide });
    }
    i = wide >= least ? i + 1 : tree.end[i];
  }
  return boxes;
}

// Frames with a text in their names or files, and how much of the whole is below such.
function search(tree, totals, data, text) {
  const wanted = text.toLowerCase();
  const matches = Uint8Array.from(data.frames, frame =>
    wanted !== '' && describe(data, frame).toLowerCase().includes(wanted) ? 1 : 0);
  let sum = 0;

  for (let i = 1; wanted !== '' && i < tree.count;) {
    const isFound = matches[tree.frame[i]] === 1;

    sum += isFound ? totals[i] : 0;
    i = isFound ? tree.end[i] : i + 1; // what is below is counted with it
  }
  return { matches, sum };
}

// By function and line who allocated: [place, name, measured, blocks], most first.
function placesOf(data, measure, blocks) {
  const places = new Map();

  for (let i = 0; i < data.values.length; i += STRIDE) {
    const value = data.values[i + VALUES + measure], frame = data.frames[data.values[i + 1]] || null;
    const key = describe(data, frame);
    const row = places.get(key) || [key, nameOf(data, frame), 0, 0];

    row[2] += value;
    row[3] += data.values[i + VALUES + blocks];
    if (value > 0)
      places.set(key, row);
  }
  return [...places.values()].sort((a, b) => b[2] - a[2]);
}

// The highest point of each column of pixels, -1 where there is none.
function columnsOf(points, duration, width) {
  const columns = new Float64Array(width).fill(-1);

  for (const [time, bytes] of points) {
    const at = Math.min(width - 1, Math.floor(time / Math.max(duration, 1) * width));

    columns[at] = Math.max(columns[at], bytes);
  }
  return columns;
}

// The box to go to from a node by an arrow key.
function neighbour(tree, boxes, node, key) {
  const row = boxes.filter(box => tree.depth[box.node] === tree.depth[node]);
  const at = row.findIndex(box => box.node === node);
  const below = boxes.filter(box => box.node !== 0 && tree.parent[box.node] === node);
  const widest = below.reduce((best, box) => !best || box.width > best.width ? box : best, null);

  switch (key) {
  case 'ArrowUp': return tree.parent[node];
  case 'ArrowDown': return widest ? widest.node : node;
  case 'ArrowLeft': return row[Math.max(at - 1, 0)].node;
  case 'ArrowRight': return row[Math.min(at + 1, row.length - 1)].node;
  default: return node;
  }
}

// ---- Words -------------------------------------------------------------------------------------

function nameOf(data, frame) {
  if (frame === null)
    return '??';
  return typeof frame[0] === 'string' ? frame[0] : data.texts[frame[0]];
}

function describe(data, frame) {
  const file = frame === null ? '' : data.texts[frame[1]];

  return nameOf(data, frame) + (file ? ' ' + file + (frame[2] ? ':' + frame[2] : '') : '');
}

function inBytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;

  for (; bytes >= 1023.95 && unit < units.length - 1; unit++)
    bytes /= 1024;
  return (unit ? bytes.toFixed(1) : Math.round(bytes)) + ' ' + units[unit];
}

function inUnit(value, unit) {
  return unit === 'bytes' ? inBytes(value) : value.toLocaleString('en') + (value === 1 ? ' block' : ' blocks');
}

function share(part, whole) {
  return (whole > 0 ? 100 * part / whole : 0).toFixed(1) + '%';
}

function inSeconds(nanoseconds) {
  return (nanoseconds / 1e9).toFixed(3) + ' s';
}

// ---- The page ----------------------------------------------------------------------------------

const ROW = 18, ROWS_SHOWN = 100;
const CANVAS_MOST = 16000; // pixels of its height that every browser has

const byId = id => document.getElementById(id);
const kept = new Map(); // totals that were asked for
let data, tree;
const page = { measure: PEAK_BYTES, zoomed: 0, focused: 0, boxes: [], found: null, ink: '' };

function totals() {
  if (!kept.has(page.measure))
    kept.set(page.measure, totalsOf(tree, data, page.measure));
  return kept.get(page.measure);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name);
}

// A canvas of so many pixels of the page; those of the screen may be smaller.
function openCanvas(canvas, height) {
  const width = Math.max(canvas.clientWidth, 100);
  const ratio = Math.min(window.devicePixelRatio || 1, CANVAS_MOST / height);
  const pen = canvas.getContext('2d');

  canvas.width = Math.floor(width * ratio);
  canvas.height = Math.floor(height * ratio);
  canvas.style.height = height + 'px';
  pen.scale(canvas.width / width, ratio);
  pen.font = '12px ui-monospace, monospace';
  return { pen, width };
}

// ---- Memory over time ---------------------------------------------------------------------------

function drawTime() {
  const height = 160, base = height - 20, { pen, width } = openCanvas(byId('time'), height);
  const columns = columnsOf(data.points, data.duration, width);
  const most = Math.max(totalsAt(PEAK_BYTES), columns.reduce((a, b) => Math.max(a, b), 1));
  const heightOf = bytes => base - bytes / most * (base - 20);
  const peak = Math.min(data.peak / Math.max(data.duration, 1), 1) * width;
  let last = 0;

  pen.fillStyle = colour('area');
  columns.forEach((bytes, x) => {
    last = bytes < 0 ? last : bytes;
    pen.fillRect(x, heightOf(last), 1, base - heightOf(last));
  });
  pen.fillStyle = colour('mark');
  pen.fillRect(peak, 16, 1, base - 16);
  pen.textAlign = peak > width / 2 ? 'right' : 'left';
  pen.fillText('peak ' + inBytes(totalsAt(PEAK_BYTES)) + ', ' + inSeconds(data.peak),
    peak + (peak > width / 2 ? -4 : 4), 14);
  pen.fillStyle = colour('faint');
  pen.textAlign = 'left';
  pen.fillText('0 s', 0, height - 5);
  pen.textAlign = 'right';
  pen.fillText(inSeconds(data.duration), width, height - 5);
}

// ---- The flame graph ----------------------------------------------------------------------------

function totalsAt(measure) {
  let sum = 0;

  for (let i = 0; i < data.values.length; i += STRIDE)
    sum += data.values[i + VALUES + measure];
  return sum;
}

function labelOf(node) {
  return node === 0 ? 'all' : nameOf(data, data.frames[tree.frame[node]]);
}

// Warm, and the same for a function wherever it stands.
function fillOf(node, isDark) {
  const frame = data.frames[tree.frame[node]];
  const isFound = page.found && node !== 0 && page.found.matches[tree.frame[node]];
  let hash = 0;

  if (isFound)
    return isDark ? 'hsl(290,60%,45%)' : 'hsl(290,80%,75%)';
  for (const letter of labelOf(node).slice(0, 40))
    hash = (hash * 31 + letter.codePointAt(0)) % 1009;
  return 'hsl(' + (node === 0 || !frame ? 40 : 15 + hash % 32) + ',' + (isDark ? '45%,32%)' : '80%,72%)');
}

function drawBox(pen, box, letter, isDark) {
  const y = tree.depth[box.node] * ROW, room = Math.floor((box.width - 6) / letter);

  pen.fillStyle = fillOf(box.node, isDark);
  pen.fillRect(box.x, y, Math.max(box.width - 0.5, 0.5), ROW - 1);
  if (room >= 3) {
    const label = labelOf(box.node);

    pen.fillStyle = page.ink;
    pen.fillText(label.length > room ? label.slice(0, room - 1) + '…' : label, box.x + 3, y + 13);
  }
  if (box.node === page.focused) {
    pen.strokeStyle = page.ink;
    pen.lineWidth = 2;
    pen.strokeRect(box.x + 1, y + 1, Math.max(box.width - 2.5, 1), ROW - 3);
  }
}

function drawFlame() {
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches, canvas = byId('flame');

  page.boxes = layout(tree, totals(), page.zoomed, Math.max(canvas.clientWidth, 100), 0.5);
  const rows = page.boxes.reduce((most, box) => Math.max(most, tree.depth[box.node]), 0) + 1;
  const { pen } = openCanvas(canvas, rows * ROW), letter = pen.measureText('m').width;

  page.ink = colour('text'); // once, and not for each box
  for (const box of page.boxes)
    drawBox(pen, box, letter, isDark);
}

function tell(node) {
  const unit = MEASURES[page.measure][1], sum = totals()[node];
  const words = node === 0 ? 'all' : describe(data, data.frames[tree.frame[node]]);

  byId('told').textContent = words + ': ' + inUnit(sum, unit) + ', ' + share(sum, totals()[0]);
}

function zoom(node) {
  page.zoomed = page.focused = node;
  drawFlame();
  tell(node);
}

function find() {
  const text = byId('search').value;

  page.found = text ? search(tree, totals(), data, text) : null;
  byId('found').textContent = page.found
    ? share(page.found.sum, totals()[0]) + ' of ' + MEASURES[page.measure][0] : '';
  drawFlame();
}

function boxAt(event) {
  const row = Math.floor(event.offsetY / ROW);

  return page.boxes.find(box => tree.depth[box.node] === row && event.offsetX >= box.x &&
    event.offsetX < box.x + box.width);
}

function press(event) {
  if (event.key === 'Enter' || event.key === ' ')
    zoom(page.focused);
  else if (event.key === 'Escape')
    zoom(0);
  else if (event.key.startsWith('Arrow'))
    page.focused = neighbour(tree, page.boxes, page.focused, event.key);
  else
    return;
  event.preventDefault();
  drawFlame();
  tell(page.focused);
  showRow(tree.depth[page.focused] * ROW);
}

function showRow(y) {
  const box = byId('box');

  if (y < box.scrollTop || y + ROW > box.scrollTop + box.clientHeight)
    box.scrollTop = y - box.clientHeight / 2;
}

// ---- Tables -------------------------------------------------------------------------------------

function cell(row, kind, text, isNumber) {
  const made = row.appendChild(document.createElement(kind));

  made.textContent = text;
  made.className = isNumber ? 'number' : '';
  return made;
}

function fillTable(id, measure, blocks, heads) {
  const places = placesOf(data, measure, blocks), all = totalsAt(measure);
  const table = document.createElement('table'), head = table.createTHead().insertRow();

  heads.forEach((text, i) => cell(head, 'th', text, i < 3));
  for (const [place, name, value, count] of places.slice(0, ROWS_SHOWN)) {
    const row = table.insertRow();

    cell(row, 'td', MEASURES[measure][1] === 'bytes' ? inBytes(value) : value.toLocaleString('en'), true);
    cell(row, 'td', share(value, all), true);
    cell(row, 'td', count.toLocaleString('en'), true);
    const button = cell(row, 'td', '', false).appendChild(document.createElement('button'));
    button.textContent = place;
    button.onclick = () => showPlace(name);
  }
  byId(id).textContent = places.length === 0 ? 'Nothing.'
    : places.length > ROWS_SHOWN ? 'The first ' + ROWS_SHOWN + ' of ' + places.length + ' places.' : '';
  if (places.length > 0)
    byId(id).appendChild(table);
}

function showPlace(name) {
  byId('search').value = name;
  find();
  byId('flame').scrollIntoView({ block: 'center' });
}

// ---- The start ----------------------------------------------------------------------------------

function summarize() {
  byId('command').textContent = document.title = data.command || 'Heap profile';
  byId('summary').textContent = 'Peak ' + inBytes(totalsAt(PEAK_BYTES)) + ' after ' +
    inSeconds(data.peak) + '; ' + inBytes(totalsAt(LIVE_BYTES)) + ' live at the ' + (data.hasEnd ? 'end' : 'last sample') + ', after ' +
    inSeconds(data.duration) + '; ' + inBytes(totalsAt(ALLOCATED_BYTES)) + ' allocated in ' +
    inUnit(totalsAt(ALLOCATED_BLOCKS), 'blocks') + '.' + (data.interval
      ? ' Estimates, one sample in ' + inBytes(data.interval) + ': these three by ' + data.samples.join(', ') +
        ' samples; of the peak up to about ' + inBytes(data.chance) + ' may be chance.' : '');
  byId('time').setAttribute('aria-label', byId('summary').textContent);
}

function listMeasures() {
  MEASURES.forEach(([name], i) => {
    if (i !== TEMPORARY || data.hasTemporary)
      byId('measure').add(new Option(name, i));
  });
}

function draw() {
  drawTime();
  drawFlame();
}

function listen() {
  byId('measure').onchange = event => {
    page.measure = Number(event.target.value);
    find();
    tell(page.focused);
  };
  byId('search').oninput = find;
  byId('reset').onclick = () => zoom(0);
  byId('flame').onkeydown = press;
  byId('flame').onmousemove = event => tell((boxAt(event) || { node: page.focused }).node);
  byId('flame').onclick = event => zoom((boxAt(event) || { node: page.zoomed }).node);
  document.onkeydown = event => {
    if (event.key !== '/' || /^(INPUT|SELECT)$/.test(event.target.tagName))
      return;
    event.preventDefault();
    byId('search').focus();
  };
  window.onresize = draw;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}

function start() {
  data = JSON.parse(byId('data').textContent);
  tree = makeTree(data);
  summarize();
  listMeasures();
  listen();
  draw();
  tell(0);
  fillTable('live', LIVE_BYTES, LIVE_BLOCKS, ['bytes', 'share', 'blocks', 'function, file and line']);
  if (data.hasTemporary)
    fillTable('temporary', TEMPORARY, ALLOCATED_BLOCKS, ['blocks', 'share', 'of all', 'function, file and line']);
  else
    byId('temporary').textContent = 'Not known of this profile.';
}

if (typeof document !== 'undefined')
  start();
else
  module.exports = { makeTree, totalsOf, layout, search, placesOf, columnsOf, neighbour, inBytes, describe };
