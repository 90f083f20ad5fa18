// The card of a source: when it was last seen, its charts, and its latest values. All text goes in as text, never as markup.
"use strict";

const Cards = (() => {
  const NOT_VALUES = new Set(["timestamp", "instance"]);

  function make(tag, content = "", className = "") {
    const element = document.createElement(tag);
    element.textContent = content;
    element.className = className;
    return element;
  }

  function seen(source, now) {
    const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(source.received)) / 1000));
    return source.silent ? `silent for ${Format.humanise(seconds, "seconds")}` : `${Format.humanise(seconds, "seconds")} ago`;
  }

  function create(snapshot, whenOpened) {
    const card = make("section", "", "source");
    const title = make("h2", snapshot.instance);
    if (snapshot.instance !== snapshot.key) title.append(make("small", snapshot.key));
    const [when, alarms, note] = [make("small"), make("span", "", "alarms"), make("p", "", "note")];
    const [charts, more, moreCharts, latest, values] = [
      make("div", "", "charts"), make("details"), make("div", "", "charts"), make("details"), make("div", "", "values"),
    ];
    title.append(when, alarms);
    more.append(make("summary", "More charts"), moreCharts);
    more.hidden = true;
    more.ontoggle = () => { if (more.open) whenOpened(); };
    const raw = isRaw(snapshot);
    latest.open = !raw;
    latest.append(make("summary", raw ? "Latest text, as it was scraped" : "Latest values"), values);
    card.append(title, note, charts, more, latest);
    return { card, when, alarms, note, charts, more, moreCharts, values, plots: new Map() };
  }

  const isRaw = (snapshot) => snapshot.objects.every((object) => typeof object.raw_text === "string");

  function showLatest(card, snapshot, now) {
    card.when.textContent = snapshot.silent ? seen(snapshot, now) : `last seen ${seen(snapshot, now)}`;
    card.when.className = snapshot.silent ? "bad" : "";
    card.when.title = `The newest slot is ${snapshot.newest}, received ${snapshot.received}; ${snapshot.snapshots} snapshots are kept.`;
    card.alarms.replaceChildren(...snapshot.objects.flatMap((object) => Object.entries(object))
      .filter(([name, value]) => /(^|_)up$/.test(name) && value === 0).map(([name]) => make("strong", `${name} is 0`, "alarm")));
    const old = card.values.querySelector("pre");
    if (old && old.textContent === snapshot.objects[0].raw_text) return; // keeps its scroll position
    card.values.replaceChildren(...valuesOf(snapshot));
    for (const [name, length] of Object.entries(snapshot.shortened)) {
      card.values.append(make("p", `${name} has ${Format.humanise(length)} characters; only its beginning is shown`, "note"));
    }
  }

  function valuesOf(snapshot) {
    if (isRaw(snapshot)) return snapshot.objects.map((object) => make("pre", object.raw_text));
    const names = [...new Set(snapshot.objects.flatMap((object) => Object.keys(object)))].filter((name) => !NOT_VALUES.has(name));
    const table = make("table", "", snapshot.objects.length > 1 ? "objects" : "fields");
    const cell = (row, name, object) => {
      const made = row.insertCell();
      made.textContent = Format.humanise(object[name], snapshot.units[name]);
      made.title = `${name}: ${object[name] ?? "no value"}`;
      made.className = typeof object[name] === "string" ? "" : "number";
    };
    if (snapshot.objects.length > 1) {
      const head = table.createTHead().insertRow();
      for (const name of names) head.append(make("th", name));
    }
    for (const object of snapshot.objects) {
      if (snapshot.objects.length > 1) {
        const row = table.insertRow();
        for (const name of names) cell(row, name, object);
      } else {
        for (const name of names) {
          const row = table.insertRow();
          row.append(make("th", name));
          cell(row, name, object);
        }
      }
    }
    return [table];
  }

  function showCharts(card, answer, range, since) {
    const charts = Plans.plan(answer);
    const points = charts.some(({ lines }) => lines.some(({ last }) => last !== null));
    card.note.textContent = points ? "" : `nothing arrived for the last ${since}; choose a longer time above`;
    card.more.hidden = !charts.some((chart) => chart.extra);
    const titles = new Set(charts.map(({ title }) => title));
    for (const chart of charts) {
      if (chart.extra && !card.more.open) continue;
      if (!card.plots.has(chart.title)) card.plots.set(chart.title, createChart(chart.extra ? card.moreCharts : card.charts, chart.title));
      const { now, plot, legend } = card.plots.get(chart.title);
      now.textContent = chart.headline ? Format.humanise(chart.headline.value, chart.headline.unit) : "";
      legend.replaceChildren(...legendOf(chart));
      // What the pointer reads stands still.
      if (!plot.data || !plot.matches(":hover")) Charts.draw(plot, chart, answer.timestamps, range);
    }
    for (const [title, { box, plot }] of card.plots) {
      if (!titles.has(title)) { Plotly.purge(plot); box.remove(); card.plots.delete(title); }
    }
  }

  function createChart(charts, title) {
    const [box, heading, now, plot, legend] = [make("figure", "", "chart"), make("h3", title), make("output"), make("div", "", "plot"), make("ul")];
    heading.append(now);
    box.append(heading, plot, legend);
    charts.append(box);
    return { box, now, plot, legend };
  }

  function legendOf(chart) {
    if (chart.lines.length === 1 && !chart.lines[0].name) return [];
    const items = chart.lines.map(({ name, last, unit }, at) => {
      const item = make("li", `${name} `);
      item.style.setProperty("--paint", Charts.colourOf(chart.lines, at));
      item.append(make("b", Format.humanise(last, unit)));
      return item;
    });
    return chart.leftOff ? [...items, make("li", `and ${chart.leftOff} more, with less`, "rest")] : items;
  }

  return { create, isRaw, make, seen, showCharts, showLatest };
})();
