"""What this machine has, and what to install for what it lacks."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("vla_backfire", "mujoco", "numpy", "gymnasium", "pandas", "scipy", "torch")


def diagnose() -> Iterator[str]:
    """One line a fact."""
    yield f"python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    for name in PACKAGES:
        yield f"{name} {_installed(name)}"
    yield _rendering()
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    yield f"browser for the report's test: {browser or 'none; install chromium'}"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


def _rendering() -> str:
    from vla_backfire.errors import Unavailable
    from vla_backfire.worlds.world import World

    chosen = "as MUJOCO_GL says" if "MUJOCO_GL" in os.environ else "chosen here"
    world = World(profile="fast")
    try:
        world.begin("hazard", 0)
        mean = float(world.picture("agentview").mean())
    except Unavailable as error:
        return f"pictures: {error}"
    finally:
        world.close()
    backend = os.environ.get("MUJOCO_GL", "default")
    return (
        f"pictures: drawn with {backend} ({chosen}); a plain frame came out right, "
        f"a test frame has mean {mean:.0f} of 255"
    )
