// What properties and the language itself can do: keyframes, loops, chance, time and texts.

const frameOf = moment => Math.round(moment * rate * 1e6) / 1e6;
// A moment that an expression has computed, exactly that of a frame where it is meant to be one: so it meets what was evaluated there.
const snapped = at => frameOf(number(own(at))) / rate;
const moment = at => (at === undefined ? seconds() : snapped(at));
// A property's value for an expression: its own is that before the expression, another's the one after it.
const valueOf = (prop, at) => (prop === running ? prop.base(frameOf(at)) : prop.valueAt(at));
const given = (prop, v) => (prop.kind === 'vector' ? copy(v) : prop.kind === 'path' ? new PathFace(v, prop) : prop.kind === 'text' ? v.t : v);

const BACK = 0.001; // seconds over which a speed is taken, as the reference player does
function velocityOf(prop, at) {
  const a = valueOf(prop, at), b = valueOf(prop, at - BACK);
  if (prop.kind === 'number') return (a - b) / BACK;
  if (prop.kind !== 'vector') throw new TypeError('only numbers have a speed');
  return a.map((x, n) => (x - b[n]) / BACK);
}
const speedOf = (prop, at) => { const v = velocityOf(prop, at); return isList(v) ? Math.hypot(...v) : Math.abs(v); };

function keyFace(prop, n) {
  n = number(own(n));
  const keys = prop.keys, key = keys && keys[n - 1];
  if (!key) throw new RangeError(`there is no keyframe ${n}`);
  const value = given(prop, prop.flat ? flattened(key.v) : key.v), made = { time: key.t / rate, index: n, value };
  if (prop.kind === 'vector') for (let i = 0; i < value.length; i++) made[i] = value[i];
  else made[0] = value;
  return made;
}
function nearestKey(prop, at) {
  const keys = prop.keys, frame = frameOf(at);
  if (!keys) throw new RangeError('there are no keyframes');
  let best = 0;
  for (let n = 1; n < keys.length; n++) if (Math.abs(keys[n].t - frame) < Math.abs(keys[best].t - frame)) best = n;
  return keyFace(prop, best + 1);
}

const wrap = (x, all) => ((x % all) + all) % all;
function loop(prop, kind, from, to, first, last, frame) {
  const span = to - from, base = at => prop.base(at);
  if (!(span > 0)) return base(clamp(frame, first, last));
  const rounds = Math.floor((frame - from) / span), inner = from + wrap(frame - from, span);
  if (kind === 'pingpong') return base(rounds % 2 ? from + to - inner : inner);
  if (kind === 'continue') {
    const end = frame > last ? last : first, near = frame > last ? end - 0.001 : end + 0.001, way = (frame - end) / (end - near);
    return added(prop, base(end), base(near), way);
  }
  return kind === 'offset' ? added(prop, base(inner), base(to), rounds, base(from)) : base(inner);
}
// start + (one - other) * times; a path stays as it is.
function added(prop, start, one, factor, other = undefined) {
  if (prop.kind === 'number') return other === undefined ? start + (start - one) * factor : start + (one - other) * factor;
  if (prop.kind !== 'vector') return start;
  return start.map((x, n) => x + (other === undefined ? x - one[n] : one[n] - other[n]) * factor);
}
const KINDS = ['cycle', 'pingpong', 'offset', 'continue'];
const kindOf = kind => {
  const found = kind === undefined ? 'cycle' : String(kind).toLowerCase();
  if (!KINDS.includes(found)) throw new TypeError(`there is no loop ${describe(kind)}`);
  return found;
};
function loopOut(prop, kind, count = 0, length = undefined) {
  const frame = frameOf(now), keys = prop.keys, type = kindOf(kind);
  if (!prop.moving || !keys || frame <= keys[keys.length - 1].t) { if (prop.moving) varied = true; return given(prop, prop.base(frame)); }
  const last = keys.length - 1, to = keys[last].t, n = Math.floor(number(own(count)));
  const from = length === undefined ? keys[n > 0 && n < last ? last - n : 0].t : length > 0 ? Math.max(keys[0].t, to - length * rate) : prop.layer.data.ip;
  return given(prop, loop(prop, type, Math.min(from, to), to, keys[0].t, to, frame));
}
function loopIn(prop, kind, count = 0, length = undefined) {
  const frame = frameOf(now), keys = prop.keys, type = kindOf(kind);
  if (!prop.moving || !keys || frame >= keys[0].t) { if (prop.moving) varied = true; return given(prop, prop.base(frame)); }
  const last = keys.length - 1, from = keys[0].t, n = Math.floor(number(own(count)));
  const to = length === undefined ? keys[n > 0 && n < last ? n : last].t : length > 0 ? Math.min(keys[last].t, from + length * rate) : prop.layer.data.op;
  return given(prop, loop(prop, type, from, Math.max(from, to), from, keys[last].t, frame));
}

