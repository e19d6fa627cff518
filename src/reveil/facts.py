"""What may make an image leak: properties of the image, and of the model at the image."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.chunks import run_in_chunks
from reveil.evaluation import AUTO_CHUNK
from reveil.precision import precision
from reveil.scene import Shared, Victims

# ITU-R 601, as in Pillow's conversion to grey.
LUMA = (0.299, 0.587, 0.114)


def image_facts(model: nn.Module, victims: Victims, shared: Shared) -> dict[str, Tensor]:
    """Return what is known of each attacked image before any attack.

    Contrast and edges are those of the image before any transformation, so that they belong to the
    image and not to a draw; loss and confidence are the model's, in eval mode, at what the victim
    used; the norm is that of the gradient that left the victim, defended and of its whole batch.

    Args:
        model: the attacked network in eval mode, on any device.

    Returns:
        (B,) float64 each: ``contrast``, standard deviation of luma on the [0, 1] scale;
        ``edge_density``, mean length of luma's gradient by forward differences, per pixel;
        ``victim_loss``, cross-entropy; ``victim_confidence``, probability of the true class;
        ``gradient_norm``, Euclidean.
    """
    light = luma(victims.originals.cpu())
    loss = _losses(model, victims)
    norms = [torch.linalg.vector_norm(g, dim=tuple(range(1, g.dim()))) for g in shared.gradients]
    norm = torch.linalg.vector_norm(torch.stack(norms, 1).double(), dim=1)
    batch = len(victims.images) // len(norm)
    return {
        "contrast": light.flatten(1).std(1, correction=0),
        "edge_density": edge_density(light),
        "victim_loss": loss,
        "victim_confidence": (-loss).exp(),
        "gradient_norm": norm.cpu().repeat_interleave(batch),
    }


def luma(images: Tensor) -> Tensor:
    """Return (B, H, W) float64 on the [0, 1] scale of uint8 images (B, C, H, W), C 1 or 3."""
    scaled = images.double() / 255
    if images.shape[1] == 1:
        return scaled[:, 0]
    return torch.einsum("bchw,c->bhw", scaled, torch.tensor(LUMA, dtype=torch.float64))


def edge_density(light: Tensor) -> Tensor:
    """Return (B,) mean sqrt(dx^2 + dy^2) of luma (B, H, W), forward differences of one pixel."""
    corner = light[:, :-1, :-1]
    dx, dy = light[:, :-1, 1:] - corner, light[:, 1:, :-1] - corner
    return torch.hypot(dx, dy).mean((1, 2))


def _losses(model: nn.Module, victims: Victims) -> Tensor:
    """Return (B,) float64 cross-entropies of the network at what the victims used."""
    device = next(model.parameters()).device

    @torch.no_grad()
    def losses(rows: slice) -> Tensor:
        logits = model(victims.x[rows].to(device)).double()
        return F.cross_entropy(logits, victims.labels[rows].to(device), reduction="none").cpu()

    chunk = AUTO_CHUNK.get(device.type, AUTO_CHUNK["cpu"])
    with precision("fp32", device):
        return torch.cat(run_in_chunks(losses, len(victims.images), chunk))
