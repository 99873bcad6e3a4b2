// Draws the figures that are in sight, follows a run by server-sent events, and makes lists, the
// lineage tree and the gallery usable by hand. Everything foreign comes escaped from the server.
const root = document.documentElement;
const SKIPPED = new Set(["x", "y", "text", "customdata", "ticktext", "tickvals", "name", "hovertemplate"]);
const REST = 2000;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Theme ------------------------------------------------------------------------------------------

const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;
let palette = new Map();

function colour(name) {
  if (!palette.has(name)) {
    probe.style.color = `var(${name})`;
    palette.set(name, getComputedStyle(probe).color);
  }
  return palette.get(name);
}

function painted(value, key = "") {
  if (typeof value === "string") return value.startsWith("--") ? colour(value) : value;
  if (value === null || typeof value !== "object" || SKIPPED.has(key)) return value;
  if (Array.isArray(value)) return value.map((one) => painted(one, key));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, painted(one, name)]));
}

function isDark() {
  return getComputedStyle(probe).colorScheme === "dark" || (root.dataset.theme ?? "") === "dark"
    || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
}

function repaint() {
  palette = new Map();
  for (const plot of plots) if (plot.figure) draw(plot);
}

document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not kept, then */ }
  repaint();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

// Figures ----------------------------------------------------------------------------------------

const plots = all("[data-figure]").map((element) => ({
  element, url: element.dataset.figure, zoomable: "zoom" in element.dataset,
  legend: element.parentElement.querySelector(".legend"),
  seen: false, stale: true, busy: null, figure: null, text: "", window: null, hidden: null,
}));

// Loaded here and not by a tag of the page: so its failure cannot come before anybody listens.
const plotly = new Promise((resolve) => {
  const wanted = document.getElementById("plotly");
  if (!wanted) { resolve(); return; }
  const script = document.createElement("script");
  script.onload = resolve;
  script.onerror = () => { resolve(); lament(); };
  script.src = wanted.href;
  document.head.append(script);
});

function lament() {
  const note = paragraph("Plotly's script could not be loaded: figures show their lines alone. Reload the page to try again.");
  note.setAttribute("role", "alert");
  document.getElementById("main").prepend(note);
}

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const plot = plots.find((one) => one.element === entry.target);
    plot.seen = entry.isIntersecting;
  }
  Promise.all(plots.filter((one) => one.seen && (one.stale || one.busy)).map(update)).then(() => {
    if (!root.dataset.ready) root.dataset.ready = String(Math.round(performance.now()));
  });
}, { rootMargin: "160px 0px" });
const above = plots.filter((one) => one === plots[0] || one.element.getBoundingClientRect().top < innerHeight);
for (const plot of plots) sight.observe(plot.element);
// Asked for at once: the observer speaks only after the first frame.
for (const plot of above) update(plot);
if (!plots.length) root.dataset.ready = String(Math.round(performance.now()));

function update(plot) {
  plot.busy ??= fetched(plot).finally(() => { plot.busy = null; });
  return plot.busy;
}

async function fetched(plot) {
  const zoom = plot.window && plot.zoomable ? `start=${plot.window[0]}&end=${plot.window[1]}` : "";
  const url = zoom ? `${plot.url}${plot.url.includes("?") ? "&" : "?"}${zoom}` : plot.url;
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const text = await answer.text();
    plot.stale = false;
    if (text === plot.text) return;
    plot.text = text;
    plot.figure = JSON.parse(text);
    const early = !window.Plotly;
    draw(plot);
    noted();
    await plotly;
    if (early && window.Plotly) draw(plot);
  } catch (error) {
    if (!plot.figure) say(plot, `This figure could not be drawn: ${error.message}.`);
  }
}

function paragraph(sentence) {
  const note = document.createElement("p");
  note.className = "nothing";
  note.textContent = sentence;
  return note;
}

