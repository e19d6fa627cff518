"""Two runs side by side, of made-up tables."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reveil import rows
from reveil.compare import compare
from reveil.compare.__main__ import main
from reveil.compare.cells import cell_table
from reveil.compare.runs import pairs
from reveil.crossed import crossed_interval
from reveil.errors import ReveilError
from reveil.files import write_yaml
from reveil.statistics import STUDENT, mean_interval
from tests.attacked import attack_rows
from tests.compared import note, only, run, seeded, two
from tests.markdown import markdown_tables


@pytest.fixture
def same(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs with equal tables."""
    return two(tmp_path, attack_rows("none", [20, 22]), attack_rows("none", [20, 22]))


# --- numbers ------------------------------------------------------------------------------------


def test_the_difference_is_the_mean_of_those_of_each_image(tmp_path: Path) -> None:
    first, second = attack_rows("none", [20, 24, 28]), attack_rows("none", [21, 26, 31])
    found = only(*two(tmp_path, first, second.sample(frac=1, random_state=0)))
    expected = mean_interval([1.0, 2.0, 3.0])
    assert (found["first"], found["second"]) == pytest.approx((24, 26))
    assert (found["difference"], found["interval"]) == (pytest.approx(2), STUDENT)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))
    assert (found["n_images"], found["n_seeds"], found["n_failed"]) == (3, 1, 0)


def test_an_infinite_psnr_counts_as_the_ceiling_in_psnr_and_gain(tmp_path: Path) -> None:
    runs = two(tmp_path, attack_rows("none", [20, np.inf]), attack_rows("none", [20, 90]))
    assert only(*runs)["difference"] == pytest.approx(-5)
    gain = only(*runs, measure="gain_db")
    assert (gain["first"], gain["difference"]) == pytest.approx(((12 + 92) / 2, -5))


def test_of_several_seeds_the_interval_is_that_of_verdicts(tmp_path: Path) -> None:
    draw = np.random.default_rng(0).standard_normal
    base, away = draw((12, 3)), 1 + draw((12, 1)) + draw((1, 3)) + 0.1 * draw((12, 3))
    runs = two(tmp_path, seeded("none", *base.T), seeded("none", *(base + away).T))
    found, expected = only(*runs), crossed_interval(pd.DataFrame(away))
    numbers = found[["difference", "low", "high"]].to_list()
    assert numbers == pytest.approx([expected.value, expected.low, expected.high], abs=1e-6)
    assert (found["interval"], found["n_images"], found["n_seeds"]) == (expected.method, 12, 3)
    assert found["second"] - found["first"] == pytest.approx(found["difference"])


def test_means_of_several_seeds_are_of_the_images_that_the_interval_is_of(tmp_path: Path) -> None:
    first = seeded("none", [10, 20, 60], [12, 22])
    second = seeded("none", [11, 22, 90], [13, 24])
    found = only(*two(tmp_path, first, second))
    assert (found["first"], found["second"], found["difference"]) == pytest.approx((16, 17.5, 1.5))
    assert (found["n_images"], found["n_seeds"]) == (2, 2)
    assert (found["n_incomplete"], found["seeds_left_out"]) == (1, {})


def test_what_failed_in_one_run_is_left_out_in_both_and_counted(tmp_path: Path) -> None:
    first, second = attack_rows("none", [20, 24, 28]), attack_rows("none", [21, 26, 31])
    second.loc[1, ["status", "psnr_db", "gain_db"]] = ["failed", np.nan, np.nan]
    runs = two(tmp_path, first, second)
    found = only(*runs)
    assert (found["n_images"], found["n_failed"]) == (2, 1)
    assert (found["first"], found["difference"]) == pytest.approx((24, 2))
    assert "Failed in one of the two and left out: 1." in compare(*runs)


