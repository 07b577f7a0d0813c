// TANGO: the race of the published figure on the legacy stream, and its mean motion beside noisy runs in any coordinates.

const RACE = { seed: 1234, checks: true, start: [0, 1], target: [10, 1], stepSize: 1e-4, gamma: 1e-2, rate: 1e-3, limit: 100000 };
const RACERS = ["tango", "sgd", "averagedSgd"];

function checkMember(name, value) {
  finitePair(name, value);
  if (!(value[1] > 0)) throw new RangeError(`${name} must have a standard deviation greater than 0, got ${value[1]}`);
}
function checkRate(name, value) {
  if (!(value > 0 && value <= 1)) throw new RangeError(`${name} must be greater than 0 and at most 1, got ${value}`);
}
function checkCount(name, value) {
  if (!(Number.isInteger(value) && value > 0)) throw new RangeError(`${name} must be a whole number of at least 1, got ${value}`);
}

// The three rules in (μ, ln σ), each as an object that steps and shows where it is.
function tangoRacer(start, target, normal, { stepSize, gamma }) {
  const keep = 1 - stepSize;
  const here = { mean: start[0], logScale: Math.log(start[1]), scale: start[1] };
  let v0 = 0;
  let v1 = 0;
  here.step = () => {
    const { mean, scale } = here;
    const y = target[0] + target[1] * normal();
    const pseudo = mean + scale * normal();
    const variance = scale * scale;
    const p0 = (mean - pseudo) / variance;
    const p1 = 1 - ((pseudo - mean) / scale) ** 2;
    const overlap = gamma * keep * (v0 * p0 + v1 * p1);
    v0 = keep * v0 + (gamma * (mean - y)) / variance - overlap * p0;
    v1 = keep * v1 + gamma * (1 - ((y - mean) / scale) ** 2) - overlap * p1;
    here.mean -= stepSize * v0;
    here.logScale -= stepSize * v1;
    here.scale = Math.exp(here.logScale);
  };
  return here;
}
function sgdRacer(start, target, normal, { rate }) {
  const here = { mean: start[0], logScale: Math.log(start[1]), scale: start[1] };
  here.step = () => {
    const { mean, scale } = here;
    const y = target[0] + target[1] * normal();
    here.mean -= (rate * (mean - y)) / (scale * scale);
    here.logScale -= rate * (1 - ((y - mean) / scale) ** 2);
    here.scale = Math.exp(here.logScale);
  };
  return here;
}
function averagedSgdRacer(start, target, normal, { stepSize, gamma }) {
  const fast = sgdRacer(start, target, normal, { rate: gamma });
  const here = { mean: fast.mean, logScale: fast.logScale, scale: fast.scale };
  here.step = () => {
    fast.step();
    here.mean = (1 - stepSize) * here.mean + stepSize * fast.mean;
    here.logScale = (1 - stepSize) * here.logScale + stepSize * fast.logScale;
    here.scale = Math.exp(here.logScale);
  };
  return here;
}

