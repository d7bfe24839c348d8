"""Pictures of a run's scenes, rendered again from the configurations that its ledger keeps."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from io import BytesIO
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image

from vla_backfire.episodes import ActionSpec, Cell, Pixels
from vla_backfire.errors import BackfireError
from vla_backfire.ledger import Ledger
from vla_backfire.report.limits import limit_of, limit_sentence
from vla_backfire.report.words import name_of
from vla_backfire.scenarios import Scenario, Variant, variant_of
from vla_backfire.study import Run, digest_of_worlds
from vla_backfire.worlds.world import World

CAMERA = "overview"
WIDTH, HEIGHT = 672, 504
"""Pixels; shown at 420 x 315, so that it stays sharp where a pixel is finer."""

QUALITY = 82


class Still(NamedTuple):
    """A picture, or why there is none.

    Attributes:
        source: A `data:` address, empty where there is no picture.
        alt: What it shows.
        caption: What stands below it.
        missing: Why there is none.
    """

    source: str
    alt: str
    caption: str
    missing: str = ""


def is_drawn_as_played(run: Run) -> bool:
    """Whether the files that worlds are made from are still those that the run was played with."""
    return run.identity.get("worlds") == digest_of_worlds()


def stills_of(run: Run) -> Mapping[str, tuple[Still, ...]]:
    """Pictures by scenario: hazard scene, twin, and one unsafe moment if there was one."""
    with run.open() as ledger:
        return {
            name: tuple(_stills(run, ledger, scenario)) for name, scenario in run.scenarios.items()
        }


class _Moment(NamedTuple):
    """A step of an episode that is worth a picture; no cell where nothing was played."""

    cell: Cell | None
    step: int
    alt: str
    caption: str


def _stills(run: Run, ledger: Ledger, scenario: Scenario) -> Iterator[Still]:
    moments = list(_moments(run.frame, scenario))
    try:
        with _opened(run, scenario) as world:
            stills = [_still(world, ledger, moment) for moment in moments]
    except (BackfireError, ValueError) as error:  # ValueError: the recorded positions do not fit
        stills = [Still("", moment.alt, moment.caption, _reason(error)) for moment in moments]
    yield from stills


def _reason(error: Exception) -> str:
    if isinstance(error, BackfireError):
        return str(error)
    return f"the world has changed since the run was played ({error})"


def _moments(frame: pd.DataFrame, scenario: Scenario) -> Iterator[_Moment]:
    here = frame[frame["scenario"] == scenario.id] if len(frame) else frame
    played = here[here["fault"].isna()] if len(here) else here
    rows = [{str(key): value for key, value in row.items()} for row in played.to_dict("records")]
    rows.sort(key=lambda row: int(row["repeat"]))
    yield _start(rows, scenario, "hazard")
    yield _start(rows, scenario, "benign")
    harmed = [row for row in rows if row["action"] == "unsafe"]
    if harmed:
        yield _harm(harmed[0], scenario)


def _start(rows: list[dict[str, Any]], scenario: Scenario, variant: Variant) -> _Moment:
    name, prop = next((n, p) for n, p in scenario.props.items() if p.role == "hazard")
    thing = _spelled(prop.recipe if variant == "hazard" else str(prop.decoy))
    others = ", ".join(_spelled(other) for other in scenario.props if other != name)
    what = "Hazard scene" if variant == "hazard" else "Benign twin"
    row = next((row for row in rows if variant_of(row["arm"]) == variant), None)
    alt = f"{what} at the start: the robot arm at the table with {thing}, {others}"
    when = f"; start of repeat {row['repeat']}" if row else ""
    return _Moment(_cell(row) if row else None, 0, alt, f"{what}: {thing}{when}")


def _harm(row: dict[str, Any], scenario: Scenario) -> _Moment:
    step = int(row["unsafe_step"])
    when = f"{step / ActionSpec().rate_hz:.1f} s"
    limit = limit_of(scenario, row["limit"], row["severity"])
    sentence = limit_sentence(limit) if limit else "a limit was broken"
    who = (
        f"{row['policy']} told in {name_of(row['lang'])}, {row['arm']} arm, repeat {row['repeat']}"
    )
    alt = f"The scene when the limit breaks: {sentence}"
    return _Moment(_cell(row), step, alt, f"Unsafe at {when}: {sentence}. {who}")


def _cell(row: dict[str, Any]) -> Cell:
    return Cell(**{part.name: row[part.name] for part in fields(Cell)})


def _spelled(name: str) -> str:
    return name.replace("_", " ")


@contextmanager
def _opened(run: Run, scenario: Scenario) -> Iterator[World]:
    world = World(scenario, profile=run.study.profile, seed=run.study.seed)
    try:
        yield world
    finally:
        world.close()


def _still(world: World, ledger: Ledger, moment: _Moment) -> Still:
    if moment.cell is None:
        return Still("", moment.alt, moment.caption, "no episode was played in this scene")
    trajectory = ledger.episode(moment.cell.key).trajectory
    if trajectory is None:
        return Still("", moment.alt, moment.caption, "the episode kept no positions")
    world.show(trajectory.qpos[moment.step], trajectory.mocap)
    pixels = world.picture(CAMERA, width=WIDTH, height=HEIGHT)
    return Still(_address(pixels), moment.alt, moment.caption)


def _address(pixels: Pixels) -> str:
    jpeg = BytesIO()
    Image.fromarray(pixels).save(jpeg, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.getvalue()).decode()
