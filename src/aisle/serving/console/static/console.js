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

// A tree is walked with the arrows, as trees are: right opens and goes in, left closes and goes out. From the search field
// Enter and the arrow down go to what was found: nothing is chosen by itself.
const above = (node) => (node.matches("summary") ? node.parentElement.parentElement : node);
document.addEventListener("keydown", (event) => {
  const tree = document.querySelector(".tree");
  if (!tree || event.ctrlKey || event.metaKey || event.altKey) return;
  const seen = [...tree.querySelectorAll("summary, button")].filter((node) => !above(node).closest("details:not([open])"));
  const search = document.getElementById("search");
  let next = null;
  if (event.target === search) {
    if (event.key === "Enter") event.preventDefault();
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    // Whoever types faster than the server answers is led to what was found when it is there, and to nothing else.
    if (tree.dataset.late) tree.dataset.late = "go";
    else next = seen[0];
  } else {
    const node = event.target.closest(".tree summary, .tree button");
    if (!node) return;
    const branch = node.matches("summary") ? node.parentElement : null;
    if (event.key === "ArrowDown") next = seen[seen.indexOf(node) + 1];
    else if (event.key === "ArrowUp") next = seen[seen.indexOf(node) - 1] || search;
    else if (event.key === "Home") next = seen[0];
    else if (event.key === "End") next = seen[seen.length - 1];
    else if (event.key === "ArrowRight" && branch) {
      if (branch.open) next = branch.querySelector(":scope > .under :is(summary, button)");
      else branch.open = true;
    } else if (event.key === "ArrowLeft") {
      if (branch && branch.open) branch.open = false;
      else next = (above(node).closest("details") || node).querySelector("summary");
    } else return;
    event.preventDefault();
  }
  if (next) next.focus();
});

document.addEventListener("input", (event) => {
  if (event.target.id === "search") document.getElementById("found").dataset.late = "yes";
});
// Once htmx has made what came live: a branch that was opened before that would never be filled.
document.addEventListener("htmx:afterProcessNode", (event) => {
  if (event.target.matches("details[open]")) event.target.dispatchEvent(new Event("toggle"));
});
document.addEventListener("htmx:afterSettle", (event) => {
  const found = document.getElementById("found"), search = document.getElementById("search");
  if (event.detail.target !== found || new URL(event.detail.xhr.responseURL).searchParams.get("q") !== search.value) return;
  const first = found.dataset.late === "go" && found.querySelector("summary, button");
  delete found.dataset.late;
  if (first) first.focus();
});

// What could not be fetched is said, where people and their screen readers look for it.
for (const kind of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(kind, () => {
    const told = document.createElement("p");
    told.className = "alert";
    told.setAttribute("role", "alert");
    told.textContent = document.body.dataset.lost;
    document.getElementById("messages").replaceChildren(told);
  });
}

// Said once keys and branches are listened to: whoever drives the page by a program waits for it.
document.addEventListener("DOMContentLoaded", () => { document.documentElement.dataset.ready = "yes"; });

for (const drop of document.querySelectorAll("[data-drop]")) {
  const input = drop.querySelector("input[type=file]");
  const preview = drop.querySelector("[data-preview]");
  const show = () => {
    if (preview.src) URL.revokeObjectURL(preview.src);
    const size = [...input.files].reduce((sum, file) => sum + file.size, 0);
    // Said here at once: a server that refuses stops reading, and a browser then shows that the connection broke.
    input.setCustomValidity(size > Number(input.dataset.most) ? input.dataset.large : "");
    input.reportValidity();
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
