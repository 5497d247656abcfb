// The document as expressions read it: compositions, layers and properties, each parsed when it is first asked for.

const MOST_DEPTH = 200; // properties that wait for each other's values
const MOST_KEPT = 4096; // values of other moments that a property keeps
const SAMPLES = 150; // of a curved way between two keyframes, as many as the reference player takes
const CYCLE_FREE = 1e9;

let rate = 30; // frames a second
let now = 0; // the moment that is evaluated, in seconds
let varied = false; // whether what is being evaluated has read something that changes with time
let depth = 0; // of properties that wait for each other
let cycle = CYCLE_FREE; // the outermost of them that was read by itself
let running = null; // the property whose expression runs
let latest = null; // the one that began last
const PROP = Symbol('property'), SELF = Symbol('self');
const seconds = () => { varied = true; return now; };
const atMoment = (moment, work) => {
  const before = now;
  now = moment;
  try { return work(); } finally { now = before; }
};

class Comp {
  constructor(data, index) {
    Object.assign(this, { data, index, layers: [], byName: new Map(), times: null, targets: [] });
  }
  layerNamed(name) { return this.byName.get(name); }
  // A layer by its number: as the document numbers it, else by its place.
  layerAt(number) { return this.layers.find(layer => layer.data.ind === number) ?? this.layers[number - 1]; }
}

class Layer {
  constructor(data, comp, place) {
    Object.assign(this, { data, comp, place, held: undefined, transforms: new Map(), face: undefined });
    this.matrixAt = { time: NaN, matrix: null, still: null };
  }
  // The layer's own part of the document.
  get body() { return (this.held ??= JSON.parse(blobs[this.data.blob])); }
  get parent() { return this.data.parent === undefined || this.data.parent === null ? undefined : this.comp.layers.find(one => one.data.ind === this.data.parent && one !== this); }
  transform(name) {
    let found = this.transforms.get(name);
    if (found) return found;
    const ks = isObject(this.body.ks) ? this.body.ks : {};
    if (name === 'p' && isObject(ks.p) && (ks.p.s === true || isObject(ks.p.x))) found = new Split(ks.p, this, [ks]);
    else if (name === 'p.x' || name === 'p.y') {
      const axis = name[2];
      found = isObject(ks.p) && isObject(ks.p[axis]) ? propOf(ks.p, axis, this, [ks], 0) : new Axis(this, axis === 'x' ? 0 : 1);
    } else found = propOf(ks, name === 'r' && !isObject(ks.r) && isObject(ks.rz) ? 'rz' : name, this, [ks], TRANSFORM[name]);
    if (!this.data.ddd && (name === 'p' || name === 'a' || name === 's')) found.flat = true;
    this.transforms.set(name, found);
    return found;
  }
}
const TRANSFORM = { a: [0, 0], p: [0, 0], s: [100, 100], r: 0, o: 100, sk: 0, sa: 0, rx: 0, ry: 0, or: [0, 0, 0] };
const isObject = v => typeof v === 'object' && v !== null && !isList(v);

// The property under a name of a node; there is one object for each.
function propOf(owner, name, layer, chain, fallback) {
  let node = owner[name];
  if (!isObject(node)) node = owner[name] = { k: node === undefined || node === null ? fallback : node };
  return (node[PROP] ??= new Prop(node, layer, chain, fallback, name));
}

