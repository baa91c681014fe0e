// Vectors of three numbers, (x, y, z).
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const scaled = (a, s) => a.map((x) => x * s);
const plus = (a, b) => a.map((x, i) => x + b[i]);
const minus = (a, b) => a.map((x, i) => x - b[i]);
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => scaled(a, 1 / Math.hypot(...a));
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

// A vector turned about a unit axis.
function turned(a, axis, radians) {
  const c = Math.cos(radians), s = Math.sin(radians);
  return plus(plus(scaled(a, c), scaled(cross(axis, a), s)), scaled(axis, dot(axis, a) * (1 - c)));
}
