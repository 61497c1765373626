"""Whether products are what the workflow wrote: their checksums, and the tables that can be made of them again."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from pyarrow.parquet import ParquetFile

from rlgames.encoders.dataset import datasets_csv
from rlgames.encoders.readout import encoder_scores_csv
from rlgames.figures.several_games import several_games_csv
from rlgames.files import checksum, reading
from rlgames.messages import UserError
from rlgames.plan import paths, several
from rlgames.plan.plan import Plan
from rlgames.playing.audit import PART, Part
from rlgames.playing.costs import cost_csv
from rlgames.playing.scores import (
    evaluation_scores_csv,
    final_scores_csv,
    prediction_scores_csv,
    steps_to_return_csv,
)
from rlgames.provenance import Manifest, read_checksums

NOT_COVERED = (
    "Not covered: how weights came about (make again TARGET=... compares them), and, except for their checksums, "
    "episodes without a recording, encodings, predictions, figures and videos. Whoever can change these can change "
    "checksums.txt too: keep a copy of it elsewhere."
)
REMEDY = (
    "If make was stopped, run it to its end first. Whatever is still named then has changed since it was made: delete "
    "it (a run as a whole, with its folder below state), and run the same make again."
)


def checksums(plan: Plan) -> Iterator[str]:
    """A line for every product that is missing, unlisted, or not the file that its manifest or checksums.txt lists."""
    place, products = Path(plan.path("checksums")), list(map(Path, plan.targets()))
    listed: set[Path] = set()
    signs = [] if unfinished(plan) else [place]  # written last
    for said in (*signs, *(path for path in products if path.name == "manifest.json" and path.exists())):
        try:
            found = signed(said)
        except UserError as error:
            yield str(error)
            continue
        listed |= found.keys()
        for path, digest in found.items():
            if not path.is_file():
                yield f"{path}: missing, but {said} lists it"
            elif checksum(path) != digest:
                yield f"{path}: not the file that {said} lists"
        if said == place:
            yield from (
                f"{path}: not in {place}"
                for path in map(Path, paths.unlisted(plan.targets()))
                if unsigned(path, listed)
            )
    yield from (
        f"{path}: not in its manifest" for path in products if path.name in paths.LISTED and unsigned(path, listed)
    )


def unfinished(plan: Plan) -> str:
    """Where make has not come to its end yet, and so signed nothing: a sentence about that."""
    if os.path.lexists(plan.path("checksums")) or all(map(os.path.exists, plan.targets())):
        return ""
    return f" There is no {plan.path('checksums')} yet, which vouches for the manifests: make writes it at its end."


def missing(plan: Plan) -> str:
    """Where products are not there: a sentence about how many are."""
    products = plan.targets()
    there = sum(map(os.path.exists, products))
    return "" if there == len(products) else f" {there} of {len(products)} products are there: make makes the others."


def signed(said: Path) -> dict[Path, str]:
    """The checksums in a manifest or in checksums.txt. An evaluation lists the weights of its training as well."""
    if said.name != "manifest.json":
        return {said.parent / name: digest for name, digest in read_checksums(said).items()}
    above = {"weights.npz"} if said.parent.name == "evaluation" else set()
    products = Manifest.read(said).products
    return {said.parents[name in above] / name: str(digest) for name, digest in products.items()}


def unsigned(path: Path, listed: set[Path]) -> bool:
    """Whether a product is there, and nothing lists it."""
    return path.exists() and path not in listed


def tables(plan: Plan) -> Iterator[str]:
    """A line for every row of a table that its sources do not give, or that it lacks."""
    for name, make in sources(plan).items():
        path = Path(plan.path("table", table=name))
        if str(path) in plan.targets() and path.is_file():
            try:
                yield from differences(path, make())
            except UserError as error:
                yield str(error)


def sources(plan: Plan) -> dict[str, Callable[[], str]]:
    """How each table is made, as in workflow/rules/tables.smk."""

    def of(product: str, experiments: list[str] | None = None) -> list[Path]:
        return list(map(Path, plan.run_products(product, experiments)))

    datasets, deep = list(map(Path, plan.dataset_products("dataset manifest"))), plan.evaluated()
    costly = [*datasets, *of("manifest"), *of("evaluation manifest", deep)]
    return {
        "final-scores": lambda: final_scores_csv(of("episodes", plan.trained_by("train_linear"))),
        "evaluation-scores": lambda: evaluation_scores_csv(of("evaluation episodes", deep), of("manifest", deep)),
        "steps-to-return": lambda: steps_to_return_csv(of("episodes", deep), of("manifest", deep)),
        "several-games": lambda: several_games_csv(
            list(map(Path, several.evaluations(plan))), json.loads(several.spec(plan))
        ),
        "datasets": lambda: datasets_csv(datasets),
        "encoder-scores": lambda: encoder_scores_csv(of("encoding", plan.trained_by("train_encoder"))),
        "prediction-scores": lambda: prediction_scores_csv(of("predictions", plan.trained_by("predict"))),
        "cost": lambda: cost_csv(costly, map(Path, plan.picture_costs()), Path(plan.config.results), plan.lock()),
    }


def differences(path: Path, made: str) -> Iterator[str]:
    """How a table differs from what was made of its sources again; another lock since then does not count."""

    def rows(text: str) -> list[str]:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
        return table.drop(columns="under_another_lock", errors="ignore").to_csv(index=False).splitlines()

    with reading(path):
        published, found = rows(path.read_text(encoding="utf-8")), rows(made)
    yield from (f"{path}: its sources do not give this row: {row}" for row in sorted(set(published) - set(found)))
    yield from (f"{path}: it lacks this row: {row}" for row in sorted(set(found) - set(published)))
    if sorted(published) == sorted(found) and published != found:
        yield f"{path}: its rows are in another order"
    elif set(published) == set(found) and len(published) != len(found):
        yield f"{path}: it has some rows twice"


def recordings(plan: Plan) -> Iterator[Part]:
    """All recordings that are there, in parts, each with what it takes to have its player judge the same states."""
    for run in plan.runs():
        agent, known = plan.agent(run["experiment"]), SimpleNamespace(**run)
        if "recordings" in agent.products:
            yield from whole(Path(plan.path("recordings", **run)), {}, [])
        if agent.evaluated:
            modules, encoder = json.loads(plan.evaluation_modules(known)), plan.encoder(known)
            yield from whole(Path(plan.path("evaluation recordings", **run)), modules, encoder)
    for path in plan.dataset_products("dataset recordings"):
        yield from whole(Path(path), {}, [], of_dataset=True)


def whole(path: Path, modules: dict[str, str], encoder: list[str], of_dataset: bool = False) -> Iterator[Part]:
    """The parts of one file; a file that cannot be read, or has no rows, is a part as well."""
    steps = [0]
    with suppress(UserError), reading(path):
        steps = ParquetFile(path).read(["steps"])["steps"].to_pylist()
    if os.path.lexists(path):
        for first in range(0, max(1, len(steps)), PART):
            some = sum(steps[first : first + PART])
            yield Part(path, first, tuple(modules.items()), tuple(map(Path, encoder)), some, of_dataset)
