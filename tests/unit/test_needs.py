"""What jobs ask for, against what was measured."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from conftest import ROOT
from rlgames.agents.deep.replay import Replay
from rlgames.encoders import training
from rlgames.operations.memory_limits import BESIDES
from rlgames.plan import needs
from rlgames.plan.plan import Plan
from rlgames.playing import evaluation
from rlgames.settings import encoders
from rlgames.settings.learner import PLAIN_MB, TENSORFLOW_MB, UPDATE_TIME

SPEED = (ROOT / "docs/speed.md").read_text()


def plan(name: str, **changes: Any) -> Plan:
    return Plan(yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) | changes)


def run(experiment: str, variant: str = "default", seeds: str = "0") -> SimpleNamespace:
    return SimpleNamespace(experiment=experiment, variant=variant, seeds=seeds)


def test_replay_buffer_has_the_size_that_it_has() -> None:
    for name in ("config", "paper"):
        for variant in plan(name).variants.values():
            spec: Any = variant.spec
            if hasattr(spec.agent, "capacity"):
                asked = spec.agent.training_mb(spec.environment) - TENSORFLOW_MB
                assert asked == pytest.approx(
                    Replay.size(spec.agent.capacity, spec.environment.frame_bytes) / 1e6, abs=1
                )
    assert TENSORFLOW_MB * 1e6 >= BESIDES


def test_memory_holds_what_a_rehearsal_took() -> None:
    """Of each entry of the published protocol; docs/speed.md has what was measured."""
    measured = [float(each) for each in re.findall(r"^\| .* steps/s \| ([\d.]+) GB \|$", SPEED, re.MULTILINE)]
    paper = plan("paper")
    assert len(measured) == len(paper.variants) == 4
    for (experiment, variant), gigabytes in zip(paper.variants, measured, strict=True):
        asked = needs.megabytes(paper, "train_agent", run(experiment, variant), 1)
        assert 1000 * gigabytes + needs.SNAKEMAKE_MB < asked < 1.2 * (1000 * gigabytes + needs.SNAKEMAKE_MB)


def test_time_is_enough_for_what_was_measured() -> None:
    """Of the trainings of fast.yaml, two side by side; docs/speed.md has their steps per second."""
    rows = re.findall(r"^\| (plain|nature|default) \| \d \| .* \| (\d+) \|$", SPEED, re.MULTILINE)
    assert len(rows) == 9
    fast = plan("fast")
    for experiment, rate in rows:
        took = fast.spec(run(experiment)).budget / int(rate)
        assert needs.seconds(fast, "train_agent", run(experiment)) == pytest.approx(took, rel=0.2)
        assert took < 60 * needs.minutes(fast, "train_agent", run(experiment), 1) < 2.5 * took + 600


def test_larger_networks_are_counted_with_the_time_that_was_measured() -> None:
    """Of an update, beside that of the network of 2015."""
    rows = re.findall(r"^\| (impala|mbconv) \|(?: [\d.]+ \|){2} ([\d.]+) \| [\d.]+ \|$", SPEED, re.MULTILINE)
    assert len(rows) == 2
    for network, ratio in rows:
        assert UPDATE_TIME[network] == pytest.approx(float(ratio), rel=0.1)


def test_each_attempt_asks_for_more() -> None:
    paper, dqn = plan("paper"), run("dqn", "game=pong")
    memory = [needs.megabytes(paper, "train_agent", dqn, attempt) for attempt in (1, 2, 3)]
    assert [each / memory[0] for each in memory] == pytest.approx([1, 1.5, 2], rel=1e-3)  # whole MB
    first = needs.minutes(paper, "train_agent", dqn, 1)
    assert [needs.minutes(paper, "train_agent", dqn, attempt) for attempt in (2, 3)] == [2 * first, 3 * first]


def test_evaluation_has_time_for_episodes_of_full_length() -> None:
    paper = plan("paper", evaluation={"episodes": 30, "checkpoint_episodes": 3})
    steps = (2 * 30 + 9 * 3) * 27_000
    (rate,) = map(int, re.findall(r"^\| evaluation, steps per second of a core \| (\d+) \|$", SPEED, re.MULTILINE))
    assert 60 * needs.minutes(paper, "evaluate", run("dqn", "game=pong"), 1) > 2 * steps / rate
    assert needs.seconds(paper, "evaluate", run("dqn", "game=pong")) < 120  # as Pong takes it


def test_short_work_goes_first_and_then_the_longest() -> None:
    lesson = plan("config")
    ranks = {
        each.experiment: needs.priority(lesson, each) for each in (SimpleNamespace(**row) for row in lesson.runs())
    }
    linear = lesson.trained_by("train_linear")
    assert sorted(ranks, key=lambda name: -ranks[name])[: len(linear) + 1] == [*linear, "pong"]
    assert 0 < min(ranks.values()) < ranks["pong"] < ranks[linear[-1]] < max(ranks.values()) < needs.FIRST


def test_the_time_of_an_encoder_counts_its_trials() -> None:
    assert encoders.TRIAL == training.TRIAL


def test_memory_of_an_evaluation_counts_the_episodes_that_it_plays_at_a_time() -> None:
    assert needs.LANES == evaluation.LANES


@pytest.mark.parametrize(("device", "gpus"), [("auto", 0), ("cpu", 0), ("gpu", 1)])
def test_gpu_is_asked_for_where_the_settings_do(device: str, gpus: int) -> None:
    fast = yaml.safe_load((ROOT / "config/fast.yaml").read_text())
    fast["experiments"]["default"]["agent"]["device"] = device
    assert needs.gpus(Plan(fast), run("default")) == gpus


def test_linear_agents_use_one_core_and_no_tensorflow_unless_latents_are_what_they_see() -> None:
    lesson = plan("config", threads=4)
    views = {
        variant: run("pong-linear", variant) for experiment, variant in lesson.variants if experiment == "pong-linear"
    }
    assert {needs.threads(lesson, each) for each in views.values()} == {1}
    assert {needs.gpus(lesson, each) for each in views.values()} == {0}
    assert needs.threads(lesson, run("pong", "agent.name=dqn")) == 4
    plain = needs.SNAKEMAKE_MB + PLAIN_MB
    for variant, each in views.items():
        for rule in ("train_agent", "evaluate"):
            assert (needs.megabytes(lesson, rule, each, 1) > plain) == ("latents" in variant)


CARTPOLE = {
    "environment": {"name": "gymnasium", "id": "CartPole-v1"},
    "agent": {"name": "actor-critic", "network": "mlp"},
    "steps": 10_000,
    "seeds": 2,
    "sweep": {"agent.name": ["dqn", "actor-critic"]},
}


@pytest.mark.parametrize("name", ["config", "smoke", "cartpole"])
def test_every_job_asks_for_something_sensible(name: str) -> None:
    """Agents that name no estimate of their own included."""
    config = Plan({"results": "results/x", "experiments": {"cartpole": CARTPOLE}}) if name == "cartpole" else plan(name)
    for wildcards in config.runs():
        each = SimpleNamespace(**wildcards)
        rule = config.spec(each).agent.rule
        after = {"train_agent": ["evaluate"], "train_encoder": ["encode"]}.get(rule, [])
        for job in (rule, *after):
            assert 1 <= needs.minutes(config, job, each, 1) <= 600
            assert 1000 <= needs.megabytes(config, job, each, 1) <= 3000


def test_room_on_the_disk_is_about_what_the_lesson_took() -> None:
    """Measured, in MB: products and saves of one seed or block, of the whole gallery's run."""
    plan = Plan.read(ROOT / "config/config.yaml")
    measured = {
        ("pong", "agent.name=dqn", "0"): 29.9, ("pong-encoder", "latents=8", "0"): 10.2,
        ("pong-encoder", "latents=128", "0"): 47.6, ("tilings", "tilings=8,step_size=0.0375", "0-99"): 1.3,
    }  # fmt: skip
    for (experiment, variant, seeds), took in measured.items():
        run = SimpleNamespace(experiment=experiment, variant=variant, seeds=seeds)
        assert took / 2 < needs.disk(plan, plan.agent(experiment).rule, run) < 2 * took
    assert needs.disk(plan, "dataset", SimpleNamespace(dataset="pong-frames")) == pytest.approx(25, rel=0.2)
    assert 0 < needs.disk(plan, "figure", SimpleNamespace(figure="tilings")) < 1
