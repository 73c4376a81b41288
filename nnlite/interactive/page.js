// The page's program: it draws the figures from the data beside each table, and lets the table be sorted, filtered and
// selected from. The rows that the filter leaves are those of the figures; the boxes say whose curves are drawn.
"use strict";

const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const DARK = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = { displayModeBar: false, responsive: true };
const FIRST = 7;
const SMALLEST_ERROR = 0.5e-4; // half an image of 10,000
const ACCURACIES = [0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999];
const MOST_TICKS = 12;

const colour = (place) => COLOURS[place % COLOURS.length];
const faded = (hex) => hex + "2b";
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axis(more) {
  return { gridcolor: token("--rule"), linecolor: token("--rule"), zeroline: false, automargin: true, ...more };
}

function layout(more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", showlegend: false,
    font: { color: token("--ink"), family: "system-ui, sans-serif", size: 13 },
    hoverlabel: { bgcolor: token("--paper"), font: { color: token("--ink") } },
    margin: { l: 60, r: 16, t: 12, b: 44 }, ...more,
  };
}

const written = (metric, value) => metric.share ? `${Number((100 * value).toFixed(3))} %` : String(Number(value.toPrecision(4)));

/**
 * How a metric is drawn: the height `of` a value, and the axis. High accuracies stand on the scale of their error's
 * logarithm, and what spans decades on that of its own, so that both ends can be read.
 */
function scaled(metric, values) {
  const unit = metric.unit && !metric.share ? ` [${metric.unit}]` : "";
  const title = { text: metric.label + unit };
  if (!values.length) return { of: Number, axis: axis({ title }) };
  const low = Math.min(...values), high = Math.max(...values);
  const error = (value) => Math.max(1 - value, SMALLEST_ERROR);
  if (metric.share && high >= 0.9 && error(low) > 3 * error(high)) {
    const of = (value) => -Math.log10(error(value));
    const ticks = ACCURACIES.filter((tick) => of(tick) >= of(low) - 0.1 && of(tick) <= of(high) + 0.1);
    return { of, axis: axis({ title, tickvals: ticks.map(of), ticktext: ticks.map((tick) => written(metric, tick)) }) };
  }
  const wide = !metric.share && !metric.higher && low > 0 && high > 10 * low;
  const decades = wide ? { type: "log", dtick: high > 300 * low ? 1 : "D2" } : {};
  return { of: Number, axis: axis({ title, tickformat: metric.share ? ".4~p" : "", ...decades }) };
}

