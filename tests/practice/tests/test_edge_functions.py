"""What the edge's function is given, and what becomes of what it answers."""

import json
import urllib.parse

import pytest

import site_


@pytest.fixture
def site(practice):
    practice.distribution, practice.api = site_.publish(practice)
    return practice


ECHO = """
async function handler(event) {
  if (event.context.eventType === 'viewer-response') {
    const response = event.response;
    response.headers['x-asked'] = { value: encodeURIComponent(JSON.stringify([event.request.uri, event.request.headers['x-mark'], event.request.cookies])) };
    response.cookies.left = { value: 'yes', attributes: 'Path=/' };
    return response;
  }
  const request = event.request;
  if (request.uri === '/made') {
    const cookies = { '__Host-a': { value: 'v.1-_', attributes: 'Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=60' }, b: { value: '2' } };
    return { statusCode: 302, headers: { location: { value: '/' } }, cookies: cookies };
  }
  if (request.uri === '/bad') return { statusCode: 200, cookies: { a: { value: 'x\\r\\nset: y' } } };
  if (request.uri === '/seen') {
    const seen = { cookies: request.cookies, query: request.querystring, encoding: request.headers['accept-encoding'], header: request.headers.cookie || null, now: Date.now() };
    return { statusCode: 200, headers: { 'content-type': { value: 'application/json' } }, body: JSON.stringify(seen) };
  }
  request.uri = '/c/page';
  request.headers['x-mark'] = { value: 'by the function' };
  request.cookies = {};
  return request;
}
"""


@pytest.fixture
def echo(site):
    site_.rewrite_function(site, ECHO)
    return site


def test_cookies_are_read_by_name_and_not_as_a_header(echo):
    headers = {"cookie": '__Host-a=v.1-_; b=x=y; b="2"; c=', "accept-encoding": "gzip;q=0.5, br, zstd"}
    seen = json.loads(echo.visit("/seen?arq-preview=a.b-_", headers)[2])
    assert seen["cookies"]["__Host-a"] == {"value": "v.1-_"}
    assert seen["cookies"]["b"] == {"value": "x=y", "multiValue": [{"value": "x=y"}, {"value": '"2"'}]}
    assert (seen["cookies"]["c"], seen["header"]) == ({"value": ""}, None)
    assert seen["query"] == {"arq-preview": {"value": "a.b-_"}}
    assert seen["encoding"] == {"value": "gzip;q=0.5, br, zstd"}


def test_cookies_of_an_answer_become_set_cookie(echo):
    status, headers, _ = echo.visit("/made")
    assert (status, headers["location"]) == (302, "/")
    assert headers.get_all("set-cookie") == ["__Host-a=v.1-_; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=60", "b=2"]
    assert echo.visit("/bad")[0] == 502


def test_at_viewer_response_the_request_is_the_one_the_function_left(echo):
    status, headers, _ = echo.visit("/any", {"cookie": "a=1"})
    assert status == 200
    assert json.loads(urllib.parse.unquote(headers["x-asked"])) == ["/c/page", {"value": "by the function"}, {}]
    assert headers.get_all("set-cookie") == ["left=yes; Path=/"]


def test_a_door_moves_the_time_that_functions_and_the_cache_see(echo):
    echo.door("POST", "clock", {"at": 1_800_000_000})
    assert json.loads(echo.visit("/seen")[2])["now"] == 1_800_000_000_000
    assert [echo.visit("/x")[1]["x-cache"] for _ in range(2)] == ["Miss from cloudfront", "Hit from cloudfront"]
    echo.door("POST", "clock", {"at": 1_800_000_090.5})
    _, headers, _ = echo.visit("/x")
    assert (headers["age"], json.loads(echo.visit("/seen")[2])["now"]) == ("90", 1_800_000_090_500)
    echo.door("POST", "clock", {"at": 1_800_000_000 + 31536000})
    assert echo.visit("/x")[1]["x-cache"] == "Miss from cloudfront"
    assert echo.door("DELETE", "clock")["stands"] is False
    assert json.loads(echo.visit("/seen")[2])["now"] < 1_800_000_000_000