function say(plot, sentence) {
  plot.element.classList.add("empty");
  if (plot.drawn) Plotly.purge(plot.element);
  plot.drawn = false;
  plot.element.replaceChildren(paragraph(sentence));
  plot.legend?.replaceChildren();
}

const SVG = "http://www.w3.org/2000/svg";

// The figure's lines without Plotly, whose script takes a while the first time and may never come.
function sketch({ element, figure }) {
  const { layout } = figure;
  const svg = shape(null, "svg", { class: "sketch", width: element.clientWidth, height: layout.height, "aria-hidden": "true" });
  const right = element.clientWidth - layout.margin.r, foot = layout.height - layout.margin.b;
  const across = ruler(layout.xaxis.range ?? ends(figure.data.flatMap((one) => one.x)), [layout.margin.l, right]);
  for (const name of Object.keys(layout).filter((one) => one.startsWith("yaxis"))) {
    const axis = layout[name], own = figure.data.filter((one) => lines(one) && one.yaxis === name.replace("axis", ""));
    const value = axis.type === "log" ? (y) => (y > 0 ? Math.log10(y) : null) : (y) => y;
    const [low, high] = (axis.domain ?? [0, 1]).map((share) => foot - share * (foot - layout.margin.t));
    const up = ruler(axis.range ?? ends(own.flatMap((one) => one.y.map(value))), [low, high]);
    if (axis.domain) shape(svg, "path", { d: `M${layout.margin.l} ${low}H${right}`, stroke: colour("--rule") });
    for (const one of own) shape(svg, "path", { d: course(one.x.map(across), one.y.map((y) => up(value(y)))), stroke: painted(one.line.color), "stroke-width": one.line.width, opacity: one.opacity ?? 1 });
  }
  element.replaceChildren(svg);
}

// When the lines of all figures above the fold were on the screen, with Plotly or before it.
function noted() {
  if (root.dataset.drawn || !above.every((one) => one.figure)) return;
  requestAnimationFrame(() => { root.dataset.drawn ??= String(Math.round(performance.now())); });
}

const lines = (trace) => trace.mode?.includes("lines") && trace.visible !== "legendonly";
const ends = (values) => values.filter(Number.isFinite).reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
const ruler = ([from, to], [start, end]) => (value) => (Number.isFinite(value) ? start + ((value - from) / (to - from || 1)) * (end - start) : null);

