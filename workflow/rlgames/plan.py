"""What a config asks of the workflow: its targets, and the spec, code hash and input of each job."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from rlgames import paths, resources, settings, submission
from rlgames.messages import diverged
from rlgames.provenance import ROOT, code_hash, installed_lock
from rlgames.settings.experiments import Spec, canonical, flat
from rlgames.settings.explanations import unknown

FORMATS = ("png", "pdf", "csv")
VIDEO_FORMATS = ("mp4", "html")
GAMEPLAY_FORMATS = ("mp4", "html", "gif", "png")
COMMANDS = {"episodes": "train_linear", "steps": "train_atari", "epochs": "train_encoder"}
"""That train, by what a run counts."""
EPISODES = ("best", "median", "random")
"""Evaluation episodes that videos show."""
PLAYED = ("weights", "episodes", "recordings", "manifest")
RUN_PRODUCTS = {"episodes": PLAYED, "steps": PLAYED, "epochs": ("weights", "losses", "manifest", "encoding")}
"""Of a run, by what it counts."""
DATASET_PRODUCTS = ("dataset recordings", "frames", "dataset manifest")
EVALUATION_PRODUCTS = ("evaluation episodes", "evaluation recordings", "evaluation manifest")


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
        names = [
            "cost",
            *["final-scores"] * bool(self.counted("episodes")),
            *["evaluation-scores", "steps-to-return"] * bool(self.counted("steps")),
            *["encoder-scores"] * bool(self.counted("epochs")),
            *["datasets"] * bool(self.config.datasets),
        ]
        tables = [self.path("table", table=table) for table in names]
        videos = [
            path
            for name in self.config.videos
            for variant in self.config.experiments[name].variants
            for path in self.videos_of(name, variant.name)
        ]
        runs = [
            path
            for budget, products in RUN_PRODUCTS.items()
            for product in products
            for path in self.run_products(product, self.counted(budget))
        ]
        evaluations = [
            path for product in EVALUATION_PRODUCTS for path in self.run_products(product, self.counted("steps"))
        ]
        datasets = [path for product in DATASET_PRODUCTS for path in self.dataset_products(product)]
        return [self.path("config"), *figures, *videos, *tables, *runs, *evaluations, *datasets]

    def videos_of(self, experiment: str, variant: str) -> list[str]:
        """The videos of a variant: its last training episode, or three evaluation episodes on Atari."""
        known = {"experiment": experiment, "variant": variant}
        if self.config.experiments[experiment].budget == "episodes":
            return [self.path("video", **known, format=kind) for kind in VIDEO_FORMATS]
        return [
            self.path("gameplay", **known, which=which, format=kind) for which in EPISODES for kind in GAMEPLAY_FORMATS
        ]

    def picture_costs(self) -> list[str]:
        """What Snakemake notes of every encoding, figure and video: time and memory."""
        videos = [
            path
            for name in self.config.videos
            for variant in self.config.experiments[name].variants
            for path in self.video_costs(name, variant.name)
        ]
        encodings = self.run_products("encoding cost", self.counted("epochs"))
        return [*encodings, *(self.path("figure cost", figure=name) for name in self.config.figures), *videos]

    def video_costs(self, experiment: str, variant: str) -> list[str]:
        known = {"experiment": experiment, "variant": variant}
        if self.config.experiments[experiment].budget == "steps":
            return [self.path("gameplay cost", **known, which=which) for which in EPISODES]
        return [self.path("video cost", **known)]

    @cached_property
    def variants(self) -> dict[tuple[str, str], settings.Variant]:
        """Every variant, by experiment and name."""
        return {
            (name, variant.name): variant
            for name, experiment in self.config.experiments.items()
            for variant in experiment.variants
        }

    def counted(self, budget: str) -> list[str]:
        """The experiments whose agents count episodes, steps or epochs."""
        return [name for name, experiment in self.config.experiments.items() if experiment.budget == budget]

    def names(self, budget: str) -> str:
        """A pattern for their names, so that a path belongs to one rule."""
        return "|".join(self.counted(budget)) or "(?!)"

    def other_names(self, budget: str) -> str:
        """A pattern for all other names, those that the config lacks included: they get a message of their own."""
        return rf"(?!({self.names(budget)})/)[a-z0-9-]+"

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

    def dataset_products(self, product: str) -> list[str]:
        """A product of every data set."""
        return [self.path(product, dataset=name) for name in self.config.datasets]

    # What a job gets. Snakemake compares params as text, so that each is one canonical value.

    def code(self, command: str, *modules: str) -> str:
        """Hash of the code behind a command and the modules that its spec names."""
        return code_hash(f"rlgames.commands.{command}", *modules)

    def config_spec(self) -> str:
        return canonical(self.raw)

    def config_meaning(self) -> str:
        """Hash of what the config means, so that a changed default writes the resolved config anew."""
        return hashlib.sha256(json.dumps(settings.resolved(self.config)).encode()).hexdigest()

    def order(self) -> str:
        """All runs in the order of the config, which is that of the tables' rows."""
        return json.dumps(self.runs())

    def lock(self) -> str:
        return str(installed_lock())

    def spec(self, run: Any) -> Spec:
        """The spec behind the wildcards of a run; what the config lacks raises `SettingsError`."""
        if run.experiment not in self.config.experiments:
            raise settings.SettingsError(unknown("experiment", run.experiment, self.config.experiments))
        variants = [variant for experiment, variant in self.variants if experiment == run.experiment]
        if run.variant not in variants:
            raise settings.SettingsError(unknown(f"variant of {run.experiment}", run.variant, variants))
        blocks = self.config.experiments[run.experiment].blocks(self.config.block_size)
        if (seeds := getattr(run, "seeds", blocks[0])) not in blocks:
            raise settings.SettingsError(unknown(f"block of seeds of {run.experiment}", seeds, blocks))
        return self.variants[run.experiment, run.variant].spec

    def run_spec(self, run: Any) -> str:
        return self.spec(run).canonical()

    def run_code(self, run: Any) -> str:
        spec = self.spec(run)
        return self.code(COMMANDS[spec.agent.budget], *spec.modules)

    def dataset(self, name: str) -> Any:
        """The settings of a data set; a name that the config lacks raises `SettingsError`."""
        if name not in self.config.datasets:
            raise settings.SettingsError(unknown("data set", name, self.config.datasets))
        return self.config.datasets[name]

    def dataset_spec(self, name: str) -> str:
        return canonical(self.dataset(name).model_dump())

    def policy(self, dataset: str) -> list[str]:
        """The recordings that a data set is made of, if they are those of a trained agent."""
        run = self.dataset(dataset).policy
        known = {} if run == "random" else {"experiment": run.experiment, "variant": run.variant, "seeds": run.seed}
        return [self.path("evaluation recordings", **known)] if known else []

    def frames(self, run: Any) -> str:
        """The frames that an auto-encoder learns from."""
        spec: Any = self.spec(run)
        return self.path("frames", dataset=spec.environment.dataset)

    def encoding_spec(self, run: Any) -> str:
        spec: Any = self.spec(run)
        game = self.dataset(spec.environment.dataset).environment.game
        return canonical({"game": game, "split": spec.agent.split})

    def initial_weights(self, run: Any) -> list[str]:
        """The file that a deep agent starts from, if any."""
        path = getattr(self.spec(run).agent, "initial_weights", None)
        return [] if path is None else [path.replace("{seed}", run.seeds)]

    def encoder(self, run: Any) -> list[str]:
        """The weights of the auto-encoder over whose latent variables a linear agent learns, if any."""
        encoder = getattr(getattr(self.spec(run).agent, "features", None), "encoder", None)
        if encoder is None:
            return []
        return [self.path("weights", experiment=encoder.experiment, variant=encoder.variant, seeds=encoder.seed)]

    def evaluation_spec(self, run: Any) -> str:
        """How to evaluate: environment, what weights need to play with, protocol; nothing of how the agent learned."""
        spec: Any = self.spec(run)
        agent = spec.agent.model_dump(include=spec.agent.playing)
        evaluation = self.config.evaluation.model_dump()
        return canonical({"environment": spec.environment.model_dump(), "agent": agent, "evaluation": evaluation})

    def evaluation_code(self, run: Any) -> str:
        return self.code("evaluate", self.player_module(run), *self.spec(run).features)

    def training_module(self, run: Any) -> str:
        return self.spec(run).training

    def agent_module(self, run: Any) -> str:
        return self.spec(run).agent.module

    def feature_module(self, run: Any) -> str:
        """The module of the features, or nothing."""
        return " ".join(self.spec(run).features)

    def player_module(self, run: Any) -> str:
        spec: Any = self.spec(run)
        return spec.agent.player

    def figure(self, name: str) -> Any:
        """The settings of a figure; a name that the config lacks raises `SettingsError`."""
        if name not in self.config.figures:
            raise settings.SettingsError(unknown("figure", name, self.config.figures))
        return self.config.figures[name]

    def figure_spec(self, name: str) -> str:
        """What to draw: the module and its options, and the curves as [experiment, variant, place], in order."""
        figure = self.figure(name)
        curves = [
            [experiment, variant, place]
            for experiment, variants in self.config.curves(name).items()
            for variant, place in variants.items()
        ]
        options = figure.model_dump(exclude={"kind", "experiments", "caption"} | figure.placing)
        return canonical({"module": figure.module, "curves": curves, "options": options})

    def figure_inputs(self, name: str) -> dict[str, list[str]]:
        figure = self.figure(name)
        return {product: self.run_products(product, figure.experiments) for product in figure.products}

    def figure_code(self, name: str) -> str:
        return self.code("figure", self.figure(name).module)

    def caption(self, name: str) -> str:
        """The figure's caption, with the seeds and the protocol of its experiments."""
        figure = self.figure(name)
        return " ".join([figure.caption, *map(self.protocol, figure.experiments)])

    def protocol(self, name: str) -> str:
        """An experiment in words: what all its variants share, and what differs."""
        experiment = self.config.experiments[name]
        specs = [flat(variant.spec.resolved()) for variant in experiment.variants]
        keys = list(dict.fromkeys(key for spec in specs for key in spec))
        shared = [key for key in keys if all(spec.get(key) == specs[0].get(key) for spec in specs)]
        values = [f"{last_name(key)} {specs[0][key]}" for key in shared if key in specs[0]]
        swept = [last_name(key) for key in keys if key not in shared]
        evaluation = self.config.evaluation
        if experiment.budget == "epochs":
            judged = "Judged on test frames, which nothing was learned from."
        elif experiment.budget == "episodes":
            judged = "Training returns."
        else:
            judged = (
                f"Evaluation: {evaluation.episodes} episodes in the end, {evaluation.checkpoint_episodes} at each of "
                f"nine points before, with seeds of their own, ε {evaluation.epsilon:g}."
            )
        return (
            f"{name}: seeds {experiment.first_seed} to {experiment.last_seed}, {', '.join(values)}"
            f"{'; swept: ' + ', '.join(swept) if swept else ''}. {judged}"
        )

    def video_input(self, run: Any) -> str:
        """The recordings with the seed that the video shows."""
        self.spec(run)
        if run.experiment not in self.config.videos:
            raise settings.SettingsError(unknown("video of", run.experiment, self.config.videos))
        seed = self.config.videos[run.experiment].seed
        (seeds,) = [
            block
            for block in self.config.experiments[run.experiment].blocks(self.config.block_size)
            if int(block.split("-")[0]) <= seed <= int(block.split("-")[-1])
        ]
        evaluated = self.config.experiments[run.experiment].budget == "steps"
        product = "evaluation recordings" if evaluated else "recordings"
        return self.path(product, experiment=run.experiment, variant=run.variant, seeds=seeds)

    def video_seed(self, run: Any) -> int:
        return self.config.videos[run.experiment].seed

    def video_caption(self, run: Any) -> str:
        return f"{self.config.videos[run.experiment].caption} {self.protocol(run.experiment)}"

    def video_code(self, run: Any) -> str:
        return self.code("video", self.spec(run).environment.module)

    # What a job takes, and asks a cluster for; `run` has its wildcards.

    def seconds(self, rule: str, run: Any) -> float:
        """About how long a job takes on one core."""
        if rule == "dataset":
            return 1 + self.dataset(run.dataset).size / resources.FRAMES_PER_SECOND
        if rule == "evaluate":
            return resources.evaluation_seconds(self.config.evaluation)
        if rule not in (*COMMANDS.values(), "encode"):
            return resources.SECONDS.get(rule, 1.0)
        spec: Any = self.spec(run)
        if rule in ("train_encoder", "encode"):
            dataset = self.dataset(spec.environment.dataset)
            size = dataset.environment.image_size
            if rule == "encode":
                return resources.encoding_seconds(dataset.size, size)
            return resources.training_seconds(spec, frames=dataset.size, image_size=size)
        first, _, last = run.seeds.partition("-")
        return resources.training_seconds(spec, int(last or first) - int(first) + 1)

    def minutes(self, rule: str, run: Any, attempt: int) -> int:
        """The wall time that a job asks for."""
        seconds, start = self.seconds(rule, run), float(resources.START)
        if rule == "evaluate":
            spec: Any = self.spec(run)
            seconds = resources.evaluation_seconds(self.config.evaluation, spec.environment.max_steps)
        elif rule == "train_linear":
            start = resources.START_LINEAR
        elif rule == "train_atari":
            start += resources.replaying_seconds(self.spec(run))
        return resources.minutes(seconds, start, attempt)

    def memory(self, rule: str, run: Any, attempt: int) -> int:
        """The memory that a job asks for, in MB."""
        if rule == "dataset":
            needed = resources.SNAKEMAKE + resources.PLAIN
        elif rule in COMMANDS.values():
            needed = resources.training_memory(self.spec(run))
        else:
            needed = resources.playing_memory(self.spec(run))
        if rule in ("train_encoder", "encode"):
            spec: Any = self.spec(run)
            needed += math.ceil(self.dataset(spec.environment.dataset).size / resources.FRAMES_PER_MB)
        return resources.megabytes(needed, attempt)

    def gpus(self, run: Any) -> int:
        return resources.gpus(self.spec(run))

    def threads(self, run: Any) -> int:
        """Cores of a training: linear agents use one."""
        return self.config.threads if hasattr(self.spec(run).agent, "device") else 1

    # What the user reads.

    def announcement(self, workflow: Any) -> str:
        """What Snakemake's `workflow` is about to run, and for how long."""
        cores = workflow.resource_settings.cores
        each = [self.seconds(job.rule.name, job.wildcards) for job in workflow.dag.needrun_jobs()]
        seconds = sum(each)
        what = f"rlgames: {len(each)} jobs for {self.config.results}"
        if cores is None:  # a cluster: its queue decides
            return f"{what}, about {seconds / 60:.0f} minutes of computing."
        left = max(seconds / cores, *each, 0)
        about = f"{left:.0f} seconds" if left < 90 else f"{left / 60:.0f} minutes"
        return f"{what}, about {about} on {cores} {'core' if cores == 1 else 'cores'}."

    def notices(self) -> str:
        """What a reader of the results must know: runs that diverged, were cut off, or made under another lock."""
        lines = []
        evaluations = self.run_products("evaluation manifest", self.counted("steps"))
        for path in map(Path, [*self.run_products("manifest"), *evaluations]):
            if not path.exists():
                continue
            facts = json.loads(path.read_text())
            what = "evaluation of " if str(path) in evaluations else ""
            run = f"{what}{facts['experiment']}/{facts['variant']}, seeds {facts['seeds']}"
            if facts["diverged"]:
                lines.append(diverged(facts["experiment"], facts["variant"], facts["diverged"]))
            if facts["truncated"]:
                lines.append(f"Truncated: {run}: episodes cut off: {facts['truncated']}.")
            if facts["lock"] != installed_lock():
                lines.append(
                    f"Made under another lock: {run} (kept; delete it, and its folder below state, to make it again)."
                )
        return "\n".join(lines)


def last_name(key: str) -> str:
    """A setting without the way to it: `agent.coding.tiles` is tiles, and `agent.coding.name` the coding."""
    return key.removesuffix(".name").split(".")[-1]


def say(*messages: str) -> None:
    """Print the messages that are not empty, beside Snakemake's own."""
    with suppress(OSError):  # the terminal went away
        for message in filter(None, messages):
            print(message, file=sys.stderr, flush=True)


def planned(workflow: Any, config: dict[str, Any]) -> Plan:
    """The plan of Snakemake's `workflow`; raises `SettingsError` if it cannot be run, or is not what was submitted."""
    use_this_python(workflow.basedir)
    plan = Plan(config, workflow.configfiles)
    submission.guard(plan, workflow)
    return plan


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
