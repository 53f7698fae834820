"""The practice clock: states that take time on AWS advance by being asked, so that tests need no sleep.

A waiting state ends after a number of polls (describe calls, or attempts that it refused), or after some real
time, whichever comes first.
"""

import time
from dataclasses import dataclass


class Clock:
    """The time of day that the edge and its functions see: the machine's until a door moves it."""

    def __init__(self):
        self._ahead, self._stands = 0.0, None

    def now(self):
        """Seconds since 1970."""
        return time.time() + self._ahead if self._stands is None else self._stands

    def set(self, at=None, ahead=0.0):
        """Stand still at a time, or run that many seconds ahead of the machine's clock."""
        self._ahead, self._stands = float(ahead), None if at is None else float(at)

    def describe(self):
        """What is set, as JSON."""
        return {"now": self.now(), "ahead": self._ahead, "stands": self._stands is not None}


@dataclass(frozen=True)
class Pace:
    """How long things take: `polls` describe calls, or `seconds`."""

    polls: int
    seconds: float


PACES = {
    # The time is only for whoever never asks (a visitor of the edge): tests count on the polls.
    "fast": Pace(polls=2, seconds=3.0),
    # For people: a wait that can be watched.
    "steady": Pace(polls=10**9, seconds=4.0),
}


class Wait:
    """One state that is not over yet."""

    def __init__(self, pace):
        self._left, self._end = pace.polls, time.monotonic() + pace.seconds

    def poll(self):
        """Someone asks; True once the wait is over. The asking itself counts."""
        if self.over():
            return True
        self._left -= 1
        return False

    def over(self):
        """Whether the wait is over, without counting as a question."""
        return self._left <= 0 or time.monotonic() >= self._end
