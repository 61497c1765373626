"""What the parts of a config ask of each other, of files, of figures and of the machine, and what parsing costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_names import LINEAR, config, refusal

from conftest import ROOT
from rlgames.features import tile_coding
from rlgames.plan import needs, startup, words
from rlgames.plan.plan import Plan
from rlgames.settings import memory
from rlgames.settings.documentation import EXAMPLES
from rlgames.settings.linear_agents import Additive, Hashed, IndexHashed, Tiled
from rlgames.settings.loading import SettingsError, load, table

SWEEP = {
    "kind": "sweep", "experiments": ["try"], "title": "T", "caption": "C", "x": "n", "x_label": "n",
    "curves": "epsilon", "episodes": 5,
}  # fmt: skip
CURVES = {"kind": "learning-curves", "experiments": ["try"], "title": "T", "caption": "C"}
GRID = {"n": [1, 2], "epsilon": [0.0, 0.1]}


def drawn(figure: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A config of n-step Sarsa with a figure."""
    agent = LINEAR | {"name": "n-step-sarsa"}
    return config(**{"agent": agent, "sweep": GRID} | changes) | {"figures": {"it": figure}}


@pytest.mark.parametrize("label", ["n = {n}", "{} {}", "{", "}{}", "{0}", "{!r}", "{:x}", "none", "{{}}"])
def test_label_of_curves_has_one_place_for_the_value(label: str) -> None:
    line = refusal(drawn(SWEEP | {"curve_label": label}))
    assert line.startswith("  figures.it.curve_label: ")
    assert "must contain {} exactly once" in line


def test_label_of_curves_shows_the_value() -> None:
    figure = load(drawn(SWEEP | {"curve_label": "ε = {}, 100%"})).figures["it"]
    (variant, *_) = load(drawn(SWEEP)).experiments["try"].variants
    assert figure.columns("try", variant) == {"curve": "ε = 0.0, 100%", "x": 1.0}


def test_config_that_is_handed_to_a_job_means_the_same_folders_in_the_same_order() -> None:
    raw = drawn(SWEEP) | {"figures": {"z": CURVES | {"facet": "n"}, "a": SWEEP}}
    raw["experiments"]["try"]["sweep"] = [{"n": 2, "epsilon": 0.1}, {"n": 1, "epsilon": 0.2}, {"n": 1, "epsilon": 0.1}]
    raw["figures"].pop("a")
    plan = Plan(raw)
    handed = Plan(json.loads(plan.config_spec()))
    assert handed.runs() == plan.runs()
    assert plan.runs()[0]["variant"] == "n=2,epsilon=0.1"
    assert list(handed.config.figures) == list(plan.config.figures)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_docs_can_be_run(name: str) -> None:
    assert Plan(yaml.safe_load(EXAMPLES[name])).targets()


def test_what_a_figure_leaves_out_is_worded_from_names() -> None:
    plain = {key: value for key, value in SWEEP.items() if key not in ("title", "caption", "x_label")}
    sweep = {"step_size": [0.1, 0.2], "epsilon": [0.0], "n": [2]}
    raw = drawn(plain | {"x": "step_size", "x_factor": 8, "curves": "epsilon"}, sweep=sweep)
    raw["figures"] = {"effect-of-alpha": raw["figures"]["it"], "kept": raw["figures"]["it"] | {"title": "Mine"}}
    raw["videos"] = {"try": {"seed": 0}}
    plan = Plan(raw)
    figures: dict[str, Any] = dict(plan.config.figures)
    assert figures["effect-of-alpha"].title == "Effect of alpha"
    assert figures["effect-of-alpha"].x_label == "8 × step size"
    assert figures["kept"].title == "Mine"
    assert words.caption(plan, "effect-of-alpha").startswith("try")
    assert json.loads(plan.figure_spec("effect-of-alpha"))["options"]["title"] == "Effect of alpha"


