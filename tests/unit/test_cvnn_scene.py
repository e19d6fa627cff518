"""What the device hides, what an attacker sees of it, and what he hides himself."""

import math

import numpy as np
import pytest
import torch

from reveil.cvnn.attackers.interface import OwnData
from reveil.cvnn.scene import Intercepted, hide, intercept, join
from reveil.cvnn.stacked import parts, real_part, stack
from reveil.errors import ReveilError
from tests.hidden import VIEW, Toy, own_data, pixels

SPLIT = pixels(30)
LABELS = np.arange(30) % 10


def scene(network, index=range(12), **more):
    return intercept(network, SPLIT, index, LABELS, VIEW, seed=5, **more)


def features(network, images):
    return network.encode((images - 0.5) / 0.25).detach()


# The scene --------------------------------------------------------------------------------------


def test_the_right_key_restores_the_features_of_the_image():
    network = Toy()
    seen, secrets = scene(network)
    a = features(network, secrets.images)
    assert seen.rotated and len(seen) == 12 and seen.x.shape == (24, 4, 8, 8)
    assert torch.allclose(real_part(seen.x, secrets.angles), a, atol=1e-5)
    assert (real_part(seen.x, secrets.angles + 0.5) - a).abs().mean() > 0.1


def test_where_a_and_b_changed_places_a_is_a_quarter_turn_further():
    network = Toy(swap="sample")
    seen, secrets = scene(network, range(30))
    assert 5 < secrets.swapped.sum() < 25
    turned = secrets.angles + math.pi / 2 * secrets.swapped
    assert torch.allclose(real_part(seen.x, turned), features(network, secrets.images), atol=1e-5)
    assert torch.allclose(
        real_part(seen.x, secrets.angles + math.pi / 2 * ~secrets.swapped),
        features(network, secrets.partners),
        atol=1e-5,
    )


def test_the_judge_knows_images_partners_and_labels_as_they_are():
    _, secrets = scene(Toy(), [7, 3])
    assert secrets.index.tolist() == [7, 3] and secrets.labels.tolist() == [7, 3]
    assert np.array_equal((secrets.images * 255).round().byte().numpy(), SPLIT[[7, 3]])
    others = SPLIT[secrets.partner_index.numpy()]
    assert np.array_equal((secrets.partners * 255).round().byte().numpy(), others)


def test_a_partner_is_never_the_image_itself_and_angles_fill_the_circle():
    _, secrets = scene(Toy(), list(range(30)))
    assert (secrets.partner_index != secrets.index).all()
    assert len(set(secrets.partner_index.tolist())) > 10
    assert 0 <= secrets.angles.min() < 1 and 5.2 < secrets.angles.max() < 2 * math.pi


def test_partners_come_from_those_that_are_allowed():
    _, secrets = scene(Toy(), range(30), among=[2, 3, 20])
    assert set(secrets.partner_index.tolist()) == {2, 3, 20}
    assert (secrets.partner_index != secrets.index).all()


@pytest.mark.parametrize("kind", ["rotation", "noisy"])
def test_no_row_depends_on_its_neighbours_or_on_the_chunk(kind):
    network = Toy(kind=kind)
    seen, secrets = scene(network, range(12))
    few, kept = scene(network, [9, 4], chunk=1)
    assert torch.allclose(few.x, seen.take(torch.tensor([9, 4])).x, atol=1e-5)
    assert torch.equal(kept.angles, secrets.angles[[9, 4]] if kind == "rotation" else kept.angles)
    assert torch.equal(kept.images, secrets.images[[9, 4]])


def test_seed_and_purpose_change_the_draws():
    network = Toy()
    angles = [
        intercept(network, SPLIT, [1], LABELS, VIEW, seed=seed, purpose=purpose)[1].angles.item()
        for seed, purpose in ((5, "scene"), (6, "scene"), (5, "other"))
    ]
    assert len(set(angles)) == 3


@pytest.mark.parametrize("kind", ["original", "additional"])
def test_without_rotation_the_features_are_seen_as_they_are(kind):
    network = Toy(kind=kind)
    seen, secrets = scene(network)
    assert not seen.rotated and len(seen) == 12
    assert torch.allclose(seen.x, features(network, secrets.images), atol=1e-6)
    assert secrets.partners.shape == (0, 3, 8, 8)
    assert [len(v) for v in (secrets.partner_index, secrets.angles, secrets.swapped)] == [0] * 3


def test_fresh_noise_differs_between_images_and_shared_noise_does_not():
    for law, spread in (("fresh", 1.0), ("shared", 0.0)):
        network = Toy(kind="noisy", noise=law)
        seen, secrets = scene(network)
        noise = (seen.x - features(network, secrets.images)) / 0.5
        assert noise.std() == pytest.approx(1, abs=0.15)
        assert noise.std(dim=0).mean() == pytest.approx(spread, abs=0.15)


