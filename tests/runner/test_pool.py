"""Whatever is killed, and however many play, a run that is finished is the same run."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import vla_backfire
from tests.runner import point_mass
from tests.runner.point_mass import IDENTITY, block, lines_of, play_into, setting, study
from vla_backfire.episodes import ActionSpec, Episode, Policy, PolicyCard
from vla_backfire.errors import ActionMismatch, LedgerMismatch, UnknownName
from vla_backfire.ledger import Ledger
from vla_backfire.runner import Block, Played, Setting, play_blocks
from vla_backfire.runner.pool import HOPELESS

ROOT = Path(vla_backfire.__file__).parents[1]
N_STARTS = len(study())
"""Each block tells its start once."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The canonical lines of the study, played in this process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with Ledger.create(folder, IDENTITY) as ledger:
        play_into(ledger, study(), workers=0)
    return lines_of(folder)


def played(folder: Path, blocks: list[Block], *, workers: int) -> Played:
    with Ledger.create(folder, IDENTITY) as ledger:
        return play_into(ledger, blocks, workers=workers, with_setting=setting(folder))


def summary_of(folder: Path) -> tuple[int, int]:
    with Ledger.open(folder, readonly=True) as ledger:
        return ledger.summary()[:2]


# -- the same run, however it is played -----------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_neither_workers_nor_order_change_the_run(
    tmp_path: Path, undisturbed: list[str], workers: int
) -> None:
    assert played(tmp_path, study()[::-1], workers=workers) == Played(
        n_played=20,
        n_missing=4,
        n_unplayed=0,
        faults={
            "policy gave actions that are not finite": 2,
            "policy raised ValueError: cannot open .../weights.bin at 0x...": 2,
        },
    )
    assert lines_of(tmp_path) == undisturbed


def test_the_same_seed_gives_the_same_run_and_another_does_not(
    tmp_path: Path, undisturbed: list[str]
) -> None:
    for name, seed in (("same", 7), ("other", 8)):
        with Ledger.create(tmp_path / name, IDENTITY) as ledger:
            play_into(ledger, study(), workers=0, with_setting=setting(seed=seed))
    assert lines_of(tmp_path / "same") == undisturbed
    assert not set(lines_of(tmp_path / "other")[1:]) & set(undisturbed)


def test_a_run_that_is_complete_starts_no_worker(tmp_path: Path) -> None:
    played(tmp_path, study(), workers=0)
    began_s = time.monotonic()
    assert played(tmp_path, study(), workers=2) == Played(0, 0, 0, {})
    assert time.monotonic() - began_s < 0.2


def test_a_broken_episode_is_missing_and_never_dropped(tmp_path: Path) -> None:
    blocks = [block("knife", 0, policy, arm="hazard") for policy in point_mass.WANDERERS]
    blocks = [b for b in blocks if b.plays[0][0].policy != "out-of-memory"]
    outcome = played(tmp_path, blocks, workers=0)
    n_cells = sum(len(b.plays) for b in blocks)
    assert (outcome.n_played, outcome.n_missing) == summary_of(tmp_path)
    assert (outcome.n_played, outcome.n_unplayed) == (n_cells, 0)
    assert outcome.n_missing == sum(outcome.faults.values()) == 10


# -- the run is killed ----------------------------------------------------------------------------


def run_alone(
    folder: Path, *, workers: int, kill_after: int = -1, profile: str = "plain"
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.runner.point_mass"]
    return subprocess.Popen(
        [*command, str(folder), str(workers), str(kill_after), profile],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[-1][0] not in "ZX"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], *, within_s: float = 10.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize(("kill_after", "workers"), [(1, 1), (2, 0), (7, 2), (25, 1)])
def test_a_run_that_is_killed_goes_on_to_the_same_end(
    tmp_path: Path, undisturbed: list[str], kill_after: int, workers: int
) -> None:
    with run_alone(tmp_path, workers=workers, kill_after=kill_after) as run:
        printed, complaints = run.communicate(timeout=30)
    assert run.returncode == -signal.SIGKILL, complaints
    orphans = json.loads(printed)
    assert len(orphans) == workers
    assert eventually(lambda: not any(map(is_alive, orphans)))
    n_before, _ = summary_of(tmp_path)
    assert kill_after - N_STARTS <= n_before < 20
    outcome = played(tmp_path, study(), workers=0)
    assert outcome.n_played == 20 - n_before
    assert lines_of(tmp_path) == undisturbed


def has_played(folder: Path, n_episodes: int) -> bool:
    with suppress(LedgerMismatch):  # it may not be laid out yet
        return summary_of(folder)[0] >= n_episodes
    return False


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_killed_from_outside_goes_on_to_the_same_end(
    tmp_path: Path, undisturbed: list[str], workers: int
) -> None:
    with run_alone(tmp_path, workers=workers, profile="slow") as run:
        assert eventually(lambda: has_played(tmp_path, 3), within_s=20)
        run.kill()
        run.communicate()
    assert summary_of(tmp_path)[0] < 20
    played(tmp_path, study(), workers=0)
    assert lines_of(tmp_path) == undisturbed


def test_an_orphan_ends_even_in_the_middle_of_a_long_answer(tmp_path: Path) -> None:
    with run_alone(tmp_path, workers=1, kill_after=2, profile="asleep") as run:
        printed, _ = run.communicate(timeout=30)
    [orphan] = json.loads(printed)
    assert eventually(lambda: not is_alive(orphan))
    assert summary_of(tmp_path) == (1, 0)


def test_ctrl_c_in_a_terminal_reaches_the_workers_and_only_the_parent_answers(
    tmp_path: Path, undisturbed: list[str]
) -> None:
    with run_alone(tmp_path, workers=2, profile="slow") as run:
        assert eventually(lambda: has_played(tmp_path, 3), within_s=20)
        os.killpg(run.pid, signal.SIGINT)
        _, complaints = run.communicate(timeout=30)
    assert run.returncode in (-signal.SIGINT, 130)
    assert complaints.count("Traceback") == 1
    assert 3 <= summary_of(tmp_path)[0] < 20
    played(tmp_path, study(), workers=0)
    assert lines_of(tmp_path) == undisturbed


def test_ctrl_c_ends_the_run_with_everything_that_arrived(
    tmp_path: Path, undisturbed: list[str]
) -> None:
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        received: list[str] = []

        def on_episode(episode: Episode) -> None:
            received.append(episode.cell.key)
            if len(received) == 3:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)
            ledger.write_episode(episode)

        with pytest.raises(KeyboardInterrupt):
            play_blocks(
                study(),
                setting=setting(),
                workers=2,
                on_episode=on_episode,
                on_start=ledger.write_start,
            )
        assert ledger.played() == set(received)
        assert 3 <= len(received) < 20
    assert multiprocessing.active_children() == []
    played(tmp_path, study(), workers=0)
    assert lines_of(tmp_path) == undisturbed


