"""The auto-encoder: its loss, its training, and what is measured of its reconstructions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlgames.encoders import dataset, frames, reconstruction
from rlgames.encoders.training import Training
from rlgames.messages import UserError
from rlgames.networks import autoencoder, numerics
from rlgames.networks.autoencoder import Encoder
from rlgames.networks.encoder import Learner
from rlgames.networks.foreground import PixelWeights
from rlgames.settings.encoders import AutoEncoder as Settings

SIZE = 36


@pytest.fixture(scope="module", autouse=True)
def _processor() -> None:
    numerics.set_up()


def moving_dot(count: int, size: int = SIZE) -> np.ndarray:
    """Pictures of a bright dot somewhere on a grey background."""
    rng = np.random.default_rng(0)
    pictures = np.full((count, size, size), 87, np.uint8)
    for picture, (row, column) in zip(pictures, rng.integers(4, size - 4, (count, 2)), strict=True):
        picture[row : row + 2, column : column + 2] = 236
    return pictures


def model(size: int = SIZE, latents: int = 4, *, ignore_still: bool = False) -> Encoder:
    pixels = PixelWeights.of(moving_dot(50, size), 30.0, ignore_still=ignore_still)
    one = Encoder(pixels, {"latents": latents})
    one.initialise(np.random.default_rng(0))
    return one


def learner(one: Encoder) -> Learner:
    learning = Learner(one)
    learning.begin(np.random.default_rng(0))
    return learning


def test_typical_picture_and_importance_by_hand() -> None:
    """One pixel differs in a quarter of four frames, one in half of them, one by too little."""
    pictures = np.full((4, 4, 4), 100, np.uint8)
    pictures[0, 0, 0] = 200
    pictures[1:3, 1, 1] = 0
    pictures[0, 2, 2] = 108
    typical, importance, _ = PixelWeights.of(pictures, 3)
    assert typical[0, 0] == 100
    assert importance[0, 0] == 3  # of four, at most three
    assert (importance[2, 2], importance[3, 3]) == (3, 3)
    importance = PixelWeights.of(pictures, 100).importance
    assert (importance[0, 0], importance[2, 2]) == (4, 4)


def test_importance_of_a_pixel_that_moves_in_most_frames_is_small() -> None:
    pictures = np.full((4, 4, 4), 100, np.uint8)
    pictures[0, 1, 1] = 0
    pictures[1, 1, 1] = 255
    assert PixelWeights.of(pictures, 100).importance[1, 1] == 2
    assert (PixelWeights.of(pictures, 1).importance == 1).all()


@pytest.mark.parametrize("size", [36, 44, 48, 84])
def test_reconstructions_have_the_size_of_the_originals(size: int) -> None:
    one = model(size)
    assert one.reconstruct(moving_dot(3, size)).shape == (3, size, size)
    assert one.encode(moving_dot(3, size)).shape == (3, 4)


def test_loss_by_hand() -> None:
    """Without weights the decoder draws the typical picture, and all that is left is the dot."""
    one = model()
    for variable in one.weights:
        variable.assign(np.zeros(variable.shape, np.float32))
    pictures = moving_dot(5)
    assert np.array_equal(one.reconstruct(pictures), np.broadcast_to(one.typical, pictures.shape).astype(np.float32))
    dots = pictures == 236
    expected = [(one.pixels.importance[dot] * ((236 - 87) / 255) ** 2).sum() / SIZE**2 for dot in dots]
    np.testing.assert_allclose(one.losses(pictures, pictures), expected, rtol=1e-5)


def test_what_stands_still_and_odd_frames_cost_nothing_if_so_wanted() -> None:
    """Nothing is drawn again. The dot moved in one frame, stayed in another; a third has another background."""
    one = model(ignore_still=True)
    for variable in one.weights:
        variable.assign(np.zeros(variable.shape, np.float32))
    pictures = np.full((3, SIZE, SIZE), 87, np.uint8)
    pictures[2] = 120
    pictures[:, 10, 20] = 236
    previous = np.full((3, SIZE, SIZE), 87, np.uint8)
    previous[1, 10, 20] = 236
    moved = one.pixels.importance[10, 20] * ((236 - 87) / 255) ** 2 / SIZE**2
    np.testing.assert_allclose(one.losses(pictures, previous), [moved, 0, 0], rtol=1e-5)
    assert one.losses(pictures, pictures).tolist() == [0, 0, 0]


def test_tiny_auto_encoder_overfits_32_frames() -> None:
    pictures = moving_dot(32)
    one = model(latents=16)
    learning = learner(one)
    before = one.losses(pictures, pictures).mean()
    for _ in range(400):
        learning.update(pictures, pictures, 2e-3)
    assert one.losses(pictures, pictures).mean() < 0.02 * before
    drawn = one.reconstruct(pictures).round()
    assert np.abs(drawn - pictures).max() < 60  # the dot is 149 above its background


def test_latents_of_a_saved_encoder_equal_those_from_memory(tmp_path: Path) -> None:
    one = model()
    learner(one).update(moving_dot(8), moving_dot(8), 1e-3)
    np.savez(tmp_path / "weights.npz", allow_pickle=False, **one.to_arrays())
    again = autoencoder.load(tmp_path / "weights.npz")
    assert np.array_equal(again.encode(moving_dot(5)), one.encode(moving_dot(5)))
    assert np.array_equal(again.reconstruct(moving_dot(5)), one.reconstruct(moving_dot(5)))


@pytest.mark.parametrize("damage", ["cut", "other", "missing"])
def test_weights_of_something_else_are_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "weights.npz"
    if damage == "cut":
        np.savez(path, allow_pickle=False, **model().to_arrays())
        path.write_bytes(path.read_bytes()[:-5000])
    elif damage == "other":
        np.savez(path, allow_pickle=False, weight_0=np.zeros(3))
    with pytest.raises(UserError, match=r"weights\.npz is damaged, or not what it should be.* run the same make again"):
        autoencoder.load(path)


@pytest.fixture(scope="module")
def some_frames(tmp_path_factory: pytest.TempPathFactory) -> frames.Frames:
    path = tmp_path_factory.mktemp("frames") / "frames.parquet"
    pictures = map(frames.encode, moving_dot(300))
    rows = ((row // 50, row % 50, png, bytes(128), row % 3, 0.0, False) for row, png in enumerate(pictures))
    frames.write(rows, path)
    return frames.Frames(path)


def training_of(found: frames.Frames, epochs: int = 3, **changes: Any) -> Training:
    settings = Settings.model_validate({"name": "auto-encoder", "latents": 4, "batch_size": 32, **changes})
    return Training({"agent": autoencoder}, found, 0, settings.model_dump(), epochs)


def test_no_frame_is_both_learned_from_and_held_out_or_tested(some_frames: frames.Frames) -> None:
    one = training_of(some_frames)
    learning, test = dataset.split(some_frames.episodes, "random")
    assert set(one.rows) | set(one.held_out) == set(learning)
    assert not set(one.rows) & set(one.held_out)
    assert len(one.held_out) == 21
    assert not set(learning) & set(test)


def test_an_epoch_sees_every_frame_once(some_frames: frames.Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    one, seen, pictures = training_of(some_frames), [], some_frames.pictures

    def note(rows: np.ndarray) -> np.ndarray:
        seen.append(rows)
        return pictures(rows)

    monkeypatch.setattr(some_frames, "pictures", note)
    for _ in range(one.minibatches):
        one.advance()
    assert (one.epoch, one.minibatch, len(one.losses)) == (1, 0, 1)
    assert sorted(np.concatenate(seen[:-1])) == sorted(one.rows)
    assert sorted(seen[-1]) == sorted(one.held_out)


@pytest.mark.parametrize(("trials", "killed_at"), [(1, 8), (2, 3), (2, 9), (2, 14), (2, 21)])
def test_restored_in_the_middle_of_an_epoch_it_gives_the_same_bits(
    some_frames: frames.Frames, trials: int, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or of the first or second trial of 7 minibatches, or right after them. An epoch has 6."""
    monkeypatch.setattr("rlgames.encoders.training.TRIAL", 7)
    training = partial(training_of, trials=trials, ignore_still=True, step_size_end=1e-5)
    whole, first = training(some_frames), training(some_frames)
    while not whole.finished:
        whole.advance()
    for _ in range(killed_at):
        first.advance()
    again = training(some_frames)
    played: list[tuple[int, int]] = []
    again.restore({name: np.array(array) for name, array in first.state().items()}, lambda *done: played.append(done))
    assert played == []  # a data set needs no playing again
    assert again.done == first.done == killed_at
    assert again.total == whole.total == 18 + 14 * (trials > 1)
    while not again.finished:
        again.advance()
    assert again.losses == whole.losses
    expected, found = whole.result(), again.result()
    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_the_initial_weights_with_the_lowest_loss_learn(
    some_frames: frames.Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlgames.encoders.training.TRIAL", 2)
    one = training_of(some_frames, trials=3)
    found = iter([3.0, 1.0, 2.0])
    one.held_out_loss = lambda: next(found)  # type: ignore[method-assign]
    begun = []
    while one.trying:
        if one.minibatch == 0:
            begun.append(one.model.to_arrays()["weight_0"])
        one.advance()
    assert one.trials == [3.0, 1.0, 2.0]
    assert (one.epoch, one.minibatch) == (0, 0)
    np.testing.assert_array_equal(one.model.to_arrays()["weight_0"], begun[1])
    assert len({each.tobytes() for each in begun}) == 3
    assert not one.learner.variables()["first_moment.0"].numpy().any()


def test_the_step_size_falls_over_all_epochs(some_frames: frames.Frames) -> None:
    one = training_of(some_frames, epochs=2, step_size=1e-3, step_size_end=1e-4)
    sizes = []
    while not one.finished:
        sizes.append(one.step_size)
        one.advance()
    np.testing.assert_allclose(sizes, np.linspace(1e-3, 1e-4, 13)[:-1])


def test_it_stops_when_nothing_gets_better_and_keeps_the_best(some_frames: frames.Frames) -> None:
    one = training_of(some_frames, epochs=50, patience=2)
    held_out, value = iter([5.0, 3.0, 4.0, 3.5]), 0.0
    one.model.losses = lambda pictures, _: np.full(len(pictures), value)
    kept = {}
    while not one.finished:
        if one.minibatch == 0:
            value = next(held_out)
        one.advance()
        if one.minibatch == 0:
            kept[one.epoch] = one.model.to_arrays()
    assert (one.epoch, one.best_epoch) == (4, 2)
    result = one.result()
    assert np.array_equal(result["weight_0"], kept[2]["weight_0"])
    assert not np.array_equal(result["weight_0"], kept[4]["weight_0"])


def test_it_stops_when_it_diverges(some_frames: frames.Frames) -> None:
    one = training_of(some_frames)
    one.learner.model.weights[0].assign(np.full(one.model.weights[0].shape, np.nan, np.float32))
    while not one.finished:
        one.advance()
    assert one.diverged
    assert one.epoch == 1


def test_errors_by_hand() -> None:
    """A pixel of 51 grey levels is wrong altogether, and another one by half of that."""
    typical = np.zeros((4, 4), np.uint8)
    originals = np.zeros((2, 4, 4), np.uint8)
    originals[0, 0, 0] = 51
    drawn = np.zeros((2, 4, 4), np.float32)
    drawn[0, 1, 1] = 25.5
    error, moving = reconstruction.errors(originals, drawn, typical)
    np.testing.assert_allclose(error, [(0.2**2 + 0.1**2) / 16, 0])
    np.testing.assert_allclose(moving, [0.2**2, np.nan])


def pong_with(*blobs: tuple[int, int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture with blobs (row, column, height, width, level), and the typical one without."""
    typical = np.full((84, 84), 87, np.uint8)
    picture = typical.copy()
    for row, column, height, width, level in blobs:
        picture[row : row + height, column : column + width] = level
    return picture, typical


@pytest.mark.parametrize(
    ("blobs", "found"),
    [
        ([(40, 30, 2, 1, 236)], (30.0, 40.5)),
        ([(40, 30, 2, 1, 236), (60, 50, 2, 2, 120)], (30.0, 40.5)),  # a fainter one
        ([(40, 30, 2, 1, 200), (60, 50, 2, 2, 200)], (50.5, 60.5)),  # as bright, and larger
        ([(40, 74, 7, 2, 236)], None),  # a paddle
        ([(3, 20, 7, 4, 236)], None),  # the score
        ([(40, 30, 2, 1, 100)], None),  # hardly brighter than the background
        ([(40, 30, 2, 1, 0)], None),  # darker
    ],
)
def test_ball_is_the_brightest_moving_blob(blobs: list[Any], found: tuple[float, float] | None) -> None:
    assert reconstruction.find_ball(*pong_with(*blobs), "pong") == found


def test_distance_of_the_ball() -> None:
    picture, typical = pong_with((40, 30, 2, 1, 236))
    x, y = np.array([33.0, 33.0, np.nan]), np.array([44.5, 44.5, np.nan])
    distances = reconstruction.ball_distance(np.stack([picture, typical, picture]), typical, "pong", x, y)
    np.testing.assert_array_equal(distances, [5.0, np.inf, np.nan])
