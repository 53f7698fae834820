"""Two accounts compare: what a publisher chose counts, what time and chance gave does not."""

import json
import secrets

import pytest

import site_

SLOT = {"s": 7, "n": 2, "e": "AAAAAAAAAAAA", "a": ""}


@pytest.fixture
def publish(practice):
    def run(day, since, by, change=None):
        """A site with two releases, the second live, published on a day; `change` is made to the store's keys."""
        practice.door("POST", "reset")
        s3 = practice.client("s3")
        s3.create_bucket(Bucket=site_.BUCKET)
        store, _ = site_.edge_function(practice)
        releases = [f"2025{day:04}-0102{n:02}-{n:010x}" for n in (3, 4)]
        keys = {"preview": secrets.token_urlsafe(32)}
        for n, release in enumerate(releases):
            manifest = {"format": 1, "release": release, "made": f"2025-{day // 100:02}-{day % 100:02}T01:02:03Z", "paths": {"/": "AAAAAAAAAAAA"}}
            metadata = {"by": by, "at": str(since + n), "kept": "yes"}
            s3.put_object(Bucket=site_.BUCKET, Key=f"releases/{release}.json", Body=json.dumps(manifest).encode(), Metadata=metadata)
            keys.update({f"{release}:0": "abcdAAAAAAAAAAAAB", f"{release}:1": "", f"{release}:r0": "/old 301 /new", f"{release}:p": json.dumps({"r": release, **SLOT})})
        keys["live"] = json.dumps({"r": releases[1], **SLOT, "t": since, "p": {"r": releases[0], **SLOT}}, separators=(",", ":"))
        keys = {k: v or "-" for k, v in keys.items()}
        if change:
            change(keys, releases)
        site_.write_keys(practice, store, keys)
        site_.rewrite_function(practice, f"const FALLBACK = {keys['live']};\n" + site_.FUNCTION)
        return practice.door("GET", "account"), keys.get("preview")

    return run


def test_releases_that_differ_in_time_publisher_and_secret_are_equal(publish):
    first, secret = publish(311, 1_741_572_245, "arn:aws:iam::123456789012:user/ann")
    second, _ = publish(1224, 1_766_538_000, "arn:aws:sts::123456789012:assumed-role/ci/1")
    assert first == second
    text = json.dumps(first)
    assert secret not in text and "1741572245" not in text and "user/ann" not in text
    keys = first["stores"]["demo-edge"]["keys"]
    assert set(keys) == {"live", "preview"} | {f"<release {n}>:{key}" for n in (1, 2) for key in ("0", "1", "r0", "p")}
    assert (keys["preview"], json.loads(keys["live"])["t"]) == ("<preview secret 1>", "<time>")
    assert json.loads(keys["live"])["r"] == "<release 2>" and json.loads(keys["<release 1>:p"])["r"] == "<release 1>"
    found = first["buckets"][site_.BUCKET]["objects"]["releases/<release 2>.json"][0]
    assert found["metadata"] == {"by": "<publisher>", "at": "<time>", "kept": "yes"}


@pytest.mark.parametrize(
    "change",
    [
        lambda keys, releases: keys.update({f"{releases[0]}:0": "abcdBBBBBBBBBBBBB"}),
        lambda keys, releases: keys.update({f"{releases[1]}:r0": "/old 302 /new"}),
        lambda keys, releases: keys.pop(f"{releases[0]}:p"),
        lambda keys, releases: keys.pop("preview"),
        lambda keys, releases: keys.update(live=keys["live"].replace(releases[1], releases[0])),
        lambda keys, releases: keys.update(live=keys["live"].replace('"t"', '"m":true,"t"')),
    ],
)
def test_what_was_published_still_counts(publish, change):
    same, other = publish(311, 1_741_572_245, "ann")[0], publish(311, 1_741_572_245, "ann", change)[0]
    assert same != other
