"""The judge: one row per image, whatever was attacked and however."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from reveil import datasets, policies, rows
from reveil.attacks.interface import Reconstruction
from reveil.errors import ReveilError
from reveil.metrics import FACTS, MEASURES, judge
from reveil.pictures import arrays
from reveil.scene import stage
from reveil.stages.attacking import KEYS
from reveil.views import view_for

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}
IMAGES = (5, 6, 7)


@pytest.fixture(scope="module")
def view():
    return view_for(datasets.get("cifar10"), RECIPE)


@pytest.fixture(scope="module")
def victims(view):
    raw = np.random.default_rng(0).integers(1, 256, (3, 3, 32, 32), dtype=np.uint8)
    scene = {"augment": {"policy": "policy"}, "draws": "per_image", "hybrid_draw": "per_image"}
    scene |= {"batch": 1, "gradients": 1}
    policy = policies.parse("3")
    return stage(raw, np.arange(3), IMAGES, view=view, policy=policy, seed=0, scene=scene)


def guessed(x, failed=()):
    count = len(x)
    return Reconstruction(
        x=x,
        cost=torch.tensor([math.nan if i in failed else 0.25 for i in range(count)]),
        iterations=torch.full((count,), 9),
        seconds=torch.full((count,), 1.5),
        status=["failed" if i in failed else "ok" for i in range(count)],
        reason=["not finite" if i in failed else "" for i in range(count)],
        curve=torch.zeros(count, 1),
        curve_iterations=torch.tensor([9]),
    )


def test_a_perfect_guess_is_judged_perfect(view, victims):
    rows = judge(guessed(victims.x.double()), victims, view, 0)
    assert [row["image"] for row in rows] == list(IMAGES)
    for row in rows:
        assert row["psnr_db"] > 100
        assert row["psnr_content_db"] > 100
        assert row["ssim"] == pytest.approx(1.0)
        assert row["psnr_original_db"] < 15
        assert row["content_fraction"] == pytest.approx(17 / 32)
        best = max(row[f"floor_{name}_db"] for name in ("random", "mean", "black"))
        assert row["floor_db"] == best
        assert row["gain_db"] == pytest.approx(row["psnr_db"] - best)
        assert (row["status"], row["reason"], row["iterations"]) == ("ok", "", 9)
        assert (row["cost"], row["wall_seconds"], row["augment"]) == (0.25, 1.5, "policy")


def test_a_guess_outside_the_box_is_judged_as_it_is(view, victims):
    x = victims.x.double()
    low, high = (b.double() for b in view.box)
    rows = judge(guessed(x + (high - low)), victims, view, 0)
    assert all(row["psnr_db"] == pytest.approx(0, abs=1e-4) for row in rows)


def test_the_reference_can_be_the_original_or_the_content(view, victims):
    x = victims.x.double().clone()
    x[~victims.content.expand_as(x)] += 1.0
    guess = guessed(x)
    transformed = judge(guess, victims, view, 0)[0]
    content = judge(guess, victims, view, 0, reference="content")[0]
    original = judge(guess, victims, view, 0, reference="original")[0]
    assert transformed["psnr_db"] < 30 < content["psnr_db"]
    assert original["psnr_db"] == transformed["psnr_original_db"]
    assert content["floor_black_db"] < transformed["floor_black_db"]
    assert original["floor_black_db"] < transformed["floor_black_db"]
    with pytest.raises(ReveilError, match="did you mean 'content'"):
        judge(guess, victims, view, 0, reference="contents")


def test_a_failed_image_has_floors_and_no_measures(view, victims):
    rows = judge(guessed(victims.x, failed=(1,)), victims, view, 0)
    good, bad = rows[0], rows[1]
    assert (bad["status"], bad["reason"]) == ("failed", "not finite")
    for name in ("psnr_db", "ssim", "gain_db", "psnr_original_db", "psnr_content_db", "cost"):
        assert math.isnan(bad[name])
        assert not math.isnan(good[name])
    assert math.isfinite(bad["floor_db"])
    assert bad.keys() == good.keys()


def test_every_column_of_the_schema_is_there_in_its_order(root, view, victims):
    schema = yaml.safe_load((root / "workflow/schemas/images.schema.yaml").read_text())
    named = [name for name in schema["properties"] if name not in KEYS]
    (row, *_) = judge(guessed(victims.x), victims, view, 0)
    assert list(row) == named
    assert set(MEASURES) < set(named) and set(FACTS) < set(named)
    assert schema["required"] == list(schema["properties"])


def test_what_does_not_apply_is_empty(view, victims):
    empty = {"lpips", "shift_y", "shift_x", "psnr_unshifted_db", "psnr_unshifted_original_db"}
    empty |= {"hypothesis", "reid_rank", "reid_rank_used", "reid_gallery", *FACTS}
    for row in judge(guessed(victims.x), victims, view, 0):
        assert {name for name, value in row.items() if value != value} == empty


def test_rows_pass_the_schema_with_and_without_what_is_optional(root, view, victims):
    facts = {name: torch.tensor([0.1, 0.2, 0.3]) for name in FACTS}
    full = judge(guessed(victims.x + 0.1), victims, view, 0, gallery=gallery(victims), facts=facts)
    bare = judge(guessed(victims.x, failed=(0,)), victims, view, 0)
    keys = dict.fromkeys(KEYS, "x") | {"seed": 0}
    for judged in (full, bare):
        table = pd.DataFrame([keys | row for row in judged])
        rows.check(table, root / "workflow/schemas/images.schema.yaml")


def gallery(victims):
    """Return ten images, black but for the victims' own at 5, 6 and 7."""
    images = torch.zeros(10, 3, 32, 32, dtype=torch.uint8)
    images[list(IMAGES)] = victims.originals
    return images


