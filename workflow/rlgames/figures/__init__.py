"""Kinds of figure, one module each: a DataFrame in, a Figure out."""
