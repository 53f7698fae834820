#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use rquickjs::loader::{BuiltinLoader, BuiltinResolver};
use rquickjs::{CatchResultExt, Context, Function, Module, Promise, Runtime};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::config::security::Security;
use crate::release::encoding::{self, Encoding};
use crate::release::pointer::tests::slot;
use crate::release::preview::{self, Kind};
use crate::release::rules::{self, Answer, lookup};
use crate::release::{BundleId, Packed, ReleaseId, Slot, Target, pack};
use crate::site::url;

/// What CloudFront gives a function: `get` throws for a key that is not there.
const HOST: &str = "
    export default { kvs: () => ({ get: async (key) => {
        globalThis.reads.push(key);
        if (!globalThis.store || !(key in globalThis.store)) throw new Error('KeyNotFound ' + key);
        return globalThis.store[key];
    } }) };";

/// The part of the module that the function uses.
const CRYPTO: &str = "
    export default { createHmac: (hash, key) => ({ update: (text) => ({ digest: (form) => {
        if (hash !== 'sha256' || form !== 'base64url') throw new Error(hash + ' ' + form);
        return globalThis.hmac(key, text);
    } }) }) };
    globalThis.Buffer = { from: (text, form) => ({ toString: () => globalThis.unbase64(text) }) };
    Date.now = () => globalThis.now;";

fn hmac(key: String, text: String) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    URL_SAFE_NO_PAD.encode(mac.chain_update(text).finalize().into_bytes())
}

fn unbase64(text: String) -> String {
    String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
}

/// Seconds since 1970 at the edge.
const NOW: i64 = 1_741_572_245;

/// Runs events one after the other and says what came of each.
const RUN: &str = "globalThis.run = async (events) => {
    const results = [];
    for (const event of JSON.parse(events)) {
        globalThis.reads = [];
        const raw = event.request.raw;
        if (raw !== undefined) event.request.rawQueryString = () => raw === null ? undefined : raw;
        try {
            const result = await handler(event);
            results.push({ result, reads: globalThis.reads });
        } catch (error) {
            results.push({ thrown: String(error), uri: event.request.uri });
        }
    }
    return JSON.stringify(results);
};";

/// The function's text in an engine of its own.
struct Edge {
    context: Context,
}

impl Edge {
    /// A store of `None` fails on every read.
    fn new(text: &str, store: Option<&BTreeMap<String, String>>) -> Self {
        let runtime = Runtime::new().unwrap();
        let modules = BuiltinResolver::default().with_module("cloudfront").with_module("crypto");
        let loader = BuiltinLoader::default().with_module("cloudfront", HOST).with_module("crypto", CRYPTO);
        runtime.set_loader(modules, loader);
        let context = Context::full(&runtime).unwrap();
        context.with(|cx| {
            cx.globals().set("hmac", Function::new(cx.clone(), hmac)).unwrap();
            cx.globals().set("unbase64", Function::new(cx.clone(), unbase64)).unwrap();
            cx.globals().set("now", NOW as f64 * 1000.0).unwrap();
            cx.eval::<(), _>(format!("globalThis.reads = []; globalThis.store = {}", json!(store))).unwrap();
            let source = format!("{text}\nglobalThis.handler = handler;\n{RUN}");
            Module::evaluate(cx.clone(), "edge", source).catch(&cx).unwrap().finish::<()>().catch(&cx).unwrap();
        });
        Self { context }
    }

    fn run(&self, events: &[Value]) -> Vec<Value> {
        let text: String = self.context.with(|cx| {
            let run: Function = cx.globals().get("run").unwrap();
            let promise: Promise = run.call((Value::from(events).to_string(),)).catch(&cx).unwrap();
            promise.finish().catch(&cx).unwrap()
        });
        serde_json::from_str(&text).unwrap()
    }

    fn result(&self, event: Value) -> Value {
        self.run(&[event]).remove(0)["result"].take()
    }

    fn get(&self, uri: &str) -> Value {
        self.result(request(uri))
    }
}

fn request(uri: &str) -> Value {
    json!({ "context": { "eventType": "viewer-request" }, "request": {
        "method": "GET", "uri": uri, "querystring": {}, "headers": { "host": { "value": "example.com" } }, "cookies": {},
    } })
}

fn response(uri: &str, status: u16, headers: &[(&str, &str)]) -> Value {
    let headers: Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).into(), json!({ "value": value }))).collect();
    let mut event = request(uri);
    event["context"]["eventType"] = "viewer-response".into();
    event["response"] = json!({ "statusCode": status, "statusDescription": "OK", "headers": headers, "cookies": {} });
    event
}

fn headers() -> Vec<(&'static str, String)> {
    Security::default().headers()
}

fn function(fallback: Option<&Pointer>) -> String {
    text(&headers(), &Leads::default(), fallback)
}

