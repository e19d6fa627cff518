"""What the judge and the tables make of a second image, and of PSNR that is infinite."""

import math

import numpy as np
import pytest
import torch

from reveil import datasets
from reveil.cvnn.attackers.interface import Guess
from reveil.cvnn.judging import judge
from reveil.cvnn.scene import Secrets
from reveil.cvnn.tables.measures import mean, prepared
from reveil.views import View
from tests.cvnn_tables import attacked

VIEW = View(datasets.get("cifar10"), "native", 3, "dataset")


def test_a_second_image_that_is_not_finite_fails_the_guess():
    grey = torch.full((2, 3, 12, 12), 0.5)
    second = grey.clone()
    second[1, 2, 0, 5] = math.inf
    secrets = Secrets(
        *(grey, grey.flip(0), torch.arange(2), torch.tensor([1, 0])),
        *(torch.zeros(2), torch.zeros(2, dtype=torch.bool), torch.arange(2)),
    )
    fine, failed = judge(Guess(images=grey, second=second), secrets, VIEW)
    assert (fine["status"], fine["rmse_either"]) == ("ok", 0.0)
    assert (failed["status"], failed["reason"]) == (
        "failed",
        "the guessed second image is not finite",
    )
    assert math.isnan(failed["rmse"]) and math.isnan(failed["rmse_either"])


def test_psnr_is_averaged_image_by_image_and_an_exact_image_counts_as_the_ceiling():
    images = prepared(attacked(psnr_db=[10.0, 20.0, np.inf, 30.0]))
    assert mean(images, "psnr_db").value == pytest.approx((10 + 20 + 100 + 30) / 4)
