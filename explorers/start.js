// Where it all begins: the work of a worker, or the explorers of a page.

const TASKS = {
  *race({ stride, ...settings }) {
    yield* race(settings, 4000, stride);
  },
  *seeds({ seeds, seed, ...settings }) {
    for (let i = 0; i < seeds; i++) yield { counts: reproduce({ ...settings, seed: (seed + i) % 2 ** 32 }) };
  },
  *tango({ runs, seed, ...settings }) {
    const whole = (runs + 1) * settings.steps;
    for (let i = 0; i <= runs; i++) {
      const path = tangoPath(settings, i ? randomState((seed + i - 1) % 2 ** 32).oneNormal : null);
      for (;;) {
        const { value, done } = path.next();
        if (done) {
          yield { fraction: ((i + 1) * settings.steps) / whole, [i ? "run" : "mean"]: value };
          break;
        }
        yield { fraction: (i * settings.steps + value.made) / whole };
      }
    }
  },
};

if (typeof document === "undefined") {
  self.onmessage = ({ data: { task, settings } }) => {
    for (const report of TASKS[task](settings)) self.postMessage(report);
    self.postMessage({ finished: true });
  };
} else {
  window.straightLines = {
    alphaGeodesic, BOUND, COORDINATES, descend, descentVelocity, digamma, distanceFromLine, divergesAt, FAMILIES, fisherMatrix, gammaBound,
    gradientDescentFlow, inverseMeanMap, meanBound, meanMap, meanMotion, METHODS, naturalGradientFlow, naturalSteps, physicalSteps, PROBLEMS,
    race, randomState, reproduce, shareGap, trigamma,
    tangoRun: (settings, seed, kept = Infinity) => finish(tangoPath(settings, randomState(seed).oneNormal, Infinity, kept)),
  };
  const seen = {};
  const addressed = (root) => new URLSearchParams(location.hash.slice(1)).get("explorer") === root.dataset.explorerName;
  const start = (root) => {
    near.unobserve(root);
    if (root.classList.contains("is-running")) return;
    // where the browser does not, what is read below an explorer is kept in its place
    const above = !CSS.supports("overflow-anchor: auto") && root.getBoundingClientRect().bottom < 0;
    const height = above && root.offsetHeight;
    startPanel(root, EXPLORERS[root.dataset.explorer], JSON.parse(root.dataset.options || "{}"));
    if (above) scrollBy({ top: root.offsetHeight - height, behavior: "instant" });
  };
  // An explorer starts before it is seen: a reader who scrolls fast would see the page below it move.
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) start(target);
  }, { rootMargin: "150%" });
  const begin = () => {
    for (const root of document.querySelectorAll("[data-explorer]")) {
      const name = root.dataset.explorer;
      if (root.dataset.explorerName || !Object.hasOwn(EXPLORERS, name)) continue;
      seen[name] = (seen[name] ?? 0) + 1;
      root.dataset.explorerName = seen[name] > 1 ? `${name}-${seen[name]}` : name;
      near.observe(root);
      // at the beginning of a page it is there before it is seen
      if (document.currentScript?.hasAttribute("data-at-once") || addressed(root)) start(root);
    }
  };
  begin(); // those above the script; others when the page is whole
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  window.addEventListener("hashchange", () => {
    for (const root of document.querySelectorAll("[data-explorer-name]")) if (addressed(root)) start(root);
  });
}
