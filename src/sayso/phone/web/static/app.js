// The page's own script: fetches HTML that the phone renders, puts it in place, and hears what happens.
// Nothing is kept here but the tab's secret, in sessionStorage, which no other origin can read.

import { caret, control, controls, reading, unfold, unfolded, unsent } from "./kept.js";

const TAB = "sayso-tab";
const words = JSON.parse(document.body.dataset.words);
const side = document.getElementById("side");
const main = document.getElementById("main");
const locked = main.innerHTML;
// Everything that becomes HTML comes through here, and comes from our own origin, escaped there.
const policy = globalThis.trustedTypes?.createPolicy("sayso", { createHTML: (html) => html });
const asHtml = (html) => (policy ? policy.createHTML(html) : html);
const wide = matchMedia("(min-width: 50rem)");
const channel = new BroadcastChannel("sayso");
let here = ""; // the path that the main pane shows
let route = 0;
let stream = null;
let drafted = ""; // a text that the next conversation begins with: of an sms: link
const drafts = new Map(); // what was left unsent in which conversation; in this tab's memory, and gone when it is locked
let along = ""; // the path that what is being written goes along to: the same thread on another line

// ---- asking the phone ----

async function ask(path, body, signal) {
  const headers = { "X-Sayso-Tab": sessionStorage.getItem(TAB) ?? "" };
  const options = { headers, signal, cache: "no-store", credentials: "same-origin", redirect: "error" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  }
  const response = await fetch(path, options);
  if (response.status === 401 && path !== "/session/open") lock();
  return response;
}

async function failure(response) {
  const answer = await response.json().catch(() => ({}));
  return answer.error ?? words.failed;
}

function put(place, html) {
  place.innerHTML = asHtml(html);
}

function nodes(html) {
  const template = document.createElement("template");
  template.innerHTML = asHtml(html);
  return [...template.content.children];
}

function say(text) {
  if (!text) return;
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = text;
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), 6000);
}

// ---- opening and locking ----

async function start() {
  const code = /^#open=([0-9a-f]+)$/.exec(location.hash)?.[1];
  if (code) {
    history.replaceState(null, "", "/");
    const response = await ask("/session/open", { code });
    if (response.ok) sessionStorage.setItem(TAB, (await response.json()).tab);
    else say(words.link);
  }
  if (!sessionStorage.getItem(TAB)) await askOtherTabs();
  if (sessionStorage.getItem(TAB)) await unlock();
  else lock();
}

// Another tab of this origin may be open: it asks the phone for a secret of ours. Other origins hear nothing of this.
function askOtherTabs() {
  return new Promise((resolve) => {
    const me = crypto.randomUUID();
    const hear = (event) => {
      if (event.data?.to !== me) return;
      sessionStorage.setItem(TAB, event.data.tab);
      done();
    };
    const done = () => {
      channel.removeEventListener("message", hear);
      resolve();
    };
    channel.addEventListener("message", hear);
    channel.postMessage({ wants: me });
    setTimeout(done, 400);
  });
}

channel.addEventListener("message", async (event) => {
  if (!event.data?.wants || !sessionStorage.getItem(TAB)) return;
  const response = await ask("/session/tab", {}).catch(() => null);
  if (response?.ok) channel.postMessage({ to: event.data.wants, tab: (await response.json()).tab });
});

async function unlock() {
  await listening();
  const { html } = await fresh("/list");
  if (html === undefined) return;
  put(side, html);
  side.hidden = false;
  await show();
}

// What happens between a view's writing and the first word of the stream would be heard by nobody: the stream is first.
let greeted = () => {};
function listening() {
  return new Promise((resolve) => {
    greeted = resolve;
    hear();
    setTimeout(resolve, 1000);
  });
}

function lock() {
  stream?.abort();
  stream = null;
  sessionStorage.removeItem(TAB);
  side.replaceChildren();
  side.hidden = true;
  here = "";
  put(main, locked);
  drafts.clear();
  composed = Promise.resolve();
  document.body.dataset.view = "locked";
  document.title = words.title;
}

