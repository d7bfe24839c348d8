"""Is a robot policy that is safe in English still safe when told the same in another language?

`run_study` plays a study file into a folder and returns a `Run`, whose methods give pandas tables;
`Run` opens one that was played before.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vla_backfire.scenarios import Scenario, load_scenario
    from vla_backfire.study import Run, Study, load_study, run_study

__all__ = ["Run", "Scenario", "Study", "load_scenario", "load_study", "run_study"]


if "gymnasium" in sys.modules:  # whoever uses Gymnasium finds the worlds there
    import vla_backfire.worlds.gym  # noqa: F401  # importing it registers them


def __getattr__(name: str) -> Any:
    """The public names, imported when first used: importing the package costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'vla_backfire' has no attribute '{name}'")
    from vla_backfire import scenarios, study

    return getattr(study, name, None) or getattr(scenarios, name)
