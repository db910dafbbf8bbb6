// Pages that renew themselves: ask, morph what changed, and keep focus, scroll position, selected
// text and open details. Stops while nobody looks, asks less often while the web does not answer,
// and says so.
"use strict";

const ANSWER_MS = 10000;
const SLOWEST_S = 60;
const OPEN_DETAILS = "piranha-open";
const live = { timer: 0, failures: 0, asking: false, askedAt: Date.now(), answeredAt: new Date() };

// What the browser owns is not the server's to change.
Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) =>
  !(old instanceof Element && old.hasAttribute("data-own") && document.contains(old));
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node instanceof HTMLDetailsElement);

function source() {
  return document.querySelector("[data-poll]");
}

function schedule() {
  window.clearTimeout(live.timer);
  const from = source();
  if (!from || document.hidden) return;
  const every = Number(from.dataset.every);
  const seconds = Math.min(every * 2 ** live.failures, Math.max(SLOWEST_S, every));
  const spent = live.failures ? 0 : Date.now() - live.askedAt;
  live.timer = window.setTimeout(update, Math.max(0, seconds * 1000 - spent), from);
}

async function ask(url) {
  const answer = await fetch(url, {
    headers: { "X-Poll": "1" },
    redirect: "manual",
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) throw "ended";
  if (!answer.ok) throw answer.status;
  return answer;
}

async function update(from, again = true) {
  if (live.asking || !from.isConnected) return schedule();
  live.asking = true;
  live.askedAt = Date.now();
  try {
    const url = from.dataset.poll || from.dataset.atHand;
    const seen = encodeURIComponent(from.dataset.seen || "");
    const answer = await ask(`${url}${url.includes("?") ? "&" : "?"}seen=${seen}`);
    const html = await answer.text();
    if (from.isConnected) {
      if (html) morphParts(html);
      from.dataset.seen = answer.headers.get("X-Seen") || "";
      await renewPanes();
    }
    live.failures = 0;
    live.answeredAt = new Date();
    say("fresh");
  } catch (error) {
    live.failures += 1;
    say(error === "ended" ? "ended" : "stale");
    if (error === "ended") again = false;
  } finally {
    live.asking = false;
  }
  if (again) schedule();
}

function say(state) {
  const heard = document.getElementById("heard");
  if (!heard) return;
  const at = live.answeredAt.toLocaleTimeString("en-GB");
  heard.textContent = state === "ended" ? heard.dataset.ended : `${heard.dataset[state]} ${at}`;
  heard.classList.toggle("stale", state !== "fresh");
}

function morphParts(html) {
  const incoming = document.createElement("template");
  incoming.innerHTML = html;
  keepingPlace(() => {
    for (const next of [...incoming.content.children]) {
      const old = document.getElementById(next.id);
      if (!old) continue;
      Idiomorph.morph(old, next, { morphStyle: "outerHTML" });
      htmx.process(document.getElementById(next.id));
    }
  });
}

function keepingPlace(change) {
  const focused = document.activeElement;
  const selection = document.getSelection();
  const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = selection;
  const top = window.scrollY;
  change();
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  const within = (node, offset) => Math.min(offset, node.nodeType === Node.TEXT_NODE ? node.length : node.childNodes.length);
  const moved = anchorNode !== selection.anchorNode || anchorOffset !== selection.anchorOffset
    || focusNode !== selection.focusNode || focusOffset !== selection.focusOffset;
  if (!isCollapsed && moved && anchorNode.isConnected && focusNode.isConnected) {
    selection.setBaseAndExtent(anchorNode, within(anchorNode, anchorOffset), focusNode, within(focusNode, focusOffset));
  }
  if (Math.abs(window.scrollY - top) < 2) window.scrollTo({ top, behavior: "instant" });
}

// A pane: details whose inside is another page's #pane, asked for when it is opened and with each update.
async function renewPane(details) {
  const own = details.querySelector("[data-own]");
  if (!own) return;
  if (!own.pane) own.pane = own.querySelector("a").href;
  const page = new DOMParser().parseFromString(await (await ask(own.pane)).text(), "text/html");
  const pane = page.getElementById("pane");
  if (!pane || !own.isConnected) return;
  pane.removeAttribute("id");
  keepingPlace(() => Idiomorph.morph(own, pane, { morphStyle: "innerHTML" }));
}

async function renewPanes() {
  for (const details of document.querySelectorAll("details[data-pane][open]")) await renewPane(details);
}

function openBefore() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(OPEN_DETAILS) || "[]"));
  } catch {
    return new Set();
  }
}

document.addEventListener("toggle", (event) => {
  const details = event.target;
  if (!(details instanceof HTMLDetailsElement) || !details.id) return;
  const open = openBefore();
  if (details.open) open.add(details.id);
  else if (details.isConnected) open.delete(details.id);
  sessionStorage.setItem(OPEN_DETAILS, JSON.stringify([...open].slice(-50)));
  if (details.open && details.hasAttribute("data-pane")) renewPane(details).catch(() => say("stale"));
}, true);

function reopen() {
  const open = openBefore();
  for (const details of document.querySelectorAll("details[id]")) if (open.has(details.id)) details.open = true;
}

document.addEventListener("click", (event) => {
  const from = document.getElementById("live");
  if (!from || !event.target.closest("[data-update-now]")) return;
  event.preventDefault();
  window.clearTimeout(live.timer);
  update(from);
});

document.addEventListener("visibilitychange", () => {
  const from = source();
  if (document.hidden) window.clearTimeout(live.timer);
  else if (from) update(from);
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id !== "page" && event.detail.elt.id !== "page") return;
  live.answeredAt = new Date();
  live.askedAt = Date.now();
  live.failures = 0;
  reopen();
  schedule();
});

reopen();
schedule();
