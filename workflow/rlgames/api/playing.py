"""An episode to watch, in a window or as a video, or to play by hand: `play`."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from tqdm import tqdm

from rlgames.api import environments
from rlgames.api.loading import Run, check_whole, folder_of, load
from rlgames.files import replacing
from rlgames.messages import UserError
from rlgames.plan import paths
from rlgames.playing.recording import Recording, module_name
from rlgames.provenance import Manifest
from rlgames.settings.environments import Atari, Gymnasium
from rlgames.settings.explanations import explanations
from rlgames.settings.registry import game_of, unknown_game
from rlgames.streams import Purpose, episode_stream, reset_seed
from rlgames.videos import gameplay, random_play
from rlgames.videos.encoding import encode

RANDOM_STEPS = 500
"""Maximum number of steps of random play."""

EPSILON = 0.01
"""Exploration rate ε of an agent that plays, as in evaluation: without it, some games repeat themselves for ever."""


def play(
    run: Path | str,
    *,
    render: bool = True,
    seed: int = 0,
    steps: int | None = None,
    video: Path | str | None = None,
    agent_seed: int | None = None,
) -> Recording:
    """Let the agent of a run play an episode; or, of a game (`pong`, `CartPole-v1`), play it at random.

    With `render`, the episode is shown in a window, where there is a display, or else written as a video below
    results/play; with `video`, an .mp4 file, it is written there. `seed` is of the episode, `agent_seed` chooses one of
    a block of linear agents (default: the first), `steps` is how many the episode may take at most.
    Returns the episode, with its `score`, `steps` and `actions`. Raises `UserError` for what is neither a run nor a
    game, and for arguments that it does not take.
    """
    check_whole("seed", seed, 0)
    if steps is not None:
        check_whole("steps", steps, 1)
    if video is not None and Path(video).suffix.lower() != ".mp4":
        raise UserError(f"{video}: videos are files whose names end in .mp4; give another name.")
    with display(wanted=render and video is None) as window:
        if is_run(run):
            folder = folder_of(Path(run))
            loaded = load(folder, seed=agent_seed)
            recording = episode(loaded, folder, seed, steps)
            shown = pictures_of(loaded, recording, folder, agent_seed)
        else:
            if agent_seed is not None:
                raise UserError(f"{run} is a game, played at random, without the seed of an agent: leave it out.")
            environment = game_settings(str(run), steps or RANDOM_STEPS)
            recording, shown = random_play.play(environment, steps=steps or RANDOM_STEPS, seed=seed)
        if window:
            window.show(shown, rate(recording.environment))
        elif render or video:
            path = Path(video) if video else Path("results/play") / f"{name_of(str(run))}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                bar = tqdm(shown, "video", recording.steps + 1, unit=" pictures", leave=False, disable=None)
                encode(bar, temporary)
            print(f"{path} shows the episode{'' if video else ', since there is no display to open a window on'}.")
    return recording


def play_by_hand(run: Path | str, *, seed: int | None = None) -> list[float]:
    """Let a person play the game of a run, or a named game, by keyboard. Returns the returns of the finished episodes.

    Raises `UserError` where there is no display.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it cannot plot with Tk, which is not needed here
        from gymnasium.utils.play import play as play_with_keys

    with display(wanted=True) as window:
        if not window:
            raise UserError(
                "There is no display to open a window on; without HUMAN=1, make play writes a video of an agent."
            )
        if is_run(run):
            loaded = load(run)
            environment: Any = loaded.environment
            settings = loaded.settings.environment.model_dump()
        else:
            settings = game_settings(str(run), 1_000_000)
            environment = environments.environment(settings)
        names = import_module(module_name(settings)).actions(settings)
        held = environments.keys(names)
        for combination, action in held.items():
            print(f"{' + '.join(map(window.name, combination))}: {names[action].lower()}")
        returns = [0.0]

        def note(
            _before: Any, _after: Any, _action: int, reward: float, terminated: bool, truncated: bool, _: Any
        ) -> None:
            returns[-1] += reward
            if terminated or truncated:
                print(f"A return of {returns[-1]:,.12g}")
                returns.append(0.0)

        zoom = gameplay.HEIGHT / environment_height(environment)
        play_with_keys(
            environment, fps=rate(settings), zoom=zoom, callback=note, keys_to_action=held, seed=seed,
            noop=environments.idle(names),
        )  # fmt: skip
    return returns[:-1]


def environment_height(environment: Any) -> int:
    environment.reset(seed=0)
    return int(environment.render().shape[0])


def is_run(run: Path | str) -> bool:
    """Whether this names a folder rather than a game; a `Path` always does."""
    if isinstance(run, Path) or Path(run).exists():
        return True
    return os.sep in run and not game_of(run) and not re.fullmatch(r"[\w:-]+/[\w-]+-v\d+", run)


