// Turns the plain form into one that shows drafts while they are written. Without this file the page works as it is.
// Words come from the page, so that a translation touches templates only.

document.documentElement.classList.add("js");

const results = () => document.getElementById("results");
const template = (id) => document.getElementById(id).content.cloneNode(true);
let underWay = null;

function announce(name) {
  const status = document.querySelector("[data-status]");
  status.textContent = status.dataset[name];
}

function nodes(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

function show(fragment) {
  results().replaceChildren(fragment);
  window.htmx?.process(results());
  focusOn(results().querySelector("[role=alert]") ?? results());
}

function focusOn(element) {
  element.focus({ preventScroll: true });
  bringIntoView(element);
}

// Where the results are below the form they come to the top; where they stand beside it nothing moves.
function bringIntoView(element) {
  const top = element.getBoundingClientRect().top;
  if (top < 0 || top > innerHeight / 2) element.scrollIntoView({ block: "start" });
}

function setBusy(form, busy) {
  form.querySelector("[type=submit].primary").disabled = busy;
  results().setAttribute("aria-busy", String(busy));
}

// Server-sent events of a POST: EventSource can only GET.
async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const event = { name: "message", data: "" };
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event.name = line.slice(7);
        if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      if (event.data) yield { name: event.name, data: JSON.parse(event.data) };
    }
  }
}

function draftText(drafts, candidate) {
  if (!drafts.has(candidate)) {
    const card = template("draft");
    card.querySelector("[data-number]").textContent = candidate + 1;
    drafts.set(candidate, card.querySelector("[data-text]"));
    results().append(card);
  }
  return drafts.get(candidate);
}

async function write(form) {
  underWay?.abort();
  const mine = (underWay = new AbortController());
  setBusy(form, true);
  announce("writing");
  results().replaceChildren(template("writing"));
  bringIntoView(results());
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "text/event-stream, text/html" },
      signal: mine.signal,
    });
    if (!response.headers.get("content-type").startsWith("text/event-stream")) {
      showPage(await response.text());
      return;
    }
    let finished = false;
    const drafts = new Map();
    for await (const event of readEvents(response)) {
      if (event.name === "token") {
        draftText(drafts, event.data.candidate).textContent += event.data.text;
      } else {
        finished = true;
        show(parsed(event.data.html));
        announce("done");
      }
    }
    if (!finished) show(template("offline"));
  } catch (error) {
    if (!mine.signal.aborted) console.error(error);
    if (underWay === mine) show(template(mine.signal.aborted ? "stopped" : "offline"));
    if (mine.signal.aborted) announce("stopped");
  } finally {
    if (underWay === mine) {
      underWay = null;
      setBusy(document.querySelector("form[data-stream]"), false);
    }
  }
}

function parsed(html) {
  const fragment = document.createDocumentFragment();
  fragment.append(...nodes(html).body.childNodes);
  return fragment;
}

// A page instead of events. With a form in it the form needs changes and its main part replaces ours; else it says why
// nothing was written.
function showPage(html) {
  const page = nodes(html);
  const form = page.querySelector("form[data-stream]");
  if (!form) {
    show(page.querySelector("main [role=alert]") ?? template("offline"));
    return;
  }
  document.querySelector("main").replaceWith(form.closest("main"));
  window.htmx?.process(document.querySelector("main"));
  const invalid = "[aria-invalid=true]:not(fieldset), fieldset[aria-invalid=true] input:checked";
  const first = document.querySelector(invalid) ?? document.querySelector("main [role=alert]");
  if (first) {
    first.focus({ preventScroll: true });
    (first.closest(".field, fieldset") ?? first).scrollIntoView({ block: "center" });
  }
}

async function copyText(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not a secure context, or not allowed: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.firstChild;
  const before = label.textContent;
  if (before !== button.dataset.copied) {
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = before; }, 1600);
  }
  announce("copied");
}

