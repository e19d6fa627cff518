"""What the tests of all figures ask of where things stand."""

from matplotlib.figure import Figure


def assert_all_is_seen(figure: Figure) -> None:
    """Check that no panel is empty, and that nothing is cut off or covers anything."""
    figure.draw_without_rendering()
    page = figure.bbox
    (title,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
    assert title.get_window_extent().x1 <= page.x1
    panels = [axes for axes in figure.axes if axes.has_data()]
    assert len(panels) == len(figure.axes)
    boxes = [axes.get_tightbbox() for axes in panels]
    for box in boxes:
        assert box.x0 >= -1 and box.x1 <= page.x1 + 1 and box.y0 >= -1 and box.y1 <= page.y1 + 1
    for place, box in enumerate(boxes):
        assert not any(box.padded(-1).overlaps(other.padded(-1)) for other in boxes[:place])
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= page.x1
        assert not any(box.overlaps(axes.bbox) for axes in figure.axes)
