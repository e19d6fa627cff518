"""The page on performance says what the kept results say."""

import json

import pytest

# Of each row, by how it begins: the result, and the place of its ratio there.
ROWS = {
    "attack `inversed`, ResNet20-4": ("attack-resnet20-4", "ratio"),
    "the same, ConvNet": ("attack-convnet", "ratio"),
    "attack `real-lbfgs-sim`": ("attack-lbfgs", "ratio"),
    "S_pri and S_acc": ("scores", "rows/candidate/ratio"),
    "transformations": ("transforms", "ratio"),
    "the same, policies": ("transforms", "policies_ratio"),
    "training": ("training", "ratios/reveil bf16"),
    "the same in fp32": ("training", "ratios/reveil fp32"),
    "processing of a private ResNet-56-alpha": ("complex-resnet56", "ratio"),
    "a step of unsupervised reconstruction": ("reconstruction", "ratio_batched"),
    "the same, beside one that measures image by image": ("reconstruction", "ratio"),
}


@pytest.fixture
def page(root):
    return (root / "docs" / "performance.md").read_text(encoding="utf-8")


@pytest.fixture
def result(root):
    folder = root / "benchmarks" / "results"
    return lambda name: json.loads((folder / f"{name}-cpu2.json").read_text(encoding="utf-8"))


def ratio_and_range(found, place):
    *outer, last = place.split("/")
    if outer == ["ratios"]:
        return found["ratios"][last], found["ratios_range"][last]
    for key in outer:
        found = found[key]
    return found[last], found[f"{last}_range"]


def test_every_ratio_is_that_of_its_result(page, result):
    table = page[page.index("| what, on 2 CPU cores") :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert len(rows) == len(ROWS)
    words = " ".join(page.split())
    for row, (begin, (name, place)) in zip(rows, ROWS.items(), strict=True):
        assert row[0].startswith(begin)
        found = result(name)
        ratio, (low, high) = ratio_and_range(found, place)
        said = [f"{ratio:.2f}", f"{low:.2f} to {high:.2f}", str(found["repeats"])]
        assert row[2:5] == said, f"{begin}: benchmarks/results/{name}-cpu2.json says {said}"
        assert f"Measured on {found['machine']}," in words
        assert row[5] == (
            "" if row[1] == "-" else "reached" if ratio >= float(row[1]) else "missed"
        )


def test_the_limits_are_those_that_were_measured(page, result):
    words, found = " ".join(page.split()), result("peak")
    for name, rate in found["rates"].items():
        low, high = found["rates_range"][name]
        unit = "GB/s" if name == "copy" else "Gflop/s"
        assert f"{name} {rate:.0f} {unit} ({low:.0f} to {high:.0f})" in words


def test_what_was_reconstructed_is_that_of_its_result(page, result):
    found = result("psnr")
    for way in ("reference", "block"):
        assert f"| {way} | {' | '.join(f'{value:.2f}' for value in found[way])} |" in page
    low, mean, high = found["ahead"]
    assert f"by {mean:.2f} [{low:.2f}, {high:.2f}] dB" in page
    sizes = f"{found['model']}, {found['images']} images of Fashion-MNIST, {found['iterations']} it"
    assert sizes in " ".join(page.split())
