"""Jobs in an image: what Snakemake asks Apptainer for, and what the image is made of."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.workflow import Clone, environment

TARGET = "results/tiny/policies/fashion-mnist-demo/lenetzhu/none.json"
# Tells what it was asked, and runs the command here, with the folder of our modules where it would
# be bound: no image can be built in a test.
APPTAINER = """#!/bin/sh
[ "$1" = --version ] && { echo "apptainer version 1.3.6"; exit; }
echo "$@" >> "$CALLS"
while [ "$1" != envs/reveil.sif ]; do
    case $1 in */src:*) export PYTHONPATH="${1%%:*}" ;; esac
    shift
done
shift
exec "$@"
"""


def test_every_script_runs_in_the_image(fresh: Clone, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("apptainer", "singularity"):
        (tools / name).write_text(APPTAINER)
        (tools / name).chmod(0o755)
    python = str(Path(sys.executable).parent)
    told = {"PATH": f"{tools}:{python}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}
    (fresh.path / "envs/reveil.sif").touch()
    words = ("--sdm", "apptainer", "--apptainer-args=--nv")
    done = subprocess.run(
        fresh.command(TARGET, *words),
        cwd=fresh.path,
        capture_output=True,
        text=True,
        env={**environment(), **told},
    )
    assert done.returncode == 0, done.stderr
    assert (fresh.path / TARGET).exists()
    call = (tmp_path / "calls").read_text()
    assert "define_policy.py" in call
    assert "--nv" in call


def test_without_the_option_no_image_is_asked_for(fresh: Clone) -> None:
    fresh.run(TARGET)
    assert not (fresh.path / "envs/reveil.sif").exists()


def test_the_image_is_made_of_the_lock(root: Path) -> None:
    text = (root / "envs/reveil.def").read_text()
    sections = dict(re.findall(r"^%(\w+)\n((?:    .*\n)+)", text, flags=re.MULTILINE))
    source, target = sections["files"].split()
    assert (root / source).is_file()
    assert f"-r {target}" in sections["post"]
    assert subprocess.run(["sh", "-n"], input=sections["post"], text=True).returncode == 0
    python = re.search(r"^From: python:(\d+)\.(\d+)", text, flags=re.MULTILINE)
    assert (3, 11) <= tuple(map(int, python.groups())) < (3, 14)
