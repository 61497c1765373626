"""What the terminal shows of a run, drawn into memory: one screen, plain lines, and the lines of a dry run."""

from __future__ import annotations

import io
import json
import os
import pty
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from conftest import tiny_config
from rlgames.operations.progress import Note
from rlgames.plan import failure, terminal
from rlgames.plan.ledger import Job, Ledger
from rlgames.plan.plan import Plan
from rlgames.provenance import Manifest
from snakemake_logger_plugin_rlgames.display import Screen

PLAN: Any = None
"""Where no plan is asked for anything."""

REMARK = "mean return -3.2 over 20 episodes, ε 0.05"


def ledger(trainings: int, blocks: int = 0) -> Ledger:
    """Some trainings that run, a third of each done after 100 seconds, and blocks that are done."""
    jobs: dict[int, Job] = {}
    for seed in range(trainings):
        jobs[seed] = Job("train_agent", {"experiment": "pong", "variant": "agent.name=dqn", "seeds": str(seed)}, 300.0)
    earlier = [
        Job("train_linear", {"experiment": "sweep", "variant": f"n={number}", "seeds": "0-99"})
        for number in range(blocks)
    ]
    found = Ledger(jobs, earlier, 2, 0.0)
    for number, job in jobs.items():
        found.begin(number, 0.0)
        job.note = Note(1000, 3000, "steps", 10.0, 100.0, REMARK)
    return found


def test_end_says_whether_all_is_done() -> None:
    assert terminal.headline(ledger(2), 100.0, over=True) == "ended after 2 min, before all was done"
    assert terminal.headline(ledger(0), 100.0) == "all done in 2 min"


def drawn(jobs: Ledger, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(terminal.screen(jobs, "rlgames: results/mine", 100.0, width, height))
    file: Any = console.file
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_screen_says_how_far_all_is_what_runs_and_what_is_done() -> None:
    lines = drawn(ledger(2, 1), 120, 24)
    assert lines[0] == "rlgames: results/mine: 33% done in 2 min, about 3 min left"
    assert f"pong agent.name=dqn seed 0  33%  10 steps/s  {REMARK}  3 min left" in lines
    assert "sweep n=0  100 of 100 seeds trained" in lines


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 12), (200, 50), (20, 6)])
@pytest.mark.parametrize(("trainings", "blocks"), [(0, 0), (2, 5), (40, 400)])
def test_screen_fits_every_terminal(width: int, height: int, trainings: int, blocks: int) -> None:
    lines = drawn(ledger(trainings, blocks), width, height)
    assert len(lines) <= max(height - 1, 8)
    assert all(len(line) <= width for line in lines)


def test_narrow_terminal_keeps_name_share_return_and_time_left() -> None:
    (line,) = [line for line in drawn(ledger(1), 60, 24) if line.startswith("pong")]
    assert line.split("  ") == ["pong agent.name=dqn seed 0", "33%", "return -3.2", "3 min left"]


def test_more_trainings_than_lines_are_counted() -> None:
    lines = drawn(ledger(40, 400), 100, 24)
    shown = sum(line.startswith("pong agent.name=dqn seed") for line in lines)
    assert f"and {40 - shown} more" in lines
    assert "sweep, 400 variants  40000 of 40000 seeds trained" in lines


def test_terminal_without_a_size_is_drawn_on_as_well() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream, os.fdopen(leader, "rb", buffering=0) as reader:
        assert os.get_terminal_size(follower) == (0, 0)
        screen = Screen(stream)
        screen.draw(ledger(2), "rlgames: results/mine", over=False)
        screen.close()
        shown = reader.read(10_000).decode()
    assert "rlgames: results/mine" in shown
    assert "pong agent.name=dqn seed 1" in shown


