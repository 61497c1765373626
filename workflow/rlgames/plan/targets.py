"""What may be asked for on the command line, and what is said of what may not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from rlgames.plan import paths
from rlgames.plan.plan import Plan
from rlgames.settings.names import unknown
from rlgames.settings.reading import SettingsError

MANY = 3000
"""Targets among which the nearest to a mistyped one is looked for."""


def check_names(plan: Plan, target: str) -> None:
    """Raise `SettingsError` for a path of results that names an experiment, a variant, ... that the config lacks."""
    known = paths.parts(plan.config.results, target)
    if "experiment" in known:
        plan.spec(SimpleNamespace(**known))
    if "figure" in known:
        plan.figure(known["figure"])
    if "dataset" in known:
        plan.dataset(known["dataset"])


def check(plan: Plan, target: str) -> None:
    """The same, and for a path that is none of the grammar."""
    check_names(plan, target)
    targets = plan.targets()
    if (
        "/" in target
        and target not in targets
        and not paths.parts(plan.config.results, target)
        and not Path(target).exists()
    ):
        raise SettingsError(unknown("target", target, targets[:MANY]))
