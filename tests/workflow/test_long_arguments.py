"""Values longer than the 128 kB that Linux allows for one argument reach the jobs whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from conftest import ROOT, Sandbox, tiny_config
from rlgames.commands import command_line
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
    value = canonical(spec)
    assert len(value) > LONGEST
    script = tmp_path / "script.sh"
    quoted = value.replace("'", "'\\''")
    script.write_text(f"exec cat /dev/fd/3 3<<< '{quoted}'")
    file = tmp_path / "spec"
    file.write_bytes(subprocess.run(["bash", str(script)], check=True, capture_output=True).stdout)
    parser = command_line.parser("", "png")
    parser.add_argument("--spec", type=json.loads)
    found = parser.parse_args(["--code", "c", "--log", "l", "--png", "p", "--spec", f"@{file}"])
    assert found.spec == spec


def test_no_rule_hands_over_as_an_argument_what_may_be_long() -> None:
    """But as what a file descriptor reads, at the end of the line; that takes no process, which would stay a zombie."""
    for path in ROOT.glob("workflow/rules/*.smk"):
        text = path.read_text()
        for value in ("spec", "config"):
            given = text.count(f"{{params.{value}:q}}")
            assert given == text.count(f'3<<< {{params.{value}:q}}"') == text.count(f"--{value} @/dev/fd/3"), path


def test_command_takes_more_paths_than_a_process_takes_arguments(sandbox: Sandbox, tmp_path: Path) -> None:
    """As in the rules: bash prints the paths into a pipe. No path at all is an empty line."""
    manifest = tmp_path / "manifest.json"
    Manifest(
        experiment="e", variant="default", seeds="0", spec={}, code="c", threads=1, device="cpu", steps=1, diverged=[],
        truncated=0, wall_seconds=1.0, products={},
    ).write(manifest)  # fmt: skip
    count = 1 + os.sysconf("SC_ARG_MAX") // (len(str(manifest)) + 1)
    (code,) = sandbox.code_hashes({"cost": ["rlgames.commands.cost"]}).values()
    script = tmp_path / "script.sh"
    script.write_text(
        f"exec {sys.executable} -m rlgames.commands.cost --manifests @<(printf '%s\\n' {f'{manifest} ' * count})"
        f" --pictures @<(printf '%s\\n' ) --output {tmp_path}/cost.csv --lock l --code {code} --log {tmp_path}/log"
        " --parent $PPID"
    )
    sandbox.run(["bash", str(script)])
    assert len(pd.read_csv(tmp_path / "cost.csv")) == count
