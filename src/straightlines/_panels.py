"""Where the panels of a figure lie in its SVG, so that a page can show them one by one."""

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

POINTS = 72  # an inch, as matplotlib's SVG counts
MARGIN = 3  # points around a panel


def add_views(svg: str, fig: Figure) -> str:
    """The SVG of a figure, which was just saved, with a `<view>` for each panel of the figure, and for each legend or text that belongs to none.

    A view's `viewBox` is what the panel covers with its labels, in the coordinates of the SVG; its `id` names the groups
    of the panel's axes, as in `view.panel-2.panel-3`. A colour bar, or axes that lie on others, belong to the panel before them. A figure
    with one panel needs none.
    """
    fig.set_layout_engine("none")  # the axes stay where they are in the SVG
    renderer = fig.canvas.get_renderer()  # type: ignore[attr-defined]
    panels: list[tuple[Bbox, list[str]]] = []
    for number, ax in enumerate(fig.axes, 1):
        box, inside = ax.get_tightbbox(renderer), ax.get_window_extent(renderer)
        on_another = panels and inside.overlaps(panels[-1][0]) and Bbox.intersection(inside, panels[-1][0]).width > 1
        if panels and (on_another or ax.get_label() == "<colorbar>"):
            panels[-1] = (Bbox.union([panels[-1][0], box]), [*panels[-1][1], f"panel-{number}"])
        else:
            panels.append((box, [f"panel-{number}"]))
    if len(panels) < 2:
        return svg
    loose = [artist for artist in (*fig.legends, *fig.texts) if artist.get_visible()]
    views = [(artist.get_tightbbox(renderer), [f"loose-{i}"]) for i, artist in enumerate(loose, 1)] + panels
    scale, height = POINTS / fig.dpi, fig.get_figheight() * POINTS
    written = []
    for box, names in views:
        left, top = box.x0 * scale - MARGIN, height - box.y1 * scale - MARGIN
        size = box.width * scale + 2 * MARGIN, box.height * scale + 2 * MARGIN
        text = " ".join(f"{value:.1f}" for value in (left, top, *size))
        written.append(f'<view id="view.{".".join(names)}" viewBox="{text}"/>')
    end_of_tag = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:end_of_tag]}\n{chr(10).join(written)}{svg[end_of_tag:]}"