/// A release in the store.
struct Live {
    paths: BTreeMap<String, Target>,
    packed: Packed,
    slot: Slot,
}

impl Live {
    fn new(digit: u32, paths: impl IntoIterator<Item = String>) -> Self {
        let id = |n: usize| Target::parse(&format!("{digit}{n:011}A")).unwrap();
        let paths: BTreeMap<String, Target> = paths.into_iter().enumerate().map(|(n, path)| (path, id(n))).collect();
        let packed = pack(&paths).unwrap();
        let release = ReleaseId::parse(&format!("20250310-020405-{digit:010}")).unwrap();
        let not_found = Target::parse(&format!("{digit}404________A")).unwrap();
        let slot = Slot::new(release, &packed, not_found, Some(&BundleId::of(b"{}")));
        Self { paths, packed, slot }
    }

    fn keys(&self) -> BTreeMap<String, String> {
        self.packed.entries(&self.slot.release).map(|(key, value)| (key, value.to_owned())).collect()
    }

    fn store(&self, previous: Option<&Self>) -> BTreeMap<String, String> {
        let mut store = self.keys();
        store.extend(previous.map(Self::keys).unwrap_or_default());
        store.insert("live".into(), self.pointer(previous).to_json());
        store
    }

    fn pointer(&self, previous: Option<&Self>) -> Pointer {
        Pointer {
            live: self.slot.clone(),
            maintenance: false,
            since: NOW,
            previous: previous.map(|live| live.slot.clone()),
        }
    }

    fn edge(&self) -> Edge {
        Edge::new(&function(None), Some(&self.store(None)))
    }
}

/// A site with every kind of path.
fn site_paths() -> Vec<String> {
    let fixed = [
        "/",
        "/a.html",
        "/b/",
        "/c",
        "/both.html",
        "/both/",
        "/all",
        "/all.html",
        "/all/",
        "/404/",
        "/.well-known/x.txt",
        "/.well-known/acme/y",
        "/pão/",
        "/日本/🍞.html",
        "/x y/",
        "/q?.html",
        "/h#",
        "/100%",
        "/a+b&c=d.html",
        "/it's(1)!~*.html",
        "/apiary.html",
        "/api.html",
        "/index",
        "/e\u{301}.html",
        "/index.html.html",
        "/dots..in.name/",
        "/a:b.html",
        "/@me/",
        "/;/",
    ];
    let many = (0..400).map(|n| match n % 3 {
        0 => format!("/posts/{n}/"),
        1 => format!("/pages/{n}.html"),
        _ => format!("/files/{n}.svg"),
    });
    fixed.map(Into::into).into_iter().chain(many).collect()
}

/// A generator of the same numbers on every machine (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

/// Every byte escaped, with digits in lower case.
fn escaped(path: &str) -> String {
    path.bytes().map(|byte| if byte == b'/' { "/".into() } else { format!("%{byte:02x}") }).collect()
}

/// Paths as visitors and attackers send them.
fn raw_paths() -> Vec<String> {
    let mut raws: Vec<String> = Vec::new();
    for path in site_paths() {
        let forms =
            ["", "/", ".html", "/index.html", "//", "/x", "index.html"].map(|end| format!("{}{end}", url::stem(&path)));
        for form in forms.into_iter().chain([path.clone(), format!("/{path}"), path.to_uppercase()]) {
            raws.extend([url::encode(&form), escaped(&form)]);
            if !form.contains('%') {
                raws.push(form);
            }
        }
    }
    raws.extend(
        [
            "*",
            "",
            "/%",
            "/%4",
            "/%zz",
            "/%C3",
            "/%ff",
            "/%c0%80",
            "/%ed%a0%80",
            "/%f4%90%80%80",
            "/é%a9",
            "/%00",
            "/a%00.html",
            "/a%0d%0aSet-Cookie:x=y",
            "/\\example.com",
            "/%5cexample.com",
            "//example.com",
            "///example.com/",
            "/%2fexample.com",
            "/%2F%2Fexample.com",
            "//a.html",
            "/.//a.html",
            "/..",
            "/../a.html",
            "/b/../a.html",
            "/%2e%2e/a.html",
            "/b/.",
            "/.env",
            "/b/.git/config",
            "/.well-known",
            "/.well-known/",
            "/.well-known/.x",
            "/a/.well-known/x.txt",
            "//.well-known/x.txt",
            "/404.html",
            "/404",
            "/404/index.html",
            "/api",
            "/api/",
            "/api/x",
            "/API/x",
            "/api.html",
            "/apiary",
            "/%61pi/x%20y",
            "/%61pi",
            "//api/x",
            "/api//x",
            "/api/%",
            "/x/../api/y",
            "/index.html",
            "/index",
            "//index.html",
            "/index.html/",
            "/.html",
            "/%2ehtml",
            "/a%2Fb",
            "/b%2F",
            "/%7f",
            "/%c2%85",
            "/\u{feff}",
            "/__proto__",
            "/constructor/",
            "/%25",
            "/100%25",
        ]
        .map(Into::into),
    );
    for length in [1_000, 1_022, 1_023, 1_024, 1_025, 5_000, 8_000] {
        raws.extend(
            ["a", "%61", "/", "é", "%F0%9F%8D%9E", "a/"]
                .map(|unit| format!("/{}", unit.repeat(length / unit.len() + 1))),
        );
        raws.push(format!("/{}", "é".repeat(length)));
    }
    raws
}

