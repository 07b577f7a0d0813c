// Two planes: gradient descent, Newton, Gauss-Newton and the physical gradient from one start, in x and in z.

const TWO_PLANES_METHODS = Object.keys(METHODS);
const TWO_PLANES_RATES = ["gradient", "newton", "gauss", "physical"]; // keys of their rates

EXPLORERS["two-planes"] = {
  title: "two planes",
  first: ({ problems }) =>
    !problems || problems[0] === "walkthrough"
      ? "drag the ring in either plane. Whatever the start, the diamonds on the right stay on a straight line."
      : "drag the ring in either plane, and choose another problem below. The diamonds on the right stay on a straight line.",

  fields: ({ problems }) => {
    const names = problems ?? Object.keys(PROBLEMS);
    const rate = (label, value) => FIELDS.number({ label, value, above: 0, most: 1000 });
    return {
      problem: FIELDS.choice({ label: "Problem", value: names[0], options: () => names.map((name) => [name, PROBLEMS[name].label]) }),
      start: FIELDS.point({ label: "start", names: ["x₀", "x₁"], value: PROBLEMS[names[0]].start }),
      updates: FIELDS.number({ label: "updates", value: 10, least: 1, most: 200, whole: true }),
      one: FIELDS.flag({ label: "one rate for all", value: false }),
      rate: FIELDS.number({ label: "rate η", value: 0.3, above: 0, most: 1000, slider: [0.001, 1.5], log: true }),
      gradient: rate("rate of gradient descent", 0.01),
      newton: rate("rate of Newton", 0.3),
      gauss: rate("rate of Gauss-Newton", 0.3),
      physical: rate("rate of the physical gradient", 0.3),
      ...Object.fromEntries(TWO_PLANES_METHODS.map((method, i) => [`show${i}`, FIELDS.flag({ label: method, value: true })])),
    };
  },

  presets: ({ problems }) => {
    const names = problems ?? Object.keys(PROBLEMS);
    const walkthrough = [
      ["as published", { newton: 1 / 3 }],
      ["equal rates", { one: true, rate: 0.3, show0: false }],
      ["one full step", { one: true, rate: 1, updates: 1, show0: false }],
      ["the other branch", { start: [3, -3] }],
      ["too long a step", { gradient: 0.06, physical: 1.2, newton: 1.2, gauss: 1.2 }],
    ];
    const others = names
      .filter((name) => name !== "walkthrough" && problems)
      .map((name) => [PROBLEMS[name].label.split(":")[0], { problem: name, start: PROBLEMS[name].start, gradient: bestRate(name) }]);
    return [...(names.includes("walkthrough") ? walkthrough : []), ...others];
  },

  valid: (key, value) =>
    key === "start" && Math.max(...value.map(Math.abs)) > 100 ? "the start must be between −100 and 100" : null,

  normal: (state, before, patch) => {
    if (patch.problem && patch.problem !== before.problem && !patch.start) {
      return { ...state, start: PROBLEMS[patch.problem].start, gradient: bestRate(patch.problem) };
    }
    return state;
  },

  build(ui) {
    const inX = makePlane(ui.planes, { title: "in x, where the methods step", labels: ["x₀", "x₁"], ratio: 0.86 });
    const inZ = makePlane(ui.planes, { title: "in z, where the loss is a circle", labels: ["z₀", "z₁"], ratio: 0.86 });
    const problem = () => PROBLEMS[ui.state().problem];
    inX.addHandle({ label: "start in x", value: () => ui.state().start, change: (start, held) => ui.set({ start }, held) });
    inZ.addHandle({
      label: "start in z",
      value: () => problem().z(ui.state().start),
      change: (z, held) => {
        const start = problem().inverse(z, ui.state().start).map((v) => roundTo(v, 1e-4));
        if (isFinitePoint(start)) ui.set({ start }, held);
        else ui.set({}, held);
      },
    });

    const cells = TWO_PLANES_METHODS.map((method, i) => {
      const row = element("tr");
      const flag = ui.flag(`show${i}`);
      flag.querySelector("input").after(swatch(method));
      const rate = ui.number(TWO_PLANES_RATES[i], { hideLabel: true, enabled: (s) => !s.one, size: 5, noSlider: true });
      const [left, off] = [element("td", { class: "explorer-value" }), element("td", { class: "explorer-value" })];
      row.append(element("th", { scope: "row" }, flag), element("td", {}, rate), left, off);
      return { row, left, off };
    });
    ui.controls.append(
      ui.choice("problem"),
      ui.point("start"),
      ui.number("updates", { size: 4 }),
      element("span", { class: "explorer-field-wide explorer-one" }, ui.flag("one"), ui.number("rate", { enabled: (s) => s.one })),
      ui.table(["method", "rate η", "distance left", "off the line in z"], cells.map(({ row }) => row), "The methods: rate, distance from the nearest minimum after the last update, and how far the path in z strays from the straight line"),
    );

    let [shownProblem, level, levelKey] = [null, null, null];
    return (state, dragging) => {
      const here = problem();
      const z = here.z(state.start);
      const paths = TWO_PLANES_METHODS.map((method, i) =>
        state[`show${i}`] ? descend(here, method, state.start, state.one ? state.rate : state[TWO_PLANES_RATES[i]], state.updates) : null,
      );
      if (!dragging || shownProblem !== state.problem) {
        const kept = paths.filter((path) => path && divergesAt(path) < 0).flat();
        inX.limits = extended(here.shown.x, state.start, kept);
        inZ.limits = extended(here.shown.z, z, kept.map(here.z));
        shownProblem = state.problem;
      }
      const key = JSON.stringify([state.problem, inX.limits]);
      if (levelKey !== key) level = lossLines(here, inX.limits);
      levelKey = key;
      const markers = state.updates > 60 ? [state.updates] : Array.from({ length: state.updates }, (_, k) => k + 1);
      const line = (path, i) => ({ points: path, look: TWO_PLANES_METHODS[i], label: TWO_PLANES_METHODS[i], markers });
      const drawn = paths.map((path, i) => path && line(path, i)).filter(Boolean);
      inX.draw([{ pieces: level }, ...drawn, ...here.minima.map((cross) => ({ cross }))], dragging);
      const radii = [0.15, 0.35, 0.6, 1, 1.5].map((part) => part * distanceBetween(z, here.target));
      inZ.draw([
        { rings: [here.target, radii] },
        ...drawn.map((item) => ({ ...item, points: item.points.map((p) => (isFinitePoint(p) ? here.z(p) : p)) })),
        { cross: here.target },
      ], dragging);

      const [said, lostOnes] = [[], []];
      paths.forEach((path, i) => {
        const { left, off } = cells[i];
        const method = TWO_PLANES_METHODS[i];
        if (!path) {
          setText(left, "");
          setText(off, "");
          return;
        }
        const lost = divergesAt(path);
        if (lost >= 0) {
          setText(left, lostWords(method, path[lost], lost));
          setText(off, "–");
          said.push(`${method} ${lostWords(method, path[lost], lost)}`);
          lostOnes.push(said[said.length - 1]);
          return;
        }
        const inside = path.map(here.z);
        const strays = distanceFromLine(inside, inside[0], here.target);
        setText(left, shown(distanceLeft(here, path[state.updates])));
        setText(off, strays < 1e-9 ? "0" : shown(strays));
        said.push(`${method} ${left.textContent}`);
      });
      const from = `From ${pointText(state.start)}, ${state.updates} ${state.updates === 1 ? "update" : "updates"}`;
      const rates = state.one ? `, η = ${shown(state.rate)} for all` : "";
      const last = said.length ? ` Distance left: ${said.join("; ")}.` : " No method is switched on.";
      return {
        caption: `${from}${rates}. ${lostOnes.length ? `${lostOnes.join("; ").replace(/^./, (c) => c.toUpperCase())}. ` : ""}Ring: the start. Cross: the minimum${here.minima.length > 1 ? ", of which there are two" : ""}. Grey: lines of equal loss.`,
        summary: `${from}${rates}.${last}`,
      };
    };
  },
};

