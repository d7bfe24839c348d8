"""Where the data trees are: `envs`, `scenarios`, `checkpoints`, in a wheel or in a checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from vla_backfire.errors import InvalidFile, UnknownName

TREES = ("envs", "scenarios", "checkpoints")


def tree(name: str) -> Path:
    """Root of a data tree: the copy inside an installed wheel, else the folder of this checkout.

    Raises:
        UnknownName: No such tree, or this installation lost it.

    Examples:
        >>> tree("scenarios").name
        'scenarios'
    """
    package = Path(__file__).parent
    for root in (package / "_shipped" / name, package.parent / name):
        if name in TREES and root.is_dir():
            return root
    raise UnknownName("data tree", name, TREES)


def load_toml(path: Path) -> dict[str, Any]:
    """Content of a TOML file.

    Raises:
        InvalidFile: It cannot be read, is not UTF-8 or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFile(path, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InvalidFile(path, "is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidFile(path, f"is not valid TOML: {error}") from None