def game_settings(game: str, steps: int) -> dict[str, Any]:
    """The settings of the environment that a name means. Raises `UserError` if there is none, or it cannot be drawn."""
    try:
        if known := game_of(game):
            return Atari(name="atari", game=known, fire_each_life=True, max_steps=steps).model_dump()
        if re.fullmatch(r"\w+", game):  # Gymnasium's ids have a version
            raise UserError(unknown_game(game))
        chosen = Gymnasium(name="gymnasium", id=game, max_steps=steps)
    except ValidationError as error:
        # Without the keys of a config: a game's name is the argument itself.
        lines = [re.sub("^(id|game): ", "", line) for line in explanations(error, {"max_steps": steps})]
        raise UserError("\n".join(re.sub("^max_steps: ", "steps ", line) for line in lines)) from None
    if not chosen.is_drawn:
        raise UserError(f"{game} cannot be drawn (it lacks Gymnasium's render mode rgb_array); choose another game.")
    return chosen.model_dump()


def episode(loaded: Run, folder: Path, seed: int, steps: int | None) -> Recording:
    """An episode by the agent, with hardly any exploration, or with a policy's most probable actions."""
    agent, environment = loaded.agent, loaded.environment
    manifest = Manifest.read(folder / "manifest.json")
    of_car = loaded.settings.environment.name == "mountain-car"
    number = seed if of_car else reset_seed(seed, Purpose.EVALUATION, 1)
    rng = episode_stream(seed, Purpose.EVALUATION_EXPLORATION, 1)
    settings = loaded.settings.environment.model_dump()
    observation, _ = environment.reset(seed=number)
    actions, rewards, values, over = bytearray(), [], [], False
    terminated = False
    progress = tqdm(desc="playing", unit=" steps", leave=False, disable=None)  # on a terminal only
    while not over and (steps is None or len(actions) < steps):
        progress.update()
        values.append(agent.values(observation))
        explores = rng.random() < EPSILON
        actions.append(int(rng.integers(len(agent.actions)) if explores else values[-1].argmax()))
        observation, reward, terminated, truncated, _ = environment.step(actions[-1])
        rewards.append(float(reward))
        over = bool(terminated or truncated)
    progress.close()
    preferences = np.array(values, np.float32)
    return Recording(
        1, len(actions), sum(rewards), "terminated" if terminated else "truncated", bytes(actions), settings,
        experiment=manifest.experiment, variant=manifest.variant or "default", seed=seed, reset_seed=number,
        agent="trained", trained_steps=loaded.settings.budget, shown=agent.shown, rewards=np.array(rewards, np.float32),
        preferences=preferences if np.isfinite(preferences).all() else None,
    )  # fmt: skip


def pictures_of(loaded: Run, recording: Recording, folder: Path, agent_seed: int | None = None) -> Iterator[np.ndarray]:
    """The screen at each moment, with the agent's preferences beside it: uint8, shape (height, width, 3)."""
    manifest, agent = Manifest.read(folder / "manifest.json"), loaded.settings.agent
    seed = paths.first(manifest.seeds or "0") if agent_seed is None else agent_seed
    lines = [
        f"{manifest.experiment}, seed {seed}",
        "" if recording.variant == "default" else re.sub(r"[a-z.]*name=", "", recording.variant),
        f"{manifest.steps if agent.unit == 'steps' else loaded.settings.budget} {agent.unit} of training",
    ]
    player = loaded.agent.player
    places = player.features.seen(recording) if hasattr(player, "features") else None
    insights = player.insights(recording) if agent.has_insights and recording.preferences is not None else None
    return gameplay.pictures(recording, list(filter(None, lines)), places, insights)


def name_of(run: str) -> str:
    """A file name for a run or a game."""
    return re.sub(r"[^\w.=,+-]+", "-", run).strip("-.")


def rate(environment: dict[str, Any]) -> int:
    """Steps per second at which the game runs at its intended speed."""
    return max(1, environments.CONSOLE_FPS // environment["frame_skip"]) if environment["name"] == "atari" else 30


class Window:
    """A window on the display, by pygame."""

    def __init__(self, pygame: Any) -> None:
        self.pygame = pygame

    def name(self, key: int) -> str:
        """The name of a key, as printed on it."""
        return str(self.pygame.key.name(key))

    def show(self, pictures: Iterable[np.ndarray], rate: int) -> None:
        """Show pictures at `rate` per second until they end, the window is closed, or Escape is pressed."""
        pygame, clock, screen = self.pygame, self.pygame.time.Clock(), None
        for picture in pictures:
            if screen is None:
                screen = pygame.display.set_mode((picture.shape[1], picture.shape[0]))
                pygame.display.set_caption("rlgames: Escape closes")
            screen.blit(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), (0, 0))
            pygame.display.flip()
            for event in pygame.event.get():
                if event.type == pygame.QUIT or (event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE):
                    return
            clock.tick(rate)


@contextmanager
def display(*, wanted: bool) -> Iterator[Window | None]:
    """A window on the display, or None where there is none, or it is not `wanted`."""
    driver = os.environ.get("SDL_VIDEODRIVER", "")
    if driver == "dummy":  # what environments that draw pictures set, since they need no screen
        del os.environ["SDL_VIDEODRIVER"]
        driver = ""
    if not wanted or (
        sys.platform == "linux" and not driver and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    ):
        yield None
        return
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    # Pictures come from the processor anyway, and an OpenGL driver crashes beside libraries with an LLVM of their own.
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
    import pygame

    try:
        pygame.display.quit()  # it may have begun without a screen
        pygame.display.init()
    except pygame.error:
        yield None
        return
    try:
        yield Window(pygame)
    finally:
        pygame.display.quit()