def test_plain_lines_come_at_most_once_a_minute() -> None:
    jobs = ledger(2)
    lines = terminal.Lines(jobs)
    said = [(now, line) for now in range(1, 300) for line in lines.due(float(now))]
    assert [now for now, line in said if "seed 0" in line] == [60, 120, 180, 240]
    assert [now for now, _ in said] == [now for now in (60, 120, 180, 240) for _ in range(3)]
    assert said[1][1].startswith("pong agent.name=dqn seed ")
    assert said[1][1].endswith(f": 33%, 10 steps/s, {REMARK}, 3 min left")
    many = terminal.Lines(ledger(400))
    assert len(list(many.due(60.0))) == terminal.LISTED + 2


def test_plain_line_for_each_variant_and_figure_that_is_done() -> None:
    jobs = ledger(2)
    jobs.jobs[2] = jobs.active[2] = figure = Job("figure", {"figure": "curves"})
    lines = terminal.Lines(jobs)
    said: list[str] = []
    for number in (0, 2, 1):
        job = jobs.finish(number, 100.0)
        assert job is not None
        said += lines.finished(job)
    assert said == ["figure curves is done", "pong agent.name=dqn: 2 of 2 seeds trained"]
    assert figure.took is not None


def test_dry_run_has_a_short_line_for_each_job() -> None:
    run = {"experiment": "pong", "variant": "default", "seeds": "0"}
    files = ", ".join(f"results/mine/runs/pong/default/seed-0/{name}" for name in ("b.npz", "a.npz", "c.npz"))
    line = terminal.planned(PLAN, "train_agent", run, f"Missing output files: {files}", {})
    assert line.split("  because: ") == [
        f"train_agent       {'pong seed 0':<40}", "missing a.npz and 2 more"
    ]  # fmt: skip
    long = terminal.planned(PLAN, "train_agent", run | {"variant": "v" * 200}, "Forced execution", {})
    assert len(long) == terminal.LONGEST
    assert terminal.planned(PLAN, "cost", {}, "Input files updated by another job: a", {}).endswith(
        "its input is made anew"
    )
    asked = {"mem_mb": 900, "runtime": 25, "gpu": 0, "tmpdir": "/tmp"}  # noqa: S108
    assert "  900 MB, 25 min        because: forced" in terminal.planned(
        PLAN, "train_agent", run, "Forced execution", asked
    )


@pytest.fixture
def failed(tmp_path: Path) -> Any:
    """A function that makes a failed job of Snakemake's, with a log."""

    def make(text: str | None, seed: int = 0, **params: str) -> Any:
        log = tmp_path / f"seed-{seed}.log"
        if text is not None:
            log.write_text(text)
        return SimpleNamespace(
            rule=SimpleNamespace(name="train_agent"), log=[str(log)], params=params, is_group=lambda: False,
            wildcards_dict={"experiment": "pong", "variant": "agent.name=dqn", "seeds": str(seed)},
        )  # fmt: skip

    return make


def test_dry_run_says_which_setting_changed(tmp_path: Path) -> None:
    plan = Plan(tiny_config(str(tmp_path)))
    known = {"experiment": "tiled", "variant": "default", "seeds": "0-1"}
    run = SimpleNamespace(**known)
    reason = "Params have changed since last execution: before ..."
    assert "because: its settings or code have changed" in terminal.planned(plan, "train_linear", known, reason, {})
    spec = json.loads(plan.run_spec(run))
    spec["agent"]["step_size"] = 0.5
    facts: dict[str, Any] = {
        "experiment": "tiled",
        "variant": "default",
        "seeds": "0-1",
        "threads": 1,
        "device": "cpu",
        "steps": 1,
    }
    facts |= {"diverged": [], "truncated": 0, "wall_seconds": 1.0, "products": {}}
    manifest = Path(plan.path("manifest", **known))
    for code, said in ((plan.run_code(run), ""), ("older", ", its code has changed")):
        Manifest(**facts, spec=spec, code=code).write(manifest)
        line = terminal.planned(plan, "train_linear", known, reason, {})
        assert line.endswith(f"because: agent.step_size was 0.5 and is 0.0625{said}")
    spec["agent"] |= {"epsilon": 0.9, "discount": 0.5}
    Manifest(**facts, spec=spec, code=plan.run_code(run)).write(manifest)
    assert terminal.changes(plan, "train_linear", run).endswith(", 1 more setting")
    assert "its settings or code have changed" in terminal.planned(plan, "figure", {"figure": "one"}, reason, {})