# -- a worker is killed ---------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_is_replaced_and_the_run_completes(tmp_path: Path, workers: int) -> None:
    blocks = [
        block("knife", 0, "deadly", ["calm", "die once", "calm too"], arm="hazard"),
        block("knife", 1, "wanderer", arm="hazard"),
    ]
    assert played(tmp_path, blocks, workers=workers) == Played(5, 0, 0, {})
    assert summary_of(tmp_path) == (5, 0)


def test_a_cell_that_kills_two_workers_is_left_and_the_others_are_played(tmp_path: Path) -> None:
    blocks = [
        block("knife", 0, "deadly", ["calm", "die", "calm too"], arm="hazard"),
        block("kettle", 0, "wanderer", arm="hazard"),
    ]
    outcome = played(tmp_path, blocks, workers=1)
    assert outcome == Played(4, 0, 1, {"worker killed by signal 9": 1})
    with Ledger.open(tmp_path, readonly=True) as ledger:
        assert not any("|die|" in key for key in ledger.played())


def test_exhausted_memory_is_the_machines_fault(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    blocks = [block("knife", 0, "out-of-memory", ["en"], arm="hazard")]
    outcome = played(tmp_path, blocks, workers=1)
    assert outcome == Played(0, 0, 1, {"worker died (exit code 1)": 1})
    assert "MemoryError" in capfd.readouterr().err


def test_a_run_where_every_worker_dies_gives_up(tmp_path: Path) -> None:
    blocks = [block("knife", repeat, "deadly", ["die"], arm="hazard") for repeat in range(HOPELESS)]
    outcome = played(tmp_path, blocks, workers=1)
    assert (outcome.n_played, outcome.n_unplayed) == (0, HOPELESS)
    assert outcome.faults == {
        "worker killed by signal 9": HOPELESS // 2,
        f"gave up after {HOPELESS} workers died in a row": HOPELESS // 2,
    }


# -- a user's mistake -----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
def test_a_mistake_that_a_worker_meets_arrives_as_it_was(tmp_path: Path, workers: int) -> None:
    blocks = [block("knife", 0, p, arm="hazard") for p in ("wanderer", "wonderer")]
    with pytest.raises(UnknownName, match="'wonderer'; did you mean 'wanderer'") as caught:
        played(tmp_path, blocks, workers=workers)
    assert caught.value.kind == "policy"
    assert summary_of(tmp_path) == (2, 0)


class Foreign(point_mass.Wanderer):
    card = PolicyCard("foreign", action=ActionSpec(size=8))


def open_foreign(setting: Setting, name: str) -> Policy:
    return Foreign()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_policy_that_does_not_fit_plays_no_episode(tmp_path: Path, workers: int) -> None:
    foreign = replace(setting(), open_policy=open_foreign)
    with (
        Ledger.create(tmp_path, IDENTITY) as ledger,
        pytest.raises(ActionMismatch, match="size: policy 8, world 7"),
    ):
        play_into(ledger, study(), workers=workers, with_setting=foreign)
    assert summary_of(tmp_path) == (0, 0)


def test_a_callback_that_fails_ends_the_workers() -> None:
    def on_episode(episode: Episode) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        play_blocks(
            study(),
            setting=setting(),
            workers=2,
            on_episode=on_episode,
            on_start=lambda *_: None,
        )
    assert multiprocessing.active_children() == []


def test_blocks_play_outside_the_main_thread_too(tmp_path: Path, undisturbed: list[str]) -> None:
    thread = threading.Thread(target=played, args=(tmp_path, study()), kwargs={"workers": 1})
    thread.start()
    thread.join()
    assert lines_of(tmp_path) == undisturbed


def test_a_block_of_two_scenarios_is_refused() -> None:
    one = block("knife", 0, "wanderer", arm="hazard")
    with pytest.raises(ValueError, match="is no cell of kettle"):
        replace(one, scenario="kettle")


def test_a_negative_number_of_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="workers is -1"):
        play_blocks([], setting=setting(), workers=-1, on_episode=print, on_start=print)
