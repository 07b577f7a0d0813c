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

  // measured as they come near, since measuring all lays the whole page out
  const reach = new IntersectionObserver(entries => {
    for (const { target: box, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }, { rootMargin: "50%" });
  const boxes = "pre, .output.text_html, .pst-scrollable-table-container, .formula, .long, .picture, .panel";
  for (const box of document.querySelectorAll(boxes)) reach.observe(box);
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