/// Paths that nobody sends on purpose.
fn noise(count: usize) -> Vec<String> {
    const PARTS: [&str; 32] = [
        "/",
        "//",
        ".",
        "..",
        "/.",
        "%",
        "%2",
        "%2f",
        "%2F",
        "%5c",
        "\\",
        "%00",
        "%0a",
        "%e3",
        "%81%82",
        "é",
        "日",
        "🍞",
        "%F0%9F%8D%9E",
        "a",
        "b",
        "index",
        ".html",
        "index.html",
        "posts",
        "3",
        "?",
        "#",
        ".well-known",
        "api",
        "%61",
        " ",
    ];
    let mut numbers = Numbers(1);
    let path = |_| (0..=numbers.below(9)).fold(String::from("/"), |path, _| path + PARTS[numbers.below(PARTS.len())]);
    (0..count).map(path).collect()
}

/// What the rules say, as the function would return it.
fn expected(answer: &Answer<Target>, slot: &Slot) -> (Option<String>, Option<String>) {
    match answer {
        Answer::Object(target) => (Some(format!("/c/{}", target.id)), None),
        Answer::NotFound => (Some(format!("/c/{}", slot.not_found.id)), None),
        Answer::Redirect(location) => (None, Some(location.clone())),
    }
}

/// Compares the function with the rules, over the exact paths and over the packed ones.
fn assert_agrees(live: &Live, raws: &[String]) {
    let events: Vec<Value> = raws.iter().map(|raw| request(raw)).collect();
    for (raw, outcome) in raws.iter().zip(live.edge().run(&events)) {
        assert_eq!(outcome["thrown"], Value::Null, "{raw}");
        let result = &outcome["result"];
        let uri = result["uri"].as_str().map(Into::into);
        let location = result["headers"]["location"]["value"].as_str().map(String::from);
        if rules::is_api(raw) {
            assert_eq!((uri, location), (Some(raw.clone()), None));
            continue;
        }
        let answer = lookup(&live.packed, raw);
        assert_eq!(answer, lookup(&live.paths, raw), "{raw}");
        assert_eq!((uri, location.clone()), expected(&answer, &live.slot), "{raw}");
        assert!(outcome["reads"].as_array().unwrap().len() <= 2, "{raw}");
        if let Some(location) = location {
            assert_eq!(result["statusCode"], 308);
            assert!(
                location.starts_with('/') && !location.starts_with("//") && location.is_ascii(),
                "{raw}: {location}"
            );
        }
    }
}

#[test]
fn the_function_answers_as_the_rules_do() {
    let live = Live::new(1, site_paths());
    let raws = raw_paths();
    let count = |kind: fn(&Answer<Target>) -> bool| raws.iter().filter(|raw| kind(&lookup(&live.paths, raw))).count();
    assert!(count(|answer| matches!(answer, Answer::Object(_))) > 500);
    assert!(count(|answer| matches!(answer, Answer::Redirect(_))) > 1_000);
    assert!(count(|answer| matches!(answer, Answer::NotFound)) > 1_000);
    assert_agrees(&live, &raws);
}

#[test]
fn noise_never_makes_it_throw_or_lead_off_the_site() {
    assert_agrees(&Live::new(1, site_paths()), &noise(4_000));
}

#[test]
fn an_empty_release_has_its_not_found_page() {
    assert_agrees(&Live::new(1, []), &["/".into(), "/a".into(), "//".into()]);
}

#[test]
fn lone_surrogates_are_not_found() {
    let live = Live::new(1, site_paths());
    let edge = live.edge();
    let uri: String = edge.context.with(|cx| {
        let code = "(async () => (await handler({ context: { eventType: 'viewer-request' },
            request: { uri: '/\\ud800', querystring: {}, headers: {}, cookies: {} } })).uri)()";
        cx.eval::<Promise, _>(code).unwrap().finish().catch(&cx).unwrap()
    });
    assert_eq!(uri, format!("/c/{}", live.slot.not_found.id));
}

#[test]
fn the_text_fits_with_the_longest_policy_and_pointer() {
    let mut headers = headers();
    headers[0].1 = "x".repeat(1_783);
    let text = text(&headers, &Leads { from: vec!["www.example.com".into()], to: "example.com".into() }, Some(&both()));
    println!("{} bytes, {} at most", function(None).len(), text.len());
    assert!(text.len() < FUNCTION_BYTES, "{} bytes", text.len());
}

