import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest

from vla_backfire.resources import tree
from vla_backfire.worlds import mj
from vla_backfire.worlds.arm import NOMINAL_QPOS_RAD, SUBSTEPS, Arm
from vla_backfire.worlds.mj import Data, FloatArray, Model

# 90 control steps of LIBERO's own controller (robosuite 1.4.0), free of contact, in one scene of
# each suite. Joints in rad after each step; gripper and hand as LIBERO's policies see them.
RECORDED = dict(np.load(Path(__file__).with_name("libero_arm_parity.npz")))
SCENES = ("libero_goal", "libero_object", "libero_10")
PREFIX = "robot/"
HOLD, OPEN, CLOSE = (np.array([0.0] * 6 + [grip]) for grip in (0.0, -1.0, 1.0))


def recorded(scene: str) -> Mapping[str, FloatArray]:
    lead = f"{scene}/"
    return {key.removeprefix(lead): RECORDED[key] for key in RECORDED if key.startswith(lead)}


def scene_with_arm(base_pos_m: FloatArray) -> Model:
    spec = mj.Spec()
    spec.option.timestep = 0.002
    spec.option.cone = mj.mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 20
    spec.option.density = 1.2
    spec.option.viscosity = 2e-5
    panda = mj.Spec.from_file(str(tree("envs") / "_robots" / "panda" / "panda.xml"))
    spec.attach(panda, prefix=PREFIX, frame=spec.worldbody.add_frame(pos=base_pos_m))
    return spec.compile()


MODEL = scene_with_arm(np.array([-0.66, 0.0, 0.912]))


def at_rest() -> tuple[Arm, Data]:
    data = mj.Data(MODEL)
    data.qpos[:7] = NOMINAL_QPOS_RAD
    data.qpos[7:9] = 0.04, -0.04
    arm = Arm(MODEL, PREFIX)
    arm.reset(data)
    arm.gripper_command = 1.0
    return arm, data


def moved(arm: Arm, data: Data, actions: Iterable[FloatArray]) -> FloatArray:
    """Grip positions after each control step, (T, 3)."""
    path = []
    for action in actions:
        arm.command(data, action)
        for _ in range(SUBSTEPS):
            arm.substep(data)
        mj.kinematics(MODEL, data)
        path.append(arm.grip_pos_m(data))
    return np.array(path)


def trajectory_hash() -> str:
    arm, data = at_rest()
    moved(arm, data, RECORDED["libero_goal/actions"][:30])
    return hashlib.sha256(mj.saved_state(MODEL, data).tobytes() + arm.state().tobytes()).hexdigest()


@pytest.mark.parametrize("scene", SCENES)
def test_the_arm_moves_as_in_libero(scene: str) -> None:
    libero = recorded(scene)
    model = scene_with_arm(libero["base_pos_m"])
    data = mj.Data(model)
    data.qpos[:] = libero["start_qpos"]
    data.qvel[:] = libero["start_qvel"]
    data.qacc_warmstart[:] = libero["start_qacc_warmstart"]
    arm = Arm(model, PREFIX)
    arm.reset(data)
    arm.goal_rotation[:] = libero["orientation_goal"]
    arm.gripper_command = float(libero["gripper_command"][0])

    for step, action in enumerate(libero["actions"]):
        arm.command(data, action)
        for _ in range(SUBSTEPS - 1):
            arm.substep(data)
        seen = arm.libero_state(data)  # LIBERO looks one substep before the end
        x, y, z, w = libero["eef_quat_xyzw"][step]
        turn_rad = 2 * np.arccos(w) / np.sqrt(1 - w * w) * np.array([x, y, z])
        np.testing.assert_allclose(seen[:3], libero["eef_pos_m"][step], atol=1e-6)
        np.testing.assert_allclose(seen[3:6], turn_rad, atol=1e-6)
        np.testing.assert_allclose(seen[6:], libero["gripper_qpos"][step], atol=1e-6)
        arm.substep(data)
        np.testing.assert_allclose(data.qpos[:7], libero["arm_qpos"][step], atol=1e-6)
        np.testing.assert_allclose(data.qpos[7:], libero["gripper_qpos"][step], atol=2e-4)
        assert data.ncon == 0


