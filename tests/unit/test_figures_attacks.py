"""The figures of attacked images: sweeps, dots, layers and comparisons draw what they are given."""

import numpy as np
import pandas as pd
import pytest

from reveil.errors import ReveilError
from reveil.figures import aware, comparison, drawn, grid, layers, pages, sweep, threats
from reveil.layer_rows import PAPER, chosen_tensors, layer_rows
from reveil.models import zoo
from reveil.statistics import mean_interval
from tests.figure_tables import (
    SUBJECT,
    experiment_images,
    heading,
    page,
    pictures,
    texts,
    traces,
)

PLACE = {"dataset": "cifar100", "model": "resnet20-4"}


def dots(axes):
    """Return the (x, y) of every drawn dot, and the ends of every whisker, row by row."""
    points, ends = [], []
    for container in axes.containers:
        line, _, (bars,) = container
        points += list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        ends += [segment[:, 0].tolist() for segment in bars.get_segments()]
    return np.array(points), ends


# Pages and means


def test_a_page_has_its_variants_and_no_other_protocol():
    table = pd.concat(
        [experiment_images(protocol=name) for name in ("fixed", "fixed-batch-4", "drabent2022")]
    )
    assert set(pages.attacked(table, page())["protocol"]) == {"fixed", "fixed-batch-4"}
    assert set(pages.attacked(table, page("drabent2022"))["protocol"]) == {"drabent2022"}
    with pytest.raises(ReveilError, match="'orig2021' or a variant.*there are: fixed, "):
        pages.attacked(table, page("orig2021"))


def test_means_are_over_images_after_seeds():
    images = experiment_images(("3-1-7",), images=6)
    images.loc[0, ["status", "psnr_db"]] = ["failed", np.nan]
    table = pages.means(images, ["role"], ["gain_db", "label_correct"])
    gain, label = (row for _, row in table.iterrows())
    # Image 0 has seed 1 alone, 1.2; image i has the mean of both, 1.1 + i / 10.
    values = [1.2, 1.2, 1.3, 1.4, 1.5, 1.6]
    assert (gain["mean"], gain["n"], gain["failed"]) == (pytest.approx(np.mean(values)), 6, 1)
    expected = mean_interval(values)
    assert (gain["low"], gain["high"]) == pytest.approx((expected.low, expected.high))
    assert label["mean"] == pytest.approx(5 / 6) and label["high"] < 1


def test_means_of_nothing_are_refused():
    with pytest.raises(ReveilError, match="no rows"):
        pages.means(experiment_images().iloc[:0], ["role"], ["gain_db"])
    with pytest.raises(ReveilError, match="columns missing.*psnr_original_db"):
        aware.data(experiment_images().drop(columns="psnr_original_db"))


def test_a_page_has_the_epochs_of_its_models():
    rows = [PLACE | {"policy": p, "recipe": r} for p in ("none", "5") for r in ("full", "tiny")]
    table = pd.DataFrame(rows)
    kept = pages.trained(table, page(), [("none", "full"), ["5", "tiny"]])
    assert kept[["policy", "recipe"]].to_numpy().tolist() == [["none", "full"], ["5", "tiny"]]
    with pytest.raises(ReveilError, match=r"no epoch of 3-1-7 \(full\)"):
        pages.trained(table, page(), [("3-1-7", "full")])


# Sweeps


def stages():
    recipes = {"full-after-1": 4, "full-after-10": 3, "full-after-1000": 2, "full": 1}
    return pd.concat([experiment_images(recipe=r, gain=g) for r, g in recipes.items()])


def test_early_stages_lie_on_a_logarithmic_axis_with_the_end_last():
    figure = sweep.draw(stages(), "early", **SUBJECT)
    gain, _ = figure.axes
    assert [label.get_text() for label in gain.get_xticklabels()] == ["1", "10", "1,000", "all"]
    assert gain.get_xticks().tolist() == pytest.approx([0, 1, 3, 4])
    first = gain.containers[0][0]
    assert first.get_ydata() == pytest.approx([4.35, 3.35, 2.35, 1.35])
    assert any(set(line.get_ydata()) == {0} for line in gain.lines)
    assert "6 images, 2 seeds, whiskers 95 %" in heading(figure)