#[test]
fn values_cannot_break_out_of_their_literals() {
    let evil = "'\"`\\ ${1} </script> \u{2028} \u{e9} \u{1f35e} */ //;\nconst x";
    let text = text(&[("X-Evil", evil)], &Leads::default(), None);
    assert!(text.is_ascii() && !text.contains("</"));
    let live = Live::new(1, ["/a.html".to_owned()]);
    let headers = Edge::new(&text, Some(&live.store(None))).get("/a")["headers"].take();
    assert_eq!(headers["x-evil"]["value"], evil);
}

#[test]
fn only_what_the_runtime_has_is_used() {
    let text = function(None);
    for absent in [
        "...",
        " of ",
        "?.",
        "??",
        "class ",
        "async (",
        "replaceAll",
        ".at(",
        "eval(",
        "setTimeout",
        "catch {",
        "/*",
        " //",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
    for body in SOURCE.split("async function ").skip(1) {
        let body = body.split("\n}").next().unwrap();
        assert!(!body.contains("=>") && !body.contains("(await"), "{body}");
    }
}

#[test]
fn the_fallback_can_be_read_back_and_is_no_difference() {
    let pointer = both();
    let (with, without) = (function(Some(&pointer)), function(None));
    assert_eq!((fallback_of(&with), fallback_of(&without)), (Some(pointer), None));
    assert_eq!(fallback_of("function handler(event) { return event.request; }"), None);
    assert!(same_but_fallback(&with, &without));
    assert!(!same_but_fallback(&with, &text(&[("x", "y")], &Leads::default(), None)));
    assert!(!same_but_fallback(&with, &with.replace("308", "302")));
    let filled = text(&[("x", "y")], &Leads { from: vec!["www.example".into()], to: "example".into() }, None);
    assert!(has_these_rules(&with) && has_these_rules(&filled));
    assert!(!has_these_rules(&filled.replace("308", "302")) && !has_these_rules(""));
}

#[test]
fn without_a_pointer_in_the_store_the_one_in_the_text_counts() {
    let live = Live::new(1, ["/a.html".to_owned()]);
    let text = function(Some(&live.pointer(None)));
    let page = format!("/c/{}", live.paths["/a.html"].id);
    let missing = Edge::new(&text, Some(&live.keys()));
    assert_eq!(missing.get("/a.html")["uri"], page);
    for damaged in ["", "{", "null", "{}"] {
        let mut store = live.keys();
        store.insert("live".into(), damaged.into());
        assert_eq!(Edge::new(&text, Some(&store)).get("/a.html")["uri"], page, "{damaged}");
    }
    let failing = Edge::new(&text, None);
    assert_eq!(failing.get("/a.html")["uri"], format!("/c/{}", live.slot.not_found.id));
    assert_eq!(failing.get("/api/x")["headers"]["x-arq-release"]["value"], live.slot.release.as_str());
}

#[test]
fn before_the_first_release_nothing_is_found() {
    let edge = Edge::new(&function(None), None);
    let answer = edge.get("/");
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["cache-control"]["value"]),
        (&json!(404), &json!("no-store"))
    );
    assert_eq!(answer["headers"]["x-content-type-options"]["value"], "nosniff");
    assert_eq!(edge.get("/api/x")["headers"].get("x-arq-release"), None);
}

#[test]
fn an_edge_without_the_keys_answers_from_the_release_before() {
    let before = Live::new(1, ["/a.html".to_owned(), "/old/".to_owned()]);
    let live = Live::new(2, ["/a.html".to_owned()]);
    let mut store = before.keys();
    store.insert("live".into(), live.pointer(Some(&before)).to_json());
    let edge = Edge::new(&function(None), Some(&store));
    assert_eq!(edge.get("/a.html")["uri"], format!("/c/{}", before.paths["/a.html"].id));
    assert_eq!(edge.get("/old")["headers"]["location"]["value"], "/old/");
    assert_eq!(edge.run(&[request("/a.html")])[0]["reads"].as_array().unwrap().len(), 3);

    store.retain(|key, _| key == "live");
    let edge = Edge::new(&function(None), Some(&store));
    assert_eq!(edge.get("/a.html")["uri"], format!("/c/{}", live.slot.not_found.id));
    let edge = Edge::new(&function(None), Some(&live.store(Some(&before))));
    assert_eq!(edge.get("/a.html")["uri"], format!("/c/{}", live.paths["/a.html"].id));
    assert_eq!(edge.get("/old/")["uri"], format!("/c/{}", live.slot.not_found.id));
}

