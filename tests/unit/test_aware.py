from dataclasses import replace

import pytest
import torch

from reveil import policies
from reveil.attacks import aware
from reveil.attacks.hypotheses import LEARNED, AwareSettings, Hypothesis, assigned, hypotheses
from reveil.attacks.moves import apply, shift
from reveil.attacks.objectives import OBJECTIVES
from reveil.errors import ReveilError
from reveil.job import State
from tests import pictured
from tests.attacked_block import IMAGES, LABELS, PARAMETERS, attack, network, share, victim_images

BOTH, POLICY = "crop_flip+policy", "policy"
SMALL = {"method": "aware", "factors": "signs", "prune_at": 0.25, "iterations": 12}


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def shared(model):
    """What victims share that an attacker takes for victims of a hybrid, cropped by a pixel."""
    told = {"policy": policies.parse("3-1-7+2-13"), "augment": BOTH, "crop_shift": 1}
    return replace(share(model, victim_images()), **told)


def known(name, augment=POLICY, channels=3, factors="signs"):
    found = hypotheses(policies.parse(name), augment, (channels, 12, 12), factors)
    return [(h.member, h.operations, h.signs) for h in found]


def test_hypotheses_are_members_and_the_signs_of_what_draws_one():
    assert known("2-13") == [(0, (2, 13), (1, 1)), (0, (2, 13), (1, -1))]
    assert known("9-39-12", channels=3) == [(0, (9, 39, 12), (1, 1, s)) for s in (1, -1)]
    assert known("9-39-12", channels=1) == [(0, (9, 39, 12), (1, 1, 1))]
    hybrid = known("3-1-7+43-18-18")
    assert len(hybrid) == 16
    assert hybrid[0] == (0, (3, 1, 7), (1, 1, 1))
    assert hybrid[11] == (1, (43, 18, 18), (1, -1, -1))
    assert len(set(hybrid)) == 16


def test_factors_that_are_learned_are_no_hypotheses():
    found = known("3-1-7+43-18-18", factors="learned")
    assert [signs for _, _, signs in found] == [
        *((first, LEARNED, last) for first in (1, -1) for last in (1, -1)),
        (1, LEARNED, LEARNED),
        (-1, LEARNED, LEARNED),
    ]


@pytest.mark.parametrize("name", ["none", "crop-flip", "3-1-7"])
def test_victims_without_policy_leave_one_hypothesis(name):
    assert known(name, augment="crop_flip") == [(0, (), ())]


def test_of_too_many_hypotheses_each_image_gets_its_own_draw():
    assert assigned([3], 4, [5, 6], 0, 0).tolist() == [[0, 1, 2]] * 2
    drawn = assigned([16], 4, range(30), 0, 0)
    assert drawn.shape == (30, 4)
    assert all(row == sorted(set(row)) for row in drawn.tolist())
    assert drawn.unique().tolist() == list(range(16))
    assert torch.equal(assigned([16], 4, [7], 0, 0)[0], drawn[7])
    assert not torch.equal(assigned([16], 4, range(30), 0, 1), drawn)


def test_what_the_judge_gets_is_the_unmoved_image_after_crop_and_policy(model, shared):
    found = attack(model, shared, **SMALL)
    extras, (low, high) = found.extras, shared.box
    every = hypotheses(shared.policy, BOTH, (3, 12, 12), "signs")
    assert found.status == ["ok"] * 5
    assert extras["x_unshifted"].shape == found.x.shape
    assert (extras["t"] != 0).all()
    assert extras["t"].abs().max() <= 2 / 12
    for i, number in enumerate(extras["hypothesis"].tolist()):
        hypothesis: Hypothesis = every[number]
        signs = extras["signs"][i].tolist()
        assert signs[: len(hypothesis.signs)] == list(hypothesis.signs)
        assert signs[len(hypothesis.signs) :] == [0.0] * (3 - len(hypothesis.signs))
        assert extras["member"][i] == hypothesis.member
        cropped = shift(extras["x_unshifted"][i : i + 1], extras["t"][i : i + 1], low)
        used = apply((cropped - low) / (high - low), hypothesis.operations, hypothesis.signs)
        torch.testing.assert_close(found.x[i : i + 1], low + used * (high - low))