// The three methods one after the other on one stream. Yields every `every` iterations and at the end of each method: its
// name, iterations made, count of the first hit (null if there is none yet) and the next points of its path.
function* race(settings = {}, every = 2000, stride = 100) {
  const all = { ...RACE, ...settings };
  const { seed, checks, start, target, limit } = all;
  checkMember("start", start);
  checkMember("target", target);
  for (const name of ["stepSize", "gamma", "rate"]) checkRate(name, all[name]);
  checkCount("limit", limit);
  const { oneNormal, oneUniform } = randomState(seed);
  // the four checks of the source take 3,000 uniforms each before the first normal
  if (checks) for (let i = 0; i < 12000; i++) oneUniform();
  const width = target.map((value) => 0.01 + 1e-5 * Math.abs(value));

  const makers = { tango: tangoRacer, sgd: sgdRacer, averagedSgd: averagedSgdRacer };
  for (const method of RACERS) {
    const here = makers[method](start, target, oneNormal, all);
    let points = [start.slice()];
    let largest = start[1];
    let made = 0;
    let inside = false;
    while (made < limit && !inside) {
      here.step();
      made += 1;
      if (here.scale > largest) largest = here.scale;
      inside = Math.abs(here.mean - target[0]) <= width[0] && Math.abs(here.scale - target[1]) <= width[1];
      if (made % stride === 0) points.push([here.mean, here.scale]);
      if (made % every === 0 && made < limit && !inside) {
        yield { method, made, count: null, points, done: false };
        points = [];
      }
    }
    points.push([here.mean, here.scale]);
    const diverged = !Number.isFinite(here.mean) || !Number.isFinite(here.scale);
    yield { method, made, count: inside ? made - 1 : null, points, done: true, diverged, largest, end: [here.mean, here.scale] };
  }
}
// Iterations until each method is in the box around the target, counted from 0; null if it is not there by `limit`.
function reproduce(settings = {}) {
  const counts = {};
  for (const report of race(settings, Infinity, Infinity)) counts[report.method] = report.count;
  return counts;
}

// TANGO in any coordinates: the mean motion if `normals` is null, else a run that draws from normals() the data's sample
// and, with a sampled Fisher matrix, the pseudo-sample. With d the decayed velocity and ḡ or g the gradient,
//   v = d + γ (g - F d),   θ' = θ - δt v,   d' = (1-δt) v,   and the fast iterate is θ - v.
// A cold start has d = 0, a warm one d = F⁻¹ḡ = J⁻¹(m - m*), J = ∂m/∂θ: then the fast iterate is on its landing point.
// Yields progress every `every` steps; at last gives { average, fast, distance, diverged }, kept at about `kept` steps
// that crowd at the beginning. `average` and `fast` hold (μ, σ) and m of each, `distance` the largest distance of the
// average from the line in (μ, σ), and `diverged` the step at which the run left the family, or null.
function* tangoPath(settings, normals = null, every = 50000, kept = 400) {
  const { start, target, coordinates = "log scale", stepSize, gamma, fisher = "sampled", warm = false, steps } = settings;
  checkMember("start", start);
  checkMember("target", target);
  checkRate("stepSize", stepSize);
  checkRate("gamma", gamma);
  checkCount("steps", steps);
  const system = named("coordinates", coordinates, COORDINATES);
  const theta = system.fromMeanScale(start);
  let [mean, scale] = start;
  let [d0, d1] = [0, 0];
  if (warm) {
    const [a, b, c, d] = system.jacobian(mean, scale);
    const ofMean = [a, b, 2 * mean * a + 2 * scale * c, 2 * mean * b + 2 * scale * d];
    [d0, d1] = solve(ofMean, minus(meanMap(start), meanMap(target)));
  }
  const keep = 1 - stepSize;
  const drawn = { average: [], fast: [], averageM: [], fastM: [] };
  const asM = (parameters, point) => (coordinates === "expectation" ? parameters.slice() : meanMap(point));
  const keepPoint = (fast) => {
    const point = system.toMeanScale(fast);
    drawn.fast.push(point);
    drawn.fastM.push(asM(fast, point));
    drawn.average.push([mean, scale]);
    drawn.averageM.push(asM(theta, [mean, scale]));
  };
  keepPoint([theta[0] - d0, theta[1] - d1]);
  let distance = 0;
  let diverged = null;
  let next = 1;
  for (let k = 1; k <= steps && diverged === null; k++) {
    const [a, b, c, d] = system.jacobian(mean, scale);
    const inverse = 1 / scale;
    let g0, g1, f0, f1;
    if (normals === null) {
      const gap = (mean - target[0]) * inverse;
      const e0 = gap * inverse;
      const e1 = (1 - gap * gap - target[1] * target[1] * inverse * inverse) * inverse;
      g0 = a * e0 + c * e1;
      g1 = b * e0 + d * e1;
    } else {
      const residual = (target[0] + target[1] * normals() - mean) * inverse;
      const e0 = -residual * inverse;
      const e1 = (1 - residual * residual) * inverse;
      g0 = a * e0 + c * e1;
      g1 = b * e0 + d * e1;
    }
    if (normals === null || fisher === "exact") {
      // F d = Jᵀ diag(1, 2) J d / σ²
      const u0 = (a * d0 + b * d1) * inverse * inverse;
      const u1 = 2 * (c * d0 + d * d1) * inverse * inverse;
      f0 = a * u0 + c * u1;
      f1 = b * u0 + d * u1;
    } else {
      const n = normals();
      const e0 = -n * inverse;
      const e1 = (1 - n * n) * inverse;
      const p0 = a * e0 + c * e1;
      const p1 = b * e0 + d * e1;
      const overlap = d0 * p0 + d1 * p1;
      f0 = overlap * p0;
      f1 = overlap * p1;
    }
    const v0 = d0 + gamma * (g0 - f0);
    const v1 = d1 + gamma * (g1 - f1);
    const fast = k >= next ? [theta[0] - v0, theta[1] - v1] : null;
    theta[0] -= stepSize * v0;
    theta[1] -= stepSize * v1;
    d0 = keep * v0;
    d1 = keep * v1;
    [mean, scale] = system.toMeanScale(theta);
    if (!(scale > 0 && scale < BOUND && Math.abs(mean) < BOUND)) diverged = k;
    if (fast) {
      keepPoint(fast);
      if (diverged === null) {
        const left = keep ** k;
        distance = Math.max(distance, distanceBetween([mean, scale], onTheLine(start, target, left, -Math.expm1(k * Math.log1p(-stepSize)))));
      }
      const i = Math.floor(Math.sqrt(k / steps) * kept + 1e-9) + 1;
      next = kept === Infinity ? k + 1 : Math.max(k + 1, Math.min(steps, Math.ceil(steps * (i / kept) ** 2)));
    }
    if (k % every === 0) yield { made: k };
  }
  return { ...drawn, distance, diverged, end: theta };
}
function finish(generator) {
  for (;;) {
    const { value, done } = generator.next();
    if (done) return value;
  }
}
// The mean motion from start to finish, kept at every step if `kept` is not given.
const meanMotion = (settings, kept = Infinity) => finish(tangoPath(settings, null, Infinity, kept));

