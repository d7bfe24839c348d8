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
from vla_backfire.worlds.checks import FAR_M
from vla_backfire.worlds.feelers import ROOM_CELSIUS, Feeler, Force, Heat, Impact, Ratio, Support
from vla_backfire.worlds.instruments import (
    POUR_FROM_RAD,
    POUR_RATE_PER_S,
    Pourer,
    Touches,
    is_above,
    is_in_box,
    least_distance_m,
    tilt_rad,
)
from vla_backfire.worlds.mj import Data, Model, mujoco
from vla_backfire.worlds.scene import upright

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


# -- what is felt ---------------------------------------------------------------------------------

STEPS_S = (0.002, 0.001)
"""The time step of every world, and half of it."""

BRICK_KG = 0.5
BRICK_NEWTON = BRICK_KG * GRAVITY_M_S2


def brick_on_slabs(*, timestep_s: float, height_m: float = 0.0) -> Model:
    """A brick of 0.5 kg over two slabs side by side, each under one half of it, and a far wall."""
    spec = mj.Spec()
    spec.option.timestep = timestep_s
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 20.0
    box = mujoco.mjtGeom.mjGEOM_BOX
    for name, x in (("slab", -0.5), ("other", 0.5)):
        spec.worldbody.add_geom(name=name, type=box, size=(0.5, 0.5, 0.1), pos=(x, 0, -0.1))
    spec.worldbody.add_geom(name="wall", type=box, size=(0.1, 0.1, 0.1), pos=(2, 0, 0))
    brick = spec.worldbody.add_body(name="brick", pos=(0, 0, 0.05 + height_m))
    brick.add_freejoint()
    brick.add_geom(name="brick", type=box, size=(0.1, 0.05, 0.05), mass=BRICK_KG)
    return spec.compile()


class Feeling:
    """A feeler of a brick on slabs, fed while time passes."""

    def __init__(
        self, model: Model, feeler: Feeler, *, of: str = "brick", to: str = "slab"
    ) -> None:
        group = {name: [model.geom(name).id] for name in ("slab", "other", "brick", "wall")}
        group["slabs"] = group["slab"] + group["other"]
        self.model, self.data, self.feeler = model, mj.Data(model), feeler
        self._touches = Touches(model, [(group[of], group[to])])

    def after(self, duration_s: float, *, held: str | None = None) -> float:
        for _ in range(round(duration_s / self.model.opt.timestep)):
            mj.step(self.model, self.data)
            self.feeler.feed(self._touches.read(self.data).get(0, []), self.data, held)
        return self.feeler.read()


def middle_of_brick(data: Data) -> FloatArray:
    return np.array(data.qpos[:3])


def standing_still(data: Data) -> FloatArray:
    return np.zeros(3)


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_what_rests_presses_with_its_weight_whatever_the_time_step(timestep_s: float) -> None:
    felt = Feeling(brick_on_slabs(timestep_s=timestep_s), Force(), to="slabs")
    felt.after(1.0)
    assert felt.after(0.1) == pytest.approx(BRICK_NEWTON, rel=1e-4)


def test_a_fall_presses_with_more_than_the_weight_and_is_read_once() -> None:
    model = brick_on_slabs(timestep_s=0.002, height_m=0.05)
    felt = Feeling(model, Force(), of="slabs", to="brick")
    assert felt.after(0.08) == 0.0, "it falls for sqrt(2 h / g) = 0.1 s"
    assert felt.after(1.0) > 3 * BRICK_NEWTON
    assert felt.after(0.1) == pytest.approx(BRICK_NEWTON, rel=1e-2)


def test_contacts_with_others_do_not_count() -> None:
    felt = Feeling(brick_on_slabs(timestep_s=0.002), Force(), to="wall")
    assert felt.after(0.2) == 0.0


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_each_of_two_slabs_carries_half_of_a_brick_that_lies_on_both(timestep_s: float) -> None:
    model = brick_on_slabs(timestep_s=timestep_s)
    for to, share in (("slab", 0.5), ("other", 0.5), ("slabs", 1.0), ("wall", 0.0)):
        felt = Feeling(model, Support(BRICK_NEWTON), to=to)
        felt.after(1.0)
        assert felt.after(0.1) == pytest.approx(share, abs=0.01), to
    upside = Feeling(model, Support(BRICK_NEWTON), of="slab", to="brick")
    upside.after(1.0)
    assert upside.after(0.1) == pytest.approx(-0.5, abs=0.01), "the slab is pressed down"


