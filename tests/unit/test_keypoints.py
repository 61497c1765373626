"""The keypoint auto-encoder: what it finds, what its points' motion says, and tiles of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlgames.features import tiled_keypoints
from rlgames.messages import UserError
from rlgames.networks import keypoint_finder, keypoints, numerics
from rlgames.networks.encoder import Learner
from rlgames.networks.foreground import PixelWeights
from rlgames.networks.keypoint_motion import Motion, measure
from rlgames.playing.recording import Recording
from rlgames.settings.environments import Atari

SIZE = 36


@pytest.fixture(scope="module", autouse=True)
def _processor() -> None:
    numerics.set_up()


def squares(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a square of 2 x 2 pixels somewhere on a grey background, and its middle (x, y)."""
    rng = np.random.default_rng(seed)
    pictures, corners = np.full((count, SIZE, SIZE), 87, np.uint8), rng.integers(4, SIZE - 6, (count, 2))
    for picture, (row, column) in zip(pictures, corners.tolist(), strict=True):
        picture[row : row + 2, column : column + 2] = 236
    return pictures, corners[:, ::-1] + 0.5


def encoder(points: int) -> keypoints.Encoder:
    one = keypoints.Encoder(PixelWeights.of(squares(200)[0], 30.0, ignore_still=True), {"points": points})
    one.initialise(np.random.default_rng(0))
    return one


def test_it_finds_what_moves_and_no_other_point_is_there() -> None:
    one = encoder(points=2)
    learning = Learner(one)
    learning.begin(np.random.default_rng(1))
    pictures, _ = squares(2000)
    for start in range(0, 3 * 2000, 32):
        rows = np.arange(start, start + 32) % 2000
        learning.update(pictures[rows], pictures[rows - 1], 5e-3)
    tested, places = squares(300, seed=1)
    found = one.encode(tested).reshape(300, 2, 3)
    off = np.linalg.norm(found[:, :, :2] - places[:, None], axis=2)
    is_there = found[:, :, 2] > 0.5
    assert (np.where(is_there, off, np.inf).min(axis=1) < 0.1).mean() > 0.95
    assert (is_there & (off > 3)).mean() < 0.05
    before = encoder(points=2).losses(tested, pictures[:300]).mean()
    assert one.losses(tested, pictures[:300]).mean() < 0.5 * before  # a box with soft edges is no square


def refined(points: np.ndarray, differences: np.ndarray, one: keypoints.Encoder) -> np.ndarray:
    """`keypoint_finder.refine` in plain NumPy, over whole pictures: points (shape (frames, points, 3))."""

    def bars(middles: np.ndarray, halves: np.ndarray) -> np.ndarray:
        off = (np.arange(one.size) - middles[:, :, np.newaxis]) / 0.5
        wide = halves[:, np.newaxis] / 0.5
        return 1 / (1 + np.exp(-off - wide)) - 1 / (1 + np.exp(-off + wide))

    height, width = np.abs(one.weights[-1].numpy().astype(np.float64)[1:]) + keypoint_finder.MARGIN
    masses = np.abs(differences).astype(np.float64)
    shares = np.einsum("fyx,fpy,fpx->fpyx", masses, bars(points[:, :, 1], height), bars(points[:, :, 0], width))
    mass, places = shares.sum(axis=(2, 3)), np.arange(one.size)
    moved = [shares.sum(axis=axis) @ places / np.maximum(mass, 0.5) for axis in (2, 3)]
    found = mass[:, :, np.newaxis] > 0.5
    return np.where(found, np.stack([*moved, points[:, :, 2]], axis=2), points)


