// A panel: an explorer's state, its fields, presets and address, around the planes it draws.

// A field reads text into a value, or throws a RangeError that says what is allowed.
function readNumber(text, what) {
  const clean = text.trim().replace(/−/g, "-").replace(/,(?=\d)/g, ".");
  const [over, under, ...more] = clean.split("/");
  const value = under === undefined ? Number(over) : Number(over) / Number(under);
  if (!clean || more.length || !Number.isFinite(value)) throw new RangeError(`${what} must be a number`);
  return value;
}
const FIELDS = {
  // above, most, least: bounds. slider: [from, to], on a logarithmic scale where `log` is true.
  number(options) {
    const { label, above = -Infinity, least = -Infinity, most = Infinity, whole = false } = options;
    const allowed = [
      whole ? "a whole number" : "",
      above > -Infinity ? `greater than ${shown(above)}` : "",
      least > -Infinity ? `at least ${shown(least)}` : "",
      most < Infinity ? `at most ${shown(most, 10)}` : "",
    ].filter(Boolean);
    const wanted = `must be ${allowed.join(", ").replace(/, ([^,]*)$/, " and $1")}`;
    return {
      ...options,
      // a third is a rate of the walkthrough: it stays a fraction
      write: (value) => (Number(value.toPrecision(8)) !== value && Number.isInteger(3 * value) ? `${3 * value}/3` : String(Number(value.toPrecision(8)))),
      read(text) {
        const value = readNumber(text, label);
        if (!(value > above && value >= least && value <= most) || (whole && !Number.isInteger(value))) {
          throw new RangeError(`${label} ${wanted}`);
        }
        return value;
      },
      kind: "number",
    };
  },
  choice: (options) => ({
    ...options,
    write: (value) => value,
    read(text) {
      const found = options.options().find(([value]) => value === text);
      if (!found) throw new RangeError(`${options.label} has no choice ${text}`);
      return text;
    },
    kind: "choice",
  }),
  flag: (options) => ({ ...options, write: (value) => (value ? "1" : "0"), read: (text) => text === "1", kind: "flag" }),
  // names: of both numbers. inside(point, state): whether it is allowed, and `wanted` says what is.
  point: (options) => ({
    ...options,
    write: (value) => value.map((part) => Number(part.toPrecision(8))).join(","),
    read(text) {
      const value = text.split(",").map((part) => readNumber(part, options.label));
      if (value.length !== 2) throw new RangeError(`${options.label} must be two numbers`);
      return value;
    },
    kind: "point",
  }),
};

let panels = 0;

