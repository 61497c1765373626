"""A newcomer's agent, network and environment, added as CONTRIBUTING.md says: trained, killed, resumed and drawn."""

from __future__ import annotations

import copy
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

from conftest import Sandbox
from rlgames.operations.saves import step_of
from rlgames.settings.loading import SettingsError, load

TOYS = Path(__file__).parent / "toys"

SETTINGS = '''

class BoltzmannDQN(OffPolicyAgent):
    """DQN towards the expected value under a Boltzmann policy."""

    module: ClassVar[str] = "rlgames.agents.deep.boltzmann_dqn"
    name: Literal["boltzmann-dqn"]
    width: float = Field(default=1.0, gt=0)
    """Error at which the loss turns from squared to linear."""
'''

CORRIDOR = {"name": "gymnasium", "id": "corridor:Corridor-v0"}
CONFIG: dict[str, Any] = {
    "results": "results/extended",
    "evaluation": {"episodes": 4, "checkpoint_episodes": 1, "epsilon": 0.0},
    "experiments": {
        "walk": {
            "environment": CORRIDOR,
            "agent": {
                "name": "boltzmann-dqn", "network": "normalised", "width": 2.0, "n": 2, "games": 2, "step_size": 0.003,
                "warm_up": 200, "capacity": 2000, "updates_per_step": 0.5, "target_every": 100, "epsilon_steps": 1000,
                "epsilon_end": 0.1,
            },
            "steps": 2400,
            "seeds": 1,
        },
        "policy": {
            "environment": CORRIDOR,
            "agent": {"name": "actor-critic", "network": "normalised", "games": 4, "rollout_steps": 8},
            "steps": 640,
            "seeds": 1,
        },
    },
    "figures": {"walk": {"kind": "returns", "experiments": ["walk"], "title": "Walking", "caption": "Right is right."}},
    "videos": {"walk": {"seed": 0, "caption": "A walk."}, "policy": {"seed": 0, "caption": "By a policy."}},
}  # fmt: skip
RUN = Path("runs/walk/default/seed-0")
WANTED = (
    f"{RUN}/evaluation/episodes.parquet", "figures/walk.png", "videos/walk/default/best.mp4",
    "videos/policy/default/best.mp4",
)  # fmt: skip


@pytest.fixture
def extended(tmp_path: Path) -> Sandbox:
    """A copy of the project with three toys in it; the environment is a module of some other package."""
    sandbox = Sandbox(tmp_path / "project")
    library, elsewhere = sandbox.folder / "workflow/rlgames", sandbox.folder / "workflow"
    for name, place in (
        ("boltzmann_dqn", library / "agents/deep"), ("normalised", library / "networks"), ("corridor", elsewhere),
    ):  # fmt: skip
        place.mkdir(exist_ok=True)
        (place / f"{name}.py").write_text((TOYS / f"{name}.py").read_text())
    with (library / "settings/deep_agents.py").open("a") as file:
        file.write(SETTINGS)
    for name, old, new in (
        ("agents", "deep_agents import C51, DQN,", "deep_agents import C51, DQN, BoltzmannDQN,"),
        ("agents", "    | DQN\n", "    | DQN\n    | BoltzmannDQN\n"),
        ("learner", '"minatar", "mlp"]', '"minatar", "mlp", "normalised"]'),
    ):
        path = library / f"settings/{name}.py"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    return sandbox


def kill_once_saved(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Start the training by Snakemake, and kill it (not Snakemake) once it has learned a while, and saved."""
    file = sandbox.folder / "config/killed.yaml"
    file.write_text(yaml.safe_dump(config))
    process = subprocess.Popen(
        sandbox.command("--cores", "1", "--configfile", str(file), "--", f"{config['results']}/{RUN}/weights.npz"),
        cwd=sandbox.folder, env=sandbox.environment | {"RLGAMES_SAVE_SECONDS": "0.2"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    state, deadline = sandbox.folder / config["results"] / "state", time.monotonic() + 120
    while max(map(step_of, state.rglob("save-*.npz")), default=0) < 600:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for child in psutil.Process(process.pid).children(recursive=True):
        if "rlgames.commands.train_agent" in child.cmdline():
            child.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) != 0
    assert not (sandbox.folder / config["results"] / RUN / "weights.npz").exists()


def test_agent_network_and_environment_of_a_newcomer(extended: Sandbox) -> None:
    results = extended.folder / CONFIG["results"]
    kill_once_saved(extended, CONFIG)
    extended.build(CONFIG, *(f"{CONFIG['results']}/{name}" for name in WANTED), cores=1)
    assert "Resuming from" in (results / "logs" / f"{RUN}.log").read_text()

    plain = copy.deepcopy(CONFIG) | {"results": "results/uninterrupted"}
    extended.build(plain, f"{plain['results']}/{RUN}/weights.npz", cores=1)
    for name in ("weights.npz", "episodes.parquet", "recordings.parquet"):
        one, other = (extended.folder / config["results"] / RUN / name for config in (CONFIG, plain))
        assert one.read_bytes() == other.read_bytes(), name

    evaluated = pd.read_parquet(results / RUN / "evaluation/episodes.parquet")
    trained = evaluated[evaluated["agent"] == "trained"]
    assert (trained["ending"] == "terminated").all()
    assert set(trained["steps"]) <= {5, 6, 7}  # straight to the end, from where it starts
    by_policy = pd.read_parquet(results / "runs/policy/default/seed-0/evaluation/episodes.parquet")
    assert by_policy["agent"].value_counts()[["trained", "sampled", "random"]].tolist() == [4, 4, 4]
    text = extended.python("-m", "rlgames.commands.verify", "config/extended.yaml")
    assert "give the lengths, returns and endings that were published." in text
    assert "There is no results/extended/checksums.txt yet" in text  # nor all products


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:Corridor-v0", "nowhere cannot be imported"),
        ("gymnasium:CartPole-v7", "there is no environment 'CartPole-v7'; did you mean 'CartPole-v"),
    ],
)
def test_environment_that_is_not_there(name: str, message: str) -> None:
    config = copy.deepcopy(CONFIG)
    config["experiments"] = {"walk": config["experiments"]["policy"]}
    config["experiments"]["walk"]["environment"] = {"name": "gymnasium", "id": name}
    config["experiments"]["walk"]["agent"]["network"] = "mlp"
    with pytest.raises(SettingsError, match=message):
        load(config)
