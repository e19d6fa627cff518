import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from reveil import datasets, models, policies
from reveil.defence_names import parse
from reveil.defences import apply
from reveil.errors import ReveilError
from reveil.scene import Shared, Victims, augment_for, share, stage
from reveil.views import view_for

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}
SCENE = {
    "augment": {"none": "none", "policy": "crop_flip+policy"},
    "draws": "per_image",
    "hybrid_draw": "per_image",
    "victim_loss_factor": 1.0,
    "defend_gradient": True,
    "bn_mode": "eval",
    "batch": 1,
    "gradients": 1,
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


def test_victims_have_constants_of_their_own_under_the_mixture_of_warmerdam(raw):
    recipe = RECIPE | {"normalisation": "warmerdam_mixed"}
    mixed = view_for(datasets.get("cifar100"), recipe)
    victims = staged(raw, mixed, "none", gradients=2)
    black = (0 - 0.5071598291397095) / 0.2673342823982239
    step = 1 / 255 / 0.2673342823982239
    red = black + step * torch.from_numpy(raw)[:, 0].float()
    for x in (victims.x, *victims.further):
        torch.testing.assert_close(x[:, 0], red)
    # What an attacker starts in and is boxed to is CIFAR-10's.
    assert victims.box[0][0, 0].item() == pytest.approx(-0.4914672374725342 / 0.24703224003314972)
    released = view_for(datasets.get("cifar100"), RECIPE | {"normalisation": "orig_mismatch"})
    expected = released.normalise(torch.from_numpy(raw), "train")
    assert torch.equal(staged(raw, released, "none").x, expected)
    assert not torch.equal(expected, released.normalise(torch.from_numpy(raw), "test"))


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


@pytest.fixture(scope="module")
def model():
    return models.build("lenetzhu", 3, 32, 100, seed=0).eval()


def by_hand(model, x, labels, factor=1.0):
    """Return the gradient of the mean loss of some images, one tensor per parameter."""
    loss = factor * cross_entropy(model(x), labels)
    return torch.autograd.grad(loss, list(model.parameters()))


def assert_shared(shared, problem, expected, atol=1e-6):
    for found, tensor in zip(shared.gradients, expected, strict=True):
        torch.testing.assert_close(found[problem], tensor, rtol=1e-4, atol=atol)


def test_share_gives_the_gradient_of_each_victim_alone(raw, view, model):
    victims = staged(raw, view)
    shared = share(model, victims, SCENE | {"victim_loss_factor": 0.5}, seed=0, chunk=3)
    for i in range(len(IMAGES)):
        image = slice(i, i + 1)
        expected = by_hand(model, victims.x[image], victims.labels[image], factor=0.5)
        assert_shared(shared, i, expected)
    assert shared.shape == (3, 32, 32)
    assert shared.labels.tolist() == victims.labels.tolist()


@pytest.mark.parametrize("chunk", [1, 2, 4, 100])
def test_a_batch_shares_the_gradient_of_its_mean_loss(raw, view, model, chunk):
    victims = staged(raw, view, batch=2)
    shared = share(model, victims, SCENE | {"victim_loss_factor": 0.5}, seed=0, chunk=chunk)
    assert (len(shared), shared.batch) == (2, 2)
    assert shared.labels.tolist() == [[0, 1], [2, 3]]
    assert victims.problem_streams == (17, 99)
    for problem, images in enumerate((slice(0, 2), slice(2, 4))):
        expected = by_hand(model, victims.x[images], victims.labels[images], factor=0.5)
        assert_shared(shared, problem, expected)
    part = shared[1:]
    assert (len(part), part.batch, part.labels.tolist()) == (1, 2, [[2, 3]])
    assert torch.equal(part.gradients[0], shared.gradients[0][1:])


def test_the_batch_changes_no_image(raw, view):
    alone, batched = staged(raw, view), staged(raw, view, batch=4)
    assert torch.equal(alone.pixels, batched.pixels)
    assert alone.streams == batched.streams


def test_images_that_are_no_whole_batches_are_refused(raw, view):
    with pytest.raises(ReveilError, match=r"4 images are no whole batches of scene.batch, 3"):
        staged(raw, view, batch=3)


@pytest.mark.parametrize("batch", [1, 2])
def test_victims_may_use_the_statistics_of_their_own_images(raw, view, batch):
    network = models.build("convnet-w2", 3, 32, 100, seed=0).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    victims = staged(raw, view, batch=batch)
    shared = share(network, victims, SCENE | {"bn_mode": "train"}, seed=0)
    assert shared.bn_mode == "train"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
    training = models.build("convnet-w2", 3, 32, 100, seed=0).train()
    for problem in range(4 // batch):
        images = slice(problem * batch, (problem + 1) * batch)
        expected = by_hand(training, victims.x[images], victims.labels[images])
        # The bias before a normalisation has no gradient but rounding.
        assert_shared(shared, problem, expected, atol=1e-5)
    with pytest.raises(ReveilError, match="scene.bn_mode: 'training'"):
        share(network, victims, SCENE | {"bn_mode": "training"}, seed=0)


@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_of_fresh_draws_are_averaged(raw, view, model, batch):
    victims = staged(raw, view, gradients=3, batch=batch)
    first = staged(raw, view)
    assert torch.equal(victims.pixels, first.pixels)
    assert torch.equal(victims.x, first.x)
    policy = policies.parse("3-1-7")
    x = [first.x]
    for purpose in ("policy-1", "policy-2"):
        draws = view.draw(policy, IMAGES, 0, purpose=purpose, augment="crop_flip+policy")
        x.append(view.normalise(view.victim(torch.from_numpy(raw), draws, policy), "train"))
    assert not torch.equal(x[0], x[1])
    shared = share(model, victims, SCENE, seed=0)
    for problem in range(4 // batch):
        images = slice(problem * batch, (problem + 1) * batch)
        drawn = [by_hand(model, each[images], victims.labels[images]) for each in x]
        assert_shared(shared, problem, [sum(tensors) / 3 for tensors in zip(*drawn, strict=True)])


def test_draws_without_chance_average_to_the_same_gradient(raw, view, model):
    once, often = (
        share(model, staged(raw, view, "none", gradients=k), SCENE, seed=0) for k in (1, 3)
    )
    for one, mean in zip(once.gradients, often.gradients, strict=True):
        torch.testing.assert_close(one, mean)


@pytest.mark.parametrize("defence", ["prune-70", "prune-global-70", "gaussian-1e-2"])
def test_the_defence_is_on_what_is_shared(raw, view, model, defence):
    victims = staged(raw, view, batch=2, gradients=2)
    clean = share(model, victims, SCENE, seed=5)
    shared = share(model, victims, SCENE, defence, seed=5, chunk=2)
    expected = apply(parse(defence), clean.gradients, [17, 99], 5, "defence")
    for found, tensor in zip(shared.gradients, expected, strict=True):
        torch.testing.assert_close(found, tensor, rtol=1e-4, atol=1e-6)
        assert torch.equal(found == 0, tensor == 0)
    ignored = share(model, victims, SCENE | {"defend_gradient": False}, defence, seed=5)
    assert all(map(torch.equal, ignored.gradients, clean.gradients))


def test_the_noise_of_an_image_is_the_same_in_any_block(raw, view, model):
    whole = share(model, staged(raw, view), SCENE, "laplacian-1e-2", seed=0)
    victims = staged(raw[2:3], view, images=IMAGES[2:3])
    victims = dataclasses.replace(victims, labels=torch.tensor([2]))
    alone = share(model, victims, SCENE, "laplacian-1e-2", seed=0)
    for one, all_of_them in zip(alone.gradients, whole.gradients, strict=True):
        torch.testing.assert_close(one, all_of_them[2:3], rtol=1e-4, atol=1e-6)


def test_victims_declare_what_they_are_told_to(raw, view, model):
    victims = staged(raw, view, "3-1-7+43-18-18")
    secret = share(model, victims, SCENE, seed=0, declares_labels=False)
    assert (secret.labels, secret.policy, secret.augment) == (None, None, None)
    assert len(secret) == 4
    assert secret[:2].labels is None
    public = share(model, victims, SCENE, seed=0, knows=True)
    assert public[1:3].policy == policies.parse("3-1-7+43-18-18")
    assert public.augment == "crop_flip+policy"
    assert (public.crop_shift, secret.crop_shift) == (4, 0)
    uncropped = staged(raw, view, "only-3-1-7")
    assert share(model, uncropped, SCENE, seed=0, knows=True).crop_shift == 0


def test_an_unknown_defence_is_refused(raw, view, model):
    with pytest.raises(ReveilError, match="did you mean 'prune-70'"):
        share(model, staged(raw, view), SCENE, "prun-70", seed=0)


def test_what_is_shared_holds_no_image(raw, view, model):
    victims = staged(raw, view)
    shared = share(model, victims, SCENE, seed=0, knows=True)
    declared = {field.name for field in dataclasses.fields(Shared)}
    public = {"labels", "box", "policy", "augment", "crop_shift", "batch"}
    assert declared == {"gradients", "shape", "bn_mode"} | public
    assert declared & {field.name for field in dataclasses.fields(Victims)} <= public
    tensors = [*shared.gradients, *shared.box]
    assert [t.shape[1:] for t in shared.gradients] == [p.shape for p in model.parameters()]
    assert not any(t.requires_grad or t.grad_fn is not None for t in tensors)


def test_numbers_must_agree(raw, view):
    with pytest.raises(ReveilError, match="4 images, 3 labels and 3 indices"):
        staged(raw, view, images=IMAGES[:3])
