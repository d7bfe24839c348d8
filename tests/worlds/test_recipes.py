"""`envs/` is edited by hand: whatever goes wrong there is one line that names file and place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.worlds.kitchen import KNIFE
from vla_backfire.episodes import FloatArray
from vla_backfire.errors import BackfireError, InvalidFile, InvalidScenario, UnknownName
from vla_backfire.scenarios import shipped_scenarios
from vla_backfire.worlds.recipes import load_profile, load_prop, load_world
from vla_backfire.worlds.scene import compile_scene
from vla_backfire.worlds.shapes import Triangles, extrude, lathe


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} does not say {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("mass_kg = 0.12", "mas_kg = 0.12", "mas_kg: no key named 'mas_kg'; did you mean 'mass_k"),
        ('part = "edge"', 'prat = "edge"', r"shape.1.prat: no key named 'prat'; did you mean 'pa"),
        (
            "grasp = { at_m",
            "grasp = { aat_m",
            r"grasp.aat_m: no key .*; did you mean 'at_m'\?.*1 m",
        ),
        ('kind = "box"', 'kind = "bix"', "shape.0.kind: Input should be 'box', 'sphere'"),
        ("size_m = [0.06, 0.011, 0.012]", "size_m = [0.06]", "shape.0: a box wants 3 numbers"),
        ("size_m = [0.06,", "size_m = [-0.06,", "shape.0.size_m.0: .*greater than 0"),
        ("colour = [0.13, 0.12, 0.12]", "colour = [0.1]", "shape.0.colour: .*at least 3 items"),
        ("colour = [0.13,", "colour = [13,", "shape.0.colour.0: .*less than or equal to 1"),
        ("height_m = 0.004", "", "shape.2: an extrude wants outline_m and height_m"),
        ("mass_kg = 0.12", "mass_kg = 0", "mass_kg: .*greater than 0"),
        ("centre_m = [-0.075,", "centre_m = [nan,", "centre_m.0: .*finite"),
        ("movable = true", "movable = false", "a grasp or a mouth is of no use to a thing that is"),
        ('title = "chef\'s knife"', "title = ", "is not valid TOML"),
    ],
)
def test_a_broken_prop_is_named_with_its_place(
    envs: Path, old: str, new: str, problem: str
) -> None:
    edit(envs / "_props" / "chef_knife.toml", old, new)
    with pytest.raises(InvalidFile, match=rf"_props/chef_knife.toml: {problem}") as caught:
        load_prop("chef_knife")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shapes", "problem"),
    [
        ("", "shape: Field required"),
        ("shape = []", "shape: .*at least 1 item"),
        (
            '[[shape]]\nkind = "lathe"\nprofile_m = [[0.0, 0.0], [0.1, 0.1]]',
            "movable, and no shape collides: it would fall through the table",
        ),
    ],
)
def test_a_prop_without_a_shape_that_it_needs_is_refused(
    envs: Path, shapes: str, problem: str
) -> None:
    head = 'title = "ghost"\nmovable = true\nhalf_size_m = [0.1, 0.1, 0.1]\n'
    (envs / "_props" / "ghost.toml").write_text(head + shapes)
    with pytest.raises(InvalidFile, match=f"ghost.toml: {problem}"):
        load_prop("ghost")


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("kitchen/world.toml", "fovy_deg", "fovy", "cameras.overview.fovy: no .* mean 'fovy_deg'"),
        ("kitchen/world.toml", "jitter_m = 0.015", "jiter_m = 0.015", "did you mean 'jitter_m'"),
        ("kitchen/world.toml", "top_m", "topm", "table.topm: no .*; did you mean 'top_m'"),
        ("kitchen/world.toml", 'model = "panda"', 'model = "pandas"', "robot named 'pandas'; did"),
        ("kitchen/world.toml", "nominal_rad = [0.0, ", "nominal_rad = [", "nominal_rad: .*7 items"),
        ("profiles.toml", "pixels = 128", "pixel = 128", "fast: pixel: no .*; did you mean 'pixe"),
        ("profiles.toml", "pixels = 256", "pixels = 4096", "libero: pixels: .*less than or equal"),
        ("profiles.toml", "samples = 0", "samples = 3", "fast: samples: Input should be 0 or 4"),
    ],
)
def test_a_broken_world_or_profile_is_named_with_its_place(
    envs: Path, file: str, old: str, new: str, problem: str
) -> None:
    edit(envs / file, old, new)
    with pytest.raises(BackfireError, match=problem) as caught:
        (load_profile("fast"), compile_scene(shipped_scenarios()[KNIFE]))
    assert "\n" not in str(caught.value)


def test_what_only_mujoco_finds_wrong_is_one_line_too(envs: Path) -> None:
    flat = "[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]"
    prop = envs / "_props" / "sponge.toml"
    shape = f'\n[[shape]]\nkind = "lathe"\nprofile_m = {flat}\n'
    prop.write_text(prop.read_text(encoding="utf-8") + shape)
    with pytest.raises(InvalidScenario, match="MuJoCo cannot build the scene") as caught:
        compile_scene(shipped_scenarios()[KNIFE])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("load", "wrong", "right"),
    [
        (load_prop, "sponje", "sponge"),
        (load_world, "kichen", "kitchen"),
        (load_profile, "fst", "fast"),
    ],
)
def test_a_misspelt_name_gets_a_hint(load: Callable[[str], object], wrong: str, right: str) -> None:
    with pytest.raises(UnknownName, match=f"named '{wrong}'; did you mean '{right}'"):
        load(wrong)


# -- surfaces drawn from a line -------------------------------------------------------------------


def volume(vertices: FloatArray, triangles: Triangles) -> float:
    """Signed volume of a closed surface: positive where triangles face outwards."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


sizes = st.floats(0.01, 0.2)


@given(radius=sizes, height=sizes, backwards=st.booleans())
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_cylinder_from_the_lathe_has_a_cylinders_volume_and_faces_outwards(
    radius: float, height: float, backwards: bool
) -> None:
    line = [(0.0, 0.0), (radius, 0.0), (radius, height), (0.0, height)]
    found = volume(*lathe(line[::-1] if backwards else line))
    assert found == pytest.approx(np.pi * radius**2 * height, rel=0.01)  # 28 sides


@given(length=sizes, width=sizes, height=sizes, backwards=st.booleans())
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_plate_that_is_cut_out_has_its_volume_and_faces_outwards(
    length: float, width: float, height: float, backwards: bool
) -> None:
    outline = [(0.0, 0.0), (length, 0.0), (length, width), (0.0, width)]
    found = volume(*extrude(outline[::-1] if backwards else outline, height))
    assert found == pytest.approx(length * width * height)
