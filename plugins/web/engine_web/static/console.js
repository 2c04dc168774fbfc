// Keeps a board as it is now: the server sends its rows as they change, and what had the focus keeps it.
"use strict";
for (const place of document.querySelectorAll("[data-live]")) {
  const stream = new EventSource(place.dataset.live);
  stream.onmessage = (event) => {
    const held = place.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = place.querySelector(".scroll")?.scrollLeft ?? 0;
    place.innerHTML = event.data;
    if (held) document.getElementById(held)?.focus({ preventScroll: true });
    const scroll = place.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = scrolled;
  };
  addEventListener("pagehide", () => stream.close());
}
// An action that opens puts the cursor into its first field.
for (const act of document.querySelectorAll("details.act")) {
  act.addEventListener("toggle", () => act.open && act.querySelector("textarea, select, input:not([type=hidden])")?.focus());
}
// What is only looked at when its part of the page is opened stands there then, and not on a page of its own.
for (const place of document.querySelectorAll("[data-inlined]")) {
  place.closest("details").addEventListener("toggle", async () => {
    const answer = await fetch(place.querySelector("a").href);
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".inlined");
    if (found) place.replaceWith(found);
  }, { once: true });
}