LOG = "".join(f"line {number}\n" for number in range(30))


def test_failure_names_the_run_the_cause_the_end_of_its_log_and_where_that_is(failed: Any) -> None:
    job = failed(LOG + "Failed: The disk is full: free some space.\n")
    assert list(failure.described(PLAN, [job], stopped=False, printed=["noise"])) == [
        "Failed: pong agent.name=dqn seed 0 (train_agent).", "Cause: The disk is full: free some space.",
        "The end of its log:", *(f"    line {number}" for number in range(20, 30)), f"Log: {job.log[0]}",
    ]  # fmt: skip


def test_job_that_was_killed_is_named_by_its_log(failed: Any) -> None:
    lines = list(failure.described(PLAN, [failed(LOG)], stopped=False, printed=[]))
    assert lines[1].endswith(
        "it was killed: by kill -9, or by the system for lack of memory (make CORES=1 and snakemake --cores 1 run one "
        "job at a time)."
    )
    lines = list(failure.described(PLAN, [failed(None, 1)], stopped=False, printed=["bash: python: not found"]))
    assert "    bash: python: not found" in lines
    jobs = [failed(LOG), failed(None, 1)]
    lines = list(failure.described(PLAN, jobs, stopped=False, printed=["line 3", "bash: python: not found"]))
    assert "    bash: python: not found" in lines
    assert "    line 3" not in lines  # of the other job


def test_unknown_error_shows_its_traceback_and_no_cause(failed: Any) -> None:
    text = f"Failed: {failure.UNKNOWN}, or of a library:\nTraceback (most recent call last):\nValueError: 3\n"
    lines = list(failure.described(PLAN, [failed(text)], stopped=False, printed=[]))
    assert not any(line.startswith("Cause") for line in lines)
    assert lines[-2] == "    ValueError: 3"


def test_several_failures_are_short_and_a_stop_is_none(failed: Any) -> None:
    jobs = [failed(LOG + "Failed: Stopped by SIGTERM at 5 steps.\n", seed) for seed in range(9)]
    lines = list(failure.described(PLAN, jobs, stopped=False, printed=[]))
    assert len(lines) == failure.LISTED * (4 + failure.FEW_LINES) + 1
    assert lines[-1].startswith("... and 4 more")
    assert next(failure.described(PLAN, jobs, stopped=True, printed=[])) == (
        "pong agent.name=dqn seed 0: Stopped by SIGTERM at 5 steps."
    )


def test_what_to_type_is_the_command_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/snakemake", "--cores", "2"])
    monkeypatch.delenv("MAKELEVEL", raising=False)
    assert failure.again(["config/mine.yaml"]) == "snakemake --cores 2"
    monkeypatch.setenv("MAKELEVEL", "1")
    monkeypatch.delenv("MAKEFLAGS", raising=False)
    monkeypatch.delenv("RLGAMES_GOALS", raising=False)
    assert failure.again(["config/my file.yaml"]) == "make 'CONFIG=config/my file.yaml'"
    assert failure.again([Path("config/config.yaml").absolute()]) == "make"
    monkeypatch.setenv("MAKEFLAGS", "k -- CONFIG=config/my\\ file.yaml TARGET=results/a.png")
    assert failure.again(["config/other.yaml"]) == "make 'CONFIG=config/my file.yaml' TARGET=results/a.png"
    monkeypatch.setenv("RLGAMES_GOALS", "again")
    assert failure.again(["config/other.yaml"]) == "make again 'CONFIG=config/my file.yaml' TARGET=results/a.png"