// ---- where we are ----

function path() {
  const wanted = location.hash.replace(/^#/, "") || "/";
  if (wanted.startsWith("/here/")) return here.replace(/\/at\/\d+$/, "") + wanted.slice(5);
  return wanted;
}

// A view that was written before something happened, and arrives after that was heard of, would show the past for good.
let heard = 0;
async function fresh(wanted) {
  for (let tries = 1; ; tries++) {
    const before = heard;
    const response = await ask(wanted).catch(() => null);
    if (!response?.ok) return { response };
    const html = await response.text();
    await Promise.all([pressed, composed]);
    if (before === heard || tries === 10) return { response, html };
  }
}

// The first of some events; or a while, since some ends are told to nobody.
function firstOf(events, ms) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      over.abort();
      setTimeout(resolve);
    };
    for (const event of events) addEventListener(event, end, { capture: true, signal: over.signal });
    setTimeout(end, ms);
  });
}

// Under a finger nothing is replaced: the button would be another one when it is let go, and the tap lost. Whoever holds
// longer does not tap.
let pressed = Promise.resolve();
addEventListener("pointerdown", () => (pressed = firstOf(["pointerup", "pointercancel"], 2000)), true);

// Nor while a word is being composed (Japanese, an accent, dictation): it would be thrown away half written.
let composed = Promise.resolve();
addEventListener("compositionstart", () => (composed = firstOf(["compositionend", "focusout"], 30000)));

async function show({ keep = false, sent = null } = {}) {
  if (!sessionStorage.getItem(TAB)) return;
  const wanted = path();
  if (wanted.startsWith("/link/")) return link(wanted.slice(6));
  if (wanted.startsWith("/here/") || location.hash.startsWith("#/here/")) history.replaceState(null, "", `#${wanted}`);
  const mine = ++route;
  if (wanted === "/settings/cloud") side.querySelector(".first")?.remove(); // it was asked; it asks no more
  if (wanted === "/") {
    leave();
    here = "/";
    along = "";
    document.body.dataset.view = "list";
    put(main, `<div class="placeholder"><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#chat"/></svg><p></p></div>`);
    main.querySelector("p").textContent = words.choose;
    mark();
    if (!wide.matches && !keep) side.querySelector(".row-link, .fab")?.focus({ preventScroll: true });
    return;
  }
  const { response, html } = await fresh(wanted);
  if (mine !== route || !response) return;
  if (!response.ok) {
    if (response.status !== 401) {
      say(await failure(response));
      if (here !== "/") location.hash = "#/";
    }
    return;
  }
  const again = keep && here === wanted; // not another view, whose own fetching this one overtook
  let before = null; // nothing is typed between here and `ready`
  if (again) before = remember(sent?.dataset.post);
  if (wanted === along) {
    before = { ...remember(), typed: new Map(), unfolded: [], whole: [], reading: null };
    drafts.delete(conversation());
  } else leave();
  along = "";
  put(main, html);
  here = wanted;
  document.body.dataset.view = /^\/c\/\d+(\/at\/\d+)?$/.test(wanted) ? "thread" : "page";
  mark();
  ready(before);
}

// A draft waits where it was written.
function leave() {
  const text = document.getElementById("text");
  if (!text) return;
  if (text.value) drafts.set(conversation(), text.value);
  else drafts.delete(conversation());
}

function mark() {
  const id = conversation();
  for (const row of side.querySelectorAll(".row")) {
    const current = row.dataset.id === id;
    row.classList.toggle("current", current);
    row.querySelector("a")?.toggleAttribute("aria-current", current);
  }
}

function conversation() {
  return /^\/c\/(\d+)/.exec(here)?.[1];
}

// Back there; where it is older than what the fresh view shows, that is fetched first.
async function readOn(log, { id, down }) {
  const find = () => log.querySelector(`[data-id="${id}"]`);
  while (!find() && (await older(log)));
  const one = find();
  if (one) log.scrollTop += one.getBoundingClientRect().top - down;
}

