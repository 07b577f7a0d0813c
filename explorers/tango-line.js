// The line that TANGO is on: its mean motion and noisy runs, the fast iterate and its average, in both planes.

const LIVE_STEPS = 5000; // steps of the mean motion that are made at once; the worker makes the others
const MOST_STEPS = 5e6;

EXPLORERS["tango-line"] = {
  title: "the line that TANGO is on",
  first: () => "press “warm start in (E y, E y²)”, then drag δt: however large, the average of the mean motion stays on the line.",
  fields: () => ({
    stepSize: FIELDS.number({ label: "δt", value: 1e-4, least: 1e-6, most: 1, slider: [1e-6, 1], log: true }),
    gamma: FIELDS.number({ label: "γ", value: 1e-2, least: 1e-6, most: 1, slider: [1e-6, 1], log: true }),
    coordinates: FIELDS.choice({ label: "coordinates", value: "log scale", options: coordinateOptions }),
    warm: FIELDS.choice({ label: "fast iterate begins", value: "cold", options: () => [["cold", "at the start (cold)"], ["warm", "where it is going, from the exact target (warm)"]] }),
    fisher: FIELDS.choice({ label: "Fisher matrix of the runs", value: "sampled", options: () => [["sampled", "from one pseudo-sample a step"], ["exact", "exact"]] }),
    start: memberPoint("start", [0, 1]),
    target: memberPoint("target", [10, 1]),
    time: FIELDS.number({ label: "until the time t = k δt", value: 6, above: 0, most: 20 }),
    runs: FIELDS.number({ label: "noisy runs", value: 3, least: 0, most: 8, whole: true }),
    seed: FIELDS.number({ label: "seed", value: 1, least: 0, most: 4e9, whole: true }),
    fast: FIELDS.flag({ label: "show the fast iterate", value: true }),
  }),
  presets: () => [
    ["as published", {}],
    ["cold start in (E y, E y²)", { coordinates: "expectation", gamma: 1e-3 }],
    ["warm start in (E y, E y²)", { coordinates: "expectation", gamma: 1e-3, warm: "warm" }],
    ["warm, exact Fisher matrix", { coordinates: "expectation", gamma: 1e-3, warm: "warm", fisher: "exact" }],
    ["δt a hundred times γ", { coordinates: "expectation", gamma: 1e-3, stepSize: 0.1, warm: "warm", fisher: "exact" }],
    ["warm in (μ, ln σ)", { warm: "warm" }],
  ],
  valid: (key, value) => (key === "start" || key === "target" ? validMember(key, value) : null),

  build(ui) {
    const plane = makePlane(ui.planes, { title: "in (μ, σ)", labels: ["mean μ", "standard deviation σ"] });
    const moments = makePlane(ui.planes, { title: "in (E y, E y²)", labels: MOMENTS });
    memberHandles(ui, plane, moments);
    const bar = element("progress", { max: 1, value: 0, "aria-label": "progress of the runs" });
    const stopButton = ui.button("Stop", () => halt(true));
    const work = element("div", { class: "explorer-run explorer-thin" }, stopButton, bar);
    ui.planes.after(work);
    ui.controls.append(
      ui.number("gamma", { size: 9 }), ui.number("stepSize", { size: 9 }), ui.choice("warm"), ui.choice("coordinates"), ui.choice("fisher"),
      ui.more(ui.number("runs", { size: 4 }), ui.number("seed"), ui.number("time", { size: 5 }), ui.point("start"), ui.point("target"), ui.flag("fast")),
    );
    const settingsOf = (state) => ({
      start: state.start, target: state.target, coordinates: state.coordinates, stepSize: state.stepSize, gamma: state.gamma,
      fisher: state.fisher, warm: state.warm === "warm", steps: clamp(Math.ceil(state.time / state.stepSize - 1e-9), 1, MOST_STEPS),
      runs: state.runs, seed: state.seed,
    });
    let stop = null;
    let result = null; // { of, mean, runs }
    let first = {}; // { of, mean }: the part of the mean motion that is made at once
    let begun = 0;
    let stopped = null; // the settings whose runs were stopped

    function halt(byHand = false) {
      stop?.();
      stop = null;
      if (byHand) {
        stopped = result?.of;
        ui.say("stopped");
        ui.repaint();
      }
    }
    function compute(settings, of) {
      halt();
      result = { of, mean: null, runs: [] };
      bar.value = 0;
      begun = performance.now();
      setTimeout(ui.repaint, 320); // a short run shows no bar
      stop = background("tango", settings, (report) => {
        if (report.failed) result.failed = report.failed;
        if (report.mean) result.mean = report.mean;
        if (report.run) result.runs.push(report.run);
        if (report.fraction !== undefined) bar.value = report.fraction;
        if (report.finished) stop = null;
        if (report.mean || report.run || report.finished) ui.repaint();
      });
    }

    return (state, dragging) => {
      const settings = settingsOf(state);
      const of = JSON.stringify(settings);
      if (dragging) halt();
      else if (result?.of !== of && stopped !== of) compute(settings, of);
      const fresh = result?.of === of;
      const exact = Array.from({ length: 101 }, (_, i) => i / 100).map((left) => onTheLine(state.start, state.target, 1 - left, left));
      // short runs are exact at once; of long ones the first part, until the worker has the whole
      const whole = fresh && result.mean;
      if (!whole && first.of !== of) first = { of, mean: meanMotion({ ...settings, steps: Math.min(settings.steps, LIVE_STEPS) }, 400) };
      const mean = whole || first.mean;
      const part = !whole && settings.steps > LIVE_STEPS;
      const runs = fresh ? result.runs : [];

      if (!dragging || !plane.fitted) {
        // the fast iterate may go far out: it does not set the limits
        const inView = [[state.start[0], 0], state.start, state.target, ...exact, ...mean.average.filter((p) => isFinitePoint(p) && Math.abs(p[0]) < 40 && p[1] < 40)];
        plane.limits = limitsFor(inView, plane.fitted ? plane.limits : null, { floor: [-Infinity, 0] });
        moments.limits = limitsFor(exact.map(meanMap), plane.fitted ? moments.limits : null);
        plane.fitted = true;
      }
      const items = (which, suffix, line) => [
        ...runs.flatMap((run) => [
          ...(state.fast && run === runs[0] ? [{ points: run[`fast${suffix}`], look: "TANGO", width: 0.7, plain: true, faint: 0.35 }] : []),
          { points: run[`average${suffix}`], look: "TANGO", width: 0.9, plain: true, faint: 0.6 },
        ]),
        { points: line, look: "natural gradient", label: "natural gradient", width: 1.8 },
        ...(state.fast ? [{ points: mean[`fast${suffix}`], label: "fast iterate", width: 1.3 }] : []),
        { points: mean[`average${suffix}`], look: "TANGO", label: "TANGO, its average", width: 2.2, plain: true },
      ];
      plane.draw([...items("mean", "", exact), { cross: state.target }], dragging);
      moments.draw([noDistribution(moments.limits), ...items("mean", "M", exact.map(meanMap)), { cross: meanMap(state.target) }], dragging);
      work.hidden = !stop || performance.now() - begun < 300;

      const [one, other] = DATA.coordinates[state.coordinates];
      const steps = `${grouped(settings.steps)} ${settings.steps === 1 ? "step" : "steps"}`;
      const bound = Math.min(gammaBound(state.start, state.coordinates), gammaBound(state.target, state.coordinates));
      const steady = meanBound(exact.slice(0, -1).concat([state.target]), state.coordinates);
      const parts = [
        `TANGO in (${one}, ${other}), ${state.warm} start, γ = ${shown(state.gamma)}, δt = ${shown(state.stepSize)}, ${steps}.`,
        mean.diverged !== null
          ? `The mean motion leaves the family at step ${grouped(mean.diverged)}.`
          : part
            ? "The first part of the mean motion; the rest is on its way."
            : `The mean motion is at most ${mean.distance < 1e-9 ? "a rounding error" : shown(mean.distance, 2)} from the line in (μ, σ).`,
      ];
      const lost = runs.filter((run) => run.diverged !== null).length;
      if (runs.length) {
        const far = runs.filter((run) => run.diverged === null).map((run) => run.distance);
        if (far.length) parts.push(`Thin: ${runs.length} noisy ${runs.length === 1 ? "run" : "runs"}, at most ${shown(median(far), 2)} (median) from it.`);
        if (lost) parts.push(`${lost} of ${runs.length} ${lost === 1 ? "leaves" : "leave"} the family.`);
      }
      if (state.gamma > steady) parts.push(`γ is past ${shown(steady, 2)} = 2/λmax(F): from there on rounding errors grow at every step.`);
      else if (state.fisher === "sampled" && state.gamma >= bound) parts.push(`γ is past its bound for the mean square, ${shown(bound, 2)}, so runs may diverge.`);
      if (settings.steps === MOST_STEPS) parts.push(`Cut at ${grouped(MOST_STEPS)} steps, t = ${shown(MOST_STEPS * state.stepSize)}.`);
      if (fresh && result.failed) parts.push(`The runs failed: ${result.failed}.`);
      if (stopped === of) parts.push("Stopped.");
      return { caption: parts[0], status: parts.slice(1).join(" "), summary: parts.slice(0, 2).join(" ") };
    };
  },
};
