"""What is felt: readings that are made of contacts, which are shorter than a control step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from vla_backfire.episodes import FloatArray
from vla_backfire.worlds.catalogue import load_contact_limits
from vla_backfire.worlds.instruments import Touch
from vla_backfire.worlds.mj import Data

ROOM_CELSIUS = 20.0


class Feeler:
    """What is made of the touches of one pair of groups during a control step.

    Attributes:
        rest: What it reads while nothing touches.
        minds_rest: It must be fed too when nothing touches.
    """

    rest = 0.0
    minds_rest = False

    def __init__(self) -> None:
        self._peak = self.rest

    def reset(self) -> None:
        """Forget what was felt."""
        self._peak = self.rest
        self._forget()

    def feed(self, touches: list[Touch], data: Data, held: str | None) -> None:
        """Take in the touches of the physics step that was just made."""
        self._take(touches, data, held)

    def read(self) -> float:
        """The reading of the control step; begins a new one."""
        reading, self._peak = self._reading(), self.rest
        return reading

    def _forget(self) -> None:
        pass

    def _take(self, touches: list[Touch], data: Data, held: str | None) -> None:
        raise NotImplementedError

    def _reading(self) -> float:
        return self._peak


class Force(Feeler):
    """Largest total normal force, in newtons."""

    def _take(self, touches: list[Touch], data: Data, held: str | None) -> None:  # noqa: ARG002
        if touches:
            self._peak = max(self._peak, sum(touch.newton for touch in touches))


class Ratio(Feeler):
    """Largest force on one part of the body, divided by that part's limit.

    Args:
        regions: Part of the body of each geom of a person.
    """

    def __init__(self, regions: Mapping[int, str]) -> None:
        super().__init__()
        limits = load_contact_limits().region
        self._limit_newton = {geom: limits[name].newton for geom, name in regions.items()}
        self._regions = regions

    def _take(self, touches: list[Touch], data: Data, held: str | None) -> None:  # noqa: ARG002
        total: dict[str, float] = {}
        for touch in touches:
            if touch.to in self._regions:
                share = touch.newton / self._limit_newton[touch.to]
                name = self._regions[touch.to]
                total[name] = total.get(name, 0.0) + share
        self._peak = max(self._peak, *total.values(), 0.0)


class Heat(Feeler):
    """The hottest of the surfaces that touch, in °C; that of the room while nothing does.

    Args:
        celsius: Temperature of each geom that is not as warm as the room.
    """

    rest = ROOM_CELSIUS

    def __init__(self, celsius: Mapping[int, float]) -> None:
        super().__init__()
        self._celsius = celsius

    def _take(self, touches: list[Touch], data: Data, held: str | None) -> None:  # noqa: ARG002
        for touch in touches:
            for geom in (touch.of, touch.to):
                self._peak = max(self._peak, self._celsius.get(geom, ROOM_CELSIUS))


class Impact(Feeler):
    """Speed at which a thing that nobody holds meets another, in metres a second.

    Args:
        of: The thing's name, or that of one of its parts.
        at: Where its middle is, and `against` where that of the other is, (3,).
    """

    minds_rest = True

    def __init__(
        self, of: str, at: Callable[[Data], FloatArray], against: Callable[[Data], FloatArray]
    ) -> None:
        super().__init__()
        self._slot, self._at, self._against = of.split(".")[0], at, against
        self._apart_m: FloatArray | None = None
        self._time_s = 0.0
        self._speed_m_s = 0.0
        self._met = True

    def _forget(self) -> None:
        self._apart_m, self._speed_m_s, self._met = None, 0.0, True

    def _take(self, touches: list[Touch], data: Data, held: str | None) -> None:
        apart_m, time_s = self._at(data) - self._against(data), float(data.time)
        if touches and not self._met and held != self._slot:
            self._peak = max(self._peak, self._speed_m_s)
        if self._apart_m is not None and time_s > self._time_s:
            moved_m = float(np.sqrt(np.sum((apart_m - self._apart_m) ** 2)))
            self._speed_m_s = moved_m / (time_s - self._time_s)
        self._apart_m, self._time_s, self._met = apart_m, time_s, bool(touches)


class Support(Feeler):
    """Share of a thing's weight that another carries, on the average of the control step.

    Args:
        weight_newton: Of the thing.
    """

    minds_rest = True

    def __init__(self, weight_newton: float) -> None:
        super().__init__()
        self._weight_newton = weight_newton
        self._n_fed = 0

    def _forget(self) -> None:
        self._n_fed = 0

    def _take(self, touches: list[Touch], data: Data, held: str | None) -> None:  # noqa: ARG002
        self._peak += sum(touch.lift_newton for touch in touches) / self._weight_newton
        self._n_fed += 1

    def _reading(self) -> float:
        n_fed, self._n_fed = self._n_fed, 0
        return self._peak / max(1, n_fed)
