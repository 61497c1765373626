"""Comparing results with those of a second build of the same targets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlgames.files import checksum
from rlgames.messages import UserError
from rlgames.plan import leftovers, paths
from rlgames.plan.plan import Plan
from rlgames.provenance import Manifest

OF_TIME = ("manifest.json", "cost.csv", "index.html")
"""Products that tell of time and machine, and so differ from build to build."""


def second(plan: Plan) -> Plan:
    """The plan of the same config in a results folder beside."""
    return Plan(plan.raw | {"results": f"{plan.config.results}-again"})


def comparable(plan: Plan) -> list[Path]:
    """The products below a results folder whose bytes are to be the same each time, relative to it."""
    root = Path(plan.config.results)
    places = [path.relative_to(root) for path in leftovers.files(root) if leftovers.is_product(plan, path)]
    return [place for place in places if place.name not in OF_TIME and place.parts[0] != "logs"]


def differences(one: Plan, other: Plan, places: list[Path]) -> Iterator[str]:
    """What of `places` differs between two results folders, with what may be why."""
    for place in places:
        files = [Path(plan.config.results, place) for plan in (one, other)]
        if not files[0].exists():
            yield f"{place} is not among the results"
        elif len(set(map(checksum, files))) > 1:
            yield f"{place} differs{reason(*(file.with_name('manifest.json') for file in files))}"


def reason(*manifests: Path) -> str:
    """What else differs between two runs, in words; empty where nothing is known."""
    try:
        one, other = map(Manifest.read, manifests)
    except UserError:
        return ""
    names = [name for name in ("code", "spec", "device") if getattr(one, name) != getattr(other, name)]
    around = one.surroundings, other.surroundings
    names += [name for name in ("lock", "versions", "python") if around[0][name] != around[1][name]]
    sets = [each["machine"].get("instruction_set") for each in around]
    names += ["instruction set"] * (sets[0] != sets[1])
    return f" (made under other conditions: {', '.join(names)})" if names else ""


def made(plan: Plan) -> list[Path]:
    """All files that a build leaves in its results folder."""
    found = []
    for path in leftovers.files(Path(plan.config.results)):
        place = path.relative_to(plan.config.results)
        of_all = place.parts[0] in ("logs", "arguments") and len(place.parts) == 2  # the lock, and logs of tables
        if of_all or leftovers.is_ours(plan, path) or paths.recognise(place.as_posix()):
            found.append(path)
    return found