@pytest.mark.parametrize("kind", ["draws", "batches"])
def test_sweeps_are_drawn_at_their_numbers(kind):
    parts = [experiment_images(protocol=f"fixed-{kind}-{k}", batch=k, gain=k) for k in (4, 1, 2)]
    table = sweep.data(pd.concat(parts), kind)
    gains = table[(table["measure"] == "gain_db") & (table["role"] == "3-1-7")]
    assert gains["value"].tolist() == [1, 2, 4]
    assert gains["mean"].tolist() == pytest.approx([1.35, 2.35, 4.35])
    figure = sweep.draw(pd.concat(parts), kind, **SUBJECT)
    errors = figure.axes[1].containers[1][2][0].get_segments()
    psnr = table[(table["measure"] == "psnr_db") & (table["role"] == "3-1-7")]
    assert [s[:, 1].tolist() for s in errors] == [
        pytest.approx(pair) for pair in psnr[["low", "high"]].to_numpy().tolist()
    ]


def test_sweeps_survive_failures_and_refuse_what_they_do_not_know():
    failed = stages().assign(status="failed")
    assert "no attack succeeded" in texts(sweep.draw(failed, "early", **SUBJECT))
    with pytest.raises(ValueError, match="'steps'.*early, draws, batches"):
        sweep.draw(stages(), "steps", **SUBJECT)


# Dots


def test_aware_figure_has_a_dot_per_policy_attack_and_measure():
    attacks = {"inversed": 0, "inversed-aware": 2}
    images = pd.concat([experiment_images(attack=a, gain=g) for a, g in attacks.items()])
    printed = pd.DataFrame(
        {"policy": ["3-1-7", "3-1-7", "5"], "attack": ["inversed", "inversed-aware", "inversed"],
         "warmerdam2022_psnr_db": ["6.28", "not available", "9.0"]}
    )  # fmt: skip
    figure = aware.draw(images, printed, **SUBJECT)
    used, original, gain = figure.axes
    assert sorted(dots(used)[0][:, 0]) == pytest.approx([10.35, 10.35, 12.35, 12.35])
    assert sorted(dots(original)[0][:, 0]) == pytest.approx([9.35, 9.35, 11.35, 11.35])
    points, ends = dots(gain)
    assert sorted(points[:, 0]) == pytest.approx([0.35, 0.35, 2.35, 2.35])
    expected = mean_interval([0.1 + i / 10 for i in range(6)])
    assert ends[0] == pytest.approx([expected.low, expected.high])
    labels = [label.get_text() for label in used.get_yticklabels()]
    assert labels == ["None, crop and flip", "Searched 1\n(3-1-7)"]
    (mark,) = (line for line in used.lines if line.get_label() == "Warmerdam et al. 2022")
    assert mark.get_xdata().tolist() == [6.28]
    # Beside the dot of the same attack.
    assert mark.get_ydata()[0] == pytest.approx(dots(used)[0][1][1])


def test_threats_tell_labels_and_statistics_apart():
    images = pd.concat(
        [
            experiment_images(attack="inversed", gain=3),
            experiment_images(attack="inversed-idlg", gain=2),
            experiment_images(protocol="fixed-bn-train", gain=1),
        ]
    )
    figure = threats.draw(images, **SUBJECT)
    gain, labels = figure.axes
    names = [label.get_text() for label in gain.get_yticklabels()]
    assert [name.split("\n")[0] for name in names] == [
        "Label known", "Label read off", "Label known,",
    ]  # fmt: skip
    assert sorted(set(dots(gain)[0][:, 0].round(6))) == pytest.approx([1.35, 2.35, 3.35])
    assert dots(labels)[0][:, 0] == pytest.approx(np.full(6, 5 / 6))


