// The page: which server, which time, and every few seconds what is new.
"use strict";

const REFRESH = 3000;
const view = { server: null, since: "15m", cards: new Map(), busy: false, again: false, failing: null };
const byId = (id) => document.getElementById(id);

async function ask(path) {
  const response = await fetch(path, { cache: "no-store" }).catch(() => { throw new Error("the dashboard does not answer"); });
  const answer = await response.json().catch(() => { throw new Error(`the dashboard answers ${response.status}`); });
  if (!response.ok) throw new Error(answer.error);
  return answer;
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

function showServers(answer) {
  const silent = answer.servers.filter((server) => server.silent).length;
  document.title = silent ? `(${silent} silent) NodePulse` : "NodePulse";
  byId("empty").hidden = answer.servers.length > 0;
  const nav = byId("servers");
  const old = new Map([...nav.children].map((button) => [button.dataset.server, button]));
  // A button stays the same element, so that it keeps the focus.
  const buttons = answer.servers.map((server) => {
    const button = old.get(server.server_id) || Cards.make("button");
    if (!button.dataset.server) {
      button.dataset.server = server.server_id;
      button.append(Cards.make("span", server.server_id), Cards.make("small"));
      button.onclick = () => writeHash({ server: server.server_id });
    }
    button.className = server.silent ? "silent" : "";
    button.lastChild.textContent = Cards.seen(server, answer.now);
    button.title = `${server.server_id}: ${server.snapshots} snapshots; the newest is of ${server.newest}`;
    button.setAttribute("aria-pressed", String(server.server_id === view.server));
    return button;
  });
  if (buttons.length !== nav.children.length || buttons.some((button, at) => nav.children[at] !== button)) nav.replaceChildren(...buttons);
  for (const button of byId("range").children) button.setAttribute("aria-pressed", String(button.dataset.since === view.since));
}

function cardOf(snapshot) {
  const id = `${view.server} ${snapshot.key} ${snapshot.instance}`;
  if (!view.cards.has(id)) view.cards.set(id, Cards.create(snapshot, refresh));
  return view.cards.get(id);
}

async function showServer(server, now) {
  const base = `/api/servers/${encodeURIComponent(server)}`;
  const { snapshots, left_off: leftOff } = await ask(`${base}/latest`);
  snapshots.sort((one, other) => Cards.isRaw(one) - Cards.isRaw(other)); // text goes to the end
  const cards = snapshots.map(cardOf);
  const [main, wanted] = [byId("sources"), cards.map(({ card }) => card)];
  if (wanted.length !== main.children.length || wanted.some((card, at) => main.children[at] !== card)) main.replaceChildren(...wanted);
  byId("left-off").textContent = leftOff ? `${leftOff} more sources are not shown` : "";
  for (const [at, snapshot] of snapshots.entries()) {
    const card = cards[at];
    Cards.showLatest(card, snapshot, now);
    if (Cards.isRaw(snapshot)) continue;
    // What has not changed is not asked for again; the time that is shown moves on all the same.
    const state = `${view.since} ${snapshot.received} ${snapshot.snapshots}`;
    if (card.state !== state) {
      const query = new URLSearchParams({ key: snapshot.key, instance: snapshot.instance, since: view.since });
      card.answer = await ask(`${base}/series?${query}`);
      card.state = state;
    }
    const until = Date.parse(now) / 1000;
    // A server that has only just begun fills its charts, instead of a corner of them.
    const begin = Math.max(until - (card.answer.until - card.answer.since), card.answer.timestamps[0] ?? 0);
    Cards.showCharts(card, card.answer, [begin, until], view.since);
  }
}

async function refresh() {
  if (document.hidden) return;
  view.again = view.busy; // what was chosen in the meantime does not wait for the next round
  if (view.busy) return;
  view.busy = true;
  try {
    const answer = await ask("/api/servers");
    const known = answer.servers.map((server) => server.server_id);
    if (!known.includes(view.server)) view.server = known[0] || null;
    showServers(answer);
    if (view.server) await showServer(view.server, answer.now);
    else byId("sources").replaceChildren();
    view.failing = null;
  } catch (error) {
    view.failing ||= new Date();
    byId("state").textContent = `Not up to date since ${view.failing.toLocaleTimeString("en-GB")}: ${error.message}. Trying again.`;
  } finally {
    byId("state").hidden = view.failing === null;
    document.body.classList.toggle("stale", view.failing !== null);
    view.busy = false;
    if (view.again) refresh();
  }
}

for (const button of byId("range").children) button.onclick = () => writeHash({ since: button.dataset.since });
window.onhashchange = () => { readHash(); refresh(); };
document.onvisibilitychange = refresh;
matchMedia("(prefers-color-scheme: dark)").onchange = refresh;
byId("hint").textContent = `nodepulse config init --endpoint ${location.origin}/metrics/prometheus\nnodepulse start`;
byId("zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
readHash();
refresh();
setInterval(refresh, REFRESH);
