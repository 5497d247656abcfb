// Runs expressions over the moments of each composition, and hands the values out.

const MOST_ROUNDS = 50_000; // of the loops of one evaluation
const ALL_ROUNDS = 8_000_000; // of all loops of a scene, the language's own included
const NESTED = 3_000; // evaluations for one: of those it waits for, again and again within circles
const FARTHEST = 1e7; // of a number, as the drawing engine takes it
const LONGEST = 5_000; // characters of a text
const MOST_POINTS = 2_000; // of a path

let comps = [], blobs = [], codes = new Map(), order = [], targets = [], failures = new Map();
let budget = 0, used = 0, runs = 0, nested = 0, mostRuns = 0, rounds = 0, allRounds = ALL_ROUNDS, stage = 0, at = 0, begun = false, numbers = 0, mostNumbers = 0, letters = 0, mostLetters = 0;

// Counts a round of a loop; called where an expression's loops go round.
function tick() {
  if (--rounds < 0) {
    if (running) running.dead = 'endless';
    throw new Refusal('endless', 'it goes round without an end');
  }
  charge(1);
  return true;
}
// Counts what the language itself does in a loop for an expression.
function charge(count) {
  if ((allRounds -= count) < 0) throw new Refusal('budget', 'the scene computes too much');
}
// What takes all memory or goes too deep once would do so at every moment, but not always equally soon.
const isExhausted = error => error instanceof InternalError || (error instanceof RangeError && /stack|length/.test(error.message));
// What an expression may not catch; called where it catches anything.
function fatal(error) {
  if (!isExhausted(error)) return;
  if (running) running.dead = 'failed', note(running, error);
  throw error;
}
// What a condition makes of a number that is an object: such a one is true to the language even where it is zero.
const truth = v => (v instanceof Number && !v.valueOf() ? 0 : v);

class Posterized { constructor(fps) { this.fps = fps; } }
function posterizeTime(prop, fps) {
  varied = true;
  if (!prop.posterized) throw new Posterized(number(own(fps)));
  return 0;
}

const LAYER_WORDS = ['index', 'name', 'inPoint', 'outPoint', 'startTime', 'width', 'height', 'hasParent', 'parent', 'enabled', 'source', 'marker', 'effect', 'mask', 'content', 'transform',
  'toComp', 'fromComp', 'toWorld', 'fromWorld', 'toCompVec', 'fromCompVec', 'toWorldVec', 'fromWorldVec', 'fromCompToSurface', 'sourceRectAtTime', 'sampleImage', 'text', 'hasVideo', 'hasAudio', 'threeDLayer'];
// Names that stand for the same thing throughout a property's evaluations.
const FIXED = {
  thisComp: prop => compFace(prop.layer.comp),
  thisLayer: prop => layerFace(prop.layer),
  thisProperty: ownFace,
  comp: () => name => compNamed(own(name)),
  footage: () => () => { throw new Refusal('footage', 'footage() reads files that the animation does not hold'); },
  ...Object.fromEntries(LAYER_WORDS.map(name => [name, prop => layerFace(prop.layer)[name]])),
  _name: prop => layerFace(prop.layer).name,
  $bm_transform: prop => layerTransform(prop.layer),
  ...Object.fromEntries(Object.entries(METHODS).map(([name, method]) => [name, prop => (...rest) => method(prop, ...rest)])),
  loop_out: prop => (...rest) => loopOut(prop, ...rest),
  loop_in: prop => (...rest) => loopIn(prop, ...rest),
  ...Object.fromEntries(['points', 'inTangents', 'outTangents', 'isClosed', 'pointOnPath', 'tangentOnPath', 'normalOnPath'].map(name => [name, prop => { const face = ownFace(prop); return (...rest) => face[name](...rest); }])),
  random: prop => (low, high) => spread(prop, roll, low, high),
  gaussRandom: prop => (low, high) => spread(prop, gauss, low, high),
  seedRandom: prop => (seed, timeless) => seedRandom(prop, seed, timeless),
  posterizeTime: prop => fps => posterizeTime(prop, fps),
  timeToFrames: () => framesOf,
  timeToTimecode: () => timeToTimecode,
  timeToCurrentFormat: () => timeToTimecode,
  colorDepth: () => 8,
  numKeys: GETTERS.numKeys,
  propertyIndex: GETTERS.propertyIndex,
};
// Names that stand for what changes with time.
const CHANGING = {
  time: seconds,
  value: GETTERS.value,
  active: prop => layerFace(prop.layer).active,
  velocity: orNothing(GETTERS.velocity), speed: orNothing(GETTERS.speed), style: orNothing(prop => styleOf(prop)),
  sourceText: orNothing(prop => hand(sourceOf(prop.layer))),
  timeRemap: orNothing(prop => hand(remapOf(prop.layer))),
  ...Object.fromEntries(Object.entries(LAYER_MOVES).map(([name, key]) => [name, orNothing(prop => hand(prop.layer.transform(key)))])),
};
// What a property does not have is nothing until it is used: an expression may mean something else by the word.
function orNothing(get) {
  return prop => {
    try { return get(prop); } catch (error) {
      if (error instanceof Need) throw error;
      return undefined;
    }
  };
}

