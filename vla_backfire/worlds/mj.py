"""The one door to MuJoCo: no other file imports it.

The rendering backend is chosen here, before MuJoCo is imported, because MuJoCo reads it only then.
`mujoco` itself is handed on for what has no name below; mypy knows nothing about it, so whatever
comes out of it deserves an annotation at once.

Runs on MuJoCo 3.17 to 4.0. What differs between them is kept in this file.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def choose_gl(
    devices: Path = Path("/dev"), loads: Callable[[str], bool] = _loads
) -> Literal["egl", "osmesa"]:
    """Value of MUJOCO_GL for a machine without a screen.

    EGL where a graphics card or Mesa's software EGL can draw with it, else OSMesa; both give the
    same pixels on the same Mesa.

    Args:
        devices: Folder of the device files; an NVIDIA card shows as `nvidia0` and so on.
        loads: Whether a shared library can be loaded.

    Examples:
        >>> choose_gl(Path("no such folder"), loads=lambda library: False)
        'osmesa'
    """
    has_driver = any(devices.glob("nvidia[0-9]*")) or loads("libEGL_mesa.so.0")
    can_draw = loads("libEGL.so.1") and loads("libGL.so.1")
    return "egl" if has_driver and can_draw else "osmesa"


if sys.platform == "linux" and "MUJOCO_GL" not in os.environ:
    os.environ["MUJOCO_GL"] = choose_gl()

import mujoco  # noqa: E402  # MUJOCO_GL must be set first
from mujoco import GLContext as GLContext  # noqa: E402
from mujoco import MjData as Data  # noqa: E402
from mujoco import MjModel as Model  # noqa: E402
from mujoco import MjSpec as Spec  # noqa: E402
from mujoco import Renderer as Renderer  # noqa: E402

mujoco.set_mju_user_warning(lambda _: None)  # else they go to a file in the user's folder

__all__ = [
    "Data",
    "FloatArray",
    "GLContext",
    "Model",
    "Renderer",
    "Spec",
    "chol_factor",
    "chol_solve",
    "choose_gl",
    "forward",
    "inertia_index",
    "kinematics",
    "mujoco",
    "mul_mat_mat",
    "mul_mat_mat_t",
    "mul_mat_t_vec",
    "mul_mat_vec",
    "quat_to_mat",
    "restore_state",
    "rotation_of",
    "saved_state",
    "site_jacobian",
    "step",
    "step1",
    "step2",
]

Vary: TypeAlias = Callable[[Model, Data], None]
"""Brings `data` one stage further."""

step: Vary = mujoco.mj_step
step1: Vary = mujoco.mj_step1
step2: Vary = mujoco.mj_step2
forward: Vary = mujoco.mj_forward
kinematics: Vary = mujoco.mj_kinematics
"""Poses of bodies, geoms and sites from qpos, and nothing else."""

site_jacobian: Callable[[Model, Data, FloatArray, FloatArray, int], None] = mujoco.mj_jacSite
"""(model, data, position rows (3, nv) out, rotation rows (3, nv) out, site id)."""

# MuJoCo's own small-matrix routines, because BLAS picks its kernels by CPU and with them the last
# bits. Results come first, arrays are C-contiguous float64.
chol_factor: Callable[[FloatArray, float], int] = mujoco.mju_cholFactor
"""(square matrix in, lower factor out; least pivot) -> rank."""
chol_solve: Callable[[FloatArray, FloatArray, FloatArray], None] = mujoco.mju_cholSolve
"""(x out, factor of `chol_factor`, right-hand side)."""
mul_mat_vec: Callable[[FloatArray, FloatArray, FloatArray], None] = mujoco.mju_mulMatVec
mul_mat_t_vec: Callable[[FloatArray, FloatArray, FloatArray], None] = mujoco.mju_mulMatTVec
mul_mat_mat: Callable[[FloatArray, FloatArray, FloatArray], None] = mujoco.mju_mulMatMat
mul_mat_mat_t: Callable[[FloatArray, FloatArray, FloatArray], None] = mujoco.mju_mulMatMatT
quat_to_mat: Callable[[FloatArray, FloatArray], None] = mujoco.mju_quat2Mat
"""(flat row-major rotation (9,) out, quaternion wxyz)."""


def rotation_of(axis_angle_rad: FloatArray) -> FloatArray:
    """Rotation matrix of an axis-angle vector, (3,) to (3, 3)."""
    axis = np.array(axis_angle_rad, dtype=np.float64)
    angle_rad: float = mujoco.mju_normalize3(axis)
    quat, rotation = np.empty(4), np.empty(9)
    mujoco.mju_axisAngle2Quat(quat, axis, angle_rad)
    quat_to_mat(rotation, quat)
    return rotation.reshape(3, 3)


def inertia_index(model: Model, dofs: range) -> NDArray[np.intp]:
    """Where the inertia matrix of one chain of joints lies in `data.M`, (n, n).

    Read this way because `mj_fullM` changed its arguments in 3.10, and because a gather of the
    arm's block costs the same whatever else is in the scene.

    Args:
        model: The compiled scene.
        dofs: The chain's degrees of freedom; each must be an ancestor of the next.
    """
    columns: NDArray[np.int32] = model.M_colind
    first: NDArray[np.int32] = model.M_rowadr

    def entry(row: int, column: int) -> int:
        start = int(first[row])
        return start + int(np.flatnonzero(columns[start:] == column)[0])

    return np.array([[entry(max(i, j), min(i, j)) for j in dofs] for i in dofs], dtype=np.intp)


_WHOLE: Any = mujoco.mjtState.mjSTATE_INTEGRATION


def saved_state(model: Model, data: Data) -> FloatArray:
    """All that the next step depends on, as one vector.

    This is MuJoCo's integration state: the smaller physics state leaves out the solver's warm
    start, and a run resumed from it drifts away.
    """
    state = np.empty(mujoco.mj_stateSize(model, _WHOLE))
    mujoco.mj_getState(model, data, state, _WHOLE)
    return state


def restore_state(model: Model, data: Data, state: FloatArray) -> None:
    """Put a `saved_state` back into `data` and place the bodies accordingly."""
    mujoco.mj_setState(model, data, state, _WHOLE)
    kinematics(model, data)