def test_a_run_saved_at_step_30_resumes_elsewhere_bit_for_bit() -> None:
    actions = RECORDED["libero_goal/actions"]
    arm, data = at_rest()
    moved(arm, data, actions[:30])
    scene, memory = mj.saved_state(MODEL, data), arm.state()
    moved(arm, data, actions[30:60])

    other_arm, other_data = Arm(MODEL, PREFIX), mj.Data(MODEL)
    mj.restore_state(MODEL, other_data, scene)
    other_arm.restore(memory)
    moved(other_arm, other_data, actions[30:60])
    assert mj.saved_state(MODEL, other_data).tobytes() == mj.saved_state(MODEL, data).tobytes()
    assert other_arm.state().tobytes() == arm.state().tobytes()


def test_a_trajectory_does_not_depend_on_the_process_or_its_blas() -> None:
    program = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('arm_test', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.trajectory_hash())\n"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program, __file__],
        env={**os.environ, "OPENBLAS_CORETYPE": "Nehalem"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == trajectory_hash()


def test_another_arm_in_between_changes_nothing() -> None:
    actions = RECORDED["libero_goal/actions"][:20]
    alone, alone_data = at_rest()
    moved(alone, alone_data, actions)
    arm, data = at_rest()
    other, other_data = at_rest()
    for action in actions:
        moved(arm, data, [action])
        moved(other, other_data, [-action])
    assert mj.saved_state(MODEL, data).tobytes() == mj.saved_state(MODEL, alone_data).tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_full_scale_translation_moves_13_mm_per_step(axis: int) -> None:
    arm, data = at_rest()
    action = HOLD.copy()
    action[axis] = -1.0
    path = moved(arm, data, [action] * 14)
    assert -(path[-1] - path[-5])[axis] / 4 == pytest.approx(0.013, abs=0.001)


def test_translation_does_not_turn_the_hand() -> None:
    arm, data = at_rest()
    before = arm.grip_rotation(data)
    moved(arm, data, [np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])] * 10 + [HOLD] * 20)
    np.testing.assert_allclose(arm.grip_rotation(data), before, atol=1e-3)


def test_a_turn_about_the_worlds_z_axis_turns_the_hand_there() -> None:
    arm, data = at_rest()
    before = arm.grip_rotation(data)
    moved(arm, data, [np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0])] * 10)
    turn = arm.grip_rotation(data) @ before.T
    assert turn[2, 2] == pytest.approx(1.0, abs=2e-3)
    assert turn[1, 0] > 0.3


def test_holding_still_drifts_less_than_a_tenth_of_a_millimetre() -> None:
    arm, data = at_rest()
    path = moved(arm, data, [HOLD] * 100)
    assert np.ptp(path, axis=0).max() < 1e-4


def test_the_gripper_needs_8_to_10_steps_for_four_fifths_of_its_way() -> None:
    arm, data = at_rest()

    def steps_until(action: FloatArray, low_m: float, high_m: float) -> int:
        for step in range(1, 20):
            moved(arm, data, [action])
            if low_m <= arm.finger_opening_m(data) <= high_m:
                return step
        return 20

    assert steps_until(CLOSE, 0.0, 0.016) in (8, 9, 10)
    assert steps_until(OPEN, 0.064, 0.081) in (8, 9, 10)


def test_a_gripper_told_neither_to_open_nor_to_close_stays() -> None:
    arm, data = at_rest()
    moved(arm, data, [CLOSE] * 4 + [HOLD] * 20)
    assert arm.finger_opening_m(data) == pytest.approx(0.04, abs=0.002)  # dry friction: 1 mm each


def test_the_gripper_command_starts_half_open_as_in_libero() -> None:
    arm, data = at_rest()
    arm.reset(data)
    assert arm.gripper_command == 0.0


def test_actions_beyond_full_scale_are_clipped() -> None:
    full = np.array([1.0, -1.0, 1.0, 0.0, 0.0, 1.0, -1.0])
    np.testing.assert_array_equal(moved(*at_rest(), [7 * full]), moved(*at_rest(), [full]))


def test_a_stretched_arm_still_gets_finite_torques() -> None:
    arm, data = at_rest()
    data.qpos[:7] = 0.0
    arm.reset(data)
    moved(arm, data, [HOLD])
    assert np.isfinite(data.qpos).all()


@pytest.mark.parametrize("action", [np.zeros(6), np.full(7, np.nan)])
def test_an_action_that_is_not_7_finite_numbers_is_refused(action: FloatArray) -> None:
    arm, data = at_rest()
    with pytest.raises(ValueError, match="7 finite numbers"):
        arm.command(data, action)
