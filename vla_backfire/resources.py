"""Where the data trees are, in a wheel or in a checkout."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

from vla_backfire.errors import InvalidFile, Unavailable, UnknownName

if TYPE_CHECKING:
    from pydantic import ValidationError

Location = tuple[int | str, ...]
"""Where in a file something stands: keys and places in lists, outermost first."""

TREES = {
    "envs": "envs",
    "scenarios": "scenarios",
    "checkpoints": "checkpoints",
    "studies": "benchmarks/studies",
}
"""Name of each tree, which is its folder in a wheel, and its folder in a checkout."""


def tree(name: str) -> Path:
    """Root of a data tree: the copy inside an installed wheel, else the folder of this checkout.

    Raises:
        UnknownName: No such tree.
        Unavailable: This installation lost it.

    Examples:
        >>> tree("scenarios").name
        'scenarios'
    """
    if name not in TREES:
        raise UnknownName("data tree", name, TREES)
    package = Path(__file__).parent
    shipped = package / "_shipped" / name
    root = shipped if shipped.is_dir() else package.parent / TREES[name]
    if not root.is_dir():
        raise Unavailable(f"the folder {root} is missing", "install vla_backfire again")
    return root


ENVS_VARIABLE = "VLA_BACKFIRE_ENVS"
"""Environment variable with folders of worlds and props beside the shipped ones, as in PATH."""


def env_folders() -> tuple[Path, ...]:
    """Folders of worlds and props: the user's first, then the shipped one.

    Raises:
        InvalidFile: One of the user's is not a folder.
    """
    own = [Path(part) for part in os.environ.get(ENVS_VARIABLE, "").split(os.pathsep) if part]
    for folder in own:
        if not folder.is_dir():
            raise InvalidFile(folder, f"is not a folder of worlds and props ({ENVS_VARIABLE})")
    return (*own, tree("envs"))


def digest(*folders: Path) -> str:
    """Digest of every file below some folders, names included; compiled files are left out."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(folder).as_posix()}\n".encode())
                total.update(path.read_bytes())
    return total.hexdigest()[:16]


def load_toml(path: Path) -> dict[str, Any]:
    """Content of a TOML file.

    Raises:
        InvalidFile: It cannot be read, is not UTF-8 or is not TOML.
    """
    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFile(path, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InvalidFile(path, "is not UTF-8; save it as UTF-8") from None
    except tomli.TOMLDecodeError as error:
        raise InvalidFile(path, f"is not valid TOML: {error}") from None


def first_problem(error: ValidationError, keys_at: Callable[[Location], Iterable[str]]) -> str:
    """What is wrong with a file's content, in one line that begins with the place.

    A key that nobody knows comes first: one misspelt is also one missing, and only the misspelt
    one can be found in the file.

    Args:
        error: Of the validation.
        keys_at: Keys that the file may have beside the one at a location.
    """
    problems = error.errors()
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        said = str(UnknownName("key", str(first["loc"][-1]), keys_at(first["loc"])))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place + ': ' if place else ''}{said}{more}"
