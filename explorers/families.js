// Families by their mean map: what natural-gradient steps and physical-gradient steps of any of them need.

// ψ and its derivative ψ′, for x > 0: upwards by the recurrence, then the asymptotic series.
function digamma(x) {
  let sum = 0;
  for (; x < 10; x++) sum -= 1 / x;
  const s = 1 / (x * x);
  return (
    sum + Math.log(x) - 1 / (2 * x) -
    s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12))))))
  );
}
function trigamma(x) {
  let sum = 0;
  for (; x < 10; x++) sum += 1 / (x * x);
  const s = 1 / (x * x);
  return (
    sum + 1 / x + s / 2 +
    (s / x) * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * (5 / 66 - s * (691 / 2730 - (7 * s) / 6))))))
  );
}
// The shape α with ln α - ψ(α) = gap > 0, by Newton's method in ln α.
function gammaShape(gap) {
  if (!(gap > 0)) return NaN;
  let shape = (3 - gap + Math.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap);
  for (let k = 0; k < 12; k++) {
    const change = (Math.log(shape) - digamma(shape) - gap) / (1 - shape * trigamma(shape));
    shape *= Math.exp(-change);
    if (Math.abs(change) < 1e-15) break;
  }
  return shape;
}

// usual: the parameters in which a start and a target are given. m and inverse: the mean map from them and back.
// coordinates: maps from the usual parameters and back, and the Jacobian of m with respect to the coordinates.
const FAMILIES = {
  Gaussian: {
    m: meanMap,
    inverse: inverseMeanMap,
    inside: ([, scale]) => scale > 0,
    usual: ["μ", "σ"],
    mean: ["E y", "E y²"],
    start: [0, 1],
    target: [10, 1],
    coordinates: Object.fromEntries(
      Object.entries(COORDINATES).map(([name, here]) => [
        name,
        {
          to: here.fromMeanScale,
          from: here.toMeanScale,
          jacobian: ([mean, scale]) => {
            const [a, b, c, d] = here.jacobian(mean, scale);
            return [a, b, 2 * mean * a + 2 * scale * c, 2 * mean * b + 2 * scale * d];
          },
        },
      ]),
    ),
  },
  process: {
    m: ([x, y]) => [x, y * y],
    inverse: ([z, w]) => [z, Math.sqrt(w)],
    inside: ([, y]) => y > 0,
    usual: ["x₀", "x₁"],
    mean: ["z₀", "z₁"],
    start: [3, 3],
    target: [0, 0],
    coordinates: {
      x: { labels: ["x₀", "x₁"], to: (x) => x.slice(), from: (x) => x.slice(), jacobian: ([, y]) => [1, 0, 0, 2 * y] },
      "log x₁": {
        labels: ["x₀", "ln x₁"],
        to: ([x, y]) => [x, Math.log(y)],
        from: ([x, w]) => [x, Math.exp(w)],
        jacobian: ([, y]) => [1, 0, 0, 2 * y * y],
      },
      z: { labels: ["z₀", "z₁"], to: ([x, y]) => [x, y * y], from: ([z, w]) => [z, Math.sqrt(w)], jacobian: () => [1, 0, 0, 1] },
    },
  },
  gamma: {
    m: ([shape, rate]) => [digamma(shape) - Math.log(rate), shape / rate],
    inverse: ([logMean, mean]) => {
      const shape = gammaShape(Math.log(mean) - logMean);
      return [shape, shape / mean];
    },
    inside: ([shape, rate]) => shape > 0 && rate > 0,
    usual: ["shape", "rate"],
    mean: ["E ln y", "E y"],
    start: [1, 2],
    target: [9, 3],
    coordinates: {
      "log shape and rate": {
        labels: ["ln shape", "ln rate"],
        to: ([a, b]) => [Math.log(a), Math.log(b)],
        from: ([a, b]) => [Math.exp(a), Math.exp(b)],
        jacobian: ([a, b]) => [a * trigamma(a), -1, a / b, -a / b],
      },
      "shape and rate": {
        labels: ["shape", "rate"],
        to: (p) => p.slice(),
        from: (p) => p.slice(),
        jacobian: ([a, b]) => [trigamma(a), -1 / b, 1 / b, -a / (b * b)],
      },
      expectation: {
        labels: ["E ln y", "E y"],
        to: (p) => FAMILIES.gamma.m(p),
        from: (m) => FAMILIES.gamma.inverse(m),
        jacobian: () => [1, 0, 0, 1],
      },
    },
  },
};

// Paths in the usual parameters. A step of the natural gradient is ξ - η J⁻¹(m - m*), with J = ∂m/∂ξ; where it leaves the
// family the path is NaN. A step of the physical gradient is m⁻¹(m - η(m - m*)).
function naturalSteps(family, coordinates, start, target, rate, updates) {
  const { m, inside } = named("family", family, FAMILIES);
  const here = named("coordinates", coordinates, FAMILIES[family].coordinates);
  const goal = m(target);
  return repeat(
    (p) => {
      const step = solve(here.jacobian(p), minus(m(p), goal));
      const xi = here.to(p);
      const next = here.from([xi[0] - rate * step[0], xi[1] - rate * step[1]]);
      return inside(next) ? next : [NaN, NaN];
    },
    start,
    updates,
  );
}
function physicalSteps(family, start, target, rate, updates) {
  const { m, inverse } = named("family", family, FAMILIES);
  const goal = m(target);
  return repeat(
    (p) => {
      const now = m(p);
      return inverse([now[0] - rate * (now[0] - goal[0]), now[1] - rate * (now[1] - goal[1])], p);
    },
    start,
    updates,
  );
}
