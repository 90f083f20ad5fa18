// The page: which server, which time, and every few seconds what is new. All text goes in as text, never as markup.
"use strict";

const REFRESH = 4000;
const view = { server: null, since: "15m", cards: new Map(), busy: false };
const byId = (id) => document.getElementById(id);

function make(tag, content = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = content;
  element.className = className;
  return element;
}

async function ask(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error((await response.json()).error || response.statusText);
  return response.json();
}

function readHash() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  view.server = wanted.get("server");
  view.since = wanted.get("since") || "15m";
}

function writeHash(change) {
  const now = { ...(view.server ? { server: view.server } : {}), since: view.since, ...change };
  location.hash = new URLSearchParams(now).toString();
}

function ago(time, now) {
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(time)) / 1000));
  return seconds < 120 ? `${seconds} s ago` : `${Charts.humanise(seconds, "seconds")} ago`;
}

function showServers(answer) {
  byId("servers").replaceChildren(...answer.servers.map((server) => {
    const button = make("button", `${server.server_id} `);
    button.append(make("small", ago(server.received, answer.now)));
    button.title = `${server.snapshots} snapshots; the newest is of ${server.newest}`;
    button.setAttribute("aria-pressed", String(server.server_id === view.server));
    button.onclick = () => writeHash({ server: server.server_id });
    return button;
  }));
  for (const button of byId("range").children) button.setAttribute("aria-pressed", String(button.dataset.since === view.since));
  byId("empty").hidden = answer.servers.length > 0;
}

function cardOf(snapshot) {
  const id = `${view.server} ${snapshot.key} ${snapshot.instance}`;
  if (!view.cards.has(id)) {
    const card = make("section", "", "source");
    const title = make("h2", snapshot.instance === snapshot.key ? snapshot.key : `${snapshot.instance} `);
    if (snapshot.instance !== snapshot.key) title.append(make("small", snapshot.key));
    const when = make("small");
    title.append(when);
    const [charts, more, moreCharts, latest, values] = [
      make("div", "", "charts"), make("details"), make("div", "", "charts"), make("details"), make("div", "", "values"),
    ];
    more.append(make("summary", "More charts"), moreCharts);
    more.hidden = true;
    more.ontoggle = () => { if (more.open) refresh(); };
    latest.append(make("summary", "Latest values"), values);
    card.append(title, charts, more, latest);
    view.cards.set(id, { card, when, charts, more, moreCharts, values, plots: new Map() });
  }
  return view.cards.get(id);
}

function showLatest(card, snapshot, now) {
  card.when.textContent = `${snapshot.newest.replace("T", " ").replace("Z", " UTC")}, ${ago(snapshot.newest, now)}; ${snapshot.snapshots} snapshots`;
  const parts = snapshot.objects.flatMap((object) => {
    if (typeof object.raw_text === "string") return [make("pre", object.raw_text)];
    const table = make("table");
    for (const [name, value] of Object.entries(object)) {
      if (name === "timestamp" || name === "instance") continue;
      const unit = (/(?:^|_)(bytes|seconds|ratio|percent)(?:_total)?$/.exec(name) || ["", ""])[1];
      const row = table.insertRow();
      row.insertCell().textContent = name;
      const cell = row.insertCell();
      cell.textContent = Charts.humanise(value, unit);
      cell.title = String(value);
    }
    return [table];
  });
  const old = card.values.querySelector("pre");
  if (old && parts.length === 1 && old.textContent === parts[0].textContent) return; // keeps its scroll position
  card.values.replaceChildren(...parts);
}

function showCharts(card, answer) {
  const charts = Charts.plan(answer);
  card.more.hidden = !charts.some((chart) => chart.extra);
  const seen = new Set();
  for (const chart of charts) {
    seen.add(chart.title);
    if (chart.extra && !card.more.open) continue;
    if (!card.plots.has(chart.title)) {
      const [box, title, now, plot] = [make("div", "", "chart"), make("h3", chart.title), make("output"), make("div", "", "plot")];
      title.append(now);
      box.append(title, plot);
      (chart.extra ? card.moreCharts : card.charts).append(box);
      card.plots.set(chart.title, { box, now, plot });
    }
    const { now, plot } = card.plots.get(chart.title);
    const last = chart.lines[0].values.findLast((value) => value !== null);
    now.textContent = last === undefined ? "" : Charts.humanise(last, chart.lines[0].unit);
    now.title = chart.lines[0].name;
    // A server that has only just begun fills its charts, instead of a corner of them.
    const begin = Math.max(answer.since, answer.timestamps[0] ?? answer.since);
    Charts.draw(plot, chart, answer.timestamps, [begin, Math.floor(Date.now() / 1000)]);
  }
  for (const [title, { box, plot }] of card.plots) {
    if (!seen.has(title)) { Plotly.purge(plot); box.remove(); card.plots.delete(title); }
  }
}

async function refresh() {
  if (view.busy || document.hidden) return;
  view.busy = true;
  try {
    const servers = await ask("/api/servers");
    const known = servers.servers.map((server) => server.server_id);
    if (!known.includes(view.server)) view.server = known[0] || null;
    showServers(servers);
    const server = view.server;
    if (server) {
      const base = `/api/servers/${encodeURIComponent(server)}`;
      const { snapshots } = await ask(`${base}/latest`);
      const cards = snapshots.map((snapshot) => cardOf(snapshot));
      const wanted = cards.map(({ card }) => card);
      const main = byId("sources");
      if (wanted.length !== main.children.length || wanted.some((card, at) => main.children[at] !== card)) main.replaceChildren(...wanted);
      for (const [at, snapshot] of snapshots.entries()) {
        showLatest(cards[at], snapshot, servers.now);
        const raw = snapshot.objects.every((object) => typeof object.raw_text === "string");
        if (raw) continue;
        const query = new URLSearchParams({ key: snapshot.key, instance: snapshot.instance, since: view.since });
        showCharts(cards[at], await ask(`${base}/series?${query}`));
      }
    }
    byId("state").textContent = "";
    byId("state").className = "";
  } catch (error) {
    byId("state").textContent = `not up to date: ${error.message}; trying again`;
    byId("state").className = "bad";
  } finally {
    view.busy = false;
  }
}

for (const button of byId("range").children) button.onclick = () => writeHash({ since: button.dataset.since });
window.onhashchange = () => { readHash(); refresh(); };
document.onvisibilitychange = refresh;
matchMedia("(prefers-color-scheme: dark)").onchange = refresh;
byId("hint").textContent = `server:\n  endpoint: ${location.origin}/metrics/prometheus`;
readHash();
refresh();
setInterval(refresh, REFRESH);
