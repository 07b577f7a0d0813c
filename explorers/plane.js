// A plane: axes, lines in the looks of their methods with labels at them, and handles to drag.

const MARGIN = { left: 46, right: 14, top: 26, bottom: 40 };
const FAR = 5000; // pixels: what lies farther out is cut there

// Outlines of matplotlib's markers, within a circle of radius 1.
const polygon = (sides, radius = 1, turn = -Math.PI / 2) =>
  Array.from({ length: sides }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / sides;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
const MARKERS = {
  s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  D: polygon(4, 1.2),
  d: [[0, -1.25], [0.75, 0], [0, 1.25], [-0.75, 0]],
  "^": polygon(3, 1.25),
  v: polygon(3, 1.25, Math.PI / 2),
  "<": polygon(3, 1.25, Math.PI),
  ">": polygon(3, 1.25, 0),
  p: polygon(5, 1.15),
  h: polygon(6, 1.1),
  H: polygon(6, 1.1, 0),
  8: polygon(8, 1.05),
  P: [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
  X: [[-1, -0.5], [-0.5, -1], [0, -0.5], [0.5, -1], [1, -0.5], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5], [-0.5, 1], [-1, 0.5], [-0.5, 0]],
  "*": Array.from({ length: 10 }, (_, i) => polygon(10, i % 2 ? 0.5 : 1.3)[i]),
};
function markerPath(marker, [x, y], radius) {
  const outline = MARKERS[marker];
  if (!outline) {
    const r = radius.toFixed(1);
    return `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
  }
  return `M${outline.map(([a, b]) => `${(x + radius * a).toFixed(1)} ${(y + radius * b).toFixed(1)}`).join("L")}z`;
}

// Contour lines of values[row][column] on a grid, by marching squares: pieces as [x, y, x, y] in grid units.
function contours(values, level) {
  const pieces = [];
  for (let j = 0; j + 1 < values.length; j++) {
    for (let i = 0; i + 1 < values[j].length; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const cut = [];
      for (let side = 0; side < 4; side++) {
        const [p, q] = [corners[side], corners[(side + 1) % 4]];
        const [a, b] = [values[p[1]][p[0]] - level, values[q[1]][q[0]] - level];
        if (a < 0 !== b < 0) cut.push(p[0] + ((q[0] - p[0]) * a) / (a - b), p[1] + ((q[1] - p[1]) * a) / (a - b));
      }
      if (cut.length >= 4) pieces.push(cut.slice(0, 4));
      if (cut.length === 8) pieces.push(cut.slice(4));
    }
  }
  return pieces;
}

// The limits that show all points, with a margin; kept as they are while the points fill them well enough.
function limitsFor(points, before, { margin = 0.07, floor = [-Infinity, -Infinity] } = {}) {
  return [0, 1].map((axis) => {
    const values = points.map((p) => p[axis]).filter(Number.isFinite);
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (!(high > low)) [low, high] = [low - 1, high + 1];
    const old = before?.[axis];
    if (old && low >= old[0] && high <= old[1] && high - low > 0.5 * (old[1] - old[0])) return old;
    const space = margin * (high - low);
    const step = niceStep((high - low) / 10);
    return [Math.max(floor[axis], Math.floor((low - space) / step) * step), Math.ceil((high + space) / step) * step];
  });
}

// A plane in `parent`. title: above it. labels: of both axes. ratio: of height to width.
function makePlane(parent, { title, labels, ratio = 0.8, least = 200 }) {
  const heading = element("p", { class: "explorer-plane-title" }, title);
  const box = element("div", { class: "explorer-plane" });
  const clip = `explorer-clip-${(makePlane.count = (makePlane.count ?? 0) + 1)}`;
  box.innerHTML = `<svg xmlns="${SVG}" aria-hidden="true" focusable="false"><clipPath id="${clip}"><rect/></clipPath><g clip-path="url(#${clip})"><g></g><g></g></g><g></g><g></g></svg>`;
  const svg = box.firstChild;
  const [underLayer, overLayer] = svg.children[1].children;
  const [axesLayer, wordsLayer] = [svg.children[2], svg.children[3]];
  parent.append(element("div", { class: "explorer-plane-column" }, heading, box));

  const plane = { labels, limits: [[0, 1], [0, 1]], handles: [], box, heading };
  let [width, height] = [0, 0];
  let measured = false;
  let remembered = new Map();
  let contour = {};

  const across = () => width - MARGIN.left - MARGIN.right;
  const down = () => height - MARGIN.top - MARGIN.bottom;
  plane.toPixel = ([x, y]) => {
    const [[left, right], [low, high]] = plane.limits;
    return [MARGIN.left + ((x - left) / (right - left)) * across(), MARGIN.top + ((high - y) / (high - low)) * down()];
  };
  plane.toValue = ([px, py]) => {
    const [[left, right], [low, high]] = plane.limits;
    return [left + ((px - MARGIN.left) / across()) * (right - left), high - ((py - MARGIN.top) / down()) * (high - low)];
  };
  plane.resize = () => {
    const space = box.clientWidth;
    if (!space) return false;
    const changed = space !== width;
    width = space;
    height = Math.round(Math.max(least, Math.min(460, width * ratio)));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const frame = svg.querySelector("rect");
    for (const [name, value] of Object.entries({ x: MARGIN.left, y: MARGIN.top - 6, width: across() + 6, height: down() + 6 })) frame.setAttribute(name, value);
    return changed;
  };
  // measuring makes the browser lay out: only when the size may have changed
  new ResizeObserver(() => (measured = false)).observe(box);

  // Pixels of a path; not finite ones are null.
  function pixels(points) {
    return points.map((p) => {
      if (!isFinitePoint(p)) return null;
      const [x, y] = plane.toPixel(p);
      return [clamp(x, -FAR, FAR), clamp(y, -FAR, FAR)];
    });
  }
  function lineData(points) {
    let data = "";
    let pen = "M";
    for (const p of points) {
      if (p) data += `${pen}${p[0].toFixed(1)} ${p[1].toFixed(1)}`;
      pen = p ? "L" : "M";
    }
    return data;
  }
  const inFrame = (p, slack = 0) =>
    p && p[0] >= MARGIN.left - slack && p[0] <= width - MARGIN.right + slack && p[1] >= MARGIN.top - slack && p[1] <= height - MARGIN.bottom + slack;

  let axesKey = "";
  function drawAxes() {
    const key = JSON.stringify([plane.limits, plane.labels, width]);
    if (key === axesKey) return;
    axesKey = key;
    const [[left, right], [low, high]] = plane.limits;
    const [bottom, top, end] = [height - MARGIN.bottom, MARGIN.top, width - MARGIN.right];
    const ticks = (from, to, room) => {
      const step = niceStep(((to - from) / Math.max(2, room)) * 1.0001);
      const found = [];
      for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9 * (to - from); k++) found.push(roundTo(k * step, step));
      return found;
    };
    let lines = `M${MARGIN.left} ${top - 6}V${bottom}H${end + 6}`;
    const words = [];
    const tick = (x, y, anchor, value) => words.push(["text", { class: "explorer-tick", "text-anchor": anchor, x: x.toFixed(1), y: y.toFixed(1) }, shown(value, 6)]);
    for (const value of ticks(left, right, across() / 62)) {
      const [x] = plane.toPixel([value, low]);
      lines += `M${x.toFixed(1)} ${bottom}v4`;
      tick(x, bottom + 17, "middle", value);
    }
    for (const value of ticks(low, high, down() / 44)) {
      const [, y] = plane.toPixel([left, value]);
      lines += `M${MARGIN.left} ${y.toFixed(1)}h-4`;
      tick(MARGIN.left - 7, y + 4, "end", value);
    }
    setShapes(axesLayer, [
      ["path", { class: "explorer-axis", d: lines }],
      ["text", { class: "explorer-label", "text-anchor": "end", x: end + 6, y: height - 5 }, plane.labels[0]],
      ["text", { class: "explorer-label", x: MARGIN.left - 38, y: MARGIN.top - 13 }, plane.labels[1]],
      ...words,
    ]);
  }

  const SIDES = [[1, 0.3], [-1, 0.3], [0.35, -1], [-0.35, -1], [0.35, 1.25], [-0.35, 1.25]];
  const placeAt = (visible, part, side, wide) => {
    const at = visible[Math.round((part / 10) * (visible.length - 1))];
    const [dx, dy] = SIDES[side];
    const middle = [at[0] + dx * (wide / 2 + 9), at[1] + dy * 13 - 4];
    return { at, middle, bounds: [middle[0] - wide / 2, middle[1] - 8, middle[0] + wide / 2, middle[1] + 8], key: [part, side] };
  };
  // Where a label stands best: beside its own line, off all others, inside the frame, and where it stood before. While
  // something is dragged it goes with its line.
  function placeLabels(lines, crosses, moving) {
    const obstacles = [];
    if (!moving) {
      for (const line of lines) {
        const step = Math.max(1, Math.floor(line.pixels.length / 60));
        line.pixels.forEach((p, i) => {
          if (p && i % step === 0 && inFrame(p, 4)) obstacles.push([p, line]);
          const q = line.pixels[i + 1];
          if (step === 1 && p && q) for (const s of [0.25, 0.5, 0.75]) obstacles.push([[p[0] + s * (q[0] - p[0]), p[1] + s * (q[1] - p[1])], line]);
        });
      }
      for (const at of [...plane.handles.map((handle) => handle.at).filter(Boolean), ...crosses]) {
        for (const dx of [-8, 0, 8]) obstacles.push([[at[0] + dx, at[1]], null]);
      }
    }
    const placed = [];
    const next = new Map();
    const made = [];
    for (const line of lines.filter((one) => one.label)) {
      const visible = line.pixels.filter((p) => inFrame(p));
      if (visible.length < 2) continue; // nothing of the line is seen
      const wide = line.label.length * 6.9 + 6;
      const before = remembered.get(line.label);
      let best = moving && before ? placeAt(visible, ...before, wide) : null;
      // not near the start, where all lines begin
      for (let part = 2; part <= 10 && !(moving && best); part++) {
        for (let side = 0; side < SIDES.length; side++) {
          const place = placeAt(visible, part, side, wide);
          const { at, bounds } = place;
          if (bounds[0] < MARGIN.left + 2 || bounds[2] > width || bounds[1] < 2 || bounds[3] > height - MARGIN.bottom - 2) continue;
          let cost = (10 - part) * 0.12;
          for (const [p, owner] of obstacles) {
            if (p[0] > bounds[0] && p[0] < bounds[2] && p[1] > bounds[1] && p[1] < bounds[3]) cost += owner === line ? 1.2 : 2;
            // where lines meet, nobody can tell whose label it is
            else if (owner !== line && Math.abs(p[0] - at[0]) + Math.abs(p[1] - at[1]) < 26) cost += 0.35;
          }
          for (const other of placed) {
            if (bounds[0] < other[2] && bounds[2] > other[0] && bounds[1] < other[3] && bounds[3] > other[1]) cost += 60;
          }
          if (before && before[0] === part && before[1] === side) cost -= 3;
          if (!best || cost < best.cost) best = { ...place, cost };
        }
      }
      if (!best) continue;
      placed.push(best.bounds);
      next.set(line.label, best.key);
      const style = `fill:${line.ink}`;
      made.push(["text", { class: "explorer-line-label", "text-anchor": "middle", x: best.middle[0].toFixed(1), y: (best.middle[1] + 4).toFixed(1), style }, line.label]);
    }
    remembered = next;
    return made;
  }

  // Items: { points, look, label, markers, width, faint, plain } for a line (without a look it is neutral), { region } for
  // a shaded polygon, { rings: [centre, radii] } and { pieces } for lines of equal loss, { cross } for a target.
  plane.draw = (items, moving = false) => {
    if (!measured) plane.resize();
    measured = width > 0;
    if (!width) return;
    const [under, over, lines, crosses] = [[], [], [], []];
    for (const handle of plane.handles) handle.at = handle.value() ? plane.toPixel(handle.value()) : null;
    for (const item of items) {
      if (item.region) under.push(["path", { class: "explorer-region", d: `${lineData(pixels(item.region))}z` }]);
      else if (item.pieces) {
        const key = JSON.stringify([plane.limits, width]);
        if (contour.of !== item.pieces || contour.key !== key) contour = { of: item.pieces, key, data: item.pieces.map((piece) => lineData(pixels(piece))).join("") };
        under.push(["path", { class: "explorer-contour", d: contour.data }]);
      } else if (item.rings) {
        const [centre, radii] = item.rings;
        const [cx, cy] = plane.toPixel(centre);
        for (const radius of radii) {
          const [x, y] = plane.toPixel([centre[0] + radius, centre[1] + radius]);
          under.push(["ellipse", { class: "explorer-contour", cx: cx.toFixed(1), cy: cy.toFixed(1), rx: (x - cx).toFixed(1), ry: (cy - y).toFixed(1) }]);
        }
      } else if (item.cross) {
        const [x, y] = plane.toPixel(item.cross);
        crosses.push([x, y]);
        over.push(["path", { class: "explorer-cross", d: `M${(x - 5).toFixed(1)} ${(y - 5).toFixed(1)}l10 10m0 -10l-10 10` }]);
      } else {
        const { dash, marker } = lookOf(item.look);
        const color = item.look ? `var(--look-${slug(item.look)})` : "var(--quiet)";
        const stroke = item.width ?? 1.8;
        const drawn = pixels(item.points);
        const dashes = item.plain || !dash.length ? "" : `;stroke-dasharray:${dash.map((part) => (part * stroke).toFixed(1)).join(" ")}`;
        if (stroke) over.push(["path", { class: "explorer-line", d: lineData(drawn), style: `stroke:${color};stroke-width:${stroke}${dashes};opacity:${item.faint ?? 1}` }]);
        const marked = (item.markers ?? []).map((i) => drawn[i]).filter((p) => p && inFrame(p, 6));
        if (marked.length) over.push(["path", { class: "explorer-marker", d: marked.map((p) => markerPath(marker, p, 3.4)).join(""), style: `fill:${color}` }]);
        if (item.label) lines.push({ pixels: drawn, label: item.label, ink: color.replace(")", item.look ? "-text)" : ")") });
        else if (stroke && !item.faint) lines.push({ pixels: drawn });
      }
    }
    setShapes(underLayer, under);
    setShapes(overLayer, over);
    drawAxes();
    setShapes(wordsLayer, placeLabels(lines, crosses, moving));
    for (const handle of plane.handles) handle.show();
  };

  // A handle: value() gives its point or null, change(point, dragging) takes a new one.
  plane.addHandle = ({ label, kind = "start", value, change, describe = (p) => pointText(p) }) => {
    const knob = element("div", {
      class: `explorer-handle explorer-handle-${kind}`,
      role: "slider",
      tabindex: 0,
      "aria-label": label,
      "aria-roledescription": "point",
    });
    box.append(knob);
    const handle = { value, at: null };
    const within = (p) => p.map((v, axis) => clamp(v, ...plane.limits[axis]));
    const rounded = (p) => p.map((v, axis) => roundTo(v, niceStep((plane.limits[axis][1] - plane.limits[axis][0]) / 1000)));
    handle.show = () => {
      const p = value();
      knob.hidden = !handle.at || !inFrame(handle.at, 8);
      if (knob.hidden) return;
      knob.style.transform = `translate(${handle.at[0].toFixed(1)}px, ${handle.at[1].toFixed(1)}px)`;
      knob.setAttribute("aria-valuenow", Number(p[0].toPrecision(6)));
      knob.setAttribute("aria-valuemin", plane.limits[0][0]);
      knob.setAttribute("aria-valuemax", plane.limits[0][1]);
      knob.setAttribute("aria-valuetext", `${plane.labels[0]} ${shown(p[0])}, ${plane.labels[1]} ${shown(p[1])}`);
    };
    let grip = null;
    const moved = (event, dragging) => {
      const bounds = box.getBoundingClientRect();
      const at = [event.clientX - bounds.left - grip[0], event.clientY - bounds.top - grip[1]];
      change(within(rounded(plane.toValue(at))), dragging);
    };
    knob.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const bounds = box.getBoundingClientRect();
      grip = [event.clientX - bounds.left - handle.at[0], event.clientY - bounds.top - handle.at[1]];
      knob.setPointerCapture(event.pointerId);
      knob.classList.add("is-held");
    });
    knob.addEventListener("pointermove", (event) => grip && moved(event, true));
    const release = (event) => {
      if (!grip) return;
      if (event.type === "pointerup") moved(event, false);
      else change(value(), false);
      grip = null;
      knob.classList.remove("is-held");
    };
    for (const type of ["pointerup", "pointercancel"]) knob.addEventListener(type, release);
    knob.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const steps = event.shiftKey ? 10 : 1;
      const p = value();
      const next = p.map((v, axis) => {
        const step = niceStep((plane.limits[axis][1] - plane.limits[axis][0]) / 100);
        return way[axis] ? roundTo(v + way[axis] * steps * step, step / 10) : v;
      });
      change(within(next), false);
    });
    plane.handles.push(handle);
    return knob;
  };
  return plane;
}
