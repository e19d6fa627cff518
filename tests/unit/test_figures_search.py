"""The figures of the search: single transformations and candidates."""

import numpy as np
import pandas as pd
import pytest

from reveil.figures import candidates, singles
from tests.figure_tables import (
    SEARCH,
    SUBJECT,
    TITLE,
    heading,
    lines_labelled,
    scores,
    single_scores,
    texts,
)

# Single transformations


def test_singles_data_have_a_family_each():
    table = singles.data(single_scores())
    families = table.set_index("index")["family"]
    assert table["index"].tolist() == list(range(50))
    assert families[[3, 9, 28, 39, 15]].tolist() == [
        "shift", "equalize", "identity", "identity", "brightness, contrast",
    ]  # fmt: skip
    assert families.notna().all()


@pytest.mark.parametrize(("order", "first"), [("score", "invert (0)"), ("index", "invert (0)")])
def test_singles_figure_has_fifty_bars_and_the_published_marks(order, first):
    figure = singles.draw(single_scores(seeds=(0, 1)), **SUBJECT, order=order)
    (axes,) = figure.axes
    bars = axes.containers[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert len(bars) == len(labels) == 50
    assert labels[0] == first
    for source, indices in (("Gao", (1, 3, 15, 18, 26)), ("Drabent", (1, 3, 15, 18, 21))):
        (marks,) = (line for line in axes.lines if f"{source} et al." in str(line.get_label()))
        assert sorted(marks.get_xdata()) == list(indices)
        assert min(marks.get_ydata()) > 0.36
    assert "None: 0.299" in texts(figure)
    assert "100 images, 2 seeds" in heading(figure)


@pytest.mark.parametrize(
    ("dataset", "marked"),
    [("tiny-imagenet-200", {"Drabent": [0, 1, 13, 15, 18]}), ("fashion-mnist", {})],
)
def test_a_paper_without_a_list_for_the_dataset_has_no_marks(dataset, marked):
    named = SUBJECT | {"dataset": dataset}
    figure = singles.draw(single_scores().assign(**named), **named)
    lines = [line for line in figure.axes[0].lines if "top five of" in str(line.get_label())]
    found = {str(line.get_label()).split()[3]: sorted(line.get_xdata()) for line in lines}
    assert found == marked
    assert ("top five" in texts(figure)) == bool(marked)


def test_singles_are_ordered_by_score_or_index():
    rows = single_scores()
    rows.loc[rows["candidate"] == 9, "s_pri"] = 0.1
    first = [
        singles.draw(rows, **SUBJECT, order=order).axes[0].get_xticklabels()[0].get_text()
        for order in ("score", "index")
    ]
    assert first == ["equalize (9)", "invert (0)"]
    with pytest.raises(ValueError, match="'size'.*score, index"):
        singles.draw(rows, **SUBJECT, order="size")


def test_singles_figure_survives_failures_and_missing_intervals():
    rows = single_scores()
    rows.loc[rows["candidate"] == 7, "status"] = "failed"
    rows = rows[rows["candidate"] >= 0].assign(s_pri_low=np.nan, s_pri_high=np.nan)
    figure = singles.draw(rows, **SUBJECT)
    assert "failed: translateY 2 (7)" in texts(figure)
    assert "None:" not in texts(figure)


# Candidates


def test_candidate_data_clip_the_extreme_and_drop_the_failed():
    plane = candidates.data(scores(), dataset="cifar100", model="resnet20-4", **SEARCH)
    points = plane.points.set_index("policy")
    assert plane.failed == 1 and len(points) == 5
    assert points.index[points["selected"]].tolist() == ["3-1-7"]
    assert points.index[points["clipped"]].tolist() == ["3-3-3"]
    assert -100 < points.loc["3-3-3", "x"] < -90
    assert points.loc["3-1-7", "role"] == "published-1"
    assert points.loc["9", "role"] == ""


def test_candidates_per_image_are_divided_by_their_rows():
    plane = candidates.data(scores(), dataset="cifar100", model="resnet20-4", final=1,
                            threshold=-1.34, per_image=True)  # fmt: skip
    assert plane.points.loc[0, "x"] == pytest.approx(-1.6)


def test_candidates_figure_marks_and_names_the_selected():
    figure = candidates.draw(scores(), **SUBJECT, **SEARCH, none=(-66.8, 0.316))
    counts = {label: sum(len(line.get_xdata()) for line in lines_labelled(figure, label))
              for label in ("selected", "passes", "rejected", "named in the papers", "None",
                            "beyond the left edge")}  # fmt: skip
    assert counts == {"selected": 1, "passes": 2, "rejected": 1, "named in the papers": 1,
                      "None": 1, "beyond the left edge": 1}  # fmt: skip
    (threshold,) = lines_labelled(figure, "threshold -85")
    assert set(threshold.get_xdata()) == {-85.0}
    assert "3-1-7" in texts(figure).splitlines()
    title = heading(figure)
    assert TITLE in title
    assert "6 candidates, 3 pass, 1 beyond the left edge, 1 failed" in title


def test_names_of_candidates_do_not_cover_each_other():
    table = pd.DataFrame(
        {"policy": [f"{i}-{i}-{i}" for i in range(6)], "s_pri": 0.3,
         "s_acc": -70.0, "s_acc_rows": 60.0, "status": "ok", "passes": True,
         "rank": np.arange(1.0, 7)}
    )  # fmt: skip
    figure = candidates.draw(table, **SUBJECT, final=6, threshold=-85.0)
    figure.draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_candidates_figure_survives_a_search_that_failed():
    figure = candidates.draw(scores().assign(status="failed"), **SUBJECT, **SEARCH)
    assert "6 failed" in heading(figure)
