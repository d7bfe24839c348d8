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
from vla_backfire.resources import ENVS_VARIABLE
from vla_backfire.scenarios import shipped_scenarios
from vla_backfire.worlds.catalogue import load_profile, load_prop, load_world
from vla_backfire.worlds.scene import compile_scene
from vla_backfire.worlds.shapes import Triangles, extrude, lathe, sheet, tube


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
        ("scene_classes.toml", "fovy_deg", "fovy", "cameras.overview.fovy: no .* mean 'fovy_deg'"),
        ("kitchen/world.toml", "jitter_m = 0.015", "jiter_m = 0.015", "did you mean 'jitter_m'"),
        ("scene_classes.toml", "{ top_m", "{ topm", "table.topm: no .*; did you mean 'top_m'"),
        ("scene_classes.toml", 'model = "panda"', 'model = "pandas"', "robot named 'pandas'; did"),
        ("scene_classes.toml", "nominal_rad = [0.0, ", "nominal_rad = [", "nominal_rad: .*7 items"),
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


@given(length=st.floats(0.1, 0.5), radius=st.floats(0.002, 0.02))
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_straight_tube_has_a_rods_volume_and_faces_outwards(length: float, radius: float) -> None:
    found = volume(*tube([(0.1, 0.0, 0.0), (0.1 + length * 0.6, 0.0, length * 0.8)], radius))
    ten_sided = 5 * np.sin(2 * np.pi / 10) * radius**2
    assert found == pytest.approx(ten_sided * length, rel=1e-6)


def test_a_closed_tube_through_a_circle_is_a_torus() -> None:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = [(0.1 * np.cos(a), 0.1 * np.sin(a), 0.0) for a in angles]
    found = volume(*tube(circle, 0.01, closed=True))
    torus = 2 * np.pi * 0.1 * 5 * np.sin(2 * np.pi / 10) * 0.01**2  # ten sides
    assert found == pytest.approx(torus, rel=0.01)


def test_a_tube_runs_through_its_points() -> None:
    path = [(0.0, 0.0, 0.0), (0.1, 0.05, 0.0), (0.2, 0.0, 0.1)]
    vertices, _ = tube(path, 0.005)
    for point in path:
        assert np.linalg.norm(vertices - point, axis=1).min() < 0.0051


@pytest.mark.parametrize("bend_m", [0.0, 0.03])
def test_a_label_faces_x_and_is_as_long_as_it_says_even_when_it_is_bent(bend_m: float) -> None:
    vertices, triangles, print_at = sheet(0.02, 0.01, bend_m)
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    assert (normals[:, 0] > 0).all()
    area = np.linalg.norm(normals, axis=1).sum() / 2
    assert area == pytest.approx(0.04 * 0.02, rel=0.01)
    assert (print_at.min(), print_at.max()) == (0.0, 1.0)
    if bend_m:
        np.testing.assert_allclose(np.hypot(*vertices.T[:2]), bend_m)


# -- parts that move ------------------------------------------------------------------------------

DRAWER = """title = "drawer"
movable = false
half_size_m = [0.1, 0.1, 0.1]
[joint]
kind = "slide"
axis = [1.0, 0.0, 0.0]
travel_m = 0.1
handle_m = [0.1, 0.0, 0.05]
[[shape]]
kind = "box"
size_m = [0.1, 0.1, 0.1]
moves = true
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("travel_m = 0.1", "travel_deg = 90.0", "joint: a slide wants travel_m, got travel_deg"),
        ("travel_m = 0.1", "", "joint: a slide wants travel_m, got none"),
        ('"slide"', '"hinge"', "joint: a hinge wants travel_deg, got travel_m"),
        ("axis = [1.0,", "axis = [0.0,", "joint: axis has no direction"),
        ("moves = true", "", r"\[joint\] and a shape with moves = true come together"),
        ("movable = false", "movable = true", "a thing with a moving part stays put"),
        ("travel_m", "travl_m", "joint.travl_m: no key named 'travl_m'; did you mean 'travel_m'"),
        ('"box"', '"label"', "shape.0: a label wants 2 numbers in size_m"),
        ("size_m = [0.1, 0.1, 0.1]\nm", "pictogram = 'skull'\nm", "shape.0.pictogram: Input sho"),
        ('kind = "box"', 'kind = "mesh"\nfile = "../x.obj"', "shape.0.file: String should match"),
    ],
)
def test_a_broken_moving_part_or_print_is_named_with_its_place(
    envs: Path, old: str, new: str, problem: str
) -> None:
    path = envs / "_props" / "drawer_of_test.toml"
    path.write_text(DRAWER)
    load_prop("drawer_of_test")
    edit(path, old, new)
    with pytest.raises(InvalidFile, match=rf"drawer_of_test.toml: {problem}"):
        load_prop("drawer_of_test")


# -- folders beside the shipped one ---------------------------------------------------------------

TETRAHEDRON = """v 0 0 0
v 1 0 0
v 0 1 0
v 0 0 1
f 1 3 2
f 1 2 4
f 1 4 3
f 2 3 4
"""


def test_a_users_folder_adds_props_meshes_and_worlds_and_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    props = tmp_path / "_props"
    props.mkdir()
    (props / "rock.obj").write_text(TETRAHEDRON)
    shape = '[[shape]]\nkind = "mesh"\nfile = "rock.obj"\nscale = 0.05\n'
    (props / "rock.toml").write_text(
        f'title = "rock"\nmovable = false\nhalf_size_m = [0.03, 0.03, 0.03]\n{shape}'
    )
    (props / "apple.toml").write_text((props / "rock.toml").read_text())
    (tmp_path / "yard").mkdir()
    (tmp_path / "yard" / "world.toml").write_text(
        'name = "yard"\ntitle = "A yard"\nscene_class = "floor"\n'
        "[table]\ncolour = [0.4, 0.4, 0.4]\n[places]\nhere = { at_m = [0.0, 0.0, 0.0] }\n"
        '[layouts.one]\ntitle = "One"\nprops.rock = { recipe = "rock", at = "here" }\n'
    )
    monkeypatch.setenv(ENVS_VARIABLE, str(tmp_path))
    assert load_prop("apple").title == "rock"
    assert load_prop("sponge").title != "rock"
    model = compile_scene(load_world("yard").layouts["one"]).model
    mesh = model.mesh("rock/shape/0")
    assert int(mesh.facenum[0]) == 4
    (props / "rock.obj").unlink()
    with pytest.raises(UnknownName, match=r"no mesh named 'rock.obj'"):
        compile_scene(load_world("yard").layouts["one"])
    monkeypatch.setenv(ENVS_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InvalidFile, match="is not a folder of worlds and props"):
        load_prop("apple")


def test_a_world_says_its_folders_name_and_a_known_scene_class(envs: Path) -> None:
    edit(envs / "kitchen" / "world.toml", 'name = "kitchen"', 'name = "kitchn"')
    with pytest.raises(InvalidFile, match="name 'kitchn' differs from the folder 'kitchen'"):
        load_world("kitchen")
    edit(envs / "kitchen" / "world.toml", 'class = "kitchen"', 'class = "kitchn"')
    with pytest.raises(UnknownName, match="scene class named 'kitchn'; did you mean 'kitchen'"):
        load_world("kitchen")
