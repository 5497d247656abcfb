// What an expression is given for compositions, layers and groups of properties: functions that find parts by name or number, with fields.

// Something that this language has in After Effects and not here; `code` names it in the warning.
class Refusal extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

function face(call, fields) {
  delete call.name, delete call.length;
  Object.freeze(fields);
  return Object.freeze(Object.setPrototypeOf(call, fields));
}
const fieldsOf = getters => {
  const made = Object.create(Function.prototype);
  for (const [name, get] of Object.entries(getters)) Object.defineProperty(made, name, { get, set() {} });
  if (getters.name) Object.defineProperty(made, '_name', { get: getters.name, set() {} }); // as exporters write `name`
  return made;
};
// Names without case, blanks and the designing program's own prefixes.
const bareNames = new Map();
function bare(name) {
  name = String(name);
  let found = bareNames.get(name);
  if (found === undefined) {
    found = name.toLowerCase().replace(/^adbe\s+(vectors?\s+)?|[\s_-]/g, '');
    if (bareNames.size < MOST_KEPT) bareNames.set(name, found);
  }
  return found;
}
// The objects of a list of the document, found once.
const OBJECTS = Symbol('objects');
const objectsOf = list => (isList(list) ? (list[OBJECTS] ??= list.every(isObject) ? list : list.filter(isObject)) : []);

// A property as a value: plain, or an object that has the property's methods, where the expression uses such.
function hand(prop) {
  const v = prop === running ? prop.base(frameOf(now)) : prop.valueAt(now), objects = running !== null && running.code.objects;
  if (prop.kind === 'number') return objects ? valueFace(new Number(v), NumberFace, prop) : v;
  if (prop.kind === 'vector') return objects ? valueFace(copy(v), VectorFace, prop) : copy(v);
  if (prop.kind === 'path') return new PathFace(v, prop);
  if (prop.kind === 'text') return objects ? valueFace(new String(v.t), TextFace, prop) : v.t;
  throw new TypeError(`${prop.name || 'a property'} has no value`);
}
function valueFace(made, fields, prop) {
  made[PROP] = prop;
  return Object.setPrototypeOf(made, fields);
}

const ITEMS = {
  rc: { size: 's', position: 'p', roundness: 'r' },
  el: { size: 's', position: 'p' },
  sr: { points: 'pt', position: 'p', rotation: 'r', outerRadius: 'or', innerRadius: 'ir', outerRoundness: 'os', innerRoundness: 'is' },
  sh: { path: 'ks', shape: 'ks' },
  fl: { color: 'c', opacity: 'o' },
  st: { color: 'c', opacity: 'o', strokeWidth: 'w', width: 'w' },
  gf: { startPoint: 's', endPoint: 'e', opacity: 'o', highlightLength: 'h', highlightAngle: 'a' },
  gs: { startPoint: 's', endPoint: 'e', opacity: 'o', highlightLength: 'h', highlightAngle: 'a', strokeWidth: 'w', width: 'w' },
  rd: { radius: 'r' },
  tm: { start: 's', end: 'e', offset: 'o' },
  rp: { copies: 'c', offset: 'o' },
  op: { amount: 'a' },
  pb: { amount: 'a' },
  zz: { size: 's', ridgesPerSegment: 'r' },
  tw: { angle: 'a', center: 'c' },
};
const MOVES = { anchorPoint: 'a', position: 'p', scale: 's', rotation: 'r', opacity: 'o', skew: 'sk', skewAxis: 'sa', startOpacity: 'so', endOpacity: 'eo' };
const LAYER_MOVES = { ...MOVES, xPosition: 'p.x', yPosition: 'p.y', xRotation: 'rx', yRotation: 'ry', zRotation: 'r', orientation: 'or' };
// What the designing program calls these itself, and words that stand before their names there.
const OTHER_NAMES = { anchor: 'a', rotatez: 'r', rotatex: 'rx', rotatey: 'ry', groupopacity: 'o', 'position0': 'p.x', 'position1': 'p.y', outerroundess: 'os', innerroundess: 'is', startpt: 's', endpt: 'e', cornerradius: 'r' };
const WORDS = /^(rect|ellipse|star|fill|stroke|grad|trim|repeater|round|offset|pucker|twist|zigzag)/;

