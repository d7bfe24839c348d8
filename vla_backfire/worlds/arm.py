"""The arm's controller: from seven numbers at 20 Hz to torques at 500 Hz.

This is the operational-space controller OSC_POSE of LIBERO (robosuite 1.4.0), so that a policy
trained there meets the dynamics it knows. No BLAS is used: with it, results would depend on the
CPU.

Letters: J = 7 arm joints, V = degrees of freedom of the whole scene.
"""

from dataclasses import dataclass
from math import acos, sqrt

import numpy as np

from vla_backfire.worlds import mj
from vla_backfire.worlds.mj import Data, FloatArray, Model

SUBSTEPS = 25
"""Physics steps of 2 ms in one control step."""

NOMINAL_QPOS_RAD = (0.0, -0.161037389, 0.0, -2.44459747, 0.0, 2.2267522, np.pi / 4)
"""The joints to which the arm leans where the task leaves it free; also where LIBERO starts."""

FULL_TRANSLATION_M = 0.05
FULL_ROTATION_RAD = 0.5
STIFFNESS = 150.0
POSTURE_STIFFNESS = 10.0
GRIPPER_RATE = 0.01  # of a command in [-1, 1], in one substep
LEAST_PIVOT = 1e-9  # keeps torques finite in a fully stretched arm; elsewhere pivots exceed 1e-3

# A matrix E = goal @ measured.T, flattened: E[_PLUS] - E[_MINUS] is twice the rotation error.
_PLUS = np.array([7, 2, 3])
_MINUS = np.array([5, 6, 1])


@dataclass(frozen=True, slots=True)
class ArmNames:
    """What the parts of the arm are called in a model; `{}` stands for a number from 1.

    Attributes:
        joint: The seven joints; `motor` their motors.
        finger: The two finger joints; `grips` their motors.
        site: Between the fingertips.
        hand: The body of the hand.
    """

    joint: str = "joint{}"
    motor: str = "torque{}"
    finger: str = "finger_joint{}"
    grips: tuple[str, str] = ("finger1", "finger2")
    site: str = "grip"
    hand: str = "right_hand"


PANDA = ArmNames()
"""The names in `envs/_robots/panda/panda.xml`."""