@pytest.mark.parametrize("key", ["id", "environment.id"])
def test_curves_in_panels_of_games_are_not_named_after_the_game(key: str) -> None:
    experiment = {
        "environment": {"name": "gymnasium"},
        "agent": {"name": "dqn", "network": "mlp"},
        "steps": 6000,
        "seeds": 1,
        "sweep": {key: ["CartPole-v1", "Acrobot-v1"], "discount": [0.9, 0.99]},
    }
    figure = {"kind": "returns", "experiments": ["try"]}
    plan = Plan({"results": "results/x", "experiments": {"try": experiment}, "figures": {"it": figure}})
    curves = [columns["curve"] for *_, columns in json.loads(plan.figure_spec("it"))["curves"]]
    assert curves == ["discount = 0.9", "discount = 0.99"] * 2


MIXED = [{"agent.name": "n-step-sarsa", "n": 2, "epsilon": 0.1}, {"agent.name": "sarsa", "epsilon": 0.2}]


@pytest.mark.parametrize(
    ("figure", "changes", "parts"),
    [
        (SWEEP | {"x": "coding.name"}, {"sweep": {"coding.name": ["tiled", "additive"], "epsilon": [0.1], "n": [1]}},
         ["it.x: coding.name is tiled, and an axis needs numbers"]),
        (SWEEP | {"x": "start"}, {"sweep": {"start": [[-0.6, -0.4], [-0.5, -0.5]], "epsilon": [0.1], "n": [1]}},
         ["it.x: start is -0.6_-0.4, and an axis needs numbers"]),
        (SWEEP, {"sweep": MIXED}, ["it.x: try/agent.name=sarsa,epsilon=0.2 has no setting 'n'"]),
        (CURVES | {"facet": "n"}, {"sweep": MIXED}, ["it.facet: try/agent.name=sarsa,epsilon=0.2 has no setting 'n'"]),
        (SWEEP | {"curves": "n"}, {}, ["it.curves: x and curves name the same setting"]),
        (SWEEP | {"x": "step_size"}, {}, ["it.x: none of its experiments sweeps 'step_size'; choose from: epsilon, n"]),
        (SWEEP | {"x_factor": 1e-320}, {}, ["it", "x_factor: 1e-320 is out of the range"]),
        (SWEEP | {"x_factor": 0.0}, {}, ["it.x_factor", "greater than 0"]),
    ],
)  # fmt: skip
def test_options_of_figures_that_make_no_sense(
    figure: dict[str, Any], changes: dict[str, Any], parts: list[str]
) -> None:
    line = refusal(drawn(figure, **changes))
    for part in parts:
        assert part in line


# Paths.


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ("-n", "'-n' begins with a hyphen"), ("a/--all/b", "'--all' begins with a hyphen"),
        ("x" * 256, "256 bytes long"), ("a/" + "ε" * 128, "256 bytes long"), (".", "must not end in"),
        ("a/..", "must not end in"), ("a b", "may contain only"),
    ],
)  # fmt: skip
def test_results_that_no_folder_should_be_called(results: str, message: str) -> None:
    line = refusal(config() | {"results": results})
    assert line.startswith("  results: ")
    assert message in line


def test_results_in_what_the_project_consists_of_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False).stdout.splitlines()
    ours = {path.partition("/")[0] for path in tracked if re.fullmatch(r"[\w./-]*[\w-]", path)} - {"results"}
    tools = {".git", ".snakemake", ".venv", ".cache", ".mypy_cache", "site"}
    within = {"workflow/rlgames/mine", "./docs", "results/../tests/x", str(ROOT), f"{ROOT}/config", "../x/.git/mine"}
    for results in ours | tools | within:
        assert "belongs to the project itself" in refusal(config() | {"results": results}), results
    for results in ("results", "results/docs", "mine", "mine/workflow", "documents", "../x", str(tmp_path / "docs")):
        load(config() | {"results": results})
    monkeypatch.chdir(tmp_path)
    load(config() | {"results": "docs"})


