"""What discriminator and generator minimise, from logits, and the likelihood of a reconstruction.

The terms are those of Pajot et al. 2019 (the algorithm as Guo et al. 2020 reprint it): D tells
measurements y from re-measured reconstructions y_hat = F(G(y); theta'), and G is also asked to
explain y_hat again: || y_hat - F(G(y_hat); theta') ||^2. Where the paper, its code and those who
read it differ, the likelihood has a switch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu, softplus

from reveil.errors import ReveilError, not_allowed
from reveil.unir.operators.base import Operator

DETACH = ("target", "both", "none", "output")
REDUCTIONS = ("mean", "sum")


class GanLoss(ABC):
    """The two sides of an adversarial loss, as functions of logits (B,); both are minimised.

    Attributes:
        penalised: whether the discriminator pays for gradients whose norm is not 1.
    """

    penalised: ClassVar[bool] = False

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's mean loss, without a penalty."""

    @abstractmethod
    def generator(self, fake: Tensor) -> Tensor:
        """Return the generator's mean loss."""


class CrossEntropy(GanLoss):
    """-log D(y) - log(1 - D(y_hat)), and the non-saturating -log D(y_hat); D = sigmoid(logit)."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()


class LeastSquares(GanLoss):
    """[(D(y) - 1)^2 + D(y_hat)^2] / 2, and (D(y_hat) - 1)^2 (Mao et al. 2017).

    Args:
        sigmoid: whether D is the sigmoid of the logit, as in the code released with Pajot et al.
            2019, and not the logit itself.
    """

    def __init__(self, sigmoid: bool = False) -> None:
        self.sigmoid = sigmoid

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = self._answers(real), self._answers(fake)
        return ((real - 1).square().mean() + fake.square().mean()) / 2

    def generator(self, fake: Tensor) -> Tensor:
        return (self._answers(fake) - 1).square().mean()

    def _answers(self, logits: Tensor) -> Tensor:
        return logits.sigmoid() if self.sigmoid else logits


class Hinge(GanLoss):
    """max(0, 1 - D(y)) + max(0, 1 + D(y_hat)), and -D(y_hat)."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()


class Wasserstein(GanLoss):
    """D(y_hat) - D(y) with a gradient penalty, and -D(y_hat) (Gulrajani et al. 2017)."""

    penalised = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()


GAN_LOSSES: dict[str, GanLoss] = {
    "bce": CrossEntropy(),
    "least-squares": LeastSquares(),
    "hinge": Hinge(),
    "wgan-gp": Wasserstein(),
}


def gan_loss(name: str, sigmoid: bool = False) -> GanLoss:
    """Return the adversarial loss of a recipe.

    Args:
        name: see ``GAN_LOSSES``.
        sigmoid: whether least squares are of the sigmoid of a logit.

    Raises:
        ReveilError: an unknown name.
    """
    if name not in GAN_LOSSES:
        raise ReveilError(not_allowed("recipe.reconstruction.gan_loss", name, GAN_LOSSES))
    return LeastSquares(sigmoid=True) if sigmoid and name == "least-squares" else GAN_LOSSES[name]


def squared_error(a: Tensor, b: Tensor, reduction: str = "mean") -> Tensor:
    """Return the squared error of a batch: the mean of all values, or the mean of images' sums.

    The algorithm's || . ||^2 is a sum; the weight 2 of the released code belongs to the mean.

    Args:
        a, b: (B, ...).
        reduction: ``mean`` or ``sum``.
    """
    squares = (a - b).square()
    return squares.mean() if reduction == "mean" else squares.flatten(1).sum(1).mean()


def likelihood(
    reconstruct: Callable[[Tensor], Tensor],
    operator: Operator,
    y_hat: Tensor,
    theta: Tensor,
    *,
    detach: str = "target",
    share_noise: bool = True,
    reduction: str = "mean",
) -> Tensor:
    """Return || y_hat - F(G(y_hat); theta') ||^2, the likelihood term of Pajot et al. 2019.

    It is the log likelihood of a simulated pair, negated and scaled, exact only where y alone tells
    theta (as with visible masks): log p(theta | x, y) is dropped from log p(y | x).

    Args:
        reconstruct: G, measurements to (B, C, H, W).
        y_hat: F(G(y); theta') + eps', with its gradient to G.
        theta: the theta' that made ``y_hat``, noise included.
        detach: what carries no gradient: the ``target`` y_hat of the comparison, as in the released
            code; ``both``, target and input of the second G; ``none``; or ``output``, the second
            reconstruction alone.
        share_noise: whether y_tilde has the noise of y_hat, which teaches G to denoise, or none, as
            the formula is printed.
        reduction: see :func:`squared_error`.

    Raises:
        ReveilError: an unknown ``detach`` or ``reduction``.
    """
    for key, value, allowed in (
        ("lik_detach", detach, DETACH),
        ("reduction", reduction, REDUCTIONS),
    ):
        if value not in allowed:
            raise ReveilError(not_allowed(f"recipe.reconstruction.{key}", value, allowed))
    x_tilde = reconstruct(y_hat.detach() if detach == "both" else y_hat)
    if detach == "output":
        x_tilde = x_tilde.detach()
    measure = operator.apply if share_noise else operator.without_noise
    target = y_hat if detach in ("none", "output") else y_hat.detach()
    return squared_error(measure(x_tilde, theta), target, reduction)
