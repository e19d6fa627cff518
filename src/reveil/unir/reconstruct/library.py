"""Reconstructions by scikit-image: biharmonic inpainting and deconvolution (section 8.2)."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from reveil.preset_values import AUTO
from reveil.progress import Progress
from reveil.unir.methods import MethodSettings
from reveil.unir.reconstruct.blurring import kernel_of
from reveil.unir.reconstruct.interface import Known, Method
from reveil.unir.reconstruct.observed import seen


class Biharmonic(Method):
    """Missing values solve the biharmonic equation with the observed ones as its boundary."""

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        from skimage.restoration import inpaint_biharmonic

        values, mask = seen(y, self.known.operator)
        planes = values.cpu().double().flatten(0, 1).numpy()
        missing = ~mask.cpu().flatten(0, 1).numpy()
        found, progress = [], Progress("biharmonic, planes", len(planes), ends=False)
        for plane, hole in zip(planes, missing, strict=True):
            found.append(inpaint_biharmonic(plane, hole) if not hole.all() else plane)
            progress.step()
        images = torch.from_numpy(np.stack(found)).view_as(values).to(values)
        return torch.where(mask, values, images.clamp(-1, 1))


class Deconvolution(Method):
    """A method of scikit-image for one channel that was blurred with a known kernel.

    The measurement is continued by its outermost values, as both methods would otherwise take the
    image for a periodic one, or for black around it.
    """

    def __init__(self, settings: MethodSettings, known: Known) -> None:
        super().__init__(settings, known)
        self.kernel = kernel_of(known.operator).numpy()

    @abstractmethod
    def sharpen(self, plane: np.ndarray) -> np.ndarray:
        """Return a sharper (H, W) plane, both in [-1, 1] but for noise."""

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        reach = len(self.kernel)
        planes = y.cpu().double().flatten(0, 1).numpy()
        inside = slice(reach, -reach)
        found = [
            self.sharpen(np.pad(plane, reach, mode="edge"))[inside, inside] for plane in planes
        ]
        return torch.from_numpy(np.stack(found)).view_as(y).to(y).clamp(-1, 1)


class Wiener(Deconvolution):
    """conj(H) / (|H|^2 + K) with K the noise-to-signal ratio, signals being white (4.3, 8.2).

    Such a signal has mean 0, so the filter sees the difference from the image's mean.
    """

    def sharpen(self, plane: np.ndarray) -> np.ndarray:
        from skimage.restoration import wiener

        height, width = plane.shape
        white, mean = np.ones((height, width // 2 + 1), dtype=np.complex128), plane.mean()
        ratio = self._ratio(plane)
        return wiener(plane - mean, self.kernel, ratio, reg=white, clip=False) + mean

    def _ratio(self, plane: np.ndarray) -> float:
        if self.settings.noise_to_signal != AUTO:
            return float(self.settings.noise_to_signal)
        reach = len(self.kernel)
        noise = self.known.operator.settings.noise_std**2
        power = plane[reach:-reach, reach:-reach].var() - noise
        # The 1e-6 is AmbientGAN's, who would divide by H = 0 where there is no noise; the other
        # bound stands for an image of one colour, whose variance may be estimated below 0.
        return noise / max(power, 1e-3) + 1e-6


class RichardsonLucy(Deconvolution):
    """Richardson-Lucy iterations on the scale [0, 1], where the method is defined."""

    def sharpen(self, plane: np.ndarray) -> np.ndarray:
        from skimage.restoration import richardson_lucy

        positive = np.clip((plane + 1) / 2, 0, 1)
        found = richardson_lucy(
            positive, self.kernel, num_iter=self.settings.iterations, filter_epsilon=1e-6
        )
        return 2 * found - 1


METHODS = {"biharmonic": Biharmonic, "wiener": Wiener, "richardson-lucy": RichardsonLucy}
