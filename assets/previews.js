// A link to an equation or a figure of the same page shows it in a card, under a mouse that rests on it or when the keyboard
// comes to it. The link leads there without it, so the card is not read aloud. Escape and scrolling take it away.
if (matchMedia("(hover: hover)").matches) {
  let card = null;
  let link = null;
  let timer = 0;
  const at = (one) => document.getElementById(decodeURIComponent(one.hash.slice(1)));
  const hide = () => {
    clearTimeout(timer);
    card?.remove();
    card = link = null;
  };
  const soon = (work) => {
    clearTimeout(timer);
    timer = setTimeout(work, 200);
  };

  const show = () => {
    if (!link.matches(":hover, :focus")) return;
    const whole = at(link);
    const place = whole.getBoundingClientRect();
    if (place.top >= 0 && place.bottom <= innerHeight) return; // it is in sight
    const copy = (whole.querySelector(".explorer-still figure") ?? whole).cloneNode(true);
    for (const one of copy.querySelectorAll(".headerlink")) one.remove();
    for (const one of [copy, ...copy.querySelectorAll("*")]) {
      for (const name of ["id", "href", "tabindex", "loading"]) one.removeAttribute(name);
    }
    card = document.createElement("div");
    card.className = "preview";
    card.ariaHidden = "true";
    card.append(copy);
    document.querySelector("article").append(card);
    // above the link where there is room or more of it than below, and inside the window
    const { top, bottom, left } = link.getBoundingClientRect();
    const [above, below] = [top - 12, innerHeight - bottom - 12];
    const goesUp = card.offsetHeight <= above || above > below;
    Object.assign(card.style, {
      [goesUp ? "bottom" : "top"]: `${goesUp ? innerHeight - top + 6 : bottom + 6}px`,
      left: `${Math.max(6, Math.min(left, document.documentElement.clientWidth - card.offsetWidth - 6))}px`,
      maxHeight: `${goesUp ? above : below}px`,
    });
  };

  const come = ({ target }) => {
    if (card?.contains(target)) return clearTimeout(timer); // the mouse may go on to the card
    const found = target.closest?.("article a.internal[href^='#']");
    if (!found || !at(found)?.matches("figure, div.math, [data-explorer]")) return;
    if (found !== link) hide();
    link = found;
    card ? clearTimeout(timer) : soon(show);
  };
  const go = ({ target }) => (link?.contains(target) || card?.contains(target)) && soon(hide);
  addEventListener("pointerover", (event) => event.pointerType === "mouse" && come(event));
  addEventListener("pointerout", (event) => event.pointerType === "mouse" && go(event));
  addEventListener("focusin", (event) => event.target.matches(":focus-visible") && come(event));
  addEventListener("focusout", go);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  for (const type of ["resize", "click", "beforeprint"]) addEventListener(type, hide);
  addEventListener("scroll", () => (card || !link ? hide() : soon(show))); // a page that still settles only defers the card
}
