// Arithmetic of landmarks: arrays of [x, y], null where one is missing.

export function centre(points) {
  const there = points.filter(Boolean);
  if (!there.length) return null;
  return [0, 1].map((a) => there.reduce((sum, p) => sum + p[a], 0) / there.length);
}

export const mapped = (points, move) => points.map((p) => p && move(p));

// Points turned by an angle and scaled around a place.
export function turned(points, angle, scale, [cx, cy]) {
  const c = scale * Math.cos(angle), s = scale * Math.sin(angle);
  return mapped(points, ([x, y]) => [
    cx + c * (x - cx) - s * (y - cy),
    cy + s * (x - cx) + c * (y - cy),
  ]);
}

// Points that follow their box from one place to another.
export function follow(points, from, to) {
  const sx = (to[2] - to[0]) / (from[2] - from[0]);
  const sy = (to[3] - to[1]) / (from[3] - from[1]);
  return mapped(points, ([x, y]) => [to[0] + (x - from[0]) * sx, to[1] + (y - from[1]) * sy]);
}

// The mirror image of a shape, its counterparts exchanged, laid over the shape by the similarity
// of least squares: a point that is misplaced, and a pair that is none, lie far from it.
export function mirrored(points, flip) {
  const source = points.map((_, k) => points[flip[k]] && [-points[flip[k]][0], points[flip[k]][1]]);
  const pairs = points.map((p, k) => [source[k], p]).filter(([a, b]) => a && b);
  if (pairs.length < 2) return points.map(() => null);
  const from = centre(pairs.map(([a]) => a)), to = centre(pairs.map(([, b]) => b));
  let re = 0, im = 0, energy = 0;
  for (const [a, b] of pairs) {
    const x = a[0] - from[0], y = a[1] - from[1], u = b[0] - to[0], v = b[1] - to[1];
    re += x * u + y * v;
    im += x * v - y * u;
    energy += x * x + y * y;
  }
  if (!energy) return points.map(() => null);
  const c = re / energy, s = im / energy;
  return mapped(source, ([x, y]) => {
    x -= from[0]; y -= from[1];
    return [to[0] + c * x - s * y, to[1] + s * x + c * y];
  });
}

// Share of the mirror pairs that point the other way than those of a shape that is right.
export function exchanged(points, flip, reference) {
  let wrong = 0, n = 0;
  flip.forEach((other, k) => {
    if (other <= k || !points[k] || !points[other] || !reference[k] || !reference[other]) return;
    const [ax, ay] = [points[other][0] - points[k][0], points[other][1] - points[k][1]];
    const [bx, by] = [reference[other][0] - reference[k][0], reference[other][1] - reference[k][1]];
    wrong += ax * bx + ay * by < 0;
    n += 1;
  });
  return n ? wrong / n : 0;
}

export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

// Intersection over union of a box with the box of the points.
export function overlap(box, points) {
  const there = points.filter(Boolean);
  const [xs, ys] = [0, 1].map((a) => there.map((p) => p[a]));
  const tight = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const side = (a, b, k) => Math.max(0, Math.min(a[k + 2], b[k + 2]) - Math.max(a[k], b[k]));
  const area = (b) => (b[2] - b[0]) * (b[3] - b[1]);
  const common = side(box, tight, 0) * side(box, tight, 1);
  return common / Math.max(area(box) + area(tight) - common, 1e-9);
}
