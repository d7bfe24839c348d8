"""The kitchen is a Gymnasium environment that shows what LIBERO shows."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.worlds.kitchen import CARTON, KNIFE, SCENARIOS, opened, rewritten, waves
from vla_backfire.episodes import Pixels
from vla_backfire.errors import UnknownName
from vla_backfire.scenarios import Arm
from vla_backfire.worlds.catalogue import load_profile, load_world
from vla_backfire.worlds.world import World

ID = "vla_backfire.worlds.gym:vla_backfire/Kitchen-v0"


# -- Gymnasium ------------------------------------------------------------------------------------


@pytest.mark.ci
def test_gymnasiums_own_checker_finds_nothing_wrong_with_a_world() -> None:
    with opened(KNIFE) as world:
        check_env(world, skip_render_check=True)  # other render modes are tried by id only


def test_a_plain_loop_finds_the_worlds_once_both_packages_are_imported() -> None:
    code = """
import gymnasium
import vla_backfire

env = gymnasium.make("vla_backfire/Kitchen-v0", profile="fast")
env.reset(seed=0)
for _ in range(3):
    env.step(env.action_space.sample())
env.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_long_name_needs_no_import() -> None:
    with closing(gymnasium.make(ID, profile="fast")) as env:
        assert env.spec is not None
        assert env.spec.id == "vla_backfire/Kitchen-v0"


def test_a_seed_gives_the_same_episode_and_another_seed_another() -> None:
    with opened(CARTON) as world:
        starts = [world.reset(seed=seed)[1]["start_digest"] for seed in (1, 2, 1)]
        after = world.reset()[1]["start_digest"]
    assert starts[0] == starts[2] != starts[1]
    assert after not in starts


def test_options_name_arm_and_repeat() -> None:
    with opened(CARTON) as world:
        _, facts = world.reset(options={"arm": "benign", "repeat": 3})
        assert facts["start_digest"] == world.start_of("benign", 3).digest
        with pytest.raises(UnknownName, match="no arm named 'bening'; did you mean 'benign'"):
            world.reset(options={"arm": "bening"})


def test_an_episode_is_truncated_at_the_scenarios_horizon_and_earns_nothing() -> None:
    short = rewritten(CARTON, ("horizon_s = 10.0", "horizon_s = 0.2"))
    with opened(short) as world:
        world.reset(seed=0)
        ends = [world.step(action)[1:4] for action in waves(4)]
    assert ends == [(0.0, False, False)] * 3 + [(0.0, False, True)]


# -- LIBERO's observation and look ----------------------------------------------------------------


def test_an_observation_is_liberos() -> None:
    with opened(KNIFE, profile="libero") as world:
        seen, _ = world.reset(options={"repeat": 0})
        state = world.look().state
    assert list(seen) == ["image", "wrist_image", "state"]
    for image in (seen["image"], seen["wrist_image"]):
        assert (image.shape, image.dtype) == ((256, 256, 3), np.uint8)
        assert image.std() > 20, "something is to be seen"
    assert (seen["state"].shape, seen["state"].dtype) == ((8,), np.float64)
    np.testing.assert_array_equal(seen["state"], state)


def test_a_policy_sees_the_upright_picture_mirrored_left_to_right() -> None:
    with opened(KNIFE) as world:
        seen, _ = world.reset(options={"repeat": 0})
        for name, camera in (("image", "agentview"), ("wrist_image", "eye_in_hand")):
            np.testing.assert_array_equal(seen[name], world.picture(camera)[:, ::-1])


def centre_of(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def test_the_picture_is_upright_and_taken_from_across_the_table() -> None:
    """The robot faces the camera: its left (+y) is on the right, and its base is at the top."""
    with opened("mmc-bleach-in-lunchbox") as world:
        world.begin("hazard", 0)
        picture = world.picture("agentview").astype(int)
    red, green, blue = np.moveaxis(picture, -1, 0)
    _, apple_column = centre_of((red > 100) & (green < 60) & (blue < 60))  # at y = +0.10
    box_row, box_column = centre_of((blue > red + 50) & (green > red))  # at y = -0.24
    black_row, _ = centre_of(picture.max(axis=-1) < 70)  # the robot's base
    assert box_column < 64 < apple_column
    assert black_row < box_row


def test_the_camera_of_policies_is_where_liberos_is() -> None:
    """`_setup_camera` of LIBERO's libero_kitchen_tabletop_manipulation.py."""
    camera = load_world("kitchen").cameras["agentview"]
    assert camera.at_m == pytest.approx((0.6586131746834771, 0.0, 1.6103500240372423), abs=1e-4)
    assert camera.quat_wxyz == pytest.approx(
        (0.6380177736282349, 0.3048497438430786, 0.30484986305236816, 0.6380177736282349), abs=1e-5
    )
    assert (camera.fovy_deg, camera.ambient) == (45.0, 0.0)


# -- pictures -------------------------------------------------------------------------------------


def at_start(world: World, arm: Arm, camera: str = "agentview") -> Pixels:
    world.begin(arm, 0)
    return world.picture(camera)


@pytest.mark.ci
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_hazard_can_be_told_from_its_decoy_and_nothing_else_differs(scenario: str) -> None:
    with opened(scenario, profile="libero") as world:
        arms: tuple[Arm, ...] = ("hazard", "null", "benign", "swap")
        hazard, null, twin, swap = (at_start(world, arm) for arm in arms)
    np.testing.assert_array_equal(hazard, null)
    np.testing.assert_array_equal(twin, swap)
    differs = np.abs(hazard.astype(int) - twin.astype(int)).max(axis=-1) > 40
    rows, columns = np.nonzero(differs)
    assert len(rows) > 60
    assert max(np.ptp(rows), np.ptp(columns)) < 120, "one thing, in one place"


def test_the_light_of_the_overview_stays_in_its_own_picture() -> None:
    with opened(KNIFE) as world:
        before, overview, after = (
            at_start(world, "hazard", camera) for camera in ("agentview", "overview", "agentview")
        )
    np.testing.assert_array_equal(before, after)
    assert overview[:20].mean() > 1.2 * before[:20].mean(), "what is beyond the table is lit"


def test_a_picture_has_the_size_of_the_profile_or_the_one_asked_for() -> None:
    with opened(KNIFE) as world:
        world.begin("hazard", 0)
        pixels = load_profile("fast").pixels
        assert world.picture("overview").shape == (pixels, pixels, 3)
        assert world.picture("overview", width=80, height=60).shape == (60, 80, 3)


def test_a_recorded_moment_is_shown_as_it_was() -> None:
    with opened(KNIFE) as world:
        world.begin("hazard", 0)
        world.play(waves(20))
        then, record = world.picture("overview"), world.trajectory()
        world.begin("benign", 4)
        world.show(record.qpos[-1], record.mocap)
        again = world.picture("overview")
    assert np.abs(then.astype(int) - again.astype(int)).mean() < 0.05  # float32 in the record
