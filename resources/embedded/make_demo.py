"""Make the demo's data: the first images of Fashion-MNIST, in its own format.

    PYTHONPATH=src python resources/embedded/make_demo.py [FOLDER]

FOLDER holds the four archives of Fashion-MNIST (default /usr/share/datasets/fashion-mnist, where
Debian's package dataset-fashion-mnist puts them). They are verified before anything is written.
The same input gives the same IDX content everywhere, and the same archives with the same zlib.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

from reveil.datasets import DATASETS
from reveil.files import atomic

TARGET = Path(__file__).parent / "fashion-mnist-demo"
DEFAULT_FOLDER = "/usr/share/datasets/fashion-mnist"


def first_items(idx: bytes, count: int) -> bytes:
    """Return an IDX file with the first ``count`` items of ``idx``."""
    dimensions = idx[3]
    sizes = struct.unpack(f">{dimensions}I", idx[4 : 4 + 4 * dimensions])
    item = 1
    for size in sizes[1:]:
        item *= size
    header = idx[:4] + struct.pack(f">{dimensions}I", count, *sizes[1:])
    start = 4 + 4 * dimensions
    return header + idx[start : start + count * item]


def main(folder: Path) -> None:
    """Write the four small archives and print the registry's facts about them."""
    whole, demo = DATASETS["fashion-mnist"], DATASETS["fashion-mnist-demo"]
    contents = {}
    for archive in whole.archives:
        contents[archive] = gzip.decompress((folder / archive).read_bytes())
        if hashlib.sha256(contents[archive]).hexdigest() != whole.contents[archive]:
            sys.exit(f"{folder / archive}: is not the published file")
    for archive, content in contents.items():
        count = demo.counts["train" if archive.startswith("train") else "test"]
        part = first_items(content, count)
        packed = gzip.compress(part, compresslevel=9, mtime=0)
        with atomic(TARGET / archive) as temporary:
            temporary.write_bytes(packed)
        print(
            archive,
            len(packed),
            f"sha256:{hashlib.sha256(packed).hexdigest()}",
            f"content {hashlib.sha256(part).hexdigest()}",
        )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_FOLDER))
