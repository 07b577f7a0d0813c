# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (tango)=
# # TANGO
#
# Test {glue:text}`tango-x:.3f` and {glue}`tango-x`.

# %%
import numpy as np
from myst_nb import glue
from straightlines.plotting import figure, show, draw_path

glue("tango-x", 3.14159265, display=False)
glue("tango-n", 82826, display=False)

# %% tags=["remove-output"]
fig, ax = figure()
draw_path(ax, np.random.RandomState(0).uniform(size=(5,2)), "TANGO")
ax.legend()
show("fig-tango", fig)

# %% [markdown]
# ```{glue:figure} fig-tango
# :name: fig-tango
# :alt: A real alt text
# The caption with {glue:text}`tango-n` and $\mu$.
# ```
#
# See {numref}`fig-tango`.