function course(xs, ys) {
  let path = "", pen = "M";
  xs.forEach((x, index) => {
    const y = ys[index];
    if (x === null || y === null) { pen = "M"; return; }
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
}

function shape(parent, name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

function draw(plot) {
  const { element, figure } = plot;
  if (figure.nothing) { say(plot, figure.nothing); return; }
  if (!window.Plotly) { sketch(plot); return; }
  if (!plot.drawn) element.replaceChildren();
  element.classList.remove("empty");
  const narrow = element.clientWidth < 620;
  const layout = painted(figure.layout);
  layout.font.family = getComputedStyle(document.body).fontFamily;
  layout.uirevision = plot.url;
  layout.autosize = true;
  plot.end = layout.xaxis.range?.[1];
  // Plotly would take a range that has grown for a wish to leave the zoom.
  if (plot.window && plot.end !== undefined) layout.xaxis.range = plot.window.map(Number);
  layout.annotations = (layout.annotations ?? []).filter((one) => !(narrow && one.name === "wide"));
  if (narrow) layout.margin = { ...layout.margin, l: 46 };
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
  plot.hidden ??= new Set(figure.data.filter((one) => one.visible === "legendonly").map(group));
  const data = painted(figure.data).map((one) => ({ ...one, visible: plot.hidden.has(group(one)) ? "legendonly" : true }));
  Plotly.react(element, data, layout, {
    displaylogo: false, responsive: true, showTips: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  });
  element.style.minHeight = "";
  if (!plot.drawn) element.on("plotly_relayout", (change) => zoomed(plot, change));
  if (!plot.drawn) element.on("plotly_click", (event) => chosenPoint(event));
  plot.drawn = true;
  element.dataset.points = String(data.reduce((sum, one) => sum + (one.x?.length ?? 0), 0));
  chips(plot, data);
}

const group = (trace) => trace.legendgroup ?? trace.name;

function chips(plot, data) {
  const shown = data.filter((one) => one.name && one.showlegend !== false);
  const known = new Map(shown.map((one) => [group(one), one]));
  const focused = document.activeElement?.dataset?.group;
  plot.legend?.replaceChildren(...(known.size > 1 ? [...known] : []).map(([name, trace]) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.dataset.group = name;
    chip.setAttribute("aria-pressed", String(!plot.hidden.has(name)));
    chip.append(swatch(trace), unescaped(trace.name));
    chip.addEventListener("click", () => {
      if (!plot.hidden.delete(name)) plot.hidden.add(name);
      draw(plot);
    });
    return chip;
  }));
  if (focused) all("button", plot.legend).find((one) => one.dataset.group === focused)?.focus();
}

function unescaped(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

const GLYPHS = { circle: "●", diamond: "◆", "diamond-open": "◇", "triangle-up": "▲", "triangle-down": "▼", square: "■", "square-open": "□", "circle-open": "○", star: "★", "x-thin-open": "✕", "line-ew-open": "–" };

function swatch(trace) {
  const svg = shape(null, "svg", { viewBox: "0 0 20 11", "aria-hidden": "true" });
  const lined = trace.type === "scatter" && trace.mode.includes("lines");
  const paint = lined ? trace.line.color : trace.marker.color;
  if (lined) {
    const dashes = { dash: "5 3", dot: "1.5 2.5", dashdot: "6 2 1.5 2" };
    shape(svg, "path", { d: "M0 5.5H20", stroke: paint, "stroke-width": Math.max(2, trace.line.width), "stroke-dasharray": dashes[trace.line.dash] ?? "none" });
  } else {
    const glyph = shape(svg, "text", { x: 10, y: 10, "text-anchor": "middle", fill: paint, "font-size": 12 });
    glyph.textContent = trace.type === "bar" ? "■" : GLYPHS[trace.marker.symbol] ?? "●";
  }
  return svg;
}

function zoomed(plot, change) {
  const low = Number(change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0]);
  const high = Number(change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1]);
  if (change["xaxis.autorange"]) plot.window = null;
  else if (low <= 0 && high >= (plot.end ?? Infinity)) plot.window = null;
  else if (Number.isFinite(low) && Number.isFinite(high)) plot.window = [low.toFixed(1), high.toFixed(1)];
  else return;
  if (!plot.zoomable) return;
  clearTimeout(plot.timer);
  plot.timer = setTimeout(() => update(plot), 150);
}

// Live -------------------------------------------------------------------------------------------

const follow = document.querySelector("[data-follow]");
let mark = document.body.dataset.mark ?? null;
let source = null, timer = null, refreshing = false, restUntil = 0;

function told(state, text) {
  if (follow) { follow.dataset.state = state; follow.textContent = text; }
}

function listen() {
  if (!document.body.dataset.live || source || document.hidden) return;
  source = new EventSource(document.body.dataset.live);
  source.addEventListener("open", () => told("on", "live"));
  source.addEventListener("error", () => told("off", "not connected"));
  source.addEventListener("gone", () => told("off", "this run is gone"));
  source.addEventListener("mark", (event) => {
    told("on", "live");
    if (mark !== null && event.data !== mark) soon();
    mark = event.data;
  });
}

document.addEventListener("visibilitychange", () => {
  // A browser opens few streams to one server: a page that nobody looks at gives its own back.
  if (document.hidden) { source?.close(); source = null; } else listen();
});
listen();

function soon() {
  if (timer) return;
  timer = setTimeout(async () => {
    timer = null;
    if (refreshing) { soon(); return; }
    refreshing = true;
    const begun = performance.now();
    await refresh().catch(() => {});
    refreshing = false;
    restUntil = performance.now() + Math.max(REST, 5 * (performance.now() - begun));
  }, Math.max(0, restUntil - performance.now()));
}

async function refresh() {
  for (const plot of plots) plot.stale = true;
  await Promise.all(all("[data-part]").map(swap));
  await Promise.all(plots.filter((one) => one.seen).map(update));
  root.dataset.refreshed = String(Number(root.dataset.refreshed ?? 0) + 1);
}

async function swap(part) {
  const answer = await fetch(part.dataset.part);
  if (!answer.ok) return;
  const text = await answer.text();
  if (part.text === text) return;
  if ("reload" in part.dataset) { if (text.trim()) location.reload(); return; }
  part.text = text;
  const places = all("[data-scroll]", part).map((one) => [one.dataset.scroll, one.scrollLeft, one.scrollTop]);
  const open = new Set(all("details[open]", part).map((one) => one.dataset.key));
  const member = part.querySelector("#member");
  const focused = part.contains(document.activeElement) ? document.activeElement.closest("[data-key]")?.dataset.key : null;
  const checked = new Set(all("input:checked", part).map((one) => one.value));
  part.innerHTML = text;
  if (member && part.querySelector("#member")) part.querySelector("#member").replaceWith(member);
  for (const [name, left, top] of places) {
    all("[data-scroll]", part).find((one) => one.dataset.scroll === name)?.scrollTo({ left, top, behavior: "instant" });
  }
  for (const one of all("details", part)) one.open = open.has(one.dataset.key);
  for (const one of all("input[type=checkbox]", part)) one.checked = checked.has(one.value);
  if (focused) all("[data-key]", part).find((one) => one.dataset.key === focused)?.focus({ preventScroll: true });
  settle();
}

// Lists ------------------------------------------------------------------------------------------

const table = document.querySelector("[data-sortable]");
let order = null;

function sorted(button) {
  const head = button.closest("th");
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const one of all("th[aria-sort]", table)) one.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  order = { column: head.cellIndex, kind: button.dataset.sort, up };
  arrange();
}

