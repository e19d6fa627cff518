"""Stacked tables and their schema, policies that a search found, images picked by a rule."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reveil import found, rows
from reveil.errors import ReveilError
from reveil.files import write_csv, write_npy
from reveil.splits import Splits

KEYS = {"run": "r", "study": "ats", "protocol": "fixed", "dataset": "d", "model": "m"}
KEYS |= {"policy": "none", "recipe": "full", "seed": "0", "attack": "inversed", "defence": "none"}


def write(path: Path, **columns) -> str:
    write_csv(path, pd.DataFrame(columns))
    return str(path)


def test_stacking_keeps_order_and_the_word_none(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", policy=["none"], psnr_db=[float("inf")])
    second = write(tmp_path / "b.csv", policy=["3-1-7"], psnr_db=[float("nan")])
    table = rows.stack([first, second])
    assert table["policy"].tolist() == ["none", "3-1-7"]
    assert table["psnr_db"][0] == float("inf")
    assert np.isnan(table["psnr_db"][1])


def test_stacking_refuses_other_columns_empty_and_damaged_files(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", policy=["none"])
    with pytest.raises(ReveilError, match="b.csv: its columns differ .*psnr_db"):
        rows.stack([first, write(tmp_path / "b.csv", policy=["x"], psnr_db=[1])])
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(ReveilError, match="c.csv: cannot be read"):
        rows.stack([str(tmp_path / "c.csv")])
    with pytest.raises(ReveilError, match="no files"):
        rows.stack([])


@pytest.fixture
def image_row(root: Path) -> pd.DataFrame:
    measured = {
        **{"image": 3, "label": 1, "label_guess": 1, "label_correct": 1, "member": 0},
        **{"augment": "none", "batch": 1, "position": 0, "psnr_db": 9.5, "ssim": 0.1},
        **{"lpips": None},
        **{f"floor_{name}_db": 8.0 for name in ("random", "mean", "black")},
        **{"floor_db": 8.0, "gain_db": 1.5, "psnr_original_db": 9.5, "ssim_original": 0.1},
        **{"psnr_content_db": 9.0, "floor_content_db": 8.0, "gain_content_db": 1.0},
        **{"content_fraction": 1.0, "psnr_registered_db": 10.5, "floor_registered_db": 9.0},
        **dict.fromkeys(("shift_y", "shift_x", "psnr_unshifted_db"), float("nan")),
        **dict.fromkeys(("psnr_unshifted_original_db", "hypothesis"), float("nan")),
        **{"reid_rank": 7, "reid_rank_used": 8, "reid_gallery": 10, "contrast": 0.2},
        **{"edge_density": 0.1, "victim_loss": 0.5, "victim_confidence": 0.6},
        **{"gradient_norm": 3.0, "cost": 0.2, "iterations": 6, "wall_seconds": 0.1},
        **{"status": "ok", "reason": None},
    }
    return pd.DataFrame([{**KEYS, "seed": 0, **measured}])


SCHEMA = "workflow/schemas/images.schema.yaml"


def test_a_right_row_passes(root: Path, image_row: pd.DataFrame) -> None:
    rows.check(image_row, root / SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="psnr_db"), "column psnr_db is missing"),
        (lambda t: t.assign(psnr=1), "column: 'psnr' is not allowed.*did you mean"),
        (lambda t: t.assign(image="three"), "column image: 'three' is no integer"),
        (lambda t: t.assign(image=2.5), "column image: .*2.5.* is no integer"),
        (lambda t: t.assign(status="fine"), "column status: 'fine' is not allowed"),
        (lambda t: t.assign(image=-1), "column image: -1 is below 0"),
        (lambda t: t.assign(ssim=1.5), "column ssim: 1.5 is above 1"),
        (lambda t: t.assign(label_correct=2), "column label_correct: 2 is not allowed"),
        (lambda t: t.assign(reid_rank=0), "column reid_rank: 0 is below 1"),
        (lambda t: t.assign(contrast=0.6), "column contrast: 0.6 is above 0.5"),
        (lambda t: t.drop(columns="lpips"), "column lpips is missing"),
    ],
)
def test_a_wrong_table_is_refused(root: Path, image_row, change, message: str) -> None:
    with pytest.raises(ReveilError, match=message):
        rows.check(change(image_row), root / SCHEMA)


def test_selecting_nothing_says_what_was_asked_for(image_row: pd.DataFrame) -> None:
    assert len(rows.select(image_row, model="m", policy="none")) == 1
    with pytest.raises(ReveilError, match="no row of model 'm', policy '3-1-7'"):
        rows.select(image_row, model="m", policy="3-1-7")


def selection(path: Path, seed: int = 0) -> str:
    subject = {"protocol": "fixed", "dataset": "d", "model": "m", "seed": seed}
    return write(path, **{k: [v, v] for k, v in subject.items()}, rank=[1, 2], policy=["3-1", "9"])


def test_found_policies_are_read_from_their_search(tmp_path: Path) -> None:
    selected = selection(tmp_path / "selected.csv")
    first = found.define("found-fixed-s0-1", [selected])
    assert first.members == ((3, 1),)
    assert first.source == "search fixed d m seed0"
    hybrid = found.define("found-fixed-s0-1+found-fixed-s0-2", [selected])
    assert hybrid.members == ((3, 1), (9,))
    assert found.define("only-found-fixed-s0-2", [selected]).augment == "policy"
    assert found.define("3-1-7").members == ((3, 1, 7),)


def test_a_rank_that_was_not_selected(tmp_path: Path) -> None:
    selected = selection(tmp_path / "selected.csv")
    with pytest.raises(ReveilError, match="found-fixed-s0-3.*selected no rank 3; allowed: 1 to 2"):
        found.define("found-fixed-s0-3", [selected])
    with pytest.raises(ReveilError, match="seed 1"):
        found.define("found-fixed-s1-1", [selected])


def test_a_file_that_is_no_selection(tmp_path: Path) -> None:
    with pytest.raises(ReveilError, match=r"x.csv: not a selection; columns missing: .*'rank'"):
        found.define("found-fixed-s0-1", [write(tmp_path / "x.csv", policy=["1"])])


def test_images_are_picked_by_rule_and_position(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("test", 10)):
        images = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(4, 2).repeat(4, 3)
        write_npy(tmp_path / split / "images.npy", images)
        write_npy(tmp_path / split / "labels.npy", np.arange(count, dtype=np.int64) % 2)
    splits = Splits.open(tmp_path)
    rule = {"split": "test", "start": 1, "step": 2, "count": 4}
    picked = splits.pick(rule, 0, positions=[1, 3])
    assert picked.index.tolist() == [3, 7]
    assert picked.images[:, 0, 0, 0].tolist() == [3, 7]
    assert picked.labels.tolist() == [1, 1]
    heldout = splits.pick({"split": "heldout", "start": 0, "step": 1, "count": 3}, 6)
    assert heldout.images[:, 0, 0, 0].tolist() == heldout.index.tolist()
    batches = {"split": "test", "start": 2, "batches": 2, "batch_size": 3}
    assert splits.pick(batches, 0).index.tolist() == [2, 3, 4, 5, 6, 7]


@pytest.fixture
def packed(tmp_path):
    path = tmp_path / "images.csv.gz"
    lines = ["policy,psnr_db", *(f"none,{n}.5" for n in range(500))]
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    return path


def test_a_packed_table_is_read_like_another(packed, tmp_path):
    plain = tmp_path / "images.csv"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    pd.testing.assert_frame_equal(rows.read(packed), rows.read(plain))
    assert set(rows.read(packed)["policy"]) == {"none"}


@pytest.mark.parametrize("damage", ["end", "middle", "kind"])
def test_a_damaged_one_is_named(packed, damage):
    content = bytearray(packed.read_bytes())
    if damage == "end":
        content = content[:-12]
    elif damage == "middle":
        content[len(content) // 2] ^= 0xFF
    else:
        content = bytearray(b"policy\nnone\n")
    packed.write_bytes(bytes(content))
    with pytest.raises(ReveilError, match="images.csv.gz: cannot be read as a table"):
        rows.read(packed)
