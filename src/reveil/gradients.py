"""Per-image gradients of a block of images: problems of one image each.

See :mod:`reveil.batch_gradients`, which does the work and knows larger batches.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from reveil.batch_gradients import Products, problem_gradients, problem_products


def per_image_gradients(
    model: nn.Module, x: Tensor, labels: Tensor, *, factor: float = 1.0, create_graph: bool = False
) -> list[Tensor]:
    """Return d(factor * cross-entropy)/d(parameter) of every image by itself.

    Args:
        model: network in eval mode; its parameters are taken as constants.
        x: (B, C, H, W) normalised images.
        labels: (B,) class indices, or (B, classes) probabilities.
        factor: what the loss is multiplied with.
        create_graph: make the result differentiable, once, with respect to ``x``.

    Returns:
        One ``(B, *shape)`` tensor per trainable parameter, in the order of ``named_parameters``.

    Raises:
        ValueError: the model is in training mode, where images are not independent.
    """
    return problem_gradients(model, x, labels, factor=factor, create_graph=create_graph)


def gradient_products(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    target: Sequence[Tensor],
    *,
    factor: float = 1.0,
) -> Products:
    """Return <g, t> and <g, g> per image and parameter tensor.

    Equal to inner products of :func:`per_image_gradients`, but large gradients are never formed.
    Differentiable, once, with respect to ``x`` where it requires a gradient.

    Args:
        target: ``(B, *shape)`` tensors in the order of ``named_parameters``; fastest in the memory
            layout of :func:`kernel_last`.

    Raises:
        ValueError: as :func:`per_image_gradients`.
    """
    return problem_products(model, x, labels, target, factor=factor)


def kernel_last(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors with the input channels of (B, O, C, kh, kw) weights last in memory."""
    return [
        g.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3) if g.dim() == 5 else g
        for g in gradients
    ]
