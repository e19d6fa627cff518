"""The sentences of README's first screen, against the results that are kept."""

import re

import pandas as pd

from tests.workflow import ROOT

README = (ROOT / "README.md").read_text()
KEPT = ROOT / "docs/reproduction"
VERDICTS = pd.read_csv(KEPT / "verdicts.csv").set_index("claim")


def first_screen() -> str:
    start = README.index("**What small runs show so far**")
    return re.sub(r"\s+", " ", README[start : README.index("Each claim of the papers", start)])


def test_the_correlation_of_the_readme_is_that_of_the_verdicts() -> None:
    row = VERDICTS.loc["ats-claim-7"]
    value, low, high = (f"{row[name]:.2f}" for name in ("value", "low", "high"))
    assert f"r = {value} [{low}, {high}] over {row['n']:.0f} policies" in first_screen()
    found = pd.read_csv(KEPT / "fashion-mnist/exp10.csv").query("interval == 'bca-bootstrap'")
    found = found.set_index(["victim", "quantity"])
    floor, gain = (
        found.loc[("plain", f"pearson_{name}_db"), "value"] for name in ("floor", "gain")
    )
    given = found.loc[("plain", "partial_psnr_db"), "value"]
    said = f"what the best guess reaches (r = {floor:.2f}; with that held fixed {given:.2f})"
    assert said in first_screen()
    row = found.loc[("trained", "pearson_gain_db")]
    last = f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    assert f"that guess r is {gain:.2f}, and {last} where networks" in first_screen()


def test_the_shares_above_a_blind_guess_are_those_of_the_kept_images() -> None:
    images = pd.read_csv(KEPT / "fashion-mnist/exp06-images.csv.gz", keep_default_na=False)
    images["gain_db"] = images["gain_db"].astype(float)
    policies = ("3-1-7", "43-18-18", "3-1-7+43-18-18")
    shares = [100 * (images[images["policy"] == p]["gain_db"] > 0).mean() for p in policies]
    assert f"{min(shares):.0f} to {max(shares):.0f} % of 100 attacked images" in first_screen()
    plain = 100 * (images[images["policy"] == "crop-flip"]["gain_db"] > 0).mean()
    assert f"where {plain:.0f} % are with crop and flip alone" in first_screen()
    found = pd.read_csv(KEPT / "fashion-mnist/w-insight1-lenetzhu.csv", keep_default_na=False)
    found = found[(found["attack"] == "inversed") & found["label"].str.startswith("Searched")]
    below = (found["gain_mean_db"].astype(float) < 0).sum()
    assert (len(found), below) == (3, 2)
    assert "under two of the three found on Fashion-MNIST the guess is better" in first_screen()


def test_the_distances_of_reconstructions_are_those_of_the_kept_images() -> None:
    images = pd.read_csv(KEPT / "fashion-unir-cpu/images.csv.gz", keep_default_na=False)
    pixels = images[images["policy"].str.startswith("remove-pixel")]
    psnr = pixels.astype({"psnr_db": float}).groupby(["recipe", "attack"])["psnr_db"].mean()
    without, others = psnr["unir", "network"], [psnr[r, "network"] for r in ("paired", "unpaired")]
    assert max(abs(without - other) for other in others) < 0.5
    assert "within [0.5 dB](docs/reproduction/unir.md)" in first_screen()
    lead = psnr["none", "tv"] - max(without, *others)
    assert 2.5 < lead < 3.5
    first = pd.read_csv(KEPT / "fashion-unir-cpu/methods.csv", keep_default_na=False)
    first = first[first["policy"].str.startswith("remove-pixel")].set_index("method_label")
    lost = first["psnr_mean_db"].astype(float)
    best = lost["Regression on clean images"] - lost["UNIR"]
    said = f"is {best:.1f} dB better, and total variation, which learns nothing, some 3 dB"
    assert said in first_screen()
    missing = first["psnr_missing_mean_db"].astype(float)
    assert round(missing["Total variation"] - missing["UNIR"]) == 2
    assert "some 3 dB (2 dB on the missing values)" in first_screen()


def test_what_is_said_of_features_is_what_verdicts_demonstrate() -> None:
    said = VERDICTS["demonstration"]
    assert (said["cvnn-k-angle"], said["cvnn-k-two"]) == ("supports", "supports")
    assert said["cvnn-claim-1"] == "contradicts"
    table = pd.read_csv(KEPT / "fashion-cvnn-cpu/claim1.csv", keep_default_na=False)
    table = table[table["attack"] == "inversion1-both"].set_index("policy")
    rotated, layers = (
        "{rmse_mean:.3f} [{rmse_low:.3f}, {rmse_high:.3f}]".format(
            **table.loc[policy].filter(like="rmse_").head(3).astype(float)
        )
        for policy in ("rotation", "additional")
    )
    assert f"RMSE {rotated}, without a key {layers}." in first_screen()
    assert "the key is found without any training" in first_screen()
