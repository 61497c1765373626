"""The page of a config's results: its figures, videos, tables and runs in one file beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from rlgames.files import reading
from rlgames.messages import UserError, clock, count
from rlgames.pages import curves
from rlgames.plan import words
from rlgames.plan.plan import EPISODES, Plan
from rlgames.provenance import Manifest

HERE = Path(__file__).parent

CAPTIONS = {
    "evaluation-scores": "Evaluation returns of trained agents and of random play.",
    "final-scores": "Means over all seeds of the last 100 episodes (or of all, if fewer); blank where a seed diverged.",
    "steps-to-return": "Steps and minutes of training until the mean of the last 20 returns reached a given level.",
    "several-games": "Human-normalised evaluation scores: 0 is random play, 1 a human tester.",
    "encoder-scores": "Auto-encoders, judged on frames that they did not learn from.",
    "prediction-scores": "Predicted returns, judged on episodes that the agents did not learn from.",
    "datasets": "Data sets of frames: sizes, distinct frames, and how many test frames have a copy in training.",
    "variants": "All settings of every variant.",
    "cost": "The time of each kind of job, and below that of every job, with the machine that it ran on.",
}
"""Captions of the tables, in the order of the page."""

ROWS = 1000
"""Maximum number of rows that the page shows of a table; its CSV has all."""

FOLDED = 100
"""Number of rows from which on a table is folded."""

UNPRINTED = ("variants", "cost")
"""Tables with too many rows and columns for paper."""

NUMBERS = ("episode", "value", "low", "high")
"""Numeric columns of a figure's CSV, which may be blank."""

INTERACTIVE = {"returns", "learning-curves"}
"""Kinds of figures that the page draws again as interactive curves."""


