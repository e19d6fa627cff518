"""Plug-in files with one mistake each, of every kind: code, and what is told of it."""

LINEAR = """
from torch import nn
class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.last = nn.Linear(inputs, outputs)
    def forward(self, x):
        {}
"""
NET = "def build(channels, size, classes): return Net(channels * size**2, classes)\n"
HALF = """class Half:
    def apply(self, images, streams): return images // 2
    def draws(self, shape): return {draws}
    def seen(self, values, draw): return {seen}
    def reach(self, size): return {reach}
"""
ATTACKER = """def make(known): return Mine(known)
import torch
from reveil.cvnn.attackers.interface import Guess
class Mine:
    def __init__(self, known): self.name, self.shape = known.name, known.shape
    def fit(self, own):
        self.mean = torch.zeros(self.shape)
        return []
    def tensors(self): return {tensors}
    def load(self, tensors): {load}
    def guess(self, seen): return Guess(images={guess}.expand(len(seen), *self.shape))
"""
LOADED = "self.mean = tensors['mean']"
CUT = """def sections(channels, size, classes, cloud, ending):
    encoder = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), ending(4))
    processor = nn.Sequential({})
    return Sections(encoder, processor, nn.Sequential(GlobalPool(), nn.Linear(4, classes)),
        (4, size, size))
from torch import nn
from reveil.cvnn.networks.sections import GlobalPool, Sections
"""
OPERATOR = """import torch; from reveil.unir.operators.base import Operator
@policy("w-17", study="unir")
class Mine(Operator):
    def sample_theta(self, n, generator): return torch.zeros(n)
    def apply(self, x, theta): return {}
"""
LOAD = """def load(split):
    n = 3 if split == "train" else 2
    return np.zeros((n, 1, 8, 8), {}), np.{}
import numpy as np
"""
SIZES = "classes=2, size=8, channels=1, train=3, test=2"
WRONG = {
    "a dataset of another type": (
        f"@dataset('w-0', {SIZES})\n" + LOAD.format("float", "zeros(n, int)"),
        "line 2, dataset 'w-0': returned float64 images (3, 1, 8, 8) for 'train', expected uint8",
    ),
    "a dataset whose test labels are wrong": (
        f"@dataset('w-1', {SIZES})\n" + LOAD.format("'u1'", "full(n, n - 3) if n > 2 else n"),
        "line 2, dataset 'w-1': returned int64 labels () for 'test', expected whole numbers (2,)",
    ),
    "a network whose images depend on each other": (
        "@model('w-2')\n" + NET + LINEAR.format("return self.last((x - x.mean(0)).flatten(1))"),
        "line 2, model 'w-2': the logits of an image depend on the images beside it, expected",
    ),
    "a network that cannot be trained": (
        "@model('w-3')\n"
        + NET
        + LINEAR.format("return self.last(x.flatten(1) if not self.training else x)"),
        "line 11, in forward: RuntimeError: mat1 and mat2 shapes cannot be multiplied",
    ),
    "a network whose training leads nowhere": (
        "@model('w-4')\n"
        + NET
        + LINEAR.format("return self.last(x.flatten(1)) / (0 if self.training else 1)"),
        "line 2, model 'w-4': has a gradient that is not finite in training, expected numbers",
    ),
    "a transformation that draws elsewhere": (
        "@policy('w-5')\ndef apply(images, streams):\n"
        "    return torch.randint_like(images, 256)\nimport torch\n",
        "line 2, policy 'w-5': makes something else of an image by itself than beside others, exp",
    ),
    "a transformation without draws": (
        "@policy('w-6')\n" + HALF.format(draws="[]", seen="values / 2", reach="(0, 0)"),
        "line 2, policy 'w-6': draws returned nothing, expected a list of all that may be drawn",
    ),
    "a transformation that autograd cannot follow": (
        "@policy('w-7')\n" + HALF.format(draws="[0]", seen="values.detach() / 2", reach="(0, 0)"),
        "line 2, policy 'w-7': seen returned values without a gradient, expected what autograd",
    ),
    "a transformation with half a reach": (
        "@policy('w-8')\n" + HALF.format(draws="[0]", seen="values / 2", reach="3"),
        "line 2, policy 'w-8': reach returned 3, expected pixels (x, y), each from 0",
    ),
    "an attack of another form": (
        "@attack('w-9')\ndef reconstruct(model, shared, *rest, **how):\n"
        "    return shared.gradients[0]\n",
        "line 2, attack 'w-9': returned x of torch.float32 (2, 12, 1, 5, 5), expected floating po",
    ),
    "an attack with a parameter that is not there": (
        "@attack('w-10', parameters={'steps': 2})\n"
        "def reconstruct(model, shared, parameters, *rest, **how):\n"
        "    return parameters['step']\n",
        "line 4, in reconstruct: KeyError: 'step'",
    ),
    "a defence that loses tensors": (
        "@defence('w-11')\ndef apply(gradients, generator): return gradients[:1]\n",
        "line 2, defence 'w-11': returned tensors of [(12, 1, 5, 5)], expected those of",
    ),
    "a private network that does not commute": (
        "@model('w-12', study='cvnn')\n" + CUT.format("cloud.conv(4, 4, 1), nn.ReLU()"),
        "line 2, model 'w-12': its processing does not commute with a rotation (a relative error",
    ),
    "a protection without a gradient": (
        "@policy('w-13', study='cvnn')\ndef f(features, noise): return features.detach()\n",
        "line 2, policy 'w-13': is not differentiable, expected that the encoder can learn",
    ),
    "an attacker who forgets": (
        "@attack('w-14', study='cvnn')\n"
        + ATTACKER.format(tensors="{}", load=LOADED, guess="self.mean"),
        "line 12, in load: KeyError: 'mean'",
    ),
    "an attacker out of range": (
        "@attack('w-15', study='cvnn')\n"
        + ATTACKER.format(tensors="{'mean': self.mean}", load=LOADED, guess="(self.mean + 2)"),
        "line 2, attack 'w-15': guessed images from 2 to 2, expected 0 to 1",
    ),
    "an attacker who is lost with his process": (
        "@attack('w-21', study='cvnn')\n"
        + ATTACKER.format(tensors="{}", load="pass", guess="self.mean"),
        "line 13, in guess: AttributeError: 'Mine' object has no attribute 'mean'",
    ),
    "a generator of smaller images": (
        "@model('w-16', study='unir')\ndef build(channels, size):\n"
        "    return nn.Conv2d(channels, channels, 3)\nfrom torch import nn\n",
        "line 2, model 'w-16': makes (2, 1, 10, 10) of measurements (2, 1, 12, 12), expected",
    ),
    "an operator that cuts": (
        OPERATOR.format("x[:, :, 1:]"),
        "line 3, policy 'w-17': apply returned torch.float32 (2, 1, 11, 12), expected floating",
    ),
    "a reconstruction out of range": (
        "@attack('w-18', study='unir')\ndef restore(y, known, index): return 0 * y + 3\n",
        "line 2, attack 'w-18': returned values from 3 to 3, expected -1 to 1",
    ),
    "a file that is not loaded": (
        "import no_such_module\n@defence('w-19')\ndef apply(gradients, generator): ...\n",
        "line 2, while it was loaded: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "a file that ends the process": (
        "@defence('w-20')\ndef apply(gradients, generator): ...\nraise SystemExit(0)\n",
        "line 2, defence 'w-20': ends the process (SystemExit: 0), expected that it goes on",
    ),
}