def test_content_has_floors_of_its_own(view, victims):
    by_content = judge(guessed(victims.x), victims, view, 0, reference="content")
    for row, content in zip(judge(guessed(victims.x), victims, view, 0), by_content, strict=True):
        assert row["floor_content_db"] == content["floor_content_db"] == content["floor_db"]
        assert row["gain_content_db"] == content["gain_content_db"] == content["gain_db"]
        # A policy's black half is what the black floor of the whole image lives on.
        assert content["floor_black_db"] < row["floor_black_db"]
        assert row["floor_content_db"] != row["floor_db"]


def test_the_original_is_compared_with_too(view, victims):
    untouched = guessed(view.normalise(victims.originals))
    for row in judge(untouched, victims, view, 0):
        assert row["ssim_original"] == pytest.approx(1.0)
        assert row["psnr_original_db"] > 100
        assert row["ssim"] < 0.5


def test_registration_finds_what_was_shifted(view, victims):
    """The originals are the victims' images but for the policy's shift, mirrored here as well."""
    turned = guessed(view.normalise(victims.originals).flip(-1))
    for row in judge(turned, victims, view, 0):
        assert row["psnr_db"] < 15
        assert row["psnr_registered_db"] > 100
    for row in judge(turned, victims, view, 0, reference="original"):
        assert row["psnr_registered_db"] > 100
        assert 5 < row["floor_registered_db"] < 15


def test_ranks_facts_and_perceptual_distance_are_passed_on(view, victims):
    facts = {name: torch.tensor([i, i + 0.25, i + 0.5]) for i, name in enumerate(FACTS)}

    class Offset(torch.nn.Module):
        def forward(self, guess, reference):
            return (guess - reference).mean((1, 2, 3))

    std = torch.tensor(view.dataset.std).view(1, 3, 1, 1)
    guess = guessed(victims.x + 0.125 / std)
    judged = judge(guess, victims, view, 0, gallery=gallery(victims), facts=facts, lpips=Offset())
    for i, row in enumerate(judged):
        assert [row[name] for name in FACTS] == [k + i / 4 for k in range(5)]
        assert row["lpips"] == pytest.approx(0.125, abs=1e-6)
        assert (row["reid_rank_used"], row["reid_gallery"]) == (1, 10)
    plain = judge(
        guessed(view.normalise(victims.originals)), victims, view, 0, gallery=gallery(victims)
    )
    assert [row["reid_rank"] for row in plain] == [1, 1, 1]
    with pytest.raises(ReveilError, match="all images of the victims' split"):
        judge(guess, victims, view, 0, gallery=gallery(victims).flip(0))


def test_a_mirrored_or_moved_victim_is_found_in_the_gallery(view, victims):
    """Among grey images, which any poor guess is near to, so that no victim is found by chance."""
    images = gallery(victims)
    images[:3] = torch.tensor([64, 128, 192], dtype=torch.uint8).view(3, 1, 1, 1)
    seen = guessed(victims.x)
    lost = [row["reid_rank"] for row in judge(seen, victims, view, 0, gallery=images)]
    assert min(lost) > 1
    original = view.normalise(victims.originals)
    for still in (original, original.flip(-1)):
        moved = replace(seen, extras={"x_unshifted": still})
        for guess in (moved, guessed(still)):
            rows = judge(guess, victims, view, 0, gallery=images)
            assert [row["reid_rank"] for row in rows] == [1, 1, 1]
        assert all(
            row["psnr_unshifted_original_db"] > 100 for row in judge(moved, victims, view, 0)
        )
    # Upside down is another image.
    flipped = judge(guessed(original.flip(-2)), victims, view, 0, gallery=images)
    assert min(row["reid_rank"] for row in flipped) > 1


