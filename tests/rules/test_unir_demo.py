"""What 150 steps without a clean image come to, in the demo's main table of reconstructions."""

import pandas as pd

from tests.workflow import Clone


def test_the_demo_beats_the_measurement_and_its_mean_on_missing_pixels(fresh: Clone) -> None:
    demo = Clone(fresh.path, ("config/demo.yaml",))
    demo.run("unir_table_methods")
    table = pd.read_csv(fresh.path / "results/demo/unir/tables/methods.csv")
    table = table.set_index("method")
    assert set(table.index) == {"unir", "regress", "keep", "mean-fill", "normalised-1"}
    assert (table["n_images"] == 200).all()
    assert table.loc["unir", "steps"] <= 150
    for other in ("keep", "mean_fill"):
        assert table.loc["unir", f"{other}_psnr_missing_difference_low_db"] > 0, other
        assert table.loc["unir", f"{other}_n"] == 200
    # A network that saw clean images is the upper reference.
    assert table.loc["regress", "unir_psnr_missing_difference_low_db"] > 0
