"""What a config may hold, and what is said of one that cannot be run."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import ROOT
from rlgames.commands.docs import pages
from rlgames.plan.plan import Plan
from rlgames.settings.base import leaves
from rlgames.settings.loading import SettingsError, load, resolved
from rlgames.settings.spec import Spec

GOOD: dict[str, Any] = {
    "results": "results/good",
    "experiments": {
        "try": {
            "environment": {"name": "mountain-car"},
            "agent": {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.1},
            "episodes": 5,
            "seeds": 3,
        }
    },
    "figures": {"it": {"kind": "learning-curves", "experiments": ["try"], "title": "It", "caption": "Shows it."}},
}


def change(*path: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    """A function that updates the mapping at `path` of a config."""

    def apply(config: dict[str, Any]) -> None:
        for part in path:
            config = config[part]
        config.update(values)

    return apply


TRY = ("experiments", "try")
BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "agent": (change(*TRY, "agent", name="sarza"), ["try.agent", "no agent 'sarza'", "did you mean 'sarsa'"]),
    "environment": (
        change(*TRY, "environment", name="mountaincar"),
        ["try.environment", "no environment 'mountaincar'", "did you mean 'mountain-car'"],
    ),
    "coding": (
        change(*TRY, "agent", coding={"name": "tilde"}),
        ["try.agent.coding", "'tilde'", "did you mean 'tiled'"],
    ),
    "coding-without-name": (change(*TRY, "agent", coding={"tiles": 8}), ["try.agent.coding", "needs a 'name'"]),
    "typo": (change(*TRY, "agent", epsilonn=0.1), ["try.agent", "no key 'epsilonn'", "did you mean 'epsilon'"]),
    "typo-at-the-top": (change(experiment={}), ["no key 'experiment'", "did you mean 'experiments'"]),
    "negative-step-size": (change(*TRY, "agent", step_size=-0.1), ["try.agent.step_size", "greater than 0", "-0.1"]),
    "text-step-size": (change(*TRY, "agent", step_size="fast"), ["try.agent.step_size", "valid number", "'fast'"]),
    "yaml-text-step-size": (change(*TRY, "agent", step_size="1e-4"), ["'1e-4' is text in YAML", "0.0001"]),
    "boolean-step-size": (change(*TRY, "agent", step_size=True), ["try.agent.step_size", "valid number", "True"]),
    "nan-step-size": (change(*TRY, "agent", step_size=float("nan")), ["try.agent.step_size", "finite", "nan"]),
    "no-step-size": (
        lambda c: c["experiments"]["try"]["agent"].pop("step_size"),
        ["try.agent.step_size", "is missing"],
    ),
    "discount": (change(*TRY, "agent", discount=1.01), ["try.agent.discount", "less than or equal to 1", "1.01"]),
    "agent-no-mapping": (change(*TRY, agent="sarsa"), ["try.agent", "mapping of keys to values", "'sarsa'"]),
    "empty-sweep": (change(*TRY, sweep=[]), ["try.sweep", "has no entries; give at least 1"]),
    "sweep-value": (
        change(*TRY, sweep=[{"epsilon": 0.1}, {"epsilon": 2}]),
        ["try", "point 2", "epsilon", "equal to 1"],
    ),
    "sweep-key": (
        change(*TRY, sweep=[{"step_sise": 1}]),
        ["try", "point 1", "'step_sise'", "did you mean 'step_size'"],
    ),
    "sweep-ambiguous": (change(*TRY, sweep={"name": ["x"]}), ["'name' could be any of", "coding.name"]),
    "sweep-one-path": (
        change(*TRY, sweep=[{"step_size": 0.1}, {"step_size": 0.2}, {"step_size": 0.10}]),
        ["try", "points 1 and 3", "both write the path step_size=0.1/"],
    ),
    "sweep-incomplete": (
        lambda c: (c["experiments"]["try"]["agent"].pop("step_size"), change(*TRY, sweep=[{"epsilon": 0.1}])(c)),
        ["try", "point 1", "agent.step_size", "is missing"],
    ),
    "sweep-without-settings": (change(*TRY, sweep=[{"label": "a"}]), ["try", "point 1", "change a setting"]),
    "sweep-of-seeds": (
        change(*TRY, sweep={"seeds": [1, 2]}),
        ["try", "'seeds' cannot be swept", "beside the sweep", "first_seed"],
    ),
    "sweep-of-seed": (change(*TRY, sweep={"seed": [1, 2]}), ["try", "'seed' cannot be swept", "first_seed"]),
    "list-of-seeds": (change(*TRY, seeds=[3, 3]), ["try.seeds", "write seeds: 2 and first_seed: 3"]),
    "no-seeds": (lambda c: c["experiments"]["try"].pop("seeds"), ["try.seeds", "is missing"]),
    "zero-seeds": (change(*TRY, seeds=0), ["try.seeds", "greater than or equal to 1", "0"]),
    "figure-of-nothing": (change("figures", "it", experiments=["tri"]), ["figures.it", "no experiment 'tri'", "'try'"]),
    "figure-one-name": (
        change(*TRY, sweep=[{"step_size": 0.1, "label": "a"}, {"step_size": 0.2, "label": "a"}]),
        ["figures.it", "several curves are called ['a']"],
    ),
    "figure-axis": (
        change("figures", "it", kind="returns", x="hours"),
        ["figures.it.x", "no x 'hours'", "choose from: minutes, steps"],
    ),
    "limits": (change("figures", "it", limits=[5.0, 1.0]), ["figures.it", "two ascending numbers"]),
    "figure-twice": (
        change("figures", "it", experiments=["try", "try"]),
        ["figures.it", "names the same experiment twice"],
    ),
    "quantity-twice": (
        change("figures", "it", quantities=["steps", "steps"]),
        ["figures.it.quantities", "names the same quantity twice; drop one"],
    ),
    "figure-kind": (change("figures", "it", kind="learning-curve"), ["figures.it", "did you mean 'learning-curves'"]),
    "figure-seed": (change("figures", "it", seed=3), ["figures.it.seed", "the seeds 0 to 2, not 3"]),
    "figure-facet": (
        change("figures", "it", facet="epsilon"),
        ["figures.it.facet", "none of its experiments sweeps 'epsilon'"],
    ),
    "video": (
        change(videos={"tri": {"seed": 0, "caption": "c"}}),
        ["videos", "no experiment 'tri'", "did you mean 'try'"],
    ),
    "sweep-twice": (
        change(*TRY, sweep=[{"step_size": 0.1, "agent.step_size": 0.2}]),
        ["try", "point 1", "step_size, agent.step_size are the same setting"],
    ),
    "label": (change(*TRY, sweep=[{"step_size": 0.1, "label": 5}]), ["try", "point 1", "label", "must be text, not 5"]),
    "agent-and-environment": (
        change(*TRY, environment={"name": "gymnasium", "id": "CartPole-v1", "low": [-1.0] * 4, "high": [1.0] * 4}),
        ["'sarsa' does not play 'gymnasium'", "'true-online-sarsa-lambda'"],
    ),
    "dimensions": (
        change(*TRY, environment={"name": "gymnasium", "id": "CartPole-v1", "low": [-1.0], "high": [1.0]}),
        ["low and high: observations of CartPole-v1 have the shape (4,)", "give a number for each"],
    ),
    "start": (change(*TRY, environment={"name": "mountain-car", "start": [-0.4, -0.6]}), ["lower end first"]),
    "no-results": (lambda c: c.pop("results"), ["results", "is missing"]),
    "name": (change("experiments", Bad_Name=GOOD["experiments"]["try"]), ["'Bad_Name'", "lower-case letters"]),
    "results": (change(results="results/"), ["results", "must not end in . or /"]),
    "no-experiments": (change(experiments={}), ["experiments", "has no entries"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_remedy(case: str) -> None:
    apply, expected = BAD[case]
    config = copy.deepcopy(GOOD)
    apply(config)
    with pytest.raises(SettingsError) as error:
        load(config)
    for part in expected:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("sweep", "line"),
    [
        ([], "sweep: has no entries; give at least 1"),
        ({}, "sweep: has no entries; give at least 1"),
        ({"epsilon": 0.1}, "sweep.epsilon: must be a list; write [0.1]"),
        ({"epsilon": []}, "sweep.epsilon: has no entries; give at least 1"),
        ([1], "sweep.0: must be a mapping of keys to values, not 1"),
        (
            0.1,
            "sweep: must be a mapping from settings to lists of values, or a list of points, not 0.1",
        ),
    ],
)
def test_only_what_is_wrong_with_the_form_of_a_sweep_is_told(sweep: Any, line: str) -> None:
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"]["sweep"] = sweep
    with pytest.raises(SettingsError) as error:
        load(config)
    assert str(error.value).splitlines()[1:] == [f"  experiments.try.{line}"]


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ("randm", "policy: there is no policy 'randm'; did you mean 'random'?"),
        ({"seed": 1}, "policy.experiment: is missing; add it"),
    ],
)
def test_only_what_is_wrong_with_the_form_of_a_policy_is_told(policy: Any, line: str) -> None:
    frames = {"environment": {"name": "atari", "game": "pong"}, "policy": policy}
    with pytest.raises(SettingsError) as error:
        load(GOOD | {"datasets": {"frames": frames}})
    assert str(error.value).splitlines()[1:] == [f"  datasets.frames.{line}"]


def deep(name: str, network: str = "mlp", **environment: Any) -> dict[str, Any]:
    """A config of DQN in one of Gymnasium's environments."""
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"] = {
        "environment": {"name": "gymnasium", "id": name, **environment},
        "agent": {"name": "dqn", "network": network},
        "steps": 6000,
        "seeds": 1,
    }
    config["figures"]["it"]["kind"] = "returns"
    return config


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "actions": (deep("Pendulum-v1"), ["id: the actions of Pendulum-v1 are continuous (Box)", "need a finite set"]),
    "name": (deep("CartPol-v1"), ["id: there is no environment 'CartPol-v1'", "did you mean 'CartPole-v1'"]),
    "version": (deep("LunarLander-v9"), ["there is no environment 'LunarLander-v9'", "did you mean 'LunarLander-v3'"]),
    "observations": (
        deep("FrozenLake-v1"),
        ["the observations of FrozenLake-v1 are a Discrete", "vectors, or pictures"],
    ),
    "limit": (deep("MinAtar/Breakout-v1", "minatar"), ["max_steps: MinAtar/Breakout-v1 has no time limit", "give one"]),
    "kwargs": (
        deep("LunarLander-v3", kwargs={"winds": True}),
        ["LunarLander-v3 cannot be made with kwargs", '"winds": true', "unexpected keyword argument 'winds'"],
    ),
    "max-steps": (deep("CartPole-v1", max_steps=0), ["max_steps", "greater than or equal to 1", "not 0"]),
    "pictures-for-vectors": (
        deep("CartPole-v1", "nature"),
        ["agent.network: 'nature' reads pictures", "shows vectors; choose 'mlp'"],
    ),
    "vectors-for-pictures": (
        deep("MinAtar/Breakout-v1", max_steps=1000),
        ["agent.network: 'mlp' reads vectors", "shows pictures; choose another"],
    ),
    "small-pictures": (
        deep("MinAtar/Breakout-v1", "nature", max_steps=1000),
        [
            "agent.network: 'nature' reads pictures with sides of at least 36 pixels",
            "not of (10, 10); choose 'minatar'",
        ],
    ),
    "bounds-of-pictures": (
        deep("MinAtar/Breakout-v1", "minatar", max_steps=1000, low=[0.0], high=[1.0]),
        ["low and high", "have the shape (10, 10, 4)"],
    ),
    "bounds-of-nothing": (
        deep("CartPole-v1", low=[], high=[]),
        ["environment.low: has no entries; give at least 1", "environment.high: has no entries"],
    ),
    "one-bound": (deep("CartPole-v1", low=[-1.0] * 4), ["low and high", "give a number for each dimension"]),
    "bounds-crossed": (
        deep("CartPole-v1", low=[1.0] * 4, high=[1.0] * 4),
        ["low and high: each lower bound must be below its upper bound"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_environments_that_cannot_be_played_are_named(case: str) -> None:
    config, expected = REFUSED[case]
    with pytest.raises(SettingsError) as error:
        load(config)
    for part in ["experiments.try", *expected]:
        assert part in str(error.value)


def test_tiles_need_bounds() -> None:
    config = deep("CartPole-v1")
    experiment = config["experiments"]["try"]
    experiment["agent"] = {"name": "true-online-sarsa-lambda", "coding": {"name": "tiled"}, "trace_decay": 0.9}
    experiment["agent"]["step_size"], experiment["episodes"] = 0.1, experiment.pop("steps")
    with pytest.raises(
        SettingsError, match=r"true-online-sarsa-lambda needs low and high for its tiles; give the bounds"
    ):
        load(config)


@pytest.mark.parametrize(
    ("name", "network", "environment", "limit", "frame_bytes"),
    [
        ("CartPole-v1", "mlp", {}, 500, 4 * 4),
        ("LunarLander-v3", "mlp", {"max_steps": 60, "kwargs": {"enable_wind": True}}, 60, 8 * 4),
        ("MinAtar/Breakout-v1", "minatar", {"max_steps": 1000}, 1000, 10 * 10 * 4),
        ("MinAtar/Breakout-v1", "impala", {"max_steps": 1000}, 1000, 10 * 10 * 4),
    ],
)
def test_environments_that_can_be_played(
    name: str, network: str, environment: dict[str, Any], limit: int, frame_bytes: int
) -> None:
    """The limit is in the spec, whatever Gymnasium says later, and rewards are learned from as they are by default."""
    (variant,) = load(deep(name, network, **environment)).experiments["try"].variants
    chosen: Any = variant.spec.environment
    assert json.loads(variant.spec.canonical())["environment"]["max_steps"] == limit
    assert (chosen.frame_bytes, chosen.clips_rewards, chosen.game_name) == (frame_bytes, False, name)
    (clipped,) = load(deep(name, network, clip_rewards=True, **environment)).experiments["try"].variants
    chosen = clipped.spec.environment
    assert chosen.clips_rewards


def test_two_experiments_of_one_name_in_a_file(tmp_path: Path) -> None:
    """YAML itself keeps the last of the two without a word."""
    file = tmp_path / "config.yaml"
    file.write_text("experiments:\n  one: {a: 1}\n  two: {}\n  one: {a: 2}\n")
    with pytest.raises(
        SettingsError, match=r"config.yaml, line 4, column 3: the key 'one' appears a second time .*; rename or remove"
    ):
        load({}, [file])


def test_file_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("- results: results/mine\n")
    with pytest.raises(SettingsError, match=r"mine.yaml must be a mapping of keys, such as results"):
        Plan.read(file)


def test_good_config_and_its_sweep() -> None:
    config = copy.deepcopy(GOOD)
    experiment = config["experiments"]["try"]
    experiment["agent"].pop("step_size")
    experiment["sweep"] = [
        {"step_size": 1, "coding.tiles": 4, "label": "one"},
        {"coding.name": "additive", "step_size": 0.5},
    ]
    one, two = load(config).experiments["try"].variants
    assert (one.name, one.label) == ("step_size=1.0,coding.tiles=4", "one")
    assert one.spec.resolved()["agent"]["step_size"] == 1.0
    assert one.spec.resolved()["agent"]["coding"]["tiles"] == 4
    assert (two.name, two.label) == ("coding.name=additive,step_size=0.5", None)
    assert two.spec.resolved()["agent"]["coding"] == {"name": "additive", "tiles": 8}


def test_declaration_counts_where_a_point_says_nothing() -> None:
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"]["sweep"] = [{"epsilon": 0.5}, {"discount": 0.9}]
    _, two = load(config).experiments["try"].variants
    assert two.spec.resolved()["agent"]["epsilon"] == 0.0


def test_spec_is_one_text_whatever_the_order_of_keys() -> None:
    config = copy.deepcopy(GOOD)
    agent = config["experiments"]["try"]["agent"]
    config["experiments"]["try"]["agent"] = dict(reversed(agent.items()))
    (one,), (other,) = (load(each).experiments["try"].variants for each in (GOOD, config))
    assert one.spec.canonical() == other.spec.canonical()
    assert json.loads(one.spec.canonical())["agent"]["discount"] == 1.0


@pytest.mark.parametrize(
    ("first", "seeds", "size", "blocks"),
    [
        (0, 100, 100, ["0-99"]),
        (0, 250, 100, ["0-99", "100-199", "200-249"]),
        (150, 100, 100, ["150-199", "200-249"]),
        (7, 1, 100, ["7-7"]),
        (0, 3, 1, ["0-0", "1-1", "2-2"]),
    ],
)
def test_blocks_are_aligned(first: int, seeds: int, size: int, blocks: list[str]) -> None:
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"] |= {"first_seed": first, "seeds": seeds}
    assert load(config).experiments["try"].blocks(size) == blocks


def test_resolved_config_shows_every_variant_with_its_defaults() -> None:
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"]["sweep"] = [{"step_size": 0.1}, {"step_size": 0.2}]
    whole = resolved(load(config))
    variants = whole["experiments"]["try"]["variants"]
    assert list(variants) == ["step_size=0.1", "step_size=0.2"]
    assert variants["step_size=0.2"]["agent"]["step_size"] == 0.2
    assert variants["step_size=0.2"]["environment"]["max_steps"] == 100_000
    assert whole["block_size"] == 100


def test_grid_is_every_combination_in_order() -> None:
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"]["sweep"] = {"epsilon": [0.0, 0.1], "step_size": [0.1, 0.2]}
    assert [variant.name for variant in load(config).experiments["try"].variants] == [
        "epsilon=0.0,step_size=0.1",
        "epsilon=0.0,step_size=0.2",
        "epsilon=0.1,step_size=0.1",
        "epsilon=0.1,step_size=0.2",
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_configs_fit_the_schema(name: str) -> None:
    jsonschema.validate(
        yaml.safe_load((ROOT / "config" / name).read_text()),
        json.loads((ROOT / "workflow" / "schemas" / "config.schema.json").read_text()),
    )


def test_schema_refuses_a_typo() -> None:
    config = copy.deepcopy(GOOD)
    config["experiments"]["try"]["agent"]["epsilonn"] = 0.1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, json.loads((ROOT / "workflow" / "schemas" / "config.schema.json").read_text()))


def test_readme_names_every_setting_of_a_run() -> None:
    text = (ROOT / "config" / "README.md").read_text()
    for *_, key in leaves(Spec):
        assert key == "name" or f"| `{key}` |" in text, key


def test_schema_and_readme_are_in_step_with_the_settings() -> None:
    assert {path: path.read_text() for path in pages()} == pages(), "run `make docs`"


POLE: dict[str, Any] = {
    "results": "results/x",
    "experiments": {
        "one": {
            "environment": {"name": "gymnasium", "id": "CartPole-v1"},
            "agent": {"name": "c51", "network": "mlp", "v_min": 0, "v_max": 100},
            "steps": 10_000,
            "seeds": 2,
        }
    },
    "figures": {"f": {"kind": "paired-differences", "experiments": ["one"], "title": "x", "caption": "x"}},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v_min": 100}, "v_max: 100 is not above v_min, 100; give a greater number"),
        ({"v_max": None}, "agent.v_max: rewards of CartPole-v1 are not clipped"),
        ({}, "compares curves with the first one, and CartPole-v1 has a single one"),
        ({"other": {"first_seed": 5}}, "other has the seeds 5 to 6, and one has 0 to 1"),
    ],
)
def test_classes_and_pairs_that_make_no_sense_are_named(change: dict[str, Any], message: str) -> None:
    config = json.loads(json.dumps(POLE))
    other = change.pop("other", None)
    agent = config["experiments"]["one"]["agent"] = config["experiments"]["one"]["agent"] | change
    config["experiments"]["one"]["agent"] = {key: value for key, value in agent.items() if value is not None}
    if other:
        config["experiments"]["other"] = config["experiments"]["one"] | other
        config["figures"]["f"]["experiments"].append("other")
    with pytest.raises(SettingsError) as error:
        load(config)
    assert message in str(error.value)