def test_recovered_classes_are_compared_and_declared_ones_are_right(view, victims):
    declared = judge(guessed(victims.x), victims, view, 0)
    assert [(row["label_guess"], row["label_correct"]) for row in declared] == [
        (0, 1),
        (1, 1),
        (2, 1),
    ]
    found = replace(guessed(victims.x, failed=(2,)), labels=torch.tensor([0, 9, 2]))
    recovered = judge(found, victims, view, 0)
    assert [row["label_guess"] for row in recovered[:2]] == [0, 9]
    assert [row["label_correct"] for row in recovered[:2]] == [1, 0]
    assert math.isnan(recovered[2]["label_guess"]) and math.isnan(recovered[2]["label_correct"])


def batch_of_three(victims, order, labels=None):
    """Return one gradient's guesses for all three images, in some order."""
    one = guessed(victims.x[:1])
    return replace(one, x=victims.x[list(order)][None], labels=labels)


def test_guesses_of_a_batch_are_assigned_before_any_measure(view, victims):
    labels = torch.tensor([[2, 0, 5]])
    judged = judge(batch_of_three(victims, (2, 0, 1), labels), victims, view, 0)
    assert [row["position"] for row in judged] == [1, 2, 0]
    assert [row["label_guess"] for row in judged] == [0, 5, 2]
    assert [row["label_correct"] for row in judged] == [1, 0, 1]
    for row in judged:
        assert row["psnr_db"] > 100
        assert (row["batch"], row["cost"], row["wall_seconds"]) == (3, 0.25, 0.5)


def test_declared_classes_are_not_exchanged(view, victims):
    judged = judge(batch_of_three(victims, (2, 0, 1)), victims, view, 0)
    assert [row["position"] for row in judged] == [0, 1, 2]
    assert all(row["psnr_db"] < 20 for row in judged)
    with pytest.raises(ReveilError, match="1 gradients of 2 images for 3 images"):
        judge(batch_of_three(victims, (0, 1)), victims, view, 0)


def test_learnt_moves_are_read_from_the_attack(view, victims):
    """t = (1, -0.25) moves the content left by 16 pixels and down by 4."""
    extras = {
        "t": torch.tensor([[1.0, -0.25]]).expand(3, 2),
        "x_unshifted": view.normalise(victims.originals),
        "hypothesis": torch.tensor([4, 0, 2]),
    }
    judged = judge(replace(guessed(victims.x), extras=extras), victims, view, 0)
    plain = judge(guessed(view.normalise(victims.originals)), victims, view, 0)
    for i, row in enumerate(judged):
        assert (row["shift_y"], row["shift_x"]) == (4.0, -16.0)
        assert row["hypothesis"] == (4, 0, 2)[i]
        assert row["psnr_unshifted_db"] == pytest.approx(plain[i]["psnr_db"])
        assert row["psnr_unshifted_original_db"] > 100


def test_pictures_show_the_assigned_guesses(view, victims):
    labels = torch.tensor([[2, 0, 1]])
    found = batch_of_three(victims, (2, 0, 1), labels)
    drawn = arrays(found, victims, view)
    assert "unshifted" not in drawn
    assert drawn["images"].tolist() == list(IMAGES)
    np.testing.assert_array_equal(drawn["reconstructions"], victims.pixels.numpy())
    np.testing.assert_array_equal(drawn["victims"], victims.pixels.numpy())
    assert drawn["curve"].shape == (3, 1)
    still = replace(
        found, extras={"x_unshifted": view.normalise(victims.originals)[[2, 0, 1]][None]}
    )
    drawn = arrays(still, victims, view)
    np.testing.assert_array_equal(drawn["unshifted"], victims.originals.numpy())


def test_a_guess_that_is_none_is_drawn_black(view, victims):
    broken = victims.x.clone()
    broken[0] = torch.nan
    drawn = arrays(guessed(broken, failed=(0,)), victims, view)
    assert not drawn["reconstructions"][0].any()
    np.testing.assert_array_equal(drawn["reconstructions"][1], victims.pixels[1].numpy())
