"""A job on a cluster refuses to run what was not submitted: without a cluster, in Snakemake's mode for such jobs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import Sandbox
from rlgames.plan.submission import difference

FINGERPRINT = """
import sys, yaml
from rlgames.plan.plan import Plan
from rlgames.plan.submission import fingerprint
print(fingerprint(Plan(yaml.safe_load(open(sys.argv[1])))))
"""


Edit = Callable[[str, str, str], None]


def fingerprint(sandbox: Sandbox) -> list[str]:
    """Of the config and of the code, as they are on disk."""
    run = subprocess.run(
        [sys.executable, "-c", FINGERPRINT, "config/smoke.yaml"],
        cwd=sandbox.folder,
        env=sandbox.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip().split(":")


@pytest.fixture(scope="module")
def before(sandbox: Sandbox) -> list[str]:
    return fingerprint(sandbox)


def test_comments_and_words_change_no_fingerprint(sandbox: Sandbox, before: list[str], edit: Edit) -> None:
    edit("workflow/rlgames/agents/deep/dqn.py", '"""DQN', '"""Still DQN')
    edit("workflow/rlgames/training/episodes.py", "RECENT = 40\n", "RECENT = 40  # as ever\n")
    edit("workflow/rlgames/messages.py", "Diverged", "It diverged")
    edit("workflow/rlgames/commands/verify.py", "def main", "X = 1\n\n\ndef main")  # no job's
    edit("workflow/rules/train.smk", "rule train_linear:", "\n# A comment.\nrule train_linear:  # here too")
    edit("config/smoke.yaml", "results:", "# A comment.\nresults:")
    edit("config/smoke.yaml", "epsilon: 0.1}", "epsilon: 0.10}")
    assert fingerprint(sandbox) == before


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("workflow/rlgames/training/episodes.py", "RECENT = 40\n", "RECENT = 41\n", 1),
        ("workflow/rlgames/figures/returns.py", "import numpy as np", "import math, numpy as np", 1),
        ("workflow/rules/train.smk", "exec python", "exec  python", 1),
        ("workflow/Snakefile", "PLAN.targets()", "PLAN.targets()[:5]", 1),
        ("config/smoke.yaml", "steps: 2000", "steps: 2001", 0),
        ("workflow/rlgames/settings/learner.py", "default=0.99", "default=0.98", 0),
    ],
)
def test_what_a_job_would_run_is_in_the_fingerprint(
    sandbox: Sandbox, before: list[str], edit: Edit, name: str, old: str, new: str, part: int
) -> None:
    edit(name, old, new)
    found = fingerprint(sandbox)
    assert found[part] != before[part]
    assert found[1 - part] == before[1 - part]
    assert found[2] == before[2]


def test_job_runs_what_was_submitted_and_nothing_else(sandbox: Sandbox, before: list[str]) -> None:
    config, code, lock = before
    target = "results/smoke/config.yaml"
    smoke = ("--cores", "1", "--configfile", "config/smoke.yaml", "--", target)
    job = ("--mode", "remote", "--dry-run", *smoke)
    assert "rule config" in sandbox.snakemake(*job, RLGAMES_SUBMITTED=f"{config}:{code}:{lock}")
    changed = sandbox.snakemake(*job, fails=True, RLGAMES_SUBMITTED=f"0:{code}:{lock}")
    assert "The config has changed since this job was submitted" in changed
    notice = sandbox.folder / "results/smoke/logs/refused.log"
    assert "The config has changed" in notice.read_text()  # for the end of the Snakemake that submitted
    sandbox.snakemake("--dry-run", *smoke)
    assert notice.exists()
    sandbox.snakemake(*smoke)
    assert not notice.exists()  # a new Snakemake has nothing to do with it


@pytest.mark.parametrize(
    ("submitted", "changed", "unchanged"),
    [
        ("a:b:c", [], ["config", "code", "environment"]),
        ("x:b:c", ["config"], ["code", "environment"]),
        ("a:x:c", ["code"], ["config", "environment"]),
        ("a:b:x", ["environment"], ["config", "code"]),
        ("x:x:c", ["config", "code"], ["environment"]),
        ("a:b", ["RLGAMES_SUBMITTED"], []),
        ("", ["RLGAMES_SUBMITTED"], []),
    ],
)
def test_job_says_what_changed(submitted: str, changed: list[str], unchanged: list[str]) -> None:
    said = difference(submitted, "a:b:c")
    assert bool(said) == bool(changed)
    assert all(name in said for name in changed)
    assert not any(name in said for name in unchanged)