// What must not be lost when the same view is fetched again: a draft, a form half filled in, and where one was.
function remember(sent) {
  const text = document.getElementById("text");
  const log = document.getElementById("log");
  return {
    draft: text?.value,
    typed: new Map(unsent(main, sent).map((one) => [control(one), one])),
    caret: caret(),
    unfolded: unfolded(main),
    whole: [...main.querySelectorAll(".bubble[data-folded]:not(.long)")].map((one) => one.dataset.id),
    reading: log && !atEnd(log) ? reading(log) : null,
    top: main.querySelector(".scroll")?.scrollTop ?? 0,
  };
}

function ready(before) {
  const log = document.getElementById("log");
  unfold(main, before?.unfolded ?? []);
  if (log) {
    const at = /\/at\/(\d+)$/.exec(here)?.[1];
    const found = at && log.querySelector(`[data-id="${at}"]`);
    for (const id of before?.whole ?? []) log.querySelector(`[data-id="${id}"]`)?.setAttribute("data-folded", "");
    fold(log);
    if (before?.reading) readOn(log, before.reading).catch(() => {});
    else if (found && !before) found.scrollIntoView({ block: "center" });
    else log.scrollTop = log.scrollHeight;
    log.addEventListener("scroll", scrolled, { passive: true });
    seen();
    scrolled();
  }
  const text = document.getElementById("text");
  if (text) {
    text.value = before?.draft ?? (drafted || drafts.get(conversation()) || "");
    drafted = "";
    if (text.value) count(text);
  }
  for (const one of controls(main)) {
    const old = before?.typed.get(control(one));
    if (old) [one.value, one.checked] = [old.value, old.checked];
  }
  if (before) before.caret();
  else (wide.matches && text ? text : (main.querySelector("[autofocus]") ?? main.querySelector("h1")))?.focus({ preventScroll: true });
  if (before && !log) main.querySelector(".scroll")?.scrollTo(0, before.top);
  for (const button of main.querySelectorAll("[data-notify]")) {
    button.disabled = !("Notification" in globalThis) || Notification.permission !== "default";
  }
}

async function link(wanted) {
  // sms:+44...?body=... or tel:+44...; taken out of the address at once.
  history.replaceState(null, "", "#/new");
  const target = decoded(wanted);
  const number = /^(?:sms|tel):([^?;,&]*)/i.exec(target)?.[1] ?? "";
  const body = /[?&]body=([^&]*)/i.exec(target)?.[1] ?? "";
  await show();
  const to = document.getElementById("to");
  if (!to) return;
  to.value = decoded(number);
  echo(to);
  if (body) drafted = decoded(body);
  to.focus();
}

// Anybody can write a link: one that is not encoded as it should be is taken as it stands.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// ---- doing something ----

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  if (form.id === "composer") send(form);
  else if (form.dataset.post) act(form, fields(form));
});

function fields(form) {
  const body = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") body[name] = value;
  for (const box of form.querySelectorAll("input[type=checkbox]")) body[box.name] = box.checked;
  if (form.dataset.yes) body[form.dataset.yes] = true;
  return body;
}