// Rows of attributes. Without a script the button sends the form for more rows.
function addRow(button) {
  const rows = button.closest("[data-rows]");
  const last = [...rows.querySelectorAll("[data-row]")].at(-1);
  const row = last.cloneNode(true);
  const number = rows.querySelectorAll("[data-row]").length + 1;
  for (const part of row.querySelectorAll("input")) {
    part.value = "";
    part.removeAttribute("aria-invalid");
    part.setAttribute("aria-label", part.getAttribute("aria-label").replace(/\d+/, number));
  }
  const name = row.querySelector("[data-remove-row] .visually-hidden");
  name.textContent = name.textContent.replace(/\d+/, number);
  last.after(row);
  row.querySelector("input").focus();
}

function removeRow(button) {
  const row = button.closest("[data-row]");
  const rows = row.closest("[data-rows]").querySelectorAll("[data-row]");
  (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("input, button")?.focus();
  if (rows.length > 1) row.remove();
  else for (const part of row.querySelectorAll("input")) part.value = "";
}

// The example of the choice pointed at or focused, else of the one that is made.
function showExample(event) {
  const group = event.target.closest?.("[data-chips]");
  if (!group) return;
  const leaving = event.type === "pointerout" || event.type === "focusout";
  const chip = (!leaving && event.target.closest(".chip")) || group.querySelector(".chip:has(:checked)");
  if (chip) group.querySelector("[data-example]").textContent = chip.title;
}

// What supports the clause pointed at, focused or tapped.
const tip = document.createElement("div");
tip.className = "tip";
tip.id = "tip";
tip.setAttribute("role", "tooltip");
tip.hidden = true;
document.body.append(tip);

function showTip(clause) {
  tip.replaceChildren();
  for (const words of [clause.dataset.why, clause.dataset.tip]) {
    if (words) tip.append(Object.assign(document.createElement("p"), { textContent: words }));
  }
  if (!tip.childNodes.length) return;
  clause.setAttribute("aria-describedby", "tip");
  tip.hidden = false;
  const box = clause.getClientRects()[0];
  const left = Math.min(Math.max(16, box.left), document.documentElement.clientWidth - tip.offsetWidth - 16);
  const above = box.top > tip.offsetHeight + 16;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above ? box.top - tip.offsetHeight - 8 : box.bottom + 8) + scrollY}px`;
}

function hideTip() {
  tip.hidden = true;
  document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
}

for (const type of ["pointerover", "focusin"]) {
  document.addEventListener(type, (event) => {
    showExample(event);
    const clause = event.target.closest?.("[data-tip]");
    if (clause) showTip(clause);
    else if (type === "pointerover") hideTip();
  });
}
for (const type of ["pointerout", "focusout"]) document.addEventListener(type, showExample);
document.addEventListener("focusout", hideTip);
document.addEventListener("change", showExample);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

// A card that took the place of another takes its focus too; a failure is said aloud and leaves the card as it was.
document.addEventListener("htmx:after:swap", () => {
  hideTip();
  const card = document.querySelector("[data-focus]");
  card?.removeAttribute("data-focus");
  card?.focus({ preventScroll: true });
});
document.addEventListener("htmx:error", () => announce("failed"));

// Opening the editor puts the caret where the writing is.
document.addEventListener("toggle", (event) => {
  if (event.target.matches(".edit[open]")) event.target.querySelector("textarea").focus({ preventScroll: true });
}, true);

// The theme changes at once; the cookie is the one the form would set.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.theme");
  if (!button) return;
  event.preventDefault();
  const next = { auto: ["dark", "●"], dark: ["light", "○"], light: ["auto", "◐"] };
  const theme = button.value;
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  button.value = next[theme][0];
  button.firstElementChild.textContent = { auto: "◐", dark: "●", light: "○" }[theme];
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-stream]")) return;
  event.preventDefault();
  write(event.target);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-stop]")) underWay?.abort();
  if (event.target.closest("[data-print]")) print();
  const button = event.target.closest("[data-copy]");
  if (button) copyText(button);
  const add = event.target.closest("[data-add-row]");
  if (add) {
    event.preventDefault();
    addRow(add);
  }
  const remove = event.target.closest("[data-remove-row]");
  if (remove) removeRow(remove);
});
