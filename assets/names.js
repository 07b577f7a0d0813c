// Names and landmarks that the theme leaves out, for those who have the page read aloud; boxes that scroll, for those who
// use the keyboard.
window.addEventListener("load", () => {
  for (const button of document.querySelectorAll("button.copybtn")) {
    button.ariaLabel ||= "Copy the code";
  }
  for (const button of document.querySelectorAll("button[aria-label]")) {
    if (button.textContent.trim()) button.removeAttribute("aria-label"); // its own words say more
  }
  document.getElementById("pst-primary-sidebar")?.setAttribute("role", "complementary");

  // Boxes that scroll are measured as they come near, since measuring all lays the whole page out; until then, how wide
  // they are is reckoned.
  const article = document.querySelector("article");
  const { paddingLeft, paddingRight } = getComputedStyle(article ?? document.body);
  const room = (article?.clientWidth ?? 0) - parseFloat(paddingLeft) - parseFloat(paddingRight);
  const size = selector => parseFloat(getComputedStyle(document.querySelector(selector) ?? document.body).fontSize);
  const [code, letter] = [size("article pre"), size("article mjx-container")];
  const reckon = box => {
    if (box.matches("pre")) return 0.602 * code * Math.max(...box.textContent.split("\n").map(line => line.length)) + 32;
    if (box.dataset.width) return 1.15 * letter * box.dataset.width + (box.parentElement.querySelector(".eqno") ? 50 : 0);
    if (!box.matches(".picture, .panel")) return innerWidth > 600 ? 0 : Infinity; // tables and long formulas
    return parseFloat(box.querySelector("img").style.minWidth) || 0;
  };
  const reach = new IntersectionObserver(entries => {
    for (const { target: box, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }, { rootMargin: "50%" });
  const boxes = "pre, .output.text_html, .pst-scrollable-table-container, .formula, .long, .picture, .panel";
  for (const box of document.querySelectorAll(boxes)) {
    if (reckon(box) > room) box.tabIndex = 0;
    reach.observe(box);
  }

  // What the style sheet leaves for later is laid out once, part by part, while the page has nothing else to do: from then
  // on each part has its own height, and nothing is measured where it is not.
  const parts = [...document.querySelectorAll("article > section > :is(section, div.cell):nth-child(n + 9)")];
  const settle = () => {
    const part = parts.shift();
    if (!part) return;
    // what changes its height above the window, or in it, would move what is read
    if (part.getBoundingClientRect().top <= 2 * innerHeight) return void requestIdleCallback(settle);
    part.style.contentVisibility = "visible";
    requestAnimationFrame(() => setTimeout(() => {
      part.style.contentVisibility = "";
      requestIdleCallback(settle);
    }));
  };
  addEventListener("scroll", () => (parts.length = 0), { once: true, passive: true }); // then the browser does it
  if (window.requestIdleCallback) requestIdleCallback(settle);
});

// Paper is light, and what is folded comes out open.
const opened = [];
let theme;
window.addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    opened.push(folded);
  }
});
window.addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = theme;
  for (const folded of opened.splice(0)) folded.open = false;
});
