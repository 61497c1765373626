"""Published levels, and what is said of the protocol that ours differs from."""

import numpy as np
import pytest

from rlgames.environments.atari_ram import Memory
from rlgames.playing.published import levels_of, protocol
from rlgames.settings.environments import Atari


def test_levels_are_those_of_the_protocol_that_is_followed() -> None:
    assert levels_of("pong", "cleanrl")["CleanRL DQN"] == 20.25
    assert levels_of("breakout", "cleanrl")["CleanRL DQN"] == 366.9
    assert "DQN" not in levels_of("pong", "cleanrl")
    assert levels_of("pong")["DQN"] == 18.9
    assert levels_of("CartPole-v1", "cleanrl") == {"solved": 475.0}
    assert levels_of("asterix", "cleanrl") == {}
    assert "Pong 20.25 ± .41, Breakout 366.9 ± 39.9" in protocol(["pong", "breakout", "space_invaders"], "cleanrl")
    assert "CleanRL" not in protocol(["pong"])
    assert levels_of("breakout", "none") == {}
    assert protocol(["breakout"], "none") == ""


@pytest.mark.parametrize(("noop_max", "idle"), [(0, {0}), (1, {0}), (2, {0, 1})])
def test_an_episode_starts_after_0_to_noop_max_minus_1_frames(noop_max: int, idle: set[int]) -> None:
    game = Memory(Atari(name="atari", game="pong", noop_max=noop_max, image_size=36).model_dump(), pictures=False)
    assert {game.idle_frames(int(seed)) for seed in np.arange(1 if noop_max < 2 else 8)} == idle