#[test]
fn viewers_cannot_speak_for_the_function() {
    let live = Live::new(1, ["/".to_owned()]);
    for uri in ["/", "/api/x"] {
        let mut event = request(uri);
        for name in ["x-arq-release", "x-arq-origin", "x-arq-host", "x-arq-anything"] {
            event["request"]["headers"][name] =
                json!({ "value": "evil", "multiValue": [{ "value": "evil" }, { "value": "evil" }] });
        }
        let headers = live.edge().result(event)["headers"].take();
        assert!(!headers.to_string().contains("evil"), "{headers}");
    }
}

#[test]
fn the_api_is_told_the_release_the_bundle_and_the_host() {
    let live = Live::new(1, []);
    let mut event = request("/api/orders/%2f?");
    event["request"]["querystring"] = json!({ "q": { "value": "1" } });
    let passed = live.edge().result(event);
    assert_eq!((&passed["uri"], &passed["querystring"]["q"]["value"]), (&json!("/api/orders/%2f?"), &json!("1")));
    let header = |name: &str| passed["headers"][name]["value"].as_str().unwrap().to_owned();
    assert_eq!(header("x-arq-release"), live.slot.release.as_str());
    assert_eq!(header("x-arq-api"), live.slot.api);
    assert_eq!((header("x-arq-host"), header("host")), ("example.com".into(), "example.com".into()));
}

#[test]
fn where_a_release_has_no_api_its_paths_are_not_found() {
    let live = Live::new(1, []);
    let slot = Slot { api: String::new(), ..live.slot.clone() };
    let store = BTreeMap::from([(
        "live".to_owned(),
        Pointer { live: slot, maintenance: false, since: NOW, previous: None }.to_json(),
    )]);
    let edge = Edge::new(&function(None), Some(&store));
    let mut event = request("/api/x");
    event["request"]["querystring"] = json!({ "q": { "value": "1" } });
    let page = edge.result(event);
    assert_eq!(page["uri"], format!("/c/{}", live.slot.not_found.id));
    assert_eq!(page["querystring"], json!({}));

    let from_s3 = [("x-amz-meta-h-cache-control", "no-cache"), ("x-amz-meta-status", "404")];
    assert_eq!(edge.result(response("/api/x", 200, &from_s3))["statusCode"], 404);
}

#[test]
fn pages_do_not_depend_on_the_query_string_but_redirects_keep_it() {
    let edge = Live::new(1, ["/a.html".to_owned()]).edge();
    let ask = |uri: &str, fields: Value, raw: Option<Value>| {
        let mut event = request(uri);
        event["request"]["querystring"] = fields;
        if let Some(raw) = raw {
            event["request"]["raw"] = raw;
        }
        edge.result(event)
    };
    let fields =
        json!({ "a": { "value": "1", "multiValue": [{ "value": "1" }, { "value": "%202" }] }, "b": { "value": "" } });
    assert_eq!(ask("/a.html", fields.clone(), None)["querystring"], json!({}));
    let location = |raw: Option<Value>| ask("/a", fields.clone(), raw)["headers"]["location"]["value"].take();
    assert_eq!(location(None), "/a.html?a=1&a=%202&b");
    assert_eq!(location(Some(json!("b=&a=1;x&é y"))), rules::with_query("/a.html", Some("b=&a=1;x&é y")));
    assert_eq!(location(Some(json!(""))), "/a.html");
    assert_eq!(location(Some(Value::Null)), "/a.html");
}

#[test]
fn redirects_carry_the_security_headers() {
    let answer = Live::new(1, ["/a.html".to_owned()]).edge().get("/a");
    assert_eq!((&answer["statusCode"], &answer["statusDescription"]), (&json!(308), &json!("Permanent Redirect")));
    for (name, value) in headers() {
        assert_eq!(answer["headers"][name]["value"], value);
    }
    assert_eq!(answer["headers"]["strict-transport-security"]["value"], STRICT_TRANSPORT_SECURITY.1);
    assert_eq!(answer["headers"]["cache-control"]["value"], crate::release::object::CACHE_CONTROL);
}

#[test]
fn metadata_becomes_the_headers_and_the_status_of_a_page() {
    let edge = Live::new(1, []).edge();
    let from_s3 = [
        ("cache-control", "public, max-age=31536000, immutable"),
        ("content-type", "text/html; charset=utf-8"),
        ("etag", "\"1\""),
        ("server", "AmazonS3"),
        ("x-amz-id-2", "x"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-meta-h-cache-control", "public, max-age=60"),
        ("x-amz-meta-h-x-frame-options", "SAMEORIGIN"),
        ("x-amz-meta-status", "404"),
    ];
    let page = edge.result(response("/c/AAAAAAAAAAAA", 200, &from_s3));
    assert_eq!((&page["statusCode"], &page["statusDescription"]), (&json!(404), &json!("Not Found")));
    let header = |name: &str| page["headers"][name]["value"].as_str();
    assert_eq!(header("cache-control"), Some("public, max-age=60"));
    assert_eq!(header("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!((header("etag"), header("server")), (Some("\"1\""), None));
    assert_eq!(header("x-content-type-options"), Some("nosniff"));
    assert!(!page["headers"].to_string().contains("x-amz-"));
}

