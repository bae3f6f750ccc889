// Turns the plain form into one that shows drafts while they are written. Without this file the page works as it is.
// Words come from the page, so that a translation touches templates only.

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
  revealCopyButtons();
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

function revealCopyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}

function setBusy(form, busy) {
  form.querySelector("[type=submit]").disabled = busy;
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
  revealCopyButtons();
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

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-stream]")) return;
  event.preventDefault();
  write(event.target);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-stop]")) underWay?.abort();
  const button = event.target.closest("[data-copy]");
  if (button) copyText(button);
});

revealCopyButtons();
