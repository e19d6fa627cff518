"""Nothing covers anything in the figures of the experiments, and no panel is empty."""

import pandas as pd
import pytest

from reveil import rows, tables
from reveil.figures import (
    aware,
    correlation,
    cost,
    defences,
    drawn,
    groups,
    layers,
    leaks,
    plane,
    sweep,
    threats,
)
from reveil.layer_rows import layer_rows
from tests.figure_layout import assert_all_is_seen
from tests.figure_tables import (
    SUBJECT,
    correlated,
    costs,
    defended,
    experiment_images,
    search_scores,
    single_scores,
    traces,
)
from tests.workflow import ROOT

# The longest names there are, on the narrowest figures.
POLICIES = ("crop-flip", "19-1-18", "3-1-7", "43-18-18", "3-1-7+43-18-18")


def several(name, values):
    return pd.concat([experiment_images(POLICIES, **{name: value}) for value in values])


def correlations():
    scores = correlated()
    published = rows.read(ROOT / "config/published.csv")
    return scores, tables.correlation_table(scores, published, experiments="ats-exp10")


def grouped():
    return tables.grouped_scores(search_scores())


def traced(folder):
    path = traces(folder / "a.npz")
    return pd.concat([layer_rows([path], {"policy": p, "seed": 0}) for p in POLICIES])


DRAW = {
    "early": lambda _: sweep.draw(several("recipe", ["full-after-1", "full"]), "early", **SUBJECT),
    "aware": lambda _: aware.draw(several("attack", aware.ATTACKS), **SUBJECT),
    "threats": lambda _: threats.draw(several("attack", threats.LABELS), **SUBJECT),
    "random": lambda _: drawn.draw(experiment_images(POLICIES), **SUBJECT),
    "leaks": lambda _: leaks.draw(experiment_images(POLICIES, images=30), **SUBJECT),
    "layers": lambda folder: layers.draw(traced(folder), **SUBJECT),
    "correlation": lambda _: correlation.draw(*correlations(), **SUBJECT),
    "plane": lambda _: plane.draw(grouped(), **SUBJECT),
    "groups": lambda _: groups.draw(
        single_scores(), grouped(), rows.read(ROOT / "config/published.csv"), **SUBJECT
    ),
    "defences": lambda _: defences.draw(defended(), **SUBJECT),
    "cost": lambda _: cost.draw(costs(), **SUBJECT),
}


@pytest.mark.parametrize("name", sorted(DRAW))
def test_nothing_is_covered_cut_off_or_empty(name, tmp_path):
    figure = DRAW[name](tmp_path)
    assert_all_is_seen(figure)
