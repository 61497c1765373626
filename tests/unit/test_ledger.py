"""How far a run is, by time: jobs that are told to begin and end, and notes that trainings leave."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rlgames.operations.progress import Note, Progress, last_said, read_note
from rlgames.plan.ledger import Job, Ledger, describe


def training(seed: int, expected: float = 100.0, **facts: Any) -> Job:
    wildcards = {"experiment": "pong", "variant": "agent.name=dqn", "seeds": str(seed)}
    return Job("train_agent", wildcards, expected, **facts)


def block(number: int) -> Job:
    wildcards = {"experiment": "sweep", "variant": f"n={number}", "seeds": "0-99"}
    return Job("train_linear", wildcards, 2.0)


def figure(name: str) -> Job:
    return Job("figure", {"figure": name}, 3.0)


def test_share_is_of_time_and_not_of_jobs() -> None:
    jobs = {1: training(0, 1000.0), **{number: figure(f"f{number}") for number in range(2, 12)}}
    ledger = Ledger(jobs, [], 1, 0.0)
    for number in range(2, 12):
        ledger.begin(number, 3.0 * (number - 2))
        ledger.finish(number, 3.0 * (number - 1))
    found = ledger.outlook(30.0)
    assert found.share == pytest.approx(30 / 1030)  # though ten jobs of eleven are done
    assert found.left == pytest.approx(1000.0)


def test_what_is_left_takes_all_cores_and_at_least_the_longest_job() -> None:
    assert Ledger({number: training(number) for number in range(4)}, [], 2, 0.0).outlook(0.0).left == 200.0
    assert Ledger({0: training(0, 500.0), 1: training(1)}, [], 4, 0.0).outlook(0.0).left == 500.0
    assert Ledger({0: training(0, threads=2), 1: training(1)}, [], 2, 0.0).outlook(0.0).left == 150.0
    assert Ledger({}, [], 2, 0.0).outlook(0.0).share == 1.0


def test_what_is_measured_counts_for_what_waits() -> None:
    ledger = Ledger({number: training(number) for number in range(3)}, [], 1, 0.0)
    ledger.begin(0, 0.0)
    ledger.finish(0, 300.0)  # thrice as long as expected
    scale = (10 + 300) / (10 + 100)
    assert ledger.outlook(300.0).left == pytest.approx(200 * scale)
    ledger.begin(1, 300.0)
    ledger.fail(1)
    assert ledger.outlook(310.0).left == pytest.approx(200 * scale)  # it is to be done yet
    assert not ledger.active


def test_training_says_how_far_it_is_and_one_that_was_resumed_counts_from_its_save(tmp_path: Path) -> None:
    ledger = Ledger({1: training(0, 500.0, state=tmp_path)}, [], 1, 1000.0)
    note = {"done": 300, "total": 1000, "unit": "steps", "rate": 10.0, "remark": "mean return 3.5 over 20 episodes"}
    write(tmp_path, note | {"time": 900.0})  # of the attempt before
    ledger.begin(1, 1000.0)
    ledger.look(1000.0)
    (row,) = ledger.running(1010.0)
    assert (row.name, row.share, row.remark) == ("pong agent.name=dqn seed 0", None, "starting")
    assert row.left == 490.0
    write(tmp_path, note | {"time": 1010.0, "done": 400})
    ledger.look(1030.0)
    (row,) = ledger.running(1030.0)
    assert (row.share, row.rate, row.remark) == (0.6, "10 steps/s", "mean return 3.5 over 20 episodes")
    assert row.left == 40.0
    found = ledger.outlook(1030.0)
    assert (found.share, found.left) == (30 / 70, 40.0)


def test_time_in_a_queue_is_not_done_and_says_nothing_of_how_long_jobs_take(tmp_path: Path) -> None:
    """A cluster's job has begun when its log is written anew, by whatever clock."""
    jobs = {number: training(number, state=tmp_path, log=tmp_path / f"{number}.log") for number in (1, 2, 3)}
    ledger = Ledger(jobs, [], 2, 1000.0, queued=True)
    (tmp_path / "1.log").write_text("of an earlier attempt\n")
    for number in (1, 2, 3):
        ledger.begin(number, 1000.0)
    ledger.look(1500.0)
    assert [(row.remark, row.left) for row in ledger.running(1500.0)] == [("queued", 100.0)] * 3
    assert (ledger.outlook(1500.0).share, ledger.outlook(1500.0).left) == (0.0, 150.0)
    (tmp_path / "1.log").write_text("Resuming.\n")
    ledger.look(1500.0)
    assert [row.remark for row in ledger.running(1520.0)] == ["starting", "queued", "queued"]
    assert ledger.outlook(1520.0).share == pytest.approx(20 / 300)
    ledger.finish(1, 1600.0)  # as long as expected
    ledger.finish(2, 1601.0)  # nobody saw it begin
    assert ledger.outlook(1601.0).share == pytest.approx(2 / 3)
    assert ledger.outlook(1601.0).left == 100.0


def write(folder: Path, note: dict[str, Any]) -> None:
    (folder / "progress.json").write_text(json.dumps(note))


