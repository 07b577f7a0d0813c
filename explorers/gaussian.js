// The Gaussian family N(μ, σ²): coordinates, gradient, Fisher matrix, exact flow, geodesics. Source: src/straightlines/gaussian.py

// jacobian: of (μ, σ) with respect to the coordinates, at a point (μ, σ).
const COORDINATES = {
  "log scale": {
    toMeanScale: ([a, b]) => [a, Math.exp(b)],
    fromMeanScale: ([m, s]) => [m, Math.log(s)],
    jacobian: (m, s) => [1, 0, 0, s],
  },
  scale: {
    toMeanScale: ([a, b]) => [a, b],
    fromMeanScale: ([m, s]) => [m, s],
    jacobian: () => [1, 0, 0, 1],
  },
  variance: {
    toMeanScale: ([a, b]) => [a, Math.sqrt(b)],
    fromMeanScale: ([m, s]) => [m, s * s],
    jacobian: (m, s) => [1, 0, 0, 1 / (2 * s)],
  },
  precision: {
    toMeanScale: ([a, b]) => [a, 1 / Math.sqrt(b)],
    fromMeanScale: ([m, s]) => [m, 1 / (s * s)],
    jacobian: (m, s) => [1, 0, 0, (-s * s * s) / 2],
  },
  natural: {
    toMeanScale: ([a, b]) => [-a / (2 * b), Math.sqrt(-1 / (2 * b))],
    fromMeanScale: ([m, s]) => [m / (s * s), -1 / (2 * s * s)],
    jacobian: (m, s) => [s * s, 2 * m * s * s, 0, s * s * s],
  },
  expectation: {
    toMeanScale: ([a, b]) => [a, Math.sqrt(b - a * a)],
    fromMeanScale: ([m, s]) => [m, m * m + s * s],
    jacobian: (m, s) => [1, 0, -m / s, 1 / (2 * s)],
  },
};
const meanMap = ([mean, scale]) => [mean, mean * mean + scale * scale];
const inverseMeanMap = COORDINATES.expectation.toMeanScale;

// Natural-gradient flow: m(t) = m* + e^{-t} (m₀ - m*), as (μ, σ) at each of the times.
function naturalGradientFlow(start, target, clock) {
  for (const [name, value] of [["start", start], ["target", target]]) {
    finitePair(name, value);
    if (!(value[1] > 0)) throw new RangeError(`${name} must have a standard deviation greater than 0, got ${value[1]}`);
  }
  return Array.from(clock, (t) => {
    if (!(t >= 0)) throw new RangeError(`times must be at least 0, got ${t}`);
    return onTheLine(start, target, Math.exp(-t), -Math.expm1(-t));
  });
}
// The member on the line with the share `left` still to go; left + done = 1.
function onTheLine(start, target, left, done) {
  const gap = start[0] - target[0];
  const variance = start[1] ** 2 * left + target[1] ** 2 * done + gap * gap * left * done;
  return [start[0] * left + target[0] * done, Math.sqrt(variance)];
}

// Expected gradient of the negative log-likelihood in (μ, σ), for data with the mean and the deviation of the target.
function expectedGradient(mean, scale, target) {
  const gap = mean - target[0];
  const variance = scale * scale;
  return [gap / variance, (1 - (gap * gap + target[1] * target[1]) / variance) / scale];
}
function fisherMatrix(mean, scale, coordinates) {
  const [a, b, c, d] = COORDINATES[coordinates].jacobian(mean, scale);
  const inverse = 1 / (scale * scale);
  const off = (a * b + 2 * c * d) * inverse;
  return [(a * a + 2 * c * c) * inverse, off, off, (b * b + 2 * d * d) * inverse];
}
// Velocity of gradient descent in the named coordinates, as seen in (μ, σ): -J Jᵀ ∇L.
function descentVelocity([mean, scale], target, coordinates) {
  const jacobian = COORDINATES[coordinates].jacobian(mean, scale);
  const inside = times(transposed(jacobian), expectedGradient(mean, scale, target));
  const velocity = times(jacobian, inside);
  return [-velocity[0], -velocity[1]];
}