function wiggle(prop, frequency, amplitude, octaves = 1, ratio = 0.5, at = undefined) {
  const t = moment(at), base = prop.base(frameOf(t)), wiggled = seeded(prop), f = number(own(frequency)), size = number(own(amplitude));
  varied = true;
  const shake = n => {
    const seed = mix(wiggled, n);
    if (octaves === 1) return size * wave(seed, t * f);
    let all = 0, step = f, high = size;
    for (let o = 0; o < Math.min(number(octaves), 10); o++, step *= 2, high *= ratio) all += high * wave(mix(seed, o), t * step);
    return all;
  };
  if (prop.kind === 'number') return base + shake(0);
  if (prop.kind !== 'vector') throw new TypeError('only numbers can be wiggled');
  return base.map((x, n) => x + shake(n));
}
function temporalWiggle(prop, frequency, amplitude, octaves = 1, ratio = 0.5, at = undefined) {
  const t = moment(at);
  let all = 0, step = number(frequency), high = number(amplitude);
  for (let o = 0; o < Math.min(number(octaves), 10); o++, step *= 2, high *= ratio) all += high * wave(mix(seeded(prop), o), t * step);
  varied = true;
  return given(prop, prop.base(frameOf(t + all)));
}
function smooth(prop, width = 0.2, samples = 5, at = undefined) {
  const t = moment(at), count = Math.max(1, Math.min(1000, Math.floor(number(samples)))), step = count > 1 ? number(width) / (count - 1) : 0;
  let total = null;
  for (let n = 0; n < count; n++) {
    charge(1);
    const v = prop.base(frameOf(t + (count > 1 ? n * step - width / 2 : 0)));
    total = total === null ? v : sum(total, v);
  }
  return div(total, count);
}

// Chance of one property: it follows from its place in the document, the seed that is set and, unless told otherwise, the moment.
function seeded(prop) {
  if (!prop.told) prop.told = true, note(prop, new Refusal('random', 'it uses chance'));
  return prop.chance?.set === undefined ? prop.seed : mix(prop.seed, prop.chance.set);
}
function seedRandom(prop, seed, timeless = false) { prop.chance = { set: number(own(seed)) | 0, timeless: Boolean(timeless), n: 0 }; }
function roll(prop) {
  const chance = (prop.chance ??= { set: undefined, timeless: false, n: 0 });
  if (!chance.timeless) varied = true;
  return unit(mix(seeded(prop), chance.timeless ? 0 : Math.round(now * 1e5) | 0), ++chance.n);
}
function spread(prop, draw, low, high) {
  if (low === undefined) return draw(prop);
  if (high === undefined) [low, high] = [isList(own(low)) ? own(low).map(() => 0) : 0, low];
  low = own(low), high = own(high);
  if (isList(low) || isList(high)) return numbersOf(high).map((x, n) => { const from = isList(low) ? low[n] : low; return from + draw(prop) * (x - from); });
  return number(low) + draw(prop) * (number(high) - number(low));
}
// About nine of ten values lie within the bounds, as After Effects' manual says.
const gauss = prop => 0.5 + Math.sqrt(-2 * Math.log(1 - roll(prop))) * Math.cos(2 * Math.PI * roll(prop)) * 0.304;

