// One chart, drawn by plotly: its lines, breaks where data is missing, and axes that read alike everywhere.
"use strict";

const Charts = (() => {
  const COLOURS = ["#0d9488", "#d97706", "#6366f1", "#db2777", "#65a30d", "#0284c7", "#9333ea", "#a16207"];
  const DAYS = 2 * 86400;

  const colour = (at) => COLOURS[at % COLOURS.length];
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colourOf = (lines, at) => (lines[at].look === "limit" ? variable("--quiet") : colour(at));

  function draw(element, chart, timestamps, [since, until]) {
    const times = timestamps.map((seconds) => new Date(seconds * 1000));
    const heights = chart.stacked ? stacked(chart.lines) : chart.lines.map(({ values }) => values);
    const traces = chart.lines.map((line, at) => tracesOf(line, heights[at], times, colourOf(chart.lines, at)));
    if (chart.stacked) traces.reverse(); // the lower ones are painted over the higher ones
    const numbers = heights.flat().filter((value) => value !== null);
    const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
    const marks = Format.ticks(low, high, chart.unit);
    const axis = { gridcolor: variable("--line"), zeroline: false, fixedrange: true };
    const layout = {
      margin: { l: 64, r: 10, t: 8, b: 24 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: variable("--quiet"), size: 11 }, hovermode: "x unified", hoverdistance: -1, showlegend: false,
      hoverlabel: { bgcolor: variable("--card"), bordercolor: variable("--line"), font: { color: variable("--text") } },
      xaxis: {
        ...axis, type: "date", range: [since, until].map((seconds) => new Date(seconds * 1000)), nticks: 5,
        tickformat: until - since > DAYS ? "%d %b" : until - since < 300 ? "%H:%M:%S" : "%H:%M", hoverformat: "%d %b %H:%M:%S",
        spikecolor: variable("--quiet"), spikethickness: -1, spikedash: "dot", // less than 0: without an outline
      },
      yaxis: { ...axis, range: [low * 1.08, high * 1.08 || 1], tickvals: marks.map(({ at }) => at), ticktext: marks.map(({ text }) => text) },
    };
    return Plotly.react(element, traces.flat(), layout, { displayModeBar: false, responsive: true });
  }

  // plotly fills a gap between two points as if the line went on; so what is filled is drawn run by run.
  function tracesOf(line, heights, times, paint) {
    const runs = line.look === "area" ? runsOf(heights) : [[0, heights.length]];
    return runs.map(([from, to]) => {
      const part = (values) => values.slice(from, to);
      return {
        x: part(times), y: part(heights), mode: "lines+markers", connectgaps: false,
        line: { color: paint, width: line.look === "limit" ? 1.2 : 1.8, dash: line.look === "limit" ? "dot" : "solid" },
        marker: { color: paint, size: part(heights.map((value, at) => (isAlone(heights, at) ? 4 : 0))) },
        ...(line.look === "area" ? { fill: "tozeroy", fillcolor: faint(paint) } : {}),
        text: part(line.values.map((value) => Format.humanise(value, line.unit))), hovertemplate: `${plain(line.name)} %{text}<extra></extra>`,
      };
    });
  }

  function stacked(lines) {
    const below = [];
    return lines.map(({ values, look }) => (look === "limit" ? values : values.map((value, at) => {
      if (value !== null) below[at] = (below[at] || 0) + value;
      return value === null ? null : below[at];
    })));
  }

  function runsOf(values) {
    const runs = [];
    values.forEach((value, at) => {
      if (value === null) return;
      if (at && values[at - 1] !== null) runs.at(-1)[1] = at + 1;
      else runs.push([at, at + 1]);
    });
    return runs;
  }

  const isAlone = (values, at) => values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;

  // A colour, one fifth of it, on the card; opaque, so that stacked areas do not shine through each other.
  function faint(paint) {
    const [ink, paper] = [paint, variable("--card")].map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    return `rgb(${ink.map((part, at) => Math.round(0.2 * part + 0.8 * paper[at])).join(",")})`;
  }

  // plotly reads some markup in what it shows; a name from outside is to be read as it stands.
  function plain(text) {
    return text.replace(/[&<>%{}]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  }

  return { draw, colourOf };
})();
