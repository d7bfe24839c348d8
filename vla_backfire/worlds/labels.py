"""Printed labels: a word, a pictogram or both, drawn into a picture.

Policies see worlds mirrored, as LIBERO shows them, and mirrored letters are hard to read: a label
that matters carries a pictogram. The signs are our own drawings after the usual pictures for
hazards; each is symmetric or means the same from both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vla_backfire.episodes import Pixels
from vla_backfire.worlds.recipes import Shape

HEIGHT_PX = 192
FINER = 3
"""Drawn this much larger and then reduced, for smooth edges."""

YELLOW, RED, BLUE, BLACK, WHITE = "#f8c800", "#d01818", "#1858b8", "#141414", "#fafafa"
Pen = ImageDraw.ImageDraw
Points = Sequence[tuple[float, float]]


def drawn(label: Shape) -> Pixels:
    """Picture of a label's face, uint8 (H, W, 3), in the proportions of its size."""
    wide, high = label.size_m
    height = HEIGHT_PX * FINER
    width = max(FINER * 16, round(height * wide / high))
    paper = tuple(round(255 * share) for share in label.colour[:3])
    image = Image.new("RGB", (width, height), paper)
    pen = ImageDraw.Draw(image)
    frame = round(height * 0.02)
    ink = "#" + "".join(f"{round(255 * share):02x}" for share in label.ink)
    pen.rectangle((0, 0, width - 1, height - 1), outline=ink, width=frame)
    split = _split(label, width, height)
    if label.pictogram:
        _draw_pictogram(pen, label.pictogram, split[0])
    if label.text:
        _write(pen, label.text, split[1], ink)
    small = image.resize((width // FINER, HEIGHT_PX), Image.Resampling.LANCZOS)
    return np.asarray(small, np.uint8)


Box = tuple[float, float, float, float]


def _split(label: Shape, width: int, height: int) -> tuple[Box, Box]:
    """Where the pictogram and where the text go: beside each other, or one above the other."""
    edge = height * 0.06
    whole = (edge, edge, width - edge, height - edge)
    if not (label.text and label.pictogram):
        return whole, whole
    if width > 1.6 * height:
        return (edge, edge, height - edge, height - edge), (height, edge, width - edge, whole[3])
    return (edge, edge, whole[2], height * 0.66), (edge, height * 0.68, whole[2], whole[3])


def _write(pen: Pen, text: str, box: Box, ink: str) -> None:
    """The largest letters that fit."""
    width, height = box[2] - box[0], box[3] - box[1]
    n_lines = text.count("\n") + 1
    size = height / n_lines * 0.9
    while size > 6:
        font = ImageFont.load_default(size)
        left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font, align="center")
        if right - left <= width and bottom - top <= height:
            break
        size *= 0.93
    at = ((box[0] + box[2] - left - right) / 2, (box[1] + box[3] - top - bottom) / 2)
    pen.multiline_text(at, text, ink, font, align="center", stroke_width=size * 0.03)


def _draw_pictogram(pen: Pen, name: str, box: Box) -> None:
    side = min(box[2] - box[0], box[3] - box[1])
    left = (box[0] + box[2] - side) / 2
    top = (box[1] + box[3] - side) / 2

    def place(points: Points) -> list[tuple[float, float]]:
        return [(left + side * x, top + side * y) for x, y in points]

    PICTOGRAMS[name](_Sign(pen, place, side))


class _Sign:
    """Draws in a square that runs from 0 to 1, y downwards."""

    def __init__(self, pen: Pen, place: Callable[[Points], list[tuple[float, float]]], side: float):
        self._pen, self._place, self._side = pen, place, side

    def area(self, points: Points, colour: str) -> None:
        self._pen.polygon(self._place(points), fill=colour)

    def line(self, points: Points, colour: str, width: float) -> None:
        thick = round(width * self._side)
        self._pen.line(self._place(points), fill=colour, width=thick, joint="curve")

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        (a, b) = self._place([(x - radius, y - radius), (x + radius, y + radius)])
        self._pen.ellipse((*a, *b), fill=colour)

    def ring(self, x: float, y: float, radius: float, colour: str, width: float) -> None:
        (a, b) = self._place([(x - radius, y - radius), (x + radius, y + radius)])
        self._pen.ellipse((*a, *b), outline=colour, width=round(width * self._side))


def _triangle(sign: _Sign) -> None:
    sign.area([(0.5, 0.0), (1.0, 0.93), (0.0, 0.93)], BLACK)
    sign.area([(0.5, 0.1), (0.92, 0.88), (0.08, 0.88)], YELLOW)


def _diamond(sign: _Sign) -> None:
    sign.area([(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)], RED)
    sign.area([(0.5, 0.11), (0.89, 0.5), (0.5, 0.89), (0.11, 0.5)], WHITE)


def _flame(sign: _Sign) -> None:
    _diamond(sign)
    sign.area(
        [
            *[(0.5, 0.2), (0.6, 0.36), (0.66, 0.3), (0.7, 0.5), (0.66, 0.64), (0.56, 0.72)],
            *[(0.44, 0.72), (0.34, 0.64), (0.3, 0.5), (0.36, 0.38), (0.42, 0.44)],
        ],
        BLACK,
    )
    sign.area([(0.5, 0.48), (0.57, 0.6), (0.5, 0.7), (0.43, 0.6)], WHITE)


def _corrosive(sign: _Sign) -> None:
    _diamond(sign)
    for x, tilt in ((0.3, 0.06), (0.7, -0.06)):
        sign.line([(x - tilt - 0.08, 0.4), (x - tilt + 0.08, 0.3)], BLACK, 0.08)
        for drop in (0.44, 0.5):
            sign.disc(x + tilt / 2, drop, 0.022, BLACK)
    sign.area([(0.2, 0.56), (0.8, 0.56), (0.74, 0.64), (0.26, 0.64)], BLACK)
    for x in (0.36, 0.5, 0.64):
        sign.disc(x, 0.565, 0.045, WHITE)


def _toxic(sign: _Sign) -> None:
    _diamond(sign)
    for y in (0.58, 0.74):
        sign.line([(0.3, y), (0.7, 1.32 - y)], BLACK, 0.06)
    sign.disc(0.5, 0.41, 0.16, BLACK)
    sign.area([(0.42, 0.48), (0.58, 0.48), (0.56, 0.62), (0.44, 0.62)], BLACK)
    for x in (0.43, 0.57):
        sign.disc(x, 0.41, 0.045, WHITE)
    sign.area([(0.5, 0.46), (0.53, 0.53), (0.47, 0.53)], WHITE)


def _warning(sign: _Sign) -> None:
    _triangle(sign)
    sign.area([(0.44, 0.32), (0.56, 0.32), (0.53, 0.66), (0.47, 0.66)], BLACK)
    sign.disc(0.5, 0.77, 0.055, BLACK)


def _electricity(sign: _Sign) -> None:
    _triangle(sign)
    sign.area(
        [(0.55, 0.26), (0.38, 0.58), (0.49, 0.56), (0.45, 0.82), (0.63, 0.48), (0.51, 0.5)], BLACK
    )


def _biohazard(sign: _Sign) -> None:
    _triangle(sign)
    for x, y in ((0.5, 0.5), (0.38, 0.7), (0.62, 0.7)):
        sign.ring(x, y, 0.14, BLACK, 0.045)
    sign.disc(0.5, 0.63, 0.06, BLACK)
    sign.disc(0.5, 0.63, 0.025, YELLOW)


def _hot(sign: _Sign) -> None:
    _triangle(sign)
    sign.area([(0.24, 0.76), (0.76, 0.76), (0.76, 0.82), (0.24, 0.82)], BLACK)
    for x in (0.36, 0.5, 0.64):
        way = [(x, 0.72), (x + 0.04, 0.63), (x - 0.04, 0.54), (x, 0.45)]
        sign.line(way, BLACK, 0.045)


def _crush(sign: _Sign) -> None:
    _triangle(sign)
    sign.area([(0.36, 0.34), (0.64, 0.34), (0.64, 0.46), (0.36, 0.46)], BLACK)
    sign.area([(0.5, 0.56), (0.58, 0.46), (0.42, 0.46)], BLACK)
    sign.area([(0.2, 0.8), (0.8, 0.8), (0.8, 0.85), (0.2, 0.85)], BLACK)
    for x in (0.36, 0.46, 0.56, 0.66):
        sign.line([(x, 0.64), (x, 0.78)], BLACK, 0.06)


def _cross(sign: _Sign) -> None:
    sign.area([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)], WHITE)
    sign.area([(0.37, 0.1), (0.63, 0.1), (0.63, 0.9), (0.37, 0.9)], RED)
    sign.area([(0.1, 0.37), (0.9, 0.37), (0.9, 0.63), (0.1, 0.63)], RED)


PICTOGRAMS: dict[str, Callable[[_Sign], None]] = {
    "flame": _flame,
    "corrosive": _corrosive,
    "toxic": _toxic,
    "warning": _warning,
    "electricity": _electricity,
    "biohazard": _biohazard,
    "hot": _hot,
    "crush": _crush,
    "cross": _cross,
}
