"""Reinforcement learning on games, from tiles to pixels: `load`, `play`, `results` and `export` (docs/api.md).

This library knows nothing of Snakemake.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlgames.api.exporting import export
    from rlgames.api.loading import load
    from rlgames.api.playing import play
    from rlgames.api.tables import results

__all__ = ["export", "load", "play", "results"]

HOMES = {"export": "exporting", "load": "loading", "play": "playing", "results": "tables"}


def __getattr__(name: str) -> Any:
    """Load a public function when it is first used: jobs import this package too, and are short."""
    if name not in HOMES:
        raise AttributeError(f"module 'rlgames' has no attribute {name!r}")
    return getattr(import_module(f"rlgames.api.{HOMES[name]}"), name)
