"""Plug-in files tried by their command, before any run: what is right, and every mistake told."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reveil import datasets
from reveil.plugins import __main__ as command
from reveil.plugins import known, reading
from tests.guides import GUIDES, write_examples
from tests.mistaken import HALF, WRONG
from tests.plugging import forget, use, written
from tests.workflow import ROOT

# One form, where the second says nothing more.
SMALL = ("--images", "1x12x12", "--classes", "3")
YOURS = " (your file, not reveil)"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


def outcome(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Return status, output and errors of the command."""
    status = command.main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


def in_a_process(
    *words: object, folder: Path, stdout: int = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-m", "reveil.plugins", *map(str, words)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT / "src"), **variables},
    )


# --- what is right --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, int]:
    """The folder of the guides' examples; output, errors and status of trying them all there."""
    folder = tmp_path_factory.mktemp("examples")
    done = in_a_process(*write_examples(folder), folder=folder)
    return folder, done.stdout, done.stderr, done.returncode


def test_the_examples_of_all_guides_are_right(examples: tuple[Path, str, str, int]) -> None:
    folder, out, err, status = examples
    given = [one for path in folder.iterdir() for one in reading.read(path)]
    assert {(one.kind, one.study) for one in given} == {
        (kind, study)
        for kind in known.KINDS
        for study in (known.STUDIES if kind in known.OF_STUDY else ("",))
    }
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 2 * len(given)
    for one in given:
        listed, right = f"{one.where}: {one.kind} {one.name}", f"ok {one.kind} {one.name} (line "
        assert any(line.startswith(listed) for line in lines)
        assert any(line.startswith(f"{right}{one.line}): ") for line in lines)


def test_the_smallest_images_are_enough_for_all_but_what_is_larger_itself(
    examples: tuple[Path, str, str, int], capsys
) -> None:
    folder, listed, *_ = examples
    size = command._SIZES[0]
    status, out, err = outcome(capsys, *sorted(folder.iterdir()), "--images", f"1x{size}x{size}")
    right, smaller = (
        {line.split(" (line")[0] for line in text.splitlines() if line.startswith("ok ")}
        for text in (listed, out)
    )
    assert (status, right - smaller) == (1, {"ok policy cutout-14"})
    assert err.startswith("error: plug-in my_policy.py, line 19, in apply: RuntimeError")
    assert err.count("\n") == 1


def test_trying_the_examples_leaves_nothing_beside_them(
    examples: tuple[Path, str, str, int], tmp_path: Path
) -> None:
    folder, *_ = examples
    assert sorted(path.name for path in folder.iterdir()) == write_examples(tmp_path)


@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_shows_is_what_is_printed(
    examples: tuple[Path, str, str, int], guide: str
) -> None:
    folder, out, *_ = examples
    text = (ROOT / f"docs/guides/{guide}.md").read_text()
    shown = [block for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)]
    shown = [block.splitlines() for block in shown if "reveil.plugins" in block]
    assert shown
    for first, *lines in shown:
        words = first.removeprefix("$ PYTHONPATH=src .venv/bin/python -m reveil.plugins ").split()
        assert all((folder / name).is_file() for name in words)
        names = [line for line in out.splitlines() if line.startswith(tuple(words))]
        # A line of what each name is, and one of what came of it.
        assert names and len(lines) == 2 * len(names)
        assert set(map(untimed, lines)) <= set(map(untimed, out.splitlines()))


def untimed(line: str) -> str:
    return re.sub(r" in [0-9.]+ s$", "", line)


def test_names_of_the_environment_are_not_among_those_that_are_tried(tmp_path: Path) -> None:
    code = "@defence('{}')\ndef apply(gradients, generator): return gradients\n"
    use(tmp_path, code.format("elsewhere") + "1 / 0\n")
    path = written(tmp_path, code.format("elsewhere"), "here.py")
    done = in_a_process(path, *SMALL, folder=tmp_path, **known.environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(" in ")[0] for line in done.stdout.splitlines()] == [
        "here.py, line 2: defence elsewhere",
        "ok defence elsewhere (line 2): 2 gradients of 8 tensors",
    ]


