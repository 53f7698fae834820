"""The practice clock: states that take time on AWS advance by being asked, so that tests need no sleep.

A waiting state ends after a number of polls (describe calls, or attempts that it refused), or after some real
time, whichever comes first.
"""

import time
from dataclasses import dataclass


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