#[test]
fn a_304_without_metadata_leaves_browsers_what_they_were_told_before() {
    let edge = Live::new(1, []).edge();
    let immutable = [("cache-control", "public, max-age=31536000, immutable"), ("x-amz-meta-status", "404")];
    for (uri, headers) in [("/about/", &immutable[..]), ("/about/", &[]), ("/s/site~AAAAAAAAAAAAA.css", &immutable[..])]
    {
        let answer = edge.result(response(uri, 304, headers));
        assert_eq!(answer["statusCode"], 304);
        assert_eq!(answer["headers"].get("cache-control"), None);
    }
    let own = edge.result(response("/about/", 304, &[("x-amz-meta-h-cache-control", "no-cache")]));
    assert_eq!(own["headers"]["cache-control"]["value"], "no-cache");
}

#[test]
fn api_answers_keep_their_own_headers() {
    let edge = Live::new(1, []).edge();
    let own = [("x-frame-options", "SAMEORIGIN"), ("cache-control", "no-store"), ("server", "s")];
    let answer = edge.result(response("/api/x", 201, &own));
    assert_eq!(answer["statusCode"], 201);
    for (name, value) in own {
        assert_eq!(answer["headers"][name]["value"], value);
    }
    assert_eq!(answer["headers"]["x-content-type-options"]["value"], "nosniff");
    assert!(answer["headers"]["strict-transport-security"]["value"].is_string());
}

/// Headers in which a request differs from a plain one.
fn with(uri: &str, headers: &[(&str, &str)]) -> Value {
    let mut event = request(uri);
    headers.iter().for_each(|(name, value)| event["request"]["headers"][name] = json!({ "value": value }));
    event
}

#[test]
fn an_encoded_object_is_fetched_in_the_encoding_that_is_liked_best() {
    let mut live = Live::new(1, ["/a.html".to_owned()]);
    let target = Target::parse("AAAAAAAAAAAAB").unwrap();
    live.paths.insert("/a.html".into(), target);
    live.packed = pack(&live.paths).unwrap();
    let edge = live.edge();
    let mut accepts: Vec<String> = [
        "",
        "br",
        "gzip",
        "gzip, deflate, br, zstd",
        "*",
        "br;q=0",
        "br;q=0, *",
        "BR;Q=0.5 , GZIP",
        "identity",
        "identity;q=0.5, gzip;q=0.5",
        "identity, gzip;q=0.9",
        "gzip;q=x",
        "gzip; q=0.001",
        "br;level=1",
        "br;q=2",
        "br;q=1.",
        "br;q=0.",
        "gzip;q=",
        ",",
        ";",
        "xgzip",
        "br;q=00.5",
        "constructor;q=0",
        "br;q=1.5;x, gzip",
    ]
    .map(str::to_owned)
    .into();
    let names = ["br", "gzip", "identity", "*", "deflate"];
    let mut random = Numbers(5);
    accepts.extend((0..2_000).map(|_| {
        let items = (0..random.below(4)).map(|_| format!("{};q=0.{}", names[random.below(5)], random.below(4)));
        items.collect::<Vec<_>>().join(",")
    }));
    let events: Vec<_> = accepts.iter().map(|accept| with("/a.html", &[("accept-encoding", accept)])).collect();
    for (accept, outcome) in accepts.iter().zip(edge.run(&events)) {
        let best = encoding::preferred([accept.as_str()].into_iter());
        let uri = format!("/c/AAAAAAAAAAAA{}", best.map_or("", Encoding::suffix));
        assert_eq!(outcome["result"]["uri"], uri, "{accept}");
    }
    assert_eq!(edge.get("/a.html")["uri"], "/c/AAAAAAAAAAAA");
    let plain = Live::new(1, ["/a.html".to_owned()]);
    let uri = plain.edge().result(with("/a.html", &[("accept-encoding", "br")]))["uri"].take();
    assert_eq!(uri, format!("/c/{}", plain.paths["/a.html"].id));
}

