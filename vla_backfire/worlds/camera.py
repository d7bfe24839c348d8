"""Pictures: one renderer per world, opened when somebody first looks and closed explicitly."""

from __future__ import annotations

from typing import Any
from weakref import finalize

import numpy as np

from vla_backfire.episodes import Pixels
from vla_backfire.errors import Unavailable
from vla_backfire.worlds.mj import Data, Model, Renderer, mujoco
from vla_backfire.worlds.props import DRAWN, UNSEEN
from vla_backfire.worlds.recipes import Profile

NO_PICTURES = (
    "there is no off-screen OpenGL here; install libosmesa6 (or libegl1 and libgl1), "
    "or use a policy that needs no camera"
)


class LostPicture(Exception):  # a fault of the episode, not a mistake of the user
    """A picture that shows nothing: whoever acts on it acts blindly."""


class Camera:
    """Renders a model's cameras in the look of a profile: no shadows, and no mirrors unless asked.

    Args:
        model: The compiled scene.
        profile: Size and sampling.
        mirrors: Draw reflections, as LIBERO does on the one stove that has them.
    """

    def __init__(self, model: Model, profile: Profile, *, mirrors: bool = False) -> None:
        self._model = model
        self._profile = profile
        self._mirrors = mirrors
        self._renderers: dict[tuple[int, int], Any] = {}
        finalize(self, _close, self._renderers)  # an interpreter that ends would close too late
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[DRAWN] = 1
        self._option.geomgroup[UNSEEN] = 0
        self._option.sitegroup[:] = 0

    def picture(
        self,
        data: Data,
        camera: str,
        *,
        width: int | None = None,
        height: int | None = None,
        ambient: float = 0.0,
    ) -> Pixels:
        """Upright picture, uint8 (H, W, 3); `ambient` is that of the camera's recipe.

        Raises:
            Unavailable: No off-screen OpenGL on this machine.
            LostPicture: The renderer works no more.
        """
        size = (height or self._profile.pixels, width or self._profile.pixels)
        renderer = self._renderers.get(size) or self._open(size)
        renderer.update_scene(data, camera=camera, scene_option=self._option)
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = self._mirrors
        if ambient:
            _diffuse(renderer.scene, ambient)
        image: Pixels = np.array(renderer.render())
        if image.min() == image.max():
            raise LostPicture("the renderer gives a blank picture; its OpenGL context was lost")
        return image

    def close(self) -> None:
        """Close every renderer."""
        _close(self._renderers)

    def _open(self, size: tuple[int, int]) -> Any:
        self._model.vis.quality.offsamples = self._profile.samples
        try:
            renderer = Renderer(self._model, *size)
        except (ImportError, AttributeError, RuntimeError, mujoco.FatalError) as error:
            raise Unavailable(f"cannot render ({type(error).__name__})", NO_PICTURES) from None
        self._renderers[size] = renderer
        if (wrong := _miscalibration(renderer, self._model)) > 1.0:
            self.close()
            problem = f"a plain green frame came out {wrong:.0f} of 255 off"
            raise Unavailable(f"cannot trust the renderer ({problem})", NO_PICTURES)
        return renderer


def _miscalibration(renderer: Any, model: Model) -> float:
    """Mean error of a frame whose every pixel is known, of 255.

    A context that was lost or mixed up with another one still gives a picture: noise, black, or
    what the other one saw. So each new one first draws a green surface that fills the view.
    """
    data = Data(model)
    renderer.update_scene(data)
    scene = renderer.scene
    eye = scene.camera[0]
    turn = np.eye(3).ravel()
    size, at = np.full(3, 5.0), np.array(eye.pos) + 6.0 * np.array(eye.forward)
    green = np.array([0.0, 1.0, 0.0, 1.0], np.float32)
    mujoco.mjv_initGeom(scene.geoms[0], mujoco.mjtGeom.mjGEOM_SPHERE, size, at, turn, green)
    scene.geoms[0].emission, scene.geoms[0].specular = 1.0, 0.0
    scene.ngeom = 1
    for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
        scene.flags[flag] = 0
    frame = renderer.render().astype(np.float64)
    return float(np.abs(frame - [0.0, 255.0, 0.0]).mean())


def _diffuse(scene: Any, ambient: float) -> None:
    """Let a share of the light come from everywhere: the floor is then seen far from the lamps."""
    for light in scene.lights[: scene.nlight]:
        light.ambient[:] = ambient if light.headlight else 0.0
        light.diffuse[:] *= 0.0 if light.headlight else 1.0 - ambient


def _close(renderers: dict[tuple[int, int], Any]) -> None:
    for renderer in renderers.values():
        renderer.close()
    renderers.clear()