class Prop {
  constructor(node, layer, chain, fallback, key) {
    this.node = node, this.layer = layer, this.chain = chain, this.x = typeof node.x === 'string' ? node.x : '', this.key = key;
    this.flat = false, this.memo = undefined, this.memoTime = NaN, this.other = null, this.still = undefined;
    this.busy = 0, this.scope = null, this.code = null, this.dead = '', this.name = '';
    this.at = 0, this.fixed = undefined, this.keys = null, this.chance = undefined, this.posterized = 0, this.told = false;
    const k = node.k;
    if (isList(k) && isObject(k[0])) this.keys = keyframes(k);
    if (this.keys && !this.keys.length) this.keys = null;
    const sample = (this.sample = this.keys ? this.keys[0].v : k);
    if (isList(sample) && isObject(sample[0]) && isList(sample[0].v)) this.kind = 'path';
    else if (isList(sample)) this.kind = sample.length === 1 && !isList(fallback) ? 'number' : 'vector';
    else if (isObject(sample)) this.kind = isList(sample.v) ? 'path' : typeof sample.t === 'string' ? 'text' : 'none';
    else this.kind = typeof sample === 'number' ? 'number' : 'none';
    if (this.kind === 'vector' && !(sample.length > 0)) this.kind = 'none';
    if (this.kind === 'none') { this.keys = null, this.sample = fallback; this.kind = isList(fallback) ? 'vector' : typeof fallback === 'number' ? 'number' : 'none'; this.fixed = fallback; }
    else if (this.keys) for (const key of this.keys) { key.v = this.shaped(key.v); key.e = this.shaped(key.e); }
    else this.fixed = this.shaped(k);
  }
  // A value as it stands in the document, in the form in which it is computed with.
  shaped(v) {
    if (v === undefined) return v;
    if (this.kind === 'number') return Number(isList(v) ? v[0] : v) || 0;
    if (this.kind === 'vector') return isList(v) ? v.map(x => Number(x) || 0) : [Number(v) || 0];
    return isList(v) ? v[0] : v;
  }
  get moving() { return this.keys !== null && this.keys.length > 1; }
  // The value by keyframes alone, at a frame.
  base(frame) {
    const keys = this.keys;
    if (keys === null) return this.flat ? flattened(this.fixed) : this.fixed;
    if (keys.length > 1) varied = true;
    const v = this.between(keys, frame);
    return this.flat ? flattened(v) : v;
  }
  between(keys, frame) {
    const last = keys.length - 1;
    if (frame <= keys[0].t || last === 0) return keys[0].v;
    if (frame >= keys[last].t) return keys[last].v;
    let n = this.at;
    if (frame < keys[n].t || n >= last) n = 0;
    while (frame >= keys[n + 1].t) n++;
    this.at = n;
    const a = keys[n], b = keys[n + 1], to = a.e ?? b.v;
    if (a.hold || this.kind === 'text') return a.v;
    const part = (frame - a.t) / (b.t - a.t);
    if (this.kind === 'number') return a.v + (to - a.v) * eased(a, 0, part);
    if (this.kind === 'path') return blend(a.v, to, eased(a, 0, part));
    if (a.arc === undefined) a.arc = arcOf(a, to);
    if (a.arc) return along(a.arc, eased(a, 0, part));
    const made = new Array(a.v.length);
    for (let i = 0; i < made.length; i++) made[i] = a.v[i] + ((to[i] ?? a.v[i]) - a.v[i]) * eased(a, i, part);
    return made;
  }
  // The value at a moment, its expression applied.
  valueAt(moment) { return this.x === '' || this.dead !== '' ? this.base(frameOf(moment)) : evaluated(this, moment); }
}

const flattened = v => (isList(v) && v.length > 2 ? v.slice(0, 2) : v);

// A position of two properties, one for each direction.
class Split {
  constructor(node, layer, chain) {
    Object.assign(this, { node, layer, chain, kind: 'vector', x: '', flat: true, dead: '', name: '' });
    this.axes = ['x', 'y', ...(layer.data.ddd ? ['z'] : [])].map(axis => propOf(node, axis, layer, chain, 0));
    this.keys = this.axes[0].keys;
  }
  get moving() { return this.axes.some(axis => axis.moving); }
  base(frame) { return this.axes.map(axis => axis.base(frame)); }
  valueAt(moment) { return this.axes.map(axis => axis.valueAt(moment)); }
}

// One direction of a position that is one property.
class Axis {
  constructor(layer, index) { Object.assign(this, { layer, index, chain: [], kind: 'number', x: '', dead: '', keys: null, name: '', node: {} }); }
  get whole() { return this.layer.transform('p'); }
  get moving() { return this.whole.moving; }
  base(frame) { return this.whole.base(frame)[this.index]; }
  valueAt(moment) { return this.whole.valueAt(moment)[this.index]; }
}

function keyframes(list) {
  const keys = [];
  for (const one of list) {
    if (!isObject(one)) continue;
    const before = keys[keys.length - 1], v = one.s ?? (before && before.e);
    if (v === undefined || v === null) continue;
    keys.push({ t: Number(one.t) || 0, v, e: one.e ?? undefined, hold: one.h === 1 || one.h === true, i: one.i, o: one.o, to: one.to, ti: one.ti, arc: undefined });
  }
  // An end that the next keyframe begins with says nothing new; one that differs is what is drawn.
  return keys;
}
const coordinate = (side, n, fallback) => {
  const found = isList(side) ? side[n] ?? side[0] : side;
  return typeof found === 'number' ? found : fallback;
};
function eased(key, n, part) {
  if (!isObject(key.i) || !isObject(key.o)) return part;
  return bezierEase(coordinate(key.o.x, n, 0), coordinate(key.o.y, n, 0), coordinate(key.i.x, n, 1), coordinate(key.i.y, n, 1), part);
}

