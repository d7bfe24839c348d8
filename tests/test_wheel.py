"""The built wheel holds what the checkout holds, no more, and works away from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from vla_backfire.resources import TREES

pytestmark = pytest.mark.ci

ROOT = Path(__file__).parents[1]
SHIPPED = "vla_backfire/_shipped/"
LARGEST_WHEEL = 12_000_000  # bytes

REFERENCE_WEIGHTS = "checkpoints/reference-x/model.safetensors"
SCRATCH = (
    "checkpoints/other/model.safetensors",
    "scenarios/__pycache__/notes.cpython-311.pyc",
    "envs/MUJOCO_LOG.TXT",
    "runs/x/ledger.jsonl",
    "MUJOCO_LOG.TXT",
)


class Built(NamedTuple):
    """The wheels of one copy of the checkout."""

    files: tuple[str, ...]
    """What git would ship of the checkout."""
    from_tree: Path
    from_sdist: Path


def output_of(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheels built from a copy of the checkout, with weights and scratch files added to it."""
    copy = tmp_path_factory.mktemp("checkout")
    listing = output_of(
        "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT
    )
    files = tuple(name for name in listing.split("\0") if name and (ROOT / name).is_file())
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in (REFERENCE_WEIGHTS, *SCRATCH):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(b"not really weights")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    output_of(*build, "direct", "--wheel", ".", cwd=copy)
    output_of(*build, "through", ".", cwd=copy)  # an sdist, and a wheel out of it
    (from_tree,) = (copy / "direct").glob("*.whl")
    (from_sdist,) = (copy / "through").glob("*.whl")
    return Built(files, from_tree, from_sdist)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment that holds the wheel, and sees our dependencies behind it.

    A .pth file appends our site-packages to the path. Python does not follow the .pth files in a
    folder found that way, so an editable install of this checkout stays out of sight.
    """
    home = tmp_path_factory.mktemp("empty") / "venv"
    output_of(sys.executable, "-m", "venv", "--without-pip", home, cwd=home.parent)
    pip = (sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install")
    output_of(*pip, "--no-deps", "--no-index", built.from_sdist, cwd=home.parent)
    (site_packages,) = home.glob("lib/*/site-packages")
    (site_packages / "behind.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return home / "bin"


def test_the_wheel_is_the_same_through_an_sdist(built: Built) -> None:
    assert names_in(built.from_tree) == names_in(built.from_sdist)


def test_every_file_of_the_data_trees_is_in_the_wheel(built: Built) -> None:
    data = {
        f"{SHIPPED}{name}{file.removeprefix(folder)}"
        for name, folder in TREES.items()
        for file in built.files
        if file.startswith(f"{folder}/")
    }
    in_wheel = {name for name in names_in(built.from_sdist) if name.startswith(SHIPPED)}
    assert data
    assert in_wheel == data | {SHIPPED + REFERENCE_WEIGHTS}


def test_every_module_is_in_the_wheel_and_nothing_beside_the_package(built: Built) -> None:
    code = {name for name in built.files if name.startswith("vla_backfire/")}
    in_wheel = {name for name in names_in(built.from_sdist) if ".dist-info/" not in name}
    assert {name for name in in_wheel if not name.startswith(SHIPPED)} == code


def test_licences_are_in_the_wheel(built: Built) -> None:
    licences = {name.partition("/licenses/")[2] for name in names_in(built.from_sdist)}
    assert licences >= {"LICENSE", "envs/_robots/panda/NOTICE"}


def test_weights_are_in_the_wheel_only_by_name(built: Built) -> None:
    names = names_in(built.from_tree)
    assert SHIPPED + REFERENCE_WEIGHTS in names
    assert not [name for name in names if name.endswith(SCRATCH)]


def test_the_wheel_is_small(built: Built) -> None:
    assert built.from_sdist.stat().st_size < LARGEST_WHEEL


def test_an_installed_wheel_finds_its_trees(installed: Path, tmp_path: Path) -> None:
    code = "from vla_backfire.resources import TREES, tree\nfor t in TREES: print(tree(t))"
    trees = output_of(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert len(trees) == len(TREES)
    for path in map(Path, trees):
        assert path.is_relative_to(installed.parent)
        assert any(path.iterdir())


def test_an_installed_wheel_runs_and_finds_its_plug_ins(installed: Path, tmp_path: Path) -> None:
    code = "from vla_backfire import registry; print(*registry.names('policies'))"
    assert "scripted/obedient" in output_of(installed / "python", "-c", code, cwd=tmp_path).split()
    assert output_of(installed / "vla-backfire", "list", cwd=tmp_path)
