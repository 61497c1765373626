"""Scores that others published, to hold ours against."""

from __future__ import annotations

SCORES: dict[str, dict[str, float]] = {
    "pong": {"random": -20.7, "human": 9.3, "DQN": 18.9, "Double DQN": 20.9},
    "breakout": {"random": 1.7, "human": 31.8, "DQN": 401.2, "Double DQN": 418.5},
    "space_invaders": {"random": 148.0, "human": 1652.0, "DQN": 1976.0, "Double DQN": 2525.0},
    "CartPole-v1": {"solved": 475.0},
    "Acrobot-v1": {"solved": -100.0},
    "LunarLander-v3": {"solved": 200.0},
    "MountainCar-v0": {"solved": -110.0},
}
"""By game. Atari: random play, a human tester and DQN, evaluated with ε = .05 after 50 million steps (Mnih et al.
2015); Double DQN after as many (Wang et al. 2016, scores after up to 30 no-ops). Solved: Gymnasium's thresholds."""

ATARI_PROTOCOL = (
    "Dashed: random play, a human tester and DQN, evaluated with ε = .05 after 50 million steps (Mnih et al. 2015),\n"
    "and Double DQN after as many (Wang et al. 2016, table of scores after up to 30 no-ops)."
)
GYMNASIUM_PROTOCOL = "Dashed: the mean return from which Gymnasium calls the environment solved."


def protocol(games: list[str]) -> str:
    """How the scores of these games were taken, in words; nothing if there are none."""
    levels = [SCORES[game] for game in games if game in SCORES]
    texts = [GYMNASIUM_PROTOCOL if "solved" in level else ATARI_PROTOCOL for level in levels]
    return "\n".join(dict.fromkeys(texts))


def milestones(game: str) -> tuple[float, ...]:
    """Returns whose first reaching is worth a row in a table: in Pong, where 21 is the most, as good as the machine,
    better than a human tester, nearly perfect; elsewhere a human tester's score, or the game solved."""
    if game == "pong":
        return (0, 10, 18)
    scores = SCORES.get(game, {})
    return tuple(scores[name] for name in ("human", "solved") if name in scores)
