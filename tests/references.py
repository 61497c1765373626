"""Slow and obvious versions of what the library compiles."""

from math import floor


def scaled(state: tuple[float, float]) -> tuple[float, float]:
    return (state[0] + 1.2) / (0.5 + 1.2), (state[1] + 0.07) / (0.07 + 0.07)


def additive_reference(state: tuple[float, float], n: int) -> list[int]:
    x, v = scaled(state)
    return [floor(n * x), n + 1 + floor(n * v)]


def tiled_reference(state: tuple[float, float], n: int, tilings: int) -> list[int]:
    x, v = scaled(state)
    tiles = []
    for i in range(tilings):
        p = (floor(tilings * n * x) + i) // tilings
        q = (floor(tilings * n * v) + 3 * i) // tilings
        tiles.append(i * (n + 2) * (n + 3) + p * (n + 3) + q)
    return tiles
