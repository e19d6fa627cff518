// Two tables that sort by any column: every image that is shown, and every cell with its means.

const ROW_HEIGHT = 46;
const measureHead = (m) => ({ key: m.key, label: m.unit ? `${m.label}, ${m.unit}` : m.label, title: m.meaning });

function heads(columns, order, sort) {
  return element("thead", {}, element("tr", {}, ...columns.map(({ key, label, text, title, span }) => {
    if (!key) return element("th", { scope: "col", class: span ? "text span" : text ? "text" : null }, element("span", {}, label));
    const now = order.key !== key ? "none" : order.down ? "descending" : "ascending";
    const click = () => { sort(key); document.querySelector(`[data-sort="${key}"]`).focus(); };
    return element("th", { scope: "col", "aria-sort": now, class: text ? "text" : null },
      element("button", { type: "button", "data-sort": key, title, onclick: click }, label));
  })));
}

// A measure starts with its highest value, a name with its first one.
function turned(order, key) {
  const measure = study().measures.some((m) => m.key === key);
  return { key, down: order.key === key ? !order.down : measure };
}

function box(label, caption, ...parts) {
  const table = element("table", caption, ...parts);
  return element("div", { class: "tablebox", role: "region", tabindex: 0, "aria-label": label }, table);
}

function showImages(rows) {
  const one = study();
  const columns = [{ label: "Pictures", text: true },
    { key: "image", label: "Image" }, ...one.measures.map(measureHead),
    ...tellingFacets().map(({ key, label }) => ({ key, label, text: true })),
    { key: "seed", label: "Seed" }, { key: "class", label: "Class" }];
  const body = element("tbody");
  const sort = (key) => { state.order = turned(state.order, key); refresh({ filters: true }); };
  const made = box("Images", { "aria-rowcount": rows.length + 1 }, heads(columns, state.order, sort), body);
  made.id = "images-table";
  made.addEventListener("scroll", () => paintRows(made, body, rows, columns.length), { passive: true });
  document.getElementById("results").replaceChildren(made);
  paintRows(made, body, rows, columns.length);
}

function paintRows(made, body, rows, columns) {
  const first = Math.max(0, Math.floor(made.scrollTop / ROW_HEIGHT) - 8);
  const last = Math.min(rows.length, first + Math.ceil(1000 / ROW_HEIGHT) + 24);
  if (body.dataset.first === String(first)) return;
  body.dataset.first = first;
  const held = document.activeElement?.closest?.("tbody") === body ? document.activeElement.dataset.at : undefined;
  const gap = (count) => {
    const filler = element("td", { colspan: columns });
    filler.style.height = count * ROW_HEIGHT + "px";
    return element("tr", { class: "gap", "aria-hidden": "true" }, filler);
  };
  const lines = [];
  for (let at = first; at < last; at += 1) lines.push(imageLine(rows, at));
  body.replaceChildren(gap(first), ...lines, gap(rows.length - last));
  if (held !== undefined) body.querySelector(`[data-at="${held}"]`)?.focus({ preventScroll: true });
}

function imageLine(rows, at) {
  const one = study(), row = rows[at], { images } = one, cell = one.cells[images.cell[row]];
  const open = element("button", { type: "button", class: "open", "data-at": at, "aria-label": inWords(one, row),
    onclick: () => openDetail(rows, at) }, String(images.image[row]));
  return element("tr", { "aria-rowindex": at + 2 },
    element("td", { class: "text" }, picturesOf(one, row, { captions: false })),
    element("td", {}, open), ...one.measures.map((m) => {
      const value = number(images.values[m.key][row]);
      return element("td", { class: m.key === "gain" && value > 0 ? "leak" : null, "data-key": m.key }, shown(value, m.digits, m.key === "gain"));
    }),
    ...tellingFacets().map(({ key }) => element("td", { class: "text" }, cell.names[key])),
    element("td", {}, String(images.seed[row])), element("td", {}, String(images.class[row])));
}

function showSummary() {
  const one = study();
  const cells = ordered(one.cells.filter(passing), state.cells, cellValue);
  const failures = cells.some((cell) => cell.failed > 0);
  const facets = tellingFacets();
  const columns = [...facets.map(({ key, label }) => ({ key, label, text: true })), { key: "n", label: "n" },
    ...one.measures.slice(0, 1).map((m) => ({ label: `${m.label}, 95 %`, span: true })),
    ...one.measures.map(measureHead),
    { key: "seeds", label: "Seeds" }, ...(failures ? [{ key: "failed", label: "Failed" }] : []),
    { key: "shown", label: "Shown" }];
  const span = rangeOf(cells);
  const lines = cells.map((cell) => cellLine(cell, facets, failures, span));
  const sort = (key) => { state.cells = turned(state.cells, key); refresh({}); };
  const made = box("Summary", {}, heads(columns, state.cells, sort), element("tbody", {}, ...lines));
  made.id = "summary-table";
  document.getElementById("results").replaceChildren(made);
}

function cellValue(cell, key) {
  if (key in cell.means) return number(cell.means[key][0]);
  if (key === "n") return cell.means.gain[3];
  return key in cell.names ? placeOf(cell, key) : cell[key];
}

function cellLine(cell, facets, failures, span) {
  const [first, ...others] = facets.map(({ key }) => cell.names[key]);
  const look = () => { state.filters = { ...cell.names }; narrow(); state.view = "pictures"; refresh({ filters: true, focus: true }); };
  const mean = (m) => {
    const [value, low, high] = cell.means[m.key].map(number), text = (x) => shown(x, m.digits, m.key === "gain");
    const ends = low === null ? "" : `[${text(low)}, ${text(high)}]`;
    return element("td", { "data-key": m.key, class: m.key === "gain" && low > 0 ? "leak" : null }, text(value), element("small", {}, ends));
  };
  return element("tr", {},
    element("td", { class: "text" }, element("button", { type: "button", class: "open", onclick: look, title: "Show its images" }, first)),
    ...others.map((name) => element("td", { class: "text" }, name)),
    element("td", {}, String(cell.means.gain[3])), element("td", { class: "text span" }, whisker(cell.means.gain.map(number), span)),
    ...study().measures.map(mean), element("td", {}, String(cell.seeds)),
    failures ? element("td", {}, String(cell.failed)) : null, element("td", {}, `${cell.shown} of ${cell.rows}`));
}

// What all cells share needs no filter.
function narrow() {
  const varied = new Set(variedFacets().map(({ key }) => key));
  for (const key of Object.keys(state.filters)) if (!varied.has(key)) delete state.filters[key];
}

function rangeOf(cells) {
  const ends = cells.flatMap((cell) => cell.means.gain.slice(0, 3)).map(number).filter((x) => x !== null && Number.isFinite(x));
  return [Math.min(0, ...ends), Math.max(0, ...ends)];
}

function whisker([value, low, high], [from, to]) {
  const x = (at) => 6 + (at - from) / (to - from || 1) * 138;
  const made = drawing("svg", { class: low > 0 ? "whisker leak" : "whisker", viewBox: "0 0 150 22", "aria-hidden": "true" },
    drawing("line", { class: "zero", x1: x(0), x2: x(0), y1: 1, y2: 21 }));
  if (value === null) return made;
  if (low !== null) made.append(drawing("line", { x1: x(low), x2: x(high), y1: 11, y2: 11 }));
  made.append(drawing("circle", { cx: x(value), cy: 11, r: 4 }));
  return made;
}
