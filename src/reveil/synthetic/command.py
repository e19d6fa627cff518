"""What ``python -m reveil.synthetic`` does."""

import argparse
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reveil.synthetic.making import archives, build
from reveil.synthetic.serving import PORT, server


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
