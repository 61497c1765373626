"""The path grammar: `path` builds every path of the workflow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import PurePosixPath
from string import Formatter

RUN = "runs/{experiment}/{variant}/seed-{seeds}"
"""A training run, or a block of them: `seeds` is one seed, or first-last."""

GRAMMAR = {
    "config": "config.yaml",
    "page": "index.html",
    "checksums": "checksums.txt",
    "weights": f"{RUN}/weights.npz",
    "episodes": f"{RUN}/episodes.parquet",
    "recordings": f"{RUN}/recordings.parquet",
    "manifest": f"{RUN}/manifest.json",
    "evaluation episodes": f"{RUN}/evaluation/episodes.parquet",
    "evaluation recordings": f"{RUN}/evaluation/recordings.parquet",
    "evaluation manifest": f"{RUN}/evaluation/manifest.json",
    "losses": f"{RUN}/losses.parquet",
    "encoding": f"{RUN}/encoding.parquet",
    "predictions": f"{RUN}/predictions.parquet",
    "dataset recordings": "datasets/{dataset}/recordings.parquet",
    "frames": "datasets/{dataset}/frames.parquet",
    "dataset manifest": "datasets/{dataset}/manifest.json",
    "state": "state/{experiment}/{variant}/seed-{seeds}",
    "figure": "figures/{figure}.{format}",
    "video": "videos/{experiment}/{variant}.{format}",
    "gameplay": "videos/{experiment}/{variant}/{which}.{format}",
    "table": "tables/{table}.csv",
    "argument": "arguments/{hash}.txt",
    "lock": "logs/lock",
    "log": "logs/{job}.log",
    "figure log": "logs/figures/{figure}.log",
    "video log": "logs/videos/{experiment}/{variant}.log",
    "gameplay log": "logs/videos/{experiment}/{variant}/{which}.log",
    "run log": f"logs/{RUN}.log",
    "evaluation log": f"logs/{RUN}/evaluation.log",
    "dataset log": "logs/datasets/{dataset}.log",
    "encoding log": f"logs/{RUN}/encoding.log",
    "encoding cost": f"logs/{RUN}/encoding.tsv",
    "figure cost": "logs/figures/{figure}.tsv",
    "video cost": "logs/videos/{experiment}/{variant}.tsv",
    "gameplay cost": "logs/videos/{experiment}/{variant}/{which}.tsv",
}

LISTED = {
    "weights.npz",
    "episodes.parquet",
    "recordings.parquet",
    "losses.parquet",
    "predictions.parquet",
    "frames.parquet",
}
"""Products whose checksums are in the manifest beside them."""

CONSTRAINTS = {
    "experiment": r"[a-z0-9-]+",
    "variant": r"[\w.,=+-]+",
    "seeds": r"\d+(-\d+)?",
    "dataset": r"[a-z0-9-]+",
    "figure": r"[a-z0-9-]+",
    "which": "best|median|random",
    "format": "[a-z0-9]+",
    "table": r"[a-z0-9-]+",
    "hash": "[0-9a-f]{16}",
}
"""What each wildcard may match, so that no path can be read in two ways."""


def first(seeds: str) -> int:
    """The first seed of a block, `0-99`, or the one that there is, `0`."""
    return int(seeds.partition("-")[0])


def last(seeds: str) -> int:
    """The last seed of a block."""
    return int(seeds.rpartition("-")[2])


def parts(root: str, path: str) -> dict[str, str]:
    """What the wildcards of a path below `root` stand for; none if it is no path of the grammar.

    >>> parts("results/lesson", "results/lesson/figures/tilings.png")
    {'figure': 'tilings', 'format': 'png'}
    """
    for grammar in GRAMMAR.values():
        pattern = re.escape(str(PurePosixPath(root, grammar))).replace(r"\{", "{").replace(r"\}", "}")
        for name, constraint in CONSTRAINTS.items():
            pattern = pattern.replace(f"{{{name}}}", f"(?P<{name}>{constraint})", 1)
        if found := re.fullmatch(pattern, path):
            return found.groupdict()
    return {}


def path(root: str, product: str, **known: object) -> str:
    """The path of `product` below `root`; a part of the grammar that is not `known` stays a wildcard.

    >>> path("results/lesson", "figure", figure="tilings", format="png")
    'results/lesson/figures/tilings.png'
    >>> path("results/lesson", "figure", format="png")
    'results/lesson/figures/{figure}.png'
    """
    grammar = GRAMMAR[product]
    parts = {name: f"{{{name}}}" for _, name, _, _ in Formatter().parse(grammar) if name}
    if extra := known.keys() - parts.keys():
        raise KeyError(f"the path of {product!r} has no part {sorted(extra)}")
    return str(PurePosixPath(root, grammar.format(**{**parts, **known})))


def unlisted(products: Iterable[str]) -> list[str]:
    """The products that no manifest lists, which checksums.txt lists instead."""
    return [product for product in products if PurePosixPath(product).name not in LISTED]


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """What paths of the products of runs, data sets, figures, videos and tables, and of their logs, look like."""
    found = {}
    for product, grammar in GRAMMAR.items():
        if product not in ("page", "config", "checksums", "state", "argument", "lock", "log"):  # of the whole folder
            known: set[str] = set()
            text = ""
            for literal, name, _, _ in Formatter().parse(grammar):
                text += re.escape(literal)
                if name:
                    text += f"(?P={name})" if name in known else f"(?P<{name}>{CONSTRAINTS[name]})"
                    known.add(name)
            found[product] = re.compile(text)
    return found


def recognise(place: str) -> list[tuple[str, dict[str, str]]]:
    """The products that a path below the results folder can be of, with what stands for the wildcards.

    >>> recognise("figures/tilings.png")
    [('figure', {'figure': 'tilings', 'format': 'png'})]
    """
    found = ((product, pattern.fullmatch(place)) for product, pattern in patterns().items())
    return [(product, match.groupdict()) for product, match in found if match]
