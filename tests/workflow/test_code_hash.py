"""An edit of any module that computes something runs its jobs again, of every kind, and no others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from rlgames import provenance
from rlgames.files import PACKAGE
from rlgames.provenance import closure, code_hash
from rlgames.settings.agents import Agent
from rlgames.settings.environments import Environment
from rlgames.settings.figures import AnyFigure
from rlgames.settings.learner import Network
from rlgames.settings.spec import kinds

PACKAGES = (
    *("agents", "encoders", "environments", "features", "figures", "networks", "playing", "training", "videos"),
    *("checkpoints", "statistics", "streams", "files"),
)
"""All that computes or writes something."""

NO_JOBS = {
    "rlgames.playing.audit",
    "rlgames.encoders.audit",
    "rlgames.training.protocol",
    "rlgames.videos.random_play",
    "rlgames.playing.tiles",
    "rlgames.networks.plain",
}
"""Modules of `make verify` and of the public functions, which are no jobs, and one that has only types."""


def roots() -> Iterator[tuple[str, list[str]]]:
    """Every kind of job: its name, and the modules that its code hash starts from."""
    for command in (
        "config",
        "dataset",
        "datasets",
        "encode",
        "encoder_scores",
        "prediction_scores",
        "deep_scores",
        "final_scores",
        "cost",
        "checksums",
    ):
        yield command, [f"rlgames.commands.{command}"]
    environments = {kind.model_fields["name"].annotation.__args__[0]: kind for kind in kinds(Environment)}
    for name, environment in environments.items():
        if name != "frames":  # no game
            yield f"video, {name}", ["rlgames.commands.video", environment.module]
    for figure in kinds(AnyFigure):
        yield f"figure, {figure.__name__}", ["rlgames.commands.figure", figure.module]
    for kind in kinds(Agent):
        for agent in variants(kind):
            for name in sorted(kind.plays):
                what = f"{kind.__name__}, {name}, {agent}"
                yield (
                    f"training, {what}",
                    [f"rlgames.commands.{kind.rule}", *agent.modules(environments[name]).values()],
                )
                if kind.evaluated:
                    modules = agent.playing_modules(environments[name]).values()
                    yield f"evaluation, {what}", ["rlgames.commands.evaluate", *modules]
                    modules = agent.filming_modules(environments[name]).values()
                    yield f"gameplay, {what}", ["rlgames.commands.gameplay", *modules]


def variants(kind: Any) -> list[Any]:
    """Settings of an agent, with each network or each kind of features that it can have."""
    if "network" in kind.model_fields:
        networks = get_args(Network.model_fields["network"].annotation)
        return [kind.model_construct(network=network) for network in networks]
    if "features" in kind.model_fields:
        choice = kind.model_fields["features"].annotation
        return [kind.model_construct(features=features.model_construct()) for features in get_args(choice)]
    return [kind.model_construct()]


def computing(package: str) -> list[str]:
    """The modules of a package, or the one of this name."""
    paths = sorted((PACKAGE / package).rglob("*.py")) or [PACKAGE / f"{package}.py"]
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("package", PACKAGES)
def test_edit_of_a_module_that_computes_reruns_its_jobs(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = dict(roots())
    before = {name: code_hash(*modules) for name, modules in jobs.items()}
    parse, syntax = provenance.parse, provenance.syntax
    for edited in set(computing(package)) - NO_JOBS:
        tree = ast.parse(f"{provenance.source(edited).read_text()}\nEDITED = 1\n")
        with monkeypatch.context() as patched:
            patched.setattr(
                provenance, "parse", lambda name, it=(edited, tree): it[1] if name == it[0] else parse(name)
            )
            patched.setattr(
                provenance, "syntax", lambda name, it=edited: (syntax.__wrapped__ if name == it else syntax)(name)
            )
            changed = {name for name, modules in jobs.items() if code_hash.__wrapped__(*modules) != before[name]}
        assert changed, f"no job depends on {edited}"
        assert changed == {name for name, modules in jobs.items() if edited in closure(modules)}


def test_no_job_depends_on_what_computes_nothing() -> None:
    outside = {
        name
        for package in ("__init__", "api", "operations", "settings", "plan", "provenance", "messages")
        for name in computing(package)
    }
    for name, modules in roots():
        assert not outside & set(closure(modules)), name
