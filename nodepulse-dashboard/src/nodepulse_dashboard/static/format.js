// How a number is written for people: sizes in powers of 1024, durations in words, the rest with thousands apart.
"use strict";

const Format = (() => {
  const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const THOUSANDS = ["", "k", "M", "G", "T", "P"];

  // A unit is one of the API's, with "/s" behind it for a change per second.
  function humanise(value, unit = "") {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "number") return String(value);
    const per = unit.endsWith("/s") ? "/s" : "";
    const base = per ? unit.slice(0, -2) : unit;
    if (base === "bytes") return scaled(value, 1024, BYTES) + per;
    if (base === "percent") return `${short(value)} %${per}`;
    if (base === "ratio") return `${short(100 * value)} %${per}`;
    if (base === "seconds") return per ? `${short(100 * value)} %` : duration(value); // seconds in a second are a share
    return (Math.abs(value) < 1e6 ? short(value) : scaled(value, 1000, THOUSANDS)) + per;
  }

  function scaled(value, step, units) {
    let at = 0;
    while (Math.abs(value) >= step && at < units.length - 1) { value /= step; at += 1; }
    return `${short(value)} ${units[at]}`.trim();
  }

  function short(value) {
    const [size, digits] = [Math.abs(value), Math.abs(value) < 100 ? 3 : 4];
    if (size > 0 && size < 1e-3) return value.toExponential(1);
    return Number(value.toPrecision(Math.max(digits, String(Math.trunc(size)).length))).toLocaleString("en", { maximumFractionDigits: 4 });
  }

  function duration(seconds) {
    const size = Math.abs(seconds);
    if (size < 120) return `${short(seconds)} s`;
    const [days, hours, minutes] = [Math.floor(size / 86400), Math.floor(size / 3600) % 24, Math.floor(size / 60) % 60];
    const words = [days && `${days} d`, hours && `${hours} h`, !days && minutes && `${minutes} min`].filter(Boolean).join(" ");
    return seconds < 0 ? `−${words}` : words;
  }

  // About four marks between two values, at round numbers of the unit that the larger one is written in.
  function ticks(low, high, unit) {
    if (!(high > low)) return [{ at: low, text: humanise(low, unit) }];
    const bytes = unit.startsWith("bytes");
    const power = bytes ? Math.max(0, Math.min(BYTES.length - 1, Math.floor(Math.log2(high) / 10))) : 0;
    const one = bytes ? 1024 ** power : unit === "seconds" ? [86400, 3600, 60].find((each) => each <= high) || 1 : 1;
    const rough = (high - low) / 4;
    const digit = one * 10 ** Math.floor(Math.log10(rough / one));
    const step = digit * [1, 2, 5, 10].find((times) => times * digit >= 0.8 * rough);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, count) => {
      const at = (first + count) * step;
      const text = bytes ? `${short(at / one)} ${BYTES[power]}${unit.slice("bytes".length)}` : humanise(at, unit);
      return { at, text };
    });
  }

  return { humanise, ticks };
})();