const keysOf = new Map(); // what was found in each table
function keyOf(table, name) {
  let known = keysOf.get(table);
  if (known === undefined) keysOf.set(table, (known = new Map()));
  if (known.has(name)) return known.get(name);
  const found = lookedUp(table, name);
  if (known.size < MOST_KEPT) known.set(name, found);
  return found;
}
function lookedUp(table, name) {
  const wanted = bare(name);
  for (const one of [wanted, wanted.replace(WORDS, '')]) {
    for (const known of Object.keys(table)) if (known.toLowerCase() === one) return table[known];
    const other = OTHER_NAMES[one];
    if (other !== undefined && Object.values(table).includes(other)) return other;
  }
  return undefined;
}
const itemFields = Object.fromEntries(Object.entries(ITEMS).map(([kind, table]) => [kind, fieldsOf(Object.fromEntries(Object.entries(table).map(([name, key]) => [name, function () { return hand(this[SELF].prop(key)); }])))]));
const groupBase = fieldsOf({
  name() { return this[SELF].node.nm ?? (this[SELF].table ? '' : 'Transform'); },
  content() { return contents(this[SELF]); },
  transform() { return moveOf(this[SELF]); },
  propertyIndex() { return this[SELF].index; },
  propertyGroup() { return n => groupAbove(this[SELF].layer, this[SELF].chain, n); },
  enabled() { return !this[SELF].node.hd; },
  active() { return !this[SELF].node.hd; },
});
for (const fields of Object.values(itemFields)) Object.setPrototypeOf(fields, groupBase);
const moveFields = fieldsOf(Object.fromEntries(Object.entries(MOVES).map(([name, key]) => [name, function () { return hand(this[SELF].prop(key)); }])));
Object.setPrototypeOf(moveFields, groupBase);
const layerMoveFields = fieldsOf(Object.fromEntries(Object.entries(LAYER_MOVES).map(([name, key]) => [name, function () { return hand(this[SELF].prop(key)); }])));
Object.setPrototypeOf(layerMoveFields, groupBase);

// The key of a property by its number, which the exporter wrote beside it (`ix`); where it wrote none, by the designing program's order.
const MOVE_ORDER = { a: 1, p: 2, s: 3, sk: 4, sa: 5, r: 6, o: 7, so: 7, eo: 8 };
function numbered(node, table, number) {
  const keys = Object.values(table), told = keys.filter(key => isObject(node[key]) && typeof node[key].ix === 'number');
  if (told.length) return told.find(key => node[key].ix === number);
  return table === MOVES ? keys.find(key => MOVE_ORDER[key] === number) : keys[number - 1];
}

// A part of a layer with properties in it: `chain` are the nodes around it, from the layer inwards.
class Part {
  constructor(node, layer, chain, index, table) { Object.assign(this, { node, layer, chain, index, table }); }
  prop(key) { return propOf(this.node, key, this.layer, [...this.chain, this.node], MOVE_DEFAULTS[this.node.ty]?.[key] ?? 0); }
  find(name) {
    const key = typeof name === 'string' ? keyOf(this.table, name) : numbered(this.node, this.table, name);
    if (key === undefined) throw new ReferenceError(`there is no property ${describe(name)} in ${describe(this.node.nm ?? 'a group')}`);
    return hand(this.prop(key));
  }
}
const MOVE_DEFAULTS = { tr: { a: [0, 0], p: [0, 0], s: [100, 100], o: 100 }, rc: { s: [0, 0], p: [0, 0] }, el: { s: [0, 0], p: [0, 0] }, sr: { p: [0, 0] }, fl: { c: [0, 0, 0, 1], o: 100 }, st: { c: [0, 0, 0, 1], o: 100 } };

