// The page as a whole: theme, studies, views, and what is drawn again when something is chosen.

const DATA = JSON.parse(document.getElementById("content").textContent);

function fillSegments(id, entries, chosen, choose) {
  document.getElementById(id).replaceChildren(...entries.map(([key, label, small]) => element("button",
    { type: "button", "data-key": key, "aria-pressed": String(key === chosen), onclick: () => choose(key) },
    label, small ? element("small", {}, small) : null)));
}

function fillStudies() {
  const entries = DATA.studies.map((one, at) => [at, one.title, one.id]);
  fillSegments("studies", entries, state.study, (at) => {
    Object.assign(state, { study: at, filters: {}, order: { ...START }, cells: { ...START } });
    refresh({ filters: true });
    document.querySelector(`#studies [data-key="${at}"]`).focus();
  });
}

function fillViews() {
  fillSegments("views", Object.entries(VIEWS), state.view, (key) => {
    state.view = key;
    refresh({});
    document.querySelector(`#views [data-key="${key}"]`).focus();
  });
}

function tell(rows) {
  const one = study(), open = one.cells.filter(passing);
  const total = open.reduce((sum, cell) => sum + cell.rows, 0);
  const seed = state.filters.seed;
  const said = state.view === "summary"
    ? [element("b", {}, counted(open.length, "cell")), `, means over images with 95 % intervals${seed === undefined ? "" : ", over all seeds"}`]
    : [element("b", { id: "shown" }, rows.length.toLocaleString("en")),
      seed === undefined ? ` of ${counted(total, "image")} in ${counted(open.length, "cell")}` : ` shown of seed ${seed}, in ${counted(open.length, "cell")}`];
  document.getElementById("count").replaceChildren(...said);
  const hidden = one.cells.some((cell) => cell.shown < cell.rows);
  const note = document.getElementById("note");
  note.hidden = !hidden;
  note.textContent = hidden ? `So that the page stays small, ${one.images.cell.length.toLocaleString("en")} of ` +
    `${one.cells.reduce((sum, cell) => sum + cell.rows, 0).toLocaleString("en")} images are shown: of each cell the one that leaks most, ` +
    "the median one, the one that leaks least, those of the study's figure, then the others in turn. Means are over all images." : "";
}

function refresh({ filters = false, focus = false }) {
  const held = document.activeElement?.id;
  const rows = visibleRows();
  document.getElementById("about").textContent = study().about;
  fillStudies();
  fillViews();
  if (filters) fillFilters();
  tell(rows);
  hideTip();
  wall = null;
  const results = document.getElementById("results");
  if (state.view === "summary") showSummary();
  else if (!rows.length) results.replaceChildren(element("p", { class: "empty" }, "No image is like that. Clear a filter."));
  else if (state.view === "images") showImages(rows);
  else showWall(rows);
  writeAddress();
  if (held && document.activeElement?.id !== held) document.getElementById(held)?.focus({ preventScroll: true });
  if (focus) { results.focus({ preventScroll: true }); window.scrollTo(0, 0); }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function prepareTheme() {
  const button = document.getElementById("theme");
  const say = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  // Where a page may store nothing, the choice lasts as long as the page.
  const stored = (work) => { try { return work(); } catch { return null; } };
  const kept = stored(() => localStorage.getItem("reveil-theme"));
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    stored(() => localStorage.setItem("reveil-theme", theme));
    say();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
}

// On a narrow screen they are opened when they are wanted.
function openFilters() {
  if (window.innerWidth >= 720) document.getElementById("filters").open = true;
}

function start() {
  prepareTheme();
  prepareDetail();
  if (!DATA.studies.length) {
    document.getElementById("results").append(element("p", { class: "empty" }, "No attack of this run made a picture."));
    return;
  }
  document.getElementById("filters").open = false;
  openFilters();
  readAddress();
  refresh({ filters: true });
  let asked = false;
  const later = (work) => () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; work(); });
  };
  window.addEventListener("scroll", later(() => { hideTip(); paintWall(); }), { passive: true });
  window.addEventListener("resize", later(() => { openFilters(); layOut(); }));
  window.addEventListener("hashchange", () => {
    // What it shows is of the address before.
    document.getElementById("detail").close();
    readAddress();
    refresh({ filters: true });
  });
}

start();
