"""What plug-ins give to the study of measurements, tried: networks, operators, reconstructions."""

from reveil import config
from reveil.plugins.known import Declared
from reveil.plugins.trials import made_up
from reveil.plugins.trials.made_up import Form, Settings, listed
from reveil.unir.judging import judge
from reveil.unir.networks import build
from reveil.unir.operators.base import Operator
from reveil.unir.operators.interface import make
from reveil.unir.operators.measurements import Measurements
from reveil.unir.reconstruct.interface import Known, Reconstruction, reconstruct

OPERATOR = "block-pixels-50"
RECIPE = "unir"
# Whose recipe is taken; a plug-in's network has no special case in it.
DATASET = "fashion-mnist"
IMAGES = 4


def model(one: Declared, settings: Settings) -> str:
    """Build a generator, and take the gradient of what it makes of measurements."""
    recipe = config.resolve_recipe({}, settings.root, RECIPE, DATASET, one.name)
    shapes = []
    for form in settings.forms:
        network = build(one.name, *form[:2], recipe["reconstruction"], 0)
        y = _measured(settings, form, OPERATOR).y(range(IMAGES))
        made = network(y)
        loss = made.square().mean()
        loss.backward()
        made_up.require_finite(one, loss, network)
        shapes.append(tuple(made.shape))
    return f"{listed(shapes)} images of measurements, and gradients"


def policy(one: Declared, settings: Settings) -> str:
    """Measure images, go back through the measurement, and judge images by it."""
    shapes = []
    for form in settings.forms:
        measured = _measured(settings, form, one.name)
        x, theta = measured.clean(range(IMAGES)), measured.theta(range(IMAGES))
        y = measured.y(range(IMAGES))
        made = measured.operator.apply(x.clone().requires_grad_(), theta)
        made.square().mean().backward()
        measured.operator.observed(y)
        _judge(Reconstruction(x, 0.0), measured)
        shapes.append(tuple(y.shape))
    return f"{listed(shapes)} measurements"


def attack(one: Declared, settings: Settings) -> str:
    """Reconstruct images of which half of the values are missing, and judge them."""
    method = config.resolve_reconstruction({}, settings.root, one.name)
    shapes = []
    for form in settings.forms:
        measured = _measured(settings, form, OPERATOR)
        index = list(range(IMAGES))
        found = reconstruct(measured.y(index), index, method, Known(measured.operator, 0))
        _judge(found, measured)
        shapes.append(tuple(found.images.shape))
    return f"{listed(shapes)} images"


def _measured(settings: Settings, form: Form, name: str) -> Measurements:
    channels, size, _ = form
    operator: Operator = make(
        config.resolve_operator({}, settings.root, name), (channels, size, size)
    )
    return Measurements(operator, made_up.images(form, IMAGES).pixels, range(IMAGES), 0, "test")


def _judge(found: Reconstruction, measured: Measurements) -> None:
    rows = range(IMAGES)
    x, y, theta = measured.clean(rows), measured.y(rows), measured.theta(rows)
    judge(found, x, y, theta, measured.operator, index=rows, labels=[0] * IMAGES)