function partFace(part, fields, call) {
  if (part.node[SELF]) return part.node[SELF];
  const made = name => call(part, own(name));
  made[SELF] = part;
  return (part.node[SELF] = face(made, fields));
}
function itemFace(node, layer, chain, index) {
  if (node.ty === 'tr') return moveFace(node, layer, chain, moveFields, MOVES);
  const table = ITEMS[node.ty] ?? {};
  return partFace(new Part(node, layer, chain, index, table), itemFields[node.ty] ?? groupBase, (part, name) => {
    if (node.ty !== 'gr' && node.ty !== 'rp') return part.find(name);
    const wanted = typeof name === 'number' ? name : bare(name);
    if (wanted === 2 || wanted === 'contents' || wanted === 'group') return contents(part);
    if (wanted === 3 || wanted === 'transform' || wanted === 'transformgroup' || wanted === 'repeatertransform') return moveOf(part);
    return node.ty === 'rp' ? part.find(name) : foundIn(part.node.it, part, name);
  });
}
const moveFace = (node, layer, chain, fields, table) => partFace(new Part(node, layer, chain, 0, table), fields, (part, name) => part.find(name));
function moveOf(part) {
  const node = part.node.ty === 'rp' ? part.node.tr : (part.node.it ?? []).find(one => isObject(one) && one.ty === 'tr');
  if (!isObject(node)) throw new ReferenceError('the group has no transform');
  return moveFace(node, part.layer, [...part.chain, part.node], moveFields, MOVES);
}
const contents = part => {
  const made = name => foundIn(part.node.it ?? [], part, own(name));
  made[SELF] = part;
  return face(made, groupBase);
};
function foundIn(items, part, name) {
  const list = objectsOf(items), chain = part ? [...part.chain, part.node] : [];
  const at = typeof name === 'number' ? name - 1 : list.findIndex(one => one.nm === name);
  const found = list[at] ?? (typeof name === 'string' ? list.find(one => one.mn === name) : undefined);
  if (found) return itemFace(found, part.layer, chain, list.indexOf(found) + 1);
  if (part.node.ty === 'gr' && /transform/i.test(name)) return moveOf(part);
  throw new ReferenceError(`there is no ${describe(name)} in the contents of ${describe(part.node.nm ?? part.layer.data.nm)}`);
}

function effectFace(node, layer, index) {
  return partFace(new Part(node, layer, [layer.body], index, {}), effectFields, (part, name) => parameter(part, name));
}
function parameter(part, name) {
  const list = objectsOf(part.node.ef);
  const found = typeof name === 'number' ? list.find(one => one.ix === name) ?? list[name - 1]
    : list.find(one => one.nm === name || one.mn === name) ?? list.find(one => bare(one.nm ?? '') === bare(name));
  if (!found) throw new ReferenceError(`the effect ${describe(part.node.nm ?? '')} has no ${describe(name)}`);
  if (isList(found.ef)) return effectFace(found, part.layer, list.indexOf(found) + 1);
  const prop = propOf(found, 'v', part.layer, [...part.chain, part.node], 0);
  prop.name ||= String(found.nm ?? '');
  if (found.ty !== LAYER_CONTROL) return hand(prop);
  const chosen = part.layer.comp.layerAt(prop.valueAt(now));
  return chosen ? layerFace(chosen) : null;
}
const LAYER_CONTROL = 10;
const effectFields = fieldsOf({
  ...Object.fromEntries(['slider', 'angle', 'color', 'checkbox', 'point', 'layer', 'menu'].map(name => [name, function () { return parameter(this[SELF], name); }])),
  active() { return this[SELF].node.en !== 0; },
  param() { return name => parameter(this[SELF], own(name)); },
});
Object.setPrototypeOf(effectFields, groupBase);

