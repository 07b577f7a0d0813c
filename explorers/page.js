// What every explorer shares: elements, numbers as text, and one live region for the page.

const EXPLORERS = {};

const SVG = "http://www.w3.org/2000/svg";

// An HTML element with attributes, listeners (onclick: …) and children.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Text and markup are set only where they change: each change makes the browser lay out again.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
// The shapes [tag, attributes, text] of a layer, in the elements that are there already where they fit.
function setShapes(layer, shapes) {
  shapes.forEach(([tag, attributes, text = ""], i) => {
    let made = layer.children[i];
    if (made?.tagName !== tag) {
      const fresh = document.createElementNS(SVG, tag);
      if (made) made.replaceWith(fresh);
      else layer.append(fresh);
      made = fresh;
    }
    const before = made.shape ?? {};
    for (const name in attributes) if (before[name] !== attributes[name]) made.setAttribute(name, attributes[name]);
    for (const name in before) if (!(name in attributes)) made.removeAttribute(name);
    made.shape = attributes;
    setText(made, text);
  });
  while (layer.children.length > shapes.length) layer.lastChild.remove();
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// A number for people: so many significant digits, a real minus, powers of ten where zeros would have to be counted.
function shown(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size >= 1e6 || size < 1e-3) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    const raised = String(Number(power)).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
    const short = String(Number(mantissa));
    text = short === "1" || short === "-1" ? short.replace("1", `10${raised}`) : `${short}·10${raised}`;
  } else {
    text = String(Number(value.toPrecision(size >= 1000 ? Math.max(digits, Math.ceil(Math.log10(size + 1))) : digits)));
  }
  return text.replace("-", "−");
}
const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const pointText = (p, digits = 3) => `(${shown(p[0], digits)}, ${shown(p[1], digits)})`;

// The nearest of 1, 2, 5 times a power of ten.
function niceStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const part = value / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}
const roundTo = (value, step) => Number((Math.round(value / step) * step).toPrecision(12));

const slug = (name) => name.toLowerCase().replace(/[^a-z]+/g, "-");
const lookOf = (name) => DATA.looks[name] ?? { dash: [], marker: "o" };

let liveRegion = null;
let liveTimer = 0;
function announce(text) {
  clearTimeout(liveTimer);
  liveTimer = setTimeout(() => {
    if (liveRegion.textContent !== text) liveRegion.textContent = text;
  }, 400);
}
