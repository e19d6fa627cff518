// What is looked at: study, view, filters and order. It is kept in the address, so it can be shared.

const VIEWS = { pictures: "Pictures", images: "Images", summary: "Summary" };
const START = { key: "gain", down: true };
const state = { study: 0, view: "pictures", filters: {}, order: { ...START }, cells: { ...START } };

const study = () => DATA.studies[state.study];
// What a cell is called by, the most telling part first.
const TELLING = ["policy", "attack", "model", "dataset", "defence", "recipe", "protocol"];
const variedFacets = () => study().facets.filter((facet) => facet.values.length > 1);

function tellingFacets() {
  const varied = variedFacets();
  const facets = varied.length ? [...varied] : study().facets.filter(({ key }) => key === "policy");
  return facets.sort((a, b) => TELLING.indexOf(a.key) - TELLING.indexOf(b.key));
}

const seedsOf = (one) => [...new Set(one.images.seed)].sort((a, b) => a - b);

function passing(cell) {
  return Object.entries(state.filters).every(([key, value]) => key === "seed" || cell.names[key] === value);
}

function visibleRows() {
  const { cells, images } = study();
  const open = cells.map(passing);
  const seed = state.filters.seed === undefined ? null : Number(state.filters.seed);
  const rows = [];
  images.cell.forEach((cell, row) => {
    if (open[cell] && (seed === null || images.seed[row] === seed)) rows.push(row);
  });
  return ordered(rows, state.order, valueOf);
}

function valueOf(row, key) {
  const one = study(), { images } = one;
  if (key in images.values) return number(images.values[key][row]);
  if (key === "image" || key === "seed" || key === "class") return images[key][row];
  return placeOf(one.cells[images.cell[row]], key);
}

function placeOf(cell, key) {
  return study().facets.find((facet) => facet.key === key).values.indexOf(cell.names[key]);
}

// Rows without a value come last, whichever way; equal ones keep the order of the tables.
function ordered(rows, { key, down }, valueAt) {
  const keyed = rows.map((row, place) => [valueAt(row, key), place, row]);
  const absent = (value) => value === null || value === undefined;
  keyed.sort(([a, m], [b, n]) => {
    if (absent(a) || absent(b)) return absent(a) - absent(b) || m - n;
    return a === b ? m - n : (a < b) === down ? 1 : -1;
  });
  return keyed.map(([, , row]) => row);
}

function readAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  const place = DATA.studies.findIndex((one) => one.id === found.get("study"));
  state.study = Math.max(0, place);
  state.view = Object.hasOwn(VIEWS, found.get("view")) ? found.get("view") : "pictures";
  state.filters = {};
  for (const facet of [...study().facets, { key: "seed", values: seedsOf(study()).map(String) }]) {
    if (facet.values.includes(found.get(facet.key))) state.filters[facet.key] = found.get(facet.key);
  }
  const sorted = (found.get("sort") || "").replace(/^-/, "");
  const known = [...orderKeys().map(([key]) => key), ...study().facets.map(({ key }) => key)];
  state.order = known.includes(sorted) ? { key: sorted, down: found.get("sort").startsWith("-") } : { ...START };
}

function writeAddress() {
  const words = new URLSearchParams({ study: study().id, view: state.view, ...state.filters });
  if (state.order.key !== START.key || !state.order.down) words.set("sort", (state.order.down ? "-" : "") + state.order.key);
  history.replaceState(null, "", "#" + words);
}

function orderKeys() {
  return [...study().measures.map((m) => [m.key, m.label]), ["image", "Image"], ["seed", "Seed"], ["class", "Class"]];
}