function namedIn(list, name, what, layer) {
  const all = objectsOf(list);
  const found = typeof name === 'number' ? all[name - 1] : all.find(one => one.nm === name) ?? all.find(one => one.mn === name);
  if (!found) throw new ReferenceError(`the layer ${describe(layer.data.nm)} has no ${what} ${describe(name)}`);
  return [found, all.indexOf(found) + 1];
}
const effectOf = (layer, name) => { const [node, index] = namedIn(layer.body.ef, own(name), 'effect', layer); return effectFace(node, layer, index); };
const MASK = { maskPath: 'pt', maskShape: 'pt', maskOpacity: 'o', maskFeather: 'f', maskExpansion: 'x', maskOffset: 'x' };
const maskFields = fieldsOf({ ...Object.fromEntries(Object.entries(MASK).map(([name, key]) => [name, function () { return hand(this[SELF].prop(key)); }])), invert() { return Boolean(this[SELF].node.inv); } });
Object.setPrototypeOf(maskFields, groupBase);
function maskOf(layer, name) {
  const [node, index] = namedIn(layer.body.masksProperties, own(name), 'mask', layer);
  return partFace(new Part(node, layer, [layer.body], index, MASK), maskFields, (part, one) => part.find(one));
}

const textFields = fieldsOf({ sourceText() { return hand(sourceOf(this[SELF].layer)); }, animator() { return name => animatorOf(this[SELF].layer, own(name)); } });
Object.setPrototypeOf(textFields, groupBase);
function sourceOf(layer) {
  const text = layer.body.t;
  if (!isObject(text) || !isObject(text.d)) throw new ReferenceError(`the layer ${describe(layer.data.nm)} is no text`);
  return propOf(text, 'd', layer, [layer.body, text], undefined);
}
function textOf(layer) {
  const node = layer.body.t;
  if (!isObject(node)) throw new ReferenceError(`the layer ${describe(layer.data.nm)} is no text`);
  return partFace(new Part(node, layer, [layer.body], 1, {}), textFields, (part, name) => {
    if (['sourcetext', 'textdocument'].includes(bare(name)) || name === 1) return hand(sourceOf(layer));
    return animatorOf(layer, name);
  });
}
const ANIMATED = { anchorPoint: 'a', position: 'p', scale: 's', rotation: 'r', opacity: 'o', skew: 'sk', skewAxis: 'sa', fillColor: 'fc', strokeColor: 'sc', strokeWidth: 'sw', tracking: 't', trackingAmount: 't', lineSpacing: 'ls' };
const SELECTED = { start: 's', end: 'e', offset: 'o', amount: 'a', easeHigh: 'xe', easeLow: 'ne', smoothness: 'sm' };
function animatorOf(layer, name) {
  const [node, index] = namedIn(layer.body.t.a, name, 'text animator', layer), chain = [layer.body, layer.body.t];
  const inner = (part, table) => partFace(new Part(part, layer, chain, 1, table), tableFields(table), (one, key) => one.find(key));
  return partFace(new Part(node, layer, chain, index, {}), fieldsOf({ property: () => inner(node.a, ANIMATED), selector: () => () => inner(node.s, SELECTED) }), (part, one) => inner(/select/i.test(one) ? node.s : node.a, /select/i.test(one) ? SELECTED : ANIMATED));
}
const tableFields = table => fieldsOf(Object.fromEntries(Object.entries(table).map(([name, key]) => [name, function () { return hand(this[SELF].prop(key)); }])));

// The group `n` steps around a property or group.
function groupAbove(layer, chain, n = 1) {
  const node = chain[chain.length - number(n)];
  if (node === undefined || node === layer.body) return layerFace(layer);
  if (node === layer.body.ks) return layerTransform(layer);
  if (isList(node.ef) && typeof node.ty === 'number') return effectFace(node, layer, 1);
  if (typeof node.ty === 'string') {
    const around = chain.slice(0, -number(n)), outer = around[around.length - 1];
    return itemFace(node, layer, around, Math.max(0, objectsOf(outer === layer.body ? outer.shapes : outer?.it ?? []).indexOf(node)) + 1);
  }
  if (node[SELF]) return node[SELF];
  return layerFace(layer);
}

