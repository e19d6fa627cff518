"""The command that lists what a configuration may name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reveil import names
from reveil.aliases import ALIASES
from reveil.config import preset_paths, read_yaml
from reveil.config.presets import KINDS
from reveil.policy_names import CROP_FLIP, NONE, ONLY, PLAIN
from tests.plugging import forget, written
from tests.workflow import ROOT


@pytest.fixture(autouse=True)
def without_plugins():
    yield
    forget()


@pytest.mark.parametrize("kind", KINDS)
def test_every_preset_is_there_with_a_sentence(kind: str) -> None:
    found = names.named(kind, read_yaml(ROOT / "config.yaml"), ROOT)
    assert set(found) == set(preset_paths(ROOT, kind)) - {"default"}
    assert all(len(what) > 10 for what in found.values()), found


def test_names_of_ones_own_are_there_and_where_they_are_from(tmp_path: Path, capsys) -> None:
    code = "@attack('mine')\n@policy('cutout')\ndef f(): ...\n"
    config = tmp_path / "my.yaml"
    config.write_text(
        f"plugins: [{written(tmp_path, code)}]\nattacks: {{brief: {{base: dlg, iterations: 3}}}}\n"
    )
    words = ["attacks", "policies", "--configfile", str(config), "--root", str(ROOT)]
    assert names.main(words) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    said = {first: rest[0] if rest else "" for first, *rest in lines}
    assert said["mine"] == "of a plug-in"
    assert said["brief"] == "of this configuration, on dlg"
    assert said["cutout"] == "of the plug-in mine.py, line 3, ats"
    assert said["inversed-adam-l1"].startswith('"Adam+L1" of Gao et al. 2021')


@pytest.mark.parametrize("text", ["- run: mine\n", "mine\n"])
def test_a_file_without_keys_is_no_configuration(tmp_path: Path, text: str, capsys) -> None:
    (tmp_path / "my.yaml").write_text(text)
    assert names.main(["attacks", "--configfile", str(tmp_path / "my.yaml")]) == 1
    assert "my.yaml: is no configuration, which is a mapping" in capsys.readouterr().err


def test_files_are_those_of_the_current_folder(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "my.yaml").write_text("attacks: {brief: {base: dlg}}\n")
    monkeypatch.chdir(tmp_path)
    assert names.main(["attacks", "--configfile", "config/demo.yaml", "my.yaml"]) == 0
    assert "brief" in capsys.readouterr().out


def test_lines_are_chosen_by_words_in_them(capsys) -> None:
    assert names.main(["--match", "CIFAR", "--match", "no-such-word"]) == 1
    assert "'CIFAR no-such-word': no name of datasets, " in capsys.readouterr().err
    assert names.main(["--match", "celeba", "--match", "30 attributes"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("datasets:\n  celeba-30 ")
    assert "attacks:" not in out


def test_a_kind_that_does_not_exist_is_told_with_the_nearest(capsys) -> None:
    assert names.main(["atacks"]) == 1
    assert "kind: 'atacks' is not allowed; " in (error := capsys.readouterr().err)
    assert "did you mean 'attacks'?" in error


def test_every_form_of_a_policy_is_listed() -> None:
    said = names.named(names.POLICIES, {}, ROOT)["ats:"]
    listed: set[str] = set()
    for form in said.split(", "):
        found = re.fullmatch(r"([a-z]+-)(\d+) to \1(\d+)", form)
        listed |= (
            {f"{found[1]}{n}" for n in range(int(found[2]), int(found[3]) + 1)} if found else {form}
        )
    assert {NONE, CROP_FLIP, *ALIASES, f"{ONLY}{{policy}}", f"{PLAIN}{{policy}}"} <= listed


def test_a_reader_who_stops_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "reveil.names"],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_device_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reveil.names", "models"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
    assert (done.returncode, done.stderr) == (1, "error: cannot print: No space left on device\n")


def test_the_help_says_where_the_files_stand(capsys) -> None:
    with pytest.raises(SystemExit):
        names.main(["--help"])
    assert "after the kinds" in " ".join(capsys.readouterr().out.split())
