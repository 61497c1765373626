"""Readouts, scores and figures of auto-encoders, from small tables worked out by hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from rlgames.encoders.readout import encoder_scores, readout, readout_error
from rlgames.figures import encoder_errors, encoder_losses, latent_sizes, latent_space, reconstructions

LINE = np.arange(10.0)
TRAINING = np.arange(20) < 10


def test_readout_by_hand() -> None:
    """Fitted: 1 + 2x. Tested on values that lie 1 above and 1 below it: R² = 1 - 10 / 320."""
    latents = np.concatenate([LINE, LINE])[:, None]
    quantity = 1 + 2 * latents[:, 0]
    assert readout(latents, quantity, TRAINING, ~TRAINING) == pytest.approx(1)
    quantity[10:] += [1, -1] * 5
    assert readout(latents, quantity, TRAINING, ~TRAINING) == pytest.approx(1 - 10 / 320)
    assert readout_error(latents, quantity, TRAINING, ~TRAINING) == pytest.approx(1)  # an R² of .97, and a pixel off
    assert readout(latents, quantity, TRAINING, TRAINING) == pytest.approx(1)


def test_readout_leaves_out_what_is_not_on_the_screen() -> None:
    latents = np.concatenate([LINE, LINE, [1000, 1000]])[:, None]
    quantity = np.append(1 + 2 * latents[:20, 0], [np.nan, np.nan])
    training, test = np.append(TRAINING, [True, False]), np.append(~TRAINING, [False, True])
    assert readout(latents, quantity, training, test) == pytest.approx(1)
    quantity[0] = np.nan
    assert np.isnan(readout(latents, quantity, training, test))  # nine are too few
    assert np.isnan(readout_error(latents, quantity, training, test))


def test_noise_cannot_be_read_out() -> None:
    stream = np.random.default_rng(0)
    latents, quantity, training = stream.normal(size=(4000, 3)), stream.normal(size=4000), np.arange(4000) < 2000
    assert abs(readout(latents, quantity, training, ~training)) < 0.01


def few_rows(**changes: Any) -> pd.DataFrame:
    """A training frame and five test frames."""
    columns = {
        "experiment": "encoder", "variant": "v", "seed": 0, "part": ["training"] + ["test"] * 5,
        "called": "latents", "numbers": [np.zeros(7, np.float32)] * 6, "error": [0.5, 0.1, 0.2, 0.3, 0.4, 0.5],
        "moving_error": [9.0, np.nan, 0.2, 0.4, np.nan, np.nan],
    }  # fmt: skip
    return pd.DataFrame(columns | changes)


def test_scores_by_hand() -> None:
    positions = {
        "ball_x": [1.0, 1.0, 1.0, 1.0, 1.0, np.nan],
        "ball_distance": [0.0, 0.5, 2.0, 2.5, np.inf, np.nan],  # 2 of 4; that of the training frame does not count
        "ball_distance_original": [9.0, 0.0, 0.0, 0.0, np.inf, np.nan],
    }
    scores = encoder_scores(pd.concat([few_rows(**positions), few_rows(experiment="another", seed=3, error=0.25)]))
    assert scores["experiment"].tolist() == ["encoder", "another"]  # as they came
    assert scores["seed"].tolist() == [0, 3]
    first, second = scores.to_dict("records")
    assert (first["numbers"], first["test_frames"]) == (7, 5)
    names = ["error", "moving_error", "training_error", "ball_found", "ball_found_in_original"]
    assert [first[name] for name in names] == pytest.approx([0.3, 0.3, 0.5, 0.5, 0.75])
    assert [second[name] for name in names] == pytest.approx([0.25, 0.3, 0.25, np.nan, np.nan], nan_ok=True)
    assert np.isnan(first["r2_ball_x"])  # too few rows
    assert "r2_player_y" not in scores
    assert list(encoder_scores(few_rows()))[-1] == "training_error"  # a game without positions


def losses(curve: str, seed: int, held_out: list[float], weight: float = 1.0) -> pd.DataFrame:
    """Training losses are half of the held-out ones."""
    return pd.DataFrame(
        {"curve": curve, "moving_weight": weight, "ignore_still": False, "penalised": False, "seed": seed,
         "epoch": range(1, len(held_out) + 1),
         "training": np.array(held_out) / 2, "held_out": held_out}
    )  # fmt: skip


def test_losses_by_hand() -> None:
    table = [losses("a", 0, [4, 2, 2, 3]), losses("a", 1, [6, 1]), losses("b", 0, [0.01, 0.02], weight=9.0)]
    figure, numbers = encoder_losses.make({"losses": pd.concat(table, ignore_index=True)}, title="T")
    figure.draw_without_rendering()
    kept = numbers[numbers["kept"]]
    assert kept[["curve", "seed", "epoch", "held_out"]].to_numpy().tolist() == [["a", 0, 2, 2.0], ["a", 1, 2, 1.0],
                                                                               ["b", 0, 1, 0.01]]  # fmt: skip
    mean = numbers[numbers["seed"] == "mean"]  # where both seeds have a loss
    assert mean[["curve", "epoch", "training", "held_out"]].to_numpy().tolist() == [["a", 1, 2.5, 5.0],
                                                                                   ["a", 2, 0.75, 1.5]]  # fmt: skip
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "training frames", "held-out frames"]
    assert "faint: single seeds" in figure.get_supxlabel()
    assert "different measures" in figure.get_supxlabel()


def test_losses_of_one_seed_and_one_epoch() -> None:
    figure, numbers = encoder_losses.make({"losses": losses("a", 0, [0.5])}, title="T")
    figure.draw_without_rendering()
    assert numbers["kept"].tolist() == [True]
    assert figure.get_supxlabel().count("\n") == 0
    diverged = losses("a", 0, [np.nan, np.nan])
    encoder_losses.make({"losses": diverged}, title="T")[0].draw_without_rendering()


def encoding(
    curve: str = "a", *, seed: int = 0, latents: int = 4, positions: bool = True, **place: Any
) -> pd.DataFrame:
    """Thirty training and thirty test frames; everything can be read out exactly, and half of the balls are found."""
    values = np.random.default_rng(seed).normal(size=(60, latents))
    rows = pd.DataFrame(
        {"experiment": "encoder", "variant": curve, "curve": curve, "seed": seed, "row": range(60),
         "part": ["training"] * 30 + ["test"] * 30, "episode": 1, "step": range(60),
         "called": "latents", "numbers": list(values),
         "error": 0.01, "moving_error": [0.1, np.nan] * 30, "latent_count": latents, "split": "random",
         "moving_weight": 1.0, "ignore_still": False, "shown": None, "original": None, "reconstruction": None}
    ).assign(**place)  # fmt: skip
    if positions:
        distances = np.array([0.0, 1.0, 3.0, np.inf, np.nan] * 12)
        place_of = {name: 40 + values @ np.arange(1, latents + 1) for name in ("ball_x", "ball_y", "player_y")}
        rows = rows.assign(**place_of, ball_distance=distances, ball_distance_original=distances / 2)
        rows.loc[np.isnan(distances), ["ball_x", "ball_y"]] = np.nan
    return rows


def points() -> pd.DataFrame:
    """Frames in which the second of two points is 1 pixel right of the ball and then 3 below it, in turn; the first one
    is always at the top left. The paddles are where the second point is."""
    places = np.random.default_rng(0).uniform(5, 30, (60, 2))
    off = np.tile([[1.0, 0.0], [0.0, 3.0]], (30, 1))
    found = np.concatenate([np.tile([0.0, 0.0, 1.0], (60, 1)), places + off, np.ones((60, 1))], axis=1)
    known = {"ball_x": places[:, 0], "ball_y": places[:, 1], "player_y": (places + off)[:, 1], "opponent_y": np.nan}
    rows = pd.DataFrame(
        {"experiment": "points", "variant": "default", "curve": "points", "seed": 0, "error": 0.0, "moving_error": 0.0,
         "size": 84, "part": ["training"] * 20 + ["test"] * 20 + ["other"] * 20, "called": "points", **known}
    )  # fmt: skip
    return rows.assign(numbers=list(found))


def test_points_are_judged_by_the_one_that_is_nearest_in_training() -> None:
    scores = encoder_scores(points()).set_index("frames")
    for frames in ("test", "other"):
        assert list(scores.loc[frames, ["median_ball", "within_ball"]]) == pytest.approx([2.0, 0.5])
        assert list(scores.loc[frames, ["median_player", "within_player"]]) == pytest.approx([0.0, 1.0])
    assert scores[["median_opponent", "within_opponent"]].isna().all(axis=None)
    assert scores["test_frames"].tolist() == [20, 20]


def test_latents_are_judged_by_where_a_linear_readout_puts_things() -> None:
    (score,) = encoder_scores(encoding("exact")).to_dict("records")
    assert score["median_player"] == pytest.approx(0, abs=1e-9)
    assert score["within_player"] == 1


def test_encoder_errors_by_hand() -> None:
    table = pd.concat([points(), encoding("latents").assign(size=84)], ignore_index=True)
    figure, numbers = encoder_errors.make({"encoding": table}, title="T")
    figure.draw_without_rendering()
    found = numbers.set_index(["curve", "frames", "thing", "score"])["value"]
    assert found["points", "other", "ball", "median"] == pytest.approx(2.0)
    assert found["latents", "test", "player", "within"] == 1
    assert ("latents", "other", "ball", "median") not in found
    medians, shares, *_ = figure.axes
    assert [axes.get_title() for axes in figure.axes[::2]][:2] == ["Ball", "Player"]
    assert [text.get_text() for text in medians.get_yticklabels()] == ["points", "latents"]
    assert medians.get_shared_y_axes().joined(medians, shares)
    half_a_paddle: Any = medians.get_lines()[-1].get_xdata()
    assert half_a_paddle == pytest.approx([84 * 8 / 210] * 2)


def test_latent_sizes_by_hand() -> None:
    table = [encoding("a", latents=2, error=0.5), encoding("b", error=0.02), encoding("b", seed=1, error=0.04),
             encoding("weighted", moving_weight=9.0), encoding("moved", moving_weight=9.0, ignore_still=True),
             encoding("by episode", split="episode")]  # fmt: skip
    figure, numbers = latent_sizes.make({"encoding": pd.concat(table, ignore_index=True)}, title="T")
    figure.draw_without_rendering()
    keys = ["quantity", "moving_weight", "ignore_still", "split", "numbers"]
    found = numbers.set_index(keys).sort_index()
    columns = ["value", "low", "high", "seeds"]
    assert list(found.loc[("error", 1.0, False, "random", 2), columns]) == pytest.approx([0.5, 0.5, 0.5, 1])
    assert list(found.loc[("error", 1.0, False, "random", 4), columns]) == pytest.approx([0.03, 0.02, 0.04, 2])
    assert found.loc[("moving_error", 9.0, False, "random", 4), "value"] == pytest.approx(0.1)
    assert found.loc[("ball_found", 1.0, False, "episode", 4), "value"] == pytest.approx(0.5)
    assert found.loc[("ball_found_in_original", 1.0, False, "random", 2), "value"] == pytest.approx(0.75)
    off = numbers["value"][numbers["quantity"].str.startswith("pixels")]
    assert off.tolist() == pytest.approx([0] * 15, abs=1e-9)  # read out exactly
    errors, balls, readouts = figure.axes
    assert [text.get_text() for text in errors.get_xticklabels()] == ["2", "4"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "plain loss,\nsplit by episode", "plain loss", "moving pixels × 9", "moving pixels × 9,\nstill ones × 0",
    ]  # fmt: skip
    plain, weighted = figure.legends[0].get_lines()[1:3]
    assert plain.get_markerfacecolor() == "white"
    assert weighted.get_markerfacecolor() == weighted.get_color()
    assert plain.get_marker() != weighted.get_marker()
    assert {line.get_label() for line in balls.lines} >= {"in originals", "in originals, split by episode"}
    assert (readouts.get_ylim()[0], readouts.get_ylabel()) == (0, "Error of a linear readout (pixels)")


def test_latent_sizes_without_positions() -> None:
    figure, numbers = latent_sizes.make({"encoding": encoding(positions=False)}, title="T")
    figure.draw_without_rendering()
    assert len(figure.axes) == 1
    assert numbers["quantity"].tolist() == ["error", "moving_error"]


def test_latent_space_by_hand() -> None:
    """Latents (±3, 0, 0) and (0, ±1, 0): a variance of 9 along the first component and of 1 along the second."""
    corners = np.array([[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
    rows = pd.concat([encoding().iloc[30:34].assign(part=part) for part in ("training", "test")], ignore_index=True)
    rows["numbers"] = [*corners, *corners]
    another = encoding("b", seed=1)
    table = pd.concat([rows, another, another.assign(seed=2)], ignore_index=True)
    figure, numbers = latent_space.make({"encoding": table}, title="T")
    figure.draw_without_rendering()
    first = numbers[numbers["curve"] == "a"]
    assert first["first"].abs().tolist() == pytest.approx([3, 3, 0, 0])
    assert first["second"].abs().tolist() == pytest.approx([0, 0, 1, 1])
    assert first["first_share"].iloc[0] == pytest.approx(0.9)
    assert first["second_share"].iloc[0] == pytest.approx(0.1)
    assert numbers["seed"].tolist() == [0] * 4 + [1] * 30  # one seed of each curve
    labels = {axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes}
    assert labels >= {"First component (90%)", "Ball x (pixels)", "Ball y (pixels)"}


def test_latent_space_without_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_space, "POINTS", 3)
    figure, numbers = latent_space.make({"encoding": encoding(positions=False)}, title="T")
    figure.draw_without_rendering()
    assert numbers["step"].tolist() == [30, 44, 59]
    assert [axes.get_ylabel() for axes in figure.axes][1] == "Step in the episode"
    assert "grey" not in figure.get_supxlabel()


def test_latent_space_of_an_encoder_that_tells_nothing_apart() -> None:
    table: Any = encoding()
    table["numbers"] = list(np.zeros((60, 4), np.float32))
    figure, numbers = latent_space.make({"encoding": table}, title="T")
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlabel() == "First component (0%)"
    assert set(numbers["first"]) == {0}


def png(value: int) -> bytes:
    return cv2.imencode(".png", np.full((6, 6), value, np.uint8))[1].tobytes()


@pytest.mark.parametrize("positions", [True, False])
def test_reconstructions_show_typical_and_worst_frames(positions: bool) -> None:
    rows = encoding(positions=positions)
    rows["shown"] = [None] * 30 + ["worst"] + ["typical"] * 5 + [None] * 24
    pictured = rows["shown"].notna()
    rows["original"] = [png(100) if shown else None for shown in pictured]
    rows["reconstruction"] = [png(130) if shown else None for shown in pictured]
    table = pd.concat([rows, rows.assign(seed=1), rows.assign(curve="b").iloc[:32]], ignore_index=True)
    figure, numbers = reconstructions.make({"encoding": table}, title="T")
    figure.draw_without_rendering()
    assert numbers["shown"].tolist() == ["typical"] * 4 + ["worst"] + ["typical", "worst"]
    assert numbers["row"].tolist() == [31, 32, 33, 34, 30, 31, 30]
    assert set(numbers["seed"]) == {0}
    assert ("ball_distance" in numbers) == positions
    panels = figure.subfigs[0].axes
    assert len(panels) == 15
    shown = [int(np.asarray(panels[place].images[0].get_array())[0, 0]) for place in (0, 5, 10)]
    assert shown == [100, 130, 30]
    words = ["ball found (1.0 px)", "ball misplaced (3.0 px)", "ball missing", "no ball", "ball found (0.0 px)"]
    titles = [axes.get_title().split("\n") for axes in panels[:5]]
    assert titles[0][:2] == ["typical", "error 0.01"]
    assert [title[2:] for title in titles] == ([[word] for word in words] if positions else [[]] * 5)