function arrange() {
  if (!table || !order) return;
  const body = table.tBodies[0];
  const value = (row) => row.cells[order.column].dataset.value ?? row.cells[order.column].textContent;
  const compare = order.kind === "number" ? (a, b) => Number(a) - Number(b) : (a, b) => a.localeCompare(b, undefined, { numeric: true });
  const rows = [...body.rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (!left || !right) return Number(!left) - Number(!right);
    return (order.up ? 1 : -1) * compare(left, right);
  });
  body.append(...rows);
}

function search() {
  const field = document.querySelector("[data-search]");
  if (!table || !field) return;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += Number(!row.hidden);
  }
  const count = document.querySelector("[data-count]");
  const total = table.tBodies[0].rows.length;
  if (count) count.textContent = words.length ? `${shown} of ${total} runs` : `${total} run${total === 1 ? "" : "s"}`;
  document.querySelector("[data-no-match]").hidden = shown > 0;
}

function countChosen() {
  const button = document.querySelector("[data-compare]");
  if (!button) return;
  const chosen = all("input[name=run]:checked").length;
  button.disabled = chosen < 2 || chosen > 6;
  button.textContent = chosen > 1 ? `Compare ${chosen}` : "Compare";
  document.querySelector("[data-compare-hint]").hidden = chosen >= 2 && chosen <= 6;
}

function settle() { arrange(); search(); countChosen(); resize(); markGeneration(); }

// Tree, gallery, generations ---------------------------------------------------------------------

let scale = null;

function resize(factor = null) {
  const box = document.querySelector("[data-tree]");
  const svg = box?.querySelector("svg");
  if (!svg) return;
  const { width, height } = svg.viewBox.baseVal;
  const fit = Math.min(1.6, Math.max(0.25, (box.clientWidth - 2) / width));
  if (factor === 0) scale = fit;
  else if (factor) scale = Math.min(4, Math.max(0.2, (scale ?? fit) * factor));
  const own = scale ?? Math.max(fit, 0.75);
  svg.setAttribute("width", String(width * own));
  svg.setAttribute("height", String(height * own));
}

