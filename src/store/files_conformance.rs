//! The behaviour that every store of files must show.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::files::LARGEST_FILE;
use super::{FileMeta, Files, StoreError};

/// A file of these bytes, and what is known of it.
pub fn file(name: &str, bytes: &[u8]) -> (FileMeta, Bytes) {
    let meta = FileMeta { name: name.into(), content_type: "image/png".into(), size: bytes.len() as u64 };
    (meta, Bytes::copy_from_slice(bytes))
}

async fn put(store: &dyn Files, collection: &str, id: &str, name: &str, bytes: &[u8]) {
    let (meta, bytes) = file(name, bytes);
    store.put(collection, id, meta, bytes).await.unwrap();
}

async fn ids(store: &dyn Files, cursor: Option<&str>, limit: usize) -> (Vec<String>, Option<String>) {
    let page = store.list("photos", cursor, limit).await.unwrap();
    (page.files.into_iter().map(|(id, _)| id).collect(), page.next)
}

/// Runs the suite on an empty store.
pub async fn conformance(store: &dyn Files) {
    one_file(store).await;
    bytes_and_names(store).await;
    pages(store).await;
    collections(store).await;
    nothing_leads_elsewhere(store).await;
}

async fn one_file(store: &dyn Files) {
    assert_eq!(store.get("photos", "a").await.unwrap(), None);
    assert_eq!(store.head("photos", "a").await.unwrap(), None);
    assert!(!store.delete("photos", "a").await.unwrap(), "deleting the absent is success");
    let (meta, bytes) = file("a.png", b"first");
    store.put("photos", "a", meta.clone(), bytes.clone()).await.unwrap();
    assert_eq!(store.head("photos", "a").await.unwrap(), Some(meta.clone()));
    assert_eq!(store.get("photos", "a").await.unwrap(), Some((meta, bytes)));
    let (meta, bytes) = (FileMeta { content_type: "text/plain".into(), ..file("b", b"2").0 }, Bytes::from("2"));
    store.put("photos", "a", meta.clone(), bytes.clone()).await.unwrap();
    assert_eq!(store.get("photos", "a").await.unwrap(), Some((meta, bytes)), "the later one, whole");
    assert!(store.delete("photos", "a").await.unwrap());
    assert!(!store.delete("photos", "a").await.unwrap());
    assert_eq!(store.get("photos", "a").await.unwrap(), None);
    assert_eq!(ids(store, None, 10).await, (vec![], None));
}

async fn bytes_and_names(store: &dyn Files) {
    let all: Vec<u8> = (0..=255).cycle().take(LARGEST_FILE).collect();
    let names = ["João \"x\" %20 + 100%.png", "猫🐈.png", "a\\b;c='d'", "  ", "", &"ã".repeat(127)];
    for (name, bytes) in names.into_iter().zip([&b""[..], b"\n", b"\0", b"{}\n{}", &all[..1000], &all]) {
        let (meta, bytes) = file(name, bytes);
        store.put("photos", "x", meta.clone(), bytes.clone()).await.unwrap();
        assert_eq!(store.head("photos", "x").await.unwrap(), Some(meta.clone()), "{name}");
        let kept = store.get("photos", "x").await.unwrap().unwrap();
        assert!(kept == (meta, bytes), "{name}");
    }
    let (meta, bytes) = file("large", &vec![0; LARGEST_FILE + 1]);
    let refused = store.put("photos", "large", meta, bytes).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    let (meta, _) = file("other", b"12");
    assert!(store.put("photos", "other", meta, Bytes::from("1")).await.is_err(), "the size is that of the bytes");
    assert_eq!(ids(store, None, 10).await, (vec!["x".into()], None));
    assert!(store.delete("photos", "x").await.unwrap());
}

async fn pages(store: &dyn Files) {
    for id in ["c", "a", "e", "b", "d"] {
        put(store, "photos", id, &format!("{id}.png"), id.as_bytes()).await;
    }
    assert_eq!(ids(store, None, 2).await, (vec!["a".into(), "b".into()], Some("b".into())));
    let rest = vec!["c".into(), "d".into(), "e".into()];
    assert_eq!(ids(store, Some("b"), 3).await, (rest, None), "an end that fits is the end");
    assert!(store.delete("photos", "c").await.unwrap());
    assert_eq!(ids(store, Some("c"), 1).await, (vec!["d".into()], Some("d".into())), "after one that is gone");
    let page = store.list("photos", None, 1).await.unwrap();
    assert_eq!(page.files, [("a".to_owned(), file("a.png", b"a").0)]);
    assert_eq!(store.list("empty", None, 10).await.unwrap().files, []);
    for id in ["a", "b", "d", "e"] {
        assert!(store.delete("photos", id).await.unwrap());
    }
}

async fn collections(store: &dyn Files) {
    put(store, "photos", "a", "1", b"1").await;
    put(store, "photos-2", "a", "2", b"22").await;
    assert_eq!(ids(store, None, 10).await, (vec!["a".into()], None));
    assert!(store.delete("photos", "a").await.unwrap());
    let (meta, _) = store.get("photos-2", "a").await.unwrap().unwrap();
    assert_eq!((meta.name.as_str(), meta.size), ("2", 2), "collections do not share files");
    assert!(store.delete("photos-2", "a").await.unwrap());
}

async fn nothing_leads_elsewhere(store: &dyn Files) {
    let long = "x".repeat(65);
    let bad = ["", ".", "..", "../a", "a/b", "/etc/passwd", "a\\b", "a.json", ".new-x", "ã", "a\0", &long];
    for bad in bad {
        for (collection, id) in [("photos", bad), (bad, "a")] {
            let (meta, bytes) = file("x", b"x");
            assert!(store.put(collection, id, meta, bytes).await.is_err(), "{collection}/{id}");
            assert!(store.get(collection, id).await.is_err(), "{collection}/{id}");
            assert!(store.head(collection, id).await.is_err(), "{collection}/{id}");
            assert!(store.delete(collection, id).await.is_err(), "{collection}/{id}");
        }
        assert!(store.list(bad, None, 1).await.is_err(), "{bad}");
    }
}
