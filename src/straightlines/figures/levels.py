"""Lines of equal loss, for the figures of several chapters."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text


def draw_levels(ax: Axes, loss: Callable, levels: Sequence[float]) -> None:
    """Draw thin lines of equal loss; they stop at the texts that the axes have, so draw them last.

    Args:
      ax: where to draw; its limits are final.
      loss: from the coordinates across and up, two arrays of one shape, to the losses.
      levels: the losses to draw.
    """
    ax.figure.canvas.draw()  # puts the texts in their places
    across, up = np.meshgrid(np.linspace(*ax.get_xlim(), 400), np.linspace(*ax.get_ylim(), 400))
    values = np.array(loss(across, up), float)
    places = ax.transData.transform(np.stack([across.ravel(), up.ravel()], axis=1)).reshape(*across.shape, 2)
    for text in ax.texts:
        box = Text.get_window_extent(text).padded(3)  # of an annotation, without its arrow
        inside = (places > box.min) & (places < box.max)
        values[inside.all(axis=-1) & bool(text.get_text())] = np.nan
    ax.contour(across, up, values, levels, colors="#88888877", linewidths=0.8, zorder=0)
