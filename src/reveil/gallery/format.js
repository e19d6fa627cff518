// Numbers and elements. All text goes through text nodes: nothing that a table holds is markup.

const MINUS = "\u2212";

function number(value) {
  if (value === "inf") return Infinity;
  return value === "-inf" ? -Infinity : value;
}

function shown(value, digits, signed = false) {
  if (value === null || value === undefined) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : MINUS + "\u221e";
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? MINUS : signed ? "+" : "") + text;
}

function measured(measure, value) {
  const text = shown(value, measure.digits, measure.key === "gain");
  return measure.unit && text !== "\u2013" ? `${text}\u00a0${measure.unit}` : text;
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawing(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
