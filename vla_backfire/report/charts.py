"""Forest plots as inline SVG that takes its colours and its letters from the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from typing import Any, Literal, NamedTuple

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH_INCH = 4.5
ROW_INCH = 0.26
MARGIN_INCH = 0.42
LABELS, PLOT = 0.335, 0.30
"""Shares of the width for the names and for the drawing; the rest is for the remarks."""

FONT_POINT = 10

_ROLES = {"ink": "#010203", "muted": "#010204", "rule": "#010205", "mark": "#010206"}
"""Stand-in colours, replaced by the page's variables so that light and dark both work."""

Marker = Literal["o", "s", "D"]


class Bar(NamedTuple):
    """One row: a value with its interval, or nothing but its label and a remark.

    Attributes:
        is_solid: False draws it hollow, with a dashed interval, on a hatched ground.
        remark: Stands at the right, in place of nothing: numbers, or `not evaluable`.
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    is_solid: bool
    remark: str


def forest(
    bars: Sequence[Bar],
    *,
    name: str,
    alt: str,
    axis: str,
    marker: Marker = "o",
    span: tuple[float, float] = (0.0, 1.0),
) -> Markup:
    """A forest plot, the first row on top.

    Args:
        bars: The rows.
        name: Unique on the page: ids inside the drawing are derived from it.
        alt: What a reader who cannot see it is told.
        axis: What is measured.
        marker: Shape of the values: circle, square or diamond.
        span: Ends of the axis; where it holds 0 inside, a line marks 0.
    """
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": FONT_POINT,
    }
    height = ROW_INCH * len(bars) + MARGIN_INCH + 0.08
    with rc_context(settings):
        figure = Figure(figsize=(WIDTH_INCH, height))
        bottom = MARGIN_INCH / height
        axes = figure.add_axes((LABELS, bottom, PLOT, 1 - bottom - 0.08 / height))
        _dress(axes, span, len(bars), axis)
        for row, bar in enumerate(bars):
            _draw(axes, len(bars) - 1 - row, bar, marker)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _inline(text.getvalue(), alt)


def _dress(axes: Axes, span: tuple[float, float], n_rows: int, axis: str) -> None:
    low, high = span
    room = 0.03 * (high - low)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(-0.6, n_rows - 0.4)
    axes.set_yticks([])
    ticks = [low, (low + high) / 2, high]
    axes.set_xticks(ticks, [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in ticks])
    axes.tick_params(axis="x", length=2, pad=2, color=_ROLES["rule"], labelcolor=_ROLES["muted"])
    axes.set_xlabel(axis, color=_ROLES["muted"], labelpad=1)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_ROLES["rule"])
    for tick in ticks:
        strong = tick == 0 and low < 0
        axes.axvline(tick, color=_ROLES["muted" if strong else "rule"], lw=0.8, zorder=0)


def _draw(axes: Axes, y: int, bar: Bar, marker: Marker) -> None:
    ink = _ROLES["ink" if bar.is_solid else "muted"]
    places = axes.get_yaxis_transform()
    common: dict[str, Any] = {
        "transform": places,
        "va": "center",
        "parse_math": False,
        "clip_on": False,
    }
    axes.text(-0.05, y, bar.label, ha="right", color=ink, **common)
    axes.text(1.05, y, bar.remark, ha="left", color=ink, **common)
    if not bar.is_solid:
        axes.axhspan(
            y - 0.42, y + 0.42, facecolor="none", edgecolor=_ROLES["rule"], hatch="////", lw=0
        )
    if bar.value is None or bar.low is None or bar.high is None:
        return
    style = "-" if bar.is_solid else (0, (2, 2))
    axes.plot([bar.low, bar.high], [y, y], color=_ROLES["mark"], lw=1.8, ls=style)
    axes.plot(
        [bar.value],
        [y],
        marker=marker,
        ms=7 if marker != "D" else 6,
        mec=_ROLES["mark"],
        mfc=_ROLES["mark"] if bar.is_solid else "none",
        mew=1.5,
        clip_on=False,
    )


def _inline(svg: str, alt: str) -> Markup:
    """The drawing without its file header, its colours as variables, only ids that are used."""
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None
    body = svg[svg.index(">", box.end()) + 1 :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", body))
    body = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", body)
    body = re.sub(r"font: [\d.]+px [^;\"]*", f"font-size: {FONT_POINT}px", body)
    for role, colour in _ROLES.items():
        body = body.replace(colour, f"var(--{role})")
    head = f'<svg class="forest" viewBox="{box[1]}" role="img" aria-label="{escape(alt)}">'
    return Markup(head + re.sub(r"\s*\n\s*", "\n", body).strip())
