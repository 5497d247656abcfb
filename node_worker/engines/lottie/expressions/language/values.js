// Numbers, vectors and colours: the arithmetic of the expression language.
//
// The five files of this folder are joined into one function, in the order of loading: values, document, layers, functions, driver.
// What an exporter made of `a + b` calls these, so that vectors add as in After Effects: member by member, the shorter one filled with zeros.

const isList = Array.isArray;
const plain = v => (typeof v === 'object' && v !== null && !isList(v) && (v instanceof Number || v instanceof String) ? v.valueOf() : v);
const number = v => {
  const found = Number(isList(v) ? v[0] : v);
  if (!Number.isFinite(found)) throw new TypeError(`${describe(v)} is no number`);
  return found;
};
const describe = v => (isList(v) ? 'a list' : v === null ? 'null' : typeof v === 'object' ? 'an object' : typeof v === 'function' ? 'a group of properties' : String(v).slice(0, 40));

// A text without halves of characters, which cutting leaves.
const whole = text => String(text).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '');

function each(a, b, one) {
  a = own(a), b = own(b);
  if (isList(a) && isList(b)) {
    const length = Math.max(a.length, b.length), made = new Array(length);
    for (let i = 0; i < length; i++) made[i] = one(Number(a[i] ?? 0), Number(b[i] ?? 0));
    return made;
  }
  return undefined;
}

// A property object stands for its value.
const own = v => (typeof v === 'object' && v !== null && !isList(v) && v.$value !== undefined ? v.$value() : plain(v));

function sum(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  a = own(a), b = own(b);
  if (isList(a) && isList(b)) return each(a, b, (x, y) => x + y);
  if (typeof a === 'string' || typeof b === 'string') return String(a) + String(b);
  if (isList(a)) { const made = copy(a); made[0] = Number(a[0]) + Number(b); return made; }
  if (isList(b)) { const made = copy(b); made[0] = Number(a) + Number(b[0]); return made; }
  return a + b;
}
function sub(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  a = own(a), b = own(b);
  if (isList(a) && isList(b)) return each(a, b, (x, y) => x - y);
  if (isList(a)) { const made = copy(a); made[0] = Number(a[0]) - Number(b); return made; }
  if (isList(b)) { const made = b.map(x => -x); made[0] = Number(a) - Number(b[0]); return made; }
  return a - b;
}
function mul(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  a = own(a), b = own(b);
  if (isList(a) && isList(b)) return each(a, b, (x, y) => x * y);
  if (isList(a)) return copy(a).map(x => x * b);
  if (isList(b)) return copy(b).map(x => x * a);
  return a * b;
}
function div(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a / b;
  a = own(a), b = own(b);
  if (isList(a) && isList(b)) return each(a, b, (x, y) => x / y);
  if (isList(a)) return copy(a).map(x => x / b);
  if (isList(b)) return copy(b).map(x => a / x);
  return a / b;
}
function mod(a, b) {
  a = own(a), b = own(b);
  if (isList(a)) return copy(a).map((x, i) => x % (isList(b) ? b[i] : b));
  return a % b;
}
function neg(a) {
  a = own(a);
  return isList(a) ? copy(a).map(x => -x) : -a;
}
const copy = v => { const made = new Array(v.length); for (let i = 0; i < v.length; i++) made[i] = v[i]; return made; };
const numbersOf = v => { v = own(v); return isList(v) ? v.map(number) : [number(v)]; };

function dot(a, b) { a = numbersOf(a), b = numbersOf(b); let total = 0; for (let i = 0; i < Math.min(a.length, b.length); i++) total += a[i] * b[i]; return total; }
function cross(a, b) {
  const [x, y, z = 0] = numbersOf(a), [u, v, w = 0] = numbersOf(b);
  return [y * w - z * v, z * u - x * w, x * v - y * u];
}
function vectorLength(a, b) {
  a = numbersOf(a);
  if (b !== undefined) { b = numbersOf(b); a = each(a, b, (x, y) => x - y); }
  let total = 0;
  for (const x of a) total += x * x;
  return Math.sqrt(total);
}
function normalize(a) { const all = vectorLength(a); return all ? div(numbersOf(a), all) : numbersOf(a); }
function clamp(value, low, high) {
  value = own(value);
  if (isList(value)) return value.map((x, i) => clamp(x, isList(low) ? low[i] : low, isList(high) ? high[i] : high));
  low = number(low), high = number(high);
  if (low > high) [low, high] = [high, low];
  return Math.min(Math.max(number(value), low), high);
}

