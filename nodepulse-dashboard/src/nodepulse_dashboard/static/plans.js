// What is drawn of a source: the charts planned for a known key first, then one small chart for every other field.
"use strict";

const Plans = (() => {
  const MODES = ["user", "system", "iowait", "steal"];
  const MAX_LINES = 8;

  // A line is [its name, where it is from, its look]. It is from a field, or from a function of all fields.
  const PLANS = {
    node_exporter: [
      { title: "CPU", stacked: true, lines: MODES.map((mode) => [mode, shareOf(mode), "area"]) },
      { title: "Memory", share: true, lines: [["used", rest("memory_total_bytes", "memory_available_bytes"), "area"], ["swap used", rest("swap_total_bytes", "swap_free_bytes")], ["total", "memory_total_bytes", "limit"]] },
      { title: "Load", lines: [["1 min", "load_1min", "area"], ["5 min", "load_5min"], ["15 min", "load_15min"], ["cores", "cpu_cores", "limit"]] },
      { title: "Disk", lines: [["read", "disk_read_bytes_total"], ["written", "disk_written_bytes_total"]] },
      { title: "Network", lines: [["received", "network_receive_bytes_total"], ["sent", "network_transmit_bytes_total"]] },
      { title: "Root file system", share: true, lines: [["used", rest("disk_total_bytes", "disk_available_bytes"), "area"], ["total", "disk_total_bytes", "limit"]] },
    ],
    postgres_exporter: [
      { title: "Connections", stacked: true, share: true, lines: [["active", "pg_connections_active", "area"], ["idle", "pg_connections_idle", "area"], ["limit", "pg_connections_max", "limit"]] },
      { title: "Transactions", lines: [["committed", "pg_transactions_committed", "area"], ["rolled back", "pg_transactions_rolled_back"]] },
      { title: "Cache hits", lines: [["from cache", "pg_cache_hit_ratio"]] },
      { title: "Databases", lines: [["size", "pg_database_size_bytes", "area"]] },
    ],
    redis_exporter: [
      { title: "Commands", lines: [["processed", "redis_commands_processed_total", "area"]] },
      { title: "Memory", share: true, lines: [["used", "redis_memory_used_bytes", "area"], ["limit", "redis_memory_max_bytes", "limit"]] },
      { title: "Key look-ups", lines: [["hits", "redis_keyspace_hits_total"], ["misses", "redis_keyspace_misses_total"]] },
      { title: "Clients", lines: [["connected", "redis_connected_clients", "area"], ["blocked", "redis_blocked_clients"]] },
      { title: "Keys", lines: [["keys", "redis_keys", "area"]] },
      { title: "Keys removed", lines: [["expired", "redis_expired_keys_total"], ["evicted", "redis_evicted_keys_total"]] },
    ],
    process_exporter: [
      { title: "CPU, of one core", lines: [["", "cpu_seconds_total"]] },
      { title: "Memory", lines: [["", "memory_bytes"]] },
      { title: "Processes", lines: [["", "num_procs"]] },
    ],
  };
  // The same values under a second name, and those that a planned chart shows in another form.
  const HIDDEN = new Set([
    "load_average_1m", "load_average_5m", "load_average_15m", "disk_read_bytes", "disk_write_bytes",
    "network_receive_bytes", "network_transmit_bytes", "cpu_idle_seconds", ...MODES.map((mode) => `cpu_${mode}_seconds`),
  ]);

  function plan(answer) {
    const fields = Map.groupBy(answer.series, (series) => series.field);
    const plans = PLANS[answer.key] || [];
    const shown = new Set(plans.flatMap(({ lines }) => lines.map(([, from]) => from)));
    const others = [...fields.keys()].filter((field) => !shown.has(field) && !(plans.length && HIDDEN.has(field)));
    return [
      ...plans,
      ...others.map((field) => ({ title: field, lines: [["", field]], extra: plans.length > 0 })),
    ].map((each) => chartOf(each, fields)).filter(({ lines }) => lines.length);
  }

  function chartOf(planned, fields) {
    const drawn = planned.lines.flatMap(([name, from, look = "line"]) => linesOf(fields, from).map((line) => ({ ...line, name: line.object || name, look })));
    const wanted = drawn.filter(({ look, last }) => look !== "limit" || last > 0); // a limit of 0 is none
    const kept = wanted.length > MAX_LINES ? wanted.toSorted((one, other) => other.last - one.last).slice(0, MAX_LINES) : wanted;
    return { ...planned, unit: kept[0]?.unit, headline: headline(kept, planned), lines: kept, leftOff: wanted.length - kept.length };
  }

  function linesOf(fields, from) {
    const found = typeof from === "function" ? from(fields) : (fields.get(from) || []).map((series) => ({
      object: series.object, unit: series.rates ? `${series.unit}/s` : series.unit, values: series.rates || series.values,
    }));
    return found.map((line) => ({ ...line, last: line.values.findLast((value) => value !== null) ?? null }));
  }

  // What stands beside the title: the only line's value, or the filled one's, or all of a stack;
  // where a share is asked for, as a share of the limit.
  function headline(lines, { stacked, share }) {
    const [limit, others] = [lines.find(({ look }) => look === "limit"), lines.filter(({ look }) => look !== "limit")];
    if (!others.length || others[0].last === null || (others.length > 1 && others[0].look !== "area")) return null;
    const value = stacked ? others.reduce((sum, { last }) => sum + last, 0) : others[0].last;
    return share && limit ? { value: value / limit.last, unit: "ratio" } : { value, unit: others[0].unit };
  }

  // What is left of one field after another is taken from it.
  function rest(whole, part) {
    return (fields) => {
      const [all, free] = [fields.get(whole)?.[0], fields.get(part)?.[0]];
      if (!all || !free || !all.values.some((value) => value > 0)) return [];
      return [{ unit: all.unit, values: all.values.map((value, at) => (value === null || free.values[at] === null ? null : value - free.values[at])) }];
    };
  }

  // The share of the time of all cores that went to a mode.
  function shareOf(mode) {
    return (fields) => {
      const rates = ["idle", ...MODES].map((each) => fields.get(`cpu_${each}_seconds`)?.[0].rates).filter(Boolean);
      const mine = fields.get(`cpu_${mode}_seconds`)?.[0].rates;
      if (!mine) return [];
      const share = (at) => mine[at] / rates.reduce((sum, each) => sum + each[at], 0);
      return [{ unit: "ratio", values: mine.map((rate, at) => (rate === null || !Number.isFinite(share(at)) ? null : share(at))) }];
    };
  }

  return { plan };
})();
