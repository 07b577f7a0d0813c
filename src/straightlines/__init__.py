"""Helpers of the book *Straight Lines*."""
