"""What jobs ask for, against what was measured."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from conftest import ROOT
from rlgames import resources
from rlgames.plan import Plan
from rlgames.replay import Replay
from rlgames.training.deep import BESIDES

SPEED = (ROOT / "docs/speed.md").read_text()


def plan(name: str, **changes: Any) -> Plan:
    return Plan(yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) | changes)


def run(experiment: str, variant: str = "default", seeds: str = "0") -> SimpleNamespace:
    return SimpleNamespace(experiment=experiment, variant=variant, seeds=seeds)


def test_replay_buffer_has_the_size_that_it_has() -> None:
    for name in ("config", "paper"):
        for variant in plan(name).variants.values():
            if hasattr(variant.spec.agent, "capacity"):
                spec: Any = variant.spec
                wanted = Replay.size(spec.agent.capacity, spec.environment.image_size**2)
                assert resources.replay_bytes(spec) == wanted
    assert resources.TENSORFLOW * 1e6 >= BESIDES


def test_memory_holds_what_a_rehearsal_took() -> None:
    """Of each entry of the published protocol; docs/speed.md has what was measured."""
    measured = [float(each) for each in re.findall(r"^\| .* steps/s \| ([\d.]+) GB \|$", SPEED, re.MULTILINE)]
    paper = plan("paper")
    assert len(measured) == len(paper.variants) == 4
    for (experiment, variant), gigabytes in zip(paper.variants, measured, strict=True):
        asked = paper.memory("train_atari", run(experiment, variant), 1)
        assert 1000 * gigabytes + resources.SNAKEMAKE < asked < 1.2 * (1000 * gigabytes + resources.SNAKEMAKE)


def test_time_is_enough_for_what_was_measured() -> None:
    """Of the trainings of fast.yaml, two side by side; docs/speed.md has their steps per second."""
    rows = re.findall(r"^\| (plain|fast) \| \d \| .* \| (\d+) \|$", SPEED, re.MULTILINE)
    assert len(rows) == 6
    fast = plan("fast")
    for experiment, rate in rows:
        took = 300_000 / int(rate)
        assert fast.seconds("train_atari", run(experiment)) == pytest.approx(took, rel=0.2)
        assert took < 60 * fast.minutes("train_atari", run(experiment), 1) < 2.5 * took + 600


def test_each_attempt_asks_for_more() -> None:
    paper, dqn = plan("paper"), run("dqn", "game=pong")
    assert [paper.memory("train_atari", dqn, attempt) for attempt in (1, 2, 3)] == [8666, 12999, 17332]
    first = paper.minutes("train_atari", dqn, 1)
    assert [paper.minutes("train_atari", dqn, attempt) for attempt in (2, 3)] == [2 * first, 3 * first]


def test_evaluation_has_time_for_episodes_of_full_length() -> None:
    paper = plan("paper", evaluation={"episodes": 30, "checkpoint_episodes": 3})
    steps = (2 * 30 + 9 * 3) * 27_000
    (rate,) = map(int, re.findall(r"^\| evaluation, steps per second of a core \| (\d+) \|$", SPEED, re.MULTILINE))
    assert 60 * paper.minutes("evaluate", run("dqn", "game=pong"), 1) > 2 * steps / rate
    assert paper.seconds("evaluate", run("dqn", "game=pong")) < 120  # as Pong takes it


@pytest.mark.parametrize(("device", "cards"), [("auto", 0), ("cpu", 0), ("gpu", 1)])
def test_card_is_asked_for_where_the_settings_do(device: str, cards: int) -> None:
    fast = yaml.safe_load((ROOT / "config/fast.yaml").read_text())
    fast["experiments"]["fast"]["agent"]["device"] = device
    assert Plan(fast).gpus(run("fast")) == cards


def test_linear_agents_use_one_core_and_no_tensorflow_unless_an_encoder_sees_for_them() -> None:
    lesson = plan("config", threads=4)
    views = {
        variant: run("pong-linear", variant) for experiment, variant in lesson.variants if experiment == "pong-linear"
    }
    assert {lesson.threads(each) for each in views.values()} == {1}
    assert {lesson.gpus(each) for each in views.values()} == {0}
    assert lesson.threads(run("pong", "agent.name=dqn")) == 4
    plain = resources.SNAKEMAKE + resources.PLAIN
    for variant, each in views.items():
        assert (lesson.memory("train_atari", each, 1) > plain) == ("latents" in variant)
        assert (lesson.memory("evaluate", each, 1) > plain) == ("latents" in variant)


def test_every_job_of_the_lesson_asks_for_something_sensible() -> None:
    lesson = plan("config")
    for wildcards in lesson.runs():
        each = SimpleNamespace(**wildcards)
        rule = {"episodes": "train_linear", "steps": "train_atari", "epochs": "train_encoder"}[
            lesson.spec(each).agent.budget
        ]
        assert 1 <= lesson.minutes(rule, each, 1) <= 120
        assert 1000 <= lesson.memory(rule, each, 1) <= 3000
