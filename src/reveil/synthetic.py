"""Small archives in the layout of the published datasets, made of embedded Fashion-MNIST images.

    PYTHONPATH=src python -m reveil.synthetic build FOLDER
    PYTHONPATH=src python -m reveil.synthetic serve [--port N]

They carry every step from the download to the last figure on a machine that has none of the
published data. A class is a garment in a colour, so that there is something to learn; what is
measured on them says nothing about the datasets whose layout they have.

The archives are the same to the byte on every machine, so that their checksums stand in
``config/datasets.csv``: whole numbers only, no time stamps, nothing compressed, pickles written by
hand. The exception is the JPEG encoder, libjpeg-turbo at settings that it has not changed.
"""

import argparse
import colorsys
import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from reveil.datasets import DATASETS, IDX_ARCHIVES, Dataset
from reveil.files import atomic
from reveil.packing import pickled, stored_gzip, tar, zipped
from reveil.readers import read_idx

# Where config/datasets.csv says that they are served.
PORT = 18437
EMBEDDED = Path(__file__).parents[2] / "resources/embedded/fashion-mnist-demo"

GARMENTS = 10
# Shares no factor with any number of classes: a step that visits every class before it repeats one.
STRIDE = 37
JPEG_SETTINGS = {"quality": 90, "subsampling": 0, "optimize": False, "progressive": False}

Members = dict[str, bytes]


def archives(embedded: Path = EMBEDDED) -> dict[str, bytes]:
    """Return {file name: content} of the archives of all synthetic datasets.

    Args:
        embedded: folder of the archives of ``fashion-mnist-demo``.

    Raises:
        ReveilError: one of these is missing or damaged.
    """
    found = [dataset for dataset in DATASETS.values() if dataset.synthetic]
    return {dataset.archives[0]: archive_of(dataset, embedded) for dataset in found}


def archive_of(dataset: Dataset, embedded: Path = EMBEDDED) -> bytes:
    """Return the archive of one synthetic dataset; see :func:`archives`."""
    images, labels = {}, {}
    for split, pair in (("train", IDX_ARCHIVES[:2]), ("test", IDX_ARCHIVES[2:])):
        shapes, garments = (
            read_idx(embedded / name, dimensions)
            for name, dimensions in zip(pair, (3, 1), strict=True)
        )
        labels[split] = labels_of(dataset, split)
        images[split] = coloured(shapes, garments, labels[split], dataset.size, dataset.classes)
    if dataset.format == "tiny-imagenet":
        return zipped(_tiny_imagenet_members(dataset, images, labels))
    members = {"cifar10": _cifar10_members, "cifar100": _cifar100_members}[dataset.format]
    return stored_gzip(tar(members(images, labels)))


def labels_of(dataset: Dataset, split: str) -> np.ndarray:
    """Return (N,) int64 labels: every class once, in a mixed order, then again."""
    return np.arange(dataset.counts[split]) * STRIDE % dataset.classes