def test_random_policies_stand_in_groups_the_lowest_gain_first():
    gains = {"crop-flip": 3, "28": 1, "3-1-7": 1, "found-fixed-s0-1": 0, "41-37-14": 2,
             "17-17-32": -1, "passing-fixed-s0-2": 1}  # fmt: skip
    images = pd.concat([experiment_images((p,), gain=g) for p, g in gains.items()])
    table = drawn.data(images, **PLACE)
    table = table[table["measure"] == "gain_db"]
    assert table["row"].tolist() == [
        "crop-flip", "28", "found-1", "3-1-7", "passing-2", "17-17-32", "41-37-14",
    ]  # fmt: skip
    assert table["series"].tolist() == [
        "none", "identity", "searched", "searched", "passing", "random", "random",
    ]  # fmt: skip
    figure = drawn.draw(images, **SUBJECT)
    points, _ = dots(figure.axes[0])
    order = points[np.argsort(points[:, 1])]
    assert order[:, 0] == pytest.approx(table["mean"].to_numpy())
    assert order[:, 1] == pytest.approx(range(7))
    assert any(set(line.get_xdata()) == {table["mean"].iloc[0]} for line in figure.axes[0].lines)


def test_dots_survive_one_image_and_failures():
    images = experiment_images(images=1, seeds=(0,), status="failed")
    for figure in (threats.draw(images, **SUBJECT), drawn.draw(images, **SUBJECT)):
        assert "nothing was measured" in texts(figure)
    single = aware.draw(experiment_images(images=1, seeds=(0,)), **SUBJECT)
    assert "1 image, 1 seed" in heading(single)


# Layers


@pytest.mark.parametrize("name", ["resnet20-1", "convnet", "lenetzhu"])
def test_chosen_tensors_are_convolutions_of_the_network(name):
    model = zoo.build(name, 3, 32, 10, seed=0)
    weights = dict(model.named_parameters())
    chosen = chosen_tensors(list(weights))
    assert all(weights[tensor].dim() == 4 for tensor in chosen)
    four_dimensional = [n for n, w in weights.items() if w.dim() == 4 and "shortcut" not in n]
    if name == "resnet20-1":
        assert chosen == PAPER
    elif name == "lenetzhu":
        assert chosen == {"conv1.weight": "shallow", "conv3.weight": "deep"}
    else:
        first, last = four_dimensional[:2], four_dimensional[-2:]
        assert list(chosen) == [*first, *last]
    with pytest.raises(ReveilError, match="none of fc.weight"):
        chosen_tensors(["fc.weight"])


def test_layer_rows_are_thinned_with_both_ends_kept(tmp_path):
    path = traces(tmp_path / "a.npz", points=501)
    table = layer_rows([path], {"policy": "none", "seed": 0}, points=5)
    assert table.columns.tolist() == [
        "policy", "seed", "image", "iteration", "tensor", "layer", "cosine",
    ]  # fmt: skip
    assert sorted(table["iteration"].unique()) == [0, 1250, 2500, 3750, 5000]
    row = table[(table["image"] == 5) & (table["tensor"] == "conv2.weight")].iloc[-1]
    assert (row["layer"], row["cosine"]) == ("deep", pytest.approx(1 - 1 + 0.01))


def test_layer_rows_name_a_file_without_a_trace(tmp_path):
    np.savez(tmp_path / "plain.npz", images=np.arange(2))
    with pytest.raises(ReveilError, match="plain.npz: not an archive of a traced attack"):
        layer_rows([tmp_path / "plain.npz"], {})
    with pytest.raises(ReveilError, match="no archives"):
        layer_rows([], {})


def test_layers_figure_draws_the_mean_cosine_of_each_tensor(tmp_path):
    path = traces(tmp_path / "a.npz")
    table = pd.concat(
        [layer_rows([path], {"policy": p, "seed": s}) for p in ("none", "5") for s in (0, 1)]
    )
    figure = layers.draw(table, **SUBJECT)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Shallow: conv1", "Deep: conv2",
    ]  # fmt: skip
    shallow, deep = figure.axes
    assert len(shallow.lines) == 2
    # The mean of images 3 and 5, which are 0 and 0.01 above i / 10.
    assert shallow.lines[0].get_ydata() == pytest.approx(np.arange(11) / 10 + 0.005, abs=1e-6)
    assert deep.lines[1].get_ydata() == pytest.approx(np.arange(11) / 10 - 0.995, abs=1e-6)
    assert heading(figure).endswith("2 images, 2 seeds, bands 95 %")