def test_the_cost_is_that_of_what_the_judge_gets(model, shared):
    found = attack(model, shared, **SMALL)
    target = aware.Hypotheses(model, shared, AwareSettings.of(PARAMETERS | SMALL), 1.0).one.target
    with torch.no_grad():
        cost = OBJECTIVES["cosine"](model, found.x, LABELS, target)
    torch.testing.assert_close(found.cost, cost, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.curve[:, -1].double(), cost, rtol=1e-6, atol=1e-7)
    assert torch.isfinite(found.curve).all()


def test_hypotheses_do_not_disturb_each_other(model, shared):
    """The best of all is the best of attacks that know the hypothesis."""
    whole = attack(model, shared, **SMALL | {"prune_at": 1.0})
    members = [policies.parse(name) for name in shared.policy.name.split("+")]
    alone = [
        attack(model, replace(shared, policy=policy), **SMALL | {"prune_at": 1.0})
        for policy in members
    ]
    costs = torch.stack([part.cost for part in alone])
    torch.testing.assert_close(whole.cost, costs.amin(0), rtol=1e-7, atol=1e-10)
    winner = costs.argmin(0)
    assert torch.equal(whole.extras["member"], winner)
    for i, member in enumerate(winner.tolist()):
        torch.testing.assert_close(whole.x[i], alone[member].x[i], rtol=1e-6, atol=1e-8)


def test_only_the_best_hypotheses_go_on(model, shared, monkeypatch):
    sizes = []
    cosine = OBJECTIVES["cosine"]

    def counted(*arguments):
        sizes.append(len(arguments[1]))
        return cosine(*arguments)

    monkeypatch.setitem(OBJECTIVES, "cosine", counted)
    found = attack(model, shared, keep=2, **SMALL)
    # Ten hypotheses for 3 iterations, a ranking of them, two for 9 iterations and the final cost.
    assert sizes == [5] * (10 * 3 + 10 + 2 * 9 + 2)
    monkeypatch.undo()
    short = SMALL | {"iterations": 3, "prune_at": 1.0, "decay": "none"}
    ranking = [
        attack(model, replace(shared, policy=policies.parse(name)), **short).cost
        for name in shared.policy.name.split("+")
    ]
    best = torch.stack(ranking).argmin(0)
    one = attack(model, shared, keep=1, **SMALL | {"decay": "none"})
    assert torch.equal(one.extras["member"], best)
    assert (found.iterations == 12).all()