def test_paths_that_mean_the_same_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    same = ("results/x", "./results/x", "results//x", "results/./x", "results/y/../x", f"{tmp_path}/results/x")
    assert {load(config() | {"results": each}).results for each in same} == {"results/x"}
    assert load(config() | {"results": "/elsewhere/x"}).results == "/elsewhere/x"
    assert load(config() | {"results": "../x"}).results == "../x"
    weights = [weights_of(path) for path in ("a/{seed}/w.npz", "./a//{seed}/w.npz", f"{tmp_path}/a/{{seed}}/w.npz")]
    assert weights == ["a/{seed}/w.npz"] * 3


def deep(**agent: Any) -> dict[str, Any]:
    pong = {"name": "atari", "game": "pong"}
    return config(environment=pong, agent={"name": "dqn", **agent}, steps=6000, episodes=None)


def weights_of(path: str) -> str | None:
    (variant,) = load(deep(initial_weights=path)).experiments["try"].variants
    return variant.spec.agent.first_weights


@pytest.mark.parametrize("path", [".", "", "runs", "a/.npz/", "-w.npz", "x" * 300 + ".npz", "weights.npz.gz"])
def test_weights_to_start_from_are_a_file_of_weights(path: str) -> None:
    assert "agent.initial_weights: " in refusal(deep(initial_weights=path))


DENSE = {"name": "dense-true-online-sarsa-lambda", "step_size": 0.01, "trace_decay": 0.8}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"agent": {"name": "dqn", "network": "small"}}, "try/default has another network"),
        ({"agent": {"name": "c51"}}, "try/default has another network"),
        ({"environment": {"name": "atari", "game": "pong", "image_size": 48}}, "another network"),
        ({"agent": {**DENSE, "features": {"name": "pixels"}}}, "name a run of a deep agent"),
        ({"agent": {"name": "actor-critic"}}, "another network"),
        ({"environment": {"name": "atari", "game": "pong", "actions": "three"}}, "another network"),
        ({"environment": {"name": "atari", "game": "breakout"}}, "another network"),  # four actions in place of six
        ({"environment": {"name": "atari", "game": "space_invaders"}}, ""),
        ({"agent": {"name": "dqn", "pixel_centre": 87}}, "are for pixel_centre: 87, not 0"),
        ({"seeds": 1}, "initial_weights: try has the seeds 0 to 0, not 1; make the seeds of the two agree"),
        ({"agent": {"name": "double-dqn", "n": 3}}, ""),
        ({"environment": {"name": "atari", "game": "pong", "max_steps": 100}}, ""),
    ],
)
def test_weights_of_another_network_are_refused_before_they_are_trained(other: dict[str, Any], message: str) -> None:
    whole = deep()
    results, first = whole["results"], whole["experiments"]["try"]
    path = f"{results}/runs/try/default/seed-{{seed}}/weights.npz"
    first |= {"seeds": 2}
    more = first | {"agent": {"name": "dqn", "initial_weights": path}}
    whole["experiments"] = {"try": first | other, "more": more}
    if message:
        assert message in refusal(whole)
    else:
        load(whole)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("try/other/seed-{seed}", "there is no variant of try 'other'; choose from: default"),
        ("others/default/seed-{seed}", "there is no experiment 'others'; choose from: more, try"),
        ("more/default/seed-{seed}", "more/default starts from more/default, and so from itself"),
        ("try/default/seed-x", "write seed-{seed}, or a number"),
        ("try/{variant}/seed-{seed}", "only {seed} may stand in braces"),
    ],
)
def test_weights_to_start_from_are_those_of_another_run(path: str, message: str) -> None:
    whole = deep()
    start = {"initial_weights": f"{whole['results']}/runs/{path}/weights.npz"}
    first = whole["experiments"]["try"]
    whole["experiments"]["more"] = first | {"agent": {"name": "dqn", **start}}
    assert "experiments.more.agent.initial_weights: " in (found := refusal(whole))
    assert message in found


def test_runs_that_start_from_each_other_are_refused() -> None:
    whole = deep()
    names, first = ("more", "try"), whole["experiments"]["try"]
    for name, other in zip(names, reversed(names), strict=True):
        start = {"initial_weights": f"{whole['results']}/runs/{other}/default/seed-{{seed}}/weights.npz"}
        whole["experiments"][name] = first | {"agent": {"name": "dqn", **start}}
    assert "starts from try/default starts from more/default" in refusal(whole)


