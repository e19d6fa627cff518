// The cost of an attack over its iterations, small on a card and with axes where it is looked at.

function courseOf(study, row) {
  const { axes, curves } = study.images;
  if (!curves || !curves[row]) return null;
  const [axis, ...costs] = curves[row];
  const points = costs.map((cost, at) => [axes[axis][at], number(cost)]);
  return points.filter(([, cost]) => cost !== null && Number.isFinite(cost));
}

function scaled(points, width, height) {
  const costs = points.map(([, cost]) => cost);
  const least = Math.min(...costs), high = Math.max(...costs), last = points[points.length - 1][0] || 1;
  // Rounding takes a cost that is 0 a little below it.
  const low = least < 0 && least > -high / 1000 ? 0 : least;
  // Costs of L-BFGS fall over many orders of magnitude.
  const steep = low > 0 && high > 50 * low;
  const bottom = steep ? Math.log10(low) : Math.min(0, low), top = steep ? Math.log10(high) : high;
  const y = (cost) => height - ((steep ? Math.log10(cost) : cost) - bottom) / (top - bottom || 1) * height;
  const x = (iteration) => iteration / last * width;
  return { steep, low: steep ? low : bottom, high, last, x, y };
}

function pathOf(points, { x, y }, left = 0, top = 0) {
  const places = points.map(([i, cost]) => `${(left + x(i)).toFixed(1)} ${(top + y(cost)).toFixed(1)}`);
  return "M" + places.join("L");
}

function sparkOf(points) {
  const path = drawing("path", { d: pathOf(points, scaled(points, 64, 14), 0, 1) });
  return drawing("svg", { class: "spark", viewBox: "0 0 64 16", "aria-hidden": "true" }, path);
}

function chartOf(points, width, height) {
  const left = 44, under = 20, top = 6, plot = [width - left - 8, height - under - top];
  const scale = scaled(points, ...plot);
  const text = (words, x, y, anchor) => drawing("text", { x, y, "text-anchor": anchor }, words);
  const cost = (value) => (value === 0 ? "0" : value.toPrecision(2));
  const foot = top + plot[1];
  return drawing("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": courseInWords(points) },
    drawing("line", { x1: left, x2: width - 8, y1: top, y2: top }),
    drawing("line", { x1: left, x2: width - 8, y1: foot, y2: foot }),
    drawing("path", { class: "cost", d: pathOf(points, scale, left, top) }),
    text(cost(scale.high), left - 6, top + 4, "end"),
    text(cost(scale.low), left - 6, foot + 4, "end"),
    text("0", left, height - 4, "start"),
    text(`iteration ${scale.last}`, width - 8, height - 4, "end"),
    text(scale.steep ? "cost, logarithmic" : "cost", left + 6, top + 13, "start"));
}

function courseInWords(points) {
  const [first, last] = [points[0], points[points.length - 1]];
  const cost = ([, value]) => value.toPrecision(3);
  return `Cost of the attack: ${cost(first)} at iteration ${first[0]}, ${cost(last)} at iteration ${last[0]}`;
}