@pytest.mark.parametrize("chunk", [1, 2])
def test_the_size_of_chunk_and_block_changes_no_row(chunk, model, shared):
    settings = SMALL | {"max_hypotheses": 4}
    whole = attack(model, shared, **settings)
    pieces = attack(model, shared, chunk=chunk, **settings)
    rows = torch.tensor([3, 1])
    part = attack(model, shared[rows], images=[IMAGES[i] for i in rows], chunk=chunk, **settings)
    torch.testing.assert_close(pieces.x, whole.x, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(part.x, whole.x[rows], rtol=1e-6, atol=1e-8)
    assert torch.equal(pieces.extras["hypothesis"], whole.extras["hypothesis"])


# Of 10 hypotheses x 3 iterations, their ranking, and 2 x 9 iterations: before and after pruning.
@pytest.mark.parametrize("stop", [17, 51])
def test_a_resumed_attack_ends_as_an_uninterrupted_one_to_the_bit(
    stop, model, shared, tmp_path, monkeypatch
):
    settings = SMALL | {"trace": True}
    whole = attack(model, shared, **settings)
    cosine, steps = OBJECTIVES["cosine"], iter(range(1000))

    def failing(*arguments):
        if next(steps) == stop:
            raise InterruptedError
        return cosine(*arguments)

    monkeypatch.setitem(OBJECTIVES, "cosine", failing)
    with pytest.raises(InterruptedError):
        attack(model, shared, state=State(tmp_path, {}, interval=0.0), **settings)
    monkeypatch.undo()
    resumed = attack(model, shared, state=State(tmp_path, {}), **settings)
    torch.testing.assert_close(resumed.x, whole.x, rtol=0, atol=0)
    for name, values in whole.extras.items():
        torch.testing.assert_close(resumed.extras[name], values, rtol=0, atol=0)
    assert torch.isfinite(whole.extras["cosines"]).all()


def test_an_image_that_fails_spares_its_neighbours(model, shared):
    gradients = [g.clone() for g in shared.gradients]
    gradients[0][1] = torch.nan
    found = attack(model, replace(shared, gradients=gradients), **SMALL)
    plain = attack(model, shared, **SMALL)
    assert found.status == ["ok", "failed", "ok", "ok", "ok"]
    assert found.iterations.tolist() == [12, 0, 12, 12, 12]
    others = [0, 2, 3, 4]
    torch.testing.assert_close(found.x[others], plain.x[others], rtol=1e-7, atol=1e-9)
    assert torch.isfinite(found.x).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": "sings"}, "factors: 'sings' .* did you mean 'signs'"),
        ({"prune_at": 0.0}, "prune_at: 0.0"),
        ({"keep": 0}, "keep: 0"),
        ({"max_hypotheses": 0}, "max_hypotheses: 0"),
    ],
)
def test_a_wrong_parameter_is_named(changes, message, model, shared):
    with pytest.raises(ReveilError, match=message):
        attack(model, shared, **SMALL | changes)


def test_it_needs_a_policy_and_one_image_behind_a_gradient(model, shared):
    with pytest.raises(ReveilError, match="knows: 'nothing' is not allowed for method 'aware'"):
        attack(model, replace(shared, policy=None, augment=None), **SMALL)
    pairs = replace(shared[torch.arange(4)], labels=LABELS[:4].view(2, 2), batch=2)
    gradients = [g[:2] for g in pairs.gradients]
    with pytest.raises(ReveilError, match="batch: 2"):
        attack(model, replace(pairs, gradients=gradients), images=IMAGES[:4], **SMALL)


@pytest.mark.parametrize("label", ["idlg", "joint"])
def test_classes_are_found_with_the_hypotheses(label, model, shared):
    found = attack(model, replace(shared, labels=None), label=label, **SMALL)
    assert found.labels.shape == (5,)
    assert found.status == ["ok"] * 5
    if label == "idlg":
        assert torch.equal(found.labels, LABELS)
        known = attack(model, shared, **SMALL)
        torch.testing.assert_close(found.x, known.x, rtol=0, atol=0)


def test_it_finds_the_victims_draws_and_their_images():
    model = pictured.small_network()
    signs = [torch.tensor([1, -1, 1, -1, 1, -1]), torch.tensor([1, 1, -1, -1, 1, -1])]
    used, _ = pictured.transformed("3-7", signs)
    shared = pictured.shared_by(model, used, "only-3-7")
    plain = pictured.attack(model, shared, 200)
    found = pictured.attack(model, shared, 200, method="aware")
    agree = (found.extras["signs"][:, :2] == torch.stack(signs, 1)).all(1)
    assert agree.sum() >= 5
    gain = pictured.scores(found.x, used) - pictured.scores(plain.x, used)
    assert gain.median() > 10


def test_it_learns_a_factor_with_the_image():
    model = pictured.small_network()
    rows = slice(3, 6)
    used, _ = pictured.transformed("15", [-torch.ones(6)])
    shared = pictured.shared_by(model, used, "only-15", rows)
    found = pictured.attack(model, shared, 200, method="aware", factors="learned")
    assert found.extras["hypothesis"].tolist() == [0] * 3
    assert (found.extras["signs"][:, 0] < -0.3).all()
    assert (found.extras["signs"][:, 1:] == 0).all()
