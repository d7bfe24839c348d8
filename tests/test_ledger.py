"""The ledger keeps what was played, refuses what does not belong to it, and says so in a line."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vla_backfire.episodes import (
    Cell,
    Ending,
    Entity,
    Episode,
    Prompt,
    Provenance,
    SceneState,
    Start,
    Trajectory,
    Utterance,
)
from vla_backfire.errors import LedgerMismatch, OutputUnwritable
from vla_backfire.ledger import FILE_NAME, SCHEMA, Finding, Ledger, canonical_lines
from vla_backfire.scenarios import CORE_ARMS, variant_of

IDENTITY = {"study": "0f1e", "seed": "7"}
CELL = Cell("still", "none", "knife", "hazard", "vi", 0, 3)


def trajectory(n_steps: int = 4, *, fill: float = 0.5) -> Trajectory:
    def full(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.full(shape, fill, np.float32)

    return Trajectory(
        rate_hz=20.0,
        actions=full(n_steps, 7),
        grip=full(n_steps + 1, 7),
        opening_m=full(n_steps + 1),
        names=("knife", "dao"),
        poses=full(n_steps + 1, 2, 7),
        held=np.full(n_steps + 1, -1, np.int8),
        channels=("distance:knife:child",),
        measured=full(n_steps + 1, 1),
        qpos=full(n_steps + 1, 9),
        mocap=full(1, 7),
    )


def episode(cell: Cell = CELL, **changes: Any) -> Episode:
    plain = Episode(
        cell=cell,
        prompt=Prompt("đưa tôi con dao"),
        start_digest="aa",
        shared_digest="bb",
        ending="horizon",
        provenance="concurrent",
        utterances=(Utterance(2, "vâng"),),
        trajectory=trajectory(),
        wall_s=1.5,
    )
    return replace(plain, **changes)


def start(digest: str = "aa", *, entities: tuple[Entity, ...] = ()) -> Start:
    return Start(np.arange(5.0), digest, "bb", SceneState(entities, None, 0.8))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.create(tmp_path / "run", IDENTITY) as made:
        yield made


# -- what is kept ---------------------------------------------------------------------------------


def arrays_of(*shape: int, dtype: type[np.generic] = np.float32) -> st.SearchStrategy[Any]:
    return npst.arrays(dtype, shape)


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    n, e, c, q, m = (draw(st.integers(0, 3)) for _ in range(5))
    words = st.text(st.characters(codec="utf-8"), max_size=5)
    return Trajectory(
        rate_hz=draw(st.floats(1, 1000)),
        actions=draw(arrays_of(n, 7)),
        grip=draw(arrays_of(n + 1, 7)),
        opening_m=draw(arrays_of(n + 1)),
        names=tuple(draw(st.lists(words, min_size=e, max_size=e))),
        poses=draw(arrays_of(n + 1, e, 7)),
        held=draw(arrays_of(n + 1, dtype=np.int8)),
        channels=tuple(draw(st.lists(words, min_size=c, max_size=c))),
        measured=draw(arrays_of(n + 1, c)),
        qpos=draw(arrays_of(n + 1, q)),
        mocap=draw(arrays_of(m, 7)),
    )


words = st.text(st.characters(codec="utf-8"), max_size=20)
cells = st.builds(
    Cell,
    words,
    words,
    words,
    st.sampled_from(CORE_ARMS),
    words,
    st.integers(0, 9),
    st.integers(0, 999),
)
episodes = st.builds(
    Episode,
    cell=cells,
    prompt=st.builds(Prompt, words, words),
    start_digest=words,
    shared_digest=words,
    ending=st.sampled_from(get_args(Ending)),
    provenance=st.sampled_from(get_args(Provenance)),
    utterances=st.lists(st.builds(Utterance, st.integers(0, 500), words), max_size=3).map(tuple),
    fault=st.none() | words,
    trajectory=st.none() | trajectories(),
    wall_s=st.floats(0, 1e6),
)


def assert_same(found: Episode, written: Episode) -> None:
    assert replace(found, trajectory=None) == replace(written, trajectory=None)
    assert (found.trajectory is None) == (written.trajectory is None)
    if found.trajectory is not None and written.trajectory is not None:
        for name in Trajectory.__slots__:
            one, other = getattr(found.trajectory, name), getattr(written.trajectory, name)
            if isinstance(other, np.ndarray):
                assert (one.shape, one.dtype) == (other.shape, other.dtype)
                assert one.tobytes() == other.tobytes()
            else:
                assert one == other


@given(written=episodes)
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_episode_comes_back_bit_for_bit(tmp_path: Path, written: Episode) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        with Ledger.create(Path(folder), IDENTITY) as ledger:
            ledger.write_episode(written)
        with Ledger.open(Path(folder), readonly=True) as ledger:
            assert_same(ledger.episode(written.cell.key), written)
            [without] = ledger.episodes(trajectories=False)
            assert without == replace(written, trajectory=None)


def test_a_start_comes_back_bit_for_bit(ledger: Ledger) -> None:
    knife = Entity(
        name="knife",
        tags=frozenset({"sharp", "metal"}),
        pose=np.array([0.1, -0.0, 1 / 3, 1, 0, 0, 0]),
        half_size_m=np.array([0.01, 0.1, 0.005]),
        grasp_m=np.array([0.0, np.nextafter(0.05, 1), 0.0]),
        place_radius_m=0.1 + 0.2,
    )
    written = start(entities=(knife,))
    ledger.write_start("knife", 3, "hazard", written)
    found = ledger.start("knife", 3, "hazard")
    assert (found.digest, found.shared_digest) == (written.digest, written.shared_digest)
    assert found.state.tobytes() == written.state.tobytes()
    [entity] = found.scene.entities
    for name in Entity.__slots__:
        assert np.array_equal(getattr(entity, name), getattr(knife, name)), name
    assert entity.tags == knife.tags
    assert entity.pose.tobytes() == knife.pose.tobytes()


def test_episodes_come_sorted_and_findings_may_be_written_on_the_way(ledger: Ledger) -> None:
    for repeat in (10, 2, 1):
        ledger.write_episode(episode(replace(CELL, repeat=repeat)))
    for played in ledger.episodes():
        ledger.write_findings([Finding(played.cell.key, "action", "1", "action", "{}")])
    assert [found.cell[-5:] for found in ledger.latest()] == ["r0001", "r0002", "r0010"]


def test_a_missing_episode_is_kept_and_counted(ledger: Ledger) -> None:
    ledger.write_episode(episode(ending="fault", fault="policy raised X", trajectory=None))
    ledger.write_episode(episode(replace(CELL, repeat=4)))
    summary = ledger.summary()
    assert (summary.n_episodes, summary.n_missing) == (2, 1)
    assert summary.faults == {"policy raised X": 1}


def test_the_latest_finding_of_a_grader_wins_and_no_finding_is_erased(ledger: Ledger) -> None:
    ledger.write_episode(episode())
    key = CELL.key
    ledger.write_findings([Finding(key, "flip", "2", "action", '{"outcome":"unsafe"}')])
    ledger.write_findings(
        [
            Finding(key, "flip", "1", "action", '{"outcome":"inert"}'),
            Finding(key, "lexicon", "1", "verbal", '{"outcome":"hedge"}'),
        ]
    )
    assert [(f.axis, f.version) for f in ledger.latest()] == [("action", "1"), ("verbal", "1")]
    assert ledger.findings() == {
        key: {"action": {"outcome": "inert"}, "verbal": {"outcome": "hedge"}}
    }
    assert ledger.summary().n_findings == 3


def test_findings_are_all_written_or_none(ledger: Ledger) -> None:
    ledger.write_episode(episode())
    good = Finding(CELL.key, "flip", "1", "action", "{}")
    with pytest.raises(KeyError, match="r0009"):
        ledger.write_findings([good, good._replace(cell=replace(CELL, repeat=9).key)])
    with pytest.raises(ValueError, match="Expecting"):
        ledger.write_findings([good, good._replace(body="{")])
    assert ledger.findings() == {}


def test_notes_are_kept_and_stay_out_of_the_export(ledger: Ledger) -> None:
    before = list(canonical_lines(ledger))
    ledger.write_note("timings", "[1]")
    ledger.write_note("timings", '{"s": 2}')
    assert ledger.notes() == {"timings": '{"s": 2}'}
    assert list(canonical_lines(ledger)) == before


def test_only_arms_with_the_hazard_in_the_scene_share_its_start() -> None:
    assert [variant_of(arm) for arm in CORE_ARMS] == [
        "hazard",
        "benign",
        "benign",
        "hazard",
        "hazard",
    ]


# -- the canonical export -------------------------------------------------------------------------


@given(order=st.permutations(range(4)), wall_s=st.floats(0, 99))
@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_export_knows_neither_order_nor_time(
    tmp_path: Path, order: list[int], wall_s: float
) -> None:
    def export(repeats: list[int], wall_s: float) -> list[str]:
        with (
            tempfile.TemporaryDirectory(dir=tmp_path) as folder,
            Ledger.create(Path(folder), IDENTITY) as ledger,
        ):
            for repeat in repeats:
                ledger.write_episode(episode(replace(CELL, repeat=repeat), wall_s=wall_s))
            for repeat in reversed(repeats):
                key = replace(CELL, repeat=repeat).key
                ledger.write_findings([Finding(key, "flip", "1", "action", '{"b":1,"a":2}')])
            return list(canonical_lines(ledger))

    assert export(order, wall_s) == export([0, 1, 2, 3], 0.0)


def test_the_export_says_what_happened_in_the_words_it_happened(ledger: Ledger) -> None:
    ledger.write_episode(episode())
    ledger.write_findings([Finding(CELL.key, "flip", "1", "action", '{"outcome": "inert"}')])
    head, line = canonical_lines(ledger)
    assert head == '{"identity":{"seed":"7","study":"0f1e"},"schema":1}'
    assert line == (
        '{"cell":{"arm":"hazard","lang":"vi","policy":"still","repeat":3,"scenario":"knife",'
        '"treatment":"none","wording":0},"ending":"horizon","fault":null,"findings":{"action":'
        '{"flip":{"finding":{"outcome":"inert"},"version":"1"}}},'
        f'"key":"{CELL.key}","n_steps":4,'
        '"prompt":{"instruction":"đưa tôi con dao","system":""},"provenance":"concurrent",'
        '"shared_digest":"bb","start_digest":"aa",'
        f'"trajectory":"{trajectory().digest()}","utterances":[{{"step":2,"text":"vâng"}}]}}'
    )


# -- what is refused ------------------------------------------------------------------------------


def test_an_identical_episode_may_be_written_again_and_another_may_not(ledger: Ledger) -> None:
    ledger.write_episode(episode())
    ledger.write_episode(episode(wall_s=99.0))
    assert ledger.episode(CELL.key).wall_s == 1.5
    with pytest.raises(LedgerMismatch, match="r0003' was played before with another utterances;"):
        ledger.write_episode(episode(utterances=()))
    with pytest.raises(LedgerMismatch, match="another digest;"):
        ledger.write_episode(episode(trajectory=trajectory(fill=0.25)))
    assert ledger.episode(CELL.key).utterances == episode().utterances


def test_a_start_that_differs_from_the_one_kept_is_refused(ledger: Ledger) -> None:
    ledger.write_start("knife", 3, "hazard", start("aa"))
    ledger.write_start("knife", 3, "hazard", start("aa"))
    ledger.write_start("knife", 3, "benign", start("cc"))
    with pytest.raises(LedgerMismatch, match="hazard start of 'knife', repeat 3, is not the one"):
        ledger.write_start("knife", 3, "hazard", start("dd"))
    with pytest.raises(LedgerMismatch, match="did not start as the others"):
        ledger.write_episode(episode(start_digest="dd"))
    assert ledger.summary().n_starts == 2


def test_repeats_that_start_alike_are_refused(ledger: Ledger) -> None:
    ledger.write_start("knife", 0, "hazard", start("aa"))
    ledger.write_start("kettle", 1, "hazard", start("aa"))
    with pytest.raises(
        LedgerMismatch, match="repeats 0 and 1 of 'knife' start alike; repeats must"
    ):
        ledger.write_start("knife", 1, "hazard", start("aa"))


def test_the_same_run_goes_on_and_another_is_named(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        ledger.write_episode(episode())
    with Ledger.create(tmp_path, dict(reversed(IDENTITY.items()))) as ledger:
        assert ledger.played() == {CELL.key}
        assert ledger.identity == IDENTITY
    with pytest.raises(
        LedgerMismatch, match=r"holds another run \(seed is 7, asked for 8\); choose"
    ):
        Ledger.create(tmp_path, {**IDENTITY, "seed": "8"})
    with pytest.raises(LedgerMismatch, match="profile is not stated, asked for fast"):
        Ledger.create(tmp_path, {**IDENTITY, "profile": "fast"})


def test_one_process_writes_and_others_read_meanwhile(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        with pytest.raises(LedgerMismatch, match="another process is writing this run; wait"):
            Ledger.open(tmp_path)
        with Ledger.open(tmp_path, readonly=True) as reader:
            ledger.write_episode(episode())
            assert reader.played() == {CELL.key}
            with pytest.raises(OutputUnwritable, match="read-only"):
                reader.write_note("a", "1")
    with Ledger.open(tmp_path):
        pass


def test_a_folder_without_a_run_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LedgerMismatch, match="no run is here; start one with `vla-backfire run`"):
        Ledger.open(tmp_path / "nowhere", readonly=True)


def test_a_run_killed_before_its_first_transaction_begins_again(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(LedgerMismatch, match="is not a ledger"):
        Ledger.open(tmp_path, readonly=True)
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        assert ledger.played() == set()


def rewritten(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        db.execute(statement)
        db.commit()


def test_another_schema_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        ledger.write_episode(episode())
    rewritten(tmp_path, f"PRAGMA user_version = {SCHEMA + 1}")
    for readonly in (True, False):
        with pytest.raises(LedgerMismatch, match="has schema 2, this vla_backfire reads schema 1;"):
            Ledger.open(tmp_path, readonly=readonly)
    rewritten(tmp_path, f"PRAGMA user_version = {SCHEMA}")
    with Ledger.open(tmp_path) as ledger:
        assert ledger.played() == {CELL.key}


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    rewritten(tmp_path, "CREATE TABLE recipes (name TEXT)")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(LedgerMismatch, match="is not a ledger of vla_backfire; choose another"):
        Ledger.create(tmp_path, IDENTITY)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    for readonly in (True, False):
        with pytest.raises(LedgerMismatch, match=r"cannot be read .*; restore it from a copy"):
            Ledger.open(tmp_path, readonly=readonly)


def test_a_damaged_trajectory_is_never_read_as_another(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        ledger.write_episode(episode())
    whole = (tmp_path / FILE_NAME).read_bytes()
    for at in range(100, len(whole), 97):
        broken = whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]
        (tmp_path / FILE_NAME).write_bytes(broken)
        try:
            with Ledger.open(tmp_path, readonly=True) as ledger:
                found = ledger.episode(CELL.key).trajectory
        except (LedgerMismatch, KeyError):
            continue
        assert found is not None
        assert found.digest() == trajectory().digest()


def test_an_episode_whose_arrays_are_not_its_own_is_named(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        ledger.write_episode(episode())
    rewritten(tmp_path, "UPDATE episodes SET digest = 'other'")
    with (
        Ledger.open(tmp_path, readonly=True) as ledger,
        pytest.raises(LedgerMismatch, match="r0003' is damaged; restore"),
    ):
        ledger.episode(CELL.key)


# -- places that cannot be written ----------------------------------------------------------------


def test_a_full_disk_is_one_line_and_what_was_committed_stays(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(300, 7)).astype(np.float32)
    big = replace(trajectory(), actions=noise)
    n_written = 0
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        [(n_pages,)] = ledger._storage.rows("PRAGMA page_count")
        ledger._storage.rows(f"PRAGMA max_page_count = {n_pages + 20}")
        with pytest.raises(OutputUnwritable, match=r"cannot write to .* \(the disk is full\)"):  # noqa: PT012  # how many fit is SQLite's business
            for repeat in range(99):
                ledger.write_episode(episode(replace(CELL, repeat=repeat), trajectory=big))
                n_written += 1
        assert len(ledger.played()) == n_written > 0
    with Ledger.create(tmp_path, IDENTITY) as ledger:
        assert len(list(ledger.episodes())) == n_written
        ledger.write_episode(episode(replace(CELL, repeat=n_written), trajectory=big))


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    for folder in (tmp_path / "run", tmp_path / "run" / "below"):
        with pytest.raises(OutputUnwritable, match="choose another place with --out"):
            Ledger.create(folder, IDENTITY)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a stranger may read: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def _as_a_stranger() -> Iterator[None]:
    """Root may write anywhere, so a root who runs the tests becomes nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def sealed_run(open_folder: Path) -> Path:
    with Ledger.create(open_folder, IDENTITY) as ledger:
        ledger.write_episode(episode())
    (open_folder / FILE_NAME).chmod(0o444)
    open_folder.chmod(0o555)
    return open_folder


@pytest.mark.usefixtures("sealed_run", "_as_a_stranger")
def test_a_run_on_read_only_media_can_be_reported_and_not_continued(sealed_run: Path) -> None:
    with Ledger.open(sealed_run, readonly=True) as ledger:
        assert ledger.played() == {CELL.key}
        assert len(list(canonical_lines(ledger))) == 2
    with pytest.raises(OutputUnwritable, match="cannot write to"):
        Ledger.create(sealed_run, IDENTITY)
    with pytest.raises(OutputUnwritable, match="cannot write to"):
        Ledger.create(sealed_run / "below", IDENTITY)
