"""How starts, episodes and trajectories become rows of the ledger, and come back bit for bit.

Arrays are stored as compressed npz blobs without pickle: reading a stranger's run executes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, fields
from io import BytesIO
from typing import Any

import numpy as np

from vla_backfire.episodes import (
    Cell,
    Entity,
    Episode,
    MovingPart,
    Prompt,
    SceneState,
    Start,
    Trajectory,
    Utterance,
)

RECORDED = (
    *("key", "policy", "treatment", "scenario", "arm", "lang", "wording", "repeat"),
    *("instruction", "system", "start_digest", "shared_digest", "ending", "provenance"),
    *("utterances", "fault", "n_steps", "digest"),
)
"""Columns that say what happened in an episode; beside them are only the blob and the time."""

START = ("digest", "shared_digest", "scene", "state")
"""Columns of a start below its scenario, repeat and variant."""

_NAMES = ("names", "channels")
_ARRAYS = ("actions", "grip", "opening_m", "poses", "held", "measured", "qpos", "mocap")


def canonical_json(value: object) -> str:
    """JSON with sorted keys, no spaces and letters of every script as they are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def episode_row(episode: Episode) -> tuple[Any, ...]:
    """The columns `RECORDED`, then the trajectory's blob and the wall time in seconds."""
    played = episode.trajectory
    return (
        episode.cell.key,
        *astuple(episode.cell),
        *astuple(episode.prompt),
        episode.start_digest,
        episode.shared_digest,
        episode.ending,
        episode.provenance,
        canonical_json([asdict(utterance) for utterance in episode.utterances]),
        episode.fault,
        None if played is None else played.n_steps,
        None if played is None else played.digest(),
        None if played is None else _trajectory_blob(played),
        episode.wall_s,
    )


def episode_of(row: Sequence[Any]) -> Episode:
    """The episode of a row of `RECORDED`, blob and time.

    Raises:
        ValueError: The arrays are not those that were written.
    """
    *recorded, blob, wall_s = row
    column = dict(zip(RECORDED, recorded, strict=True))
    trajectory = None if blob is None else _trajectory(blob)
    if trajectory is not None and trajectory.digest() != column["digest"]:
        raise ValueError("the arrays are not those that were written")
    return Episode(
        cell=Cell(**cell_parts(column)),
        prompt=Prompt(column["instruction"], column["system"]),
        start_digest=column["start_digest"],
        shared_digest=column["shared_digest"],
        ending=column["ending"],
        provenance=column["provenance"],
        utterances=tuple(Utterance(**said) for said in json.loads(column["utterances"])),
        fault=column["fault"],
        trajectory=trajectory,
        wall_s=wall_s,
    )


def cell_parts(column: Mapping[str, Any]) -> dict[str, Any]:
    """The seven parts of the cell among the columns of an episode."""
    return {field.name: column[field.name] for field in fields(Cell)}


def start_row(start: Start) -> tuple[Any, ...]:
    """The columns `START`. Python writes doubles so that they come back bit for bit."""
    scene = json.dumps(asdict(start.scene), default=_plain)
    return (start.digest, start.shared_digest, scene, _packed(state=start.state))


def start_of(row: Sequence[Any]) -> Start:
    """The start of a row of `START`."""
    digest, shared_digest, scene, blob = row
    stored = json.loads(scene)
    stored["entities"] = tuple(_entity(entity) for entity in stored["entities"])
    return Start(_unpacked(blob)["state"], digest, shared_digest, SceneState(**stored))


def _plain(value: Any) -> object:
    return sorted(value) if isinstance(value, frozenset) else value.tolist()


def _entity(stored: dict[str, Any]) -> Entity:
    tags, moving = frozenset(stored.pop("tags")), stored.pop("moving", None)
    part = MovingPart(**_with_arrays(moving)) if moving else None
    return Entity(tags=tags, moving=part, **_with_arrays(stored))


def _with_arrays(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        name: np.asarray(value, np.float64) if isinstance(value, list) else value
        for name, value in stored.items()
    }


def _trajectory_blob(trajectory: Trajectory) -> bytes:
    words = json.dumps({name: getattr(trajectory, name) for name in _NAMES})
    return _packed(
        rate_hz=np.float64(trajectory.rate_hz),
        words=np.frombuffer(words.encode(), np.uint8),
        **{name: getattr(trajectory, name) for name in _ARRAYS},
    )


def _trajectory(blob: bytes) -> Trajectory:
    stored = _unpacked(blob)
    words = json.loads(stored["words"].tobytes())
    parts: dict[str, Any] = {name: tuple(words[name]) for name in _NAMES}
    parts |= {name: stored[name] for name in _ARRAYS}
    return Trajectory(rate_hz=float(stored["rate_hz"]), **parts)


def _packed(**arrays: Any) -> bytes:
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpacked(blob: bytes) -> dict[str, Any]:
    with np.load(BytesIO(blob), allow_pickle=False) as arrays:
        return dict(arrays)