def coloured(
    shapes: np.ndarray, garments: np.ndarray, labels: np.ndarray, size: int, classes: int
) -> np.ndarray:
    """Return (N, 3, size, size) uint8 images of the classes ``labels``.

    Class c is garment c mod 10 in colour c div 10; where there are only ten classes, colours come
    in turn. Each channel shows another grey image of the garment, so that channels differ by more
    than a factor.

    Args:
        shapes: (M, 28, 28) uint8 grey images.
        garments: (M,) their garments, 0..9, each of them present.
    """
    pools = [np.flatnonzero(garments == garment) for garment in range(GARMENTS)]
    colours = max(classes // GARMENTS, GARMENTS)
    images = np.empty((len(labels), 3, size, size), dtype=np.uint8)
    shown = [0] * GARMENTS
    for row, label in enumerate(labels.tolist()):
        garment = label % GARMENTS
        colour = label // GARMENTS if classes > GARMENTS else shown[garment] % colours
        pool = pools[garment]
        chosen = shapes[pool[(3 * shown[garment] + np.arange(3)) % len(pool)]]
        images[row] = _tinted(resized(chosen, size), colour / colours)
        shown[garment] += 1
    return images


def _tinted(grey: np.ndarray, hue: float) -> np.ndarray:
    """Return (3, h, w) uint8 channels from the darkened opposite colour to the colour itself."""
    bright, dark = colorsys.hsv_to_rgb(hue, 0.6, 1.0), colorsys.hsv_to_rgb(hue + 0.5, 0.6, 0.3)
    high, low = (
        np.array([round(255 * c) for c in rgb], dtype=np.int64)[:, None, None]
        for rgb in (bright, dark)
    )
    mixed = grey.astype(np.int64) * high + (255 - grey.astype(np.int64)) * low
    return ((mixed + 127) // 255).astype(np.uint8)


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Return (N, size, size) uint8 images, enlarged bilinearly in whole numbers.

    Pixel centres are aligned, and the border repeats, as in ``torch.nn.functional.interpolate``.

    Args:
        images: (N, h, h) uint8.
    """
    length = images.shape[1]
    # Positions, and distances between pixels, in units of 1 / (2 size) of a source pixel.
    place = np.clip((2 * np.arange(size) + 1) * length - size, 0, (length - 1) * 2 * size)
    low, share = np.divmod(place, 2 * size)
    high = np.minimum(low + 1, length - 1)
    values = images.astype(np.int64)
    values = values[:, low] * (2 * size - share)[:, None] + values[:, high] * share[:, None]
    values = values[:, :, low] * (2 * size - share) + values[:, :, high] * share
    return ((values + 2 * size**2) // (4 * size**2)).astype(np.uint8)


# --- the layouts ------------------------------------------------------------------------------


def _cifar10_members(images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> Members:
    parts = np.array_split(np.arange(len(labels["train"])), 5)
    members = {
        f"data_batch_{number}": _cifar_batch(
            images["train"][part],
            f"training batch {number} of 5",
            {"labels": labels["train"][part]},
        )
        for number, part in enumerate(parts, start=1)
    }
    members["test_batch"] = _cifar_batch(
        images["test"], "testing batch 1 of 1", {"labels": labels["test"]}
    )
    names = [f"garment_{label}" for label in range(GARMENTS)]
    members["batches.meta"] = pickled({"label_names": names, "num_vis": 3072})
    return {f"cifar-10-batches-py/{name}": content for name, content in members.items()}


def _cifar100_members(
    images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]
) -> Members:
    members = {
        split: _cifar_batch(
            images[split],
            f"{split}ing batch 1 of 1",
            {"fine_labels": labels[split], "coarse_labels": labels[split] // 5},
        )
        for split in ("train", "test")
    }
    fine = [f"garment_{label % GARMENTS}_colour_{label // GARMENTS}" for label in range(100)]
    coarse = [f"group_{group}" for group in range(20)]
    members["meta"] = pickled({"fine_label_names": fine, "coarse_label_names": coarse})
    return {f"cifar-100-python/{name}": content for name, content in members.items()}


def _cifar_batch(images: np.ndarray, title: str, labels: Mapping[str, np.ndarray]) -> bytes:
    files = [f"synthetic_{row:05d}.png" for row in range(len(images))]
    columns = {key: values.tolist() for key, values in labels.items()}
    rows = images.reshape(len(images), -1)
    return pickled({"filenames": files, "batch_label": title, **columns, "data": rows})


def _tiny_imagenet_members(
    dataset: Dataset, images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]
) -> Members:
    names = [f"n9{label:07d}" for label in range(dataset.classes)]
    mixed = [names[label * STRIDE % dataset.classes] for label in range(dataset.classes)]
    box = f"0\t0\t{dataset.size - 1}\t{dataset.size - 1}"
    members: Members = {
        "wnids.txt": _lines(mixed),
        "words.txt": _lines(f"{name}\tsynthetic class {name}" for name in names),
    }
    boxes: dict[str, list[str]] = {name: [] for name in names}
    for image, label in zip(images["train"], labels["train"].tolist(), strict=True):
        name = names[label]
        file = f"{name}_{len(boxes[name])}.JPEG"
        boxes[name].append(f"{file}\t{box}")
        members[f"train/{name}/images/{file}"] = _jpeg(image)
    members |= {f"train/{name}/{name}_boxes.txt": _lines(rows) for name, rows in boxes.items()}
    annotations = []
    for number, label in enumerate(labels["test"].tolist()):
        annotations.append(f"val_{number}.JPEG\t{names[label]}\t{box}")
        members[f"val/images/val_{number}.JPEG"] = _jpeg(images["test"][number])
    members["val/val_annotations.txt"] = _lines(annotations)
    return {f"tiny-imagenet-200/{name}": content for name, content in members.items()}


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _jpeg(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(stream, "JPEG", **JPEG_SETTINGS)
    return stream.getvalue()


# --- command line ------------------------------------------------------------------------------


def build(folder: str | Path, embedded: Path = EMBEDDED) -> list[Path]:
    """Write the archives below ``folder``, each whole or not at all, and return their paths."""
    paths = []
    for name, content in archives(embedded).items():
        path = Path(folder) / name
        with atomic(path) as temporary:
            temporary.write_bytes(content)
        paths.append(path)
    return paths


def server(contents: Mapping[str, bytes], port: int) -> ThreadingHTTPServer:
    """Return an HTTP server of files on 127.0.0.1, which no other machine can reach.

    Raises:
        OSError: the port is taken.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, contents))


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, contents: Mapping[str, bytes], *arguments: object) -> None:
        self.contents = contents
        super().__init__(*arguments)

    def do_GET(self) -> None:  # noqa: N802
        content = self.contents.get(self.path.removeprefix("/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _facts(name: str, content: bytes) -> str:
    return f"{name} {len(content)} sha256:{hashlib.sha256(content).hexdigest()}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the archives in a folder, or serve them until interrupted."""
    parser = argparse.ArgumentParser(prog="reveil.synthetic", description="synthetic archives")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="write them").add_argument("folder", type=Path)
    serve = commands.add_parser("serve", help="serve them on 127.0.0.1")
    serve.add_argument("--port", type=int, default=PORT)
    chosen = parser.parse_args(arguments)
    if chosen.command == "build":
        for path in build(chosen.folder):
            print(_facts(str(path), path.read_bytes()))
        return
    try:
        serving = server(archives(), chosen.port)
    except OSError as error:
        parser.error(f"--port: {chosen.port} cannot be used: {error.strerror}")
    with serving, suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{serving.server_port}/", flush=True)
        serving.serve_forever()


if __name__ == "__main__":
    main()
