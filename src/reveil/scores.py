"""The two scores of a policy, without training on it: privacy and accuracy (Gao et al. 2021).

Every draw depends on the seed and the number of the image only, not on the policy: all policies
are scored on the same start points, crops, flips and signs, so that their differences are not
drowned in the noise of the draws, and the start points are worked on once for all of them. Networks
are computed in single precision on every device.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reveil.chunks import run_in_chunks, run_side_by_side
from reveil.convolutions import serving
from reveil.convolutions.plain import PlainConvolutions
from reveil.convolutions.serving import multiply_adds
from reveil.cosines import Gradients, cosines, gradient_factors
from reveil.errors import ReveilError, not_allowed
from reveil.models.replicas import replica
from reveil.policies import Policy
from reveil.precision import precision
from reveil.rng import generator, stream_seed
from reveil.views import View

EIGENVALUE_EPS = 1e-5
# Images of S_acc at a time where each core takes its own: enough to share a layer's weights.
SERVED_CHUNK = 16
QUADRATURES = ("trapezoid", "left")
GRADSIMS = ("per_tensor", "global")
INITS = ("one", "per_policy", "averaged")
# Small working sets stay near the caches of a CPU; a GPU wants hundreds of points at once.
CPU_WORKING_BYTES = 128 * 2**20
CPU_START_BYTES = 2**30
GPU_WORKING_SHARE = 0.25
GPU_START_SHARE = 0.2


@dataclass(frozen=True)
class Sample:
    """Raw images that a score is computed on.

    Attributes:
        images: (N, c, h, w) uint8, as the dataset stores them.
        labels: (N,) int64.
        index: the number of each image in its split, which names its random streams.
    """

    images: Tensor
    labels: Tensor
    index: Sequence[int]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.index) or not len(self.images):
            raise ReveilError(
                f"images to score: {len(self.images)} images, {len(self.labels)} labels and "
                f"{len(self.index)} numbers are given; there must be as many of each, at least one"
            )

    def pick(self, rows: Tensor) -> "Sample":
        """Return the images at ``rows``, an index tensor."""
        index = [self.index[i] for i in rows.tolist()]
        return Sample(self.images[rows], self.labels[rows], index)


def victim_images(
    view: View, policy: Policy, sample: Sample, seed: int, purpose: str, device: torch.device
) -> Tensor:
    """Return (N, C, H, W) normalised images under the full chain; under ``none`` they are as is."""
    augment = policy.augment or ("crop_flip+policy" if any(policy.members) else "none")
    draws = view.draw(policy, sample.index, seed, purpose=purpose, augment=augment)
    return view.normalise(view.victim(sample.images.to(device), draws, policy), split="score")


def gradsim_curves(
    model: nn.Module,
    starts: Tensor,
    targets: Tensor,
    labels: Tensor,
    points: int,
    start_gradients: Sequence[Gradients] | None = None,
) -> Tensor:
    """Return (2, B, points + 1) gradient similarities on the way from noise to the image.

    Point i of K = ``points`` is x_i = (i/K) xT + (1 - i/K) x0; its value is the similarity of the
    parameter gradients at x_i and at xT (Gao et al. 2021, the privacy score). Row 0 is the mean of
    the cosines per tensor, row 1 the cosine of the whole gradient.

    Args:
        model: network in eval mode.
        starts, targets: (B, C, H, W) normalised x0 and xT.
        labels: (B,) true classes.
        start_gradients: what :func:`reveil.cosines.gradient_factors` gave for ``starts``.
    """
    first = 0 if start_gradients is None else 1
    share = torch.arange(first, points + 1, device=targets.device).to(targets.dtype) / points
    share = share[None, :, None, None, None]
    way = (share * targets[:, None] + (1 - share) * starts[:, None]).flatten(0, 1)
    count = share.shape[1]
    way = way.contiguous(memory_format=torch.channels_last)
    gradients = gradient_factors(model, way, labels.repeat_interleave(count))
    ends = [g.rows(slice(count - 1, None, count)) for g in gradients]
    products = [g.inner(end) for g, end in zip(gradients, ends, strict=True)]
    norms = [g.squares().reshape(-1, count) for g in gradients]
    end_norms = [norm[:, -1:] for norm in norms]
    if start_gradients is not None:
        at_start = [g.inner(end) for g, end in zip(start_gradients, ends, strict=True)]
        products = [torch.cat(pair, 1) for pair in zip(at_start, products, strict=True)]
        at_start = [g.squares()[:, None] for g in start_gradients]
        norms = [torch.cat(pair, 1) for pair in zip(at_start, norms, strict=True)]
    return cosines(products, norms, end_norms)


def integrate(curves: Tensor, quadrature: str) -> Tensor:
    """Return the integral over [0, 1] of (..., K + 1) equidistant values.

    ``trapezoid`` is what the papers' code computes; ``left``, the sum over i < K, what Gao et al.
    2021 print.
    """
    if quadrature not in QUADRATURES:
        raise ReveilError(not_allowed("s_pri.quadrature", quadrature, QUADRATURES))
    left = curves[..., :-1]
    return (left if quadrature == "left" else (left + curves[..., 1:]) / 2).mean(-1)


class PrivacyScore:
    """S_pri of Gao et al. 2021: how similar gradients are on the way to the transformed image.

    Args:
        model: the search model, in eval mode, on ``device``.
        sample: the images, each with its true label.
        view: what the network sees of the dataset.
        seed: of the start points and of the policy's draws.
        points: intervals K of the way; it has K + 1 points.
        quadrature, gradsim: which integral, and which similarity, is the score.
        repeats: draws of x0 and xT per image; the score of an image is their mean.
        chunk: images at a time, or ``auto`` by memory.
    """

    def __init__(
        self,
        model: nn.Module,
        sample: Sample,
        view: View,
        seed: int,
        *,
        points: int = 20,
        quadrature: str = "trapezoid",
        gradsim: str = "per_tensor",
        repeats: int = 1,
        device: torch.device | str = "cpu",
        chunk: int | str = "auto",
    ) -> None:
        if gradsim not in GRADSIMS:
            raise ReveilError(not_allowed("s_pri.gradsim", gradsim, GRADSIMS))
        integrate(torch.zeros(2), quadrature)
        self.model, self.sample, self.view, self.seed = model, sample, view, seed
        self.points, self.quadrature, self.gradsim = points, quadrature, gradsim
        self.repeats, self.device = repeats, torch.device(device)
        self.dtype = next(model.parameters()).dtype
        self.labels = sample.labels.to(self.device)
        self.starts = [self._draw_starts(repeat) for repeat in range(repeats)]
        self._start_gradients: dict[tuple[int, int, int], list[Gradients]] = {}
        self._start_room = _room(self.device, GPU_START_SHARE, CPU_START_BYTES)
        self.chunk = self._automatic_chunk() if chunk == "auto" else int(chunk)
        # Multiply-adds of a policy: forward, data gradient and weight gradient of every point.
        with precision("fp32", self.device):
            one = multiply_adds(model, view.shape)
        self.work = 3 * one * len(self.labels) * points * repeats

    def curves(self, policy: Policy) -> Tensor:
        """Return (2, N, K + 1) similarities, float64 on the CPU, averaged over the repeats.

        Row 0 is the mean of the cosines per tensor, row 1 the cosine of the whole gradient.
        """
        return self._repeated_curves(policy).mean(0)

    def __call__(self, policy: Policy) -> tuple[Tensor, Tensor]:
        """Return (N,) scores of the images by the chosen similarity, and (N,) by the global one."""
        chosen, whole = self.repeated(policy)
        return chosen.mean(0), whole.mean(0)

    def repeated(self, policy: Policy) -> tuple[Tensor, Tensor]:
        """Return what a call does of each repeat by itself: (repeats, N) scores, twice."""
        integrals = integrate(self._repeated_curves(policy), self.quadrature)
        return integrals[:, GRADSIMS.index(self.gradsim)], integrals[:, 1]

    def _repeated_curves(self, policy: Policy) -> Tensor:
        curves = []
        for repeat in range(self.repeats):

            def work(piece: slice, repeat: int = repeat) -> Tensor:
                return self._piece(policy, repeat, piece)

            with precision("fp32", self.device):
                if serving.active():
                    # In order, as there may be room for the first ones only.
                    for start in range(0, len(self.labels), self.chunk):
                        piece = slice(start, min(start + self.chunk, len(self.labels)))
                        self._gradients_at_start(repeat, piece)
                curves.append(torch.cat(_run(work, len(self.labels), self.chunk, "GradSim"), 1))
        return torch.stack(curves)

    def _piece(self, policy: Policy, repeat: int, piece: slice) -> Tensor:
        rows = torch.arange(piece.start, piece.stop)
        purpose = _purpose("score", repeat)
        targets = victim_images(
            self.view, policy, self.sample.pick(rows), self.seed, purpose, self.device
        ).to(self.dtype)
        starts = self.starts[repeat][piece].to(self.device)
        gradients = self._gradients_at_start(repeat, piece)
        # Gradients are taken by hooks, and pieces may be worked on side by side.
        model = replica(self.model) if serving.active() else self.model
        found = gradsim_curves(model, starts, targets, self.labels[piece], self.points, gradients)
        return found.to("cpu", torch.float64)

    def _draw_starts(self, repeat: int) -> Tensor:
        purpose = _purpose("start", repeat)
        uniform = [
            torch.rand(self.view.shape, generator=generator(self.seed, purpose, image))
            for image in self.sample.index
        ]
        # The view takes the scale of bytes.
        return self.view.normalise(255 * torch.stack(uniform), split="start").to(self.dtype)

    def _gradients_at_start(self, repeat: int, piece: slice) -> list[Gradients] | None:
        """Return the gradients at x0, kept for all policies while there is room for them."""
        key = (repeat, piece.start, piece.stop)
        if key not in self._start_gradients and self._start_room > 0:
            starts = self.starts[repeat][piece].to(self.device)
            found = gradient_factors(self.model, starts, self.labels[piece])
            self._start_room -= sum(g.nbytes for g in found)
            self._start_gradients[key] = found
        return self._start_gradients.get(key)

    def _automatic_chunk(self) -> int:
        """Return how many images fit the working set, by what autograd keeps for one point."""
        kept = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += 0 if isinstance(tensor, nn.Parameter) else tensor.nbytes
            return tensor

        one = self.starts[0][:1].to(self.device).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            self.model(one)
        room = _room(self.device, GPU_WORKING_SHARE, CPU_WORKING_BYTES)
        # As much again is needed for the gradients of what is kept.
        return int(max(1, min(len(self.labels), room // (2 * kept * (self.points + 1)))))


class AccuracyScore:
    """S_acc of Gao et al. 2021: how well an untrained network tells the transformed images apart.

    The score of a batch is -sum_i [log(s_i + eps) + 1/(s_i + eps)] over the eigenvalues s_i of the
    correlation matrix of its Jacobian's rows (Mellor et al. 2021, as the papers' code has it: a
    sum over rows, and higher is better).

    Args:
        make_init: from a seed to the search model's architecture at random initialisation.
        sample: the images, ``batches`` equal batches one after the other.
        view, seed: as for :class:`PrivacyScore`.
        batches: how many batches the sample holds.
        inits: ``one`` initialisation for all policies; one ``per_policy``; or the score
            ``averaged`` over ``init_count`` initialisations, the same for all policies.
        dedup: keep the first image of every class in a batch only, as the papers' code does.
        chunk: images at a time, or ``auto``.
    """

    def __init__(
        self,
        make_init: Callable[[int], nn.Module],
        sample: Sample,
        view: View,
        seed: int,
        *,
        batches: int,
        inits: str = "one",
        init_count: int = 1,
        dedup: bool = True,
        device: torch.device | str = "cpu",
        chunk: int | str = "auto",
    ) -> None:
        if inits not in INITS:
            raise ReveilError(not_allowed("s_acc.inits", inits, INITS))
        if batches < 1 or len(sample.labels) % batches:
            raise ReveilError(
                f"s_acc.images: {len(sample.labels)} images do not make {batches} equal batches"
            )
        self.make_init, self.view, self.seed, self.inits = make_init, view, seed, inits
        self.device = torch.device(device)
        self.chunk = (512 if self.device.type == "cuda" else 64) if chunk == "auto" else int(chunk)
        labels = sample.labels.reshape(batches, -1)
        kept = first_of_each_class(labels) if dedup else torch.ones_like(labels, dtype=torch.bool)
        self.counts = kept.sum(1)
        self.sample = sample.pick(kept.flatten().nonzero()[:, 0])
        shared = {"one": 1, "per_policy": 0, "averaged": init_count}[inits]
        self.models = [self._model(number) for number in range(shared)]
        # Multiply-adds of a policy: forward and data gradient of every image.
        model = self.models[0] if self.models else self._model(0)
        with precision("fp32", self.device):
            one = multiply_adds(model, view.shape)
        self.work = 2 * one * len(self.sample.labels) * max(1, shared)

    def __call__(self, policy: Policy, name: str | None = None) -> Tensor:
        """Return (batches,) scores, float64; ``name`` names the policy's own initialisation."""
        images = victim_images(self.view, policy, self.sample, self.seed, "score", self.device)
        models = self.models or [self._model(policy.name if name is None else name)]
        with precision("fp32", self.device):
            jacobians = [self._jacobian(model, images) for model in models]
        scores = [correlation_scores(rows, self.counts) for rows in jacobians]
        return torch.stack(scores).mean(0)

    def _model(self, init: object) -> nn.Module:
        model = self.make_init(stream_seed(self.seed, "search-init", init))
        return model.to(self.device).eval()

    def _jacobian(self, model: nn.Module, images: Tensor) -> Tensor:
        dtype = next(model.parameters()).dtype
        chunk = min(self.chunk, SERVED_CHUNK) if serving.active() else self.chunk
        pieces = _run(
            lambda piece: input_gradients(model, images[piece].to(dtype)),
            len(images),
            chunk,
            "S_acc",
        )
        return torch.cat(pieces)


