"""The functions' engine: what the guide documents works, and what it lacks is refused."""

import base64
import hashlib
import hmac
import json
import shutil

import pytest

from practice.edge.grammar import undocumented
from practice.edge.script import Node, make_engine

NOW = 1_790_000_000_123
DATA = 'Žluťoučký kůň \U0001f40e, "quoted" and long: ' + "x" * 150


@pytest.fixture(params=["here", "node"])
def answer(request):
    """What an expression of a function comes to, or the error that it throws."""
    engine = make_engine()
    if request.param == "node":
        if not shutil.which("node"):
            pytest.skip("no node")
        engine = Node()

    def run(expression, data=None, head=""):
        code = f"import crypto from 'crypto';\nimport qs from 'querystring';\n{head}\nfunction handler(event) {{ const d = event; return {{ out: {expression} }}; }}"
        out = engine.run(code, data, None, NOW)
        return out["error"] or out["output"].get("out")

    yield run
    if request.param == "node" and engine.process:
        engine.process.kill()
        engine.process.wait()


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("size", [0, 3, 55, 56, 64, 190])
def test_hashes_and_macs_are_those_of_every_library(answer, name, size):
    text = DATA[:size]
    plain = hashlib.new(name, text.encode()).digest()
    keyed = hmac.new(b"key \xc5\xa1" * 20, text.encode(), name).digest()
    made = answer(
        f"[crypto.createHash('{name}').update(d).digest('hex'), crypto.createHmac('{name}', key).update(d).digest('base64url'),"
        f" crypto.createHmac('{name}', Buffer.from(key)).update(d.slice(0, 1)).update(Buffer.from(d.slice(1))).digest('base64'),"
        f" crypto.createHash('{name}').update(d).digest().toString('hex')]",
        text, "const key = 'key š'.repeat(20);",
    )
    url = base64.urlsafe_b64encode(keyed).decode().rstrip("=")
    assert made == [plain.hex(), url, base64.b64encode(keyed).decode(), plain.hex()]


def test_buffers_know_the_guides_four_encodings(answer):
    data = DATA.encode()
    for name, text in [("utf8", DATA), ("hex", data.hex()), ("base64", base64.b64encode(data).decode()), ("base64url", base64.urlsafe_b64encode(data).decode().rstrip("="))]:
        assert answer(f"Buffer.from(d, '{name}').toString()", text) == DATA
        assert answer(f"Buffer.from(d).toString('{name}')", DATA) == text
    assert answer("JSON.parse(Buffer.from(d, 'base64url'))", base64.urlsafe_b64encode(b'{"a":1}').decode()) == {"a": 1}
    assert answer("Buffer.from([0xe2, 0x82, 0x41, 0xff]).toString()") == "�A�"
    assert answer("Buffer.isEncoding('latin1')") is False
    assert "not supported" in answer("Buffer.from('a', 'latin1')")


def test_buffers_are_bytes(answer):
    assert answer("Buffer.concat([Buffer.from('ab'), Buffer.alloc(2, 'c')]).toJSON().data") == [97, 98, 99, 99]
    assert answer("[Buffer.byteLength('š'), Buffer.compare(Buffer.from('a'), Buffer.from('b')), Buffer.from('abc').indexOf('c'), Buffer.from('abca').lastIndexOf('a')]") == [2, -1, 2, 3]
    assert answer("[Buffer.from('abc').equals(Buffer.from('abc')), Buffer.isBuffer(Buffer.from('a').subarray(0, 1)), Buffer.from('abc').slice(1).toString()]") == [True, True, "bc"]
    assert answer("[Buffer.from([1, 2, 3]).readUInt16BE(1), Buffer.from([255, 1]).readInt16LE(0), Buffer.from([255, 255, 255]).readIntBE(0, 3)]") == [0x0203, 511, -1]
    assert answer("(() => { const b = Buffer.alloc(8); b.writeInt32LE(-2, 0); b.writeDoubleBE(1.5, 0); return [b.readDoubleBE(0), b.swap16().length]; })()") == [1.5, 8]