async function act(element, body) {
  if (element.dataset.ask && !(await sure(element.dataset))) return;
  const buttons = element.matches("form") ? [...element.querySelectorAll("button")] : [element];
  for (const button of buttons) button.disabled = true;
  // An opt-out ends every session, and this tab's stream with it; its answer brings a fresh one.
  const leaving = element.dataset.post.endsWith("/off");
  if (leaving) stream?.abort();
  if (body.recall_waiting) say(words.recalling);
  try {
    const response = await ask(element.dataset.post, body);
    if (!response.ok) {
      if (leaving && response.status !== 401) hear();
      return say(await failure(response));
    }
    await follow(await response.json(), element);
  } catch {
    say(words.failed);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function follow(outcome, element) {
  if (outcome.tab) {
    sessionStorage.setItem(TAB, outcome.tab);
    side.hidden = false;
    hear();
  }
  say(outcome.say);
  const refresh = outcome.refresh ?? element?.dataset.refresh ?? "";
  if (refresh === "list" || refresh === "all") await list();
  if (outcome.html) {
    leave();
    put(main, outcome.html);
    document.body.dataset.view = "page";
    main.querySelector("h1")?.focus();
  } else if (outcome.go === "reload") {
    location.reload();
  } else if (outcome.go) {
    if (location.hash === outcome.go) await show();
    else location.hash = outcome.go;
  } else if (refresh !== "list" && element && !element.dataset.refresh) {
    await show({ keep: true, sent: element });
  }
}

function sure({ ask: title, askText, askYes }) {
  const dialog = document.getElementById("ask");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = askText ?? "";
  document.getElementById("ask-yes").textContent = askYes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("button, [data-switch]");
  if (!target) return;
  const data = target.dataset;
  if (data.post && target.type !== "submit") {
    const form = data.form ? fields(document.querySelector(data.form)) : {};
    delete form.to;
    await act(target, { ...form, ...JSON.parse(data.body ?? "{}") });
  } else if (data.switch) {
    const on = target.getAttribute("aria-checked") !== "true";
    const response = await ask(data.switch, { on });
    if (response.ok) target.setAttribute("aria-checked", String(on));
    else say(await failure(response));
  } else if (data.download) download(data.download, data.name);
  else if ("lock" in data) {
    await ask("/session/lock", {});
    lock();
  } else if ("notify" in data) {
    await Notification.requestPermission();
    target.disabled = true;
  } else if ("protocols" in data) {
    for (const scheme of ["sms", "tel"]) navigator.registerProtocolHandler?.(scheme, `${location.origin}/#/link/%s`);
  } else if (data.menu) menu(target);
  else if (target.id === "to-end") toEnd();
  else if (data.unfold) {
    target.closest(".bubble").classList.remove("long");
    target.remove();
  }
});

async function download(from, name) {
  const response = await ask(from);
  if (!response.ok) return say(await failure(response));
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(await response.blob());
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60000);
}

document.addEventListener("change", async (event) => {
  const input = event.target;
  if (input.dataset.upload && input.files[0]) {
    const file = await input.files[0].text();
    await act(fake(input.dataset.upload), { file });
    input.value = "";
  } else if (input.id === "line-choice") {
    // The other line's own thread, with the draft: a choice kept in this page alone would be lost when it is fetched anew.
    const id = conversation();
    const response = await ask(`/c/${id}/line`, { line: input.value }).catch(() => null);
    if (conversation() !== id) return; // whoever has gone elsewhere meanwhile stays there, and so does what they write
    if (!response?.ok) return say(response ? await failure(response) : words.failed);
    const outcome = await response.json();
    along = outcome.go.slice(1);
    await follow(outcome);
  }
});

function fake(post) {
  const element = document.createElement("button");
  element.dataset.post = post;
  return element;
}

// ---- the menu of a message ----

