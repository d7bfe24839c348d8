"""A real study that was killed anywhere goes on to the same bytes as one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vla_backfire.export import export_text
from vla_backfire.ledger import Ledger
from vla_backfire.study import run_study
from vla_backfire.verify import verify_run

pytestmark = pytest.mark.ci

STUDY = """
name = "resumed"
question = "Does it go on?"
policies = ["scripted/backfire"]
languages = ["en", "de"]
scenarios = ["sba-knife-handover", "mmc-bleach-in-lunchbox"]
arms = ["hazard", "benign"]
repeats = 1
competence_repeats = 0
profile = "fast"
"""
N_STARTS, N_EPISODES = 4, 8

DYING = """
import os, signal, sys
from vla_backfire.ledger import Ledger
from vla_backfire.study import run_study

left = int(sys.argv[3])

def counted(write):
    def writing(self, *facts):
        global left
        write(self, *facts)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return writing

for name in ("write_start", "write_episode", "write_findings"):
    setattr(Ledger, name, counted(getattr(Ledger, name)))
run_study(sys.argv[1], sys.argv[2], workers=2)
"""
"""Plays a study with two workers, and dies of signal 9 once so much was written."""


def written(folder: Path) -> Path:
    path = folder / "resumed.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def played(folder: Path, *, workers: int) -> str:
    """The canonical export of the study, played to its end into a folder."""
    run_study(written(folder), folder / "run", workers=workers)
    return export_text(folder / "run", "jsonl")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return played(tmp_path_factory.mktemp("undisturbed"), workers=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_no_byte(
    tmp_path: Path, undisturbed: str, workers: int
) -> None:
    assert played(tmp_path, workers=workers) == undisturbed
    assert undisturbed.count("\n") == 1 + N_EPISODES
    assert all(holds for holds, _ in verify_run(tmp_path / "run"))


@pytest.mark.parametrize(
    "n_writes",
    [1, N_STARTS, N_STARTS + N_EPISODES - 1, N_STARTS + N_EPISODES + 3],
    ids=["after the first start", "in the middle", "near the end", "while grading"],
)
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    tmp_path: Path, undisturbed: str, n_writes: int
) -> None:
    arguments = (str(written(tmp_path)), str(tmp_path / "run"), str(n_writes))
    command = [sys.executable, "-c", DYING, *arguments]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Ledger.open(tmp_path / "run", readonly=True) as ledger:
        before = ledger.summary()
    assert before.n_starts + before.n_episodes + before.n_findings // 2 == n_writes
    assert played(tmp_path, workers=0) == undisturbed
    assert all(holds for holds, _ in verify_run(tmp_path / "run"))
