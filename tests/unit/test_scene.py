import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from reveil import datasets, models, policies
from reveil.errors import ReveilError
from reveil.scene import Shared, Victims, augment_for, share, stage
from reveil.views import view_for

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}
SCENE = {
    "augment": {"none": "none", "policy": "crop_flip+policy"},
    "draws": "per_image",
    "hybrid_draw": "per_image",
}
IMAGES = (17, 4, 99, 23)


@pytest.fixture(scope="module")
def view():
    return view_for(datasets.get("cifar100"), RECIPE)


@pytest.fixture(scope="module")
def raw():
    return np.random.default_rng(0).integers(1, 256, (4, 3, 32, 32), dtype=np.uint8)


def staged(raw, view, policy="3-1-7", images=IMAGES, seed=0, **scene):
    labels = np.arange(len(images))
    chosen = policies.parse(policy)
    return stage(raw, labels, images, view=view, policy=chosen, seed=seed, scene=SCENE | scene)


@pytest.mark.parametrize(
    ("policy", "augment"),
    [
        ("none", "none"),
        ("crop-flip", "crop_flip"),
        ("3-1-7", "crop_flip+policy"),
        ("only-3-1-7", "policy"),
        ("3-1-7+43-18-18", "crop_flip+policy"),
    ],
)
def test_the_scene_decides_unless_the_policy_does(policy, augment, raw, view):
    assert augment_for(policies.parse(policy), SCENE["augment"]) == augment
    assert staged(raw, view, policy).augment == augment


def test_none_is_left_untouched(raw, view):
    victims = staged(raw, view, "none")
    torch.testing.assert_close(victims.pixels, torch.from_numpy(raw))
    torch.testing.assert_close(victims.originals, victims.pixels)
    assert victims.content.all()
    torch.testing.assert_close(view.denormalise(victims.x) * 255, victims.pixels.float())


def test_an_image_is_the_same_victim_in_any_block(raw, view):
    whole = staged(raw, view, "3-1-7+43-18-18")
    for i, image in enumerate(IMAGES):
        alone = staged(raw[i : i + 1], view, "3-1-7+43-18-18", (image,))
        torch.testing.assert_close(alone.pixels, whole.pixels[i : i + 1])
        torch.testing.assert_close(alone.content, whole.content[i : i + 1])
        assert alone.member.tolist() == whole.member[i : i + 1].tolist()


def test_shared_draws_are_those_of_the_first_image_of_all_blocks(raw, view):
    same = np.repeat(raw[:1], 4, axis=0)
    victims = staged(same, view, "3-1-7", draws="shared")
    assert (victims.pixels == victims.pixels[:1]).all()
    assert not (staged(same, view, "3-1-7").pixels == victims.pixels).all()
    block = stage(
        same[2:],
        np.arange(2),
        IMAGES[2:],
        view=view,
        policy=policies.parse("3-1-7"),
        seed=0,
        scene=SCENE | {"draws": "shared"},
        first=IMAGES[0],
    )
    assert torch.equal(block.pixels, victims.pixels[2:])
    assert block.streams == IMAGES[:1] * 2


def test_unknown_draws(raw, view):
    with pytest.raises(ReveilError, match="did you mean 'shared'"):
        staged(raw, view, draws="share")


def test_the_seed_changes_the_draws(raw, view):
    assert not torch.equal(staged(raw, view).pixels, staged(raw, view, seed=1).pixels)


def test_share_gives_the_gradient_of_each_victim_alone(raw, view):
    model = models.build("lenetzhu", 3, 32, 100, seed=0).eval()
    victims = staged(raw, view)
    shared = share(model, victims, loss_factor=0.5, chunk=3)
    for i in range(len(IMAGES)):
        loss = 0.5 * cross_entropy(model(victims.x[i : i + 1]), victims.labels[i : i + 1])
        for found, expected in zip(
            shared.gradients, torch.autograd.grad(loss, list(model.parameters())), strict=True
        ):
            torch.testing.assert_close(found[i], expected, rtol=1e-4, atol=1e-6)
    assert shared.shape == (3, 32, 32)
    assert shared.labels.tolist() == victims.labels.tolist()


def test_what_is_shared_holds_no_image(raw, view):
    model = models.build("lenetzhu", 3, 32, 100, seed=0).eval()
    victims = staged(raw, view)
    shared = share(model, victims)
    declared = {field.name for field in dataclasses.fields(Shared)}
    public = {"labels", "box", "policy", "augment"}
    assert declared == {"gradients", "shape", "batch", "bn_mode"} | public
    assert declared & {field.name for field in dataclasses.fields(Victims)} <= public
    tensors = [*shared.gradients, *shared.box]
    assert [t.shape[1:] for t in shared.gradients] == [p.shape for p in model.parameters()]
    assert not any(t.requires_grad or t.grad_fn is not None for t in tensors)


def test_numbers_must_agree(raw, view):
    with pytest.raises(ReveilError, match="4 images, 3 labels and 3 indices"):
        staged(raw, view, images=IMAGES[:3])