function menu(button) {
  const bubble = button.closest(".bubble");
  const text = bubble.querySelector(".bubble-text").textContent;
  const dialog = document.createElement("dialog");
  dialog.className = "menu";
  const add = (label, icon, work) => {
    const item = document.createElement("button");
    item.className = "item";
    item.type = "button";
    put(item, `<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#${icon}"/></svg>`);
    item.append(label);
    item.addEventListener("click", () => {
      dialog.close();
      work();
    });
    dialog.append(item);
  };
  add(words.copy, "copy", async () => {
    await navigator.clipboard.writeText(text);
    say(words.copied);
  });
  add(words.delete, "delete", () => {
    const remove = fake(`/texts/${bubble.dataset.id}/delete`);
    Object.assign(remove.dataset, { ask: words.deleteAsk, askText: words.deleteText, askYes: words.delete });
    act(remove, {});
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    button.focus();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

// ---- writing ----

let counting = 0;
document.addEventListener("input", (event) => {
  const input = event.target;
  if (input.id === "text") count(input);
  else if (input.id === "search") search(input.value);
  else if (input.dataset.filter) filter(input);
  if (input.dataset.number) echo(input);
});

document.addEventListener("keydown", (event) => {
  if (event.target.id === "text" && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    if (!matchMedia("(pointer: fine)").matches) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    const field = document.getElementById("search");
    if (event.target === field && field.value) {
      field.value = "";
      search("");
    } else if (document.body.dataset.view !== "list") main.querySelector(".back")?.click();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    if (!wide.matches) location.hash = "#/";
    document.getElementById("search")?.focus();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.closest?.(".rows")) {
    event.preventDefault();
    const links = [...event.target.closest(".rows").querySelectorAll(".row-link")];
    links[links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
});

async function send(form) {
  const field = form.elements.text;
  const text = field.value;
  const id = form.dataset.conversation;
  if (!text.trim()) return;
  const body = { text };
  if (form.elements.line) body.line = form.elements.line.value;
  field.value = "";
  count(field);
  try {
    const response = await ask(`/c/${id}/send`, body);
    if (response.ok) {
      toEnd();
      await follow(await response.json());
      return;
    }
    say(await failure(response));
  } catch {
    say(words.failed);
  }
  // Nothing that was written is lost, wherever one has gone meanwhile.
  const now = conversation() === id ? document.getElementById("text") : null;
  if (now) now.value = text + now.value;
  else drafts.set(id, text + (drafts.get(id) ?? ""));
}

function count(field) {
  clearTimeout(counting);
  const counter = document.getElementById("counter");
  if (!counter || field.form.matches(".composer-cloud, .composer-waits")) return;
  if (!field.value) {
    counter.textContent = "";
    return;
  }
  counting = setTimeout(async () => {
    const text = field.value;
    const response = await ask("/measure", { text }).catch(() => null);
    if (!response?.ok || field.value !== text) return;
    const { parts, left, price } = await response.json();
    const said = words.left.replace("%(left)d", left).replace("%(parts)d", parts);
    counter.textContent = price ? `${said} · ${price}` : said;
  }, 120);
}

// Which number is meant by what is typed: the national form of one's own country becomes the international one.
let echoing = 0;
function echo(input) {
  clearTimeout(echoing);
  const place = document.querySelector(input.dataset.number);
  echoing = setTimeout(async () => {
    const to = input.value;
    const line = input.form.elements.line?.value;
    const response = to.trim() ? await ask("/number", line ? { to, line } : { to }).catch(() => null) : null;
    if (input.value === to) place.textContent = response?.ok ? ((await response.json()).say ?? "") : "";
  }, 120);
}

// ---- searching ----

let searching = null;
async function search(value) {
  searching?.abort();
  const found = document.getElementById("found");
  const rows = document.getElementById("conversations");
  const wanted = value.trim();
  found.hidden = !wanted;
  rows.hidden = Boolean(wanted);
  if (!wanted) return;
  searching = new AbortController();
  try {
    await new Promise((resolve) => setTimeout(resolve, 80));
    if (searching.signal.aborted) return;
    const response = await ask("/search", { words: wanted }, searching.signal);
    if (response.ok && document.getElementById("search").value.trim() === wanted) put(found, await response.text());
  } catch (error) {
    if (error.name !== "AbortError") say(words.failed);
  }
}

function filter(input) {
  const wanted = input.value.trim().toLocaleLowerCase();
  for (const item of document.querySelectorAll(`${input.dataset.filter} > li`)) {
    item.hidden = !item.dataset.words.toLocaleLowerCase().includes(wanted);
  }
}

// ---- the log of a thread ----

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 80;

function toEnd() {
  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
}

function scrolled() {
  const log = document.getElementById("log");
  if (!log) return;
  document.getElementById("to-end").hidden = atEnd(log);
  if (log.scrollTop <= 600) older(log).catch(() => {});
}

const fetching = new WeakSet(); // the parts of the page that more is being fetched for

// Fetch what was written before that; whether there was anything.
async function older(log) {
  const bubbles = log.querySelector("#bubbles");
  if (fetching.has(bubbles) || !bubbles.dataset.first) return false;
  fetching.add(bubbles);
  try {
    const before = Number(bubbles.dataset.first);
    const response = await ask(`/c/${conversation()}/older`, { before });
    if (!response.ok || !bubbles.isConnected) return false;
    const earlier = nodes(await response.text());
    const first = earlier.find((node) => node.dataset.at);
    bubbles.dataset.first = first ? first.dataset.at : "";
    const last = earlier.at(-1);
    const mark = bubbles.firstElementChild;
    if (mark?.classList.contains("day") && last?.dataset.day === mark.dataset.day) mark.remove();
    const height = log.scrollHeight - log.scrollTop;
    bubbles.prepend(...earlier);
    fold(log);
    log.scrollTop = log.scrollHeight - height;
    return earlier.length > 0;
  } finally {
    fetching.delete(bubbles);
  }
}

function fold(log) {
  for (const bubble of log.querySelectorAll(".bubble:not([data-folded])")) {
    bubble.dataset.folded = "";
    const text = bubble.querySelector(".bubble-text");
    if (text.textContent.length < 1500) continue;
    bubble.classList.add("long");
    const more = document.createElement("button");
    more.type = "button";
    more.className = "button button-small";
    more.dataset.unfold = "1";
    more.textContent = words.more;
    bubble.querySelector(".bubble-body").after(more);
  }
}

function seen() {
  const id = conversation();
  if (!id || document.hidden || !document.getElementById("log")) return;
  const row = side.querySelector(`.row[data-id="${id}"]`);
  if (row?.classList.contains("unread")) ask(`/c/${id}/seen`, {}).catch(() => {});
}
document.addEventListener("visibilitychange", seen);

// ---- what happens on the phone ----

async function hear() {
  stream?.abort();
  const mine = (stream = new AbortController());
  let pause = 250;
  let away = false;
  while (!mine.signal.aborted && sessionStorage.getItem(TAB)) {
    try {
      const response = await ask("/events", undefined, mine.signal);
      if (response.status === 401) return;
      if (!response.ok) throw new Error("no stream");
      document.getElementById("offline").hidden = true;
      if (away) {
        await list();
        await show({ keep: true });
        say(words.again);
      }
      away = false;
      pause = 250;
      await readEvents(response.body.getReader());
    } catch (error) {
      if (mine.signal.aborted) return;
    }
    away = true;
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (pause >= 500) document.getElementById("offline").hidden = mine.signal.aborted;
    pause = Math.min(pause * 2, 4000);
  }
}

async function readEvents(reader) {
  const decoder = new TextDecoder();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += decoder.decode(value, { stream: true });
    for (let end; (end = waiting.indexOf("\n\n")) >= 0; waiting = waiting.slice(end + 2)) {
      const event = /^event: (.*)\ndata: (.*)$/.exec(waiting.slice(0, end));
      if (event) await happened(event[1], JSON.parse(event[2]));
    }
  }
}

async function happened(event, data) {
  heard++;
  if (event === "text" || event === "gone") await pressed;
  if (event === "hello") {
    greeted();
    unread(data.unread);
  } else if (event === "text") text(data);
  else if (event === "end") {
    lock();
    say(words.locked);
  } else if (event === "line") {
    // Said yes elsewhere, or is asked anew: what stands above the conversations is not so any more.
    if (side.querySelector(".first, .asked") || data.state === "policy-changed") await list();
    if (main.querySelector("[data-watch='line'], .thread")) await show({ keep: true });
  } else if (event === "gone") {
    if (data.id) document.querySelector(`#bubbles [data-id="${data.id}"]`)?.remove();
    else {
      side.querySelector(`.row[data-id="${data.conversation}"]`)?.remove();
      drafts.delete(String(data.conversation));
      if (conversation() === String(data.conversation)) {
        document.getElementById("composer")?.reset(); // nor does a draft stay
        location.hash = "#/";
      }
    }
  }
}

function text(data) {
  unread(data.unread);
  if (data.row) moveRow(data);
  if (data.says) document.getElementById("say").textContent = data.says;
  if (data.notify && (document.hidden || conversation() !== String(data.conversation))) notify(data);
  const log = document.getElementById("log");
  if (!log || conversation() !== String(data.conversation)) return;
  const bubbles = document.getElementById("bubbles");
  const [bubble] = nodes(data.html);
  const old = bubbles.querySelector(`[data-id="${data.id}"]`);
  const end = atEnd(log);
  if (old) {
    // In place, so that nothing that is being read or focused is lost.
    const focused = old.contains(document.activeElement) ? document.activeElement.className : null;
    unfold(bubble, unfolded(old));
    if ("folded" in old.dataset && !old.classList.contains("long")) bubble.dataset.folded = ""; // was opened: stays so
    old.replaceWith(bubble);
    if (focused) bubble.getElementsByClassName(focused)[0]?.focus({ preventScroll: true });
  } else {
    log.querySelector(".empty-thread")?.remove();
    const after = data.after ? bubbles.querySelector(`[data-id="${data.after}"]`) : null;
    if (data.after && !after && bubbles.children.length) return; // its place is not on this page
    bubble.classList.add("fresh");
    const before = after ? after.nextElementSibling : null;
    bubbles.insertBefore(bubble, before);
    if (after?.dataset.day !== data.day && !before) bubble.before(...nodes(data.mark));
  }
  fold(log);
  if (end) log.scrollTop = log.scrollHeight;
  seen();
  scrolled();
  // The composer tells by which channel the next text goes: what just happened may have changed that.
  const composer = document.getElementById("composer");
  if (composer && !composer.classList.contains(`composer-${data.channel}`)) show({ keep: true });
}

function moveRow(data) {
  const rows = document.getElementById("rows");
  if (!rows) return;
  side.querySelector(".empty")?.remove();
  const [row] = nodes(data.row);
  const old = rows.querySelector(`[data-id="${row.dataset.id}"]`);
  const focused = old?.contains(document.activeElement);
  old?.remove();
  const next = [...rows.children].find((other) => Number(other.dataset.order) <= Number(row.dataset.order));
  rows.insertBefore(row, next ?? null);
  if (focused) row.querySelector("a").focus({ preventScroll: true });
  mark();
}

function unread(count) {
  document.title = count ? `(${count}) ${words.title}` : words.title;
  if ("setAppBadge" in navigator) (count ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => {});
}

function notify(data) {
  if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
  const note = new Notification(data.notify.title, { body: data.notify.body, tag: `c${data.conversation}`, icon: "/static/icon-192.png" });
  note.onclick = () => {
    focus();
    location.hash = `#/c/${data.conversation}`;
    note.close();
  };
}

async function list() {
  const { html } = await fresh("/list");
  if (html === undefined) return;
  const wanted = document.getElementById("search")?.value ?? "";
  const back = side.contains(document.activeElement) ? caret() : () => {};
  put(side, html);
  if (wanted) document.getElementById("search").value = wanted;
  back();
  mark();
}

// Older conversations, when the end of the list is reached.
side.addEventListener(
  "scroll",
  async (event) => {
    const rows = document.getElementById("rows");
    const area = event.target;
    if (area.id !== "conversations" || fetching.has(rows) || !rows?.dataset.more) return;
    if (area.scrollHeight - area.scrollTop - area.clientHeight > 600) return;
    fetching.add(rows);
    try {
      const response = await ask("/list/more", { before: Number(rows.dataset.more) });
      if (!response.ok) return;
      const { html, say: more } = await response.json();
      rows.dataset.more = more ?? "";
      rows.append(...nodes(html ?? ""));
    } finally {
      fetching.delete(rows);
    }
  },
  true,
);

addEventListener("hashchange", () => (location.hash.startsWith("#open=") ? start() : show()));
start();