@pytest.mark.parametrize("size", [36, 37])
def test_the_compiled_encoder_finds_what_the_network_that_learns_finds(size: int) -> None:
    """In frames with little on them, with noise all over, up to their edges, and with nothing at all."""
    rng = np.random.default_rng(0)
    typical = rng.integers(0, 256, (size, size), np.uint8)
    pictures = np.tile(typical, (12, 1, 1))
    pictures[0:4, 5:9, 20:22] = pictures[2:6, 30:32, 1:5] = 236
    pictures[4:6, -2:], pictures[6, :, :3] = 10, 200
    pictures[7:10] = rng.integers(0, 256, (3, size, size))
    one = keypoints.Encoder(PixelWeights(typical, np.ones((size, size), np.float32), True), {"points": 5})
    one.initialise(rng)
    differences = (pictures.astype(np.float32) - typical) / 128
    numbers = one.encoded(differences)[0].numpy().reshape(12, 5, 3)
    found = one.encode(pictures)
    np.testing.assert_allclose(found.reshape(12, 5, 3), refined(numbers, differences, one), rtol=1e-5, atol=1e-3)
    for picture, row in zip(pictures, found, strict=True):
        np.testing.assert_array_equal(one.encode(picture[np.newaxis])[0], row)  # whatever frames are beside it
    with pytest.raises(ValueError, match=r"The pictures are \(20, 20\) pixels"):
        one.encode(np.zeros((1, 20, 20), np.uint8))


def test_the_compiled_encoder_is_loaded_from_the_weights_of_a_run(tmp_path: Path) -> None:
    one, path = encoder(points=3), tmp_path / "weights.npz"
    saved: dict[str, Any] = one.to_arrays()
    np.savez(path, **saved)
    pictures, _ = squares(20)
    np.testing.assert_array_equal(keypoint_finder.load(path).encode(pictures), one.encode(pictures))
    np.savez(path, **saved | {"weight_4": np.zeros((5, 3), np.float32)})
    with pytest.raises(UserError, match="no weights of a keypoint encoder"):
        keypoint_finder.load(path)


