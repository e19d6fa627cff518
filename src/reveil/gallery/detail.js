// One image, large, with all its measures and the course of the attack.

let looked = null;

function openDetail(rows, at) {
  looked = { rows, at };
  hideTip();
  fillDetail();
  const dialog = document.getElementById("detail");
  if (!dialog.open) dialog.showModal();
}

function turnTo(at) {
  if (at < 0 || at >= looked.rows.length) return;
  looked.at = at;
  const held = document.activeElement?.id;
  fillDetail();
  const button = document.getElementById(held);
  if (button && !button.disabled) button.focus(); else document.getElementById("close").focus();
}

function fillDetail() {
  const one = study(), row = looked.rows[looked.at], { images } = one;
  const names = one.cells[images.cell[row]].names, points = courseOf(one, row);
  const button = (id, label, text, to) => element("button", { type: "button", class: "quiet", id, "aria-label": label,
    disabled: to < 0 || to >= looked.rows.length, onclick: () => turnTo(to) }, text);
  const head = element("header", {},
    element("div", {}, element("h2", { id: "detail-title" }, `Image ${images.image[row]}, class ${images.class[row]}`),
      element("p", {}, [...one.facets.map(({ key }) => names[key]).filter((name) => name !== "none"), `seed ${images.seed[row]}`].join(", "))),
    element("span", { class: "place" }, `${looked.at + 1} of ${looked.rows.length.toLocaleString("en")}`),
    button("before", "Image before", "\u2190", looked.at - 1), button("after", "Image after", "\u2192", looked.at + 1),
    element("button", { type: "button", class: "quiet", id: "close", autofocus: true, onclick: () => document.getElementById("detail").close() }, "Close"));
  const failed = images.failed[row];
  const facts = element("dl", { class: "facts" }, ...one.measures.map((m) => {
    const value = number(images.values[m.key][row]);
    return element("div", {}, element("dt", {}, m.label),
      element("dd", { class: m.key === "gain" && value > 0 ? "leak" : null, "data-key": m.key }, measured(m, value), element("small", {}, m.meaning)));
  }));
  const course = points && points.length > 1
    ? element("section", { class: "course" }, element("h3", {}, "Cost over iterations"), chartOf(points, 800, 190)) : null;
  const sheet = element("div", { class: "sheet" }, head, picturesOf(one, row, { second: true }),
    failed === undefined ? facts : element("p", {}, failed ? `Failed: ${failed}` : "Failed."), course);
  document.getElementById("detail").replaceChildren(sheet);
}

function prepareDetail() {
  const dialog = document.getElementById("detail");
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { event.preventDefault(); turnTo(looked.at + step); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  // Back to the image that was last looked at.
  dialog.addEventListener("close", () => {
    if (!wall) document.querySelector(`#results [data-at="${looked.at}"]`)?.focus();
    else if (wall.rows === looked.rows) stepTo(looked.at);
  });
}
