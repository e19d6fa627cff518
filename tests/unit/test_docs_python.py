"""The guide to Python runs as it stands, and what it says of its parts is so."""

import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from reveil import config, datasets, models, policies, readers, rows
from reveil.files import write_json
from reveil.job import State
from reveil.scene import Shared
from reveil.similarity import psnr
from reveil.stages import attacking
from reveil.stages.work import Work
from reveil.tables.labels import policy_label
from tests.markdown import markdown_tables
from tests.workflow import ROOT

GUIDE = (ROOT / "docs/guides/python.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
TRAINED = "results/demo/models/fashion-mnist-demo/lenetzhu/none/full/seed0/weights.safetensors"
TABLE = "results/demo/ats/tables/images.csv"
# A run of the guide as it stands would attack for half a minute.
ITERATIONS = 3


def executed(code: str) -> dict[str, Any]:
    """Run a block of code where the process is, and return its names."""
    names: dict[str, Any] = {}
    exec(compile(code, "guide", "exec"), names)
    return names


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo ran, as far as the guide looks: its data, one network and two tables."""
    (tmp_path / "config").mkdir()
    for path in (ROOT / "config").iterdir():
        (tmp_path / "config" / path.name).symlink_to(path)
    (tmp_path / "config.yaml").symlink_to(ROOT / "config.yaml")
    said = config.read_yaml(ROOT / "config/demo.yaml")
    said["attacks"]["inversed"]["iterations"] = ITERATIONS
    (tmp_path / "config/demo.yaml").unlink()
    (tmp_path / "config/demo.yaml").write_text(yaml.safe_dump(said))
    dataset = datasets.get("fashion-mnist-demo")
    archives = ROOT / "resources/embedded" / dataset.name
    readers.prepare(dataset, archives, tmp_path / "resources/datasets" / dataset.name)
    facts = {"model": "lenetzhu", "channels": 1, "size": 32, "classes": 10}
    network = models.build(*facts.values(), seed=3)
    models.save_weights(tmp_path / TRAINED, network, facts)
    frame = pd.DataFrame({"policy": ["none"], "label": ["None"], "psnr_db": [np.nan]})
    (tmp_path / TABLE).parent.mkdir(parents=True)
    rows.write(str(tmp_path / TABLE), frame)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def preset() -> dict[str, Any]:
    return config.resolve_attack({}, ROOT, "inversed")


def prepared_names() -> dict[str, Any]:
    """Return what the example resolves, without running it."""
    dataset, network = "fashion-mnist-demo", "lenetzhu"
    return {
        "dataset": dataset,
        "network": network,
        "staging": config.resolve_protocol({}, ROOT, "fixed")["scene"],
        "recipe": config.resolve_recipe({}, ROOT, "full", dataset, network),
        "attack": preset(),
    }


def job_rows(demo: Path, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that the job makes of the same three images."""
    job = SimpleNamespace(device="cpu", state=lambda *_, **__: State(demo / "scratch", {}))
    named = {"run": "demo", "study": "ats", "protocol": "fixed", "policy": "none", "recipe": "full"}
    named |= {"dataset": names["dataset"], "model": names["network"], "attack": "inversed"}
    named |= {"seed": "0", "defence": "none", "block": "00000-00002"}
    switches = {"scene": names["staging"], "recipe": names["recipe"], "attack": names["attack"]}
    switches |= {"attacker": {"loss_factor": 1.0}, "reference": "transformed"}
    write_json("policy.json", policies.to_json(policies.parse("none")))
    done = attacking.attack_block(
        Work(job, named, switches, "block.csv"),
        prepared=f"resources/datasets/{names['dataset']}/test/images.npy",
        policy="policy.json",
        weights=TRAINED,
    )
    return done.rows.frame().to_dict("records")


def test_the_example_gives_the_rows_of_the_job(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = executed(BLOCKS[0])
    assert names["attack"]["iterations"] == ITERATIONS
    assert len(names["shared"]) == 3
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3
    expected = job_rows(demo, names)
    for line, row, ours in zip(said, names["judged"], expected, strict=True):
        reached, floor = row["psnr_db"], row["floor_db"]
        assert line == f"image {row['image']}: {reached:.2f} dB, floor {floor:.2f} dB"
        assert row["image"] == ours["image"]
        assert (reached, floor) == pytest.approx((ours["psnr_db"], ours["floor_db"]), abs=1e-4)


def test_a_fresh_network_gives_images_away(demo: Path) -> None:
    names = executed(BLOCKS[1])
    assert names["guess"].shape == names["images"].shape
    found = psnr(names["guess"], names["images"])
    assert (found > names["floor"]).sum() >= 2


@pytest.mark.parametrize("block", BLOCKS[2:], ids=["rows", "pandas"])
def test_tables_are_read_with_the_label_none(demo: Path, block: str) -> None:
    found = executed(block)["images"]
    assert found["label"].tolist() == [policy_label("none", "cifar100", "convnet")]
    assert found["psnr_db"].isna().all()
    assert pd.read_csv(TABLE)["label"].isna().all()


def test_the_reference_reads_tables_by_the_same_lines() -> None:
    reference = (ROOT / "docs/reference/tables.md").read_text()
    first, second = (block.partition("\n\n")[2] for block in BLOCKS[2:])
    assert f"{first.replace('rows.read', 'reveil.rows.read')}{second}" in reference


def test_every_field_of_what_is_shared_is_documented() -> None:
    text = (ROOT / "docs/guides/own-attack.md").read_text()
    table = next(t for t in markdown_tables(text) if t[0] == ["field", "what it is", "None"])
    assert [row[0].strip("`") for row in table[1:]] == [field.name for field in fields(Shared)]


class SeenError(Exception):
    """Ends a job where its attack would begin."""


@pytest.mark.parametrize("label", ["known", "idlg", "joint"])
def test_classes_are_not_declared_to_an_attack_that_finds_them(
    demo: Path, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    def seen(model: object, shared: Shared, *_: object, **__: object) -> None:
        raise SeenError(shared.labels is None)

    monkeypatch.setattr(attacking.attacks, "reconstruct", seen)
    with pytest.raises(SeenError) as found:
        job_rows(demo, prepared_names() | {"attack": preset() | {"label": label}})
    assert found.value.args == (label != "known",)
