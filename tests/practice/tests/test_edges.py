"""Several edges: each with its own cache, and with its own time at which it sees what was written to the store."""

import urllib.error
from types import SimpleNamespace

import pytest

import site_
from conftest import started
from practice.edge.lags import Lags

NEVER = [1e6, 1e6]


class World:
    """A store, lags on a clock that the test moves."""

    def __init__(self, edges=2):
        self.time, self.store = 0.0, SimpleNamespace(id="store", values={})
        self.lags = Lags(edges, lambda: self.time)

    def write(self, puts=None, deletes=()):
        before = self.store.values
        self.store.values = {**{k: v for k, v in before.items() if k not in deletes}, **(puts or {})}
        self.lags.written(self.store, before, puts or {}, deletes)

    def seen(self, edge):
        return dict(self.lags.values(edge, self.store))


def test_without_lags_everything_is_there_at_once():
    world = World()
    world.write({"a": "1"})
    assert world.seen(0) == world.seen(1) == {"a": "1"}


def test_jittered_keys_of_one_write_arrive_each_on_its_own():
    world = World()
    world.write({"live": "old", "gone": "x"})
    world.lags.set([[0, 0], [1, 5]])
    world.write({"live": "new", **{f"r:{n}": "v" for n in range(20)}}, deletes=["gone"])
    assert len(world.seen(0)) == 21 and world.seen(1) == {"live": "old", "gone": "x"}
    counts = []
    for world.time in (0.99, 2, 3, 4, 5):
        seen = world.seen(1)
        counts.append(len(seen) - 2 + (seen["live"] == "new") + ("gone" not in seen) * 2)
    assert counts[0] == 0 and counts[-1] == 22 and 0 < counts[1] < counts[2] < counts[3] < 22
    assert world.seen(1) == world.store.values and world.lags.pending(1) == 0


def test_the_same_seed_draws_the_same_delays():
    def trace(seed):
        world = World(1)
        world.lags.set([[0, 10]], seed=seed)
        world.write({f"k{n}": "v" for n in range(30)})
        out = []
        for world.time in range(10):
            out.append(sorted(world.seen(0)))
        return out

    assert trace(3) == trace(3) != trace(4)


def test_an_older_write_never_covers_a_newer_one():
    for seed in range(30):
        world = World(1)
        world.lags.set([[0, 10]], seed=seed)
        for value in ("1", "2", "3"):
            world.write({"k": value})
        latest = ""
        for _ in range(40):
            world.time += 0.3
            value = world.seen(0).get("k", "")
            assert value >= latest, (seed, latest, value)
            latest = value
        assert latest == "3"


def test_ordered_lags_show_the_store_as_it_was():
    world = World(1)
    world.lags.set([[2, 2]], "ordered")
    states = []
    for world.time, puts in ((1.0, {"r1:0": "a"}), (1.5, {"live": "r1", "r1:1": "b"}), (2.5, {"live": "r2"})):
        world.write(puts)
        states.append(dict(world.store.values))
    seen = []
    for world.time in (2.9, 3, 3.4, 3.5, 4.4, 4.5):
        seen.append(world.seen(0))
    assert seen == [{}, states[0], states[0], states[1], states[1], states[2]]


def test_new_lags_begin_with_everything_there():
    world = World(1)
    world.lags.set([NEVER])
    world.write({"a": "1"})
    assert world.seen(0) == {}
    world.lags.set([NEVER])
    assert world.seen(0) == {"a": "1"}


@pytest.mark.parametrize("given", [([[1, 2]] * 3, "jitter"), ([[2, 1]], "jitter"), ([[-1, 1]], "jitter"), ([[1, 2]], "other")])
def test_lags_that_cannot_be_are_refused(given):
    with pytest.raises(ValueError):
        World(2).lags.set(*given)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    with started(tmp_path_factory.mktemp("edges"), "--edges", "3") as account:
        yield account


@pytest.fixture
def site(three):
    three.door("POST", "reset")
    three.distribution, _ = site_.publish(three)
    store = three.client("cloudfront").describe_key_value_store(Name="demo-edge")["KeyValueStore"]["ARN"]
    three.write = lambda puts: site_.write_keys(three, store, puts)
    return three


def test_each_edge_has_a_port_and_a_cache(site):
    assert site.told["edge_port"] == site.told["edge_ports"][0] and len(set(site.told["edge_ports"])) == 3
    got = [site.visit("/", edge=edge)[1] for edge in (0, 0, 1, 2, 2)]
    assert [headers["x-cache"].split()[0] for headers in got] == ["Miss", "Hit", "Miss", "Miss", "Hit"]
    assert len({headers["x-amz-cf-pop"] for headers in got}) == 3
    assert site.door("GET", "edges")["cached"] == [1, 1, 1]
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "1"}
    site.client("cloudfront").create_invalidation(DistributionId=site.distribution["Id"], InvalidationBatch=batch)
    assert site.door("GET", "edges")["cached"] == [0, 0, 0]


@pytest.mark.parametrize("mode", ["jitter", "ordered"])
def test_an_edge_that_lags_answers_with_the_old_keys(site, mode):
    told = site.door("POST", "edges", {"lags": [[0, 0], NEVER], "mode": mode})
    assert (told["mode"], told["pending"]) == (mode, [0, 0, 0])
    site.write({"/": "gone"})
    assert [site.visit("/", edge=edge)[0] for edge in range(3)] == [404, 200, 404]
    assert site.door("GET", "edges")["pending"] == [0, 1, 0]
    assert site.door("GET", "kvs/demo-edge")["keys"]["/"] == "gone"
    site.door("POST", "edges", {})
    assert [site.visit("/", edge=edge)[0] for edge in range(3)] == [404, 404, 404]


def test_a_reset_takes_the_lags_away_and_nonsense_is_refused(site):
    site.door("POST", "edges", {"lags": [NEVER] * 3, "seed": 7})
    site.door("POST", "reset")
    assert site.door("GET", "edges")["lags"] == []
    for wrong in ({"lags": [[0, 1]] * 4}, {"lag": []}, {"mode": "x"}, {"lags": [1]}):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            site.door("POST", "edges", wrong)