def build(plan: Plan) -> str:
    """The page as HTML. All files that it names are there, and lie below the results folder."""
    template = environment().get_template("page.html")
    figures, manifests = list(figures_of(plan)), list(read_manifests(plan))
    tables = {table["name"]: table for table in tables_of(plan)}
    return template.render(
        config=plan.config,
        figures=figures,
        videos=list(videos_of(plan)),
        cost=tables.pop("cost"),
        tables=list(tables.values()),
        folded=FOLDED,
        runs=[row for row, _ in manifests],
        made=made([manifest for _, manifest in manifests]),
        abstract=paragraphs(plan.config.abstract),
        costs=costs(plan),
        notices=words.notices(plan),
        others=[Path(plan.path(name)).name for name in ("config", "checksums")],
        data=embedded({figure["name"]: figure["panels"] for figure in figures if figure["panels"]}),
        css=Markup((HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 (files of ours)
        js=Markup((HERE / "page.js").read_text(encoding="utf-8")),  # noqa: S704
    )


def environment() -> Environment:
    """Where the page's template lies, and how it is read."""
    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text in a config: after `>`, YAML makes an empty line a mere end of line."""
    text = text.strip()
    return [part.strip() for part in text.split("\n\n" if "\n\n" in text else "\n") if part.strip()]


def embedded(value: Any) -> Markup:
    """JSON to embed in a script element, which nothing in it can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", r"\u003c").replace("\u2028", r"\u2028").replace("\u2029", r"\u2029"))  # noqa: S704


def below(plan: Plan, path: str | Path) -> str:
    """A path as the page names it."""
    return Path(path).relative_to(plan.config.results).as_posix()


def figures_of(plan: Plan) -> Iterator[dict[str, Any]]:
    """Each figure: name, title, caption, protocol, files, and the panels of those that can be looked into."""
    for name, figure in plan.config.figures.items():
        files = {kind: plan.path("figure", figure=name, format=kind) for kind in ("png", "pdf", "csv")}
        with reading(Path(files["png"])), Image.open(files["png"]) as picture:
            width, height = picture.size
        protocols = [words.protocol(plan, experiment) for experiment in figure.experiments]
        yield {
            "name": name, "title": figure.title, "caption": figure.caption, "protocols": protocols,
            "width": width, "height": height, "panels": panels(plan, name) if figure.kind in INTERACTIVE else [],
            **{kind: below(plan, path) for kind, path in files.items()},
        }  # fmt: skip


def panels(plan: Plan, name: str) -> list[dict[str, Any]]:
    """The curves of a figure, a panel each game or quantity, with the videos of the runs behind them."""
    spec = json.loads(plan.figure_spec(name))
    if plan.figure(name).kind == "returns":
        inputs = [Path(path) for paths in plan.figure_inputs(name).values() for path in paths]
        found = curves.of_returns(spec | {"paths": inputs})
    else:
        episodes = {
            (experiment, variant): [
                Path(plan.path("episodes", experiment=experiment, variant=variant, seeds=seeds))
                for seeds in plan.blocks[experiment]
            ]
            for experiment, variant, _ in spec["curves"]
        }
        texts = dict.fromkeys(("quantity", "facet", "curve", "band"), str)  # a label may look like a number
        csv = Path(plan.path("figure", figure=name, format="csv"))
        with reading(csv):
            summary = pd.read_csv(csv, dtype=texts, keep_default_na=False, na_values={key: [""] for key in NUMBERS})
        seeds = max(plan.config.experiments[experiment].seeds for experiment in plan.figure(name).experiments)
        found = curves.of_learning_curves(spec | {"episodes": episodes, "seeds": seeds}, summary)
    for panel in found:
        for curve in panel["curves"]:
            for line in curve["seeds"]:
                experiment, variant = line.pop("run")
                shown = bool(line["points"]["x"]) == plan.agent(experiment).evaluated
                line["video"] = video_id(plan, experiment, variant, line["seed"]) if shown else None
    return [panel for panel in found if any(map(has_values, panel["curves"]))]


def has_values(curve: dict[str, Any]) -> bool:
    """Whether there is anything to draw of a curve: a run may be too short for its first episode to end."""
    lines = [curve["mean"], *curve["seeds"], *(line["points"] for line in curve["seeds"])]
    return any(value is not None for line in lines for value in line["y"])


def video_id(plan: Plan, experiment: str, variant: str, seed: int) -> str | None:
    """The place on the page of the video of a run; None if there is none."""
    video = plan.config.videos.get(experiment)
    return identifier(experiment, variant) if video is not None and video.seed == seed else None


def identifier(experiment: str, variant: str) -> str:
    return f"video-{experiment}.{variant}"  # no experiment has a dot in its name


def videos_of(plan: Plan) -> Iterator[dict[str, Any]]:
    """The videos of each variant, with where they lie and what they show."""
    for experiment, variant in plan.filmed():
        known = {"experiment": experiment, "variant": variant}
        found: list[dict[str, str | None]] = []
        video = plan.config.videos[experiment]
        if plan.agent(experiment).evaluated:
            for which in EPISODES:
                kinds = {kind: plan.path("gameplay", **known, which=which, format=kind) for kind in ("mp4", "png")}
                found.append({"what": WHICH[which], **{kind: below(plan, path) for kind, path in kinds.items()}})
        else:
            found.append(
                {"what": "the last episode", "mp4": below(plan, plan.path("video", **known, format="mp4")), "png": None}
            )
        label = plan.variants[experiment, variant].label or variant
        yield {
            "id": identifier(experiment, variant), "seed": video.seed, "caption": video.caption, "files": found,
            "experiment": experiment, "title": experiment if variant == "default" else f"{experiment}: {label}",
        }  # fmt: skip


WHICH = {"best": "the best evaluation episode", "median": "the median evaluation episode", "random": "random play"}


def tables_of(plan: Plan) -> Iterator[dict[str, Any]]:
    """The tables, as far as the page shows them."""
    folder = Path(plan.path("table", table="x")).parent
    order = list(CAPTIONS)
    paths = [path for path in map(Path, plan.targets()) if path.parent == folder]
    for path in sorted(paths, key=lambda path: order.index(path.stem)):
        with reading(path):
            rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        numeric = {
            column: pd.to_numeric(rows[column].replace("", "0"), errors="coerce").notna().all() for column in rows
        }
        yield {
            "name": path.stem, "title": path.stem.replace("-", " ").capitalize(),
            "caption": CAPTIONS[path.stem], "csv": below(plan, path),
            "columns": [{"name": str(column).replace("_", " "), "numeric": bool(numeric[column])} for column in rows],
            "rows": rows.head(ROWS).to_numpy().tolist(), "count": len(rows), "printed": path.stem not in UNPRINTED,
        }  # fmt: skip


def read_manifests(plan: Plan) -> Iterator[tuple[dict[str, Any], Manifest]]:
    """Each run as a row with links to its files, and its manifest; a damaged one is a notice, and left out here."""
    for run in plan.runs():
        path = Path(plan.path("manifest", **run))
        try:
            manifest = Manifest.read(path)
        except UserError:
            continue
        folder = below(plan, path.parent)
        links = [{"name": Path(name).stem, "path": f"{folder}/{name}"} for name in sorted(manifest.products)]
        links.append({"name": "manifest", "path": f"{folder}/manifest.json"})
        if plan.agent(run["experiment"]).evaluated:
            links.append({"name": "evaluation", "path": f"{folder}/evaluation/recordings.parquet"})
        yield (
            {
                **run,
                "took": clock(manifest.wall_seconds),
                "seconds": manifest.wall_seconds,
                "device": manifest.device,
                "links": links,
            },
            manifest,
        )


def made(manifests: list[Manifest]) -> dict[str, list[str]]:
    """What made the runs, as their manifests say: each answer, with how many runs gave it where others differ."""
    facts: dict[str, Counter[str]] = {}
    for manifest in manifests:
        around = manifest.surroundings
        machine = around["machine"]
        said = {
            "Revision of the code": around["revision"] or "unknown",
            "Lock of the environment": around["lock"] or "none: the installed versions are not those of a lock",
            "Python": around["python"],
            "Libraries": ", ".join(f"{name} {version}" for name, version in around["versions"].items()),
            "Machine": ", ".join(
                str(machine[key]) for key in ("system", "processor", "instruction_set") if machine.get(key)
            ),
            "Device": manifest.device,
        }
        for name, answer in said.items():
            facts.setdefault(name, Counter())[answer] += 1
    return {
        name: [
            answer if len(answers) == 1 else f"{answer} ({count(number, 'run')})"
            for answer, number in answers.most_common()
        ]
        for name, answers in facts.items()
    }


def costs(plan: Plan) -> list[dict[str, str]]:
    """The total time of each kind of job, from the table of costs."""
    path = Path(plan.path("table", table="cost"))
    with reading(path):
        table = pd.read_csv(path)
    kinds = table["job"].str.split().str[0]
    groups = table.groupby(kinds, sort=False)["wall_seconds"]
    rows = [{"job": str(kind), "count": str(len(each)), "time": clock(each.sum())} for kind, each in groups]
    return [*rows, {"job": "all", "count": str(len(table)), "time": clock(table["wall_seconds"].sum())}]