async function show(link) {
  const panel = document.getElementById("member");
  if (!panel) return;
  const answer = await fetch(link.dataset.member);
  if (!answer.ok) return;
  panel.innerHTML = await answer.text();
  panel.scrollTop = 0;
  for (const one of all(".node.chosen")) one.classList.remove("chosen");
  all("[data-tree] [data-member]").find((one) => one.dataset.member === link.dataset.member)?.classList.add("chosen");
  const box = panel.getBoundingClientRect();
  if (box.bottom < 0 || box.top > innerHeight) panel.scrollIntoView({ block: "nearest" });
}

function chosenPoint(event) {
  const id = event.points?.[0]?.customdata;
  if (typeof id !== "string") return;
  const key = `${event.points[0].x} ${id}`;
  const node = all("[data-tree] [data-key]").find((one) => one.dataset.key === key);
  if (node) show(node);
}

function step(from, key, candidates) {
  const [x, y] = [Number(from.dataset.x), Number(from.dataset.y)];
  const sideways = key === "ArrowLeft" || key === "ArrowRight";
  const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
  let best = null, least = Infinity;
  for (const one of candidates) {
    const [dx, dy] = [Number(one.dataset.x) - x, Number(one.dataset.y) - y];
    const [along, across] = sideways ? [dx * sign, Math.abs(dy)] : [dy * sign, Math.abs(dx)];
    const far = along > 0.5 ? along + (sideways ? 1 : 40) * across : Infinity;
    if (far < least) { least = far; best = one; }
  }
  return best;
}

function stepInGallery(from, key, items) {
  const place = items.indexOf(from);
  const top = items[0].offsetTop;
  const columns = Math.max(1, items.filter((one) => one.offsetTop === top).length);
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  return items[place + moves[key]] ?? null;
}

function rove(from, to) {
  if (!to) return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

let wanted = null, asking = false;

async function choose(generation) {
  const slider = document.querySelector("[data-generation]");
  if (!slider) return;
  slider.value = String(generation);
  wanted = Number(slider.value);
  markGeneration();
  if (asking) return;
  asking = true;
  while (wanted !== null) {
    const asked = wanted;
    wanted = null;
    const answer = await fetch(`${slider.dataset.generation}?generation=${asked}`);
    if (answer.ok) document.getElementById("generation").innerHTML = await answer.text();
  }
  asking = false;
}

function markGeneration() {
  const slider = document.querySelector("[data-generation]");
  if (!slider) return;
  document.querySelector("[data-generation-shown]").textContent = slider.value;
  const cells = all("[data-choose]");
  if (cells.length) slider.max = cells.at(-1).dataset.choose;
  for (const one of cells) one.classList.toggle("chosen", one.dataset.choose === slider.value);
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-member], [data-choose], [data-zoom-by], [data-sort]");
  if (!target) return;
  if (target.dataset.member) show(target);
  else if (target.dataset.choose) choose(target.dataset.choose);
  else if (target.dataset.zoomBy) resize(Number(target.dataset.zoomBy));
  else sorted(target);
});
document.addEventListener("keydown", (event) => {
  const node = event.target.closest?.(".node, .exhibit");
  if (!node) return;
  if ((event.key === "Enter" || event.key === " ") && node.matches(".node")) {
    event.preventDefault();
    show(node);
  } else if (event.key.startsWith("Arrow")) {
    event.preventDefault();
    const items = all(node.matches(".node") ? "[data-tree] .node" : "[data-gallery] .exhibit");
    rove(node, node.matches(".node") ? step(node, event.key, items) : stepInGallery(node, event.key, items));
  }
});
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-search]")) search();
  else if (event.target.matches("[data-generation]")) choose(event.target.value);
  else if (event.target.matches("input[name=run]")) countChosen();
});
addEventListener("resize", () => resize());
settle();
