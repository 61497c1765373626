"""Values longer than the 128 kB that Linux allows for one argument reach the jobs whole."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from snakemake.exceptions import WorkflowError

from conftest import ROOT, Sandbox, file_system, tiny_config
from rlgames.commands import command_line
from rlgames.plan.plan import Plan
from rlgames.plan.startup import write_arguments
from rlgames.provenance import Manifest
from rlgames.settings.text import canonical

LONGEST = 131_072
"""Linux's MAX_ARG_STRLEN, in bytes."""


def test_config_with_a_caption_beyond_the_longest_argument(sandbox: Sandbox) -> None:
    config = tiny_config("results/wordy")
    caption = "ε'{}$`\\ " * (LONGEST // 8 + 1)
    config["figures"]["both"]["caption"] = caption
    sandbox.build(config, "results/wordy/config.yaml")
    written = yaml.safe_load((sandbox.folder / "results/wordy/config.yaml").read_text(encoding="utf-8"))
    assert written["figures"]["both"]["caption"] == caption


def test_spec_of_2000_curves_reaches_a_command_as_the_rules_hand_it_over(tmp_path: Path) -> None:
    """Whatever characters are in it: those at which Python breaks lines, quotes, what the shell or argparse reads."""
    spec = {"curves": [["sweep", f"step_size={n}", {"curve": "@ε\u2028\u0085\x0c'{}$(ls)\\n"}] for n in range(2000)]}
    plan = Plan(tiny_config(str(tmp_path)))
    path = plan.argument(canonical(spec))
    assert len(plan.arguments[path]) > LONGEST
    write(plan, [path])
    parser = command_line.parser("", "png")
    parser.add_argument("--spec", type=json.loads)
    found = parser.parse_args(["--code", "c", "--log", "l", "--png", "p", "--spec", f"@{path}"])
    assert found.spec == spec


def write(plan: Plan, *params: list[str], local: bool = True) -> None:
    """As Snakemake does before its first job, on this machine or through a cluster: the files that jobs with these
    params read."""
    jobs = [SimpleNamespace(params=each) for each in params]
    write_arguments(plan, SimpleNamespace(dag=SimpleNamespace(needrun_jobs=lambda: jobs), local_exec=local))


def test_files_of_arguments_are_those_of_the_jobs_that_run(tmp_path: Path) -> None:
    plan = Plan(tiny_config(str(tmp_path)))
    one, other = plan.argument("one"), plan.listed(["a", "b"])
    write(plan, [one, "code"], [other, "code"])
    assert [Path(path).read_text() for path in (one, other)] == ["one\n", "a\nb\n"]
    Path(one).write_text("damaged")
    (tmp_path / "arguments" / ".one.4711.txt").touch()  # of a Snakemake that was killed
    write(plan, [one], local=False)
    assert Path(other).read_text() == "a\nb\n", "a job in a cluster's queue may still read it"
    write(plan, [one])
    assert Path(one).read_text() == "one\n"
    assert [str(path) for path in (tmp_path / "arguments").iterdir()] == [one]


def test_full_disk_is_told_before_the_first_job(tmp_path: Path) -> None:
    with file_system(tmp_path / "disk", "64k") as folder:
        plan = Plan(tiny_config(str(folder / "results")))
        with pytest.raises(WorkflowError, match=r"The disk is full .*: free some space"):
            write(plan, [plan.argument("x" * 100_000)])


def test_no_rule_hands_over_as_an_argument_what_may_be_long() -> None:
    for path in ROOT.glob("workflow/rules/*.smk"):
        text = path.read_text()
        assert "{input:q}" not in text
        for value in ("spec", "config"):
            given = text.count(f"{{params.{value}:q}}")
            assert given == text.count(f"--{value} @{{params.{value}:q}}"), path
            assert given == len(re.findall(rf" {value}=(lambda wildcards: )?PLAN.argument\(", text)), path


def test_command_takes_more_paths_than_a_process_takes_arguments(sandbox: Sandbox, tmp_path: Path) -> None:
    """No path at all is an empty line."""
    manifest = tmp_path / "manifest.json"
    Manifest(
        experiment="e", variant="default", seeds="0", spec={}, code="c", threads=1, device="cpu", steps=1, diverged=[],
        truncated=0, wall_seconds=1.0, products={},
    ).write(manifest)  # fmt: skip
    count = 1 + os.sysconf("SC_ARG_MAX") // (len(str(manifest)) + 1)
    (code,) = sandbox.code_hashes({"cost": ["rlgames.commands.cost"]}).values()
    plan = Plan(tiny_config(str(tmp_path)))
    lists = [plan.listed([str(manifest)] * count), plan.listed([])]
    write(plan, lists)
    sandbox.python(
        *("-m", "rlgames.commands.cost", "--manifests", f"@{lists[0]}", "--pictures", f"@{lists[1]}"),
        *("--output", f"{tmp_path}/cost.csv", "--lock", "l", "--code", code, "--log", f"{tmp_path}/log"),
    )
    assert len(pd.read_csv(tmp_path / "cost.csv")) == count
