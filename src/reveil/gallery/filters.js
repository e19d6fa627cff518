// The filters, one a facet in which the cells of the study differ, and the order of the images.

function fillFilters() {
  const form = document.getElementById("facets");
  const seeds = seedsOf(study()).map(String);
  const facets = [...variedFacets()];
  if (seeds.length > 1) facets.push({ key: "seed", label: "Seed", values: seeds });
  const fields = facets.map((facet) => choice(facet.key, facet.label,
    [["", "All"], ...facet.values.map((value) => [value, value])], state.filters[facet.key] || "",
    (value) => { if (value) state.filters[facet.key] = value; else delete state.filters[facet.key]; }));
  fields.push(orderField());
  const clear = element("button", { type: "button", class: "quiet", id: "clear", onclick: clearFilters,
    disabled: Object.keys(state.filters).length === 0 }, "Clear filters");
  form.replaceChildren(...fields, clear, sameForAll(seeds));
}

function choice(key, label, options, chosen, change) {
  const made = options.map(([value, text]) => element("option", { value, selected: value === chosen }, text));
  const select = element("select", { id: "facet-" + key, "data-facet": key, class: chosen && key !== "order" ? "set" : null,
    onchange: (event) => { change(event.target.value); refresh({ filters: true }); } }, ...made);
  select.value = chosen;
  return element("label", { class: "field" }, element("span", {}, label), select);
}

function orderField() {
  const options = orderKeys().flatMap(([key, label]) => [["-" + key, `${label}, high to low`], [key, `${label}, low to high`]]);
  const chosen = (state.order.down ? "-" : "") + state.order.key;
  if (!options.some(([value]) => value === chosen)) {
    const facet = study().facets.find(({ key }) => key === state.order.key);
    options.push([chosen, facet.label]);
  }
  return choice("order", "Sorted by", options, chosen, (value) => {
    state.order = { key: value.replace(/^-/, ""), down: value.startsWith("-") };
  });
}

function sameForAll(seeds) {
  const same = study().facets.filter((facet) => facet.values.length === 1 && facet.values[0] !== "none")
    .map((facet) => `${facet.label.toLowerCase()} ${facet.values[0]}`);
  if (seeds.length === 1) same.push(`seed ${seeds[0]}`);
  return same.length ? element("p", { class: "fixed" }, "All of these: " + same.join(", ") + ".") : null;
}

function clearFilters() {
  state.filters = {};
  refresh({ filters: true });
  document.querySelector("#facets select").focus();
}