def test_each_study_has_its_measure(tmp_path: Path) -> None:
    def tables(away: float) -> dict[str, pd.DataFrame]:
        found = attack_rows("none", [20, 22]).drop(columns="gain_db")
        cvnn = found.assign(rmse=[0.2, 0.3], protocol="fixed-cvnn")
        return {
            "cvnn": cvnn.assign(rmse=cvnn["rmse"] + away / 100),
            "unir": found.assign(psnr_db=found["psnr_db"] + away, protocol="fixed-unir"),
        }

    first, second = run(tmp_path / "demo", **tables(0)), run(tmp_path / "mine", **tables(1))
    found = {pair.study: cell_table(pair).squeeze() for pair in pairs(first, second)}
    assert {study: row["measure"] for study, row in found.items()} == {
        "cvnn": "rmse",
        "unir": "psnr_db",
    }
    assert found["cvnn"]["difference"] == pytest.approx(0.01)
    assert found["unir"]["difference"] == pytest.approx(1)


def test_attacks_without_the_measure_are_counted_and_have_no_row(tmp_path: Path) -> None:
    found = attack_rows("none", [20, 22]).assign(rmse=[0.2, 0.3])
    labels = found.assign(attack="labels", rmse=np.nan)
    runs = [
        run(tmp_path / name, cvnn=pd.concat([found, labels]), ats=found)
        for name in ("demo", "mine")
    ]
    text = compare(*runs)
    assert "Cells without rmse in both: 1." in text
    assert text.count("Cells without") == 1
    assert "| labels |" not in text


# --- rows ---------------------------------------------------------------------------------------


def test_rows_of_one_run_are_counted_and_named(tmp_path: Path) -> None:
    first = pd.concat([attack_rows("none", [20] * 9), attack_rows("crop-flip", [20, 20])])
    second = pd.concat(
        [attack_rows("none", [21]), attack_rows("3-1-7", [5]), attack_rows("none", [5], seed=3)]
    )
    text = compare(*two(tmp_path, first, second))
    place, kind = "fixed, cifar100, resnet20-4", "full, inversed, none"
    for line in (
        "Only demo has 10 rows:",
        f"- {place}, none, {kind}: 8 rows (seed 0, images 1, 2, 3, 4, 5 and 3 more)",
        f"- {place}, crop-flip, {kind}: 2 rows (seed 0, images 0, 1)",
        "Only mine has 2 rows:",
        f"- {place}, 3-1-7, {kind}: 1 row (seed 0, images 0)",
        f"- {place}, none, {kind}: 1 row (seed 3, images 0)",
    ):
        assert line in text.splitlines()


def test_a_policy_of_one_index_is_found_beside_others(tmp_path: Path) -> None:
    alone = attack_rows("3", [20, 22])
    both = pd.concat([attack_rows("none", [30, 30]), attack_rows("3", [21, 23])])
    assert only(*two(tmp_path, alone, both))["difference"] == pytest.approx(1)


def test_a_comparison_is_shown_as_markdown(tmp_path: Path) -> None:
    first = pd.concat([attack_rows("none", [20, 24, 28]), attack_rows("3-1-7", [8, 9, 10])])
    second = pd.concat([attack_rows("none", [21, 26, 31]), attack_rows("3-1-7", [8, 9, 10])])
    text = compare(*two(tmp_path, first, second))
    assert text.startswith("# mine compared with demo\n")
    assert (
        "All rows: protocol fixed; dataset cifar100; model resnet20-4; recipe full; attack "
        "inversed; defence none." in text
    )
    head, *found = list(markdown_tables(text))[-1]
    assert head == ["Policy", "Measure", "Images", "Seeds", "demo", "mine", "Difference [95 %]"]
    assert found[0] == ["none", "PSNR, dB", "3", "1", "24.00", "26.00", "+2.00 [-0.48, +4.48]"]
    assert found[1][:2] == ["none", "Gain, dB"]
    assert found[2][-1] == "+0.00 [+0.00, +0.00]"


def test_runs_of_one_name_go_by_their_paths(tmp_path: Path) -> None:
    table = attack_rows("none", [20])
    first, second = run(tmp_path / "a/demo", ats=table), run(tmp_path / "b/demo", ats=table)
    assert compare(first, second).startswith(f"# {second} compared with {first}\n")


# --- mistakes -----------------------------------------------------------------------------------


