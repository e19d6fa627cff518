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
    figure.draw_without_rendering()
    page = figure.bbox
    (title,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
    assert title.get_window_extent().x1 <= page.x1
    panels = [axes for axes in figure.axes if axes.has_data()]
    assert len(panels) == len(figure.axes)
    boxes = [axes.get_tightbbox() for axes in panels]
    for box in boxes:
        assert box.x0 >= -1 and box.x1 <= page.x1 + 1 and box.y0 >= -1 and box.y1 <= page.y1 + 1
    for place, box in enumerate(boxes):
        assert not any(box.padded(-1).overlaps(other.padded(-1)) for other in boxes[:place])
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= page.x1
        assert not any(box.overlaps(axes.bbox) for axes in figure.axes)
