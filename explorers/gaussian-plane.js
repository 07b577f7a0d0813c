// The Gaussian: natural gradient, gradient descent in chosen coordinates and α-geodesics, in (μ, σ) and in (E y, E y²).

const MOMENTS = ["E y", "E y²"];
const LEAST_SCALE = 0.05;
// The part of the plane of moments where no distribution is: below the parabola.
function noDistribution(limits) {
  const [[left, right], [low]] = limits;
  const edge = Array.from({ length: 61 }, (_, i) => left + (i / 60) * (right - left)).map((m) => [m, Math.max(low, m * m)]);
  return { region: [[left, low], ...edge, [right, low]] };
}
const memberText = ([mean, scale]) => `μ = ${shown(mean)}, σ = ${shown(scale)}`;
function memberPoint(label, value) {
  return FIELDS.point({ label, names: ["μ", "σ"], value });
}
const validMember = (label, value) =>
  value[1] < LEAST_SCALE || value[1] > 100
    ? `${label} σ must be between ${LEAST_SCALE} and 100`
    : Math.abs(value[0]) > 100
      ? `${label} μ must be between −100 and 100`
      : null;
// Handles for a start and a target in a plane of (μ, σ) and in a plane of moments.
function memberHandles(ui, plane, moments) {
  for (const key of ["start", "target"]) {
    const member = ([mean, scale]) => [mean, Math.max(LEAST_SCALE, scale)];
    plane.addHandle({ label: `${key} in (μ, σ)`, kind: key, value: () => ui.state()[key], change: (p, held) => ui.set({ [key]: member(p) }, held) });
    moments?.addHandle({
      label: `${key} in (E y, E y²)`,
      kind: key,
      value: () => meanMap(ui.state()[key]),
      change: ([m, square], held) => {
        const scale = roundTo(Math.sqrt(Math.max(LEAST_SCALE ** 2, square - m * m)), 1e-4);
        ui.set({ [key]: [m, scale] }, held);
      },
    });
  }
}
const coordinateOptions = () => Object.entries(DATA.coordinates).map(([name, labels]) => [name, `(${labels.join(", ")})`]);

