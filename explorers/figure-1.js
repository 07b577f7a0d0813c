// Figure 1, run in the page: the published stream or any other, and the histogram of first hits over many seeds.

const RACER_LOOKS = { tango: "TANGO", sgd: "SGD", averagedSgd: "averaged SGD" };
const MOST_POINTS = 1200;

EXPLORERS["figure-1"] = {
  title: "Figure 1, run it yourself",
  first: () => "change the seed and run again: the three counts change, the order mostly does not. Then run many seeds.",
  fields: () => {
    const rate = (label, value) => FIELDS.number({ label, value, above: 0, most: 1 });
    return {
      seed: FIELDS.number({ label: "seed", value: RACE.seed, least: 0, most: 2 ** 32 - 1, whole: true }),
      checks: FIELDS.flag({ label: "draw the source's 12,000 uniforms first", value: true }),
      start: memberPoint("start", RACE.start),
      target: memberPoint("target", RACE.target),
      gamma: rate("γ", RACE.gamma),
      stepSize: rate("δt", RACE.stepSize),
      rate: rate("rate of SGD", RACE.rate),
      limit: FIELDS.number({ label: "at most so many iterations", value: RACE.limit, least: 1, most: 1e7, whole: true }),
      seeds: FIELDS.number({ label: "many seeds", value: 100, least: 2, most: 2000, whole: true }),
    };
  },
  presets: () => [
    ["as published", {}],
    ["another seed", { seed: 1, checks: false }],
    ["γ = 0.05", { gamma: 0.05 }],
    ["SGD at the rate δt", { rate: 1e-4, limit: 1000000 }],
    ["another pair", { seed: 99, checks: false, start: [2, 3], target: [-4, 1.5], gamma: 5e-3, stepSize: 2e-4 }],
  ],
  valid: (key, value) => (key === "start" || key === "target" ? validMember(key, value) : null),

  build(ui) {
    const plane = makePlane(ui.planes, { title: "one seed", labels: ["mean μ", "standard deviation σ"], ratio: 0.78 });
    memberHandles(ui, plane, null);
    const hits = makeHistogram(ui.planes);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const settingsOf = ({ seed, checks, start, target, gamma, stepSize, rate, limit }) => ({ seed, checks, start, target, gamma, stepSize, rate, limit });

    const bar = element("progress", { max: 1, value: 0, "aria-label": "progress of the run" });
    const runButton = ui.button("Run", () => run(), { class: "explorer-main" });
    const manyButton = ui.button("Run many seeds", () => runMany(), { class: "explorer-main" });
    const stopButton = ui.button("Stop", () => halt("stopped"));
    const counts = RACERS.map((method) => {
      const [count, largest] = [element("td", { class: "explorer-value" }), element("td", { class: "explorer-value" })];
      return { row: element("tr", {}, element("th", { scope: "row" }, swatch(RACER_LOOKS[method]), ` ${RACER_LOOKS[method]}`), count, largest), count, largest };
    });
    ui.planes.after(
      element("div", { class: "explorer-run" }, runButton, manyButton, stopButton, bar),
      ui.table(["method", "one seed", "many seeds"], counts.map(({ row }) => row), "Iterations until each method has converged"),
    );
    ui.controls.append(
      ui.number("seed", { size: 10 }), ui.number("seeds", { size: 5 }), ui.number("gamma"), ui.number("stepSize"), ui.number("rate"),
      ui.more(ui.point("start"), ui.point("target"), ui.number("limit"), ui.flag("checks")),
    );

    let stop = null;
    let result = null; // of one seed: { of: settings, paths, reports, state }
    let many = null; // { of: settings, hits }
    let fraction = 0;

    function halt(why) {
      stop?.();
      stop = null;
      if (result?.running) Object.assign(result, { running: false, halted: why === "stopped" });
      if (many?.running) Object.assign(many, { running: false, halted: why === "stopped" });
      if (why === "stopped") ui.say("stopped");
      ui.repaint();
    }
    const empty = (of) => ({ of: JSON.stringify(of), paths: {}, reports: {}, running: true });
    function run() {
      halt();
      const of = settingsOf(ui.state());
      result = empty(of);
      fraction = 0;
      const done = { tango: 0, sgd: 1, averagedSgd: 2 };
      stop = background("race", { ...of, stride: Math.max(1, Math.ceil(of.limit / MOST_POINTS)) }, (report) => {
        if (report.failed) result.failed = report.failed;
        if (report.method) {
          const path = (result.paths[report.method] ??= []);
          path.push(...report.points);
          result.reports[report.method] = report;
          fraction = (done[report.method] + (report.done ? 1 : report.made / of.limit)) / 3;
        }
        if (report.finished) {
          halt();
          ui.say(RACERS.map((method) => `${RACER_LOOKS[method]} ${countWords(result.reports[method], of.limit)}`).join("; "));
        }
        if (report.finished || !calm.matches) ui.repaint();
        else bar.value = fraction;
      });
      ui.repaint();
    }
    function runMany() {
      halt();
      const of = settingsOf(ui.state());
      const { seeds } = ui.state();
      many = { of: JSON.stringify(of), hits: { tango: [], sgd: [], averagedSgd: [] }, missed: { tango: 0, sgd: 0, averagedSgd: 0 }, made: 0, seeds, running: true, limit: of.limit };
      fraction = 0;
      stop = background("seeds", { ...of, seeds }, (report) => {
        if (report.failed) many.failed = report.failed;
        if (report.counts) {
          many.made += 1;
          for (const method of RACERS) {
            if (report.counts[method] === null) many.missed[method] += 1;
            else many.hits[method].push(report.counts[method]);
          }
          fraction = many.made / seeds;
        }
        if (report.finished) {
          halt();
          ui.say(`${many.made} seeds: ${RACERS.map((method) => `${RACER_LOOKS[method]}, ${manyWords(many, method)}`).join("; ")}`);
        }
        if (report.finished || !calm.matches) ui.repaint();
        else bar.value = fraction;
      });
      ui.repaint();
    }

    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      if (!result) run();
    }, { rootMargin: "300px" });
    watch.observe(ui.root);

    return (state, dragging) => {
      const now = JSON.stringify(settingsOf(state));
      if (dragging && stop) halt();
      const fresh = result?.of === now;
      const exact = naturalGradientFlow(state.start, state.target, Array.from({ length: 120 }, (_, i) => i / 12)).concat([state.target]);
      const paths = fresh ? RACERS.filter((method) => result.paths[method]) : [];
      if (!dragging) {
        const everything = [[state.start[0], 0], state.start, state.target, ...exact, ...paths.flatMap((method) => result.paths[method].filter((p) => isFinitePoint(p) && Math.abs(p[0]) < 1e3 && p[1] < 1e3))];
        plane.limits = limitsFor(everything, plane.fitted ? plane.limits : [[-0.6, 11], [0, 10.4]], { floor: [-Infinity, 0], margin: 0.05 });
        plane.fitted = true;
      }
      plane.draw([
        { points: exact, look: "natural gradient", label: paths.length ? "natural gradient" : "natural gradient, exact", width: 1.6 },
        ...paths.map((method) => ({ points: result.paths[method], look: RACER_LOOKS[method], label: RACER_LOOKS[method], width: 1.3 })),
        { cross: state.target },
      ], dragging);
      const published = now === JSON.stringify(settingsOf({ ...RACE }));
      const manyFresh = many && JSON.parse(many.of).limit === state.limit && JSON.stringify({ ...JSON.parse(many.of), seed: 0, checks: 0 }) === JSON.stringify({ ...JSON.parse(now), seed: 0, checks: 0 });
      hits.draw(manyFresh ? many : null, fresh && !result.running ? result.reports : {}, state.limit);
      RACERS.forEach((method, i) => {
        const report = fresh ? result.reports[method] : null;
        setText(counts[i].count, report ? (report.done ? countWords(report, state.limit) : `… ${grouped(report.made)}`) : "–");
        setText(counts[i].largest, manyFresh && many.made ? manyWords(many, method) : "–");
      });
      bar.value = fraction;
      bar.hidden = !stop;
      stopButton.hidden = !stop;
      setText(runButton, `Run seed ${state.seed}`);
      setText(manyButton, `Run ${grouped(state.seeds)} seeds from ${state.seed} on`);
      const words = published ? "The published settings and stream" : `Seed ${state.seed}, γ = ${shown(state.gamma)}, δt = ${shown(state.stepSize)}, SGD's rate ${shown(state.rate)}`;
      const failed = (fresh && result.failed) || (manyFresh && many.failed);
      const status = failed
        ? ` The run failed: ${failed}.`
        : fresh && !result.running && !result.halted
          ? published && RACERS.every((method) => result.reports[method]?.count === DATA.published[method]) ? " The three counts are the published ones, to the last digit." : ""
          : result?.halted && fresh ? " Stopped." : fresh ? " Running." : " Not run yet: press Run.";
      return {
        caption: `${words}. Dotted: the exact natural gradient. First hits: the iteration at which each method first is in the box around the target; dashed, of this seed.`,
        status: status.trim(),
        summary: `${words}.${status}`,
      };
    };
  },
};
function countWords(report, limit) {
  if (!report) return "not run";
  if (report.count !== null) return `converged in ${report.count} iterations`;
  return report.diverged ? "diverges" : `not in ${grouped(limit)} iterations`;
}
function median(values) {
  const sorted = values.slice().sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
function manyWords(many, method) {
  const found = many.hits[method];
  const middle = found.length ? `median ${grouped(Math.round(median(found)))}` : "none converged";
  return many.missed[method] ? `${middle}; ${many.missed[method]} of ${many.made} not in time` : middle;
}

// Three rows of bars on one axis: how many seeds first hit the box in each fiftieth of the limit.
function makeHistogram(parent) {
  const box = element("div", { class: "explorer-plane" });
  box.innerHTML = `<svg xmlns="${SVG}" role="img" aria-label="histogram of the first hits"></svg>`;
  const svg = box.firstChild;
  const heading = element("p", { class: "explorer-plane-title" }, "many seeds: first hits");
  parent.append(element("div", { class: "explorer-plane-column" }, heading, box));
  let [width, measured] = [0, false];
  new ResizeObserver(() => (measured = false)).observe(box);
  const draw = (many, reports, limit) => {
    if (!measured) width = box.clientWidth;
    measured = width > 0;
    if (!width) return;
    const height = Math.round(Math.max(200, Math.min(460, width * 0.78)));
    const [left, right, top, bottom] = [14, width - 16, 26, height - 40];
    const at = (iteration) => left + (iteration / limit) * (right - left);
    const bins = 50;
    const row = (bottom - top) / 3;
    const tallies = RACERS.map((method) => {
      const tally = new Array(bins).fill(0);
      for (const hit of many?.hits[method] ?? []) tally[Math.min(bins - 1, Math.floor((hit / limit) * bins))] += 1;
      return tally;
    });
    const most = Math.max(1, ...tallies.flat());
    const made = [];
    RACERS.forEach((method, i) => {
      const base = top + (i + 1) * row;
      const name = slug(RACER_LOOKS[method]);
      let bars = "";
      tallies[i].forEach((count, b) => {
        const high = (count / most) * (row - 24);
        if (count) bars += `M${at((b * limit) / bins).toFixed(1)} ${base}v${(-high).toFixed(1)}h${((right - left) / bins - 1).toFixed(1)}v${high.toFixed(1)}z`;
      });
      made.push(["path", { d: bars, style: `fill:var(--look-${name})` }], ["path", { class: "explorer-axis", d: `M${left} ${base}H${right}` }]);
      const text = many?.missed[method] ? `${RACER_LOOKS[method]} (${many.missed[method]} not by the end)` : RACER_LOOKS[method];
      made.push(["text", { class: "explorer-line-label", x: left, y: (base - row + 16).toFixed(1), style: `fill:var(--look-${name}-text)` }, text]);
      const one = reports[method]?.count;
      if (Number.isInteger(one)) made.push(["path", { class: "explorer-mark", d: `M${at(one).toFixed(1)} ${base + 1}v${-(row - 26)}` }]);
    });
    const least = limit / Math.max(2, (right - left) / 92);
    const step = niceStep(least) < least ? niceStep(2.2 * niceStep(least)) : niceStep(least);
    for (let value = 0; value <= limit * 1.0001; value += step) {
      const anchor = value === 0 ? "start" : at(value) > right - 24 ? "end" : "middle";
      made.push(["path", { class: "explorer-axis", d: `M${at(value).toFixed(1)} ${bottom}v4` }]);
      made.push(["text", { class: "explorer-tick", "text-anchor": anchor, x: at(value).toFixed(1), y: bottom + 17 }, grouped(Math.round(value))]);
    }
    made.push(["text", { class: "explorer-label", "text-anchor": "end", x: right + 6, y: height - 5 }, "iterations"]);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    setShapes(svg, made);
    setText(heading, many ? `many seeds: first hits of ${many.made}` : "many seeds: first hits");
    svg.setAttribute("aria-label", many ? `histogram of the first hits of ${many.made} seeds` : "histogram of first hits, no seeds run yet");
  };
  return { draw };
}