const framesOf = (at, fps = rate, lasts = false) => { const found = moment(at) * number(fps); return lasts ? Math.ceil(found - 1e-6) : Math.floor(found + 1e-6); };
const framesToTime = (frames, fps = rate) => number(frames) / number(fps);
function timeToTimecode(at, base = 30) {
  const all = Math.floor(moment(at) * number(base) + 1e-6), two = n => String(Math.floor(n)).padStart(2, '0');
  return [all / base / 3600, all / base / 60 % 60, all / base % 60, all % base].map(two).join(':');
}

// How a text looks, with what was set anew; After Effects' names beside the document's.
const STYLE = { text: 't', fontSize: 's', font: 'f', fillColor: 'fc', strokeColor: 'sc', strokeWidth: 'sw', tracking: 'tr', leading: 'lh', baselineShift: 'ls' };
class TextStyle {
  constructor(source, changed) { this[SELF] = source, this[PROP] = changed; Object.freeze(this); }
  with(name, value) { return new TextStyle(this[SELF], { ...this[PROP], [STYLE[name]]: value }); }
}
for (const [name, key] of Object.entries(STYLE)) {
  const setter = `set${name[0].toUpperCase()}${name.slice(1)}`;
  Object.defineProperty(TextStyle.prototype, name, { get() { const v = this[PROP][key] ?? this[SELF][key]; return isList(v) ? copy(v) : v; } });
  TextStyle.prototype[setter] = function (value, ...range) {
    if (range.length) throw new Refusal('style', `${setter}() for some of the letters is not drawn`);
    return this.with(name, styled(name, own(value)));
  };
}
const styled = (name, value) => (name === 'text' || name === 'font' ? whole(value) : name.endsWith('Color') ? numbersOf(value).slice(0, 3) : number(value));
Object.assign(TextStyle.prototype, {
  setAutoLeading() { return this; },
  setApplyFill(on) { return on ? this : new TextStyle(this[SELF], { ...this[PROP], fc: [] }); },
  setApplyStroke(on) { return on ? this : new TextStyle(this[SELF], { ...this[PROP], sc: [], sw: 0 }); },
  setAllCaps(on) { return new TextStyle(this[SELF], { ...this[PROP], ca: on ? 1 : 0 }); },
  setSmallCaps(on) { return new TextStyle(this[SELF], { ...this[PROP], ca: on ? 2 : 0 }); },
});
for (const name of ['setFauxBold', 'setFauxItalic', 'setHorizontalScaling', 'setVerticalScaling', 'setTsume', 'setLigature', 'setJustification'])
  TextStyle.prototype[name] = () => { throw new Refusal('style', `${name}() is not drawn`); };

// The methods of a property, which stand alone in its own expression.
const METHODS = {
  valueAtTime: (prop, at) => given(prop, valueOf(prop, moment(at))),
  velocityAtTime: (prop, at) => velocityOf(prop, moment(at)),
  speedAtTime: (prop, at) => speedOf(prop, moment(at)),
  key: keyFace,
  nearestKey: (prop, at) => nearestKey(prop, moment(at)),
  loopOut, loopIn,
  loopOutDuration: (prop, kind, length = 0) => loopOut(prop, kind, 0, number(own(length))),
  loopInDuration: (prop, kind, length = 0) => loopIn(prop, kind, 0, number(own(length))),
  wiggle, temporalWiggle, smooth,
  propertyGroup: (prop, n = 1) => groupAbove(prop.layer, prop.chain, own(n)),
  getStyleAt: (prop, n, at) => styleOf(prop, at),
  createStyle: prop => styleOf(prop),
};
const styleOf = (prop, at) => { if (prop.kind !== 'text') throw new TypeError('only texts have a style'); return new TextStyle(valueOf(prop, moment(at)), {}); };
const GETTERS = {
  value: prop => given(prop, valueOf(prop, now)),
  velocity: prop => velocityOf(prop, seconds()),
  speed: prop => speedOf(prop, seconds()),
  numKeys: prop => (prop.keys ? prop.keys.length : 0),
  propertyIndex: prop => prop.node?.ix ?? 1,
  style: styleOf,
};
const withMethods = fields => {
  for (const [name, method] of Object.entries(METHODS)) Object.defineProperty(fields, name, { value(...rest) { return method(this[PROP], ...rest); } });
  for (const [name, get] of Object.entries(GETTERS)) Object.defineProperty(fields, name, { get() { return get(this[PROP]); }, set() {} });
  return fields;
};
const NumberFace = withMethods(Object.create(Number.prototype)), VectorFace = withMethods(Object.create(Array.prototype)), TextFace = withMethods(Object.create(String.prototype));
Object.defineProperty(TextFace, 'toString', { value() { return String.prototype.toString.call(this); } });
withMethods(PathFace.prototype);
// `thisProperty`: a property by itself, which stands for its value.
const OwnFace = withMethods(Object.create(PathFace.prototype));
Object.assign(OwnFace, { $value() { return given(this[PROP], valueOf(this[PROP], now)); }, valueOf() { return this.$value(); }, toString() { return String(this.$value()); } });
Object.defineProperty(OwnFace, SELF, { get() { return valueOf(this[PROP], now); } });
for (const name of ['name', '_name']) Object.defineProperty(OwnFace, name, { get() { return this[PROP].name; } });
const ownFace = prop => Object.freeze(Object.assign(Object.create(OwnFace), { [PROP]: prop }));
// Plain numbers, lists and texts stand for their value too.
for (const kind of [Number, Array, String]) Object.defineProperty(kind.prototype, 'value', { get() { return this.valueOf(); }, set() {}, configurable: true });

