"""A job on a cluster runs what was submitted, or not at all.

It starts a Snakemake of its own, which reads config and code anew, perhaps days later: an edit in between would change
settings and code hash together, and nothing would notice. So the Snakemake that submits leaves a fingerprint of both in
the environment, which every job inherits, and a job compares it with what it finds.
"""

from __future__ import annotations

import hashlib
import os
import re
import tokenize
from pathlib import Path
from typing import Any

from rlgames.provenance import ROOT, code_hash, installed_lock
from rlgames.settings import SettingsError

VARIABLE = "RLGAMES_SUBMITTED"
"""That holds the fingerprint."""

PARTS = ("the config", "the code", "the environment")
"""Of the fingerprint."""

RULES = ("Snakefile", "workflow/rules/*.smk")


def guard(plan: Any, workflow: Any) -> None:
    """Leave the fingerprint of a `plan` in the environment; in a job of a cluster, compare it with the one there.

    Raises `SettingsError` if they differ. `workflow` is Snakemake's; it also hands the variable to executors that
    inherit no environment.
    """
    found = fingerprint(plan)
    if workflow.remote_exec and (changed := difference(os.environ.get(VARIABLE, ""), found)):
        message = (
            f"{changed} since this job was submitted, so that it does not run: its results would not be those that "
            "were asked for. Change that back, and the next attempt runs. Or stop Snakemake (Ctrl-C), which takes "
            "its jobs out of the queue, and submit again. What is done, and the saves of trainings, are kept."
        )
        refusal(plan).parent.mkdir(parents=True, exist_ok=True)
        refusal(plan).write_text(f"{message}\n")
        raise SettingsError(message)
    if workflow.remote_exec and "SLURM_JOB_ID" in os.environ:
        # A job without a card takes none, also where the cluster does not hide those of others.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    os.environ[VARIABLE] = found
    workflow.register_envvars(VARIABLE)


def refusal(plan: Any) -> Path:
    """Where a job says that it refused to run: its own log does not exist yet, and Snakemake shows no other."""
    return Path(plan.path("log", job="refused"))


def difference(submitted: str, found: str) -> str:
    """What changed between two fingerprints, in words; nothing if they are equal."""
    if submitted == found:
        return ""
    before, now = submitted.split(":"), found.split(":")
    if len(before) != len(PARTS):
        return f"The environment variable {VARIABLE} did not reach this job: config or code may have changed"
    changed = [name for name, one, other in zip(PARTS, before, now, strict=True) if one != other]
    return f"{' and '.join(changed).capitalize()} {'have' if len(changed) > 1 else 'has'} changed"


def fingerprint(plan: Any) -> str:
    """Hashes of what a config means, of all code behind its jobs, comments left out, and of the lock, with a colon
    between."""
    rules = [path for pattern in RULES for path in sorted(ROOT.glob(pattern))]
    text = "".join(path.read_text(encoding="utf-8") for path in rules)
    commands = sorted(set(re.findall(r"-m (rlgames\.commands\.\w+)", text)))
    modules = sorted({module for figure in plan.config.figures.values() for module in [figure.module]} | agents(plan))
    code = code_hash("rlgames.plan", *commands, *modules) + "".join(map(words, rules))
    return f"{plan.config_meaning()[:16]}:{hashlib.sha256(code.encode()).hexdigest()[:16]}:{installed_lock()}"


def agents(plan: Any) -> set[str]:
    """The modules that the specs of a plan name."""
    specs = [variant.spec for variant in plan.variants.values()]
    players = {spec.agent.player for spec in specs if hasattr(spec.agent, "player")}
    return players.union(*([*spec.modules, spec.environment.module] for spec in specs))


def words(path: Path) -> str:
    """The words of a file of rules, one a line: comments and empty lines leave them unchanged."""
    with path.open(encoding="utf-8") as file:
        tokens = tokenize.generate_tokens(file.readline)
        return "\n".join(token.string for token in tokens if token.type not in (tokenize.COMMENT, tokenize.NL))
