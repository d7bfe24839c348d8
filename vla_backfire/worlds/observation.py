"""LIBERO's observation, as Gymnasium spaces and values."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from vla_backfire.episodes import FloatArray, Pixels
from vla_backfire.worlds.recipes import Profile


def libero_space(pixels: int) -> gymnasium.spaces.Dict:
    """Two pictures and the eight numbers of the arm."""
    image = gymnasium.spaces.Box(0, 255, (pixels, pixels, 3), np.uint8)
    reach = np.array([3.0, 3.0, 3.0, 7.0, 7.0, 7.0, 0.1, 0.1])
    state = gymnasium.spaces.Box(-reach, reach, dtype=np.float64)
    return gymnasium.spaces.Dict({"image": image, "wrist_image": image, "state": state})


def libero_observation(
    image: Pixels, wrist_image: Pixels, state: FloatArray, profile: Profile
) -> dict[str, Any]:
    """The pictures as the profile shows them to a policy, and the arm's state.

    Args:
        image: Upright picture of the fixed camera.
        wrist_image: Upright picture of the camera at the hand.
        state: `Arm.libero_state`, (8,).
        profile: Says whether policies see pictures mirrored.
    """
    return {
        "image": shown(image, profile),
        "wrist_image": shown(wrist_image, profile),
        "state": state,
    }


def shown(image: Pixels, profile: Profile) -> Pixels:
    """An upright picture as the profile shows it to a policy."""
    return np.ascontiguousarray(image[:, ::-1]) if profile.mirror else image