def _run(work: Callable[[slice], Tensor], count: int, chunk: int, score: str) -> list[Tensor]:
    """Return what is found of every slice, by all cores together or by each alone."""
    run = run_side_by_side if serving.active() else run_in_chunks
    return run(work, count, chunk, what=f"{score}, images")


def first_of_each_class(labels: Tensor) -> Tensor:
    """Return the mask of (batches, size) labels that did not occur before in their batch."""
    same = labels[:, :, None] == labels[:, None, :]
    return ~same.tril(diagonal=-1).any(2)


def input_gradients(model: nn.Module, x: Tensor) -> Tensor:
    """Return (B, C H W) gradients of the sum of all logits with respect to every image."""
    with torch.enable_grad():
        x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        with PlainConvolutions():
            total = model(x).sum()
        return torch.autograd.grad(total, x)[0].flatten(1)


def correlation_scores(rows: Tensor, counts: Tensor) -> Tensor:
    """Return (b,) float64 scores on the CPU of b batches of Jacobian rows, stacked.

    A constant row has no correlation; it counts as 0 with all rows, itself included, so that it
    adds an eigenvalue of 0 as a repeated row does and costs the score about 1e5. (The general
    eigenvalue solver of the papers' code meets not-a-numbers there.)

    Args:
        rows: (N, n), the rows of all batches one after the other.
        counts: (b,) rows of each batch.
    """
    rows = rows.to(torch.float64)
    centred = rows - rows.mean(1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    constant = norms <= 1e-12 * rows.norm(dim=1, keepdim=True)
    unit = torch.where(constant, 0.0, centred / torch.where(constant, 1.0, norms))
    batches = nn.utils.rnn.pad_sequence(unit.split(counts.tolist()), batch_first=True)
    correlation = (batches @ batches.transpose(1, 2)).cpu()
    # Rows that only fill up a batch are given the eigenvalue 1, apart from all others: their share
    # of the sum is known and taken off.
    filled = torch.arange(correlation.shape[1]) >= counts.cpu()[:, None]
    correlation += torch.diag_embed(filled.to(torch.float64))
    eigenvalues = torch.linalg.eigvalsh(correlation).clamp(min=0)
    return _eigenvalue_sum(eigenvalues) - filled.sum(1) * _eigenvalue_sum(torch.ones(1).double())


def _eigenvalue_sum(eigenvalues: Tensor) -> Tensor:
    shifted = eigenvalues + EIGENVALUE_EPS
    return -(shifted.log() + 1 / shifted).sum(-1)


def _purpose(name: str, repeat: int) -> str:
    return f"{name}-{repeat}" if repeat else name


def _room(device: torch.device, share: float, cpu_bytes: int) -> int:
    if device.type == "cuda":
        return int(share * torch.cuda.mem_get_info(device)[0])
    return cpu_bytes
