// Problems "minimise L(z(x)) = |z - z*|²" in the plane, and the deterministic rules x → x′. A 2 by 2 matrix is [a, b, c, d].

// The solution of a 2 by 2 system by elimination with pivoting; not finite where the matrix is singular.
function solve([a, b, c, d], [r, s]) {
  if (Math.abs(c) > Math.abs(a)) [a, b, c, d, r, s] = [c, d, a, b, s, r];
  const factor = c / a;
  const second = (s - factor * r) / (d - factor * b);
  return [(r - b * second) / a, second];
}
const times = ([a, b, c, d], [x, y]) => [a * x + b * y, c * x + d * y];
const transposed = ([a, b, c, d]) => [a, c, b, d];
const minus = (p, q) => [p[0] - q[0], p[1] - q[1]];
const distanceBetween = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
const isFinitePoint = (p) => Number.isFinite(p[0]) && Number.isFinite(p[1]);

const TURN = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const ROTATED = [TURN[0], -TURN[1], 4 * TURN[1], 4 * TURN[0]];

// z: the map. jacobian: of z at x. curvature: the Hessians of both components. inverse: local, from (z, x).
// A start, rates and the part of both planes that is shown, [from, to] along each axis, come with each.
const FOLD = {
  z: ([x, y]) => [x, y * y],
  jacobian: ([, y]) => [1, 0, 0, 2 * y],
  curvature: () => [[0, 0, 0, 0], [0, 0, 0, 2]],
  inverse: ([z, w], [, y]) => [z, (y < 0 ? -1 : 1) * Math.sqrt(w)],
};
const PROBLEMS = {
  walkthrough: {
    label: "the walkthrough: z = (x₀, x₁²)",
    ...FOLD,
    target: [0, 0],
    minima: [[0, 0]],
    start: [3, 3],
    shown: { x: [[-0.5, 3.6], [-0.9, 3.6]], z: [[-0.5, 3.6], [-1.4, 10.6]] },
  },
  rotated: {
    label: "rotated and scaled: z = A x",
    z: (x) => times(ROTATED, x),
    jacobian: () => ROTATED,
    curvature: () => [[0, 0, 0, 0], [0, 0, 0, 0]],
    inverse: (z) => solve(ROTATED, z),
    target: [0, 0],
    minima: [[0, 0]],
    start: [3, 1],
    shown: { x: [[-1.5, 3.6], [-2.7, 2.4]], z: [[-0.9, 3.1], [-7.5, 11]] },
  },
  rosenbrock: {
    label: "Rosenbrock: z = (1 − x₀, 10 (x₁ − x₀²))",
    z: ([x, y]) => [1 - x, 10 * (y - x * x)],
    jacobian: ([x]) => [-1, 0, -20 * x, 10],
    curvature: () => [[0, 0, 0, 0], [-20, 0, 0, 0]],
    inverse: ([z, w]) => [1 - z, w / 10 + (1 - z) * (1 - z)],
    target: [0, 0],
    minima: [[1, 1]],
    start: [-1.2, 1],
    shown: { x: [[-1.7, 1.6], [-1.3, 2]], z: [[-0.4, 2.6], [-26, 15]] },
  },
  shifted: {
    label: "two minima: z = (x₀, x₁²), z* = (1, 4)",
    ...FOLD,
    target: [1, 4],
    minima: [[1, 2], [1, -2]],
    start: [3, 0.6],
    shown: { x: [[0.4, 3.4], [-2.7, 3]], z: [[0.5, 3.4], [-1, 7]] },
  },
  square: {
    label: "two branches: z = x², x complex",
    z: ([x, y]) => [x * x - y * y, 2 * x * y],
    jacobian: ([x, y]) => [2 * x, -2 * y, 2 * y, 2 * x],
    curvature: () => [[2, 0, 0, -2], [0, 2, 2, 0]],
    inverse: complexRoot,
    target: [3, 4],
    minima: [[2, 1], [-2, -1]],
    start: [-0.6, 1.8],
    shown: { x: [[-2.6, 2.7], [-1.9, 2.4]], z: [[-4.4, 5.2], [-3.4, 5.6]] },
  },
  cubic: {
    label: "a singular Jacobian: z = (x₀, x₁³), z* = (0, −1)",
    z: ([x, y]) => [x, y * y * y],
    jacobian: ([, y]) => [1, 0, 0, 3 * y * y],
    curvature: ([, y]) => [[0, 0, 0, 0], [0, 0, 0, 6 * y]],
    inverse: ([z, w]) => [z, Math.cbrt(w)],
    target: [0, -1],
    minima: [[0, -1]],
    start: [2, 1],
    shown: { x: [[-0.5, 2.5], [-2.9, 1.6]], z: [[-0.5, 2.5], [-17, 4]] },
  },
};

