"""What is drawn is what was given, in the look of its method."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from straightlines.figures.levels import draw_levels
from straightlines.plotting import INK, LOOKS, NEUTRAL, draw_band, draw_path, draw_target, figure, keep, name_line

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


def test_a_path_can_be_drawn_without_its_points_and_start(ax):
    draw_path(ax, PATH, "SGD", markers=False, start=False, label="two")
    line, end = ax.lines
    assert (line.get_marker(), end.get_marker(), line.get_label()) == ("None", LOOKS["SGD"].marker, "two")
    np.testing.assert_array_equal(end.get_xydata(), PATH[-1:])


def test_a_figure_grows_with_its_rows_and_each_panel_has_its_numbers():
    (one, _), (two, axes) = figure(2), figure(2, 2, sharex=True, sharey=True)
    np.testing.assert_allclose(two.get_size_inches(), one.get_size_inches() * [1, 2])
    for ax in axes.flat:
        assert ax.xaxis.get_tick_params()["labelbottom"]
        assert ax.yaxis.get_tick_params()["labelleft"]
    plt.close(one)
    plt.close(two)


def test_a_drawn_band_is_a_line_between_its_edges(ax):
    across, band = np.arange(4.0), np.array([[0.0, 1, 2, 3], [1, 2, 3, 5], [4, 4, 4, 9]])
    draw_band(ax, across, band, "TANGO", label="five seeds", markevery=2)
    (line,), (area,) = ax.lines, ax.collections
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([across, band[1]]))
    assert (line.get_label(), line.get_color(), line.get_markevery()) == ("five seeds", LOOKS["TANGO"].color, 2)
    edge = {tuple(point) for point in area.get_paths()[0].vertices}
    assert edge == {(x, y) for row in (0, 2) for x, y in zip(across, band[row], strict=True)}


def test_lines_of_equal_loss_are_level_and_stop_at_a_text(ax):
    ax.set(xlim=(0, 2), ylim=(0, 2))
    text = ax.annotate("minimum", (1, 0.2), ha="center", va="center")
    draw_levels(ax, lambda x0, x1: x0**2 + x1**2, [1.0, 3.0])
    (lines,) = ax.collections
    points = np.concatenate([path.vertices for path in lines.get_paths()])
    radii = np.linalg.norm(points, axis=1)
    assert np.minimum(abs(radii - 1), abs(radii - 3**0.5)).max() < 1e-3
    box = text.get_window_extent().transformed(ax.transData.inverted())
    assert not ((points > box.min) & (points < box.max)).all(axis=1).any()
    assert (points[:, 1] < box.y0).any()  # it goes on behind the text
    assert (points[:, 1] > box.y1).any()


def test_the_target_is_a_cross(ax):
    draw_target(ax, (10.0, 1.0), "target")
    assert ax.lines[0].get_xydata().tolist() == [[10.0, 1.0]]
    assert ax.lines[0].get_label() == "target"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: draw_path(ax, PATH, "magic"), "method must be one of .* got 'magic'"),
        (lambda ax: draw_path(ax, PATH.T, "SGD"), r"path must have shape \(any, 2\), got shape \(2, 3\)"),
        (lambda ax: draw_path(ax, PATH[:0], "SGD"), r"path must not be empty, got shape \(0, 2\)"),
        (lambda ax: draw_band(ax, range(3), np.zeros((3, 3)), "magic"), "method must be one of .* got 'magic'"),
        (
            lambda ax: draw_band(ax, range(3), np.zeros((3, 4)), "SGD"),
            r"band must have shape \(3, 3\), got shape \(3, 4\)",
        ),
        (lambda ax: figure(0), "columns must be at least 1, got 0"),
        (lambda ax: figure(height=0), "height must be greater than 0, got 0"),
        (lambda ax: draw_band(ax, range(3), np.full((3, 3), "a"), "SGD"), "band must be an array of real numbers"),
        (lambda ax: draw_target(ax, (0.0, np.nan)), "target must be finite"),
        (lambda ax: name_line(ax, "SGD", (0.0,)), r"at must have shape \(2,\), got shape \(1,\)"),
        (lambda ax: draw_target([ax], (0.0, 1.0)), "ax must be axes of matplotlib, got"),
        (lambda ax: draw_path(None, PATH, "SGD"), "ax must be axes of matplotlib, got None"),
        (lambda ax: draw_band(None, range(3), np.zeros((3, 3)), "SGD"), "ax must be axes of matplotlib, got None"),
        (lambda ax: name_line(None, "SGD", (0.0, 1.0)), "ax must be axes of matplotlib, got None"),
        (lambda ax: keep("name", ax), "fig must be a figure of matplotlib, got"),
        (lambda ax: keep(None, ax.figure), "name must be a string, got None"),
    ],
)
def test_wrong_arguments_are_named(ax, draw, message):
    with pytest.raises((TypeError, ValueError), match=message):
        draw(ax)


def luminance(color):
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("method", LOOKS)
def test_a_method_has_a_look_that_nothing_else_wears(method):
    others = [look for name, look in LOOKS.items() if name != method]
    look = LOOKS[method]
    assert (look.color, look.linestyle) not in [(other.color, other.linestyle) for other in others]
    assert look.marker not in [other.marker for other in others]
    assert (look.color, look.linestyle) not in [(style["color"], style["linestyle"]) for style in NEUTRAL]


@pytest.mark.parametrize("color", sorted({look.color for look in LOOKS.values()} | {n["color"] for n in NEUTRAL}))
def test_every_colour_can_be_seen_on_both_grounds(color):
    dark = contrast(color, "#14181e")
    assert contrast(color, "#ffffff") >= 3
    assert dark >= 3 or color == INK  # the ink turns light on dark pages


def test_a_kept_figure_is_the_same_svg_each_time(monkeypatch):
    kept, display = [], DisplayFormatter()
    monkeypatch.setattr("myst_nb.glue", lambda name, picture: kept.append((name, display.format(picture)[0])))
    for _ in range(2):
        fig, axes = figure(2)
        draw_path(axes[0], PATH, "TANGO")
        axes[1].plot([0, 1], rasterized=True)
        keep("chapter-figure-paths", fig)
        assert not plt.fignum_exists(fig.number)
    assert kept[0] == kept[1]
    name, bundle = kept[0]
    assert "SVG" in bundle["text/plain"]
    svg = bundle["image/svg+xml"]
    assert name == "chapter-figure-paths"
    assert 'id="panel-1"' in svg
    assert 'id="panel-2"' in svg
    assert "date" not in svg.lower()
    assert LOOKS["TANGO"].color in svg


def test_a_name_stands_beside_its_line(ax):
    name_line(ax, "Newton", (1.0, 2.0), text="Newton, η = 1", xytext=(0, 5))
    (text,) = ax.texts
    assert text.get_text() == "Newton, η = 1"
    assert text.get_color() == LOOKS["Newton"].color
    assert text.xy == (1.0, 2.0)
    name_line(ax, "Newton", (1.0, 2.0))
    assert (ax.texts[1].get_text(), ax.texts[1].xyann, text.xyann) == ("Newton", (6, 0), (0, 5))
    assert text.anncoords == "offset points"
    with pytest.raises(ValueError, match="method must be one of"):
        name_line(ax, "magic", (0, 0))