#[test]
fn an_immutable_name_needs_no_read_and_is_kept_for_a_year() {
    let edge = Edge::new(&function(None), None);
    let outcome = edge.run(&[with("/s/site~AAAAAAAAAAAAB.css?", &[("accept-encoding", "gzip")])]).remove(0);
    assert_eq!(outcome["result"]["statusCode"], 404, "a name ends with its ending");
    let outcome = edge.run(&[with("/s/site~AAAAAAAAAAAAB.css", &[("accept-encoding", "gzip")])]).remove(0);
    assert_eq!(outcome["result"]["uri"], "/c/AAAAAAAAAAAA.gz");
    assert_eq!(outcome["reads"], json!([]));
    for (uri, header) in [("/c/AAAAAAAAAAAA", Some("1")), ("/s/site~AAAAAAAAAAAAA.css", None)] {
        let mut event = response(uri, 200, &[]);
        header.into_iter().for_each(|h| event["request"]["headers"]["x-arq-kept"] = json!({ "value": h }));
        assert_eq!(edge.result(event)["headers"]["cache-control"]["value"], crate::release::object::IMMUTABLE);
    }
    let own = response("/s/site~AAAAAAAAAAAAA.css", 200, &[("x-amz-meta-h-cache-control", "no-cache")]);
    assert_eq!(edge.result(own)["headers"]["cache-control"]["value"], "no-cache");
    for raw in [
        "/a~AAAAAAAAAAAAB.css",
        "/a~AAAAAAAAAAAAB",
        "/a~AAAAAAAAAAAC.css",
        "/a~AAAAAAAAAAAAA.c~s",
        "/a~A.~AAAAAAAAAAAAA._",
    ] {
        let uri = edge.get(raw)["uri"].as_str().map(str::to_owned);
        assert_eq!(uri, rules::kept(raw).map(|target| target.id.key()).map(|key| format!("/{key}")), "{raw}");
    }
}

/// A live release and one that is to be seen by a token only.
fn previewed() -> (Live, Live, Edge) {
    let live = Live::new(1, ["/a.html".to_owned()]);
    let next = Live::new(2, ["/a.html".to_owned(), "/new.html".to_owned()]);
    let mut store = live.store(None);
    store.extend(next.keys());
    store.insert(preview::slot_key(&next.slot.release), serde_json::to_string(&next.slot).unwrap());
    store.insert(preview::KEY.into(), "secret".into());
    let edge = Edge::new(&function(None), Some(&store));
    (live, next, edge)
}

fn with_field(uri: &str, token: &str) -> Value {
    let mut event = request(uri);
    event["request"]["querystring"] = json!({ "arq-preview": { "value": token }, "q": { "value": "1" } });
    event
}

#[test]
fn a_link_opens_the_preview_and_its_cookie_shows_the_release() {
    let (live, next, edge) = previewed();
    let token = |kind| preview::token("secret", &next.slot.release, NOW + 60, kind);
    let answer = edge.result(with_field("/new.html", &token(Kind::Open)));
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["location"]["value"]),
        (&json!(302), &json!("/new.html?q=1"))
    );
    let cookie = &answer["cookies"][preview::COOKIE];
    assert_eq!(cookie["value"], token(Kind::Cookie));
    assert_eq!(cookie["attributes"], "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");

    let mut event = request("/new.html");
    event["request"]["cookies"] = json!({ preview::COOKIE: { "value": token(Kind::Cookie) } });
    assert_eq!(edge.result(event.clone())["uri"], format!("/c/{}", next.paths["/new.html"].id));
    event["request"]["uri"] = "/api/x".into();
    assert_eq!(edge.result(event)["headers"]["x-arq-release"]["value"], next.slot.release.as_str());
    assert_eq!(edge.get("/new.html")["uri"], format!("/c/{}", live.slot.not_found.id));

    let mut answered = response("/c/x", 200, &[]);
    answered["request"]["cookies"] = json!({ preview::COOKIE: { "value": "x" } });
    let headers = edge.result(answered)["headers"].take();
    assert_eq!(headers["x-robots-tag"]["value"], "noindex");
    assert_eq!(headers["cache-control"]["value"], "private, no-store");
}

#[test]
fn no_other_token_opens_anything() {
    let (live, next, edge) = previewed();
    let release = &next.slot.release;
    let good = preview::token("secret", release, NOW + 60, Kind::Open);
    let cookie = preview::token("secret", release, NOW + 60, Kind::Cookie);
    let bad = [
        preview::token("secret", release, NOW, Kind::Open),
        preview::token("other", release, NOW + 60, Kind::Open),
        preview::token("secret", &live.slot.release, NOW + 60, Kind::Open),
        good.replace(&format!(".{}.", NOW + 60), &format!(".{}.", NOW + 61)),
        good[..good.len() - 1].to_owned(),
        cookie.clone(),
        "x".into(),
        "....".into(),
        format!("{good}.x").replace(".o.", ".c."),
    ];
    for token in &bad {
        let answer = edge.result(with_field("/new.html", token));
        assert_eq!(
            (&answer["statusCode"], &answer["headers"]["cache-control"]["value"]),
            (&json!(403), &json!("no-store")),
            "{token}"
        );
    }
    for token in [&bad[0], &bad[1], &bad[2], &bad[3], &good, &cookie.replace(".c.", ".o.")] {
        let mut event = request("/a.html");
        event["request"]["cookies"] = json!({ preview::COOKIE: { "value": token } });
        assert_eq!(edge.result(event)["uri"], format!("/c/{}", live.paths["/a.html"].id), "{token}");
    }
}

