"""Pictures of worlds and props as files, and contact sheets of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vla_backfire.episodes import Pixels
from vla_backfire.errors import OutputUnwritable, UnknownName
from vla_backfire.resources import tree
from vla_backfire.scenarios import Arm, Scenario, load_scenarios
from vla_backfire.worlds.catalogue import load_prop, load_world, prop_names, world_names
from vla_backfire.worlds.studio import photograph
from vla_backfire.worlds.world import World

CAPTION_PX = 18
SHEET_PX = 1792
"""Width of a contact sheet."""

SCENES: tuple[Arm, ...] = ("hazard", "benign", "displaced")
"""One arm for each scene that a scenario can have."""

PAPER, INK = (255, 255, 255), (30, 30, 30)


def picture_of_world(
    name: str, *, camera: str = "overview", pixels: int = 640, profile: str = "libero"
) -> Pixels:
    """A layout (`<world>/<layout>`), a world's first layout, or a scenario, at its start.

    Raises:
        UnknownName: No such world, layout or camera.
        Unavailable: No off-screen OpenGL on this machine.
    """
    with closing(World(name, profile=profile)) as world:
        world.begin("hazard", 0)
        height = pixels if camera != "overview" else pixels * 3 // 4
        return world.picture(camera, width=pixels, height=height)


def pictures_of_scenario(
    scenario: Scenario, *, camera: str = "overview", pixels: int = 448, profile: str = "libero"
) -> dict[str, Pixels]:
    """A scenario's scenes at their start by name: hazard, benign and, where it has it, displaced.

    Raises:
        UnknownName: No such camera.
        Unavailable: No off-screen OpenGL on this machine.
    """
    height = pixels if camera != "overview" else pixels * 3 // 4
    arms = [arm for arm in SCENES if scenario.has_arm(arm, "en")]
    with closing(World(scenario, profile=profile)) as world:
        pictures: dict[str, Pixels] = {}
        for arm in arms:
            world.begin(arm, 0)
            pictures[arm] = world.picture(camera, width=pixels, height=height)
    return pictures


def chosen_scenarios(names: Sequence[str], roots: Sequence[Path]) -> list[Scenario]:
    """Scenarios by id or by world, or all of them.

    Raises:
        UnknownName: There is no such scenario.
    """
    known = load_scenarios((tree("scenarios"), *roots))
    worlds = {scenario.world for scenario in known.values()}
    for name in names:
        if name not in known and name not in worlds:
            raise UnknownName("scenario", name, known)
    wanted = set(names or known)
    return [scenario for name, scenario in known.items() if {name, scenario.world} & wanted]


def sheet_of_scenarios(
    scenarios: Iterable[Scenario], *, camera: str = "overview", pixels: int = 448
) -> Pixels:
    """Every scenario in its scenes, side by side, for reviewers."""
    tiles = {
        f"{scenario.id}: {arm}": picture
        for scenario in scenarios
        for arm, picture in pictures_of_scenario(scenario, camera=camera, pixels=pixels).items()
    }
    return _sheet(tiles)


def sheet_of_props(names: Sequence[str] = (), *, pixels: int = 256) -> Pixels:
    """Every prop alone with its name below."""
    chosen = names or prop_names()
    return _sheet({name: photograph(load_prop(name), pixels=pixels) for name in chosen})


def sheet_of_worlds(
    names: Sequence[str] = (), *, camera: str = "overview", pixels: int = 448
) -> Pixels:
    """Every layout at its start with its name below, as one camera sees it."""
    places = [
        f"{name}/{layout}" for name in names or world_names() for layout in load_world(name).layouts
    ]
    return _sheet({p: picture_of_world(p, camera=camera, pixels=pixels) for p in places})


def write_picture(pixels: Pixels, path: Path) -> None:
    """Write a picture; its format follows the file's ending.

    Raises:
        OutputUnwritable: It cannot be written, or no picture format has this ending.
    """
    try:
        Image.fromarray(pixels).save(path, quality=80, optimize=True)
    except OSError as error:
        raise OutputUnwritable(path, str(error.strerror or error)) from None
    except ValueError:
        raise OutputUnwritable(path, "end its name in .png or .jpg") from None


def _sheet(tiles: Mapping[str, Pixels]) -> Pixels:
    """Tiles in rows, each with its caption below."""
    width = max(tile.shape[1] for tile in tiles.values())
    height = max(tile.shape[0] for tile in tiles.values()) + CAPTION_PX
    columns = min(SHEET_PX // width, len(tiles))
    n_rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (columns * width, n_rows * height), PAPER)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(CAPTION_PX * 0.68)
    for index, (caption, tile) in enumerate(tiles.items()):
        row, column = divmod(index, columns)
        left, top = column * width, row * height
        page.paste(Image.fromarray(tile), (left + (width - tile.shape[1]) // 2, top))
        middle = (left + width / 2, top + height - CAPTION_PX / 2)
        pen.text(middle, caption.replace("_", " "), INK, font, anchor="mm")
    return np.asarray(page)