function blend(a, b, part) {
  if (part === 0 || !isObject(b) || !isList(b.v) || b.v.length !== a.v.length) return a;
  const lists = (one, other) => (one ?? []).map((p, n) => { const q = other?.[n] ?? p; return [p[0] + (q[0] - p[0]) * part, p[1] + (q[1] - p[1]) * part]; });
  return { v: lists(a.v, b.v), i: lists(a.i, b.i), o: lists(a.o, b.o), c: a.c };
}

// A curved way between two places, in points at even steps of the curve's parameter and the length up to each; null for a straight one.
function arcOf(key, to) {
  const out = isList(key.to) ? key.to : [], into = isList(key.ti) ? key.ti : [];
  if (![...out, ...into].some(x => x)) return null;
  const size = key.v.length, points = [], lengths = [];
  let length = 0;
  for (let n = 0; n <= SAMPLES; n++) {
    const t = n / SAMPLES, u = 1 - t, point = new Array(size);
    for (let i = 0; i < size; i++) {
      const a = key.v[i], d = to[i] ?? a;
      point[i] = u * u * u * a + 3 * u * u * t * (a + (Number(out[i]) || 0)) + 3 * u * t * t * (d + (Number(into[i]) || 0)) + t * t * t * d;
    }
    if (n) { let way = 0; for (let i = 0; i < size; i++) way += (point[i] - points[n - 1][i]) ** 2; length += Math.sqrt(way); }
    points.push(point), lengths.push(length);
  }
  return { points, lengths, length, at: 0 };
}
function along(arc, part) {
  const wanted = arc.length * part, last = arc.points.length - 1;
  if (wanted <= 0) return copy(arc.points[0]);
  if (wanted >= arc.length) return copy(arc.points[last]);
  let n = arc.at;
  if (arc.lengths[n] > wanted) n = 0;
  while (arc.lengths[n + 1] < wanted) n++;
  arc.at = n;
  const way = arc.lengths[n + 1] - arc.lengths[n], inner = way ? (wanted - arc.lengths[n]) / way : 0;
  return arc.points[n].map((x, i) => x + (arc.points[n + 1][i] - x) * inner);
}

// What a property's expression says at a moment. A value is kept where it cannot depend on who asks: not inside a circle of properties.
function evaluated(prop, moment) {
  if (prop.still !== undefined) return prop.still;
  if (prop.memoTime === moment) { varied = true; return prop.memo; }
  if (prop.other !== null) {
    const kept = prop.other.get(keyOfMoment(moment));
    if (kept !== undefined && kept.moment === moment) { varied = true; return kept.value; }
  }
  if (prop.busy) {
    cycle = Math.min(cycle, prop.busy);
    return prop.base(frameOf(moment));
  }
  if (depth >= MOST_DEPTH) throw new Refusal('deep', `more than ${MOST_DEPTH} properties wait for each other`);
  const outer = varied, above = running, before = now, ring = cycle, level = ++depth;
  varied = false, running = latest = prop, now = moment, cycle = CYCLE_FREE, prop.busy = level;
  let value;
  try {
    value = compute(prop, moment);
  } finally {
    depth--, prop.busy = 0, running = above, now = before;
    const circular = cycle <= level;
    if (value !== undefined && !circular) {
      if (!varied) prop.still = value;
      else {
        prop.memoTime = moment, prop.memo = value;
        // Once another property has asked for another moment, it may ask for any of them.
        if (prop.other !== null || (above !== null && moment !== before)) keep(prop, moment, value);
      }
    }
    cycle = Math.min(ring, cycle < level ? cycle : CYCLE_FREE);
    varied = outer || varied || prop.still === undefined;
  }
  return value;
}
// Thousandths of a frame: a whole number, as a table by fractions is slow.
const keyOfMoment = moment => Math.round(moment * rate * 1000) | 0;
function keep(prop, moment, value) {
  prop.other ??= new Map();
  if (prop.other.size >= MOST_KEPT) prop.other.clear();
  prop.other.set(keyOfMoment(moment), { moment, value });
}