function lostWords(method, point, step) {
  const many = point.some((v) => Math.abs(v) > BOUND);
  if (many) return `diverges at update ${step}`;
  return `${method === "physical gradient" ? "has no inverse" : "divides by zero"} at update ${step}`;
}

// The rate of gradient descent that ends nearest to a minimum in ten updates: of 1, 2 and 5 times powers of ten.
function bestRate(name) {
  const problem = PROBLEMS[name];
  const rates = [-3, -2, -1].flatMap((power) => [1, 2, 5].map((part) => Number((part * 10 ** power).toPrecision(1))));
  const ends = rates.map((rate) => {
    const left = distanceLeft(problem, descend(problem, "gradient descent", problem.start, rate, 10)[10]);
    return Number.isFinite(left) ? left : Infinity;
  });
  return rates[ends.indexOf(Math.min(...ends))];
}

// The limits, wider where the point or others that are not far out need it.
const extended = (limits, point, others) =>
  limits.map(([low, high], axis) => {
    const size = high - low;
    const near = others.filter((p) => p[axis] > low - size / 2 && p[axis] < high + size / 2).concat([point]);
    const values = near.map((p) => p[axis]);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return [least < low ? least - 0.06 * size : low, most > high ? most + 0.06 * size : high];
  });

// Lines of equal loss at 12 levels that are even in the logarithm.
function lossLines(problem, limits, across = 48) {
  const at = (i, axis) => limits[axis][0] + (i / across) * (limits[axis][1] - limits[axis][0]);
  const values = Array.from({ length: across + 1 }, (_, j) =>
    Array.from({ length: across + 1 }, (_, i) => {
      const r = toward(problem, [at(i, 0), at(j, 1)]);
      return r[0] * r[0] + r[1] * r[1];
    }),
  );
  // a valley narrower than the grid shows no lines at its bottom
  const floor = 1e-4 * Math.max(...values.flat());
  for (const row of values) row.forEach((value, i) => (row[i] = Math.log(value + floor)));
  const all = values.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return Array.from({ length: 12 }, (_, k) => low + ((k + 0.5) / 12) * (high - low)).flatMap((level) =>
    contours(values, level).map(([a, b, c, d]) => [[at(a, 0), at(b, 1)], [at(c, 0), at(d, 1)]]),
  );
}

// A short piece of a method's line, with its marker.
function swatch(name) {
  const { dash, marker } = lookOf(name);
  const color = `var(--look-${slug(name)})`;
  const made = element("span", { class: "explorer-swatch" });
  const dashes = dash.map((part) => part * 1.8).join(" ");
  made.innerHTML = `<svg xmlns="${SVG}" width="30" height="12" aria-hidden="true"><path d="M0 6h30" style="stroke:${color};stroke-width:1.8;stroke-dasharray:${dashes || "none"}"/><path d="${markerPath(marker, [15, 6], 3.6)}" style="fill:${color}"/></svg>`;
  return made;
}