@pytest.mark.parametrize("agent", [{"name": "c51"}, {"name": "hl-gauss"}])
def test_classes_of_returns_that_single_precision_cannot_tell_apart_are_refused(agent: dict[str, Any]) -> None:
    load(deep(**agent | {"v_min": 100.0, "v_max": 101.0}))
    for low, high in ((100.0, 100.000001), (10_000.0, 10_001.0)):
        assert "51 classes lie too close together" in refusal(deep(**agent | {"v_min": low, "v_max": high}))


def test_results_in_the_folder_of_the_config_would_replace_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config/mine.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(config() | {"results": "config"}))
    with pytest.raises(
        SettingsError, match=r"results: config is the folder of .*mine.yaml, and the results' own config.yaml would"
    ):
        Plan.read(file)


def test_names_fit_in_every_file_system() -> None:
    """With the longest suffix and a temporary name: 255 bytes."""
    assert "has 101 characters; give at most 100" in refusal(config() | {"figures": {"x" * 101: CURVES}})
    named = config() | {"figures": {"x" * 100: CURVES}}
    named["experiments"] = {"y" * 100: named["experiments"]["try"] | {"sweep": [{"name": "z" * 64, "epsilon": 0.5}]}}
    named["figures"]["x" * 100] = CURVES | {"experiments": ["y" * 100]}
    for path in Plan(named).targets():
        assert all(len(f".{part}.4194304.parquet".encode()) <= 255 for part in Path(path).parts)


def test_every_variant_stands_in_a_table_with_all_its_settings() -> None:
    sweep = [{"name": "one", "epsilon": 0.5, "label": "ε = ½"}, {"coding.name": "additive"}]
    one, two = table(load(config(sweep=sweep)))
    assert (one["experiment"], one["variant"], one["label"]) == ("try", "one", "ε = ½")
    assert one["agent.coding.tilings"] == 8
    assert one["agent.epsilon"] == 0.5
    assert two["variant"] == "coding.name=additive"
    assert "agent.coding.tilings" not in two


# Numbers.


@pytest.mark.parametrize(
    "agent", [{"pixel_scale": 1e-320}, {"pixel_scale": 0.5}, {"adam_epsilon": 1e-320}, {"gradient_clip": 1e300},
              {"step_size": 1e-320}, {"gradient_clip": 1e-310}, {"step_size_end": 5e-324},
              {"updates_per_step": 1e-300}],
)  # fmt: skip
def test_numbers_that_single_precision_has_no_room_for(agent: dict[str, Any]) -> None:
    (key,) = agent
    assert key in refusal(deep(**agent))


def test_bounds_that_no_tile_has_room_for() -> None:
    car = {"name": "gymnasium", "id": "MountainCar-v0", "low": [-1e308, -1.0], "high": [1e308, 1.0]}
    agent = LINEAR | {"name": "true-online-sarsa-lambda", "trace_decay": 0.9}
    assert "low: -1e+308 is out of the range" in refusal(config(environment=car, agent=agent))


def test_agent_that_never_learns_is_refused() -> None:
    line = refusal(config(**deep()["experiments"]["try"] | {"steps": 2000}))
    assert "dqn learns nothing in 2000 steps, since its warm-up takes 5000" in line
    assert load(config(**deep(warm_up=1999)["experiments"]["try"] | {"steps": 2000}))


# Games without pictures.


def test_games_that_draw_nothing_are_not_filmed() -> None:
    import gymnasium as gym
    from gymnasium.envs.classic_control.cartpole import CartPoleEnv

    class Blind(CartPoleEnv):
        metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's)

    gym.register("Blind-v0", Blind, max_episode_steps=10)  # type: ignore[arg-type]
    environment = {"name": "gymnasium", "id": "Blind-v0"}
    agent = {"name": "dqn", "network": "mlp"}
    whole = config(environment=environment, agent=agent, steps=6000, episodes=None)
    assert load(whole)
    line = refusal(whole | {"videos": {"try": {"seed": 0, "caption": "c"}}})
    assert "videos.try: Blind-v0, which try plays, cannot be drawn" in line
    gym.registry.pop("Blind-v0")


