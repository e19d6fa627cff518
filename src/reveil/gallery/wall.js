// The wall of images. Only cards near the window exist, so that ten thousand cost what thirty do.

const GAP = 14, CARD_PADDING = 26, SPARE_ROWS = 3;
let wall = null;

function showWall(rows) {
  const list = element("ul", { class: "wall", "aria-label": "Attacked images", onkeydown: walk });
  wall = { rows, list, cards: new Map(), current: 0, columns: 1, width: 0, height: 0 };
  document.getElementById("results").replaceChildren(list);
  layOut();
}

function layOut() {
  if (!wall || !wall.list.isConnected) return;
  const room = wall.list.clientWidth;
  const size = sizeOf(study()), least = size * Math.max(1, Math.round(96 / size));
  const beside = 12 + CARD_PADDING;
  wall.columns = Math.max(1, Math.floor((room + GAP) / (3 * least + beside + GAP)));
  wall.width = wall.columns === 1 ? room : (room - GAP * (wall.columns - 1)) / wall.columns;
  const unit = Math.min(1.5 * least, fitting(size, (wall.width - beside) / 3));
  document.documentElement.style.setProperty("--unit", unit + "px");
  const held = wall.list.contains(document.activeElement);
  wall.cards.forEach((card) => card.remove());
  wall.cards.clear();
  const probe = makeCard(0);
  wall.list.append(probe);
  wall.height = probe.offsetHeight + GAP;
  probe.remove();
  wall.list.style.height = Math.ceil(wall.rows.length / wall.columns) * wall.height + "px";
  paintWall();
  // Who zooms with the keyboard stays where he was.
  if (held) wall.cards.get(wall.current).firstChild.focus({ preventScroll: true });
}

function paintWall() {
  if (!wall || !wall.list.isConnected) return;
  const above = -wall.list.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(above / wall.height) - SPARE_ROWS) * wall.columns;
  const last = (Math.ceil((above + window.innerHeight) / wall.height) + SPARE_ROWS) * wall.columns;
  const wanted = new Set([wall.current]);
  for (let at = first; at < Math.min(last, wall.rows.length); at += 1) wanted.add(at);
  for (const [at, card] of wall.cards) {
    if (!wanted.has(at)) { card.remove(); wall.cards.delete(at); }
  }
  for (const at of [...wanted].sort((a, b) => a - b)) if (!wall.cards.has(at)) placeCard(at);
}

function placeCard(at) {
  const card = makeCard(at);
  // In the order of the images also for who hears the page.
  const next = [...wall.cards.keys()].filter((other) => other > at);
  wall.list.insertBefore(card, next.length ? wall.cards.get(Math.min(...next)) : null);
  wall.cards.set(at, card);
}

function makeCard(at) {
  const row = wall.rows[at], one = study(), { images } = one;
  const cell = one.cells[images.cell[row]];
  const points = courseOf(one, row);
  const button = element("button", { type: "button", class: "card", "data-row": row, "data-at": at,
    tabindex: at === wall.current ? 0 : -1, "aria-haspopup": "dialog", "aria-label": inWords(one, row),
    onclick: () => openDetail(wall.rows, at), onpointerenter: (event) => showTip(event.currentTarget, row),
    onpointerleave: hideTip, onfocus: (event) => { stepTo(at, false); showTip(event.currentTarget, row); }, onblur: hideTip },
    picturesOf(one, row), gainLine(one, row),
    element("span", { class: "line" }, element("span", { class: "named" }, cardTitle(cell))),
    element("span", { class: "line" }, element("span", { class: "rest" }, placeInWords(one, row)),
      points && points.length > 1 ? sparkOf(points) : null));
  const item = element("li", { "aria-setsize": wall.rows.length, "aria-posinset": at + 1 }, button);
  const [column, line] = [at % wall.columns, Math.floor(at / wall.columns)];
  item.style.width = wall.width + "px";
  item.style.transform = `translate(${column * (wall.width + GAP)}px, ${line * wall.height}px)`;
  return item;
}

function cardTitle(cell) {
  return tellingFacets().filter(({ key }) => key !== "dataset").map(({ key }) => cell.names[key]).join(" \u00b7 ");
}

function placeInWords(one, row) {
  const { images, cells, facets } = one;
  const several = facets.find(({ key }) => key === "dataset").values.length > 1;
  const dataset = several ? cells[images.cell[row]].names.dataset + ", " : "";
  return `${dataset}image ${images.image[row]}, seed ${images.seed[row]}`;
}

function gainLine(one, row) {
  const [gain, ...others] = one.measures;
  const value = number(one.images.values.gain[row]);
  if (one.images.failed[row] !== undefined) return element("span", { class: "line" }, element("span", { class: "gain" }, "failed"));
  const rest = others.slice(0, 2).map((m) => `${m.label} ${measured(m, number(one.images.values[m.key][row]))}`).join(", ");
  return element("span", { class: "line" },
    element("b", { class: value > 0 ? "gain leak" : "gain" }, measured(gain, value)), element("span", { class: "rest" }, rest));
}

function inWords(one, row) {
  const { images, measures, cells } = one, names = cells[images.cell[row]].names;
  const values = measures.map((m) => `${m.label} ${measured(m, number(images.values[m.key][row]))}`);
  const told = images.failed[row] === undefined ? values : ["failed"];
  return [`Image ${images.image[row]}, seed ${images.seed[row]}`, ...one.facets.map(({ key }) => names[key]), ...told].join(", ");
}

function stepTo(at, focus = true) {
  const before = wall.cards.get(wall.current);
  if (before) before.firstChild.tabIndex = -1;
  wall.current = at;
  if (focus) {
    const top = wall.list.getBoundingClientRect().top + Math.floor(at / wall.columns) * wall.height;
    if (top < 70 || top + wall.height > window.innerHeight) window.scrollBy(0, top - (window.innerHeight - wall.height) / 2);
  }
  paintWall();
  const button = wall.cards.get(at).firstChild;
  button.tabIndex = 0;
  if (focus) button.focus({ preventScroll: true });
}

function walk(event) {
  const page = Math.max(1, Math.floor(window.innerHeight / wall.height)) * wall.columns;
  const last = wall.rows.length - 1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wall.columns, ArrowUp: -wall.columns, PageDown: page, PageUp: -page }[event.key];
  const jump = { Home: 0, End: last }[event.key];
  if (step === undefined && jump === undefined) return;
  event.preventDefault();
  const to = jump ?? wall.current + step;
  stepTo(Math.min(last, Math.max(0, to)));
}

function showTip(card, row) {
  const points = courseOf(study(), row);
  const tip = document.getElementById("tip");
  if (!points || points.length < 2) { tip.hidden = true; return; }
  tip.replaceChildren(chartOf(points, 252, 120));
  tip.hidden = false;
  const place = card.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const below = place.bottom + 8 + size.height < window.innerHeight;
  const left = Math.min(Math.max(8, place.left + (place.width - size.width) / 2), document.documentElement.clientWidth - size.width - 8);
  tip.style.transform = `translate(${left}px, ${below ? place.bottom + 8 : place.top - size.height - 8}px)`;
}

function hideTip() {
  document.getElementById("tip").hidden = true;
}
