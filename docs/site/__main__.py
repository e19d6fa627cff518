"""Build the documentation as a site; every warning is an error. See ``make site``."""

import argparse
import sys
from pathlib import Path

from docs.site.contents import gathered
from sphinx.cmd.build import build_main

from reveil.errors import ReveilError

HERE = Path(__file__).parent


def main() -> int:
    """Write the sources, build the site from them, and return Sphinx's status."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/site"), help="folder of the site")
    parser.add_argument(
        "--root", type=Path, default=HERE.parents[1], help="folder of the repository"
    )
    options = parser.parse_args()
    source = options.out.with_name(f"{options.out.name}-source")
    try:
        gathered(options.root).write(source)
    except ReveilError as error:
        sys.exit(str(error))
    trees = options.out.with_name(f"{options.out.name}-doctrees")
    strict = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    places = ["--conf-dir", str(HERE), "--doctree-dir", str(trees), str(source), str(options.out)]
    return build_main(["--builder", "html", *strict, *places])


if __name__ == "__main__":
    sys.exit(main())
