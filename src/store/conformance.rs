//! The behaviour that every store must show.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::{Document, Documents, Fields, LARGEST, Page, StoreError};

/// A document of this id and version.
pub fn document(id: &str, version: u64) -> Document {
    let mut fields = Fields::new();
    fields.insert("text".into(), json!(format!("text of {id}")));
    fields.insert("number".into(), json!(1.5));
    fields.insert("big".into(), json!(9_007_199_254_740_993_i64));
    fields.insert("nested".into(), json!({"list": [1, "two", null, true], "empty": {}}));
    let at = "2026-01-02T03:04:05.678Z".to_owned();
    Document { id: id.into(), version, created: at.clone(), updated: at, fields }
}

fn page(limit: usize, after: Option<&str>, newest_first: bool) -> Page {
    Page { limit, after: after.map(str::to_owned), newest_first }
}

async fn ids(store: &dyn Documents, collection: &str, page: &Page) -> (Vec<String>, Option<String>) {
    let listing = store.list(collection, page).await.unwrap();
    (listing.documents.into_iter().map(|d| d.id).collect(), listing.next)
}

/// Runs the suite on an empty store that has the collections `notes`, `notes-2` and `empty`.
pub async fn conformance(store: &dyn Documents) {
    one_document(store).await;
    versions(store).await;
    pages(store).await;
    sizes(store).await;
    numbers(store).await;
    collections(store).await;
}

async fn one_document(store: &dyn Documents) {
    assert_eq!(store.get("notes", "a").await.unwrap(), None);
    store.create("notes", &document("a", 1)).await.unwrap();
    assert_eq!(store.get("notes", "a").await.unwrap(), Some(document("a", 1)));
    let again = store.create("notes", &document("a", 1)).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "an id is taken once: {again:?}");
    assert!(store.delete("notes", "a", None).await.unwrap());
    assert!(!store.delete("notes", "a", None).await.unwrap(), "deleting the absent is success");
}

async fn versions(store: &dyn Documents) {
    store.create("notes", &document("v", 1)).await.unwrap();
    store.replace("notes", &document("v", 2), 1).await.unwrap();
    let late = store.replace("notes", &document("v", 2), 1).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "two writers, one wins: {late:?}");
    let absent = store.replace("notes", &document("none", 2), 1).await;
    assert!(matches!(absent, Err(StoreError::Conflict { .. })), "nothing is made by replacing: {absent:?}");
    let old = store.delete("notes", "v", Some(1)).await;
    assert!(matches!(old, Err(StoreError::Conflict { .. })), "another version is not deleted: {old:?}");
    assert!(store.delete("notes", "v", Some(2)).await.unwrap());
    assert!(!store.delete("notes", "v", Some(2)).await.unwrap());
}

async fn pages(store: &dyn Documents) {
    for id in ["c", "a", "e", "b", "d"] {
        store.create("notes", &document(id, 1)).await.unwrap();
    }
    let (first, next) = ids(store, "notes", &page(2, None, false)).await;
    assert_eq!((first, next.as_deref()), (vec!["a".into(), "b".into()], Some("b")));
    let (second, next) = ids(store, "notes", &page(3, Some("b"), false)).await;
    assert_eq!((second, next), (vec!["c".into(), "d".into(), "e".into()], None), "an end that fits is the end");
    let (newest, next) = ids(store, "notes", &page(2, None, true)).await;
    assert_eq!((newest, next.as_deref()), (vec!["e".into(), "d".into()], Some("d")));
    let (rest, next) = ids(store, "notes", &page(10, Some("d"), true)).await;
    assert_eq!((rest, next), (vec!["c".into(), "b".into(), "a".into()], None));
    let (none, next) = ids(store, "empty", &page(10, None, true)).await;
    assert_eq!((none, next), (vec![], None));
}

async fn sizes(store: &dyn Documents) {
    let mut large = document("large", 1);
    large.fields.insert("text".into(), json!("x".repeat(LARGEST)));
    let refused = store.create("notes", &large).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    assert_eq!(store.get("notes", "large").await.unwrap(), None);
}

async fn numbers(store: &dyn Documents) {
    let mut given = document("numbers", 1);
    let numbers = json!([1.0, -0.0, 0.1, -2.5e-7, 1e20, 1.7976931348623157e100, i64::MIN, u64::MAX]);
    given.fields.insert("number".into(), numbers);
    store.create("notes", &given).await.unwrap();
    let kept = store.get("notes", "numbers").await.unwrap().unwrap();
    let same = json!([1, 0, 0.1, -2.5e-7, 1e20, 1.7976931348623157e100, i64::MIN, u64::MAX]);
    assert_eq!(kept.fields["number"], same, "every digit, and whole numbers whole");
    assert!(store.delete("notes", "numbers", None).await.unwrap());
    given.fields.insert("number".into(), json!({"deep": [1e126]}));
    let refused = store.create("notes", &given).await;
    assert!(matches!(refused, Err(StoreError::Number)), "{refused:?}");
}

async fn collections(store: &dyn Documents) {
    store.create("notes-2", &document("a", 1)).await.unwrap();
    assert!(store.delete("notes", "a", None).await.unwrap());
    assert!(store.get("notes-2", "a").await.unwrap().is_some(), "collections do not share documents");
    let (only, _) = ids(store, "notes-2", &page(10, None, false)).await;
    assert_eq!(only, ["a"]);
}
