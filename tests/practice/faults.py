"""Injected faults, and the stop point at which the account goes silent."""

import asyncio
import os
import signal
from dataclasses import dataclass, field

from .wire.errors import AwsError, Dropped


@dataclass
class Fault:
    """One thing to go wrong; `service` and `operation` may be `*`."""

    service: str = "*"
    operation: str = "*"
    code: str = ""
    status: int | None = None
    message: str = ""
    times: int = 1
    skip: int = 0
    when: str = "before"
    match: str = ""
    by: str = "client"
    headers: dict = field(default_factory=dict)
    hold: bool = False
    hits: int = 0

    def meets(self, call, when):
        """Whether this fault is for that call at that moment."""
        if self.times <= 0 or self.when != when or self.by not in ("*", call.by):
            return False
        if self.service not in ("*", call.service.name) or self.operation not in ("*", call.operation):
            return False
        text = f"{call.method} {call.raw_path}?{call.raw_query} {call.resource}"
        return not self.match or self.match in text or self.match.encode() in call.body

    def strike(self):
        """Raise what this fault says; without a code the connection is dropped."""
        self.times -= 1
        self.hits += 1
        if not self.code:
            raise Dropped()
        raise AwsError(self.code, self.message or "injected by the practice account", self.status, self.headers)


class Faults:
    """The faults that wait for their call, and the stop point."""

    def __init__(self):
        self._go_on, self._holding, self.held = asyncio.Event(), asyncio.Event(), 0
        self.clear()

    def clear(self):
        """No faults, no stop point, nothing held, answering again."""
        self._let_go()
        self.waiting, self.stop_at, self.stop_when, self.kill_pid = [], None, "before", None
        self.counted, self.stopped = 0, False

    def add(self, spec):
        """Take one fault or stop point as posted; ValueError says what is wrong with it."""
        if "stop_at" in spec:
            self.stop_at, self.stop_when = int(spec["stop_at"]), spec.get("when", "before")
            self.kill_pid, self.counted, self.stopped = spec.get("kill_pid"), 0, False
            return
        unknown = set(spec) - set(Fault.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        self.waiting.append(Fault(**spec))

    def resume(self):
        """Answer again after a stop point, and what is held."""
        self._let_go()
        self.stopped, self.stop_at, self.kill_pid = False, None, None

    async def hold(self, call, when):
        """Keep a call for which a fault says `hold` until `resume`."""
        for fault in self.waiting:
            if not fault.hold or not fault.meets(call, when):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times, fault.hits = fault.times - 1, fault.hits + 1
            self.held += 1
            self._holding.set()
            await self._go_on.wait()
            return

    async def until_held(self):
        """Returns when a call is held."""
        await self._holding.wait()

    def _let_go(self):
        # Those that are held wait for this one; what is held from now on waits for the next.
        self._go_on.set()
        self._go_on, self._holding, self.held = asyncio.Event(), asyncio.Event(), 0

    def before(self, call):
        """Called before a call is applied."""
        if self.stopped and call.by == "client":
            raise Dropped()
        if call.changing and call.by == "client":
            self.counted += 1
            call.is_stop = self.stop_at is not None and self.counted == self.stop_at
            if call.is_stop and self.stop_when == "before":
                self._stop()
        self._strike(call, "before")

    def after(self, call):
        """Called when a call was applied and not yet answered."""
        if call.is_stop and self.stop_when == "after":
            self._stop()
        # What was under way when the account stopped was applied, but nobody is left to hear of it.
        if self.stopped and call.by == "client":
            raise Dropped()
        self._strike(call, "after")

    def refused(self, call):
        """Called when a call was refused: a stop point after it stops all the same."""
        if call.is_stop and self.stop_when == "after":
            self._stop()
        if self.stopped and call.by == "client":
            raise Dropped()

    def _strike(self, call, when):
        for fault in self.waiting:
            if fault.hold or not fault.meets(call, when):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.strike()

    def _stop(self):
        self.stopped = True
        if self.kill_pid:
            try:
                os.kill(int(self.kill_pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        raise Dropped()

    def describe(self):
        """What is set, as JSON."""
        return {
            "faults": [vars(f) for f in self.waiting],
            "stop_at": self.stop_at,
            "when": self.stop_when,
            "counted": self.counted,
            "stopped": self.stopped,
            "held": self.held,
        }
