"""What a config asks of the workflow: its targets, and the spec, code hash and input of each job."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from rlgames import paths, settings
from rlgames.commands.job import diverged
from rlgames.provenance import ROOT, code_hash, installed_lock

FORMATS = ("png", "pdf", "csv")


class Plan:
    """A validated config, as the rules need it."""

    def __init__(self, config: dict[str, Any], files: Iterable[Path | str] = ()) -> None:
        """Validate `config`, merged from `files`; raises `SettingsError`."""
        self.raw = config
        self.config = settings.load(config, files)

    def path(self, product: str, **known: object) -> str:
        """A path below the results folder; what is not `known` stays a wildcard."""
        return paths.path(self.config.results, product, **known)

    def targets(self) -> list[str]:
        """All that the config asks for."""
        figures = [self.path("figure", figure=name, format=kind) for name in self.config.figures for kind in FORMATS]
        tables = [self.path("table", table=table) for table in ("final-scores", "cost")]
        return [self.path("config"), *figures, *tables]

    @cached_property
    def variants(self) -> dict[tuple[str, str], settings.Variant]:
        """Every variant, by experiment and name."""
        return {
            (name, variant.name): variant
            for name, experiment in self.config.experiments.items()
            for variant in experiment.variants
        }

    def runs(self, experiments: Iterable[str] | None = None) -> list[dict[str, str]]:
        """The training jobs of some experiments (default: all), as wildcards: experiment, variant, seeds."""
        return [
            {"experiment": name, "variant": variant.name, "seeds": seeds}
            for name in (self.config.experiments if experiments is None else experiments)
            for variant in self.config.experiments[name].variants
            for seeds in self.config.experiments[name].blocks(self.config.block_size)
        ]

    def run_products(self, product: str, experiments: Iterable[str] | None = None) -> list[str]:
        """A product of every run of some experiments (default: all)."""
        return [self.path(product, **run) for run in self.runs(experiments)]

    # What a job gets. Snakemake compares params as text, so that each is one canonical value.

    def code(self, command: str, *modules: str) -> str:
        """Hash of the code behind a command and the modules that its spec names."""
        return code_hash(f"rlgames.commands.{command}", *modules)

    def config_spec(self) -> str:
        return settings.canonical(self.raw)

    def config_meaning(self) -> str:
        """Hash of what the config means, so that a changed default writes the resolved config anew."""
        return hashlib.sha256(settings.canonical(settings.resolved(self.config)).encode()).hexdigest()

    def spec(self, run: Any) -> settings.Spec:
        """The spec behind the wildcards of a run; a name that the config lacks raises `SettingsError`."""
        if run.experiment not in self.config.experiments:
            raise settings.SettingsError(settings.unknown("experiment", run.experiment, self.config.experiments))
        variants = [variant for experiment, variant in self.variants if experiment == run.experiment]
        if run.variant not in variants:
            raise settings.SettingsError(settings.unknown(f"variant of {run.experiment}", run.variant, variants))
        return self.variants[run.experiment, run.variant].spec

    def figure(self, name: str) -> settings.LearningCurves:
        if name not in self.config.figures:
            raise settings.SettingsError(settings.unknown("figure", name, self.config.figures))
        return self.config.figures[name]

    def run_spec(self, run: Any) -> str:
        return self.spec(run).canonical()

    def run_code(self, run: Any) -> str:
        spec = self.spec(run)
        return self.code("train_linear", spec.agent.module, spec.environment.module)

    def figure_spec(self, name: str) -> str:
        figure = self.figure(name)
        labels = self.config.labels(name)
        return settings.canonical({"module": figure.module, "labels": labels, **figure.model_dump(exclude={"caption"})})

    def figure_inputs(self, name: str) -> list[str]:
        return self.run_products("episodes", self.figure(name).experiments)

    def figure_code(self, name: str) -> str:
        return self.code("figure", self.figure(name).module)

    def caption(self, name: str) -> str:
        """The figure's caption, with the seeds and the protocol of its experiments."""
        figure = self.figure(name)
        return " ".join([figure.caption, *(self.protocol(experiment) for experiment in figure.experiments)])

    def protocol(self, name: str) -> str:
        experiment = self.config.experiments[name]
        spec = experiment.variants[0].spec
        swept = sorted({key for point in experiment.sweep or () for key in point} - {"label"})
        fixed = {
            **spec.agent.model_dump(exclude={"name", "coding"}),
            **spec.agent.coding.model_dump(exclude={"name"}),
        }
        values = [f"{key} {value}" for key, value in fixed.items() if key not in swept]
        last = experiment.first_seed + experiment.seeds - 1
        return (
            f"{name}: {spec.agent.name} with {spec.agent.coding.name} features on {spec.environment.name}, "
            f"{spec.episodes} episodes, seeds {experiment.first_seed} to {last}, {', '.join(values)}"
            f"{'; swept: ' + ', '.join(swept) if swept else ''}. Training returns."
        )

    # What the user reads.

    def announcement(self, jobs: Iterable[Any], cores: int) -> str:
        """What is about to run, and for how long; the rates are those of one core of a 2020s server."""
        seconds, longest, count = 0.0, 0.0, 0
        for job in jobs:
            one = SECONDS.get(job.rule.name, 1.0)
            if job.rule.name == "train_linear":
                first, last = map(int, job.wildcards.seeds.split("-"))
                episodes = self.spec(job.wildcards).episodes
                one += (last - first + 1) * episodes * STEPS_PER_EPISODE / STEPS_PER_SECOND
            seconds, longest, count = seconds + one, max(longest, one), count + 1
        left = max(seconds / max(cores, 1), longest)
        about = f"{left:.0f} seconds" if left < 90 else f"{left / 60:.0f} minutes"
        return f"rlgames: {count} jobs for {self.config.results}, about {about} on {cores} cores."

    def notices(self) -> str:
        """What a reader of the results must know: runs that diverged, or were made under another lock."""
        lines = []
        for path in map(Path, self.run_products("manifest")):
            if not path.exists():
                continue
            facts = json.loads(path.read_text())
            run = f"{facts['experiment']}/{facts['variant']}"
            if facts["diverged"]:
                lines.append(diverged(facts["experiment"], facts["variant"], facts["diverged"]))
            if facts["truncated"]:
                lines.append(f"Truncated: {run}, seeds {facts['seeds']}: episodes cut off: {facts['truncated']}.")
            if facts["lock"] != installed_lock():
                lines.append(
                    f"Made under another lock: {run}, seeds {facts['seeds']} (kept; delete it to make it again)."
                )
        return "\n".join(lines)

    def failure(self, log: str) -> str:
        """What to do about a job that failed."""
        return f"rlgames: a job failed; its messages are above and in {log}. Mend the cause and run the same command."


SECONDS = {"train_linear": 2.5, "figure": 3.0}
"""Start-up, imports and drawing."""

STEPS_PER_EPISODE, STEPS_PER_SECOND = 200, 8e6
"""Of a linear agent: what an episode of Mountain Car takes on average, and the rate with a dozen tilings."""


def say(*messages: str) -> None:
    """Print the messages that are not empty, beside Snakemake's own."""
    for message in filter(None, messages):
        print(message, file=sys.stderr, flush=True)


def use_this_python(project: str) -> None:
    """Let jobs run the Python that runs Snakemake, activated or not, and the library that lies beside the Snakefile."""
    if Path(project).resolve() != ROOT.resolve():
        raise settings.SettingsError(
            f"This environment runs the library in {ROOT}, not the one of this project; use its own: make, or "
            "source .venv/bin/activate"
        )
    folder = str(Path(sys.executable).parent)
    if not os.environ.get("PATH", "").startswith(folder):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