# Memory.


@given(dimensions=st.integers(1, 4), tiles=st.integers(1, 6), tilings=st.integers(1, 6), size=st.integers(1, 5000))
def test_codings_have_the_features_that_are_counted(dimensions: int, tiles: int, tilings: int, size: int) -> None:
    grids: dict[str, Any] = {"tiles": tiles, "tilings": tilings}
    kinds: list[Any] = [
        Additive(name="additive", tiles=tiles), Tiled(name="tiled", **grids),
        Hashed(name="hashed", size=size, **grids), IndexHashed(name="index-hashed", size=size, **grids),
    ]  # fmt: skip
    for coding in kinds:
        made = tile_coding.make((0.0,) * dimensions, (1.0,) * dimensions, **coding.model_dump())
        assert memory.features(coding, dimensions) == made.features
        arrays = [made.places] if isinstance(made, tile_coding.IndexHashed) else []
        assert memory.coding_bytes(coding, dimensions) >= sum(array.nbytes for array in arrays)


def test_tiles_over_many_dimensions_are_refused_with_their_size() -> None:
    lander = {"name": "gymnasium", "id": "LunarLander-v3", "low": [-1.0] * 8, "high": [1.0] * 8}
    agent = LINEAR | {"name": "true-online-sarsa-lambda", "trace_decay": 0.9}
    line = refusal(config(environment=lander, agent=agent))
    assert "agent.coding: 26,771,144,400 features take 3,4" in line  # 8 * 10 * 11 * 13 * 15 * 17 * 19 * 21 * 23
    hashed = agent | {"coding": {"name": "hashed", "size": 4096}}
    assert load(config(environment=lander, agent=hashed))
    one = LINEAR | {"coding": {"name": "tiled", "tiles": 1000, "tilings": 1000}}
    assert "1,005,006,000 features take 145 GB" in refusal(config(agent=one))


LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "weights": ("train_linear", {"agent": LINEAR | {"coding": {"name": "hashed", "size": 100_000_000}}, "seeds": 100}),
    "places": ("train_linear", {
        "agent": LINEAR | {"coding": {"name": "index-hashed", "tiles": 1000, "tilings": 1000}}}),
    "episodes": ("train_linear", {"episodes": 10_000_000, "seeds": 100}),
    "scores": ("final_scores", {"episodes": 10_000_000, "seeds": 100}),
    "minibatch": ("train_agent", deep(batch_size=4096, warm_up=20_000)["experiments"]["try"] | {
        "environment": {"name": "atari", "game": "pong", "image_size": 208, "stack": 16}, "steps": 50_000}),
    "rollout": ("train_agent", deep()["experiments"]["try"] | {
        "agent": {"name": "actor-critic", "rollout_steps": 4096, "games": 256}, "steps": 100_000_000}),
    "units": ("train_agent", deep(network="mlp", units=[4096] * 10)["experiments"]["try"] | {
        "environment": {"name": "gymnasium", "id": "CartPole-v1"}}),
}  # fmt: skip


@pytest.mark.parametrize("case", LARGE)
def test_large_jobs_are_counted(case: str) -> None:
    rule, changes = LARGE[case]
    plan = Plan(config(**changes))
    assert needs.memory(plan, rule, SimpleNamespace(**plan.runs()[0])) > 15_000