#[test]
fn a_preview_with_a_password_asks_for_it() {
    let (_, next, edge) = previewed();
    let token = preview::token("secret", &next.slot.release, NOW + 60, Kind::Password("pão:1"));
    let ask = |authorization: Option<&str>| {
        let mut event = with_field("/", &token);
        if let Some(value) = authorization {
            event["request"]["headers"]["authorization"] = json!({ "value": value });
        }
        edge.result(event)
    };
    for value in [None, Some("Basic"), Some("Basic !"), Some(&format!("Basic {}", STANDARD.encode("u:pao"))[..])] {
        let answer = ask(value);
        assert_eq!(answer["statusCode"], 401);
        assert!(answer["headers"]["www-authenticate"]["value"].as_str().unwrap().starts_with("Basic realm="));
    }
    let answer = ask(Some(&format!("Basic {}", STANDARD.encode("any:pão:1"))));
    assert_eq!(answer["statusCode"], 302);
    assert_eq!(
        answer["cookies"][preview::COOKIE]["value"],
        preview::token("secret", &next.slot.release, NOW + 60, Kind::Cookie)
    );
}

/// How many steps (calls and jumps, as QuickJS counts them) such a request takes.
fn steps(edge: &Edge, event: &Value) -> usize {
    let ticks = Rc::new(Cell::new(0));
    let count = ticks.clone();
    let handler = move || {
        count.set(count.get() + 1);
        false
    };
    edge.context.runtime().set_interrupt_handler(Some(Box::new(handler)));
    edge.run(&vec![event.clone(); 500]);
    edge.context.runtime().set_interrupt_handler(None);
    // The handler is asked once in ten thousand steps.
    ticks.get() * 20
}

#[test]
fn the_work_for_any_path_is_bounded() {
    let (before, live) = (Live::new(1, site_paths()), Live::new(2, site_paths()));
    let mut store = before.keys();
    store.insert("live".into(), live.pointer(Some(&before)).to_json());
    // The worst edge: it has the keys of the release before only.
    let edge = Edge::new(&function(None), Some(&store));
    let common = steps(&live.edge(), &with("/posts/30/", &[("accept-encoding", "gzip, deflate, br, zstd")]));
    let long = |text: &str, times: usize| format!("/{}", text.repeat(times));
    let worst = [
        long("a", 1_023),
        long("a", 8_000),
        long("%F0%9F%8D%9E", 255),
        long("a/", 511),
        long("/", 8_000),
        long("%2F", 2_700),
        long("a~", 4_000),
        long(".html", 200),
        long("%", 8_000),
    ];
    let accept = "a;q=0.1,".repeat(500);
    let worst =
        worst.iter().map(|uri| (steps(&edge, &with(uri, &[("accept-encoding", &accept)])), &uri[..12])).max().unwrap();
    println!("{common} steps for a common request, {} for {}…", worst.0, worst.1);
    assert!(common <= 400 && worst.0 <= 30_000, "{common} {worst:?}");
}

fn both() -> Pointer {
    Pointer { live: slot(1), maintenance: false, since: NOW, previous: Some(slot(2)) }
}

#[test]
fn names_that_lead_to_the_domain_do_so_with_path_and_query() {
    let leads = Leads { from: vec!["www.example.com".into()], to: "example.com".into() };
    let edge = Edge::new(&text(&headers(), &leads, None), None);
    let ask = |host: &str| {
        let mut event = request("/a%20b/");
        event["request"]["headers"]["host"] = json!({ "value": host });
        event["request"]["raw"] = json!("x=1");
        edge.result(event)
    };
    let answer = ask("www.example.com");
    assert_eq!(answer["statusCode"], 308);
    assert_eq!(answer["headers"]["location"]["value"], "https://example.com/a%20b/?x=1");
    assert_ne!(ask("example.com")["statusCode"], 308);
}

#[test]
fn while_the_owner_has_it_closed_everything_answers_503_and_says_when_to_come_back() {
    let pointer = Pointer { maintenance: true, ..both() };
    let store = BTreeMap::from([("live".to_owned(), pointer.to_json())]);
    let edge = Edge::new(&text(&headers(), &Leads::default(), None), Some(&store));
    for uri in ["/", "/api/messages"] {
        let answer = edge.get(uri);
        assert_eq!((&answer["statusCode"], &answer["headers"]["retry-after"]["value"]), (&json!(503), &json!("300")));
        assert_eq!(answer["headers"]["x-content-type-options"]["value"], "nosniff");
    }
}

#[path = "edge_tests/redirects.rs"]
mod redirects;