// Gradient-descent flow in (μ, ln σ) of the plane, with Rosenbrock's implicit method of order 2 (Shampine & Reichelt's
// ode23s), since the valley of the loss is stiff. Returns points (μ, σ) from the start to the neighbourhood of the target.
function gradientDescentFlow(start, target, coordinates, tolerance = 1e-4, most = 3000) {
  const gamma = 1 / (2 + Math.SQRT2);
  const field = ([mean, logScale]) => {
    const scale = Math.exp(logScale);
    const velocity = descentVelocity([mean, scale], target, coordinates);
    return [velocity[0], velocity[1] / scale];
  };
  let here = [start[0], Math.log(start[1])];
  let f = field(here);
  let h = 1e-3 / (Math.hypot(f[0], f[1]) + 1e-12);
  const path = [start.slice()];
  for (let k = 0; k < most; k++) {
    const jacobian = [0, 0, 0, 0];
    for (const i of [0, 1]) {
      const e = 1e-6 * (1 + Math.abs(here[i]));
      const plus = field(i ? [here[0], here[1] + e] : [here[0] + e, here[1]]);
      const less = field(i ? [here[0], here[1] - e] : [here[0] - e, here[1]]);
      jacobian[i] = (plus[0] - less[0]) / (2 * e);
      jacobian[2 + i] = (plus[1] - less[1]) / (2 * e);
    }
    const w = [1 - h * gamma * jacobian[0], -h * gamma * jacobian[1], -h * gamma * jacobian[2], 1 - h * gamma * jacobian[3]];
    const k1 = solve(w, f);
    const middle = field([here[0] + (h / 2) * k1[0], here[1] + (h / 2) * k1[1]]);
    const k2 = solve(w, minus(middle, k1)).map((value, i) => value + k1[i]);
    const next = [here[0] + h * k2[0], here[1] + h * k2[1]];
    const fNext = field(next);
    const e32 = 6 + Math.SQRT2;
    const k3 = solve(w, [0, 1].map((i) => fNext[i] - e32 * (k2[i] - middle[i]) - 2 * (k1[i] - f[i])));
    const error = (h / 6) * Math.hypot(k1[0] - 2 * k2[0] + k3[0], k1[1] - 2 * k2[1] + k3[1]);
    const moved = Math.hypot(next[0] - here[0], next[1] - here[1]);
    const ratio = error / tolerance;
    if (ratio <= 1 && moved < 0.4) {
      [here, f] = [next, fNext];
      path.push([here[0], Math.exp(here[1])]);
      if (Math.hypot(here[0] - target[0], path[path.length - 1][1] - target[1]) < 2e-3) break;
    }
    // also steps that are drawn as one straight piece stay short
    h *= Math.min(5, Math.max(0.2, Math.min(0.8 * Math.cbrt(1 / (ratio || 1e-9)), 0.3 / (moved || 1e-9))));
    if (!(h > 1e-14)) break;
  }
  return path;
}

// The α-geodesic between two members. For the Gaussian its equations, μ″ = 2(1+α) μ′σ′/σ and
// σ″ = -(1-α) μ′²/(2σ) + (1+2α) σ′²/σ, say that along the curve d²(σ²)/dμ² = -(1-α): σ² is quadratic in μ.
// α = -1 is straight in m, α = 1 in the natural parameters, α = 0 is Fisher and Rao's. Points where σ² > 0.
function alphaGeodesic(start, target, alpha, pieces = 120) {
  const path = [];
  for (let i = 0; i <= pieces; i++) {
    const share = (1 - Math.cos((Math.PI * i) / pieces)) / 2; // crowded at the ends, where σ changes fast
    const gap = target[0] - start[0];
    const variance = start[1] ** 2 * (1 - share) + target[1] ** 2 * share + ((1 - alpha) / 2) * gap * gap * share * (1 - share);
    path.push([start[0] + gap * share, Math.sqrt(variance)]);
  }
  return path;
}