def test_what_was_known_before_is_known_afterwards(tmp_path: Path, capsys) -> None:
    code = "@dataset('{}', classes=2, size=8, channels=1, train=3, test=2)\ndef load(split): ...\n"
    use(tmp_path, code.format("before"))
    variables = dict(os.environ)
    outcome(capsys, written(tmp_path, code.format("within"), "other.py"), *SMALL)
    assert known.names(known.DATASET) == ("before",)
    assert "before" in datasets.DATASETS and "within" not in datasets.DATASETS
    assert dict(os.environ) == variables


def test_helpers_leave_nothing_compiled_beside_them(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    code = "from . import helper\n@defence('helped')\n"
    code += "def apply(gradients, generator): return [helper.FACTOR * g for g in gradients]\n"
    written(tmp_path, code)
    done = in_a_process("mine.py", *SMALL, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["helper.py", "mine.py"]


def test_the_made_up_images_are_as_asked_for(tmp_path: Path, capsys) -> None:
    code = """@model("of-sixty-four")
def build(channels, size, classes):
    assert (channels, size, classes) == (3, 64, 7)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, classes))
from torch import nn
"""
    path = written(tmp_path, code)
    status, out, _ = outcome(capsys, path, "--images", "3x64x64", "--classes", "7")
    assert status == 0
    assert "ok model of-sixty-four (line 2): 7 logits of (3, 64, 64) images" in out
    status, _, err = outcome(capsys, path)
    assert status == 1
    assert err.startswith("error: plug-in mine.py, line 4, in build: AssertionError")


def test_an_attack_may_keep_what_it_goes_on_with(tmp_path: Path, capsys) -> None:
    code = """@attack("keeping")
def reconstruct(model, shared, parameters, images, seed, *, state, **how):
    assert state.load() is None and state.due()
    state.save({"x": torch.ones(2)}, {"step": 1})
    tensors, facts = state.load()
    assert tensors["x"].sum() == 2 and facts == {"step": 1}
    return torch.zeros(len(shared), *shared.shape)
import torch
"""
    status, out, err = outcome(capsys, written(tmp_path, code), *SMALL)
    assert (status, err) == (0, "")
    assert "ok attack keeping (line 2): (2, 1, 12, 12) images in " in out


# --- what is wrong, by kind -----------------------------------------------------------------------


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_one_line_with_file_line_and_what_was_expected(
    tmp_path: Path, capsys, case: str
) -> None:
    code, message = WRONG[case]
    status, out, err = outcome(capsys, written(tmp_path, code), *SMALL)
    assert status == 1
    assert err.startswith(f"error: plug-in mine.py, {message}")
    assert err.endswith(f"{YOURS}\n")
    assert (err.count("\n"), "ok " in out) == (1, False)


def test_each_kind_of_each_study_has_a_mistake_above(tmp_path: Path) -> None:
    found = {
        (one.kind, one.study)
        for code, _ in WRONG.values()
        for one in reading.read(written(tmp_path, code))
    }
    assert len(found) == 11


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("@defence('fine')\ndef apply(gradients, generator): return gradients\n", "size: 8 is not"),
        (
            "@attack('fine', study='unir')\ndef restore(y, known, index): return y.clamp(-1, 1)\n",
            "RuntimeError: Calculated padded input size per channel: (8 x 8). Kernel size: (11 x ",
        ),
    ],
    ids=["a check", "an error of PyTorch"],
)
def test_what_goes_wrong_outside_a_file_is_not_told_as_its_own(
    tmp_path: Path, capsys, monkeypatch, code: str, message: str
) -> None:
    # For which the smallest network, and SSIM, are not made.
    monkeypatch.setattr(command, "_SIZES", [8])
    status, _, err = outcome(capsys, written(tmp_path, code), "--images", "1x8x8")
    kind = code[1:].split("(")[0]
    told = f"error: outside the plug-in, when {kind} 'fine' of mine.py, line 2 was tried: {message}"
    assert (status, err[: len(told)]) == (1, told)
    assert YOURS not in err
    assert err.count("\n") == 1