def test_bands_of_two_images_stay_within_the_range_of_a_cosine(tmp_path):
    table = layer_rows([traces(tmp_path / "a.npz")], {"policy": "none", "seed": 0})
    table.loc[table["image"] == 3, "cosine"] = -0.9
    found = layers.data(table)
    assert found["low"].min() == -1 and found["high"].max() == 1


def test_layers_figure_leaves_out_failed_images(tmp_path):
    table = layer_rows([traces(tmp_path / "a.npz")], {"policy": "none", "seed": 0})
    table.loc[table["image"] == 3, "cosine"] = np.nan
    assert set(layers.data(table)["n"]) == {1}
    assert layers.data(table)["low"].isna().all()
    assert "no attack succeeded" in texts(layers.draw(table.assign(cosine=np.nan), **SUBJECT))
    with pytest.raises(ReveilError, match="no rows"):
        layers.draw(table.iloc[:0], **SUBJECT)


# Comparison


def test_comparison_has_a_row_per_image_and_a_pair_per_policy(tmp_path):
    for name in ("none", "3-1-7"):
        arrays = pictures([0, 1, 2])
        if name == "none":
            arrays["victims"] = arrays["originals"]
        np.savez(tmp_path / f"{name}.npz", **arrays)
    attacks = [
        {"policy": name, "attack": "inversed", "arrays": [tmp_path / f"{name}.npz"]}
        for name in ("3-1-7", "none")
    ]
    images = experiment_images(("none", "3-1-7"), seeds=(0,))
    shown, arrays, labels = grid.read_rows(images, attacks, **PLACE)
    assert list(labels.values()) == ["None", "Searched 1 (3-1-7)"]
    figure = comparison.draw(shown, arrays, [1, 2], labels, **SUBJECT)
    values = [int(axes.images[0].get_array().max()) for axes in figure.axes]
    assert values == [10, 200, 100, 200] * 2
    assert texts(figure).count("11.1 dB, floor 10.0") == 2
    theirs = {("none", 1): 11.85, ("3-1-7", 2): 6.5, ("none", 9): 1.0}
    told = texts(comparison.draw(shown, arrays, [1, 2], labels, theirs, **SUBJECT))
    assert told.count("Drabent et al.") == 2
    assert "Drabent et al.: 11.8 dB" in told and "Drabent et al.: 6.5 dB" in told
    other = shown.assign(attack="zhu")
    assert "Drabent" not in texts(comparison.draw(other, arrays, [1, 2], labels, theirs, **SUBJECT))
    # Without the untouched image it has a column.
    bare = {row: label for row, label in labels.items() if "None" not in label}
    figure = comparison.draw(shown, arrays, [1], bare, **SUBJECT)
    assert [int(axes.images[0].get_array().max()) for axes in figure.axes] == [10, 100, 200]
    with pytest.raises(ReveilError, match="none was chosen"):
        comparison.draw(shown, arrays, [], labels, **SUBJECT)


def test_grid_rows_of_several_attacks_name_them(tmp_path):
    np.savez(tmp_path / "a.npz", **pictures([0, 1]))
    names = ("inversed", "inversed-aware")
    attacks = [{"policy": "3-1-7", "attack": a, "arrays": [tmp_path / "a.npz"]} for a in names]
    images = pd.concat([experiment_images(("3-1-7",), seeds=(0,), attack=a, gain=g)
                        for a, g in zip(names, (1, 5), strict=True)])  # fmt: skip
    shown, arrays, labels = grid.read_rows(images, attacks, **PLACE)
    assert list(labels.values()) == [f"Searched 1 (3-1-7), {a}" for a in names]
    figure = grid.draw(shown, arrays, [0], labels, **SUBJECT)
    assert "11.0 dB, floor 10.0" in texts(figure) and "15.0 dB, floor 10.0" in texts(figure)
