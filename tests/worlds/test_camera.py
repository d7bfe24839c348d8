"""Pictures are drawn by a backend that was tried, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vla_backfire
from tests.worlds.kitchen import CARTON, opened, waves
from vla_backfire.episodes import Cell, Observation, PolicyCard, Prompt, Reply
from vla_backfire.errors import Unavailable
from vla_backfire.runner import play_episode
from vla_backfire.worlds import camera, mj
from vla_backfire.worlds.mj import mujoco

ROOT = Path(vla_backfire.__file__).parents[1]


# -- the backend ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("libraries", "has_nvidia", "chosen"),
    [
        ((), False, "osmesa"),
        (("libEGL.so.1", "libGL.so.1"), False, "osmesa"),
        (("libEGL.so.1", "libGL.so.1", "libEGL_mesa.so.0"), False, "egl"),
        (("libEGL.so.1", "libGL.so.1"), True, "egl"),
        (("libEGL.so.1",), True, "osmesa"),
    ],
)
def test_egl_is_chosen_where_something_can_draw_with_it(
    tmp_path: Path, libraries: tuple[str, ...], has_nvidia: bool, chosen: str
) -> None:
    if has_nvidia:
        (tmp_path / "nvidia0").touch()
    assert mj.choose_gl(tmp_path, loads=lambda library: library in libraries) == chosen


def seen_and_done() -> dict[str, str]:
    """Digests of what an episode of 20 steps shows and of the state it ends in."""
    with opened(CARTON) as world:
        world.begin("hazard", 0)
        pictures = hashlib.sha256()
        for action in waves(20):
            world.play(action[None])
            if len(world.trajectory().actions) % 5 == 0:
                for image in world.look(cameras=("agentview", "eye_in_hand")).images.values():
                    pictures.update(image.tobytes())
        return {"pixels": pictures.hexdigest(), "state": world._stored("hazard").digest}


@cache
def elsewhere(backend: str) -> Any:
    program = (
        "import json; from tests.worlds.test_camera import seen_and_done\n"
        "print(json.dumps(seen_and_done()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.ci
def test_pixels_are_equal_in_another_process_and_states_under_another_backend() -> None:
    here = seen_and_done()
    assert elsewhere(os.environ["MUJOCO_GL"]) == here
    others = [name for name in ("egl", "osmesa") if name != os.environ["MUJOCO_GL"]]
    if mj.choose_gl() == "osmesa":
        pytest.skip("this machine has one backend, OSMesa")
    for backend in others:
        assert elsewhere(backend)["state"] == here["state"]


# -- the calibration frame ------------------------------------------------------------------------


def test_a_new_renderer_draws_the_known_frame() -> None:
    with opened(CARTON) as world:
        renderer = mj.Renderer(world._model, 64, 64)
        try:
            assert camera._miscalibration(renderer, world._model) == 0.0
        finally:
            renderer.close()


class Garbled(mj.Renderer):  # type: ignore[misc]  # MuJoCo ships no types
    """A renderer that lost its context: it gives noise and says nothing."""

    def render(self, *, out: Any = None) -> Any:
        noise = np.random.default_rng(0).integers(0, 256, (self.height, self.width, 3))
        return noise.astype(np.uint8)


def test_a_renderer_that_draws_something_else_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "Renderer", Garbled)
    with opened(CARTON) as world, pytest.raises(Unavailable, match="cannot trust the renderer"):
        world.picture("agentview")


def test_a_machine_without_opengl_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise mujoco.FatalError("gladLoadGL error")

    monkeypatch.setattr(camera, "Renderer", none)
    with opened(CARTON) as world, pytest.raises(Unavailable, match="install libosmesa6") as caught:
        world.picture("agentview")
    assert "\n" not in str(caught.value)


class Blank(mj.Renderer):  # type: ignore[misc]  # MuJoCo ships no types
    """A renderer whose context is lost after the first frame."""

    n_frames = 0

    def render(self, *, out: Any = None) -> Any:
        Blank.n_frames += 1
        return super().render() if Blank.n_frames == 1 else np.zeros((128, 128, 3), np.uint8)


def test_a_context_lost_on_the_way_makes_the_episode_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "Renderer", Blank)
    cell = Cell("seeing", "none", CARTON, "hazard", "en", 0, 0)
    with opened(CARTON) as world:
        episode = play_episode(world, Seeing(), cell, Prompt(""), policy_seed=0, horizon_steps=9)
    assert episode.ending == "fault"
    assert episode.fault is not None
    assert "LostPicture: the renderer gives a blank picture" in episode.fault


class Seeing:
    card = PolicyCard("seeing", cameras=("agentview",))

    def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
        pass

    def act(self, looks: Sequence[tuple[int, Observation]]) -> list[Reply]:
        return [Reply(waves(1)) for _ in looks]
