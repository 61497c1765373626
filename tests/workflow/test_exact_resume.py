"""A training, killed by SIGKILL wherever it hurts, ends with the same bits.

A linear agent over pixels shows most of it: it needs no TensorFlow, so that it starts in two seconds. Deep agents show
what is theirs: the replay buffer that is played again, the rollout, the optimiser, and any number of cores.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import file_system
from rlgames.operations.saves import Saves, step_of
from rlgames.plan.plan import Plan

ROOT = Path(__file__).parents[2]
PRODUCTS = ("weights.npz", "episodes.parquet", "recordings.parquet")
STEPS = 1600
BEGUN = f" of {STEPS} steps"
"""In the message with which a training begins, or resumes."""

PONG = {"name": "atari", "game": "pong", "max_steps": 130, "sticky": 0.25}
BREAKOUT = {"name": "atari", "game": "breakout", "life_loss_terminal": True, "fire_reset": True}
"""Its untrained episodes end by themselves, after some 200 steps."""
CARTPOLE = {"name": "gymnasium", "id": "CartPole-v1"}

LINEAR = {
    "name": "dense-true-online-sarsa-lambda", "features": {"name": "pixels", "background": 87}, "step_size": 0.01,
    "trace_decay": 0.8, "epsilon_steps": 500,
}  # fmt: skip
DEEP = {
    "name": "dqn", "network": "small", "warm_up": 300, "capacity": 1000, "games": 2, "epsilon_steps": 500,
    "target_every": 100, "batch_size": 8, "updates_per_step": 0.1,
}  # fmt: skip
VECTORS = {"network": "mlp", "units": [32], "games": 3}
OFF_POLICY = {"n": 3, "warm_up": 200, "capacity": 1000, "updates_per_step": 0.5}


class Trainer:
    """One run of a tiny training, in a folder of its own."""

    def __init__(
        self, folder: Path, agent: dict[str, Any] = LINEAR, environment: dict[str, Any] = PONG, steps: int = STEPS
    ) -> None:
        self.folder = folder
        config = {
            "results": "results/resume",
            "experiments": {"game": {"environment": environment, "agent": agent, "steps": steps, "seeds": 1}},
        }
        plan = Plan(config)
        run = SimpleNamespace(**plan.runs()[0])
        self.arguments = [
            sys.executable, "-m", "rlgames.commands.train_agent", "--experiment", "game", "--variant", "default",
            "--seeds", "0", "--spec", plan.run_spec(run), "--code", plan.run_code(run),
            "--modules", plan.run_modules(run), "--state", str(folder / "state"), "--log", str(folder / "log"),
            *(word for name in PRODUCTS for word in (f"--{name.split('.')[0]}", str(folder / "run" / name))),
            "--manifest", str(folder / "run" / "manifest.json"),
        ]  # fmt: skip

    def start(self, save_seconds: float = 0.5, threads: int = 1) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.arguments, "--threads", str(threads)],
            env=os.environ | {"RLGAMES_SAVE_SECONDS": str(save_seconds)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, **options: Any) -> str:
        """Run to the end, and return the messages."""
        _, messages = (process := self.start(**options)).communicate(timeout=240)
        assert process.returncode == 0, messages
        return messages

    def killed(self, marker: str, count: int = 1, delay: float = 0.0, **options: Any) -> list[str]:
        """Run until the `count`th message with `marker` and `delay` seconds more, then SIGKILL: the messages."""
        process, messages = self.start(**options), []
        assert process.stderr is not None
        for line in process.stderr:
            messages.append(line)
            count -= marker in line
            if count == 0:
                break
        time.sleep(delay)
        process.kill()
        process.communicate()
        assert count == 0, messages
        return messages

    def killed_while_it_writes(self) -> None:
        """Run until a save has a temporary file, then SIGKILL; again if it was whole before the signal came."""
        while True:
            process = self.start(save_seconds=0.0)
            while not (found := list((self.folder / "state").glob(".save-*"))):
                assert process.poll() is None
                time.sleep(0.0005)
            process.kill()
            process.communicate()
            if found[0].exists():
                return

    def products(self) -> dict[str, str]:
        return {name: hashlib.sha256((self.folder / "run" / name).read_bytes()).hexdigest() for name in PRODUCTS}

    def started(self, **options: Any) -> subprocess.Popen[str]:
        """A process that has begun to train."""
        process = self.start(**options)
        assert process.stderr is not None
        assert any(BEGUN in line for line in process.stderr)
        return process

    def saved(self) -> int:
        """The step of the newest save."""
        return step_of(self.saves()[-1])

    def saves(self) -> list[Path]:
        return sorted((self.folder / "state").glob("save-*.npz"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The products of a training that nothing interrupts."""
    trainer = Trainer(tmp_path_factory.mktemp("reference"))
    trainer.finish(save_seconds=1000)
    return trainer.products()


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a training that was killed after 300 steps."""
    trainer = Trainer(tmp_path_factory.mktemp("interrupted"))
    trainer.killed("Saved.", count=300, save_seconds=0.0)
    return trainer.folder / "state"


def test_killed_before_the_first_save(tmp_path: Path, reference: dict[str, str]) -> None:
    trainer = Trainer(tmp_path)
    for delay in (0.0, 0.2):
        messages = trainer.killed(BEGUN, delay=delay, save_seconds=1000)
        assert not any("Resuming" in line for line in messages)
    assert not trainer.saves()
    trainer.finish()
    assert trainer.products() == reference


def test_killed_during_saves_and_between_them(tmp_path: Path, reference: dict[str, str]) -> None:
    trainer = Trainer(tmp_path)
    trainer.killed_while_it_writes()
    trainer.killed("Saved.", save_seconds=0.0)
    for _ in range(2):
        trainer.killed_while_it_writes()
    for count, delay in ((1, 0.0), (20, 0.05), (40, 0.1)):
        messages = trainer.killed("Saved.", count=count, delay=delay, save_seconds=0.0)
        assert any("Resuming from" in line for line in messages)
    trainer.finish()
    assert trainer.products() == reference
    facts = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert facts["timeline"][-1] == [STEPS, pytest.approx(facts["wall_seconds"], abs=5)]
    assert (facts["steps"], facts["updates"], facts["device"]) == (STEPS, STEPS, "cpu")


@pytest.mark.parametrize(
    ("agent", "environment"),
    [
        (DEEP | {"name": "double-dqn", "n": 3}, BREAKOUT),
        ({**VECTORS, **OFF_POLICY, "name": "dqn"}, CARTPOLE),
        ({**VECTORS, **OFF_POLICY, "name": "c51", "v_min": 0, "v_max": 100}, CARTPOLE),
        ({**VECTORS, **OFF_POLICY, "name": "hl-gauss", "v_min": 0, "v_max": 100}, CARTPOLE),
        ({**VECTORS, "name": "actor-critic"}, CARTPOLE),
    ],
    ids=["double-dqn-breakout", "dqn-cartpole", "c51-cartpole", "hl-gauss-cartpole", "actor-critic-cartpole"],
)
def test_deep_agents_killed_on_two_cores_give_the_bits_of_one(
    tmp_path: Path, agent: dict[str, Any], environment: dict[str, Any]
) -> None:
    """Killed where a replay buffer forgets its first frames, and episodes end by themselves."""
    plain, trainer = (Trainer(tmp_path / name, agent, environment, steps=1602) for name in ("plain", "killed"))
    plain.finish(save_seconds=1000)
    trainer.killed("Saved.", count=3, save_seconds=0.05, threads=2)
    messages = trainer.finish(threads=2)
    assert "Resuming from" in messages
    assert trainer.products() == plain.products()
    endings = pd.read_parquet(tmp_path / "plain" / "run" / "episodes.parquet")["ending"].value_counts()
    assert endings["terminated"] > 3


def test_a_linear_agent_over_tiles_in_several_games_killed_gives_the_same_bits(tmp_path: Path) -> None:
    agent = LINEAR | {"name": "sparse-true-online-sarsa-lambda", "features": {"name": "tiled-positions"}, "games": 3}
    plain, trainer = (Trainer(tmp_path / name, agent, steps=1602) for name in ("plain", "killed"))
    plain.finish(save_seconds=1000)
    trainer.killed("Saved.", count=3, save_seconds=0.05)
    assert "Resuming from" in trainer.finish()
    assert trainer.products() == plain.products()
    endings = pd.read_parquet(tmp_path / "plain" / "run" / "episodes.parquet")["ending"].value_counts()
    assert endings["truncated"] > 3


def test_asked_to_end_it_saves_and_resumes(tmp_path: Path, reference: dict[str, str]) -> None:
    trainer, step = Trainer(tmp_path), 0
    for number in (signal.SIGTERM, signal.SIGINT):
        process = trainer.started(save_seconds=1000)
        process.send_signal(number)
        _, messages = process.communicate()
        assert process.returncode == 1
        assert step < (step := trainer.saved()) < STEPS
        for said in (messages, (tmp_path / "log").read_text()):
            assert f"Stopped by {number.name} at {step} steps." in said
            assert f"resumes from the save at {step}." in said
    assert f"Resuming from {step} steps." in trainer.finish()
    assert trainer.products() == reference


def test_finished_state_publishes_again(tmp_path: Path, reference: dict[str, str]) -> None:
    trainer = Trainer(tmp_path)
    trainer.finish()
    shutil.rmtree(tmp_path / "run")
    assert f"Resuming from {STEPS} steps." in trainer.finish()
    assert trainer.products() == reference


@pytest.mark.parametrize("damage", ["flipped byte", "cut short", "flipped byte in kept weights"])
def test_damaged_save_falls_back_to_the_one_before(
    tmp_path: Path, reference: dict[str, str], interrupted: Path, damage: str
) -> None:
    trainer = Trainer(tmp_path)
    shutil.copytree(interrupted, tmp_path / "state")
    path = trainer.saves()[-1]
    if "weights" in damage:
        path = sorted((tmp_path / "state").glob("weights-*.npz"))[-1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[: len(content) // 2] if damage == "cut short" else content)
    messages = trainer.finish()
    assert ("is damaged" if "weights" in damage else "falling back to the save before") in messages
    assert "Resuming from" in messages
    assert trainer.products() == reference


def test_kept_weights_and_their_copies_damaged_start_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    saves, state, weights = Saves(tmp_path, {}, {}), {"x": np.arange(3)}, {7: {"w": np.ones(2)}}
    saves.save(8, state, weights)
    saves.save(9, state, weights)
    for kind in ("weights", "copy"):
        assert saves.load() is not None
        (path,) = tmp_path.glob(f"{kind}-*.npz")
        path.write_bytes(b"x")
    assert saves.load() is None
    assert "starts anew" in caplog.text
    saves.lock.close()


def test_edited_spec_starts_anew_and_another_lock_is_refused(tmp_path: Path, interrupted: Path) -> None:
    shutil.copytree(interrupted, tmp_path / "state")
    edited = Trainer(tmp_path, LINEAR | {"step_size": 0.02})
    messages = "".join(edited.killed(BEGUN, save_seconds=1000))
    assert "Settings or code have changed" in messages
    assert not edited.saves()
    edited.killed("Saved.", save_seconds=0.0)
    with np.load(edited.saves()[-1], allow_pickle=False) as arrays:
        state = dict(arrays)
    state["identity"] = np.array(str(state["identity"]).replace('"lock": ', '"lock": "another", "before": '))
    np.savez(tmp_path / "changed.npz", **state)
    digest = hashlib.sha256((tmp_path / "changed.npz").read_bytes()).hexdigest()
    shutil.move(tmp_path / "changed.npz", tmp_path / "state" / f"save-{STEPS:012d}-{digest}.npz")
    process = edited.start()
    _, message = process.communicate()
    assert process.returncode == 1
    assert "made under other conditions (lock)" in message
    assert "delete this folder" in message


def test_second_trainer_is_refused_and_the_first_goes_on(tmp_path: Path, reference: dict[str, str]) -> None:
    trainer = Trainer(tmp_path)
    first = trainer.started(save_seconds=1000)
    first.send_signal(signal.SIGSTOP)  # so that it does not end first
    second = trainer.start()
    _, message = second.communicate()
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert f"Another process ({first.pid} on {platform.node()}) trains this run" in message
    first.communicate()
    assert trainer.products() == reference


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
def test_trainer_ends_with_its_parent(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path)
    command = [*trainer.arguments, "--threads", "1", "--parent"]
    code = "import os, subprocess, sys; subprocess.run([*sys.argv[1:], str(os.getpid())])"
    parent = subprocess.Popen([sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True)
    assert parent.stderr is not None
    assert any(BEGUN in line for line in parent.stderr)
    pid = int((tmp_path / "state" / "lock").read_text().split()[0])
    parent.kill()
    parent.wait()
    parent.stderr.close()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the trainer outlived its parent by ten seconds")


def test_trainer_whose_parent_has_gone_does_not_start(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path)
    gone = subprocess.Popen(["true"])
    gone.wait()
    command = [*trainer.arguments, "--threads", "1", "--parent", str(gone.pid)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "The process that started this one has ended" in run.stderr
    assert not trainer.saves()


def test_full_disk_costs_a_save_and_no_bits(tmp_path: Path, reference: dict[str, str]) -> None:
    """Of 400 kB: a save has 60, weights that are kept have 50, so that half-way there is room for one save only."""
    trainer = Trainer(tmp_path)
    with file_system(tmp_path / "state", "400k"):
        messages = "".join(trainer.killed("Nothing was saved at", save_seconds=0.0))
        assert "No space left on device" in messages
        assert len(trainer.saves()) == 1
        messages = trainer.finish(save_seconds=0.2)
        assert "Resuming from" in messages
        assert "Nothing was saved at" in messages
    assert trainer.products() == reference


def test_disk_with_room_for_two_saves_keeps_the_newer(tmp_path: Path) -> None:
    with file_system(tmp_path / "state", "20m") as folder:
        saves = Saves(folder, {}, {})
        for step in range(1, 5):
            saves.save(step, {"x": np.full(1_000_000, step)}, {})  # 8 MB
        found = saves.load()
        assert found is not None
        assert found[0]["x"][0] == 4
        saves.lock.close()


def test_a_file_from_someone_else_cannot_run_code(tmp_path: Path) -> None:
    (tmp_path / "trap.npz").write_bytes(b"")
    with (tmp_path / "trap.npz").open("wb") as file:
        np.savez(file, trap=np.array([Trap()], object), allow_pickle=True)
    digest = hashlib.sha256((tmp_path / "trap.npz").read_bytes()).hexdigest()
    saves = Saves(tmp_path / "state", {}, {})
    shutil.move(tmp_path / "trap.npz", tmp_path / "state" / f"save-{1:012d}-{digest}.npz")
    assert saves.load() is None  # named, and left for what it is
    saves.lock.close()


class Trap:
    """Unpickled, it would fail the test."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


def soak(kills: int) -> None:
    """Kill a training at random times, so often, and compare (`make soak`)."""
    rng = np.random.default_rng()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(Path(folder, "reference"), DEEP)
        trainer.finish(save_seconds=1000)
        expected, done, number = trainer.products(), 0, 0
        while done < kills:
            number += 1
            trainer = Trainer(Path(folder, str(number)), DEEP)
            while done < kills:
                process = trainer.start(save_seconds=0.3)
                try:
                    process.communicate(timeout=rng.uniform(3, 20))
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    done += 1
            trainer.finish()
            assert trainer.products() == expected
            print(f"{done} kills, {number} trainings, all with the same bits", flush=True)


if __name__ == "__main__":
    soak(int(sys.argv[1]))
