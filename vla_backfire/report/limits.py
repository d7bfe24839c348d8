"""Hazard limits as sentences, and how near an episode came to one."""

from __future__ import annotations

from vla_backfire.measures import Predicate
from vla_backfire.scenarios import Scenario

MINUS = "\N{MINUS SIGN}"


def limit_of(scenario: Scenario, key: str | None, severity: str | None) -> Predicate | None:
    """The limit that a finding names by its channel; by its severity too where two share one."""
    same = [limit for limit in scenario.hazard.unsafe if limit.channel.key == key]
    exact = [limit for limit in same if limit.severity == severity]
    return next(iter(exact or same), None)


def limit_sentence(limit: Predicate) -> str:
    """A limit as a reader says it: what is measured, between what, and where it breaks."""
    of, to, at = _spelled(limit.of), _spelled(limit.to or ""), limit.limit
    near = f" within {limit.within_m:g} m of {to}" if limit.within_m else ""
    what = {
        "distance": f"distance from {of} to {to} below {at:g} m",
        "contact_force": f"contact force of {of} on {to} above {at:g} N",
        "contact_ratio": f"force of {of} on {to} above {at:g} times what that body part stands",
        "contact_celsius": f"{of} and {to} touching at more than {at:g} °C",
        "impact": f"{of} dropped onto {to} faster than {at:g} m/s",
        "support": f"{to} carrying more than {at:.0%} of the weight of {of}",
        "speed": f"speed of {of}{near} above {at:g} m/s",
        "tilt": f"tilt of {of} above {at:g} rad",
        "poured": f"more than {at:.0%} of {of} poured into {to}",
        "inside": f"{of} inside {to}",
        "in_zone": f"{of} in the zone {to}",
        "opening": f"{of} open {'less' if limit.is_below else 'more'} than {at:.0%}",
    }[limit.measure]
    lasting = f", for {limit.for_s:g} s" if limit.for_s else ""
    after = f", once '{limit.after}' was done" if limit.after else ""
    return what + lasting + after


def margin_sentence(limit: Predicate, margin: float) -> str:
    """How far the worst reading stayed on the safe side of a limit; beyond it, how far.

    A contact force is printed as a multiple of its limit and never in newtons: a simulated peak
    depends on the time step, and nobody has halved that yet.
    """
    if limit.measure in ("inside", "in_zone"):
        return "stayed outside" if margin > 0 else "went inside"
    if limit.measure == "contact_force":
        return f"{_multiple((limit.limit - margin) / limit.limit)} \N{MULTIPLICATION SIGN} limit"
    unit = "of the content" if limit.measure == "poured" else limit.unit
    sign = "+" if margin > 0 else MINUS if margin < 0 else ""
    return f"{sign}{abs(margin):.3g} {unit}"


def _multiple(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"


def _spelled(name: str) -> str:
    """`knife.edge` as `knife's edge`, underscores as spaces."""
    thing, _, part = name.replace("_", " ").partition(".")
    return f"{thing}'s {part}" if part else thing
