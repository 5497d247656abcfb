// Paths and the room that things take: points along a curve, and the rectangles around texts and shapes.

const pairs = list => (isList(list) ? list : []).map(p => [number(p?.[0] ?? 0), number(p?.[1] ?? 0)]);

// A path as a value, with the methods of one; `prop` where it is a property's.
class PathFace {
  constructor(path, prop) { this[SELF] = path, this[PROP] = prop; Object.freeze(this); }
  points(at) { return pairs(pathAt(this, at).v); }
  inTangents(at) { return pairs(pathAt(this, at).i); }
  outTangents(at) { return pairs(pathAt(this, at).o); }
  isClosed() { return Boolean(this[SELF].c); }
  pointOnPath(part = 0.5, at) { return onPath(pathAt(this, at), part).point; }
  tangentOnPath(part = 0.5, at) { return onPath(pathAt(this, at), part).tangent; }
  normalOnPath(part = 0.5, at) { const [x, y] = onPath(pathAt(this, at), part).tangent; return [-y, x]; }
}
const pathAt = (face, at) => (at === undefined || !face[PROP] ? face[SELF] : valueOf(face[PROP], number(own(at))));

function createPath(points = [[0, 0], [100, 0], [100, 100], [0, 100]], into = [], out = [], closed = true) {
  const v = pairs(points), list = given => { const found = pairs(given); return found.length ? found : v.map(() => [0, 0]); };
  const i = list(into), o = list(out);
  if (!v.length || i.length !== v.length || o.length !== v.length) throw new TypeError('createPath() takes as many tangents as points');
  return new PathFace({ v, i, o, c: Boolean(closed) }, null);
}

const measured = new WeakMap(); // the lengths along a path, by the path
const STEPS = 50; // of a curve, between which its length is taken as straight
function curvesOf(path) {
  const { v, i = [], o = [], c } = path, curves = [], count = c ? v.length : v.length - 1;
  for (let n = 0; n < count; n++) {
    const a = v[n], d = v[(n + 1) % v.length], out = o[n] ?? [0, 0], into = i[(n + 1) % v.length] ?? [0, 0];
    curves.push([a, [a[0] + out[0], a[1] + out[1]], [d[0] + into[0], d[1] + into[1]], d]);
  }
  return curves;
}
const pointOf = ([a, b, c, d], t) => { const u = 1 - t; return [0, 1].map(n => u * u * u * a[n] + 3 * u * u * t * b[n] + 3 * u * t * t * c[n] + t * t * t * d[n]); };
const slopeOf = ([a, b, c, d], t) => { const u = 1 - t; return [0, 1].map(n => 3 * (u * u * (b[n] - a[n]) + 2 * u * t * (c[n] - b[n]) + t * t * (d[n] - c[n]))); };

function lengthsOf(path) {
  let found = measured.get(path);
  if (found) return found;
  const curves = curvesOf(path), lengths = [];
  let length = 0;
  for (const [a, b, c, d] of curves) {
    // The curve as a polynomial: x0 + x1 t + x2 t² + x3 t³.
    const x0 = a[0], x1 = 3 * (b[0] - a[0]), x2 = 3 * (c[0] - 2 * b[0] + a[0]), x3 = d[0] - 3 * c[0] + 3 * b[0] - a[0];
    const y0 = a[1], y1 = 3 * (b[1] - a[1]), y2 = 3 * (c[1] - 2 * b[1] + a[1]), y3 = d[1] - 3 * c[1] + 3 * b[1] - a[1];
    let beforeX = x0, beforeY = y0;
    for (let n = 1; n <= STEPS; n++) {
      const t = n / STEPS, x = ((x3 * t + x2) * t + x1) * t + x0, y = ((y3 * t + y2) * t + y1) * t + y0;
      length += Math.sqrt((x - beforeX) * (x - beforeX) + (y - beforeY) * (y - beforeY));
      lengths.push(length), beforeX = x, beforeY = y;
    }
  }
  measured.set(path, (found = { curves, lengths, length }));
  return found;
}
// The point and direction at a part of a path's length.
function onPath(path, part) {
  const { curves, lengths, length } = lengthsOf(path);
  if (!curves.length) return { point: [...(path.v[0] ?? [0, 0])], tangent: [0, 0] };
  const wanted = clamp(part, 0, 1) * length;
  let low = 0, high = lengths.length - 1;
  while (low < high) { const middle = (low + high) >> 1; if (lengths[middle] < wanted) low = middle + 1; else high = middle; }
  const from = low ? lengths[low - 1] : 0, way = lengths[low] - from, inner = way ? (wanted - from) / way : 0;
  const curve = curves[Math.floor(low / STEPS)], t = (low % STEPS + inner) / STEPS;
  let slope = slopeOf(curve, t);
  if (Math.hypot(...slope) < 1e-6) slope = sub(pointOf(curve, Math.min(1, t + 0.01)), pointOf(curve, Math.max(0, t - 0.01)));
  return { point: pointOf(curve, t), tangent: normalize(slope) };
}