function markers(list) {
  const all = (isList(list) ? list : []).filter(isObject).map((one, n) => Object.freeze({ index: n + 1, time: (Number(one.tm) || 0) / rate, duration: (Number(one.dr) || 0) / rate, comment: String(one.cm ?? ''), name: String(one.cm ?? '') }));
  const key = name => { const found = typeof name === 'number' ? all[name - 1] : all.find(one => one.comment === name); if (!found) throw new RangeError(`there is no marker ${describe(name)}`); return found; };
  const nearest = at => { if (!all.length) throw new RangeError('there are no markers'); const t = moment(at); return all.reduce((best, one) => (Math.abs(one.time - t) < Math.abs(best.time - t) ? one : best)); };
  return Object.freeze({ numKeys: all.length, key: Object.freeze(name => key(own(name))), nearestKey: Object.freeze(nearest) });
}

function compFace(comp) {
  if (comp.face) return comp.face;
  const layer = (name, step = 0) => {
    if (typeof name === 'function' && name[SELF] instanceof Layer) name = (name[SELF].data.ind ?? name[SELF].place + 1) + number(step);
    name = own(name);
    const found = typeof name === 'number' ? comp.layerAt(name) : comp.layerNamed(String(name));
    if (!found) throw new ReferenceError(`the composition has no layer ${describe(name)}`);
    return layerFace(found);
  };
  Object.freeze(layer);
  const { data } = comp;
  return (comp.face = Object.freeze(Object.assign(Object.create({ get activeCamera() { throw new Refusal('camera', 'cameras are not drawn'); } }), {
    layer, name: data.nm, _name: data.nm, width: data.w, height: data.h, numLayers: comp.layers.length, duration: data.frames / rate, frameDuration: 1 / rate,
    displayStartTime: 0, pixelAspect: 1, bgColor: Object.freeze([0, 0, 0, 1]), marker: markers(data.markers),
  })));
}
function compNamed(name) {
  const found = comps.find(one => one.data.nm === name) ?? comps.find(one => one.data.id === name) ?? shownBy(name);
  return found ? compFace(found) : lost(name);
}
const shownBy = name => { for (const comp of comps) for (const one of comp.layers) if (one.data.ty === 0 && one.data.nm === name) return comps.find(other => other.index && other.data.id === one.data.refId); };
// A composition whose name the exporter has left out: its layers are looked for in all.
function lost(name) {
  const layer = wanted => {
    const found = comps.map(comp => comp.layerNamed(String(own(wanted)))).find(Boolean);
    if (!found) throw new ReferenceError(`there is no composition ${describe(name)} with a layer ${describe(own(wanted))}`);
    return layerFace(found);
  };
  return Object.freeze({ layer, name });
}
const sourceFace = layer => {
  const comp = comps.find(one => one.index && one.data.id === layer.data.refId);
  return comp ? compFace(comp) : Object.freeze({ width: layer.data.w, height: layer.data.h, name: layer.data.nm });
};