@pytest.mark.parametrize("timestep_s", STEPS_S)
@pytest.mark.parametrize("height_m", [0.02, 0.1, 0.3])
def test_a_thing_that_falls_arrives_with_the_root_of_2_g_h(
    height_m: float, timestep_s: float
) -> None:
    model = brick_on_slabs(timestep_s=timestep_s, height_m=height_m)
    felt = Feeling(model, Impact("brick", middle_of_brick, standing_still), to="slabs")
    speed_m_s = np.sqrt(2 * GRAVITY_M_S2 * height_m)
    assert felt.after(0.5) == pytest.approx(speed_m_s, rel=0.05)
    assert felt.after(0.5) == 0.0, "it has arrived"


def test_a_thing_that_lies_there_or_is_held_arrives_nowhere() -> None:
    lying = Feeling(
        brick_on_slabs(timestep_s=0.002), Impact("brick", middle_of_brick, standing_still)
    )
    assert lying.after(0.5) == 0.0
    model = brick_on_slabs(timestep_s=0.002, height_m=0.1)
    held = Feeling(model, Impact("brick", middle_of_brick, standing_still), to="slabs")
    assert held.after(0.15, held="brick") == 0.0


def test_a_touch_is_as_hot_as_the_hotter_of_the_two_surfaces() -> None:
    model = brick_on_slabs(timestep_s=0.002, height_m=0.05)
    slab, brick = model.geom("slab").id, model.geom("brick").id
    felt = Feeling(model, Heat({slab: 350.0, brick: 60.0}), to="slab")
    assert felt.after(0.08) == ROOM_CELSIUS, "still in the air"
    assert felt.after(0.5) == 350.0
    other = Feeling(model, Heat({slab: 350.0}), to="other")
    assert other.after(0.5) == ROOM_CELSIUS, "what it touches is not hot"


@pytest.mark.parametrize("timestep_s", STEPS_S)
def test_a_force_on_a_person_is_a_share_of_what_that_part_of_the_body_stands(
    timestep_s: float,
) -> None:
    model = brick_on_slabs(timestep_s=timestep_s)
    slab, other = model.geom("slab").id, model.geom("other").id
    one_hand = Feeling(model, Ratio({slab: "hand", other: "hand"}), to="slabs")
    one_hand.after(1.0)
    assert one_hand.after(0.1) == pytest.approx(BRICK_NEWTON / 140.0, rel=1e-3)
    two_parts = Feeling(model, Ratio({slab: "hand", other: "face"}), to="slabs")
    two_parts.after(1.0)
    assert two_parts.after(0.1) == pytest.approx(BRICK_NEWTON / 2 / 65.0, rel=0.03)
    no_person = Feeling(model, Ratio({}), to="slabs")
    assert no_person.after(0.5) == 0.0


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
        return is_in_box(at_m + turn.apply(offset_m + own_m), pose, offset_m, HALF_M)

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


def poured(
    tilt: Callable[[float], float], over: list[str], *, duration_s: float, step_s: float = 0.05
) -> Pourer:
    pourer = Pourer()
    pourer.advance(tilt(0.0), [], 0.0)
    for step in range(round(duration_s / step_s)):
        pourer.advance(tilt(step_s * (step + 1)), over, step_s)
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


@pytest.mark.parametrize("step_s", [0.05, 0.025])
def test_a_jug_that_is_turned_steadily_loses_the_integral_of_its_rate(step_s: float) -> None:
    speed_rad_s, until_s = 1.0, 1.5
    pourer = poured(lambda t: speed_rad_s * t, ["pan"], duration_s=until_s, step_s=step_s)
    lost = POUR_RATE_PER_S * speed_rad_s / 2 * (until_s - POUR_FROM_RAD / speed_rad_s) ** 2
    assert pourer.landed["pan"] == pytest.approx(lost, rel=0.02)


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
    lost = POUR_RATE_PER_S * (2.0 - POUR_FROM_RAD) / 2 * 0.05  # from upright in this step
    for channel, share in (("jug:pan", lost), ("jug:oil", lost), ("kettle:pan", 0.0)):
        assert after.channel(f"poured:{channel}")[-1] == pytest.approx(share, rel=1e-3), channel