def test_neighbours_that_matter_for_colours_alone_are_found(tmp_path: Path, capsys) -> None:
    code = "@policy('rolled')\ndef apply(images, streams):\n"
    code += "    return images.roll(1, 0) if images.shape[1] == 3 else images\n"
    status, _, err = outcome(capsys, written(tmp_path, code))
    assert status == 1
    assert "makes something else of an image by itself than beside others" in err


def test_a_reach_of_nothing_is_allowed(tmp_path: Path, capsys) -> None:
    code = HALF.format(draws="[0]", seen="values / 2", reach="(0, 0)")
    status, out, _ = outcome(capsys, written(tmp_path, "@policy('dark')\n" + code), *SMALL)
    assert (status, out.count("ok policy dark")) == (0, 1)


def test_mistakes_with_colours_alone_are_found(tmp_path: Path, capsys) -> None:
    code = "@attack('grey', study='unir')\ndef restore(y, known, index):\n"
    path = written(tmp_path, code + "    return y.clamp(-1, 1).reshape(len(y), 1, 28, 28)\n")
    status, _, err = outcome(capsys, path)
    assert status == 1
    assert err.startswith("error: plug-in mine.py, line 4, in restore: RuntimeError: shape '[")


def test_what_lies_beside_a_file_is_not_found_by_its_bare_name(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    path = written(tmp_path, f"import beside\n@defence('one')\n{FINE}")
    done = in_a_process(path, *SMALL, folder=tmp_path)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'beside'" in done.stderr


def test_a_file_may_begin_with_a_mark_of_its_encoding(tmp_path: Path, capsys) -> None:
    path = written(tmp_path, f"@defence('one')\n{FINE}")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    status, out, err = outcome(capsys, path, *SMALL)
    assert (status, err, out.count("ok defence one")) == (0, "", 1)


def test_a_reader_who_stops_early_is_no_mistake(tmp_path: Path) -> None:
    path = written(tmp_path, f"@defence('one')\n{FINE}")
    reader, writer = os.pipe()
    os.close(reader)
    done = in_a_process(path, *SMALL, folder=tmp_path, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_draws_that_are_not_those_of_the_victims_are_a_warning(tmp_path: Path, capsys) -> None:
    code = HALF.format(draws="[0]", seen="values / 3", reach="(1, 0)")
    status, out, err = outcome(capsys, written(tmp_path, "@policy('third')\n" + code), *SMALL)
    assert status == 0
    assert "ok policy third (line 2): (4, 1, 12, 12) images, 1 draw in " in out
    assert err.startswith("warning: plug-in mine.py, line 2, policy 'third': of its 1 draws none")
    assert err.count("\n") == 1


def test_how_little_an_attacker_learns_in_a_trial_is_no_warning(tmp_path: Path, capsys) -> None:
    code = """@attack("unturned", study="cvnn")
def make(known): return Unturned(known)
import torch
from reveil.cvnn.attackers.angles import AngleAttacker
class Unturned(AngleAttacker):
    def angles(self, seen): return torch.zeros(len(seen))
"""
    path = written(tmp_path, code)
    status, out, err = outcome(capsys, path, "--images", "1x16x16")
    assert (status, err) == (0, "")
    assert "): images and angles of 2 rotated features after 1 epoch in " in out


# --- several files, and none ----------------------------------------------------------------------

FINE = "def apply(gradients, generator): return gradients\n"


def test_all_mistakes_of_all_files_are_seen_at_once(tmp_path: Path, capsys) -> None:
    code = (
        f"@defence('first-a')\ndef fails(gradients, generator): 1 / 0\n@defence('first-b')\n{FINE}"
    )
    paths = [
        written(tmp_path, code, "first.py"),
        written(tmp_path, f"@defence('prune-70')\n@defence('second')\n{FINE}", "second.py"),
        written(tmp_path, "def f(): ...\n", "third.py"),
        written(tmp_path, f"@defence('fourth')\n{FINE}", "fourth.py"),
    ]
    status, out, err = outcome(capsys, *paths, paths[0], *SMALL)
    assert status == 1
    right = [line.split(" (")[0] for line in out.splitlines() if line.startswith("ok ")]
    assert right == ["ok defence first-b", "ok defence second", "ok defence fourth"]
    first, second, third = err.splitlines()
    assert first.startswith("error: plug-in first.py, line 3, in fails: ZeroDivisionError")
    assert second.startswith("error: second.py, line 2: defence 'prune-70' is not allowed: a def")
    assert third == (
        "error: third.py: registers nothing; allowed: a file with one of the decorators dataset, "
        "model, policy, attack, defence of reveil.plugins"
    )


def test_a_name_of_two_files_is_told(tmp_path: Path, capsys) -> None:
    code = f"@defence('of-two')\n{FINE}"
    paths = [written(tmp_path, code, name) for name in ("a.py", "b.py")]
    status, out, err = outcome(capsys, *paths, *SMALL)
    assert status == 1
    assert err == "error: b.py, line 2: defence 'of-two' is that of a.py, line 2 already\n"
    assert out.count("ok defence of-two") == 1


def test_a_file_is_one_however_its_folder_is_spelled(tmp_path: Path, capsys) -> None:
    path = written(tmp_path, f"@defence('one')\n{FINE}")
    (tmp_path / "there").symlink_to(tmp_path)
    (tmp_path / "sub").mkdir()
    spelled = [f"{tmp_path}/{way}/{path.name}" for way in ("sub/..", "there", "./sub/../there")]
    status, out, err = outcome(capsys, path, *spelled, *SMALL)
    assert (status, err, out.count("ok defence one")) == (0, "", 1)


@pytest.mark.parametrize("folder", ["results", "logs", "resources/downloads"])
def test_no_file_that_others_sent_is_run(tmp_path: Path, capsys, folder: str) -> None:
    home = tmp_path / folder / "tiny"
    home.mkdir(parents=True)
    canary = tmp_path / "ran"
    path = written(home, f"open({str(canary)!r}, 'w')\n@defence('sent')\n{FINE}")
    linked = tmp_path / "linked.py"
    linked.symlink_to(path)
    for file in (path, linked):
        status, out, err = outcome(capsys, "--root", tmp_path, file)
        assert (status, out) == (1, "")
        assert f"lies below {folder}, where files of others are put, and is not run" in err
    assert not canary.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the following arguments are required: FILE"),
        (("no-such.py",), "'no-such.py' is not allowed; allowed: a file that is there"),
        (
            (__file__, "--images", "2x12x12"),
            "'2x12x12' is not allowed; allowed: 1 or 3 channels and",
        ),
        (
            (__file__, "--images", "1x12x13"),
            "'1x12x13' is not allowed; allowed: 1 or 3 channels and",
        ),
        ((__file__, "--images", "3x10x10"), "equal sides from 11 to 1024, such as 3x32x32"),
        ((__file__, "--classes", "1"), "'1' is not allowed; allowed: 2 or more"),
    ],
)
def test_wrong_words_end_with_status_2(capsys, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_parameters_are_listed_and_one_that_is_not_taken_is_told(tmp_path: Path) -> None:
    written(tmp_path, f"@defence('many', parameters={{'a': [1, 2], 'b': 'x'}})\n{FINE}")
    done = in_a_process("mine.py", *SMALL, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "mine.py, line 2: defence many, a=[1, 2], b='x'\n"
    assert done.stderr == (
        "error: plug-in mine.py, line 2, defence 'many': TypeError: apply() got an unexpected "
        f"keyword argument 'a'{YOURS}\n"
    )
