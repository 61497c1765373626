"""Pages that hold a video."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import yaml

from rlgames.plan.plan import Plan
from rlgames.playing.recording import Recording
from rlgames.settings.environments import Atari, Gymnasium
from rlgames.videos import encoding as videos
from rlgames.videos import gameplay, random_play


def pictures_in(page: str) -> int:
    found = re.search(r"data:video/mp4;base64,([^\"]+)", page)
    assert found
    with av.open(io.BytesIO(base64.b64decode(found[1])), "r") as container:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        return len(list(container.decode(stream)))


def test_page_of_a_long_video_stays_below_what_a_report_can_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(50))
    assert videos.encode(noise, tmp_path / "noise.mp4") == 50
    size, pictures = (tmp_path / "noise.mp4").stat().st_size, 50 + videos.HOLD
    whole = videos.page(tmp_path / "noise.mp4", "Noise")
    assert pictures_in(whole) == pictures
    assert "picture stands for" not in whole
    assert base64.b64encode((tmp_path / "noise.mp4").read_bytes()).decode() in whole

    monkeypatch.setattr(videos, "LARGEST", size // 6)
    short = videos.page(tmp_path / "noise.mp4", "Noise")
    assert len(short) < size // 6 * 4 / 3 + 1000
    stride = int(re.search(r"every picture stands for (\d+) steps", short)[1])  # type: ignore[index]
    assert stride in (2, 4, 8, 16)
    assert pictures_in(short) == -(-pictures // stride)


@pytest.mark.parametrize("shape", [(41, 63), (41, 62), (40, 63), (40, 62), (1, 1)])
def test_pictures_with_odd_sides_become_even(tmp_path: Path, shape: tuple[int, int]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, *shape, 3), np.uint8)
    assert videos.encode(iter(pictures), tmp_path / "odd.mp4") == 3
    with av.open(str(tmp_path / "odd.mp4")) as container:
        (stream,) = container.streams.video
        assert (stream.height, stream.width) == tuple(side + side % 2 for side in shape)
    np.testing.assert_array_equal(videos.with_even_sides(pictures[0])[: shape[0], : shape[1]], pictures[0])


def test_notice_in_place_of_a_video_has_even_sides() -> None:
    picture = gameplay.notice("a" * 200, "b")
    assert all(side % 2 == 0 for side in picture.shape[:2])
    assert picture.max() > 200


def test_largest_page_fits_twice_in_base64_into_an_address_of_chromium() -> None:
    page = videos.LARGEST * 4 / 3 + len(videos.PAGE) + 1000
    assert page * 4 / 3 < 2 * 1024 * 1024


def test_a_line_too_long_for_its_panel_is_shortened() -> None:
    text = "features.name=latents,encoder.variant=latents=32"
    assert gameplay.shortened("seed 0", 294, 0.55) == "seed 0"
    cut = gameplay.shortened(text, 294, 0.55)
    assert cut.endswith("...")
    assert text.startswith(cut[:-3])
    assert cv2.getTextSize(cut, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)[0][0] <= 294


ENCODE = """
import sys
from pathlib import Path
import numpy as np
from rlgames.videos.encoding import encode
slopes = 3 * np.arange(600) + 2 * np.arange(400)[:, None]
pictures = (np.repeat((slopes + 9 * step)[:, :, None] % 256, 3, axis=2).astype(np.uint8) for step in range(12))
encode(pictures, Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the variable is glibc's")
def test_same_bytes_whatever_memory_held_before(tmp_path: Path) -> None:
    """With AVX-512, x264's macroblock tree read memory that nobody had written."""
    for byte in (0, 85, 170, 255):
        environment = os.environ | {"MALLOC_PERTURB_": str(byte)}
        subprocess.run([sys.executable, "-c", ENCODE, f"{tmp_path}/{byte}.mp4"], env=environment, check=True)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize(
    ("score", "text"),
    [(1234567.0, "1,234,567"), (-21.0, "-21"), (-123.456789, "-123.46"), (0.0, "0"), (1e9, "1,000,000,000")],
)
def test_scores_are_written_in_whole(score: float, text: str) -> None:
    assert gameplay.points(score) == text
    panel = np.zeros((630, gameplay.PANEL, 3), np.uint8)
    gameplay.write_lines(panel, [], score, 1, 2)
    assert panel[150:180].any()
    assert not panel[150:180, -4:].any()  # it fits into the panel


def ringed(picture: np.ndarray, x: int, y: int, colour: tuple[int, int, int]) -> bool:
    """Whether there is a ring of this colour around a place, at its left, right, top and bottom."""
    around = [(y, x - gameplay.RING), (y, x + gameplay.RING), (y - gameplay.RING, x), (y + gameplay.RING, x)]
    return all(tuple(picture[place].tolist()) == colour for place in around)


def test_rings_show_where_the_agent_sees_things() -> None:
    """The controlled thing first; one that is not there gets no ring, and without places there are none at all."""
    game = Atari.model_validate({"name": "atari", "game": "pong", "actions": "three"}).model_dump()
    recording = Recording(1, 2, 0.0, "unfinished", bytes(2), game, reset_seed=1)
    places = [np.array([[0.9, 0.5], [0.25, 0.8]]), np.array([[0.9, 0.4], [np.nan, np.nan]]), np.empty((0, 2))]
    plain, drawn = list(gameplay.pictures(recording, [])), list(gameplay.pictures(recording, [], places))
    assert len(plain) == len(drawn) == 3
    assert ringed(drawn[0], 432, 315, gameplay.CONTROLLED)
    assert ringed(drawn[0], 120, 504, gameplay.OTHER)
    assert ringed(drawn[1], 432, 252, gameplay.CONTROLLED)
    screens, panels = np.array(drawn)[:, :, :480], np.array(drawn)[:, :, 480:]
    assert not (screens[1:] == gameplay.OTHER).all(axis=3).any()
    np.testing.assert_array_equal(screens[2], plain[2][:, :480])
    for colour in (gameplay.CONTROLLED, gameplay.OTHER):  # what they mean stands in the corner, of every picture
        assert (panels[:, -30:] == colour).all(axis=3).any(axis=(1, 2)).all()
        assert not (np.array(plain) == colour).all(axis=3).any()
    np.testing.assert_array_equal(panels[:, :-30], np.array(plain)[:, :-30, 480:])


def test_what_a_network_says_stands_beside_its_preferences() -> None:
    """Distributions in place of bars: that of the first action lies at the low end, the chosen one's, in orange, at the
    high end. And the value of the state, in a line of its own."""
    game = Atari.model_validate({"name": "atari", "game": "pong", "actions": "three"}).model_dump()
    values = np.tile(np.array([-1, 1, 0], np.float32), (2, 1))
    recording = Recording(1, 2, 0.0, "unfinished", bytes([1, 1]), game, reset_seed=1, preferences=values)
    returns, shares = np.linspace(-1, 1, 5), np.array([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0.2, 0.2, 0.2, 0.2, 0.2]])
    plain = list(gameplay.pictures(recording, []))
    drawn = list(gameplay.pictures(recording, [], None, [{"distributions": shares, "returns": returns}] * 3))
    valued = list(gameplay.pictures(recording, [], None, [{"value": np.array(0.5)}] * 3))
    first, chosen = (
        np.flatnonzero((drawn[0][:, 480:] == colour).all(axis=2)[gameplay.TOP : gameplay.TOP + 170].any(axis=0))
        for colour in (gameplay.BAR, gameplay.CHOSEN)
    )
    assert first.min() < 120 < chosen.min() + 120
    assert chosen.max() > 220
    tall = (drawn[0][:, 480:] == gameplay.CHOSEN).all(axis=2).sum(axis=0)
    assert tall[-110:].max() > 60 > tall[: gameplay.PANEL // 2].max()
    different = (valued[0] != plain[0]).any(axis=2)
    assert different[180:210, 480 + 180 :].any()
    different[180:210, 480 + 180 :] = False
    assert not different.any()
    np.testing.assert_array_equal(drawn[2], plain[2])  # after the last action there is nothing to choose


def test_videos_get_the_weights_of_a_network_that_has_more_to_say_than_was_recorded() -> None:
    config = yaml.safe_load((Path(__file__).parents[2] / "config/smoke.yaml").read_text())
    pong = config["experiments"]["pong"]
    pong["sweep"] = [{"agent.name": "dqn"}, {"agent.name": "c51"}]
    videos = {"pong": config["videos"]["pong"]}
    plan = Plan({"results": config["results"], "experiments": {"pong": pong}, "videos": videos})
    weights = [
        plan.gameplay_weights(SimpleNamespace(experiment="pong", variant=f"agent.name={name}"))
        for name in ("dqn", "c51")
    ]
    assert weights == [[], ["results/smoke/runs/pong/agent.name=c51/seed-0/weights.npz"]]


def test_random_play_shows_the_screen_and_what_an_agent_sees() -> None:
    game = Atari.model_validate({"name": "atari", "game": "pong", "stack": 1}).model_dump()
    recording, shown = random_play.play(game, steps=20, seed=3)
    pictures = list(shown)
    assert (recording.steps, recording.ending, len(pictures)) == (20, "truncated", 21)
    assert len(set(recording.actions)) > 2
    again, _ = random_play.play(game, steps=20, seed=3)
    other, _ = random_play.play(game, steps=20, seed=4)
    assert again.actions == recording.actions != other.actions
    *_, last = recording.replay()
    seen = cv2.resize(np.asarray(last.picture)[0], (630, 630), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(pictures[-1][60:, 480:], np.repeat(seen[60:, :, np.newaxis], 3, axis=2))
    *_, screen = recording.replay(render=True)
    np.testing.assert_array_equal(pictures[-1][::3, :480:3], screen.picture)


def test_random_play_of_a_vector_writes_it_out_and_ends_with_the_game() -> None:
    pole = Gymnasium.model_validate({"name": "gymnasium", "id": "CartPole-v1"}).model_dump()
    recording, shown = random_play.play(pole, steps=500)
    assert recording.ending == "terminated"
    assert recording.steps == recording.score < 200
    assert {picture.shape[0] for picture in shown} == {630}


def test_a_ring_at_the_edge_of_the_screen_is_cut_off() -> None:
    picture = np.zeros((630, 480, 3), np.uint8)
    gameplay.draw_rings(picture, np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert tuple(picture[-1, -gameplay.RING].tolist()) == gameplay.CONTROLLED
    assert tuple(picture[0, gameplay.RING].tolist()) == gameplay.OTHER


def test_videos_get_the_encoder_of_an_agent_that_sees_points_only() -> None:
    plan = Plan.read(Path(__file__).parents[2] / "config/smoke.yaml")
    weights = {
        variant: plan.gameplay_encoder(SimpleNamespace(experiment="pong-linear", variant=variant))
        for variant in ("keypoints", "tiled-positions", "latents=8", "pixels")
    }
    assert weights.pop("keypoints") == ["results/smoke/runs/pong-keypoints/default/seed-0/weights.npz"]
    assert not any(weights.values())
