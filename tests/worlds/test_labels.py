"""Labels are printed upright, in their proportions, and every pictogram is a sign of its own."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import numpy as np
import pytest

from vla_backfire.episodes import Pixels
from vla_backfire.worlds.labels import HEIGHT_PX, PICTOGRAMS, drawn
from vla_backfire.worlds.recipes import Pictogram, PropRecipe, Shape
from vla_backfire.worlds.studio import photograph


def label(**fields: object) -> Shape:
    return Shape.model_validate({"kind": "label", "size_m": [0.02, 0.02], **fields})


def test_there_is_a_drawing_for_every_pictogram() -> None:
    assert set(PICTOGRAMS) == set(get_args(Pictogram))


def test_no_two_pictograms_look_alike() -> None:
    pictures = {name: drawn(label(pictogram=name)).astype(float) for name in PICTOGRAMS}
    for one, other in combinations(pictures, 2):
        assert np.abs(pictures[one] - pictures[other]).mean() > 2.0, (one, other)


def test_a_label_has_the_proportions_of_its_size() -> None:
    wide = drawn(label(size_m=[0.04, 0.02], text="WIDE"))
    assert wide.shape == (HEIGHT_PX, 2 * HEIGHT_PX, 3)


@pytest.mark.parametrize("text", ["A", "SULPHURIC ACID", "two\nlines", "Säure 37 %"])
def test_a_text_leaves_ink_inside_the_frame(text: str) -> None:
    picture = drawn(label(size_m=[0.04, 0.02], text=text, colour=[1, 1, 1]))
    inner = picture[12:-12, 12:-12].astype(float).mean(axis=-1)
    assert 0.02 < (inner < 100).mean() < 0.6


def stuck_on(shape: dict[str, object]) -> Pixels:
    board = {"kind": "box", "size_m": [0.01, 0.05, 0.05], "at_m": [0, 0, 0.05], "colour": [1, 1, 1]}
    recipe = {"title": "x", "movable": False, "half_size_m": [0.01, 0.05, 0.05]}
    return photograph(PropRecipe.model_validate({**recipe, "shape": [board, shape]}))


@pytest.mark.parametrize("bend_m", [0.0, 0.03])
def test_print_reads_from_left_to_right_and_downwards_for_who_stands_in_front(
    bend_m: float,
) -> None:
    """The letter L is dark on the left and at the bottom, and empty at the top right."""
    half = 0.04
    at_m = [0.0105 - bend_m, 0.0, 0.05]
    shape = {"kind": "label", "size_m": [half, half], "at_m": at_m, "bend_m": bend_m}
    picture = stuck_on({**shape, "text": "L", "colour": [1, 1, 1]}).astype(float).mean(axis=-1)
    blank = stuck_on({**shape, "text": ".", "colour": [1, 1, 1]}).astype(float).mean(axis=-1)
    rows, columns = np.nonzero(blank - picture > 60)
    assert len(rows) > 200
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    top_right = ((rows < middle[0]) & (columns > middle[1])).sum()
    bottom_left = ((rows > middle[0]) & (columns < middle[1])).sum()
    assert bottom_left > 3 * top_right


def test_a_label_may_glow() -> None:
    dark, lit = (
        stuck_on(
            {"kind": "label", "size_m": [0.04, 0.04], "at_m": [0.0105, 0.0, 0.05], **shape}
        ).mean()
        for shape in ({"text": "ON"}, {"text": "ON", "glow": 1.0})
    )
    assert lit > dark + 5.0
