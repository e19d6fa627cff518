// Tiles of the sprites, each drawn with its own pixels on a canvas that the style enlarges.

const sheets = new Map();

function sheetOf(tile) {
  const sprite = DATA.sprites.find((s) => tile >= s.first && tile < s.first + s.count);
  if (!sheets.has(sprite)) {
    const sheet = new Image();
    sheet.src = "data:image/png;base64," + sprite.png;
    sheets.set(sprite, sheet.decode().then(() => sheet));
  }
  return [sprite, sheets.get(sprite)];
}

function pictureOf(tile) {
  const [sprite, loading] = sheetOf(tile);
  const { width, height, columns, first } = sprite;
  const canvas = element("canvas", { width, height });
  const column = (tile - first) % columns;
  const row = Math.floor((tile - first) / columns);
  loading.then((sheet) => {
    const place = [column * width, row * height, width, height];
    canvas.getContext("2d").drawImage(sheet, ...place, 0, 0, width, height);
  });
  return canvas;
}

// A tile is shown at a whole or a half multiple of its size, so that pixels stay square and even.
function sizeOf(study) {
  const sizes = Object.values(study.images.tiles).flatMap((tiles) => tiles.slice(0, 50));
  const known = sizes.filter((tile) => tile >= 0).map((tile) => sheetOf(tile)[0].width);
  return Math.max(8, ...known);
}

function fitting(size, room) {
  return Math.max(1, Math.floor(room / (size / 2))) * (size / 2);
}

function picturesOf(study, row, { captions = true, second = false } = {}) {
  const names = Object.keys(study.captions).filter((name) => second || name !== "second");
  const made = names.map((name) => {
    const tile = (study.images.tiles[name] || [])[row] ?? -1;
    if (tile < 0 && name === "second") return null;
    const absent = name === "seen" ? study.absent : study.images.failed[row] === undefined ? "no picture" : "failed";
    const blank = () => element("span", { class: "blank" }, captions ? absent : "");
    const shownTile = tile < 0 ? blank() : pictureOf(tile);
    if (!captions) return shownTile;
    return element("span", { class: "picture" }, shownTile, element("span", { class: "caption" }, study.captions[name]));
  });
  return element("span", { class: "pictures", "aria-hidden": "true" }, ...made);
}
