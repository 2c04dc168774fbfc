// Adds what was said as it comes, and sends without loading the page anew.
"use strict";
const list = document.querySelector("[data-follows]");
const form = document.getElementById("end");
function add(html) {
  const said = new DOMParser().parseFromString(html, "text/html").querySelectorAll(".own, .ours");
  const news = [...said].slice(list.children.length);
  list.append(...news);
  if (news.length) form.scrollIntoView({ block: "end" });
}
const stream = new EventSource(list.dataset.follows);
stream.onmessage = (event) => add(event.data);
addEventListener("pagehide", () => stream.close());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const { text, files } = form.elements;
  if (button.disabled) return;
  if (!text.value.trim() && !files.files.length) return text.focus();
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (!answer.ok) throw new Error();
    add(await answer.text());
    text.value = files.value = "";
    form.elements.id.value = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
    button.disabled = false;
    text.focus();
  } catch {
    form.submit(); // with the same id: what was taken in already is not taken twice, and what is wrong is shown
  }
});
form.elements.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
