"""What is drawn is what was given, in the look of its method."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from straightlines.plotting import LOOKS, draw_band, draw_path, draw_target, figure

PATH = np.array([[3.0, 3.0], [2.0, 1.0], [1.5, 0.5]])


@pytest.fixture
def ax():
    fig, ax = figure()
    yield ax
    plt.close(fig)


@pytest.mark.parametrize("method", LOOKS)
def test_a_drawn_path_is_the_path_from_start_to_end(ax, method):
    draw_path(ax, PATH, method)
    line, start, end = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), PATH)
    assert start.get_xydata().tolist() == [PATH[0].tolist()]
    assert end.get_xydata().tolist() == [PATH[-1].tolist()]
    assert line.get_label() == method
    assert (line.get_color(), line.get_marker()) == (LOOKS[method].color, LOOKS[method].marker)


def test_a_drawn_band_is_a_line_between_its_edges(ax):
    across, band = np.arange(4.0), np.array([[0.0, 1, 2, 3], [1, 2, 3, 5], [4, 4, 4, 9]])
    draw_band(ax, across, band, "TANGO", label="five seeds", markevery=2)
    (line,), (area,) = ax.lines, ax.collections
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([across, band[1]]))
    assert (line.get_label(), line.get_color(), line.get_markevery()) == ("five seeds", LOOKS["TANGO"].color, 2)
    edge = {tuple(point) for point in area.get_paths()[0].vertices}
    assert edge == {(x, y) for row in (0, 2) for x, y in zip(across, band[row], strict=True)}


def test_the_target_is_a_cross(ax):
    draw_target(ax, (10.0, 1.0))
    assert ax.lines[0].get_xydata().tolist() == [[10.0, 1.0]]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: draw_path(ax, PATH, "magic"), "method must be one of .* got 'magic'"),
        (lambda ax: draw_path(ax, PATH.T, "SGD"), r"path must have shape \(steps \+ 1, 2\), got \(2, 3\)"),
        (lambda ax: draw_band(ax, range(3), np.zeros((3, 3)), "magic"), "method must be one of .* got 'magic'"),
        (lambda ax: draw_band(ax, range(3), np.zeros((3, 4)), "SGD"), r"band must have shape \(3, 3\) .* got \(3, 4\)"),
        (lambda ax: figure(0), "columns must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(ax, draw, message):
    with pytest.raises(ValueError, match=message):
        draw(ax)


@pytest.mark.parametrize(
    "together",
    [
        ["gradient descent", "Newton", "Gauss-Newton", "physical gradient"],
        ["TANGO", "SGD", "averaged SGD", "moving average"],
        ["TANGO", "SGD", "Adam", "natural gradient"],
    ],
)
def test_methods_drawn_together_differ_without_colour(together):
    assert len({(str(LOOKS[method].linestyle), LOOKS[method].marker) for method in together}) == len(together)
    assert len({LOOKS[method].marker for method in together}) == len(together)
