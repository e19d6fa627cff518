"""What a plug-in file imports: decorators that name a function or class in the config.

A plug-in is a Python file of the user's that the key ``plugins`` of the configuration names::

    from reveil.plugins import defence

    @defence("round-3")
    def apply(gradients, generator):
        return [g.mul(1000).round().div(1000) for g in gradients]

Plans read the decorators without running the file, so names and all other arguments are written out
as literals. Only jobs that need one of its names run the file. The guides
``docs/guides/own-*.md`` have an example of each kind.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from reveil.plugins.known import ATS, ATTACK, DATASET, DEFENCE, MODEL, POLICY, Key

__all__ = ["attack", "dataset", "defence", "model", "policy"]

Thing = TypeVar("Thing", bound=Callable[..., Any])
Register = Callable[[Thing], Thing]

# What decorators tell while a file is run; a file that nobody loads as a plug-in tells nobody.
_LISTENING: list[dict[Key, Callable[..., Any]]] = []


def dataset(
    name: str,
    *,
    classes: int,
    size: int,
    channels: int,
    train: int,
    test: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    title: str | None = None,
) -> Register:
    """Register ``load(split)``: all images of ``"train"`` or ``"test"`` and their labels.

    It returns uint8 (N, channels, size, size) and whole numbers (N,) from 0 to classes - 1, as
    NumPy arrays or tensors.

    Args:
        name: lower case, digits and single hyphens, as all names are.
        classes, size, channels: of the images; channels are 1 or 3.
        train, test: how many images each split has.
        mean, std: by which networks get them normalised, per channel and on the [0, 1] scale; 0.5
            where nothing is said.
        title: for people; the name where nothing is said.
    """
    return _register(DATASET, "", name)


def model(name: str, *, study: str = ATS, parameters: Mapping[str, Any] | None = None) -> Register:
    """Register a network, its first weights drawn from PyTorch's global random state.

    - ``ats``: ``build(channels, size, classes, **parameters)``, a ``torch.nn.Module`` that makes
      logits (B, classes) of images (B, channels, size, size).
    - ``cvnn``: ``sections(channels, size, classes, cloud, ending, **parameters)``, a
      ``reveil.cvnn.networks.sections.Sections``: encoder, processing and decoder. The processing
      takes its layers from the kit ``cloud``, so that it commutes with a rotation;
      ``ending(width)`` closes the encoder.
    - ``unir``: ``build(channels, size, **parameters)``, a ``torch.nn.Module`` that makes of
      measurements (B, channels, size, size) unbounded values of the same form, of which tanh gives
      the images.

    Args:
        name: of the network.
        study: ``ats``, ``cvnn`` or ``unir``.
        parameters: keyword arguments of each call, for several names of one function.
    """
    return _register(MODEL, study, name)


def policy(name: str, *, study: str = ATS, parameters: Mapping[str, Any] | None = None) -> Register:
    """Register what is done to an image before an adversary sees a trace of it.

    - ``ats``: ``apply(images, streams, **parameters)``, images transformed before they are trained
      on or shared: uint8 (B, C, H, W) to the same form, with a ``torch.Generator`` for each. Or a
      class, made of the parameters, with the method ``apply(images, streams)``, which may tell
      attackers who know the policy: ``draws(shape)``, a list of all that may be drawn for an image
      (C, H, W); ``seen(values, draw)``, what one of these makes of values (B, C, H, W) from 0 to 1,
      differentiable; ``reach(size)``, by how many pixels (x, y) content is moved at most.
    - ``unir``: a class that extends ``reveil.unir.operators.base.Operator``, how images are
      measured; its parameters are ``self.settings.parameters``.
    - ``cvnn``: ``protect(features, noise, **parameters)``, features (B, c, h, w) changed before
      they leave the device, with standard normal noise of their shape; differentiable.

    Args:
        name: of the policy.
        study: ``ats``, ``cvnn`` or ``unir``.
        parameters: values by name; of ``cvnn`` and ``unir`` those that presets may change.
    """
    return _register(POLICY, study, name)


def attack(name: str, *, study: str = ATS, parameters: Mapping[str, Any] | None = None) -> Register:
    """Register how an adversary guesses images.

    - ``ats``: ``reconstruct(model, shared, parameters, images, seed, *, device, chunk, state,
      dtype, loss_factor)``, see :mod:`reveil.attacks.interface`; it returns a ``Reconstruction``,
      or the normalised images alone.
    - ``unir``: ``restore(y, known, index, **parameters)``, images (B, C, H, W) in [-1, 1] of
      measurements; see ``Known`` of :mod:`reveil.unir.reconstruct.interface`.
    - ``cvnn``: ``make(known)``, an ``Attacker`` of :mod:`reveil.cvnn.attackers.interface`; its
      parameters are in ``known.attack``.

    Args:
        name: of the attack, and of the method that presets build on.
        study: ``ats``, ``cvnn`` or ``unir``.
        parameters: values by name, which presets may change under ``parameters``.
    """
    return _register(ATTACK, study, name)


def defence(name: str, *, parameters: Mapping[str, Any] | None = None) -> Register:
    """Register ``apply(gradients, generator, **parameters)``, what leaves of one gradient.

    The gradient is a list of one tensor per parameter of the network; it returns such a list of the
    same shapes. All that is random is drawn from the ``torch.Generator``, on the CPU.

    Args:
        name: of the defence.
        parameters: keyword arguments of each call, for several names of one function.
    """
    return _register(DEFENCE, "", name)


@contextmanager
def listening() -> Iterator[dict[Key, Callable[..., Any]]]:
    """Yield what is registered within the block, by kind, study and name."""
    found: dict[Key, Callable[..., Any]] = {}
    _LISTENING.append(found)
    try:
        yield found
    finally:
        _LISTENING.pop()


def _register(kind: str, study: str, name: str) -> Register:
    def register(thing: Thing) -> Thing:
        if _LISTENING:
            _LISTENING[-1][kind, study, name] = thing
        return thing

    return register
