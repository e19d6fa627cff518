"""The methods of attacks on features, and the modules they are in.

Used while the graph is planned, so it does not import torch.
"""

from collections.abc import Mapping

# Modules of ``reveil.cvnn.attackers``, each with a function ``make(known) -> Attacker``.
MODULES: Mapping[str, str] = {
    "angle_search": "angles",
    "angle_regression": "angles",
    "blind": "blind",
    "decode": "decode",
    "two_image": "two_image",
    "infer": "inference",
    "knn": "neighbours",
}
# Methods that are after a property of the image and not after the image.
INFERENCE = ("infer", "knn")