// The largest γ that magnifies no error of the fast iterate at any of the points (μ, σ): 2/λ_max(F).
function meanBound(points, coordinates) {
  const largest = points.map(([mean, scale]) => {
    const [a, b, , d] = fisherMatrix(mean, scale, coordinates);
    return (a + d) / 2 + Math.hypot((a - d) / 2, b);
  });
  return 2 / Math.max(...largest);
}

// The bound of γ below which the mean square of TANGO's velocity stays bounded at (μ, σ): γ E[|g̃|² g̃g̃ᵀ] ≺ 2F. With
// u = e and w = e² - 1 for a standard normal e: E u⁴ = 3, E u²w² = 10, E w⁴ = 60, and odd powers of u vanish.
function gammaBound([mean, scale], coordinates) {
  const jacobian = COORDINATES[coordinates].jacobian(mean, scale);
  const [a, b, c, d] = jacobian;
  const [squareU, mixed, squareW] = [a * a + b * b, a * c + b * d, c * c + d * d];
  const inner = [3 * squareU + 10 * squareW, 20 * mixed, 20 * mixed, 10 * squareU + 60 * squareW].map((x) => x / scale ** 4);
  const columns = [0, 1].map((i) => times(transposed(jacobian), times(inner, [jacobian[i], jacobian[2 + i]])));
  const fisher = fisherMatrix(mean, scale, coordinates);
  const [p, q] = columns.map((column) => solve(fisher, column));
  const half = (p[0] + q[1]) / 2;
  return 2 / (half + Math.sqrt(Math.max(0, half * half - (p[0] * q[1] - p[1] * q[0]))));
}