// interpolate(t, tMin, tMax, value1, value2) or (t, value1, value2), whose times are 0 and 1.
function between(curve) {
  return (t, a, b, c, d) => {
    t = number(own(t));
    let low = 0, high = 1, from = own(a), to = own(b);
    if (c !== undefined && d !== undefined) { low = number(own(a)), high = number(own(b)), from = own(c), to = own(d); }
    else if (c !== undefined) throw new TypeError('an interpolation takes 3 or 5 values, not 4');
    // Bounds in the wrong order are exchanged, and the values stay: as the reference player does, on which rigs rely.
    if (low > high) [low, high] = [high, low];
    let part = high === low ? (t >= high ? 1 : 0) : (t - low) / (high - low);
    part = curve(part <= 0 ? 0 : part >= 1 ? 1 : part);
    if (isList(from) || isList(to)) {
      from = numbersOf(from), to = numbersOf(to);
      return each(from, to, (x, y) => x + (y - x) * part);
    }
    from = number(from), to = number(to);
    return part <= 0 ? from : part >= 1 ? to : from + (to - from) * part;
  };
}
// The curves are those of keyframes with an influence of a third at the eased ends.
const linear = between(part => part);
const ease = between(part => bezierEase(0.333, 0, 0.667, 1, part));
const easeOut = between(part => bezierEase(0.167, 0.167, 0.667, 1, part));
const easeIn = between(part => bezierEase(0.333, 0, 0.833, 0.833, part));

// The height of a Bezier curve from (0, 0) to (1, 1) above `x`.
function bezierEase(x1, y1, x2, y2, x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x1 === y1 && x2 === y2) return x;
  const c = 3 * x1, b = 3 * (x2 - x1) - c, a = 1 - c - b;
  let s = x, low = 0, high = 1;
  for (let n = 0; n < 40; n++) {
    const off = ((a * s + b) * s + c) * s - x;
    if (off < 1e-9 && off > -1e-9) break;
    if (off > 0) high = s; else low = s;
    const slope = (3 * a * s + 2 * b) * s + c;
    const next = slope > 1e-7 || slope < -1e-7 ? s - off / slope : -1;
    s = next > low && next < high ? next : (low + high) / 2;
  }
  const cy = 3 * y1, by = 3 * (y2 - y1) - cy;
  return ((1 - cy - by) * s + by) * s * s + cy * s;
}

const degreesToRadians = degrees => number(own(degrees)) * Math.PI / 180;
const radiansToDegrees = radians => number(own(radians)) * 180 / Math.PI;
function lookAt(from, at) {
  const [x, y, z = 0] = sub(numbersOf(at), numbersOf(from));
  return [radiansToDegrees(Math.atan2(-y, Math.hypot(x, z))), radiansToDegrees(Math.atan2(x, z)), 0];
}
function hslToRgb(colour) {
  const [h, s, l, a = 1] = numbersOf(colour);
  const q = l < 0.5 ? l * (1 + s) : l + s - l * s, p = 2 * l - q;
  const channel = t => {
    t = t - Math.floor(t);
    return t < 1 / 6 ? p + (q - p) * 6 * t : t < 1 / 2 ? q : t < 2 / 3 ? p + (q - p) * (2 / 3 - t) * 6 : p;
  };
  return [channel(h + 1 / 3), channel(h), channel(h - 1 / 3), a];
}
function rgbToHsl(colour) {
  const [r, g, b, a = 1] = numbersOf(colour);
  const high = Math.max(r, g, b), low = Math.min(r, g, b), l = (high + low) / 2, way = high - low;
  if (!way) return [0, 0, l, a];
  const s = l > 0.5 ? way / (2 - high - low) : way / (high + low);
  const h = high === r ? (g - b) / way + (g < b ? 6 : 0) : high === g ? (b - r) / way + 2 : (r - g) / way + 4;
  return [h / 6, s, l, a];
}
function hexToRgb(text) {
  const found = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})?$/i.exec(String(text));
  if (!found) throw new TypeError(`${describe(text)} is no colour`);
  return [1, 2, 3, 4].map(n => (found[n] === undefined ? 1 : parseInt(found[n], 16) / 255));
}

// Chance: whole numbers of 32 bits mixed by multiplications, the same on every machine.
function mix(a, b) {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b ^ (b >>> 15), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}
const unit = (seed, n) => mix(seed, n) / 4294967296;
// Smooth noise in -1 to 1 along a line: chance at whole numbers, eased between.
function wave(seed, x) {
  const at = Math.floor(x), part = x - at, a = unit(seed, at | 0) * 2 - 1, b = unit(seed, (at + 1) | 0) * 2 - 1;
  return a + (b - a) * part * part * (3 - 2 * part);
}
function noise(at) {
  const [x, y = 0, z = 0] = numbersOf(at);
  const plane = depth => {
    const line = row => wave(mix(depth | 0, row | 0), x), top = Math.floor(y), part = y - top, a = line(top), b = line(top + 1);
    return a + (b - a) * part * part * (3 - 2 * part);
  };
  const near = Math.floor(z), part = z - near, a = plane(near), b = part ? plane(near + 1) : a;
  return a + (b - a) * part * part * (3 - 2 * part);
}
