// What htmx does not: ask before typed text is left behind, keep the keyboard where it was,
// show slow requests, and say aloud that the web did not answer.
"use strict";

const SLOW_MS = 300;
let dirty = null; // the form with unsaved changes

function markDirty(event) {
  const form = event.target.form;
  if (form && form.matches("[data-keep]")) dirty = form;
}

function mayLeave() {
  if (!dirty || !dirty.isConnected) return true;
  return window.confirm(document.getElementById("main").dataset.leave);
}

// A form that came back with an error holds what was typed as much as one that is being filled in.
function findUnsaved() {
  dirty = document.querySelector("form[data-unsaved]") || dirty;
}

document.addEventListener("DOMContentLoaded", findUnsaved);
document.addEventListener("input", markDirty);
document.addEventListener("change", markDirty);
document.addEventListener("submit", (event) => {
  const other = event.target !== dirty; // such as DEACTIVATE above a form that is being filled in
  if (other && event.target.closest("[data-live]")) return;
  if (other && !mayLeave()) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else dirty = null;
}, true);

window.addEventListener("beforeunload", (event) => {
  if (dirty && dirty.isConnected) event.preventDefault();
});

document.addEventListener("htmx:confirm", (event) => {
  const source = event.detail.elt;
  const link = source.tagName === "A" && !source.closest("[data-live]");
  if (link && !mayLeave()) event.preventDefault();
  else if (link) dirty = null;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.detail.elt.closest("form");
  if (form) for (const button of form.querySelectorAll("button")) button.disabled = true;
  const progress = document.getElementById("progress");
  progress.timer = window.setTimeout(() => progress.classList.add("busy"), SLOW_MS);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt.closest("form");
  if (form) for (const button of form.querySelectorAll("button")) button.disabled = false;
  const progress = document.getElementById("progress");
  window.clearTimeout(progress.timer);
  progress.classList.remove("busy");
});

function sayTrouble() {
  const trouble = document.getElementById("trouble");
  if (!trouble) return;
  trouble.textContent = trouble.dataset.text;
  trouble.hidden = false;
}
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, sayTrouble);
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id !== "page" && event.detail.elt.id !== "page") return;
  findUnsaved();
  const { requestConfig, xhr } = event.detail;
  if (requestConfig && requestConfig.elt.matches("[data-stay]") && xhr.status < 300) return;
  const wrong = ["input", "select", "textarea"].map((kind) => `main ${kind}[aria-invalid="true"]`);
  const errors =
    document.querySelector(wrong.join()) ||
    document.querySelector("#errors a") ||
    document.getElementById("errors");
  if (errors) errors.focus();
  else if (event.detail.boosted || document.activeElement === document.body) {
    document.getElementById("main").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
});
