"""Figures of more than thirty lines, one function each: a chapter computes arrays, its module here draws them."""
