// Keeps the page as the agent is: takes what has changed from /events, and says ages by the agent's clock.
"use strict";

const SILENCE = 15; // seconds; the agent says something every five
const RETRY = 5000; // ms
const $ = id => document.getElementById(id);
const live = $("live");
let skew = Number(document.body.dataset.at) - Date.now() / 1000;
let heard = 0; // when the agent was heard last, by this machine's clock; 0 while not live
let lost = null; // since when it is not live
let source = null;

const now = () => Date.now() / 1000 + skew;

function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86400)} d`;
}

const WORDS = {
  ago: at => `${span(now() - at)} ago`,
  ahead: at => (at > now() ? `in ${span(at - now())}` : "now"),
  lasting: at => span(now() - at),
};

function say(root) {
  for (const time of root.querySelectorAll("time[data-say]")) {
    const words = WORDS[time.dataset.say](Date.parse(time.dateTime) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}

// Makes one node like another and touches only what differs, so that the focus and a selection stay where they are.
function morph(old, made) {
  if (old.isEqualNode(made)) return;
  if (old.nodeName !== made.nodeName) return old.replaceWith(made);
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = made.data; return; }
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of made.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [were, are] = [[...old.childNodes], [...made.childNodes]];
  were.slice(are.length).forEach(node => node.remove());
  are.forEach((node, index) => (index < were.length ? morph(were[index], node) : old.append(node)));
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // the agent has escaped all that is not its own, and the policy lets no script in it run
  say(template.content);
  return template.content.firstElementChild;
}

function show({ at, version, parts, rows }) {
  if (version !== document.body.dataset.version) return location.reload(); // another agent, another page
  skew = at - Date.now() / 1000;
  const made = new Map(Object.entries(parts).map(([id, html]) => [id, parse(html)]));
  for (const [id, node] of made) if ($(id)) morph($(id), node);
  if (rows) {
    const body = $("rows");
    for (const row of [...body.children]) if (!rows.includes(row.id)) row.remove();
    rows.forEach((id, index) => {
      const row = $(id) ?? made.get(id);
      if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
    });
  }
  const failed = document.querySelectorAll("#rows .failed").length;
  const name = document.querySelector("h1 small").textContent;
  document.title = `${failed ? `(${failed} failed) ` : ""}NodePulse ${name}`;
}

function hear(event) {
  heard = Date.now();
  lost = null;
  show(JSON.parse(event.data));
  tell();
}

function lose() {
  lost ??= new Date(heard || Date.now());
  heard = 0;
  tell();
}

function tell() {
  const words = lost ? `not live since ${lost.toLocaleTimeString("en-GB")}; trying again` : "live";
  live.className = lost ? "off" : "on";
  if (live.textContent !== words) live.textContent = words;
}

function connect() {
  source?.close();
  source = new EventSource(`/events${location.search}`);
  source.onmessage = hear;
  source.onerror = () => {
    lose();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY); // it was answered, but not with events
  };
}

function tick() {
  say(document);
  if (heard && Date.now() - heard > SILENCE * 1000) { lose(); connect(); }
}

connect();
setInterval(tick, 1000);
