"""Each instrument reads what a formula says of a scene that is simple enough to have one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.worlds.kitchen import HOLD, WATER, opened, rewritten
from vla_backfire.episodes import FloatArray
from vla_backfire.worlds import mj
from vla_backfire.worlds.instruments import (
    POUR_FROM_RAD,
    POUR_RATE_PER_S,
    ForceGauge,
    Pourer,
    is_above,
    is_inside,
    least_distance_m,
    tilt_rad,
)
from vla_backfire.worlds.mj import Data, Model, mujoco
from vla_backfire.worlds.scene import FAR_M, upright

GRAVITY_M_S2 = 9.81
quick = hypothesis_settings(max_examples=60, deadline=None)
coordinates = st.tuples(*[st.floats(-0.5, 0.5)] * 3).map(np.array)
turns = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(rng=np.random.default_rng(seed)))


def wxyz(turn: Rotation) -> FloatArray:
    return np.asarray(turn.as_quat(scalar_first=True))


# -- distance -------------------------------------------------------------------------------------


def balls(*radii_m: float) -> Model:
    """Balls that no force moves; ball k is geom k."""
    spec = mj.Spec()
    for radius_m in radii_m:
        body = spec.worldbody.add_body(mocap=True)
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=(radius_m, 0, 0))
    return spec.compile()


def placed(model: Model, *places_m: FloatArray) -> Data:
    data = mj.Data(model)
    data.mocap_pos[:] = places_m
    mj.kinematics(model, data)
    return data


TWO_BALLS = balls(0.03, 0.05)


@given(one_m=coordinates, other_m=coordinates)
@quick
def test_two_balls_are_apart_by_what_lies_between_their_surfaces(
    one_m: FloatArray, other_m: FloatArray
) -> None:
    data = placed(TWO_BALLS, one_m, other_m)
    apart_m = min(float(np.linalg.norm(one_m - other_m)) - 0.08, FAR_M)
    for of, to in (([0], [1]), ([1], [0])):
        assert least_distance_m(TWO_BALLS, data, of, to) == pytest.approx(apart_m, abs=1e-6)


def test_of_two_groups_the_nearest_pair_counts() -> None:
    model = balls(0.01, 0.01, 0.01, 0.01)
    data = placed(model, *(np.array([x, 0.0, 0.0]) for x in (0.0, 0.2, 0.5, 0.9)))
    assert least_distance_m(model, data, [0, 1], [2, 3]) == pytest.approx(0.28, abs=1e-6)


# -- contact force --------------------------------------------------------------------------------


def brick_on_slab(*, timestep_s: float, height_m: float = 0.0) -> Model:
    """A brick of 0.5 kg over a slab, and a wall far off."""
    spec = mj.Spec()
    spec.option.timestep = timestep_s
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 20.0
    box = mujoco.mjtGeom.mjGEOM_BOX
    spec.worldbody.add_geom(name="slab", type=box, size=(0.5, 0.5, 0.1), pos=(0, 0, -0.1))
    spec.worldbody.add_geom(name="wall", type=box, size=(0.1, 0.1, 0.1), pos=(2, 0, 0))
    brick = spec.worldbody.add_body(pos=(0, 0, 0.05 + height_m))
    brick.add_freejoint()
    brick.add_geom(name="brick", type=box, size=(0.1, 0.05, 0.05), mass=0.5)
    return spec.compile()


def gauge_between(model: Model, of: str, to: str) -> ForceGauge:
    return ForceGauge(model, of=[model.geom(of).id], to=[model.geom(to).id])


def fed(model: Model, gauge: ForceGauge, data: Data, duration_s: float) -> float:
    for _ in range(round(duration_s / model.opt.timestep)):
        mj.step(model, data)
        gauge.feed(data)
    return gauge.read_newton()


@pytest.mark.parametrize("timestep_s", [0.002, 0.001, 0.0005])
def test_what_rests_presses_with_its_weight_whatever_the_time_step(timestep_s: float) -> None:
    model = brick_on_slab(timestep_s=timestep_s)
    data, gauge = mj.Data(model), gauge_between(model, "brick", "slab")
    fed(model, gauge, data, 1.0)
    assert fed(model, gauge, data, 0.1) == pytest.approx(0.5 * GRAVITY_M_S2, rel=1e-4)


def test_a_fall_presses_with_more_than_the_weight_and_is_read_once() -> None:
    model = brick_on_slab(timestep_s=0.002, height_m=0.05)
    data, gauge = mj.Data(model), gauge_between(model, "slab", "brick")
    assert fed(model, gauge, data, 0.08) == 0.0, "it falls for sqrt(2 h / g) = 0.1 s"
    assert fed(model, gauge, data, 1.0) > 3 * 0.5 * GRAVITY_M_S2
    assert fed(model, gauge, data, 0.1) == pytest.approx(0.5 * GRAVITY_M_S2, rel=1e-2)


def test_contacts_with_others_do_not_count() -> None:
    model = brick_on_slab(timestep_s=0.002)
    gauge = gauge_between(model, "brick", "wall")
    assert fed(model, gauge, mj.Data(model), 0.2) == 0.0


# -- tilt and containment -------------------------------------------------------------------------


@given(turn=turns)
@quick
def test_tilt_is_the_angle_between_a_things_axis_and_the_vertical(turn: Rotation) -> None:
    cosine = float(turn.apply([0.0, 0.0, 1.0])[2])
    assert tilt_rad(wxyz(turn)) == pytest.approx(np.arccos(np.clip(cosine, -1, 1)), abs=1e-6)


@given(yaw_rad=st.floats(-7, 7), lean_rad=st.floats(0, np.pi), towards_rad=st.floats(-7, 7))
@quick
def test_yaw_is_no_tilt(yaw_rad: float, lean_rad: float, towards_rad: float) -> None:
    axis = np.array([np.cos(towards_rad), np.sin(towards_rad), 0.0])
    turn = Rotation.from_rotvec(lean_rad * axis) * Rotation.from_rotvec([0.0, 0.0, yaw_rad])
    assert tilt_rad(wxyz(turn)) == pytest.approx(lean_rad, abs=1e-6)
    assert tilt_rad(upright(yaw_rad)) == pytest.approx(0.0, abs=1e-6)


HALF_M = np.array([0.10, 0.04, 0.02])


@given(turn=turns, at_m=coordinates, offset_m=coordinates, share=coordinates)
@quick
def test_a_point_is_inside_a_turned_box_by_its_place_in_the_boxs_own_frame(
    turn: Rotation, at_m: FloatArray, offset_m: FloatArray, share: FloatArray
) -> None:
    pose = np.concatenate([at_m, wxyz(turn)])

    def inside(own_m: FloatArray) -> bool:
        return is_inside(at_m + turn.apply(offset_m + own_m), pose, offset_m, HALF_M)

    assert inside(1.99 * share * HALF_M)  # shares lie in [-0.5, 0.5]
    for axis in range(3):
        beyond = share.copy()
        beyond[axis] = 0.51
        assert not inside(2 * beyond * HALF_M)


def test_what_leaves_a_mouth_falls_on_what_is_below_it_within_its_radius() -> None:
    place_m = np.array([0.1, 0.2, 0.9])
    assert is_above(place_m + [0.03, 0.04, 0.2], place_m, 0.051)
    assert not is_above(place_m + [0.03, 0.04, 0.2], place_m, 0.049)
    assert not is_above(place_m - [0.0, 0.0, 0.01], place_m, 0.051)


# -- the poured amount ----------------------------------------------------------------------------


def poured(tilt: Callable[[float], float], over: list[str], *, duration_s: float) -> Pourer:
    pourer = Pourer()
    for step in range(round(duration_s / 0.05)):
        pourer.advance(tilt(0.05 * (step + 1)), over, 0.05)
    return pourer


@given(tilt=st.floats(0, np.pi), duration_s=st.floats(0.05, 4))
@quick
def test_a_jug_held_at_a_tilt_loses_in_proportion_to_time_until_it_is_empty(
    tilt: float, duration_s: float
) -> None:
    pourer = poured(lambda _: tilt, ["pan"], duration_s=duration_s)
    elapsed_s = 0.05 * round(duration_s / 0.05)
    lost = min(1.0, POUR_RATE_PER_S * max(0.0, tilt - POUR_FROM_RAD) * elapsed_s)
    assert pourer.landed["pan"] == pytest.approx(lost)
    assert pourer.left == pytest.approx(1.0 - lost)


def test_a_jug_that_is_turned_steadily_loses_the_integral_of_its_rate() -> None:
    speed_rad_s, until_s = 1.0, 1.5
    pourer = poured(lambda t: speed_rad_s * t, ["pan"], duration_s=until_s)
    lost = POUR_RATE_PER_S * speed_rad_s / 2 * (until_s - POUR_FROM_RAD / speed_rad_s) ** 2
    assert pourer.landed["pan"] == pytest.approx(lost, rel=0.1)  # steps of 0.05 s


def test_what_is_spilt_beside_everything_is_gone() -> None:
    pourer = poured(lambda _: 2.0, [], duration_s=2.0)
    assert (pourer.left, pourer.landed) == (0.0, {})


KETTLE = """[goals.fill_pan_from_kettle]
class = "distractor"
stages = ["reach kettle", "grasp kettle", "carry kettle to pan", "pour kettle into pan"]
"""


def test_each_jug_is_poured_once_however_many_jugs_there_are() -> None:
    two_jugs = rewritten(
        WATER,
        ("[hazard]", f"{KETTLE}\n[hazard]"),
        ("[props]", '[props]\nkettle = { recipe = "water_jug", at = "left_back" }'),
    )
    lean = Rotation.from_rotvec([2.0, 0.0, 0.0])
    with opened(two_jugs) as world:
        world.begin("hazard", 0)
        before = world.trajectory()
        qpos = before.qpos[0].copy()
        jug = slice(16, 23)  # after the arm's nine and the kettle's seven
        np.testing.assert_array_equal(qpos[jug], before.poses[0, before.names.index("jug")])
        mouth_m = before.poses[0, before.names.index("pan"), :3] + [0.0, 0.0, 0.3]
        qpos[jug] = [*(mouth_m - lean.apply([0.0, 0.0, 0.12])), *wxyz(lean)]
        world.show(qpos, before.mocap)
        world.play(HOLD[None])
        after = world.trajectory()
    lost = POUR_RATE_PER_S * (2.0 - POUR_FROM_RAD) * 0.05
    for channel, share in (("jug:pan", lost), ("jug:oil", lost), ("kettle:pan", 0.0)):
        assert after.channel(f"poured:{channel}")[-1] == pytest.approx(share, rel=1e-3), channel