EXPLORERS.gaussian = {
  title: "the Gaussian, start and target",
  first: () => "drag the start. On the left every curve changes; on the right the natural gradient remains a straight line.",
  fields: () => ({
    start: memberPoint("start", [0, 1]),
    target: memberPoint("target", [10, 1]),
    coordinates: FIELDS.choice({ label: "gradient descent in", value: "log scale", options: coordinateOptions }),
    alpha: FIELDS.number({ label: "geodesic: α", value: 0, least: -3, most: 3, slider: [-1.5, 1.5], step: 0.05 }),
    natural: FIELDS.flag({ label: "natural gradient", value: true }),
    descent: FIELDS.flag({ label: "gradient descent", value: true }),
    geodesic: FIELDS.flag({ label: "geodesic", value: true }),
  }),
  presets: () => [
    ["the chapter's pair", {}],
    ["gradient descent in (E y, E y²)", { coordinates: "expectation" }],
    ["straight in natural parameters: α = 1", { alpha: 1, descent: false }],
    ["widen, then narrow", { start: [0, 0.5], target: [4, 0.3] }],
    ["same mean", { start: [0, 1], target: [0, 4] }],
  ],
  valid: (key, value) => (key === "start" || key === "target" ? validMember(key, value) : null),

  build(ui) {
    const plane = makePlane(ui.planes, { title: "in (μ, σ): bent", labels: ["mean μ", "standard deviation σ"] });
    const moments = makePlane(ui.planes, { title: "in (E y, E y²): one of them is straight", labels: MOMENTS });
    memberHandles(ui, plane, moments);
    const rows = ["natural", "descent", "geodesic"].map((key) => {
      const row = element("tr");
      const flag = ui.flag(key);
      flag.querySelector("input").after(swatch(GAUSSIAN_LOOKS[key]));
      const cells = [element("td", { class: "explorer-value" }), element("td", { class: "explorer-value" })];
      row.append(element("th", { scope: "row" }, flag), ...cells);
      return { row, cells };
    });
    ui.controls.append(
      ui.point("start"),
      ui.point("target"),
      ui.choice("coordinates"),
      ui.number("alpha", { size: 5 }),
      ui.table(["curve", "largest σ", "bends in (E y, E y²) by"], rows.map(({ row }) => row), "The curves: largest standard deviation, and by how much each bends in the expectation parameters: the largest difference of the shares of the way still to go"),
    );
    const clock = Array.from({ length: 81 }, (_, i) => (i < 41 ? i / 40 : 1 + ((i - 40) / 40) * 7));
    const ticks = Array.from({ length: 17 }, (_, i) => i / 4);

    return (state, dragging) => {
      const { start, target, alpha } = state;
      const curves = {
        natural: state.natural && [...naturalGradientFlow(start, target, clock), target],
        descent: state.descent && gradientDescentFlow(start, target, state.coordinates, dragging ? 1e-3 : 1e-5, dragging ? 400 : 3000),
        geodesic: state.geodesic && alphaGeodesic(start, target, alpha),
      };
      const all = [start, target, ...Object.values(curves).filter(Boolean).flat()];
      if (!dragging) {
        const floor = [-Infinity, 0];
        plane.limits = limitsFor([...all, [start[0], 0]], plane.fitted ? plane.limits : null, { floor });
        moments.limits = limitsFor([start, target].map(meanMap).concat(all.map(meanMap)), plane.fitted ? moments.limits : null);
        plane.fitted = true;
      }
      const labels = { natural: "natural gradient", descent: "gradient descent", geodesic: `geodesic, α = ${shown(alpha)}` };
      const items = (change) =>
        Object.entries(curves)
          .filter(([, curve]) => curve)
          .map(([key, curve]) => ({ points: curve.map(change), look: GAUSSIAN_LOOKS[key], label: labels[key] }));
      const dots = naturalGradientFlow(start, target, ticks);
      const marks = (change) =>
        state.natural ? [{ points: dots.map(change), look: "natural gradient", width: 0, markers: dots.map((_, i) => i).slice(1), faint: 1 }] : [];
      plane.draw([...items((p) => p), ...marks((p) => p), { cross: target }], dragging);
      moments.draw([noDistribution(moments.limits), ...items(meanMap), ...marks(meanMap), { cross: meanMap(target) }], dragging);

      const told = [];
      ["natural", "descent", "geodesic"].forEach((key, i) => {
        const [largest, off] = rows[i].cells;
        const curve = curves[key];
        const whole = curve && curve.every(isFinitePoint);
        const strays = whole ? shareGap(curve.map(meanMap), meanMap(target)) : NaN;
        setText(largest, !curve ? "" : whole ? shown(Math.max(...curve.map((p) => p[1]))) : "leaves the family");
        setText(off, !curve ? "" : strays < 1e-9 ? "0" : Number.isFinite(strays) ? shown(strays, 2) : "–");
        if (curve) told.push(`${labels[key]}: largest σ ${largest.textContent}`);
      });
      const [first, second] = DATA.coordinates[state.coordinates];
      const parts = [`From ${memberText(start)} to ${memberText(target)}.`];
      if (state.natural) parts.push("Triangles: the natural gradient at every quarter of a unit of time.");
      if (state.descent) parts.push(`Gradient descent is that of (${first}, ${second}).`);
      if (state.geodesic) {
        const special = { "-1": "the natural gradient's curve", 0: "the curve of Fisher and Rao", 1: "straight in the natural parameters" };
        parts.push(`The geodesic has α = ${shown(alpha)}${special[alpha] ? `, ${special[alpha]}` : ""}.`);
      }
      return { caption: parts.join(" "), summary: `${parts[0]} ${told.join("; ")}.` };
    };
  },
};
const GAUSSIAN_LOOKS = { natural: "natural gradient", descent: "gradient descent", geodesic: "Fisher-Rao geodesic" };
