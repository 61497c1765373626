"""Kinds of figure, one module each, which turns DataFrames into a Figure."""
