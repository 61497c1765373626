"""What may be asked for on the command line, and what is said of what may not."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from rlgames.files import ROOT
from rlgames.plan import paths
from rlgames.plan.plan import Plan
from rlgames.settings.names import nearest
from rlgames.settings.reading import SettingsError, read

MANY = 3000
"""Targets among which the nearest to a mistyped one is looked for."""


def check_names(plan: Plan, target: str) -> None:
    """Raise `SettingsError` for a path of results that names an experiment, a variant, a format, ... that there is
    not."""
    known = paths.parts(plan.config.results, target)
    if "experiment" in known:
        plan.spec(SimpleNamespace(**known))
    if "figure" in known:
        plan.figure(known["figure"])
    if "dataset" in known:
        plan.dataset(known["dataset"])
    if known and target not in makeable(plan):
        raise SettingsError(instead(plan, target))


def check(plan: Plan, target: str) -> None:
    """The same, and for all else that nothing makes: Snakemake itself would say so without a hint."""
    path = target if Path(target).is_absolute() else os.path.relpath(target)  # as Snakemake reads it
    if target not in rules():
        check_names(plan, path)
        if path not in makeable(plan):
            raise SettingsError(instead(plan, path))


@cache
def makeable(plan: Plan) -> frozenset[str]:
    """All files that may be asked for; listed once, since a command may ask for thousands."""
    return frozenset([*plan.targets(), plan.path("checksums"), *plan.picture_costs()])


def rules() -> set[str]:
    """Names of the rules, which may be asked for as well."""
    files = [ROOT / "workflow" / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    return {name for file in files for name in re.findall(r"^rule (\w+):", file.read_text(), flags=re.MULTILINE)}


def instead(plan: Plan, target: str) -> str:
    """What is said of a target that nothing makes: what may have been meant."""
    place, targets, results = Path(target), plan.targets(), plan.config.results
    if inside := [path for path in targets if Path(path).is_relative_to(place)]:
        return f"{target} is a folder; name a file in it, such as {inside[0]}"
    if same := [path for path in targets if Path(path).parent == place.parent and Path(path).stem == place.stem]:
        return f"there is no target {target!r}; choose from: {', '.join(same)}"
    if not place.is_relative_to(results) and (config := owner(place)):
        return f"{target} lies in the results of {config}; add CONFIG={config}"
    names = {path: path for path in targets[:MANY]} if "/" in target else short(plan)
    if found := nearest(target, names):
        return f"there is no target {target!r}; did you mean {names[found]!r}?"
    return f"there is no target {target!r}; name a file of {results}, such as {targets[0]}"


def short(plan: Plan) -> dict[str, str]:
    """Targets by the names of their files, pictures by those of their figures, and tables by their own."""
    targets = plan.targets()
    names = {Path(path).name: path for path in reversed(targets)}
    names |= {Path(path).stem: path for path in targets if path == plan.path("table", table=Path(path).stem)}
    return names | {figure: plan.path("figure", figure=figure, format="png") for figure in plan.config.figures}


def owner(place: Path) -> Path | None:
    """The config beside the others, in the folder config, in whose results a path lies, if there is one."""
    for file in sorted(Path("config").glob("*.yaml")):
        with suppress(SettingsError, KeyError, TypeError):  # it cannot be read, or is none
            if place.is_relative_to(read(file)["results"]):
                return file
    return None
