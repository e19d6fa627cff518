"""The made-up tidy tables of cvnn have the form of real ones."""

import pandas as pd

from reveil import rows
from tests import cvnn_tables as made_up
from tests.workflow import ROOT

SCHEMA = ROOT / "workflow/schemas/cvnn_images.schema.yaml"


def test_the_made_up_images_have_the_form_of_the_schema():
    parts = [made_up.study(), made_up.core(), made_up.angled(), made_up.inferred()]
    for table in parts:
        rows.check(table, SCHEMA)
    assert all(part.columns.tolist() == made_up.COLUMNS for part in parts)


def test_the_core_has_eight_cells_of_the_presets():
    names = set(made_up.core()["policy"])
    presets = {path.stem for path in (ROOT / "config/protections").glob("*.yaml")}
    assert names <= presets and len(names) == 8
    assert {name for name in presets if name.startswith("core-")} < names


def test_the_epoch_with_the_lowest_loss_is_kept():
    table = made_up.attacker()
    assert table["best"].tolist() == [0, 0, 0, 1, 0]
    assert table["stopped"].tolist() == [*4 * [""], "patience"]


def test_the_tables_of_networks_have_a_row_a_training_and_an_epoch():
    keys = ["dataset", "model", "policy", "recipe", "seed"]
    assert not made_up.networks().duplicated(keys).any()
    histories = pd.concat([made_up.epochs(seed=seed) for seed in (0, 1)])
    assert histories.groupby(keys).size().tolist() == [6, 6]
