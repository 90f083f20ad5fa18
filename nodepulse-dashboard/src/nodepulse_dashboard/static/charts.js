// What is drawn of a source: charts that belong to a known key first, and one small chart for every other field.
"use strict";

const Charts = (() => {
  const CPU = ["user", "system", "iowait", "steal", "idle"];
  const PLANS = {
    node_exporter: [
      { title: "CPU", unit: "percent", make: cpuShare },
      { title: "Load", fields: ["load_1min", "load_5min", "load_15min"] },
      { title: "Memory", fields: ["memory_total_bytes", "memory_available_bytes", "memory_cached_bytes"] },
      { title: "Disk throughput", fields: ["disk_read_bytes_total", "disk_written_bytes_total"] },
      { title: "Network throughput", fields: ["network_receive_bytes_total", "network_transmit_bytes_total"] },
      { title: "Root file system", fields: ["disk_total_bytes", "disk_available_bytes"] },
    ],
    postgres_exporter: [
      { title: "Connections", fields: ["pg_connections_active", "pg_connections_idle", "pg_connections_max"] },
      { title: "Transactions", fields: ["pg_transactions_committed", "pg_transactions_rolled_back"] },
      { title: "Cache hit ratio", fields: ["pg_cache_hit_ratio"] },
    ],
    redis_exporter: [
      { title: "Commands", fields: ["redis_commands_processed_total"] },
      { title: "Memory", fields: ["redis_memory_used_bytes"] },
      { title: "Keyspace", fields: ["redis_keyspace_hits_total", "redis_keyspace_misses_total"] },
      { title: "Clients", fields: ["redis_connected_clients", "redis_blocked_clients"] },
    ],
  };
  // The same values under a second name, and those that a planned chart shows in another form.
  const HIDDEN = new Set([
    "load_average_1m", "load_average_5m", "load_average_15m", "disk_read_bytes", "disk_write_bytes",
    "network_receive_bytes", "network_transmit_bytes", ...CPU.map((mode) => `cpu_${mode}_seconds`),
  ]);

  function plan(answer) {
    const byField = new Map();
    for (const series of answer.series) {
      if (!byField.has(series.field)) byField.set(series.field, []);
      byField.get(series.field).push(series);
    }
    const charts = [];
    const shown = new Set();
    for (const each of PLANS[answer.key] || []) {
      const lines = each.make ? each.make(byField) : linesOf((each.fields || []).flatMap((field) => byField.get(field) || []));
      (each.fields || []).forEach((field) => shown.add(field));
      if (lines.length) charts.push({ title: each.title, unit: each.unit || lines[0].unit, lines });
    }
    const planned = answer.key in PLANS;
    for (const [field, series] of byField) {
      if (shown.has(field) || (planned && HIDDEN.has(field))) continue;
      const lines = linesOf(series);
      charts.push({ title: field, unit: lines[0].unit, lines, extra: planned });
    }
    return charts;
  }

  function linesOf(series) {
    return series.map((each) => ({
      name: each.object ? `${each.field} ${each.object}` : each.field,
      unit: each.rates ? `${each.unit || "1"}/s` : each.unit,
      values: each.rates || each.values,
    }));
  }

  function cpuShare(byField) {
    const modes = CPU.map((mode) => [mode, (byField.get(`cpu_${mode}_seconds`) || [])[0]]).filter(([, series]) => series);
    if (!modes.length) return [];
    const sums = modes[0][1].rates.map((_, at) => modes.reduce((sum, [, series]) => sum + (series.rates[at] ?? NaN), 0));
    return modes.filter(([mode]) => mode !== "idle").map(([mode, series]) => ({
      name: mode, unit: "percent", values: series.rates.map((rate, at) => (rate === null || !(sums[at] > 0) ? null : (100 * rate) / sums[at])),
    }));
  }

  function humanise(value, unit) {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "number") return String(value);
    const per = unit.endsWith("/s") ? "/s" : "";
    const base = unit.replace(/\/s$/, "");
    if (base === "bytes") return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]) + per;
    if (base === "percent") return `${short(value)} %`;
    if (base === "ratio") return `${short(100 * value)} %`;
    if (base === "seconds" && !per) return duration(value);
    return (Math.abs(value) < 1e6 ? short(value) : scaled(value, 1000, ["", "k", "M", "G", "T", "P"])) + per;
  }

  function scaled(value, step, units) {
    let at = 0;
    while (Math.abs(value) >= step && at < units.length - 1) { value /= step; at += 1; }
    return `${short(value)} ${units[at]}`.trim();
  }

  function short(value) {
    return Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 3 });
  }

  function duration(seconds) {
    if (Math.abs(seconds) < 120) return `${short(seconds)} s`;
    const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
    return [days && `${days} d`, hours && `${hours} h`, !days && `${minutes} min`].filter(Boolean).join(" ");
  }

  function draw(element, chart, timestamps, span) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const times = timestamps.map((seconds) => new Date(seconds * 1000));
    const traces = chart.lines.map((line, at) => ({
      x: times, y: line.values, name: line.name, mode: "lines", connectgaps: false,
      line: { width: 1.8, color: ["#0d9488", "#d97706", "#6366f1", "#db2777", "#65a30d", "#0284c7"][at % 6] },
      text: line.values.map((value) => humanise(value, line.unit)), hovertemplate: `${escape_(line.name)}: %{text}<extra></extra>`,
    }));
    const top = Math.max(0, ...chart.lines.flatMap((line) => line.values.filter((value) => value !== null)));
    const bytes = chart.unit.startsWith("bytes");
    const marks = bytes ? byteTicks(top) : null;
    const axis = { gridcolor: colour("--line"), zeroline: false, fixedrange: true, automargin: true };
    const layout = {
      margin: { l: 8, r: 8, t: 8, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--quiet"), size: 11 }, hovermode: "x unified", showlegend: chart.lines.length > 1,
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--text") } },
      legend: { orientation: "h", y: -0.18, font: { size: 10 } },
      xaxis: { ...axis, type: "date", range: span.map((seconds) => new Date(seconds * 1000)), nticks: 5 },
      yaxis: {
        ...axis, rangemode: "tozero", nticks: 4,
        ...(marks ? { tickvals: marks, ticktext: marks.map((value) => humanise(value, chart.unit)) } : {}),
        ticksuffix: chart.unit === "percent" ? " %" : "",
      },
    };
    Plotly.react(element, traces, layout, { displayModeBar: false, responsive: true });
  }

  function byteTicks(top) {
    if (!(top > 0)) return null;
    let step = 2 ** Math.round(Math.log2(top / 3));
    return [0, 1, 2, 3, 4].map((count) => count * step).filter((value) => value <= top * 1.15);
  }

  function escape_(text) {
    return text.replace(/[&<>%{}]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  }

  return { plan, draw, humanise };
})();
