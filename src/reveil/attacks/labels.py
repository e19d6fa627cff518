"""Attacks that are not told the classes: inferred before, or looked for with the images.

Both are mixed into any method of gradient matching by :func:`with_labels`. What they find comes
back as the labels of the :class:`~reveil.attacks.interface.Reconstruction`; where the shared
gradient was defended or comes from several images it may be wrong, and the rows then show it.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from reveil.attacks.run import LABELS, Live, Problem
from reveil.attacks.settings import Settings
from reveil.errors import ReveilError
from reveil.rng import generator
from reveil.scene import Shared

LOGITS = "logits"


def with_labels(method: type[Problem], settings: Settings) -> type[Problem]:
    """Return the method, which matches gradients, with the classes from ``settings.label``."""
    mixin = {"idlg": InferredLabels, "joint": JointLabels}.get(settings.label)
    return method if mixin is None else type(mixin.__name__, (mixin, method), {})


def last_linear(model: nn.Module) -> str:
    """Return the name of the last linear layer, that of the classes.

    Raises:
        ReveilError: there is none.
    """
    names = [name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not names:
        raise ReveilError("label: only 'known' is allowed for a model without a linear layer")
    return names[-1]


def infer_labels(model: nn.Module, shared: Shared) -> Tensor:
    """Return the classes that the gradient of the last linear layer shows.

    The row of class c of its weight gradient is the mean over images of (p_c - y_c) times the
    features, so with features that are not negative (after a ReLU or a sigmoid) it is negative only
    if c is the class of an image. For one image the class with the lowest sum of its row is taken
    (iDLG, Zhao et al. 2020); for b images the b classes of which the lowest element of
    the row is lowest, lowest first, a class at most once (Yin et al. 2021).

    Returns:
        (P,) int64, or (P, b) where b images stand behind each gradient.

    Raises:
        ReveilError: there is no gradient of a last linear layer, or it has fewer classes than
            images stand behind a gradient.
    """
    name = f"{last_linear(model)}.weight"
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    if name not in names:
        raise ReveilError("label: only 'known' is allowed where the last linear layer is frozen")
    rows = shared.gradients[names.index(name)]
    if shared.batch == 1:
        return rows.sum(2).argmin(1)
    if shared.batch > rows.shape[1]:
        raise ReveilError(
            f"label: 'idlg' finds every class once, of {rows.shape[1]}; a batch of {shared.batch} "
            "is not allowed"
        )
    return rows.amin(2).topk(shared.batch, dim=1, largest=False).indices


class InferredLabels(Problem):
    """Mixed into a method: classes inferred before its first iteration."""

    def __init__(
        self, model: nn.Module, shared: Shared, settings: Settings, loss_factor: float
    ) -> None:
        inferred = infer_labels(model, shared)
        super().__init__(model, replace(shared, labels=inferred), settings, loss_factor)

    def extras(self, live: Live) -> Live:
        """Return what the method does, and the classes."""
        return {**super().extras(live), LABELS: self.labels}


class JointLabels(Problem):
    """Mixed into a method: probabilities of the classes are optimised with the images.

    They are the softmax of a further variable (DLG, Zhu et al. 2019), which starts at N(0, 1) from
    the stream (seed, "attack labels", image, restart) and gets the method's steps, without sign or
    box. As in the code of Gao et al. 2021, the gradient of the last linear layer is not matched.
    """

    def __init__(
        self, model: nn.Module, shared: Shared, settings: Settings, loss_factor: float
    ) -> None:
        network, part = without_last_linear(model, shared)
        self.classes = network.get_submodule(last_linear(network)).out_features
        super().__init__(network, part, settings, loss_factor)

    def begin(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the variables of the method, and logits."""
        variables = super().begin(images, seed, restart)
        streams = [generator(seed, "attack labels", i, restart) for i in images]
        logits = torch.stack([torch.randn(self.classes, generator=stream) for stream in streams])
        batch = variables["x"].shape[:-3]
        return {**variables, LOGITS: logits.view(*batch, -1).to(variables["x"])}

    def variables(self, live: Live) -> Live:
        """Return the variables of the method, and logits."""
        return {**super().variables(live), LOGITS: live[LOGITS]}

    def labels_of(self, variables: Live) -> Tensor:
        """Return the probabilities."""
        return variables[LOGITS].softmax(-1)

    def extras(self, live: Live) -> Live:
        """Return what the method does, and the most probable classes."""
        return {**super().extras(live), LABELS: live[LOGITS].argmax(-1)}


def without_last_linear(model: nn.Module, shared: Shared) -> tuple[nn.Module, Shared]:
    """Return a copy of the model with its last linear layer frozen, and what else was shared.

    Raises:
        ReveilError: the model has no linear layer.
    """
    network = copy.deepcopy(model)
    names = [n for n, p in network.named_parameters() if p.requires_grad]
    network.get_submodule(last_linear(network)).requires_grad_(False)
    left = {n for n, p in network.named_parameters() if p.requires_grad}
    gradients = [g for n, g in zip(names, shared.gradients, strict=True) if n in left]
    return network, replace(shared, gradients=gradients, labels=None)
