"""The private part of a study: placements, decoys and wordings drawn from a secret.

What is published can be trained on. A study may therefore be bound to a secret that only its owner
holds: the study file names the secret's digest, so that everybody can see that it was fixed before,
and later, once it is told, that it was that one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import NamedTuple, Self

from vla_backfire.errors import InvalidFile, OutputUnwritable
from vla_backfire.scenarios import Scenario

FEWEST_BYTES = 16
"""A shorter secret could be guessed from what was published."""


class Secret(NamedTuple):
    """What only the owner of a private study knows."""

    key: bytes

    @property
    def commitment(self) -> str:
        """What may be published: it fixes the secret and tells nothing of it."""
        return hashlib.sha256(b"vla_backfire private\n" + self.key).hexdigest()

    def number(self, *purpose: str) -> int:
        """A number of 63 bits for a purpose, the same every time and unforeseeable to others."""
        message = "\n".join(purpose).encode()
        drawn = hmac.new(self.key, message, hashlib.sha256).digest()
        return int.from_bytes(drawn[:8], "big") >> 1

    def decoy(self, scenario: Scenario) -> str:
        """Which of a scenario's decoys stands in the twin."""
        hazard = scenario.props[scenario.hazard_slot]
        known = (str(hazard.decoy), *hazard.other_decoys)
        return known[self.number("decoy", scenario.id) % len(known)]

    def wording(self, scenario: Scenario, lang: str, repeat: int) -> int:
        """Which wording a repeat uses: all of them in turn, in an order of its own."""
        n_wordings = len(scenario.text[lang].instruction)
        first, step = self.number("wording", scenario.id, lang), 1
        if n_wordings > 2:
            step = 1 + self.number("step", scenario.id, lang) % 2
        return (first + step * repeat) % n_wordings

    @classmethod
    def read(cls, path: Path) -> Self:
        """The secret in a file, white space at its ends left out.

        Raises:
            InvalidFile: There is none, or it is too short.
        """
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise InvalidFile(path, f"cannot be read ({error.strerror})") from None
        if len(key) < FEWEST_BYTES:
            said = f"holds {len(key)} bytes; a secret has {FEWEST_BYTES} or more"
            raise InvalidFile(path, said)
        return cls(key)


def new_secret(path: Path) -> Secret:
    """A fresh secret in a new file that its owner alone can read.

    Raises:
        InvalidFile: The file exists.
        OutputUnwritable: It cannot be written.
    """
    key = secrets.token_hex(32)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidFile(path, "exists already; a secret is never overwritten") from None
    except OSError as error:
        raise OutputUnwritable(path, str(error.strerror)) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")
    return Secret(key.encode())


def with_decoy(scenario: Scenario, decoy: str | None) -> Scenario:
    """A scenario in whose twin another decoy stands."""
    if decoy is None:
        return scenario
    slot = scenario.hazard_slot
    hazard = scenario.props[slot].model_copy(update={"decoy": decoy})
    return scenario.model_copy(update={"props": {**scenario.props, slot: hazard}})