def test_agents_on_keypoints_need_no_tensorflow(tmp_path: Path) -> None:
    motion = Motion(np.full(2, 0.5, np.float32), np.array([[0, 0.3], [0, 0]]), np.array([[0, 0], [0.9, 0.8]]))
    np.savez(tmp_path / "weights.npz", allow_pickle=False, **encoder(points=2).to_arrays(), **motion._asdict())
    code = (
        "import sys, pathlib, numpy as np\n"
        "from rlgames.features.tiled_keypoints import Features\n"
        "features = Features({'stack': 1}, {'pairs': 1}, pathlib.Path(sys.argv[1]))\n"
        "features.describe(np.zeros((1, 1, features.finder.size, features.finder.size), np.uint8))\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "weights.npz")], check=True)


def test_a_point_is_moved_to_the_middle_of_what_it_covers() -> None:
    """From up to a pixel beside a square, and not at all where there is nothing."""
    halves = np.array([4.0, 3.0], np.float32)
    places, masses = np.array([[10, 20], [10, 21], [11, 20], [11, 21]]), np.full(4, 1.16)
    for x, y in ((20.5, 10.5), (21.2, 9.9), (19.8, 11.3)):
        point = np.array([x, y, 0.9], np.float32)
        keypoint_finder.refine(point, halves, places, masses)
        np.testing.assert_allclose(point, [20.5, 10.5, 0.9], atol=0.15)
    point = np.array([5.0, 30.0, 0.1], np.float32)
    keypoint_finder.refine(point, halves, places, masses)
    np.testing.assert_allclose(point, [5.0, 30.0, 0.1])


def test_a_box_is_drawn_where_the_point_is() -> None:
    one = encoder(points=1)
    one.weights[-1].assign(np.array([[0.5], [2.0], [1.0]], np.float32))  # brightness, half the height, half the width
    drawn = one.drawn(np.array([[20.0, 10.0, 1.0]], np.float32)).numpy()[0]
    assert drawn[10, 20] == drawn.max() == pytest.approx(0.5, rel=0.3)
    assert (drawn > 0.2).sum(axis=0).max() in (3, 4, 5)
    assert (drawn > 0.2).sum(axis=1).max() in (1, 2, 3)
    assert drawn[:5].max() < 1e-3


def test_boxes_begin_wide_and_high_in_turn() -> None:
    """No game's things are all of one shape."""
    *_, boxes = encoder(points=4).weights
    _, height, width = boxes.numpy()
    assert (width / height > 2).tolist() == [True, False, True, False]
    np.testing.assert_array_equal(width, height[::-1])


def test_points_that_are_close_cost_something_and_spread_maps_too() -> None:
    one = encoder(points=2)
    pictures, _ = squares(20)
    differences = (pictures.astype(np.float32) - one.typical) / 128
    _, penalty = one.encoded(differences)
    assert penalty.shape == (20,)
    assert penalty.numpy().min() > 0


def playing(count: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three points: one that the actions move down the frame, one that flies and bounces, one that stands and is seldom
    there."""
    rng = np.random.default_rng(0)
    actions = rng.integers(3, size=count).astype(np.uint8)
    steps = np.array([0, 1, -1])[actions] + rng.normal(0, 0.3, count)
    mine = np.concatenate([[40], 40 + np.cumsum(steps)[:-1]])  # the action is taken after the frame
    flight = np.abs((np.arange(count)[:, None] * [1.7, 1.1]) % 80 - 40)
    points = np.ones((count, 3, 3), np.float32)
    points[:, 0, :2] = np.stack([np.full(count, 70), mine], axis=1) + rng.normal(0, 0.01, (count, 2))
    points[:, 1, :2] = flight
    points[:, 2] = [10, 10, 0.1]
    follows = np.append(np.ones(count - 1, bool), False)
    follows[::500] = False
    return points, actions, follows


def test_motion_tells_what_is_controlled_and_what_flies() -> None:
    points, actions, follows = playing()
    motion = measure(points, actions, follows)
    assert motion.mine() == ([0], 1)
    assert motion.others(1) == [1]
    assert motion.controlled[0, 1] == pytest.approx((2 / 3) / (2 / 3 + 0.3**2), abs=0.02)  # the rest is noise
    assert np.abs(motion.controlled[1]).max() < 0.01
    assert motion.persistence[1].min() > 0.8
    assert not motion.controlled[2].any()


def test_a_thing_may_be_followed_by_several_points_and_by_none() -> None:
    controlled = np.array([[0.3, 0], [0.01, 0.2], [0.16, 0], [0, 0]], np.float32)
    motion = Motion(np.ones(4, np.float32), controlled, np.array([[0, 0], [0.5, 0.1], [0, 0], [0.9, 0.7]], np.float32))
    assert motion.mine() == ([0, 2], 0)
    assert motion.others(5) == [3, 1]  # not the one whose motion does not last
    assert motion.doubts(2) == []


def test_points_that_are_taken_in_want_of_better_ones_are_doubted() -> None:
    controlled = np.array([[0.3, 0], [0.01, 0.2], [0.16, 0], [0, 0]], np.float32)
    motion = Motion(np.ones(4, np.float32), controlled, np.array([[0, 0], [0.5, 0.1], [0, 0], [0.9, 0.7]], np.float32))
    chance = motion._replace(controlled=controlled / 10)
    assert chance.mine() == ([0, 2], 0)
    assert chance.doubts(1) == ["the actions explain only 3.0% of the motion of the point that is taken for controlled"]
    assert motion.doubts(3) == ["points that fly: 2, where 3 are wanted"]
    still = motion._replace(controlled=controlled * 0, persistence=-motion.persistence)
    assert (still.mine(), still.others(2)) == (([0], 0), [2])
    assert len(still.doubts(1)) == 2


def test_tiles_of_points(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The second point is controlled, up and down; the first one flies. Frames of 40 pixels; the middle is 19.5."""
    path, still = tmp_path / "weights.npz", tmp_path / "still.npz"
    controlled = np.array([[0, 0], [0, 0.3], [0, 0]], np.float32)
    persistence = np.array([[0.9, 0.8], [0, 0.5], [0, 0]], np.float32)
    np.savez(path, **Motion(np.full(3, 0.5, np.float32), controlled, persistence)._asdict())
    shown: list[Any] = []

    class Finder:
        size = 40

        def encode(self, frames: np.ndarray) -> np.ndarray:
            assert frames.shape == (2, 40, 40)
            return np.array(shown.pop(0), np.float32).reshape(2, -1)

    monkeypatch.setattr(keypoint_finder, "load", lambda _: Finder())
    game = Atari.model_validate({"name": "atari", "game": "pong", "image_size": 40}).model_dump()
    np.savez(still, **Motion(np.full(3, 0.5, np.float32), 0 * controlled, persistence)._asdict())
    with caplog.at_level("WARNING", "rlgames"):
        tiled_keypoints.Features(game, {"pairs": 1}, still)
    assert "only 0.0% of the motion" in caplog.text
    moved = Motion(np.full(2, 0.5, np.float32), np.full((2, 2), 0.3, np.float32), persistence[:2])
    np.savez(still, **moved._asdict())
    with pytest.raises(UserError, match="the actions move all 2 keypoints"):
        tiled_keypoints.Features(game, {"pairs": 1}, still)
    features = tiled_keypoints.Features(game, {"pairs": 2}, path)  # of which there is one
    away = [[0, 0, 0.1], [39.5, 19.5, 0.2], [0, 0, 0]]
    shown += [
        [[[29.5, 9.5, 0.9], [39.5, 19.5, 0.2], [0, 0, 0]], away],
        [[[31.5, 10.5, 0.9], [39.5, 23.5, 0.2], [0, 0, 0]], away],
    ]
    frames = np.zeros((2, 1, 40, 40), np.uint8)
    before, now = (features.describe(frames) for _ in range(2))
    np.testing.assert_allclose(before[0], [1.0, 0.0, 0.5, -0.5])  # mine across and along; the other's
    assert np.isnan(before[1, 2:]).all()
    np.testing.assert_allclose(features.places(before)[0], [[1.0, 0.5], [0.75, 0.25]])  # shares of the frame
    np.testing.assert_allclose(features.places(before)[1], [[1.0, 0.5], [np.nan, np.nan]])
    np.testing.assert_allclose(features.relations(now, before)[0], [[0.6, -0.65, 0.1, 0.05]], atol=1e-6)
    assert np.isnan(features.relations(now, before)[1]).all()
    x = features.join(now, before)
    assert x.shape == (2, 16)
    assert x[1].tolist() == list(range(features.count - 16, features.count))


@pytest.mark.parametrize(
    ("controlled", "seen"), [([0, 0.3], [[0.5, -0.5, 0.0, -1.0]]), ([0.3, 0], [[-0.5, 0.5, -1.0, 0.0]])]
)
def test_things_are_where_the_encoder_puts_them_whichever_way_the_controlled_one_moves(
    controlled: list[float], seen: list[list[float]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The controlled point is three quarters across the frame and one down, the other one in the middle of its top."""
    persistence = np.array([[0, 0], [0.9, 0.8]], np.float32)
    motion = Motion(np.full(2, 0.5, np.float32), np.array([controlled, [0, 0]], np.float32), persistence)
    np.savez(tmp_path / "weights.npz", **motion._asdict())

    class Finder:
        size, calls = 40, -1

        def encode(self, frames: np.ndarray) -> np.ndarray:
            """Of the second call, the other point is an eighth of the frame further to the right than of the first."""
            self.calls += 1
            return np.tile(np.array([29.5, 9.5, 0.9, 19.5 + 5 * self.calls, -0.5, 0.9], np.float32), (len(frames), 1))

    monkeypatch.setattr(keypoint_finder, "load", lambda _: Finder())
    game = Atari.model_validate({"name": "atari", "game": "breakout"}).model_dump()
    features = tiled_keypoints.Features(game, {"pairs": 1}, tmp_path / "weights.npz")
    numbers = features.describe(np.zeros((1, 1, 40, 40), np.uint8))
    np.testing.assert_allclose(numbers, seen)
    np.testing.assert_allclose(features.places(numbers), [[[0.75, 0.25], [0.5, 0.0]]])
    episode = Recording(1, 3, 0.0, "unfinished", bytes(3), game, reset_seed=1)
    found = np.array(list(features.seen(episode)))
    assert found[:, 0].tolist() == [[0.75, 0.25]] * 4
    np.testing.assert_allclose(found[:, 1, 0], 0.5 + np.arange(1, 5) / 8)  # before three actions, and after the last
