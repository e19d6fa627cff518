"""What all figures share: their files, their style, and that nothing covers anything."""

import matplotlib as mpl
import pytest

from reveil import figures
from reveil.figures import candidates, curves, gradsim, grid, psnr, singles
from tests.figure_tables import (
    SEARCH,
    SUBJECT,
    TWELVE,
    attacked,
    history,
    interpolation,
    pictures,
    scores,
    single_scores,
)


def test_save_writes_both_files_the_same_every_time(tmp_path):
    contents = []
    for name in ("first", "second"):
        paths = [tmp_path / name / f"figure.{suffix}" for suffix in ("svg", "png")]
        figures.save(psnr.draw(attacked(), **SUBJECT), *paths)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    svg, png = contents[0]
    assert svg.startswith(b"<?xml") and b"<dc:date>" not in svg
    assert png.startswith(b"\x89PNG")
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == [
        "figure.png",
        "figure.svg",
    ]


def test_a_users_own_style_changes_nothing(tmp_path):
    plain = gradsim.draw(interpolation(), **SUBJECT).axes[0].xaxis.label.get_fontsize()
    with mpl.rc_context({"axes.labelsize": 40}):
        assert gradsim.draw(interpolation(), **SUBJECT).axes[0].xaxis.label.get_fontsize() == plain
        assert mpl.rcParams["axes.labelsize"] == 40


@pytest.mark.parametrize("name", ["fashion-mnist-demo", "tiny-imagenet-200"])
def test_titles_are_no_wider_than_their_figure(name):
    subject = SUBJECT | {"dataset": name, "model": "convnet-9-w16"}
    drawn = [
        gradsim.draw(interpolation(), **subject),
        grid.draw(attacked(images=1), {"none": pictures([0])}, [0], **subject),
        candidates.draw(scores(), **subject, **SEARCH),
    ]
    for figure in drawn:
        figure.draw_without_rendering()
        (title,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
        assert title.get_window_extent().x1 <= figure.bbox.x1


def test_legends_lie_outside_the_axes_and_inside_the_figure():
    drawn = [
        psnr.draw(attacked(TWELVE), **SUBJECT),
        gradsim.draw(interpolation(TWELVE), **SUBJECT),
        singles.draw(single_scores(), **SUBJECT),
        candidates.draw(scores(), **SUBJECT, **SEARCH, none=(-66.8, 0.3)),
        curves.draw(history(TWELVE), **SUBJECT),
    ]
    for figure in drawn:
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(axes.bbox) for axes in figure.axes)
