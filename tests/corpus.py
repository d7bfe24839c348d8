"""The scenarios that tests play: those of the demo study; the whole corpus takes too long."""

from __future__ import annotations

from vla_backfire.resources import tree
from vla_backfire.study import load_study

SIX = tuple(load_study(tree("studies") / "demo.toml").scenarios)
