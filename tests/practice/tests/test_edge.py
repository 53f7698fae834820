"""What visitors see of what was published."""

import gzip
import json

import pytest

import site_


@pytest.fixture
def site(practice):
    distribution, api = site_.publish(practice)
    practice.distribution, practice.api = distribution, api
    return practice


def test_a_page_goes_through_the_function_the_store_and_the_bucket(site):
    status, headers, body = site.visit("/?x=1")
    assert (status, body, headers["x-seen"], headers["x-cache"]) == (200, site_.PAGE, "yes", "Miss from cloudfront")
    assert site.visit("/?x=2")[1]["x-cache"] == "Hit from cloudfront"
    assert "x-amz-server-side-encryption" not in headers


def test_pages_are_compressed_and_their_etag_is_weak(site):
    status, headers, body = site.visit("/", {"accept-encoding": "gzip"})
    assert gzip.decompress(body) == site_.PAGE
    assert headers["etag"].startswith('W/"') and headers["content-encoding"] == "gzip"
    assert site.visit("/", {"accept-encoding": "gzip", "if-none-match": headers["etag"]})[0] == 304


def test_a_part_is_answered_with_206(site):
    status, headers, body = site.visit("/", {"range": "bytes=3-7"})
    assert (status, body, headers["content-range"]) == (206, b"hello", "bytes 3-7/2400")


def test_the_function_turns_an_origin_200_into_a_404_and_is_not_run_for_an_origin_404(site):
    assert site.visit("/other")[::2] == (404, b"gone")
    status, headers, _ = site.visit("/absent")
    assert status == 404 and "x-seen" not in headers


def test_only_what_the_bucket_policy_opens_is_served(site):
    assert site.visit("/secret")[0] == 403
    site_.open_bucket(site, site.distribution["ARN"] + "X")
    assert site.visit("/", {"accept-encoding": "br"})[0] == 403


def test_without_list_bucket_a_missing_object_is_403(site):
    site_.open_bucket(site, site.distribution["ARN"], listing=False)
    assert site.visit("/absent")[0] == 403


def test_a_function_that_throws_is_503_and_one_that_forges_a_header_is_502(site):
    assert site.visit("/throws")[0] == 503
    assert site.visit("/forges")[0] == 502
    assert len(site.door("GET", "edge")["troubles"]) == 2


def test_the_functions_own_answers_and_redirects_to_https(site):
    status, headers, _ = site.visit("/old")
    assert (status, headers["location"]) == (308, "/") and "x-seen" not in headers
    status, headers, _ = site.visit("/a?b=c", {"x-practice-scheme": "http", "host": "example.org"})
    assert (status, headers["location"]) == (301, "https://example.org/a?b=c")


def test_a_method_that_is_not_allowed_never_reaches_the_origin(site):
    assert site.visit("/", method="POST", data=b"x")[0] == 403


def test_the_api_gets_the_event_that_api_gateway_makes(site):
    headers = {"cookie": "a=1; b=2", "x-arq-origin": "forged", "content-type": "application/x-www-form-urlencoded"}
    status, answer, body = site.visit("/api/a%20b%3Fc?x=1&x=2&y=%C3%A3", headers, b"n=v")
    event = json.loads(body)["event"]
    assert (status, answer.get_all("set-cookie"), answer["x-seen"]) == (200, ["a=1", "b=2"], "yes")
    assert (event["rawPath"], event["rawQueryString"]) == ("/api/a b", "x=1&x=2&y=%C3%A3")
    assert event["queryStringParameters"] == {"x": "1,2", "y": "ã"}
    assert (event["cookies"], event["isBase64Encoded"], event["body"]) == (["a=1", "b=2"], True, "bj12")
    assert event["headers"]["x-arq-origin"] == site_.SECRET
    assert "cookie" not in event["headers"]


def test_the_function_may_do_what_its_role_says_and_no_more(site):
    out = json.loads(site.visit("/api/item")[2])
    assert (out["item"]["v"], out["denied"]) == ({"S": "x"}, "AccessDeniedException")
    by_function = [c["operation"] for c in site.door("GET", "calls?by=function")]
    assert by_function == ["GetItem", "Scan"]


def test_a_process_is_kept_warm_and_replaced_when_the_alias_moves(site):
    first, second = (json.loads(site.visit("/api/x")[2]) for _ in range(2))
    assert first["pid"] == second["pid"]
    client = site.client("lambda")
    client.update_function_code(FunctionName="demo-api", ZipFile=site_.package(site_.BOOTSTRAP + "\n"))
    while client.get_function_configuration(FunctionName="demo-api")["LastUpdateStatus"] != "Successful":
        pass
    version = client.publish_version(FunctionName="demo-api")["Version"]
    assert json.loads(site.visit("/api/x")[2])["version"] == "1"
    client.update_alias(FunctionName="demo-api", Name="live", FunctionVersion=version)
    assert json.loads(site.visit("/api/x")[2])["version"] == "2"


def test_a_function_that_exits_is_500_and_a_missing_permission_too(site):
    assert site.visit("/api/exit")[0] == 500
    assert site.visit("/api/y")[0] == 200
    site.client("lambda").remove_permission(FunctionName="demo-api", Qualifier="live", StatementId="api")
    assert site.visit("/api/z")[0] == 500


def test_an_api_can_be_asked_round_the_distribution_but_without_the_secret(site):
    host = f"{site.api}.execute-api.us-east-1.amazonaws.com"
    event = json.loads(site.visit("/api/x", {"host": host})[2])["event"]
    assert "x-arq-origin" not in event["headers"] and event["headers"]["host"] == host


def test_throttling_is_429(site):
    settings = {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.1}
    site.client("apigatewayv2").update_stage(ApiId=site.api, StageName="$default", DefaultRouteSettings=settings)
    assert sorted(site.visit(f"/api/{n}")[0] for n in range(3)) == [200, 200, 429]


def test_a_publish_that_is_repeated_gives_an_equal_snapshot(site):
    first = site.door("GET", "account")
    site.door("POST", "reset")
    site_.publish(site)
    assert site.door("GET", "account") == first
    assert site_.SECRET not in json.dumps(first)