// spec: { title, first, fields, presets, normal(state, changed), valid(key, value, state), build(ui) }, where build returns
// draw(state, dragging), which returns { caption, status, summary }: what is drawn, what a run tells, what is said.
function startPanel(root, spec, options) {
  const id = `explorer-${++panels}`;
  const still = root.querySelector(":scope > .explorer-still");
  const presets = spec.presets(options);
  const fields = spec.fields(options);
  const first = presets.find(([name]) => name === options.preset) ?? presets[0];
  const defaults = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.value]));
  const initial = () => structuredClone({ ...defaults, ...first[1] });
  let state = initial();

  const planes = element("div", { class: "explorer-planes" });
  const controls = element("div", { class: "explorer-controls" });
  const caption = element("p", { class: "explorer-caption" });
  const number = still?.querySelector(".caption-number");
  const text = element("span");
  const status = element("span", { class: "explorer-status" }); // keeps its place, since runs change it
  caption.append(...(number ? [number.cloneNode(true), " "] : []), text);
  const view = element(
    "div",
    { class: "explorer", role: "group", "aria-label": `Explorer: ${spec.title}` },
    element("p", { class: "explorer-first" }, element("strong", {}, "Try first: "), spec.first(options)),
    planes,
  );

  const shows = []; // functions that bring a control in step with the state
  let focused = null;
  let frame = 0;
  let dragging = false;
  let touched = false; // nothing is said before a reader has done something
  let lastAddress = "";
  let addressTimer = 0;

  function address() {
    const parts = Object.entries(fields)
      .filter(([key, field]) => field.write(state[key]) !== field.write(initialState[key]))
      .map(([key, field]) => `${key}=${encodeURIComponent(field.write(state[key])).replace(/%2C/g, ",")}`);
    return parts.length ? `#explorer=${root.dataset.explorerName}&${parts.join("&")}` : "";
  }
  const initialState = initial();
  function writeAddress() {
    const next = address();
    if (next === lastAddress) return;
    lastAddress = next;
    try {
      history.replaceState(history.state, "", next || location.pathname + location.search);
    } catch {
      // a page without an address of its own: the state is not kept
    }
  }
  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    if (given.get("explorer") !== root.dataset.explorerName) return false;
    const next = initial();
    for (const [key, field] of Object.entries(fields)) {
      if (!given.has(key)) continue;
      try {
        next[key] = check(key, field.read(given.get(key)), next);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    state = spec.normal?.(next, next, next) ?? next;
    return true;
  }
  // The value, if it is allowed beside the rest of the state.
  function check(key, value, beside) {
    const wrong = spec.valid?.(key, value, beside);
    if (wrong) throw new RangeError(wrong);
    return value;
  }

  function paint() {
    frame = 0;
    const said = draw(state, dragging);
    for (const show of shows) show();
    setText(text, said.caption);
    if (said.status !== undefined) {
      setText(status, said.status);
      if (!status.isConnected) caption.append(" ", status);
    }
    if (!dragging) {
      ui.say(said.summary ?? said.caption);
      clearTimeout(addressTimer);
      addressTimer = setTimeout(writeAddress, 250);
    }
  }
  const ui = {
    root: view,
    planes,
    controls,
    id,
    state: () => state,
    repaint() {
      if (!frame) frame = requestAnimationFrame(paint);
    },
    set(patch, held = false) {
      const before = state;
      touched = true;
      state = { ...state, ...patch };
      if (spec.normal) state = spec.normal(state, before, patch) ?? state;
      dragging = held;
      ui.repaint();
    },
    say: (words) => touched && announce(words),
    onShow: (show) => shows.push(show),
    isDragging: () => dragging,
  };

  // One input with its label and the place for what is wrong with it. read(text) gives a patch or throws a RangeError.
  ui.input = (label, write, read, { hideLabel = false, enabled = () => true, size = 8 } = {}) => {
    const name = `${id}-${(ui.count = (ui.count ?? 0) + 1)}`;
    const wrong = element("span", { class: "explorer-wrong", id: `${name}-wrong` });
    const input = element("input", { id: name, type: "text", inputmode: "decimal", autocomplete: "off", class: "explorer-number", style: `width: calc(${size}ch + 1rem)` });
    const take = () => {
      try {
        const patch = read(input.value);
        wrong.textContent = "";
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-describedby");
        ui.set(patch);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        wrong.textContent = error.message;
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", wrong.id);
        touched = true;
        ui.say(error.message);
      }
    };
    input.addEventListener("change", take);
    input.addEventListener("keydown", (event) => event.key === "Enter" && take());
    input.addEventListener("focus", () => (focused = input));
    input.addEventListener("blur", () => (focused = null));
    let written = null;
    shows.push(() => {
      const value = write(state);
      input.disabled = !enabled(state);
      // what someone types, and what is wrong, stays until the state itself changes
      if (value === written && (focused === input || input.hasAttribute("aria-invalid"))) return;
      if (value === written && input.value === value) return;
      written = value;
      input.value = value;
      wrong.textContent = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    });
    const caption = element("label", { for: name, class: hideLabel ? "explorer-hidden" : null }, label);
    return element("span", { class: "explorer-field" }, caption, input, wrong);
  };

  ui.number = (key, settings = {}) => {
    const field = fields[key];
    const box = ui.input(field.label, (s) => field.write(s[key]), (t) => ({ [key]: check(key, field.read(t), state) }), settings);
    if (!field.slider || settings.noSlider) return box;
    const [low, high] = field.slider;
    const scale = field.log ? Math.log10 : (v) => v;
    const unscale = field.log ? (v) => Number((10 ** v).toPrecision(2)) : (v) => v;
    const slider = element("input", {
      type: "range",
      min: scale(low),
      max: scale(high),
      step: field.log ? 0.01 : (field.step ?? (high - low) / 200),
      "aria-label": `${field.label}, slider`,
      class: "explorer-slider",
      oninput: () => ui.set({ [key]: unscale(Number(slider.value)) }, true),
      onchange: () => ui.set({ [key]: unscale(Number(slider.value)) }),
    });
    shows.push(() => {
      const at = scale(state[key]);
      if (Math.abs(Number(slider.value) - at) > 1e-9 && document.activeElement !== slider) slider.value = at;
      slider.setAttribute("aria-valuetext", shown(state[key]));
    });
    const input = box.querySelector("input");
    const row = element("span", { class: "explorer-row" });
    input.before(row);
    row.append(input, slider);
    return box;
  };
  ui.point = (key) => {
    const field = fields[key];
    const names = () => (typeof field.names === "function" ? field.names(state) : field.names);
    const parts = [0, 1].map((axis) => {
      const box = ui.input(
        `${field.label} ${names()[axis]}`,
        (s) => String(Number(s[key][axis].toPrecision(6))),
        (t) => {
          const value = state[key].slice();
          value[axis] = readNumber(t, `${field.label} ${names()[axis]}`);
          return { [key]: check(key, value, state) };
        },
      );
      const name = box.querySelector("label");
      shows.push(() => setText(name, `${field.label} ${names()[axis]}`));
      return box;
    });
    return element("span", { class: "explorer-pair" }, ...parts);
  };
  ui.flag = (key) => {
    const input = element("input", { type: "checkbox", id: `${id}-${key}`, onchange: () => ui.set({ [key]: input.checked }) });
    shows.push(() => (input.checked = state[key]));
    return element("label", { class: "explorer-flag", for: `${id}-${key}` }, input, ` ${fields[key].label}`);
  };
  ui.choice = (key) => {
    const field = fields[key];
    const select = element("select", { id: `${id}-${key}`, onchange: () => ui.set({ [key]: select.value }) });
    let listed = "";
    shows.push(() => {
      const list = field.options(state);
      const now = JSON.stringify(list);
      if (now !== listed) select.replaceChildren(...list.map(([value, label]) => element("option", { value }, label)));
      listed = now;
      select.value = state[key];
    });
    return element("span", { class: "explorer-field explorer-field-wide" }, element("label", { for: `${id}-${key}` }, field.label), select);
  };
  ui.button = (label, onclick, settings = {}) => element("button", { type: "button", class: `explorer-button ${settings.class ?? ""}`, onclick: () => ((touched = true), onclick()) }, label);
  // Fields that fewer readers need: folded on a phone.
  ui.more = (...controls) =>
    element(
      "details",
      { class: "explorer-more", open: window.innerWidth > 600 },
      element("summary", {}, "More settings"),
      element("div", { class: "explorer-controls" }, ...controls),
    );
  // A table with a row for each name; cells(state) gives the texts of the columns after the first, or their elements once.
  ui.table = (heads, rows, caption) => {
    const body = element("tbody");
    const table = element(
      "table",
      { class: "explorer-table" },
      element("caption", { class: "explorer-hidden" }, caption),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      body,
    );
    for (const row of rows) body.append(row);
    return element("div", { class: "explorer-scroll", tabindex: 0, role: "region", "aria-label": caption }, table);
  };

  const draw = spec.build(ui, options);
  const chips = presets.map(([name, patch]) => {
    const whole = JSON.stringify({ ...defaults, ...patch });
    const chip = ui.button(name, () => ui.set(JSON.parse(whole)));
    shows.push(() => chip.setAttribute("aria-pressed", JSON.stringify(state) === whole));
    return chip;
  });
  chips.push(ui.button("Reset", () => ui.set(initial()), { class: "explorer-reset" }));
  const toggle = still
    ? ui.button("Show the printed figure", () => {
        const open = root.classList.toggle("shows-still");
        toggle.setAttribute("aria-expanded", open);
        toggle.textContent = open ? "Hide the printed figure" : "Show the printed figure";
      })
    : null;
  toggle?.setAttribute("aria-expanded", "false");
  toggle?.classList.add("explorer-quiet");
  view.append(
    caption,
    element("div", { class: "explorer-presets", role: "group", "aria-label": "Presets" }, ...chips),
    controls,
    ...(toggle ? [toggle] : []),
  );
  if (!liveRegion) {
    liveRegion = element("div", { class: "explorer-hidden explorer-live", role: "status", "aria-live": "polite" });
    view.append(liveRegion);
  }
  const help = element("span", { class: "explorer-hidden", id: `${id}-help` }, "Drag it, or move it with the arrow keys, with Shift in big steps.");
  view.append(help);
  for (const handle of view.querySelectorAll(".explorer-handle")) handle.setAttribute("aria-describedby", help.id);
  root.prepend(view);
  root.classList.add("is-running");
  // what leads to the figure now leads to the explorer
  const target = still?.querySelector("figure[id]");
  if (target && !root.id) {
    root.id = target.id;
    target.removeAttribute("id");
  }
  const fromAddress = readAddress();
  paint();
  clearTimeout(addressTimer);
  if (fromAddress) root.scrollIntoView();
  window.addEventListener("hashchange", () => {
    if (readAddress()) ui.repaint();
  });
  new ResizeObserver(() => ui.repaint()).observe(planes);
  return ui;
}

// Work beside the page: what a task of TASKS yields is handed to `report`, and at last { finished: true }.
function background(task, settings, report) {
  const source = `"use strict";(${wholeScript})(${JSON.stringify(DATA)})`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  let alive = true;
  const stop = () => {
    if (alive) {
      worker.terminate();
      URL.revokeObjectURL(url);
    }
    alive = false;
  };
  worker.onmessage = ({ data }) => {
    if (!alive) return;
    report(data);
    if (data.finished) stop();
  };
  worker.onerror = (event) => {
    stop();
    report({ finished: true, failed: event.message || "the run stopped" });
  };
  worker.postMessage({ task, settings });
  return stop;
}