def test_note_holds_what_a_training_said_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlgames.operations.progress.SECONDS", -1)
    progress = Progress("pong", 100, "steps", tmp_path)
    progress.begin(10)
    assert Note.of(read_note(tmp_path), 0.0).remark == ""
    progress.reach(40, "mean return 3.5 over 20 episodes")
    note = Note.of(read_note(tmp_path), 0.0)
    assert (note.done, note.total, note.share, note.remark) == (40, 100, 0.4, "mean return 3.5 over 20 episodes")
    assert note.left(note.time) > 0
    write(tmp_path, read_note(tmp_path) | {"remark": 5})
    assert read_note(tmp_path) == {}  # damaged


def test_job_without_saves_says_how_far_it_is_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    assert last_said(log, 0.0).share is None
    log.write_text("Resuming.\npong, seed 0: 40 of 80 episodes, 12 episodes/s, 5 s left\nSomething else.\n")
    os.utime(log, (50.0, 50.0))
    assert last_said(log, 60.0).share is None  # of an earlier attempt
    assert last_said(log, 50.0) == Note(40, 80, "episodes", time=50.0)
    wildcards = {"experiment": "pong", "variant": "default", "seeds": "0"}
    ledger = Ledger({1: Job("evaluate", wildcards, 10.0, log=log)}, [], 1, 0.0)
    ledger.begin(1, 30.0)
    ledger.look(30.0)
    (row,) = ledger.running(50.0)
    assert (row.name, row.share, row.left) == ("pong seed 0, evaluation", 0.5, 20.0)
    log.write_text("pong, seed 0: 1 of 80 episodes\n")  # after imports, which took most of the time so far
    os.utime(log, (50.0, 50.0))
    ledger.look(50.0)
    (row,) = ledger.running(50.0)
    assert row.left < 20.0
    log.write_bytes(b"\xff\x00")
    assert last_said(log, 0.0).share is None


def test_few_of_the_episodes_played_side_by_side_do_not_set_back_what_is_left(tmp_path: Path) -> None:
    """Twelve end together after 60 s, as expected, but for the shortest, which ends after 10."""
    log, wildcards = tmp_path / "job.log", {"experiment": "pong", "variant": "default", "seeds": "0"}
    ledger = Ledger({1: Job("evaluate", wildcards, 60.0, log=log)}, [], 1, 0.0)
    ledger.begin(1, 0.0)
    shares = []
    for now in range(5, 60, 5):
        log.write_text(f"pong, seed 0: {int(now > 10)} of 12 episodes\n")
        os.utime(log, (now, now))
        ledger.look(now)
        shares.append(ledger.outlook(now).share)
    assert shares == sorted(shares)


def test_what_is_done_is_told_by_experiment_and_variant_with_what_was_done_before() -> None:
    evaluation = Job("evaluate", training(0).wildcards, 9.0)
    ledger = Ledger(
        {1: training(1), 2: training(2), 3: evaluation, 4: figure("a"), 5: figure("b")}, [training(0)], 2, 0
    )
    assert ledger.finished(9) == [("pong agent.name=dqn", "1 of 3 seeds trained")]
    for number in (1, 3, 5):
        ledger.begin(number, 0.0)
        assert ledger.finish(number, 1.0) is not None
    assert ledger.finish(99, 1.0) is None
    assert ledger.finished(9) == [
        ("pong agent.name=dqn", "2 of 3 seeds trained, 1 evaluated"),
        ("figures", "1 of 2: b"),
    ]
    assert not ledger.is_done("pong", "agent.name=dqn")
    ledger.begin(2, 0.0)
    ledger.finish(2, 1.0)
    assert ledger.is_done("pong", "agent.name=dqn")


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 50])
def test_four_hundred_jobs_fit_in_few_rows(rows: int) -> None:
    jobs = [block(number) for number in range(380)] + [training(seed) for seed in range(20)] + [figure("a")]
    found = Ledger({}, jobs, 2, 0.0).finished(rows)
    assert len(found) <= max(rows, 2)
    if rows >= 3:
        assert found == [
            ("sweep, 380 variants", "38000 of 38000 seeds trained"), ("pong agent.name=dqn", "20 of 20 seeds trained"),
            ("figures", "1 of 1: a"),
        ]  # fmt: skip


def test_names_are_those_of_the_config() -> None:
    run = {"experiment": "pong", "variant": "default", "seeds": "3"}
    assert describe("train_agent", run) == "pong seed 3"
    assert describe("train_linear", run | {"variant": "n=1", "seeds": "0-99"}) == "pong n=1 seeds 0-99"
    assert describe("encode", run) == "pong seed 3, encoding"
    assert describe("gameplay", {"experiment": "pong", "variant": "default", "which": "best"}) == "video pong best"
    assert describe("", {"experiment": "pong", "variant": "default", "which": "best"}) == "pong best"
    assert describe("figure", {"figure": "tilings"}) == "figure tilings"
    assert describe("dataset", {"dataset": "pong-frames"}) == "data set pong-frames"
    assert describe("final_scores", {}) == "final scores"
