// Names and landmarks that the theme leaves out, for those who have the page read aloud.
window.addEventListener("load", () => {
  for (const button of document.querySelectorAll("button.copybtn")) {
    button.ariaLabel ||= "Copy the code";
  }
  for (const button of document.querySelectorAll("button[aria-label]")) {
    if (button.innerText.trim()) button.removeAttribute("aria-label"); // its own words say more
  }
  document.getElementById("pst-primary-sidebar")?.setAttribute("role", "complementary");
});