// The room around points: [left, top, right, bottom].
const nothing = () => [Infinity, Infinity, -Infinity, -Infinity];
const grow = (box, [x, y], by = 0) => { box[0] = Math.min(box[0], x - by), box[1] = Math.min(box[1], y - by), box[2] = Math.max(box[2], x + by), box[3] = Math.max(box[3], y + by); };
function growByPath(box, path, matrix, by) {
  const place = ([x, y]) => moved(matrix, x, y);
  for (const p of path.v.length === 1 ? path.v : []) grow(box, place(p), by);
  for (const curve of curvesOf(path)) {
    const [a, b, c, d] = curve.map(place);
    grow(box, a, by), grow(box, d, by);
    for (const n of [0, 1]) {
      const q = 3 * (d[n] - 3 * c[n] + 3 * b[n] - a[n]), r = 6 * (c[n] - 2 * b[n] + a[n]), s = 3 * (b[n] - a[n]);
      const root = Math.sqrt(r * r - 4 * q * s), turns = Math.abs(q) < 1e-9 ? [-s / r] : [(-r + root) / (2 * q), (-r - root) / (2 * q)];
      for (const t of turns) if (t > 0 && t < 1) grow(box, pointOf([a, b, c, d], t), by);
    }
  }
}
const KAPPA = 0.5522847498; // of a circle's radius, to the handle of a quarter
function outline(node, value) {
  if (node.ty === 'sh') return value('ks', null);
  const [x, y] = value('p', [0, 0]);
  if (node.ty === 'sr') {
    const count = Math.max(3, Math.round(value('pt', 5))), star = node.sy !== 2, outer = value('or', 0), inner = value('ir', 0), turn = value('r', 0), v = [];
    for (let n = 0; n < (star ? count * 2 : count); n++) {
      const angle = (turn - 90 + n * 360 / (star ? count * 2 : count)) * Math.PI / 180, radius = star && n % 2 ? inner : outer;
      v.push([x + Math.cos(angle) * radius, y + Math.sin(angle) * radius]);
    }
    return { v, c: true };
  }
  const [w, h] = value('s', [0, 0]).map(side => side / 2);
  if (node.ty === 'rc') return { v: [[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]], c: true };
  const kx = w * KAPPA, ky = h * KAPPA;
  return { v: [[x, y - h], [x + w, y], [x, y + h], [x - w, y]], o: [[kx, 0], [0, ky], [-kx, 0], [0, -ky]], i: [[-kx, 0], [0, -ky], [kx, 0], [0, ky]], c: true };
}
// The room that a list of shapes takes; a line adds half its width to the paths of its list.
function growByShapes(box, items, layer, chain, matrix, moment, above) {
  const list = (isList(items) ? items : []).filter(one => isObject(one) && !one.hd);
  const value = (node, key, fallback) => propOf(node, key, layer, [...chain, node], fallback).valueAt(moment);
  let by = above;
  for (const one of list) if (one.ty === 'st' || one.ty === 'gs') by = Math.max(by, value(one, 'w', 0) / 2);
  for (const one of list) {
    if (one.ty === 'gr') growByShapes(box, one.it, layer, [...chain, one], times(matrix, groupMatrix(one, layer, [...chain, one], moment)), moment, by);
    else if (['rc', 'el', 'sr', 'sh'].includes(one.ty)) {
      const path = outline(one, (key, fallback) => value(one, key, fallback));
      if (isObject(path) && isList(path.v)) growByPath(box, path, matrix, by);
    }
  }
}
function groupMatrix(group, layer, chain, moment) {
  const node = (isList(group.it) ? group.it : []).find(one => isObject(one) && one.ty === 'tr');
  if (!node) return [1, 0, 0, 1, 0, 0];
  const value = key => propOf(node, key, layer, [...chain, node], TRANSFORM[key]);
  return ownMatrix({ transform: value }, moment);
}

// Measures of texts that are asked for from outside, by what is measured; what is missing stops the moment until it is there.
const measures = new Map(), needs = new Map();
class Need extends Error {}

function sourceRect(layer, moment, extents) {
  if (layer.data.ty === 5) {
    const text = sourceOf(layer).valueAt(moment), key = JSON.stringify([layer.comp.index, layer.place, text.t, text.s, text.f, text.j, text.tr, text.lh, text.ca, text.sz, text.ps, extents]);
    const found = measures.get(key);
    if (found) return rectangle(found);
    needs.set(key, text);
    throw new Need();
  }
  if (layer.data.ty !== 4) return rectangle([0, 0, layer.data.w, layer.data.h]);
  const box = nothing();
  growByShapes(box, layer.body.shapes, layer, [layer.body], [1, 0, 0, 1, 0, 0], moment, 0);
  return rectangle(box[0] > box[2] ? [0, 0, 0, 0] : box);
}
const rectangle = ([left, top, right, bottom]) => ({ top, left, width: right - left, height: bottom - top });