def test_a_missing_folder_is_told_with_those_that_are_there(
    same: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = r"mien: there is no such folder: did you mean .*/mine\? Runs in .*: demo, mine$"
    with pytest.raises(ReveilError, match=message):
        compare(same[0], same[1].with_name("mien"))
    (same[0].parent / "results").mkdir()
    shutil.move(same[0], same[0].parent / "results" / "demo")
    monkeypatch.chdir(same[0].parent)
    with pytest.raises(ReveilError, match="demo: there is no such folder: did you mean results/d"):
        compare(Path("demo"), Path("mine"))


def test_a_folder_without_results_is_no_run(same: tuple[Path, Path]) -> None:
    with pytest.raises(ReveilError, match=r"ats: is no run with results: it has no \{study\}/tab"):
        compare(same[0], same[1] / "ats")


def test_a_run_is_not_compared_with_itself(same: tuple[Path, Path]) -> None:
    with pytest.raises(ReveilError, match="is compared with itself; name two runs"):
        compare(same[0], same[0] / "../demo")


def test_runs_of_different_studies_have_none_in_common(tmp_path: Path) -> None:
    table = attack_rows("none", [20])
    first, second = run(tmp_path / "demo", ats=table), run(tmp_path / "mine", unir=table)
    with pytest.raises(
        ReveilError, match="no study is in both runs: .*demo has ats; .*mine has un"
    ):
        compare(first, second)


def test_runs_without_a_common_row_are_told_what_sets_them_apart(tmp_path: Path) -> None:
    runs = two(tmp_path, attack_rows("none", [20]), attack_rows("3-1-7", [20], seed=2))
    with pytest.raises(
        ReveilError,
        match=r"have no row in common \(ats: policy none and 3-1-7; seed 0 and 2\)$",
    ):
        compare(*runs)


def test_a_study_without_a_common_row_leaves_the_others(tmp_path: Path) -> None:
    ats, unir = attack_rows("none", [20]), attack_rows("keep", [20])
    first = run(tmp_path / "demo", ats=ats, unir=unir)
    second = run(tmp_path / "mine", ats=ats, unir=unir.assign(seed=1))
    text = compare(first, second)
    assert "## unir\n\nNo row in common.\n" in text
    assert "+0.00" in text


def test_tables_with_other_columns_are_refused(tmp_path: Path) -> None:
    table = attack_rows("none", [20])
    with pytest.raises(ReveilError, match="its columns differ from .*: only one has lpips, ssim; "):
        compare(*two(tmp_path, table, table.drop(columns="ssim").assign(lpips=0.1)))


def test_images_of_other_classes_are_not_the_same_images(tmp_path: Path) -> None:
    first, second = two(tmp_path, attack_rows("none", [20]), attack_rows("none", [20]))
    path = second / "ats/tables/images.csv"
    rows.write(str(path), rows.read(path).assign(label=4))
    with pytest.raises(ReveilError, match="the class of image 0 of cifar100 is 0 in one and 4 in"):
        compare(first, second)


def test_a_folder_with_other_images_is_not_the_same_images(same: tuple[Path, Path]) -> None:
    note(same[0], images="ab12")
    note(same[1])
    compare(*same)
    note(same[1], images="cd34")
    with pytest.raises(
        ReveilError, match="not attack the same images: the folder of cifar100 held"
    ):
        compare(*same)


def test_a_row_that_is_there_twice_is_told(tmp_path: Path) -> None:
    table = attack_rows("none", [20])
    with pytest.raises(ReveilError, match=r"mine/ats/tables/images\.csv: two rows of fixed, cifar"):
        compare(*two(tmp_path, table, pd.concat([table, table])))


@pytest.mark.parametrize("damage", ["{", "[1]"], ids=["broken", "no mapping"])
def test_a_damaged_configuration_is_told(same: tuple[Path, Path], damage: str) -> None:
    write_yaml(same[0] / "config.yaml", {"run": "demo"})
    (same[1] / "config.yaml").write_text(damage)
    with pytest.raises(ReveilError, match=r"mine/config\.yaml: is n"):
        compare(*same)


# --- on the command line ------------------------------------------------------------------------


def test_the_command_prints_and_writes_nothing(
    same: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(list(map(str, same))) == 0
    assert capsys.readouterr().out == compare(*same)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_the_command_ends_with_one_line_on_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {tmp_path / 'a'}: there is no such folder")
    assert said.err.count("\n") == 1