const RESERVED = new Set('break case catch class const continue debugger default delete do else export extends finally for function if import in instanceof new return super switch this throw try typeof var void while with yield let static null true false arguments eval'.split(' '));
const ASSIGNED = /(?<![.\w$])([A-Za-z_$][\w$]*)\s*(?:(?:[-+*/%&|^]|<<|>>>?|\*\*|&&|\|\||\?\?)?=(?![=>])|\+\+|--|\s(?:in|of)\s)|(?:\+\+|--)\s*([A-Za-z_$][\w$]*)/g;

// An expression as a function of its property. Language names are variables of it, so that an expression may have its own of the same name.
class Code {
  constructor(text, objects) { Object.assign(this, { text, objects, call: null, fault: null, names: [], moving: [] }); }
  compile() {
    const { text } = this, words = new Set(text.match(text.includes('eval(') ? /[A-Za-z_$][\w$]*/g : /(?<![.\w$'"])[A-Za-z_$][\w$]*/g));
    this.names = Object.keys(FIXED).filter(name => words.has(name));
    this.moving = Object.keys(CHANGING).filter(name => words.has(name));
    const mine = new Set([...this.names, ...this.moving]);
    for (const [, one, other] of text.matchAll(ASSIGNED)) { const name = one ?? other; if (!RESERVED.has(name)) mine.add(name); }
    const bound = new Map([...this.names.map(name => [name, `$s.${name}`]), ...this.moving.map(name => [name, `$s.${name}()`])]);
    const head = [...mine].map(name => (bound.has(name) ? `${name}=${bound.get(name)}` : name)).join(',');
    const start = head ? `var ${head};` : '';
    try {
      this.call = words.has('$bm_rt') ? Function('$s', '$n', '$t', '$f', `${start}{${text}\n}return $bm_rt;`)
        : Function('$s', '$n', '$t', '$f', '$x', `${start}return eval($x);`);
    } catch (error) { this.fault = error; }
  }
  run(prop) {
    if (this.call === null && this.fault === null) this.compile();
    if (this.fault !== null) throw this.fault;
    if (prop.scope === null) {
      // An expression can reach what it is called with: faces and functions, nothing that holds a state.
      const scope = Object.create(null);
      for (const name of this.names) scope[name] = Object.freeze(orNothing(FIXED[name])(prop));
      for (const name of this.moving) { const get = CHANGING[name]; scope[name] = Object.freeze(() => get(prop)); }
      prop.scope = Object.freeze(scope);
    }
    return this.call(prop.scope, tick, truth, fatal, this.text);
  }
}

function compute(prop, when) {
  const outer = rounds;
  rounds = MOST_ROUNDS, prop.chance = undefined, prop.code ??= codes.get(prop.x);
  try {
    if (++runs > mostRuns || ++nested > NESTED) throw new Refusal('budget', 'the scene evaluates too much');
    const value = converted(prop, prop.code.run(prop), when);
    if (needs.size) throw new Need();
    return prop.dead ? prop.base(frameOf(when)) : value;
  } catch (error) {
    if (needs.size) throw error instanceof Need ? error : new Need();
    if (error instanceof Posterized && error.fps > 0) return posterized(prop, Math.floor(when * error.fps + 1e-6) / error.fps);
    if (isExhausted(error)) prop.dead = 'failed';
    note(prop, error);
    return prop.base(frameOf(when));
  } finally { rounds = outer; }
}
function posterized(prop, when) {
  prop.posterized = 1;
  try { return atMoment(when, () => compute(prop, when)); } finally { prop.posterized = 0; }
}

function note(prop, error) {
  const code = error instanceof Refusal ? error.code : 'failed';
  const key = `${code}\n${prop.layer.comp.index}\n${prop.layer.place}\n${nameOf(prop)}`;
  if (failures.has(key) || failures.size >= 1000) return;
  let message = '';
  try { message = error instanceof Error ? String(error.message) : String(error); } catch { message = 'it stops'; }
  failures.set(key, { code, layer: prop.layer.data.nm ?? '', property: nameOf(prop), message: whole(message.slice(0, 200)) });
}
const nameOf = prop => prop.name || String(prop.chain[prop.chain.length - 1]?.nm ?? prop.key);

const finite = v => {
  const found = typeof v === 'number' ? v : Number(own(v));
  if (!(found >= -FARTHEST && found <= FARTHEST)) throw new RangeError(`it gives ${describe(v)}, which is no number that can be drawn`);
  return found;
};
// What an expression gives, as the property takes it.
function converted(prop, v, when) {
  v = own(v);
  if (v === undefined || v === null || typeof v === 'function') throw new TypeError(`it gives ${describe(v)}`);
  switch (prop.kind) {
    case 'number':
      if (typeof v === 'number') return finite(v);
      if (isList(v)) return finite(v[0]);
      return v === '' ? finite(NaN) : finite(v);
    case 'vector': {
      if (!isList(v)) throw new TypeError(`it gives ${describe(v)} where ${prop.sample.length} numbers are meant`);
      const base = prop.base(frameOf(when)), made = new Array(base.length);
      for (let n = 0; n < made.length; n++) made[n] = n < v.length ? finite(v[n]) : base[n];
      return made;
    }
    case 'path': {
      const path = v instanceof PathFace ? v[SELF] : v;
      if (!isPath(path)) throw new TypeError(`it gives ${describe(v)} where a path is meant`);
      return path;
    }
    case 'text': return asText(prop, v, when);
  }
  throw new TypeError('nothing is known of the property that it is for');
}
const isPath = path => isObject(path) && isList(path.v) && path.v.length > 0 && path.v.length <= MOST_POINTS
  && [path.v, path.i ?? [], path.o ?? []].every(list => isList(list) && list.every(p => isList(p) && inReach(p[0]) && inReach(p[1])));
const inReach = x => typeof x === 'number' && x >= -FARTHEST && x <= FARTHEST;
function asText(prop, v, when) {
  const base = prop.base(frameOf(when)), changed = v instanceof TextStyle ? v[PROP] : { t: String(v) };
  const text = whole(changed.t ?? base.t).replace(/\r\n|\n/g, '\r');
  if (text.length > LONGEST) throw new RangeError(`it gives a text of more than ${LONGEST} characters`);
  const made = { ...base, ...changed, t: text };
  for (const key of ['fc', 'sc']) if (isList(made[key]) && !made[key].length) delete made[key];
  return made;
}

// Between calls a target is a property and what was found for it, one list of whole numbers after the other.
function start(given) {
  ({ rate, budget, mostNumbers, mostLetters, order } = given);
  mostRuns = budget + 200_000; // those of other moments and within circles are not among what is planned
  comps = given.comps.map((data, index) => new Comp(data, index));
  for (const comp of comps) comp.layers = comp.data.layers.map((data, place) => {
    const layer = new Layer(data, comp, place);
    if (typeof data.nm === 'string' && !comp.byName.has(data.nm)) comp.byName.set(data.nm, layer);
    return layer;
  });
  codes = new Map(given.codes.map(([x, text, objects]) => [x, new Code(text, objects)]));
  targets = given.targets.map(one => {
    const layer = comps[one.comp].layers[one.layer], prop = locate(layer, one.path);
    prop.name = one.name;
    const target = { ...one, layer, prop, fixed: undefined, values: [], first: -1, count: 0, size: prop.kind === 'vector' ? prop.sample.length : 1, last: '', dropped: false };
    comps[one.comp].targets.push(target);
    return target;
  });
  for (const one of order) comps[one.comp].times = one.comp === 0 ? given.times : new Set();
}
// The property at the end of a way through a layer; the objects on the way are the groups around it.
function locate(layer, path) {
  if (path[0] === 'ks' && path.length === 2) return layer.transform(path[1]);
  const chain = [];
  let node = layer.body;
  for (const step of path.slice(0, -1)) {
    if (isObject(node)) chain.push(node);
    node = node[step];
  }
  if (isObject(node)) chain.push(node);
  return propOf(node, path[path.length - 1], layer, chain, 0);
}

function hash(text) {
  let h = 7;
  for (let n = 0; n < text.length; n++) h = mix(h, text.charCodeAt(n));
  return h;
}
Object.defineProperty(Prop.prototype, 'seed', {
  get() { return (this.seedKept ??= hash(`${this.layer.comp.data.id}|${this.layer.data.ind ?? this.layer.place}|${this.chain.slice(1).map(one => one.nm ?? '').join('|')}|${this.node.ix ?? ''}|${this.key}`)); },
});

// Work on until all is done, a measure is needed, or `most` evaluations were made.
function step(most) {
  let done = 0;
  while (stage < order.length) {
    const comp = comps[order[stage].comp];
    if (!begun) begin(comp);
    while (at < comp.times.length) {
      if (done > most) return { state: 'more' };
      const before = runs, roundsLeft = allRounds;
      if (!frame(comp)) return { state: 'needs', needs: [...needs] };
      done += runs - before + (roundsLeft - allRounds) / 20, at++;
      if (at === 1) thin(comp);
    }
    for (const use of order[stage].uses) passOn(comp, use);
    stage++, begun = false;
  }
  return { state: 'done' };
}
function begin(comp) {
  if (!isList(comp.times)) comp.times = [...comp.times].sort((a, b) => a - b);
  comp.active = comp.targets.slice(), at = 0, begun = true;
}
function frame(comp) {
  const when = comp.times[at], found = [];
  now = when / rate;
  try {
    for (const target of comp.active) {
      nested = 0;
      found.push(when < target.from || when > target.to ? undefined : target.prop.valueAt(now));
      if (nested > NESTED) target.prop.dead = 'budget';
    }
  } catch (error) {
    if (error instanceof Need) return false;
    throw error;
  }
  let settled = false;
  for (let n = 0; n < found.length; n++) {
    const target = comp.active[n], v = found[n];
    if (v === undefined) continue;
    if (target.first < 0) target.first = at;
    if (target.prop.still !== undefined) settle(target, v), settled = true;
    else record(target, v);
    target.count++;
  }
  if (settled) comp.active = comp.active.filter(target => target.fixed === undefined);
  return true;
}
// Where all moments would be too much for the scene's budget, every second, third … is evaluated.
function thin(comp) {
  const counts = comp.active.reduce((all, target) => all + comp.times.filter(when => when >= target.from && when <= target.to).length, 0);
  const stride = Math.ceil(counts / Math.max(budget - used, budget / 20));
  used += counts / Math.max(1, stride);
  if (stride < 2) return;
  comp.times = comp.times.filter((_, n) => n % stride === 0 || n === comp.times.length - 1);
  failures.set(`coarse ${comp.index}`, { code: 'coarse', layer: comp.data.nm ?? '', property: '', message: String(stride) });
}
function record(target, v) {
  if (target.dropped || (target.prop.kind === 'path' && !isPath(v))) { target.dropped = true; return; }
  const { values, scale, prop } = target;
  if (prop.kind === 'number') values.push(Math.round(v * scale));
  else if (prop.kind === 'vector') for (let n = 0; n < target.size; n++) values.push(Math.round((v[n] ?? prop.sample[n] ?? 0) * scale));
  else {
    const made = written(target, v), said = prop.kind === 'text' ? JSON.stringify(made) : '';
    numbers += prop.kind === 'path' ? v.v.length * 6 : 0;
    if (said !== target.last || said === '') values.push(made), letters += prop.kind === 'text' ? v.t.length : 0;
    else values.push(null);
    target.last = said;
    if (numbers > mostNumbers || letters > mostLetters) target.dropped = true, target.values = [], note(prop, new Refusal('budget', 'it gives more points or letters than a scene may have'));
  }
}
function settle(target, v) {
  target.dropped = target.prop.kind === 'path' && !isPath(v);
  target.fixed = target.dropped ? null : written(target, v);
}
function written(target, v) {
  const { scale, prop } = target, rounded = x => Math.round(x * scale);
  if (prop.kind === 'number') return rounded(v);
  if (prop.kind === 'vector') return Array.from({ length: target.size }, (_, n) => rounded(v[n] ?? prop.sample[n] ?? 0));
  if (prop.kind === 'text') return v;
  const list = points => v.v.map((_, n) => [rounded(Number(points?.[n]?.[0] ?? 0)), rounded(Number(points?.[n]?.[1] ?? 0))]);
  return { v: list(v.v), i: list(v.i), o: list(v.o), c: Boolean(v.c) };
}
// The moments at which a layer shows another composition, in that composition's time.
function passOn(comp, use) {
  const layer = comp.layers[use.layer], child = comps[use.comp], { st, sr } = layer.data, remapped = isObject(layer.body.tm);
  for (const when of comp.times) {
    if (when < use.from || when > use.to) continue;
    const inner = remapped ? remapOf(layer).valueAt(when / rate) * rate : (when - st) / sr;
    child.times.add(Math.round(inner * 1000) / 1000);
  }
}

function api(command, argument) {
  switch (command) {
    case 'blobs': blobs = argument.split('\n'); return '';
    case 'start': start(JSON.parse(argument)); return '';
    case 'step': return JSON.stringify(step(argument));
    case 'measured': for (const [key, box] of JSON.parse(argument)) measures.set(key, box); needs.clear(); return '';
    case 'where': return JSON.stringify(latest ? [latest.layer.data.nm ?? '', nameOf(latest)] : ['', '']);
    case 'times': return JSON.stringify(comps.map(comp => (isList(comp.times) ? comp.times : [])));
    case 'result': return JSON.stringify(targets.map(({ prop, fixed, first, count, values, size, dropped }) => ({ kind: prop.kind, fixed, first, count, values, size, dropped: dropped || prop.kind === 'none' })));
    case 'failures': return JSON.stringify([...failures.values()]);
  }
  return '';
}

const BUILT_IN = Object.getOwnPropertyNames(globalThis);
Math.random = () => roll(running);
Object.assign(globalThis, {
  $bm_sum: sum, $bm_add: sum, $bm_sub: sub, $bm_mul: mul, $bm_div: div, $bm_mod: mod, $bm_neg: neg, sum, add: sum, sub, mul, div, mod, neg, $bm_isInstanceOfArray: isList,
  dot, cross, length: vectorLength, normalize, clamp, linear, ease, easeIn, easeOut, lookAt, noise, createPath, framesToTime, hexToRgb, rgbToHsl, hslToRgb,
  degreesToRadians, radiansToDegrees, degrees_to_radians: degreesToRadians, degreesToRads: degreesToRadians, radiansToDegs: radiansToDegrees,
  Date: class Date { constructor() { throw new Refusal('clock', 'it reads the clock, which differs from render to render'); } static now() { return new Date(); } },
});
const { ownKeys } = Reflect;
// What After Effects' language has no use for; less is left to be frozen.
const KEPT = 'Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError Array parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape Infinity NaN undefined eval Number Boolean String Math Symbol globalThis RegExp JSON Map Set Date'.split(' ');
for (const name of BUILT_IN) if (!KEPT.includes(name)) delete globalThis[name];
// All that an expression can reach is frozen, functions too: what one writes somewhere would be there for the next.
function harden(...roots) {
  const seen = new Set(roots), { getOwnPropertyDescriptors, getPrototypeOf, freeze } = Object;
  const reach = one => { if ((typeof one === 'object' && one !== null) || typeof one === 'function') seen.add(one); };
  for (const one of seen) { // which grows meanwhile
    reach(getPrototypeOf(one));
    const held = getOwnPropertyDescriptors(one);
    for (const key of ownKeys(held)) reach(held[key].value), reach(held[key].get), reach(held[key].set);
    if (one !== globalThis) freeze(one);
  }
}
delete Object.getOwnPropertySymbols; // under which the inside of a face is kept
for (const name of ['stackTraceLimit', 'prepareStackTrace']) delete Error[name]; // set through functions, which freezing does not stop
const { constructor: Iterator } = [].values(), promise = (async () => {})(); // what is reached by no name
harden(globalThis, tick, truth, fatal, layerFields, groupBase, moveFields, layerMoveFields, effectFields, maskFields, textFields, ...Object.values(itemFields),
  NumberFace, VectorFace, TextFace, PathFace.prototype, OwnFace, TextStyle.prototype,
  [].values(), ''[Symbol.iterator](), new Map().entries(), new Set().entries(), ''.matchAll(/a/g), [].values().map(one => one), Iterator, Iterator.from({ next() {} }),
  promise, 0n, function* () {}, async function () {}, async function* () {});
Object.freeze(globalThis);
return api;
