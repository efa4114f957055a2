// Keeps the figures of a page up to date. Without it they are those of the moment when the page was opened.
"use strict";
const events = new EventSource("/live");
events.onmessage = (event) => {
  const now = JSON.parse(event.data);
  for (const el of document.querySelectorAll("[data-live]")) {
    const text = now[el.dataset.live];
    if (text !== undefined && el.textContent !== text) el.textContent = text;
  }
  for (const el of document.querySelectorAll("[data-changed]")) {
    const text = now[el.dataset.changed];
    if (text !== undefined) el.hidden = text === el.dataset.was;
  }
};
addEventListener("pagehide", () => events.close());