// Of the two square roots of z, the one on the side of x.
function complexRoot([z, w], [x, y]) {
  const size = Math.hypot(z, w);
  // the larger part by a sum of positive terms, the other by division: neither loses digits
  const large = Math.sqrt((size + Math.abs(z)) / 2);
  const small = large === 0 ? 0 : Math.abs(w) / (2 * large);
  const [real, imaginary] = z >= 0 ? [large, w < 0 ? -small : small] : [small, w < 0 ? -large : large];
  return real * x + imaginary * y < 0 ? [-real, -imaginary] : [real, imaginary];
}

const toward = (problem, x) => minus(problem.z(x), problem.target);
// ½∇L = Jᵀ(z - z*): the factors of 2 of gradient and Hessian cancel in every rule but gradient descent
const halfGradient = (problem, x) => times(transposed(problem.jacobian(x)), toward(problem, x));

function gaussNewtonMatrix(problem, x) {
  const [a, b, c, d] = problem.jacobian(x);
  return [a * a + c * c, a * b + c * d, a * b + c * d, b * b + d * d];
}

const METHODS = {
  "gradient descent": (problem, x, rate) => {
    const g = halfGradient(problem, x);
    return [x[0] - 2 * rate * g[0], x[1] - 2 * rate * g[1]];
  },
  Newton: (problem, x, rate) => {
    const r = toward(problem, x);
    const [first, second] = problem.curvature(x);
    const hessian = gaussNewtonMatrix(problem, x).map((entry, i) => entry + r[0] * first[i] + r[1] * second[i]);
    const step = solve(hessian, halfGradient(problem, x));
    return [x[0] - rate * step[0], x[1] - rate * step[1]];
  },
  "Gauss-Newton": (problem, x, rate) => {
    const step = solve(gaussNewtonMatrix(problem, x), halfGradient(problem, x));
    return [x[0] - rate * step[0], x[1] - rate * step[1]];
  },
  "physical gradient": (problem, x, rate) => {
    const z = problem.z(x);
    const target = problem.target;
    return problem.inverse([z[0] - rate * (z[0] - target[0]), z[1] - rate * (z[1] - target[1])], x);
  },
};

// A path counts as diverged from its first point past this bound on, or from its first point that is not finite.
const BOUND = 1e6;

// The start and every iterate, updates + 1 points. After the first point past the bound all are NaN.
function repeat(step, start, updates) {
  const path = [start.slice()];
  let lost = false;
  for (let k = 0; k < updates; k++) {
    const last = path[k];
    lost ||= !isFinitePoint(last) || Math.max(Math.abs(last[0]), Math.abs(last[1])) > BOUND;
    path.push(lost ? [NaN, NaN] : step(last));
  }
  return path;
}

// The last index of a path before it diverges, or -1 if it does not.
function divergesAt(path) {
  return path.findIndex((p) => !isFinitePoint(p) || Math.max(Math.abs(p[0]), Math.abs(p[1])) > BOUND);
}

function named(what, name, table) {
  if (typeof name === "string" && Object.hasOwn(table, name)) return table[name];
  throw new RangeError(`${what} must be one of ${Object.keys(table).join(", ")}, got ${name}`);
}

function finitePair(what, value) {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Number.isFinite)) {
    throw new RangeError(`${what} must be two finite numbers, got ${value}`);
  }
}

// Path of a method; `problem` is a name in PROBLEMS or an object like those in it.
function descend(problem, method, start, rate, updates) {
  const solved = typeof problem === "object" && problem ? problem : named("problem", problem, PROBLEMS);
  const rule = named("method", method, METHODS);
  finitePair("start", start);
  if (!(Number.isFinite(rate) && rate > 0)) throw new RangeError(`rate must be finite and greater than 0, got ${rate}`);
  if (!(Number.isInteger(updates) && updates > 0)) {
    throw new RangeError(`updates must be a whole number of at least 1, got ${updates}`);
  }
  return repeat((x) => rule(solved, x, rate), start, updates);
}

// Largest distance of a path from the straight line through two points.
function distanceFromLine(path, start, end) {
  const line = minus(end, start);
  return Math.max(...path.map((p) => Math.abs((p[1] - start[1]) * line[0] - (p[0] - start[0]) * line[1]))) / Math.hypot(...line);
}
// How far a path bends: the largest difference of the shares of the way still to go in its two coordinates. It is the
// distance from the line with both axes measured in its own lengths; where one of them is 0, as a share of the line.
function shareGap(path, target) {
  const line = minus(target, path[0]);
  const length = Math.hypot(...line);
  return (distanceFromLine(path, path[0], target) * length) / (Math.abs(line[0] * line[1]) || length * length);
}
const distanceLeft = (problem, x) => Math.min(...problem.minima.map((minimum) => distanceBetween(x, minimum)));