def test_a_counterpart_of_noise_has_the_magnitude_of_the_features_and_no_image():
    network = Toy(counterpart="noise")
    seen, secrets = scene(network)
    a, b = parts(
        hide(
            network,
            *(real_part(seen.x, secrets.angles + t) for t in (0, math.pi / 2)),
            torch.zeros(12),
            torch.zeros(12, dtype=torch.bool),
        ).x
    )
    assert torch.allclose(a, features(network, secrets.images), atol=1e-5)
    size = [v.square().mean(dim=(1, 2, 3)).sqrt() for v in (a, b)]
    assert torch.allclose(*size, rtol=0.25)
    assert len(secrets.partners) == len(secrets.partner_index) == 0 and len(secrets.angles) == 12


def test_a_split_of_one_image_has_no_partner():
    with pytest.raises(ReveilError, match="image 0 needs another image"):
        intercept(Toy(), SPLIT[:1], [0], LABELS, VIEW, seed=0)


def test_what_is_seen_is_cut_and_joined_by_image():
    x = Intercepted(stack(torch.arange(3.0).view(3, 1, 1, 1), -torch.ones(3, 1, 1, 1)), True)
    cut = x.take(slice(1, 3))
    assert cut.x.flatten().tolist() == [1, 2, -1, -1]
    assert torch.equal(join([x.take(slice(0, 1)), cut]).x, x.x)


# An attacker's own images -----------------------------------------------------------------------


def batches(own, size, epoch, start=0):
    return list(own.hidden_batches(size, epoch, start))


def test_an_epoch_has_every_training_image_once_and_validation_images_never():
    own = own_data(Toy(), 40)
    rows = torch.cat([batch.rows for batch in batches(own, 6, 0)]).tolist()
    assert own.steps(6) == 6 and len(rows) == len(set(rows)) == 36
    held = own.validation_rows.tolist()
    assert len(held) == 4 and not set(held) & set(rows)
    for batch in batches(own, 6, 0):
        assert (batch.partner_rows != batch.rows).all()
        assert not set(batch.partner_rows.tolist()) & set(held)
    (batch,) = own.validation_batches(6)
    assert sorted(batch.rows.tolist()) == sorted(held)
    assert set(batch.partner_rows.tolist()) <= set(held)


def test_an_attacker_hides_his_images_as_the_device_does():
    network = Toy(swap="sample")
    batch = batches(own_data(network), 20, 0)[0]
    turned = batch.angles + math.pi / 2 * batch.swapped
    assert torch.allclose(real_part(batch.seen.x, turned), batch.a, atol=1e-5)
    assert torch.allclose(batch.a, features(network, batch.images), atol=1e-5)
    assert torch.allclose(batch.b, features(network, batch.partners), atol=1e-5)
    assert torch.equal(batch.labels, batch.rows % 10)


def test_without_rotation_an_attacker_has_nothing_to_find_but_the_image():
    network = Toy(kind="original")
    batch = batches(own_data(network), 20, 0)[0]
    assert torch.equal(batch.seen.x, batch.a) and len(batch) == 20
    assert batch.partners.shape == (0, 3, 8, 8)
    assert [len(v) for v in (batch.b, batch.partner_rows, batch.angles, batch.swapped)] == [0] * 4


def test_draws_are_fresh_in_every_epoch_and_fixed_for_validation():
    own = own_data(Toy())
    first, second = batches(own, 18, 0), batches(own, 18, 1)
    angles = [torch.cat([b.angles for b in epoch]) for epoch in (first, second)]
    assert not set(angles[0].tolist()) & set(angles[1].tolist())
    one, two = (next(own.validation_batches(8)) for _ in range(2))
    assert torch.equal(one.seen.x, two.seen.x)


@pytest.mark.parametrize("kind", ["rotation", "noisy"])
def test_an_epoch_can_go_on_where_it_stopped(kind):
    own = own_data(Toy(kind=kind))
    whole, rest = batches(own, 6, 2), batches(own, 6, 2, start=4)
    assert len(rest) == 2
    for one, two in zip(whole[4:], rest, strict=True):
        assert torch.equal(one.seen.x, two.seen.x)


def test_features_are_computed_once_and_are_the_same_where_they_do_not_fit(monkeypatch):
    network = Toy()
    kept = own_data(network, 20, chunk=7)
    values = [batches(kept, 6, epoch)[0] for epoch in (0, 1)]
    assert network.calls == [1, 7, 7, 6]
    monkeypatch.setattr("reveil.cvnn.keeping.KEPT_BYTES", 0)
    fresh = batches(own_data(network, 20), 6, 1)[0]
    assert torch.allclose(fresh.seen.x, values[1].seen.x, atol=1e-6)


def test_targets_of_an_inference_attack_follow_their_images():
    own = own_data(Toy(), targets=torch.arange(40) + 100)
    batch = batches(own, 10, 0)[0]
    assert torch.equal(batch.targets, batch.rows + 100)


def test_too_few_own_images_are_refused():
    with pytest.raises(ReveilError, match="own images are 3; allowed: 4 or more"):
        shown = torch.from_numpy(pixels(3))
        OwnData(Toy(), VIEW, shown, torch.arange(3), attack="decode", seed=0)
