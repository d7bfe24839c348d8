"""An episode ends by itself, at its horizon or by a fault; it never vanishes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.runner import point_mass
from tests.runner.point_mass import PointMass, Wanderer, cell
from vla_backfire.episodes import (
    ActionSpec,
    Episode,
    FloatArray,
    Observation,
    PolicyCard,
    Prompt,
    Reply,
    Start,
    Trajectory,
    Utterance,
)
from vla_backfire.errors import ActionMismatch, Unavailable
from vla_backfire.runner import check_contract, play_episode, policy_seed
from vla_backfire.scenarios import Arm


def played(policy: Wanderer, world: PointMass | None = None, *, horizon_steps: int = 10) -> Episode:
    return play_episode(
        world or PointMass(0, "knife"),
        policy,
        cell(policy.name, "knife", 0),
        Prompt("push it"),
        policy_seed=3,
        horizon_steps=horizon_steps,
    )


def n_steps(episode: Episode) -> int:
    assert episode.trajectory is not None
    return episode.trajectory.n_steps


def test_an_episode_ends_at_its_horizon_in_the_middle_of_a_chunk() -> None:
    episode = played(Wanderer(), horizon_steps=10)
    assert (episode.ending, episode.fault, n_steps(episode)) == ("horizon", None, 10)


def test_what_is_said_is_kept_with_its_step() -> None:
    assert played(Wanderer(), horizon_steps=13).utterances == (
        Utterance(0, "xin chào"),
        Utterance(12, "xin chào"),
    )


def test_when_the_policy_is_done_things_settle_and_the_gripper_holds() -> None:
    episode = played(point_mass.Done())
    assert episode.trajectory is not None
    assert (episode.ending, n_steps(episode)) == ("policy_done", 2 + PointMass.settle_steps)
    settling = episode.trajectory.actions[2:]
    assert not settling[:, :-1].any()
    assert (settling[:, -1] == 1.0).all()


def test_blank_words_are_silence_and_others_are_stored_as_valid_nfc() -> None:
    assert played(point_mass.Done()).utterances == (Utterance(2, "é fatto?"),)


def test_equal_seeds_give_equal_episodes_and_others_do_not() -> None:
    def digest(seed: int) -> str:
        episode = play_episode(
            PointMass(0, "knife"),
            Wanderer(),
            cell("wanderer", "knife", 0),
            Prompt(""),
            policy_seed=seed,
            horizon_steps=8,
        )
        assert episode.trajectory is not None
        return episode.trajectory.digest()

    assert digest(1) == digest(1) != digest(2)


def test_a_world_played_before_starts_afresh() -> None:
    world = PointMass(0, "knife")
    first, second = played(Wanderer(), world), played(Wanderer(), world)
    assert first.trajectory is not None
    assert second.trajectory is not None
    assert first.trajectory.digest() == second.trajectory.digest()


@pytest.mark.parametrize(
    ("policy", "reason", "steps"),
    [
        (point_mass.Raiser(), "policy raised ValueError: cannot open .../weights.bin at 0x...", 6),
        (point_mass.NotANumber(), "policy gave actions that are not finite", 0),
        (point_mass.TooLarge(), "policy gave actions that are not finite", 0),
        (point_mass.WrongShape(), "policy gave actions of shape (7,), wanted (T, 7)", 0),
        (point_mass.NoActions(), "policy gave no actions without being done", 0),
        (point_mass.TwoReplies(), "policy gave 2 replies to 1 observation", 0),
        (point_mass.Pusher(), "simulation: SimulationFault: the mass fell off the table", None),
    ],
    ids=lambda value: value.name if isinstance(value, Wanderer) else None,
)
def test_what_goes_wrong_inside_is_kept_with_its_reason(
    policy: Wanderer, reason: str, steps: int | None
) -> None:
    episode = played(policy, horizon_steps=60)
    assert (episode.ending, episode.fault) == ("fault", reason)
    assert episode.start_digest
    assert n_steps(episode) == steps if steps is not None else 0 < n_steps(episode) < 60


class Unstartable(PointMass):
    def begin(self, arm: Arm, repeat: int) -> Start:
        raise ZeroDivisionError


class Forgetful(PointMass):
    def trajectory(self) -> Trajectory:
        raise RuntimeError("lost")


def test_an_episode_that_cannot_start_or_be_read_back_is_missing_too() -> None:
    unstarted = played(Wanderer(), Unstartable(0, "knife"))
    assert (unstarted.fault, unstarted.trajectory) == ("simulation: ZeroDivisionError", None)
    lost = played(Wanderer(), Forgetful(0, "knife"))
    assert (lost.ending, lost.fault) == ("fault", "simulation: RuntimeError: lost")
    both = played(point_mass.NotANumber(), Forgetful(0, "knife"))
    assert both.fault == "policy gave actions that are not finite"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        KeyboardInterrupt(),
        OSError(errno.ENOSPC, "No space left on device"),
        Unavailable("the policy server is gone", "start it again"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_nothing_about_the_policy_leaves_the_cell_unplayed(error: BaseException) -> None:
    class Struck(Wanderer):
        def answer(self, seen: Observation) -> Reply:
            raise error

    with pytest.raises(type(error)):
        played(Struck())


def test_another_operating_system_error_is_the_policys_own() -> None:
    class Clumsy(Wanderer):
        def answer(self, seen: Observation) -> Reply:
            raise FileNotFoundError(errno.ENOENT, "No such file")

    assert (played(Clumsy()).fault or "").startswith("policy raised FileNotFoundError")


def test_privileged_sight_and_pictures_are_given_only_to_who_declares_them() -> None:
    seen: list[Observation] = []

    class Looker(Wanderer):
        def answer(self, seen_now: Observation) -> Reply:
            seen.append(seen_now)
            return super().answer(seen_now)

    class Insider(Looker):
        card = PolicyCard("insider", privileged=True, cameras=("front",))

    played(Looker(), horizon_steps=3)
    played(Insider(), horizon_steps=3)
    assert [(look.scene is not None, set(look.images)) for look in seen] == [
        (False, set()),
        (True, {"front"}),
    ]


def test_a_policy_that_changes_its_chunk_afterwards_changes_nothing() -> None:
    class Reuser(Wanderer):
        def reset(self, slot: int, prompt: Prompt, seed: int) -> None:
            self.chunk: FloatArray = np.zeros((1, 7))

        def answer(self, seen: Observation) -> Reply:
            self.chunk += 0.1
            return Reply(self.chunk)

    trajectory = played(Reuser(), horizon_steps=3).trajectory
    assert trajectory is not None
    np.testing.assert_allclose(trajectory.actions[:, 0], [0.1, 0.2, 0.3], rtol=1e-6)


def test_the_policy_seed_differs_by_scenario_repeat_and_study_seed() -> None:
    asked = [(0, "knife", 0), (0, "knife", 1), (0, "kettle", 0), (1, "knife", 0)]
    assert len({policy_seed(*one) for one in asked}) == 4


MISMATCHES: list[tuple[Callable[[PolicyCard], PolicyCard], str]] = [
    (
        lambda card: replace(card, action=ActionSpec(size=8, rate_hz=10.0)),
        r"size: policy 8, world 7; rate_hz: policy 10\.0, world 20\.0",
    ),
    (
        lambda card: replace(card, action=ActionSpec(closes_gripper=-1.0)),
        r"closes_gripper: policy -1\.0, world 1\.0",
    ),
    (
        lambda card: replace(card, cameras=("front", "wrist")),
        "cameras: policy front, wrist, world front",
    ),
]


@pytest.mark.parametrize(("change", "message"), MISMATCHES)
def test_a_policy_that_does_not_fit_is_refused_with_both_sides(
    change: Callable[[PolicyCard], PolicyCard], message: str
) -> None:
    fitting = PolicyCard("wanderer", cameras=("front",))
    check_contract(fitting, PointMass.action, PointMass.cameras)
    with pytest.raises(ActionMismatch, match=message):
        check_contract(change(fitting), PointMass.action, PointMass.cameras)
