"""A job on a cluster refuses to run what was not submitted: without a cluster, in Snakemake's mode for such jobs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import Sandbox
from rlgames.submission import difference

FINGERPRINT = """
import sys, yaml
from rlgames.plan import Plan
from rlgames.submission import fingerprint
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
    edit("workflow/rlgames/agents/dqn.py", '"""DQN', '"""Still DQN')
    edit("workflow/rlgames/resume.py", "KEPT = 2\n", "KEPT = 2  # as ever\n")
    edit("workflow/rlgames/messages.py", "Diverged", "It diverged")
    edit("workflow/rlgames/commands/verify.py", "def main", "X = 1\n\n\ndef main")  # no job's
    edit("workflow/rules/train.smk", "rule train_linear:", "\n# A comment.\nrule train_linear:  # here too")
    edit("config/smoke.yaml", "results:", "# A comment.\nresults:")
    edit("config/smoke.yaml", "epsilon: 0.1}", "epsilon: 0.10}")
    assert fingerprint(sandbox) == before


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("workflow/rlgames/resume.py", "KEPT = 2\n", "KEPT = 3\n", 1),
        ("workflow/rlgames/figures/returns.py", "import", "import math, ", 1),
        ("workflow/rules/train.smk", "exec python", "exec  python", 1),
        ("Snakefile", "PLAN.targets()", "PLAN.targets()[:5]", 1),
        ("config/smoke.yaml", "steps: 2000", "steps: 2001", 0),
        ("workflow/rlgames/settings/agents.py", "default=0.99", "default=0.98", 0),
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
    job = ("--mode", "remote", "--dry-run", "--cores", "1", "--configfile", "config/smoke.yaml")
    assert "rule train_atari" in sandbox.snakemake(*job, RLGAMES_SUBMITTED=f"{config}:{code}:{lock}")
    changed = sandbox.snakemake(*job, fails=True, RLGAMES_SUBMITTED=f"0:{code}:{lock}")
    assert "The config has changed since this job was submitted" in changed
    assert "and submit again" in changed
    notice = sandbox.folder / "results/smoke/logs/refused.log"
    assert "The config has changed" in notice.read_text()  # for the end of the Snakemake that submitted
    target = "results/smoke/config.yaml"
    sandbox.snakemake("--dry-run", "--cores", "1", "--configfile", "config/smoke.yaml", "--", target)
    assert notice.exists()
    sandbox.snakemake("--cores", "1", "--configfile", "config/smoke.yaml", "--", target)
    assert not notice.exists()  # a new Snakemake has nothing to do with it


@pytest.mark.parametrize(
    ("submitted", "said"),
    [
        ("a:b:c", ""),
        ("x:b:c", "The config has changed"),
        ("a:x:c", "The code has changed"),
        ("a:b:x", "The environment has changed"),
        ("x:x:c", "The config and the code have changed"),
        ("a:b", "The environment variable RLGAMES_SUBMITTED did not reach this job: config or code may have changed"),
        ("", "The environment variable RLGAMES_SUBMITTED did not reach this job: config or code may have changed"),
    ],
)
def test_job_says_what_changed(submitted: str, said: str) -> None:
    assert difference(submitted, "a:b:c") == said


def test_submit_plan_counts_jobs_and_what_they_ask_for(sandbox: Sandbox, edit: Edit) -> None:
    edit("profiles/slurm/profile.yaml", "# slurm_partition: general", "slurm_partition: not-shared")
    edit("profiles/slurm/profile.yaml", "# train_atari: {gpu: 1, slurm_partition: gpu}", "train_encoder: {gpu: 1}")
    run = subprocess.run(
        [sys.executable, "-m", "rlgames.commands.submit_plan", "config/smoke.yaml"],
        cwd=sandbox.folder,
        env=sandbox.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(maxsplit=7) for line in run.stdout.splitlines() if line.strip()[:1].isdigit()][:-1]
    assert {row[5] for row in rows} == {"not-shared"}
    asked = {row[7].strip(): row[:5] for row in rows}
    # One job with 26 blocks of linear agents: the time of all, the core and the memory of one.
    assert asked["26 train_linear"] == ["1", "1", "1200", "26", "0"]
    assert asked["dataset"][1] == "2"
    # 2,000 frames of the replay buffer are 14.1 MB.
    assert asked["train_atari pong/agent.name=dqn"][:3] == ["1", "1", "1615"]
    assert asked["train_encoder pong-encoder/latents=8"] == ["1", "1", "1601", "6", "1"]
    pictures = [row for row in rows if "figure" in row[7]]  # Snakemake's groups of them differ from time to time
    assert sum(int(row[0]) * int(count) for row in pictures for count in re.findall(r"\d+", row[7])) == 16 + 6 + 1
    jobs, minutes = sum(int(row[0]) for row in rows), sum(int(row[0]) * int(row[1]) * int(row[3]) for row in rows)
    cards = sum(int(row[0]) * int(row[3]) * int(row[4]) for row in rows)
    asking = f"{jobs} jobs for Slurm. They ask for {minutes / 60:.1f} CPU-hours and {cards / 60:.1f} GPU-hours"
    assert asking in run.stdout
    assert "Where Snakemake runs: " in run.stdout
    assert not (sandbox.folder / "results/smoke/runs").exists()
