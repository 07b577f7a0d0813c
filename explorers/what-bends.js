// What bends the line: natural-gradient steps in chosen coordinates beside physical-gradient steps, for three families.

const bendsOptions = (state) =>
  Object.entries(FAMILIES[state.family].coordinates).map(([name, { labels }]) => [name, `(${(labels ?? DATA.coordinates[name]).join(", ")})`]);

EXPLORERS["what-bends"] = {
  title: "what bends the line",
  first: () => "drag the step size η. The triangles leave the line, the more the longer the step; the diamonds never do.",
  fields: () => ({
    family: FIELDS.choice({
      label: "family",
      value: "Gaussian",
      options: () => [["Gaussian", "Gaussian"], ["process", "the walkthrough's process: z = (x₀, x₁²)"], ["gamma", "gamma"]],
    }),
    coordinates: FIELDS.choice({ label: "natural gradient steps in", value: "variance", options: (state) => (state ? bendsOptions(state) : Object.values(FAMILIES).flatMap((f) => Object.keys(f.coordinates).map((name) => [name, name]))) }),
    rate: FIELDS.number({ label: "step size η", value: 0.2, above: 0, most: 1, slider: [0.002, 1], log: true }),
    start: FIELDS.point({ label: "start", names: (state) => FAMILIES[state.family].usual, value: [0, 1] }),
    target: FIELDS.point({ label: "target", names: (state) => FAMILIES[state.family].usual, value: [10, 1] }),
  }),
  presets: () => [
    ["(μ, σ²)", {}],
    ["(μ, ln σ), short steps", { coordinates: "log scale", rate: 0.01 }],
    ["(μ, ln σ), too long steps", { coordinates: "log scale", rate: 0.1 }],
    ["(E y, E y²)", { coordinates: "expectation" }],
    ["out of the family", { coordinates: "natural", rate: 0.05 }],
    ["the process", { family: "process", coordinates: "x", start: [3, 3], target: [0, 0], rate: 0.3 }],
    ["gamma", { family: "gamma", coordinates: "log shape and rate", start: [1, 2], target: [9, 3], rate: 0.3 }],
  ],
  valid: (key, value, state) => {
    if (key !== "start" && key !== "target") return null;
    const { inside, usual, m } = FAMILIES[state.family];
    if (Math.max(...value.map(Math.abs)) > 100) return `the ${key} must be between −100 and 100`;
    const edge = state.family === "process" && key === "target" && value[1] === 0; // where the line may end
    if (!inside(value) && !edge) return `${key} ${state.family === "gamma" ? usual.join(" and ") : usual[1]} must be greater than 0`;
    return isFinitePoint(m(value)) ? null : `the ${key} is too far out`;
  },
  normal: (state, before, patch) => {
    const known = FAMILIES[state.family];
    const next = { ...state };
    if (patch.family && patch.family !== before.family) {
      if (!patch.start) Object.assign(next, { start: known.start, target: known.target });
    }
    for (const key of ["start", "target"]) {
      if (EXPLORERS["what-bends"].valid(key, next[key], next)) next[key] = known[key];
    }
    if (!Object.hasOwn(known.coordinates, next.coordinates)) next.coordinates = Object.keys(known.coordinates)[0];
    return next;
  },

  build(ui) {
    const left = makePlane(ui.planes, { title: "in the coordinates of the steps", labels: ["", ""] });
    const right = makePlane(ui.planes, { title: "in the expectation parameters", labels: ["", ""] });
    const family = () => FAMILIES[ui.state().family];
    const system = () => family().coordinates[ui.state().coordinates];
    const move = (key, p, held) => {
      const value = p.map((v) => Number(v.toPrecision(5)));
      if (isFinitePoint(value) && !EXPLORERS["what-bends"].valid(key, value, ui.state())) ui.set({ [key]: value }, held);
      else ui.set({}, held);
    };
    for (const key of ["start", "target"]) {
      const finite = (p) => (isFinitePoint(p) ? p : null);
      left.addHandle({ label: `${key} in the coordinates of the steps`, kind: key, value: () => finite(system().to(ui.state()[key])), change: (p, held) => move(key, system().from(p), held) });
      right.addHandle({ label: `${key} in the expectation parameters`, kind: key, value: () => finite(family().m(ui.state()[key])), change: (p, held) => move(key, family().inverse(p), held) });
    }
    const rows = ["natural gradient, steps", "physical gradient"].map((name, i) => {
      const cells = [element("td", { class: "explorer-value" }), element("td", { class: "explorer-value" })];
      return { row: element("tr", {}, element("th", { scope: "row" }, swatch(i ? name : "natural gradient"), ` ${name}`), ...cells), cells };
    });
    ui.controls.append(
      ui.number("rate", { size: 7 }), ui.choice("coordinates"), ui.choice("family"), ui.point("start"), ui.point("target"),
      ui.table(["steps of", "bend at η", "at η/2"], rows.map(({ row }) => row), "By how much the steps bend at this step size and at half of it: the largest difference of the shares of the way still to go"),
    );
    let shownIn = "";

    return (state, dragging) => {
      const here = family();
      const xi = system();
      const { start, target, rate } = state;
      const goal = here.m(target);
      const line = Array.from({ length: 101 }, (_, i) => {
        const done = (1 - Math.cos((Math.PI * i) / 100)) / 2;
        const m = here.m(start);
        return here.inverse([m[0] + done * (goal[0] - m[0]), m[1] + done * (goal[1] - m[1])]);
      });
      line[0] = start;
      // to the share e⁻⁵ of the way, but not more steps than can be told apart
      const updates = clamp(Math.ceil(5 / rate), 2, dragging ? 400 : 2500);
      const euler = (eta) => naturalSteps(state.family, state.coordinates, start, target, eta, Math.max(2, Math.ceil((updates * rate) / eta)));
      const natural = euler(rate);
      const physical = physicalSteps(state.family, start, target, Math.min(rate, 0.999999), updates);
      const where = `${state.family} ${state.coordinates}`;
      if (!dragging || where !== shownIn) {
        const kept = where === shownIn;
        const bounded = (points) => points.filter((p) => isFinitePoint(p) && Math.max(...p.map(Math.abs)) < 1e4);
        // the steps are in view as far as they do not dwarf the line
        const fit = (change, plane) => {
          const inner = limitsFor(bounded([...line, target].map(change)), null, { margin: 0.1 });
          const near = bounded(natural).map(change).filter((p) => p.every((v, axis) => Math.abs(v - (inner[axis][0] + inner[axis][1]) / 2) < 0.9 * (inner[axis][1] - inner[axis][0])));
          plane.limits = limitsFor(bounded([...line, target].map(change)).concat(near), kept ? plane.limits : null, { margin: 0.1 });
        };
        fit(xi.to, left);
        fit(here.m, right);
        left.labels = xi.labels ?? DATA.coordinates[state.coordinates];
        right.labels = here.mean;
        shownIn = where;
      }
      const few = (path) => (path.length > 90 ? [] : path.map((_, i) => i).slice(1));
      const items = (change) => [
        { points: line.map(change), look: "natural gradient", label: "the line", width: 1.2 },
        { points: natural.map(change), look: "natural gradient", label: "natural gradient, steps", plain: true, width: 1, markers: few(natural) },
        { points: physical.map(change), look: "physical gradient", label: "physical gradient", markers: few(physical), width: 1.4 },
      ];
      const finiteTo = (p) => (isFinitePoint(p) ? xi.to(p) : p);
      const finiteM = (p) => (isFinitePoint(p) ? here.m(p) : p);
      const region = state.family === "Gaussian" ? [noDistribution(right.limits)] : [];
      left.draw([...items(finiteTo), ...(isFinitePoint(xi.to(target)) ? [{ cross: xi.to(target) }] : [])], dragging);
      right.draw([...region, ...items(finiteM), { cross: goal }], dragging);

      const strays = (path) => {
        const lost = divergesAt(path);
        if (lost >= 0) return { lost, text: `leaves the family, step ${lost}` };
        const share = shareGap(path.map(here.m), goal);
        return { share, text: share < 1e-9 ? "0" : shown(share, 2) };
      };
      const [whole, half] = [strays(natural), strays(euler(rate / 2))];
      const [straight, straightHalf] = [strays(physical), strays(physicalSteps(state.family, start, target, Math.min(rate / 2, 1), updates))];
      setText(rows[0].cells[0], whole.text);
      setText(rows[0].cells[1], half.text);
      setText(rows[1].cells[0], straight.text);
      setText(rows[1].cells[1], straightHalf.text);
      const name = `(${left.labels.join(", ")})`;
      const told =
        whole.lost !== undefined
          ? `Natural-gradient steps in ${name} leave the family at step ${whole.lost}.`
          : whole.share < 1e-9
            ? `Natural-gradient steps in ${name} stay on the line.`
            : `Natural-gradient steps in ${name} bend by ${whole.text}${half.share ? `, with half the step by ${half.text}` : ""}.`;
      return { caption: `η = ${shown(rate)}, ${updates} steps. ${told} ${straight.share < 1e-9 ? "The physical gradient stays on it." : `The physical gradient bends by ${straight.text}.`}`, summary: `η = ${shown(rate)}. ${told}` };
    };
  },
};