def test_base64_of_globals_is_of_characters(answer):
    assert answer("[atob('dXNlcjpw5Q=='), btoa('user:på'), atob(' dXNl cjo ')]") == ["user:på", "dXNlcjpw5Q==", "user:"]
    assert "TypeError" in answer("atob('a*b')") and "TypeError" in answer("btoa('š')")
    assert answer("new TextDecoder().decode(new TextEncoder().encode(d))", DATA) == DATA


def test_query_strings_are_read_and_written(answer):
    assert answer("qs.parse('name=value&abc=xyz&abc=1%203')") == {"name": "value", "abc": ["xyz", "1 3"]}
    assert answer("qs.stringify({ name: 'v', abc: ['x y', '1'], other: '' })") == "name=v&abc=x%20y&abc=1&other="
    assert answer("require('querystring').unescape('%c5%a1%ff')") == "š�"


def test_the_time_is_when_the_run_began_and_stands(answer):
    head = "const began = Date.now();"
    assert answer("[began, Date.now(), new Date().getTime(), new Date(5).getTime(), new Date(2020, 1, 2).getDate(), new Date() instanceof Date]", None, head) == [NOW, NOW, NOW, 5, 2, True]


@pytest.mark.parametrize(
    "expression",
    [
        "crypto.randomBytes(4)", "crypto.timingSafeEqual(d, d)", "crypto.subtle.digest('SHA-256', d)", "crypto.createHmac('sha512', 'k')",
        "crypto.createHmac('sha256', 'k').update('x').digest('binary')", "new Buffer('a')", "require('fs')", "require('buffer')",
        "new Function('return 1')()", "(() => 1).constructor('return 1')()", "new Map()", "Array.from('ab')", "[1, [2]].flat()",
        "Object.fromEntries([])", "'a'.normalize()", "'a'.matchAll(/a/g)", "BigInt(1)", "console.error('x')", "performance.now()",
        "process.env", "new URL('https://a/')", "structuredClone(d)", "escape('a')", "Reflect.ownKeys({})",
        "(() => { const h = crypto.createHash('md5'); h.digest(); return h.digest(); })()",
    ],
)
def test_what_the_guide_lacks_throws(answer, expression):
    assert "Error" in answer(expression, "text")


def test_await_in_arguments_is_no_syntax_there():
    assert undocumented("async function handler(e) { return JSON.parse(await s.get('a')); }") == ("await in arguments",)
    assert undocumented("async function handler(e) { return f([1, (await g())]); }") == ("await in arguments",)
    fine = "async function handler(e) { if (await s.exists('a')) { const v = await s.get(k('a')); return (await s.get('b')) + v; } }"
    assert undocumented(fine) == ()


def test_a_function_has_two_megabytes_beside_the_runtime(answer):
    assert answer("'x'.repeat(1500000).length") == 1500000
    engine = make_engine()
    if engine.name == "quickjs":
        code = "function handler(event) { const all = []; for (let i = 0; i < 40; i++) all.push('x'.repeat(100000) + i); return all; }"
        assert engine.run(code, {}, None, NOW)["error"]


def test_the_samples_token_check_runs(answer):
    """The shape of AWS's sample kvs-jwt-verify: HMAC by names, tokens out of base64url, expiry by the clock."""
    head = """
    function sign(input, key) { return crypto.createHmac('sha256', key).update(input).digest('base64url'); }
    function same(a, b) { let x = a.length ^ b.length; for (let i = 0; i < a.length; i++) x |= a.charCodeAt(i) ^ b.charCodeAt(i); return x === 0; }
    function check(token) {
      const parts = token.split('.');
      const payload = JSON.parse(Buffer.from(parts[1], 'base64url'));
      return same(parts[2], sign(parts[0] + '.' + parts[1], 'secret')) && payload.exp * 1000 > Date.now();
    }"""

    def token(exp):
        body = "e30." + base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode().rstrip("=")
        return body + "." + base64.urlsafe_b64encode(hmac.new(b"secret", body.encode(), "sha256").digest()).decode().rstrip("=")

    assert [answer("check(d)", token(NOW // 1000 + n), head) for n in (10, -10)] == [True, False]
    assert answer("check(d)", token(NOW // 1000 + 10)[:-2] + "AA", head) is False