const LAYER_NUMBERS = { 1: 'a', 2: 'p', 3: 'p.x', 4: 'p.y', 6: 's', 7: 'or', 8: 'rx', 9: 'ry', 10: 'r', 11: 'o' };
function layerTransform(layer) {
  const ks = (layer.body.ks = isObject(layer.body.ks) ? layer.body.ks : {});
  if (ks[SELF]) return ks[SELF];
  const part = { node: ks, layer, chain: [layer.body], index: 0, prop: key => layer.transform(key) };
  return partFace(part, layerMoveFields, (one, name) => {
    const key = typeof name === 'number' ? LAYER_NUMBERS[name] : keyOf(LAYER_MOVES, name);
    if (key === undefined) throw new ReferenceError(`a layer's transform has no ${describe(name)}`);
    return hand(layer.transform(key));
  });
}

function layerFace(layer) {
  if (layer.face) return layer.face;
  const call = name => {
    name = own(name);
    switch (typeof name === 'number' ? name : bare(name)) {
      case 1: case 6: case 'transform': case 'transformgroup': return layerTransform(layer);
      case 2: case 'contents': case 'rootvectorsgroup': case 'rootgroup': return contentOf(layer);
      case 4: case 5: case 'effects': case 'effectparade': return effectsOf(layer);
      case 'masks': case 'maskparade': return face(one => maskOf(layer, one), groupBase);
      case 'text': case 'textproperties': return textOf(layer);
      case 'timeremap': case 'timeremapping': return hand(remapOf(layer));
    }
    const key = keyOf(LAYER_MOVES, name);
    if (key === undefined) throw new ReferenceError(`the layer ${describe(layer.data.nm)} has no ${describe(name)}`);
    return hand(layer.transform(key));
  };
  call[SELF] = layer;
  return (layer.face = face(call, layerFields));
}
const contentOf = layer => contents(new Part({ it: layer.body.shapes, nm: layer.data.nm }, layer, [layer.body], 0, {}));
const effectsOf = layer => face(name => effectOf(layer, name), fieldsOf({ numProperties: () => (isList(layer.body.ef) ? layer.body.ef.length : 0) }));
function remapOf(layer) {
  if (!isObject(layer.body.tm)) throw new ReferenceError(`the layer ${describe(layer.data.nm)} has no time remapping`);
  return propOf(layer.body, 'tm', layer, [layer.body], 0);
}

const layerFields = fieldsOf({
  name() { return this[SELF].data.nm ?? ''; },
  index() { return this[SELF].data.ind ?? this[SELF].place + 1; },
  inPoint() { return this[SELF].data.ip / rate; },
  outPoint() { return this[SELF].data.op / rate; },
  startTime() { return this[SELF].data.st / rate; },
  time() { return seconds() - this[SELF].data.st / rate; },
  width() { return this[SELF].data.w; },
  height() { return this[SELF].data.h; },
  hasParent() { return this[SELF].parent !== undefined; },
  parent() { const above = this[SELF].parent; return above ? layerFace(above) : null; },
  enabled() { return !this[SELF].data.hd; },
  active() { const frame = seconds() * rate, { ip, op, hd } = this[SELF].data; return !hd && frame >= ip && frame < op; },
  hasVideo() { return true; },
  hasAudio() { return false; },
  threeDLayer() { return Boolean(this[SELF].data.ddd); },
  transform() { return layerTransform(this[SELF]); },
  effect() { return name => effectOf(this[SELF], name); },
  mask() { return name => maskOf(this[SELF], name); },
  content() { return contentOf(this[SELF]); },
  text() { return textOf(this[SELF]); },
  marker() { return markers([]); },
  timeRemap() { return hand(remapOf(this[SELF])); },
  source() { return sourceFace(this[SELF]); },
  toComp() { return (point, at = now) => toComp(this[SELF], point, at); },
  fromComp() { return (point, at = now) => fromComp(this[SELF], point, at); },
  toWorld() { return (point, at = now) => toComp(this[SELF], point, at); },
  fromWorld() { return (point, at = now) => fromComp(this[SELF], point, at); },
  toCompVec() { return (way, at = now) => sub(toComp(this[SELF], way, at), toComp(this[SELF], [0, 0], at)); },
  fromCompVec() { return (way, at = now) => sub(fromComp(this[SELF], way, at), fromComp(this[SELF], [0, 0], at)); },
  toWorldVec() { return (way, at = now) => sub(toComp(this[SELF], way, at), toComp(this[SELF], [0, 0], at)); },
  fromWorldVec() { return (way, at = now) => sub(fromComp(this[SELF], way, at), fromComp(this[SELF], [0, 0], at)); },
  fromCompToSurface() { return (point, at = now) => fromComp(this[SELF], point, at); },
  sourceRectAtTime() { return (at = now, extents = false) => sourceRect(this[SELF], snapped(at), Boolean(extents)); },
  sampleImage() { return () => { throw new Refusal('sampleImage', 'sampleImage() reads pixels, which are not drawn yet'); }; },
  ...Object.fromEntries(Object.entries(LAYER_MOVES).map(([name, key]) => [name, function () { return hand(this[SELF].transform(key)); }])),
});

