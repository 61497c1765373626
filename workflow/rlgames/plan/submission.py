"""A job on a cluster runs what was submitted, or not at all.

It starts a Snakemake of its own, which reads config and code anew, perhaps days later, and would not notice an edit in
between. So the Snakemake that submits leaves a fingerprint in the environment, which every job inherits and compares.
"""

from __future__ import annotations

import hashlib
import os
import re
import tokenize
from pathlib import Path
from typing import Any

from rlgames.files import ROOT
from rlgames.plan.plan import Plan
from rlgames.provenance import code_hash
from rlgames.settings.loading import SettingsError
from rlgames.surroundings import installed_lock

VARIABLE = "RLGAMES_SUBMITTED"
"""The environment variable that holds the fingerprint."""

PARTS = ("the config", "the code", "the environment")  # of the fingerprint, joined by colons


def guard(plan: Plan, workflow: Any) -> None:
    """Leave the fingerprint of a `plan` in the environment; in a job of a cluster, compare it with the one there.

    Raises `SettingsError` if they differ. `workflow` is Snakemake's; it also hands the variable to executors that
    inherit no environment.
    """
    found = fingerprint(plan)
    if workflow.remote_exec and (changed := difference(os.environ.get(VARIABLE, ""), found)):
        message = (
            f"{changed}, so it does not run: its results would not be the ones requested. Undo the change, and "
            "the next attempt runs. Or stop Snakemake (Ctrl-C), which takes "
            "its jobs out of the queue, and submit again. What is done, and the saves of trainings, are kept."
        )
        refusal(plan).parent.mkdir(parents=True, exist_ok=True)
        refusal(plan).write_text(f"{message}\n")
        raise SettingsError(message)
    if workflow.remote_exec and "SLURM_JOB_ID" in os.environ:
        # A job without a GPU takes none, even where the cluster does not hide those of others.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    os.environ[VARIABLE] = found
    workflow.register_envvars(VARIABLE)


def refusal(plan: Plan) -> Path:
    """Where a job says that it refused to run: its own log does not exist yet, and Snakemake shows no other."""
    return Path(plan.path("log", job="refused"))


def difference(submitted: str, found: str) -> str:
    """What changed between two fingerprints, in words; nothing if they are equal."""
    before, now = submitted.split(":"), found.split(":")
    if len(before) != len(PARTS):
        return f"The environment variable {VARIABLE} did not reach this job (the executor has to pass it on)"
    changed = [name for name, one, other in zip(PARTS, before, now, strict=True) if one != other]
    have = "have" if changed[1:] else "has"
    return f"{' and '.join(changed).capitalize()} {have} changed since this job was submitted" if changed else ""


def fingerprint(plan: Plan) -> str:
    """Hashes of what a config means, of the code behind its jobs without comments, and of the lock."""
    rules = [tokens(path) for path in (ROOT / "workflow/Snakefile", *sorted(ROOT.glob("workflow/rules/*.smk")))]
    modules = {f"rlgames.commands.{name}" for name in re.findall(r"-m rlgames\.commands\.(\w+)", "\n".join(rules))}
    modules |= {figure.module for figure in plan.config.figures.values()}
    for variant in plan.variants.values():
        agent, environment = variant.spec.agent, variant.spec.environment
        modules |= {*agent.modules(environment).values(), *agent.playing_modules(environment).values()}
    code = code_hash("rlgames.plan.plan", *sorted(filter(None, modules)))  # what does not play has no player
    code += "".join(rules)
    return f"{plan.config_meaning()[:16]}:{hashlib.sha256(code.encode()).hexdigest()[:16]}:{installed_lock()}"


def tokens(path: Path) -> str:
    """The tokens of a file of rules, one a line: comments and empty lines leave them unchanged."""
    with path.open(encoding="utf-8") as file:
        found = tokenize.generate_tokens(file.readline)
        return "\n".join(token.string for token in found if token.type not in (tokenize.COMMENT, tokenize.NL))