/** The tests that the words of a filter stand for: a column compared with a value, or a text that a row must hold. */
function tests(filter, columns) {
  return filter.trim().split(/\s+/).filter(Boolean).map((word) => {
    const parts = word.match(/^(.+?)(<=|>=|<|>|=)(.+)$/);
    const column = parts ? columns.indexOf(parts[1]) : -1;
    if (column < 0) return (row) => row.textContent.toLowerCase().includes(word.toLowerCase());
    const [, , sign, wanted] = parts;
    return (row) => {
      const cell = row.cells[column];
      if (cell.dataset.value === undefined || Number.isNaN(Number(wanted))) return sign === "=" && cell.textContent === wanted;
      const one = Number(cell.dataset.value), other = Number(wanted);
      return { "<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other, "=": one === other }[sign];
    };
  });
}

class Sweep {
  constructor(section) {
    this.data = JSON.parse(section.querySelector("script.data").textContent);
    this.find = (selector) => section.querySelector(selector);
    this.body = this.find("tbody");
    this.rows = [...this.body.rows];
    this.heads = [...this.find("thead tr").cells];
    this.columns = this.heads.map((head) => head.dataset.name);
    fill(this.find(".metric"), this.data.metrics.map((metric) => [metric.name, metric.label]));
    fill(this.find(".parameter"), this.data.parameters.map((parameter, index) => [index, parameter.name]));
    this.listen();
    this.draw();
  }

  listen() {
    this.find(".filter").addEventListener("input", () => this.filter());
    this.find(".metric").addEventListener("change", () => this.draw());
    this.find(".parameter").addEventListener("change", () => this.draw());
    this.body.addEventListener("change", () => this.draw());
    this.find(".none").addEventListener("click", () => this.select(() => false));
    this.find(".best").addEventListener("click", () => this.select((place) => place < FIRST));
    for (const head of this.heads) head.querySelector("button")?.addEventListener("click", () => this.sort(head));
  }

  /** The places, from 0, of the rows that the filter leaves. */
  get shown() { return this.rows.filter((row) => !row.hidden).map((row) => Number(row.dataset.row)); }
  get selected() {
    return this.shown.filter((place) => this.row(place).querySelector("input:checked")).sort((one, other) => one - other);
  }
  row(place) { return this.body.querySelector(`tr[data-row="${place}"]`); }

  select(wanted) {
    const visible = this.shown.sort((one, other) => one - other);
    for (const row of this.rows) {
      const box = row.querySelector("input");
      if (box) box.checked = wanted(visible.indexOf(Number(row.dataset.row))) && !row.hidden;
    }
    this.draw();
  }

  filter() {
    const wanted = tests(this.find(".filter").value, this.columns);
    for (const row of this.rows) row.hidden = !wanted.every((test) => test(row));
    this.draw();
  }

  sort(head) {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    for (const other of this.heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const column = this.heads.indexOf(head);
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (one, other) => {
      const [a, b] = [key(one), key(other)];
      const numbers = !Number.isNaN(Number(a)) && !Number.isNaN(Number(b));
      return numbers ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
    };
    this.rows.sort((one, other) => (rising ? compare(one, other) : compare(other, one)));
    this.body.append(...this.rows);
  }

  draw() {
    const shown = this.shown, all = this.rows.length, chosen = new Set(this.selected);
    for (const row of this.rows) {
      const place = Number(row.dataset.row);
      row.cells[0].style.borderLeftColor = chosen.has(place) ? colour(place) : "transparent";
    }
    this.find(".count").textContent = `${shown.length} of ${all} configurations, ${chosen.size} curves drawn`;
    this.drawCurves();
    if (this.data.parameters.length) this.drawDots(shown);
    this.drawParallel(shown);
  }

  drawCurves() {
    const metric = this.data.metrics.find((each) => each.name === this.find(".metric").value);
    const drawn = this.selected.filter((place) => metric && this.data.rows[place].curves?.[metric.name]);
    const curve = (place) => this.data.rows[place].curves[metric.name];
    const { of, axis: vertical } = metric
      ? scaled(metric, drawn.flatMap((place) => curve(place).slice(2).flat())) : { of: Number, axis: axis({}) };
    const traces = drawn.flatMap((place) => {
      const { label } = this.data.rows[place];
      const [epochs, means, lows, highs] = curve(place);
      const edge = { x: [...epochs, ...[...epochs].reverse()], y: [...highs, ...[...lows].reverse()].map(of) };
      const band = { ...edge, fill: "toself", fillcolor: faded(colour(place)), line: { width: 0 }, mode: "lines", hoverinfo: "skip" };
      return [band, {
        x: epochs, y: means.map(of), text: means.map((mean) => written(metric, mean)),
        mode: epochs.length > 12 ? "lines" : "lines+markers", name: `${place + 1}: ${label}`,
        line: { color: colour(place), dash: DASHES[Math.floor(place / COLOURS.length) % DASHES.length] },
        hovertemplate: `%{text}<br>epoch %{x}<br>${place + 1}: ${label}<extra></extra>`,
      }];
    });
    Plotly.react(this.find(".curves"), traces, layout({ xaxis: axis({ title: { text: "epoch" } }), yaxis: vertical }), CONFIG);
  }

  drawDots(shown) {
    const index = Number(this.find(".parameter").value), parameter = this.data.parameters[index];
    const metric = this.data.objective, chosen = new Set(this.selected);
    const trials = shown.flatMap((place) => this.data.rows[place].trials.map((trial) => [place, ...trial]));
    const { of, axis: vertical } = scaled(metric, trials.map(([, , , value]) => value));
    const about = ([place, run, seed, value]) =>
      `${written(metric, value)}<br>run ${run}, seed ${seed}<br>${place + 1}: ${this.data.rows[place].label}`;
    const dots = {
      x: trials.map(([place]) => this.data.rows[place].values[index]), y: trials.map(([, , , value]) => of(value)),
      text: trials.map(about), hovertemplate: "%{text}<extra></extra>", mode: "markers",
      marker: { size: 8, opacity: 0.75, color: trials.map(([place]) => (chosen.has(place) ? colour(place) : "#8a8a8a")) },
    };
    const words = { type: "category", categoryorder: "array", categoryarray: parameter.values };
    const values = [...new Set(dots.x)];
    const few = values.length <= MOST_TICKS ? { tickvals: values, ticktext: values.map(String) } : { dtick: parameter.log ? 1 : undefined };
    const scale = parameter.values ? words : { type: parameter.log ? "log" : "linear", ...few };
    const across = axis({ title: { text: parameter.name }, ...scale });
    Plotly.react(this.find(".dots"), [dots], layout({ xaxis: across, yaxis: vertical }), CONFIG);
  }

  drawParallel(shown) {
    const lines = shown.sort((one, other) => one - other).slice(0, 100).reverse();
    const { objective: metric, parameters, rows } = this.data;
    const means = lines.map((place) => rows[place].mean);
    const [best, worst] = metric.higher ? [Math.max, Math.min] : [Math.min, Math.max];
    const objective = { name: metric.label, low: worst(...means), high: best(...means) }; // the best on top
    const axes = [...parameters, objective], { of, axis: upright } = scaled(metric, means);
    const lifted = upright.type === "log" ? Math.log : of;
    const height = (each, value) => {
      if (each.values) return each.values.length < 2 ? 0.5 : each.values.indexOf(value) / (each.values.length - 1);
      const scale = each === objective ? lifted : each.log ? Math.log : Number;
      return each.high !== each.low ? (scale(value) - scale(each.low)) / (scale(each.high) - scale(each.low)) : 0.5;
    };
    const chosen = new Set(this.selected);
    const traces = lines.map((place) => {
      const { label, mean, score, values } = rows[place];
      const look = chosen.has(place) ? { color: colour(place), width: 3 } : { color: "#8a8a8a55", width: 1.5 };
      return {
        x: axes.map((_, index) => index), y: axes.map((each, index) => height(each, [...values.map(String), mean][index])),
        mode: "lines", line: look, hovertemplate: `${score}<br>${place + 1}: ${label}<extra></extra>`,
      };
    });
    const end = (each, value) => each === objective ? written(metric, value) : String(Number(value.toPrecision(4)));
    const ends = axes.flatMap((each, x) => [0, 1].map((y) => ({
      x, y, yshift: y ? 12 : -12, showarrow: false,
      text: each.values ? each.values.at(y ? -1 : 0) : end(each, y ? each.high : each.low),
    })));
    const across = axis({ tickvals: axes.map((_, x) => x), ticktext: axes.map((each) => each.name), range: [-0.3, axes.length - 0.7] });
    const vertical = axis({ visible: false, range: [-0.14, 1.14] });
    Plotly.react(this.find(".parallel"), traces, layout({ xaxis: across, yaxis: vertical, annotations: lines.length ? ends : [] }), CONFIG);
  }
}

function fill(select, options) {
  for (const [value, label] of options) {
    const option = document.createElement("option");
    option.value = value;
    option.innerHTML = label;
    select.append(option);
  }
}

const sweeps = [...document.querySelectorAll("section:has(script.data)")].map((section) => new Sweep(section));
DARK.addEventListener("change", () => sweeps.forEach((sweep) => sweep.draw()));