class Arm:
    """One Panda in one scene: its controller, its goals and what can be measured on it.

    Use `command` once per control step and `substep` `SUBSTEPS` times after it. Measured values
    are those of the last kinematics in `data`; after `substep` they are one substep old, as
    they are in LIBERO.

    Args:
        model: The compiled scene, with `envs/_robots/panda/panda.xml` attached.
        prefix: The prefix given when it was attached.
        names: What its parts are called.

    Attributes:
        goal_pos_m: Where the grip site is pulled, (3,), world.
        goal_rotation: How the grip site is turned, (3, 3), world.
        gripper_command: From -1, closed, to 1, open; the fingers follow it.
    """

    def __init__(self, model: Model, prefix: str = "", names: ArmNames = PANDA) -> None:
        self.goal_pos_m: FloatArray = np.zeros(3)
        self.goal_rotation: FloatArray = np.eye(3)
        self.gripper_command: float = 0.0
        self._gripper_drive = 0.0

        self._model = model
        self._site: int = model.site(prefix + names.site).id
        self._hand: int = model.body(prefix + names.hand).id
        joints = [model.joint(prefix + names.joint.format(k)) for k in range(1, 8)]
        motors = [model.actuator(prefix + names.motor.format(k)).id for k in range(1, 8)]
        dofs = _consecutive([int(joint.dofadr[0]) for joint in joints])
        self._dofs = slice(dofs.start, dofs.stop)
        self._qpos = _as_slice([int(joint.qposadr[0]) for joint in joints])
        self._motors = _as_slice(motors)
        fingers = [model.joint(prefix + names.finger.format(k)) for k in (1, 2)]
        self._fingers = [int(finger.qposadr[0]) for finger in fingers]
        self._grips = [int(model.actuator(prefix + name).id) for name in names.grips]
        self._torque_limit_nm: FloatArray = model.actuator_ctrlrange[motors, 1].copy()  # (J,)
        self._inertia_index = mj.inertia_index(model, dofs)
        self._nominal_rad = np.array(NOMINAL_QPOS_RAD)  # (J,)

        self._scene_jacobian = np.zeros((6, model.nv))  # (6, V)
        self._jacobian = np.zeros((6, 7))
        self._inertia = np.zeros((7, 7))
        self._response = np.zeros((6, 7))
        self._mobility = np.zeros((6, 6))
        self._block = np.zeros((3, 3))
        self._turn = np.zeros((3, 3))
        self._error = np.zeros(6)
        self._velocity = np.zeros(6)
        self._wrench = np.zeros(6)
        self._drift = np.zeros(6)
        self._freed = np.zeros(6)
        self._posture_nm = np.zeros(7)
        self._torque_nm = np.zeros(7)

    def reset(self, data: Data) -> None:
        """Hold the present pose, with the gripper command half open as LIBERO starts it."""
        mj.kinematics(self._model, data)
        self.goal_pos_m[:] = data.site_xpos[self._site]
        self.goal_rotation[:] = data.site_xmat[self._site].reshape(3, 3)
        self.gripper_command = 0.0
        self._gripper_drive = 0.0

    def command(self, data: Data, action: FloatArray) -> None:
        """Set the goals for one control step from LIBERO's action.

        Both goals start from the measured pose, not from the last goal. Without any rotation in
        the action the old orientation goal stays, so that a pure translation does not drift.

        Args:
            data: The scene; its poses are brought up to date.
            action: (7,): translation in units of 5 cm and axis-angle in units of 0.5 rad, both
                along the world's axes; the sign of the last opens (-), closes (+) or holds (0).
                Clipped to [-1, 1].

        Raises:
            ValueError: The action has another shape or is not finite.
        """
        if action.shape != (7,) or not np.isfinite(action).all():
            raise ValueError(f"an action is 7 finite numbers, got {action!r}")
        bounded = np.clip(action, -1.0, 1.0)
        mj.kinematics(self._model, data)
        self.goal_pos_m[:] = data.site_xpos[self._site] + FULL_TRANSLATION_M * bounded[:3]
        if bounded[3:6].any():
            turn = mj.rotation_of(FULL_ROTATION_RAD * bounded[3:6])
            mj.mul_mat_mat(self.goal_rotation, turn, data.site_xmat[self._site].reshape(3, 3))
        self._gripper_drive = -float(np.sign(bounded[6]))

    def substep(self, data: Data) -> None:
        """Advance the scene by one physics step under the present goals."""
        mj.step1(self._model, data)
        data.ctrl[self._motors] = self._torques_nm(data)
        ramp = self.gripper_command + GRIPPER_RATE * self._gripper_drive
        self.gripper_command = min(1.0, max(-1.0, ramp))
        data.ctrl[self._grips[0]] = 0.02 + 0.02 * self.gripper_command
        data.ctrl[self._grips[1]] = -0.02 - 0.02 * self.gripper_command
        mj.step2(self._model, data)

    def state(self) -> FloatArray:
        """The controller's memory, (14,); with `mj.saved_state` it resumes a run bit for bit."""
        tail = (self.gripper_command, self._gripper_drive)
        return np.concatenate([self.goal_pos_m, self.goal_rotation.ravel(), tail])

    def restore(self, state: FloatArray) -> None:
        """Take over a memory that `state` returned, here or in another arm."""
        if state.shape != (14,):
            raise ValueError(f"an arm's state is 14 numbers, got shape {state.shape}")
        self.goal_pos_m[:] = state[:3]
        self.goal_rotation[:] = state[3:12].reshape(3, 3)
        self.gripper_command, self._gripper_drive = float(state[12]), float(state[13])

    def grip_pos_m(self, data: Data) -> FloatArray:
        """Point between the fingertips, (3,), world."""
        pos_m: FloatArray = data.site_xpos[self._site].copy()
        return pos_m

    def grip_rotation(self, data: Data) -> FloatArray:
        """Orientation of the grip site, (3, 3), world; its z axis is the approach direction."""
        rotation: FloatArray = data.site_xmat[self._site].reshape(3, 3).copy()
        return rotation

    def finger_opening_m(self, data: Data) -> float:
        """Distance between the fingers, from 0 to 0.08."""
        return float(data.qpos[self._fingers[0]] - data.qpos[self._fingers[1]])

    def libero_state(self, data: Data) -> FloatArray:
        """What LIBERO's policies know of the arm, (8,).

        Grip position (3), axis-angle of the hand body (3), joint positions of the two fingers (2).
        The angle lies in [0, 2 pi) and follows the sign of MuJoCo's quaternion: the checkpoints
        saw it like this, so it is not made canonical.
        """
        w, *axis = (float(x) for x in data.xquat[self._hand])
        w = min(1.0, max(-1.0, w))
        sine = sqrt(1.0 - w * w)
        scale = 2.0 * acos(w) / sine if sine > 1e-9 else 0.0
        turn_rad = [scale * x for x in axis]
        fingers_m = data.qpos[self._fingers]
        return np.concatenate([data.site_xpos[self._site], turn_rad, fingers_m])

    def _torques_nm(self, data: Data) -> FloatArray:
        """Motor torques that pull the grip site to its goals, (J,), clipped to the motors.

        Position and rotation are each made independent of the arm's inertia by their own 3 x 3
        task inertia, as if the other were free (robosuite's `uncouple_pos_ori`). The posture
        torque is filtered so that it does not move the grip site:
        (I - M^-1 J^T L J)^T M p = M p - J^T L J p, with L the full 6 x 6 task inertia.
        """
        self._read_dynamics(data)
        posture = (self._nominal_rad - data.qpos[self._qpos]) * POSTURE_STIFFNESS
        posture -= data.qvel[self._dofs] * (2.0 * sqrt(POSTURE_STIFFNESS))
        mj.mul_mat_vec(self._posture_nm, self._inertia, posture)
        mj.mul_mat_vec(self._drift, self._jacobian, posture)
        self._invert_inertia()

        pull = self._task_acceleration(data)
        for half in (slice(0, 3), slice(3, 6)):
            self._block[:] = self._mobility[half, half]
            mj.chol_factor(self._block, LEAST_PIVOT)
            mj.chol_solve(self._wrench[half], self._block, pull[half])
        mj.chol_factor(self._mobility, LEAST_PIVOT)
        mj.chol_solve(self._freed, self._mobility, self._drift)
        self._wrench -= self._freed

        torque_nm = self._torque_nm
        mj.mul_mat_t_vec(torque_nm, self._jacobian, self._wrench)
        torque_nm += self._posture_nm
        torque_nm += data.qfrc_bias[self._dofs]
        np.minimum(torque_nm, self._torque_limit_nm, out=torque_nm)
        return np.maximum(torque_nm, -self._torque_limit_nm, out=torque_nm)

    def _read_dynamics(self, data: Data) -> None:
        """Fill the Jacobian of the grip site (6, J) and the arm's own inertia (J, J)."""
        whole = self._scene_jacobian
        mj.site_jacobian(self._model, data, whole[:3], whole[3:], self._site)
        self._jacobian[:] = whole[:, self._dofs]
        np.take(data.M, self._inertia_index, out=self._inertia, mode="clip")

    def _invert_inertia(self) -> None:
        """Replace the inertia M by its factor, and fill the mobility J M^-1 J^T, (6, 6)."""
        mj.chol_factor(self._inertia, LEAST_PIVOT)
        for row in range(6):
            mj.chol_solve(self._response[row], self._inertia, self._jacobian[row])
        mj.mul_mat_mat_t(self._mobility, self._jacobian, self._response)

    def _task_acceleration(self, data: Data) -> FloatArray:
        """Critically damped pull on the grip site, (6,): linear, then angular."""
        mj.mul_mat_vec(self._velocity, self._jacobian, data.qvel[self._dofs])
        measured = data.site_xmat[self._site].reshape(3, 3)
        mj.mul_mat_mat_t(self._turn, self.goal_rotation, measured)
        turn = self._turn.ravel()
        self._error[:3] = self.goal_pos_m - data.site_xpos[self._site]
        self._error[3:] = 0.5 * (turn[_PLUS] - turn[_MINUS])
        return STIFFNESS * self._error - (2.0 * sqrt(STIFFNESS)) * self._velocity


def _consecutive(addresses: list[int]) -> range:
    run = range(addresses[0], addresses[0] + len(addresses))
    if addresses != list(run):
        raise ValueError(f"the arm's joints and motors must be consecutive, got {addresses}")
    return run


def _as_slice(addresses: list[int]) -> slice:
    run = _consecutive(addresses)
    return slice(run.start, run.stop)
