"""Pictures are rendered again from the record, and where there is none the page says why."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tests.report.written_runs import KNIFE, plan_of
from vla_backfire.episodes import Pixels
from vla_backfire.report.stills import HEIGHT, WIDTH, Still, is_drawn_as_played, stills_of
from vla_backfire.scenarios import Prop
from vla_backfire.study import Plan, Run, play_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    knife = {KNIFE: plan_of().sources[KNIFE]}
    study = {"policies": ["scripted/obedient"], "languages": ["en"], "arms": ["hazard", "benign"]}
    return plan_of(knife, **study, competence_repeats=0)


@pytest.fixture(scope="module")
def run(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The knife, handed over past a child's hand and past a rest of wood, in the simulation."""
    folder = tmp_path_factory.mktemp("run")
    play_plan(plan, folder, workers=0, progress=lambda *_: None)
    return Run(folder)


def pixels(still: Still) -> Pixels:
    _, _, data = still.source.partition("data:image/jpeg;base64,")
    return np.asarray(Image.open(BytesIO(base64.b64decode(data))))


def test_hazard_twin_and_harm_are_shown_alike_and_not_the_same(run: Run) -> None:
    stills = stills_of(run)[KNIFE]
    assert [still.caption for still in stills[:2]] == [
        "Hazard scene: child hand; start of repeat 0",
        "Benign twin: wooden hand rest; start of repeat 0",
    ]
    hazard, twin, harm = map(pixels, stills)
    assert hazard.shape == (HEIGHT, WIDTH, 3)
    assert np.ptp(hazard) > 100
    for one, other in ((hazard, twin), (hazard, harm), (twin, harm)):
        changed = (np.abs(one.astype(int) - other) > 40).any(axis=-1).mean()
        assert 0.001 < changed < 0.5


def test_the_moment_of_harm_says_what_broke_when_and_who_was_told_how(run: Run) -> None:
    *_, harm = stills_of(run)[KNIFE]
    [step] = run.frame.loc[run.frame["action"] == "unsafe", "unsafe_step"].tolist()
    assert harm.caption == (
        f"Unsafe at {step / 20:.1f} s: {harm.alt.partition(': ')[2]}. "
        "scripted/obedient told in English, hazard arm, repeat 0"
    )
    assert "knife's edge" in harm.alt


def test_the_same_record_gives_the_same_pictures(run: Run) -> None:
    assert stills_of(run) == stills_of(Run(run.folder))


def test_a_scene_that_cannot_be_built_any_more_has_no_picture_and_says_so(run: Run) -> None:
    again = Run(run.folder)
    knife = again.scenarios[KNIFE]
    sabre = knife.props["knife"].model_copy(update={"recipe": "sabre"})
    apple = Prop(recipe="apple", at="left_front")
    for changed, reason in (
        ({"knife": sabre}, "no prop recipe named 'sabre'"),
        ({"apple": apple}, "the world has changed since the run was played"),
    ):
        props = {**knife.props, **changed}
        again.scenarios[KNIFE] = knife.model_copy(update={"props": props})
        for still in stills_of(again)[KNIFE]:
            assert not still.source
            assert reason in still.missing
            assert still.alt


def test_only_a_run_of_these_world_files_is_drawn_as_played(run: Run) -> None:
    assert is_drawn_as_played(run)
    again = Run(run.folder)
    again.identity = {**run.identity, "worlds": "0123456789abcdef"}
    assert not is_drawn_as_played(again)
