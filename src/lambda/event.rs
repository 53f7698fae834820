//! API Gateway's event as a request, and an answer as its response: payload format 2.0.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::api::{ClientAddress, Problem};

/// What only the edge and the distribution may say begins with this.
const OURS: &str = "x-arq-";

/// What a path cannot hold as it is. API Gateway decodes the path that a visitor sent.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// What a query cannot hold; API Gateway leaves it as it was sent.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Longest text that is sent as it is, in bytes.
const LARGEST_PLAIN: usize = 1_000_000;

/// The event as a request; path and query as the visitor sent them.
pub fn to_request(event: ApiGatewayV2httpRequest) -> Result<Request<Bytes>, Problem> {
    let path = event.raw_path.unwrap_or_else(|| "/".into());
    let path = utf8_percent_encode(&path, PATH);
    let uri = match event.raw_query_string.filter(|query| !query.is_empty()) {
        Some(query) => format!("{path}?{}", utf8_percent_encode(&query, QUERY)),
        None => path.to_string(),
    };
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Bytes::new(),
        (Some(text), false) => Bytes::from(text),
        (Some(text), true) => {
            STANDARD.decode(text).map(Bytes::from).map_err(|_| Problem::malformed("the body cannot be decoded"))?
        }
    };
    let request = Request::builder().method(event.request_context.http.method).uri(uri).body(body);
    let mut request = request.map_err(|_| Problem::malformed("the address cannot be read"))?;
    *request.headers_mut() = event.headers;
    // API Gateway takes the cookies out of the headers.
    if let Some(cookies) = event.cookies.filter(|cookies| !cookies.is_empty())
        && let Ok(value) = HeaderValue::from_str(&cookies.join("; "))
    {
        request.headers_mut().insert(COOKIE, value);
    }
    if let Some(address) = event.request_context.http.source_ip.and_then(|ip| ip.parse().ok()) {
        request.extensions_mut().insert(ClientAddress(address));
    }
    Ok(request)
}

/// The answer as a response.
pub fn from_response(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (mut head, body) = response.into_parts();
    let cookies = head.headers.get_all(SET_COOKIE).iter().filter_map(|c| c.to_str().ok()).map(str::to_owned).collect();
    head.headers.remove(SET_COOKIE);
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = head.status.as_u16().into();
    // A text may become six times as long within JSON; base64 adds a third, whatever it holds.
    let plain = body.len() <= LARGEST_PLAIN && is_text(&head.headers, &body);
    answer.is_base64_encoded = !body.is_empty() && !plain;
    answer.body = match (body.is_empty(), answer.is_base64_encoded) {
        (true, _) => None,
        (false, true) => Some(Body::Text(STANDARD.encode(&body))),
        (false, false) => Some(Body::Text(String::from_utf8_lossy(&body).into_owned())),
    };
    answer.headers = head.headers;
    answer.cookies = cookies;
    answer
}

/// Removes what the edge said: the API is not to build on it.
pub fn strip(headers: &mut HeaderMap) {
    let ours: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

fn is_text(headers: &HeaderMap, body: &Bytes) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = kind.starts_with("text/") || kind.contains("json") || kind.contains("xml");
    named && std::str::from_utf8(body).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn event(changes: serde_json::Value) -> ApiGatewayV2httpRequest {
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/api/messages", "rawQueryString": "",
            "headers": {"content-type": "application/json", "x-arq-api": "b"},
            "requestContext": {"http": {"method": "POST", "path": "/api/messages", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
            "isBase64Encoded": false,
        });
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn an_event_becomes_the_request_that_was_sent() {
        let request = to_request(event(json!({
            "rawPath": "/api/a%20b", "rawQueryString": "x=1&y=%C3%A3", "cookies": ["a=1", "b=2"], "body": "{}",
        })))
        .unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "/api/a%20b?x=1&y=%C3%A3")
        );
        assert_eq!((request.headers()["cookie"].to_str().unwrap(), &request.body()[..]), ("a=1; b=2", &b"{}"[..]));
        assert_eq!(request.extensions().get(), Some(&ClientAddress([192, 0, 2, 1].into())));
    }

    #[test]
    fn a_path_that_was_decoded_is_a_path_again() {
        for (raw, path) in [
            ("/api/a b", "/api/a%20b"),
            ("/api/ã", "/api/%C3%A3"),
            ("/api/a?b#c", "/api/a%3Fb%23c"),
            ("/api/\\\"<>^`{|}\u{7f}", "/api/%5C%22%3C%3E%5E%60%7B%7C%7D%7F"),
            ("/api/a%2Fb%zz", "/api/a%2Fb%zz"),
            ("//api//x", "//api//x"),
        ] {
            let request = to_request(event(json!({"rawPath": raw, "rawQueryString": "q=\"x\"|y"}))).unwrap();
            assert_eq!((request.uri().path(), request.uri().query()), (path, Some("q=%22x%22%7Cy")), "{raw}");
        }
    }

    #[test]
    fn a_header_of_any_language_is_no_trouble() {
        let headers = json!({"x-name": "João", "accept": "text/html, */*;q=0.8"});
        let request = to_request(event(json!({"headers": headers, "cookies": ["a=ã"]}))).unwrap();
        assert_eq!(request.headers()["x-name"].as_bytes(), "João".as_bytes());
        assert_eq!(request.headers()["cookie"].as_bytes(), "a=ã".as_bytes());
    }

    #[test]
    fn a_binary_body_is_decoded_and_a_broken_one_refused() {
        let request = to_request(event(json!({"body": "AP8=", "isBase64Encoded": true}))).unwrap();
        assert_eq!(request.body()[..], [0, 255]);
        assert_eq!(to_request(event(json!({"body": "?", "isBase64Encoded": true}))).unwrap_err().status, 400);
    }

    #[test]
    fn cookies_go_their_own_way_and_bytes_that_are_no_text_are_encoded() {
        let response = Response::builder().status(201).header("set-cookie", "a=1").header("set-cookie", "b=2");
        let answer =
            from_response(response.header("content-type", "image/png").body(Bytes::from_static(&[0, 255])).unwrap());
        assert_eq!((answer.status_code, answer.cookies), (201, vec!["a=1".to_owned(), "b=2".to_owned()]));
        assert_eq!((answer.body, answer.is_base64_encoded), (Some(Body::Text("AP8=".into())), true));
        let empty = from_response(Response::new(Bytes::new()));
        assert_eq!((empty.body, empty.is_base64_encoded), (None, false));
    }

    #[test]
    fn what_the_edge_said_is_removed() {
        let mut request = to_request(event(json!({}))).unwrap();
        strip(request.headers_mut());
        assert!(!request.headers().contains_key("x-arq-api") && request.headers().contains_key("content-type"));
    }
}
