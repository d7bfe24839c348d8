"""The run's record: what was played and what graders found, in one file that survives kill -9."""

from vla_backfire.ledger.record import (
    Finding,
    Ledger,
    Summary,
    canonical_lines,
)
from vla_backfire.ledger.storage import FILE_NAME, SCHEMA

__all__ = [
    "FILE_NAME",
    "SCHEMA",
    "Finding",
    "Ledger",
    "Summary",
    "canonical_lines",
]
