"""The packages of the library and their imports, as Mermaid draws them."""

from __future__ import annotations

from collections.abc import Iterator

import grimp

from rlgames.files import PACKAGE


def picture() -> Iterator[str]:
    """The packages and single modules of the library, and an arrow for each that imports another, as Mermaid has it.

    Arrows that a chain of others implies are left out.
    """
    graph = grimp.build_graph(PACKAGE.name, include_external_packages=False, cache_dir=None)
    parts = sorted(graph.find_children(PACKAGE.name))
    arrows = {
        one: {
            other
            for other in parts
            if one != other and graph.direct_import_exists(importer=one, imported=other, as_packages=True)
        }
        for one in parts
    }
    below = {one: reached(one, arrows) for one in parts}
    yield "flowchart TD"
    for one in parts:
        implied = set().union(*(below[other] for other in arrows[one]))
        for other in sorted(arrows[one] - implied):
            yield f"    {one.split('.')[-1]} --> {other.split('.')[-1]}"


def reached(one: str, arrows: dict[str, set[str]]) -> set[str]:
    """All that a part imports, directly or not."""
    return arrows[one].union(*(reached(other, arrows) for other in arrows[one]))
