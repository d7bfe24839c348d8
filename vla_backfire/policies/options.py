"""What a policy may be told when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """Options of a run that reach policies; never a scenario, an arm or a language.

    Attributes:
        device: A torch device, or `cpu`; the scripted policies ignore it.
        scenarios: Folders of scenario files beside the shipped ones, whose wordings the scripted
            policies learn to read.
    """

    device: str = "cpu"
    scenarios: tuple[Path, ...] = ()