def test_large_data_sets_encoders_evaluations_and_figures_are_counted() -> None:
    pong = {"name": "atari", "game": "pong"}
    whole = deep() | {"evaluation": {"episodes": 10_000}}
    whole["datasets"] = {"many": {"environment": pong, "size": 10_000_000}}
    codes = {"environment": {"name": "frames", "dataset": "many"}, "agent": {"name": "auto-encoder", "latents": 4096}}
    whole["experiments"]["codes"] = codes | {"epochs": 1, "seeds": 50}
    frames = {"name": "frames", "dataset": "many"}
    for name, features in {
        "latent": {"name": "latents", "encoder": {"experiment": "codes"}}, "wide": {"name": "pixels", "side": 84},
    }.items():  # fmt: skip
        agent = {"name": "dense-true-online-td-lambda", "features": features, "step_size": 0.01, "trace_decay": 0.9}
        whole["experiments"][name] = {"environment": frames, "agent": agent, "epochs": 1, "seeds": 1}
    place = {"title": "T", "caption": "C"}
    whole["figures"] = {
        "values": {"kind": "value-estimates", "experiments": ["try"], **place},
        "space": {"kind": "latent-space", "experiments": ["codes"], **place},
    }
    plan = Plan(whole)
    of: Callable[..., SimpleNamespace] = lambda **names: SimpleNamespace(variant="default", seeds="0", **names)  # noqa: E731
    assert needs.memory(plan, "dataset", of(dataset="many")) > 20_000
    for rule, name in (("train_encoder", "codes"), ("encode", "codes")):
        assert needs.memory(plan, rule, of(experiment=name)) > 10_000
    for name in ("latent", "wide"):  # four thousand numbers of each frame and more
        assert needs.memory(plan, "predict", of(experiment=name)) > 8 * 4096 * 10 + 14_000
    assert needs.memory(plan, "evaluate", of(experiment="try")) > 9000  # recordings; few games at a time
    for name in ("values", "space"):
        assert needs.memory(plan, "figure", of(figure=name)) > 3_000
    assert needs.memory(plan, "encoder_scores", of()) > 3_000


def test_job_that_the_machine_has_no_memory_for_is_refused_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(config(**LARGE["weights"][1]))
    jobs = [SimpleNamespace(rule=SimpleNamespace(name=name), wildcards=SimpleNamespace(**plan.runs()[0]))
            for name in ("train_linear", "config")]  # fmt: skip
    for job in jobs:
        job.wildcards = Wildcards(plan.runs()[0])
    workflow = SimpleNamespace(dag=SimpleNamespace(needrun_jobs=lambda: jobs))
    monkeypatch.setattr(
        startup.memory_limits, "shared", lambda: iter([(10**15, "here"), (20 * 10**9, "on this machine")])
    )
    with pytest.raises(
        Exception, match=r"train_linear try default 0-99 needs about 485.\d GB of memory\nOnly 20.0 GB are"
    ):
        startup.check_memory(plan, workflow)
    monkeypatch.setattr(startup.memory_limits, "shared", lambda: iter([(10**12, "on this machine")]))
    startup.check_memory(plan, workflow)


class Wildcards(list[str]):
    """As Snakemake has them: a list of values, and attributes."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values.values())
        vars(self).update(values)


# Many variants.


def iterations(run: Callable[[], object]) -> int:
    """Lines of this library that are run, each round of a loop or comprehension among them."""
    count = 0

    def trace(frame: Any, _event: str, _argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace if "rlgames" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def test_work_grows_with_the_number_of_variants_and_not_with_its_square(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all that happens to a config before its first job: 20,000 variants take some ten seconds, and 150 MB."""
    monkeypatch.chdir(tmp_path)

    def work(count: int) -> None:
        sweep = {"step_size": [round(0.001 * (number + 1), 6) for number in range(count)], "n": [1, 2]}
        plan = Plan(drawn(SWEEP | {"x": "step_size", "curves": "n"}, sweep=sweep, seeds=300))
        assert len(plan.targets()) > 8 * count
        for run in (SimpleNamespace(**each) for each in plan.runs()):
            for ask in (plan.run_spec, plan.run_modules, plan.run_code, plan.first_weights, plan.encoder):
                ask(run)
            needs.megabytes(plan, "train_linear", run, 1)
            needs.minutes(plan, "train_linear", run, 1)
        plan.figure_spec("it")
        plan.config_meaning()
        words.caption(plan, "it")
        words.notices(plan)

    work(2)  # what is only done once
    few, many = (iterations(lambda count=count: work(count)) for count in (15, 60))  # type: ignore[misc]
    assert many < 4.4 * few
