// Keys for reviewing, dropping an image, and its preview: the pages do without.
"use strict";

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing) { typing.blur(); return; }
  if (typing) return;
  if (event.key === "/") {
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); }
    return;
  }
  if (event.repeat || !/^[1-9su]$/.test(event.key)) return;
  const button = document.querySelector(`[data-key="${event.key}"]`);
  if (button && !button.disabled) { event.preventDefault(); button.click(); }
});

// A form is sent once: a second click while the first is under way would decide the next product unseen.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Enter in the search field chooses nothing by itself: it goes to what was found.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.id === "search") {
    event.preventDefault();
    const found = document.querySelector("#found button");
    if (found) found.focus();
  }
});

for (const drop of document.querySelectorAll("[data-drop]")) {
  const input = drop.querySelector("input[type=file]");
  const preview = drop.querySelector("[data-preview]");
  const show = () => {
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = !input.files.length;
    if (input.files.length) { preview.src = URL.createObjectURL(input.files[0]); preview.alt = input.files[0].name.slice(0, 100); }
  };
  input.addEventListener("change", show);
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; show(); }
  });
}