// What a layer makes of its points: [a, b, c, d, x, y], with those above it. 2D alone.
function matrixOf(layer, moment) {
  const kept = layer.matrixAt;
  if (kept.still) return kept.still;
  if (kept.time === moment) { varied = true; return kept.matrix; }
  const outer = varied, ring = cycle;
  varied = false, cycle = CYCLE_FREE;
  const matrix = chained(layer, moment), circular = cycle !== CYCLE_FREE;
  if (!circular) {
    if (varied) kept.time = moment, kept.matrix = matrix;
    else kept.still = matrix;
  }
  varied ||= outer, cycle = Math.min(cycle, ring);
  return matrix;
}
function chained(layer, moment) {
  let matrix = null;
  const seen = new Set();
  for (let one = layer; one && !seen.has(one); one = one.parent) {
    seen.add(one);
    const mine = ownMatrix(one, moment);
    matrix = matrix === null ? mine : times(mine, matrix);
  }
  return matrix;
}
function ownMatrix(layer, moment) {
  const value = key => layer.transform(key).valueAt(moment);
  const a = value('a'), p = value('p'), s = value('s'), angle = value('r') * Math.PI / 180, skew = value('sk');
  const sx = s[0] / 100, sy = s[1] / 100, cos = Math.cos(angle), sin = Math.sin(angle);
  let matrix = [sx, 0, 0, sy, 0, 0];
  if (skew) {
    const axis = value('sa') * Math.PI / 180, c = Math.cos(axis), n = Math.sin(axis);
    matrix = times([c, -n, n, c, 0, 0], times([1, 0, Math.tan(-skew * Math.PI / 180), 1, 0, 0], times([c, n, -n, c, 0, 0], matrix)));
  }
  matrix = times([cos, sin, -sin, cos, 0, 0], matrix);
  matrix[4] = p[0] - matrix[0] * a[0] - matrix[2] * a[1];
  matrix[5] = p[1] - matrix[1] * a[0] - matrix[3] * a[1];
  return matrix;
}
// First `n`, then `m`.
const times = (m, n) => [m[0] * n[0] + m[2] * n[1], m[1] * n[0] + m[3] * n[1], m[0] * n[2] + m[2] * n[3], m[1] * n[2] + m[3] * n[3], m[0] * n[4] + m[2] * n[5] + m[4], m[1] * n[4] + m[3] * n[5] + m[5]];
const moved = (m, x, y) => [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]];
function toComp(layer, point, at) {
  const [x, y = 0, ...rest] = numbersOf(point);
  return [...moved(matrixOf(layer, snapped(at)), x, y), ...rest];
}
function fromComp(layer, point, at) {
  const [x, y = 0, ...rest] = numbersOf(point), [a, b, c, d, e, f] = matrixOf(layer, snapped(at)), all = a * d - b * c;
  if (!all) return [0, 0, ...rest];
  return [(d * (x - e) - c * (y - f)) / all, (a * (y - f) - b * (x - e)) / all, ...rest];
}
