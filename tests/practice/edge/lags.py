"""What each edge sees of the key value store when its writes arrive late, and not everywhere at once.

A write to the store is at first what the API answers; an edge sees it later. Source: CloudFront guide, key value
stores: changes propagate to all edge locations, eventually, and nothing says when they have.
"""

import heapq
import random
import time

MODES = ("jitter", "ordered")


class _View:
    """One store as one edge sees it; `values` is None while the edge is up to date."""

    def __init__(self):
        self.values, self.pending, self.seen, self.count = None, [], {}, 0

    def write(self, before, changes, due):
        """Take changes `(key, value or None)` that arrive at `due(key)`."""
        if self.values is None:
            self.values = dict(before)
        for key, value in changes:
            self.count += 1
            heapq.heappush(self.pending, (due(key), self.count, key, value))

    def settle(self, now):
        """Apply what has arrived. A write that comes after a newer one of the same key is past."""
        while self.pending and self.pending[0][0] <= now:
            _, number, key, value = heapq.heappop(self.pending)
            if number < self.seen.get(key, 0):
                continue
            self.seen[key] = number
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        if not self.pending:
            self.values, self.seen = None, {}


class Lags:
    """The lag of each edge, and the stores as the edges see them."""

    def __init__(self, edges, now=time.monotonic):
        self._edges, self._now = edges, now
        self.set([])

    def set(self, lags, mode="jitter", seed=1):
        """From now on, writes arrive that late; what was under way is there. ValueError says what is wrong."""
        if mode not in MODES:
            raise ValueError(f"mode: {' or '.join(MODES)}")
        if len(lags) > self._edges:
            raise ValueError(f"lags for {len(lags)} edges, and there are {self._edges}")
        pairs = [(float(least), float(most)) for least, most in lags]
        if any(not 0 <= least <= most for least, most in pairs):
            raise ValueError("lags: pairs of seconds, the lesser first")
        self.lags, self.mode, self.seed = pairs, mode, seed
        self._views = {}
        self._draws = [random.Random(f"{seed} {edge}") for edge in range(len(pairs))]
        self._fixed = [draw.uniform(*pair) for draw, pair in zip(self._draws, pairs)]

    def clear(self):
        """No lags."""
        self.set([])

    def written(self, store, before, puts, deletes):
        """A write was applied to a store whose values were `before`."""
        changes = [(key, None) for key in deletes] + list(puts.items())
        for edge, pair in enumerate(self.lags):
            if pair[1] == 0:
                continue
            view, now = self._views.setdefault((edge, store.id), _View()), self._now()
            view.settle(now)
            view.write(before, changes, self._arrival(edge, now))

    def _arrival(self, edge, now):
        if self.mode == "ordered":
            return lambda _key: now + self._fixed[edge]
        return lambda _key: now + self._draws[edge].uniform(*self.lags[edge])

    def values(self, edge, store):
        """A store's keys as an edge sees them."""
        view = self._views.get((edge, store.id))
        if view is not None:
            view.settle(self._now())
        return store.values if view is None or view.values is None else view.values

    def pending(self, edge):
        """Writes that an edge has not seen yet."""
        now, count = self._now(), 0
        for (place, _), view in self._views.items():
            if place == edge:
                view.settle(now)
                count += len(view.pending)
        return count

    def describe(self):
        """What is set, as JSON."""
        return {
            "lags": [list(pair) for pair in self.lags], "mode": self.mode, "seed": self.seed,
            "pending": [self.pending(edge) for edge in range(self._edges)],
        }


class Seen:
    """A store as one edge sees it, for the functions' engine."""

    def __init__(self, lags, edge, store):
        self._lags, self._edge, self._store = lags, edge, store
        self.created, self.modified = store.created, store.modified

    @property
    def values(self):
        """The keys, at this moment."""
        return self._lags.values(self._edge, self._store)
