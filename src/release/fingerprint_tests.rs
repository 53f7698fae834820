#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::site::mime;

const ON: Settings = Settings { on: true, keeps_inline_styles: false };

fn file(path: &str, text: &str) -> File {
    let content_type = mime::content_type(if path.ends_with('/') { "index.html" } else { path });
    File {
        path: path.into(),
        source: format!("site{path}"),
        content: Content::Memory(text.to_owned().into()),
        content_type,
    }
}

fn made(files: &[File]) -> Vec<Object> {
    let files: Vec<&File> = files.iter().collect();
    let name = |file: &File, object: &Object| url_of(&file.path, &object.target());
    objects(&files, ON, |file| Object::of(file, 200), name).unwrap()
}

/// The text of each file, with ids left out.
fn texts(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let files: Vec<File> = files.iter().map(|(path, text)| file(path, text)).collect();
    let objects = made(&files);
    let mut texts = BTreeMap::new();
    for (file, object) in files.iter().zip(&objects) {
        let bytes = object.content.bytes().unwrap();
        let whole = File { content: Content::Memory(bytes.clone()), ..file.clone() };
        assert_eq!(Object::of(&whole, 200).unwrap().id, object.id, "the id is that of the bytes");
        let mut text = String::from_utf8(bytes.to_vec()).unwrap();
        for (file, object) in files.iter().zip(&objects) {
            if let Some(url) = url_of(&file.path, &object.target()) {
                text = text.replace(&url, &url.replace(&object.target().to_string(), "A"));
            }
        }
        texts.insert(file.path.clone(), text);
    }
    texts
}

#[test]
fn a_name_has_the_id_before_its_extension() {
    let target = Target::parse("abcdefghijklB").unwrap();
    let url = |path: &str| url_of(path, &target);
    assert_eq!(url("/a b/site.min.css").unwrap(), "/a%20b/site.min~abcdefghijklB.css");
    for path in ["/a", "/a.b/c", "/a.", "/.a", "/a.b-c", "/a.é", "/"] {
        assert_eq!(url(path), None, "{path}");
    }
    assert_eq!(url(&format!("/{}.css", "a".repeat(1010))), None);
    assert!(url(&format!("/{}.css", "a".repeat(1005))).is_some());
}

#[test]
fn names_go_through_imports_to_the_page() {
    let texts = texts(&[
        ("/", "<link rel=stylesheet href=s/a.css>"),
        ("/s/a.css", "@import 'b.css';"),
        ("/s/b.css", "a{b:url(../p.png)}"),
        ("/p.png", "p"),
    ]);
    assert_eq!(texts["/"], "<link rel=stylesheet href=/s/a~A.css>");
    assert_eq!(texts["/s/a.css"], "@import '/s/b~A.css';");
    assert_eq!(texts["/s/b.css"], "a{b:url(/p~A.png)}");
}

#[test]
fn a_picture_that_changes_changes_all_that_leads_to_it() {
    let ids = |picture: &str| {
        let page = file("/", "<link rel=stylesheet href=a.css><a href=p.png>");
        let files = [page, file("/a.css", "a{b:url(p.png)}"), file("/p.png", picture), file("/c.css", "")];
        made(&files).into_iter().map(|object| object.id).collect::<Vec<_>>()
    };
    let (one, other) = (ids("1"), ids("2"));
    assert_eq!(one, ids("1"));
    assert!((0..3).all(|at| one[at] != other[at]));
    assert_eq!(one[3], other[3]);
}

#[test]
fn circles_keep_plain_names_inside() {
    let texts = texts(&[
        ("/", "<link rel=stylesheet href=a.css><link rel=stylesheet href=d.css>"),
        ("/a.css", "@import 'b.css';@import 'c.css';"),
        ("/b.css", "@import 'a.css';a{b:url(p.png)}"),
        ("/c.css", "a{b:url(p.png)}"),
        ("/d.css", "@import 'a.css';@import 'd.css';@import 'gone.css'"),
        ("/p.png", "p"),
    ]);
    assert_eq!(texts["/"], "<link rel=stylesheet href=/a~A.css><link rel=stylesheet href=/d~A.css>");
    assert_eq!(texts["/a.css"], "@import 'b.css';@import '/c~A.css';");
    assert_eq!(texts["/b.css"], "@import 'a.css';a{b:url(/p~A.png)}");
    assert_eq!(texts["/d.css"], "@import '/a~A.css';@import 'd.css';@import 'gone.css'");
}

#[test]
fn long_chains_and_circles_are_no_danger() {
    let count = 3000;
    let refers = |circle: bool| -> HashMap<usize, Vec<usize>> {
        (0..count).map(|at| (at, vec![if at + 1 < count || circle { (at + 1) % count } else { count }])).collect()
    };
    let sheets: Vec<usize> = (0..count).collect();
    let chain = levels(&sheets, &refers(false));
    assert_eq!((chain.len(), chain[0][0]), (count, count - 1));
    assert_eq!(levels(&sheets, &refers(true)), [sheets]);
}

#[test]
fn what_is_checked_keeps_its_bytes_everywhere() {
    let texts = texts(&[
        ("/", "<link rel=stylesheet href=a.css><link rel=preload as=font href=f.woff2>"),
        ("/x.html", "<link rel=stylesheet href=a.css integrity=sha384-x><link rel=stylesheet href=b.css>"),
        ("/a.css", "@font-face{src:url(f.woff2)}"),
        ("/b.css", "@font-face{src:url(f.woff2)}"),
        ("/f.woff2", "f"),
    ]);
    assert_eq!(texts["/"], "<link rel=stylesheet href=/a~A.css><link rel=preload as=font href=f.woff2>");
    assert_eq!(
        texts["/x.html"],
        "<link rel=stylesheet href=a.css integrity=sha384-x><link rel=stylesheet href=/b~A.css>"
    );
    assert_eq!(texts["/a.css"], "@font-face{src:url(f.woff2)}");
    assert_eq!(texts["/b.css"], "@font-face{src:url(/f~A.woff2)}");
}

#[test]
fn what_has_a_fixed_address_keeps_it() {
    let page = "<img src=/.well-known/a.png><img src=/api/a.png><img src=/m.webmanifest><img src=/x.html><img src=/a>";
    let texts = texts(&[
        ("/", page),
        ("/.well-known/a.png", ""),
        ("/api/a.png", ""),
        ("/m.webmanifest", ""),
        ("/x.html", ""),
        ("/a", ""),
    ]);
    assert_eq!(texts["/"], page);
}

#[test]
fn pages_without_references_stay_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let disk = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        File { content: Content::Disk { path, size: text.len() as u64 }, ..file(&format!("/{name}"), "") }
    };
    let files = [disk("a.html", "<a href=p.png>"), disk("b.html", "<img src=p.png>"), disk("p.png", "p")];
    let objects = made(&files);
    assert!(matches!(objects[0].content, Content::Disk { .. }));
    assert!(matches!(objects[1].content, Content::Rewritten(_)));
    std::fs::remove_file(dir.path().join("b.html")).unwrap();
    let files: Vec<&File> = files.iter().collect();
    let error = super::objects(&files, ON, |file| Object::of(file, 200), |_, _| None).unwrap_err();
    assert_eq!(error.to_string(), "reading site/b.html");
}

/// The folder is not part of the project; without it there is nothing to see.
#[test]
fn a_real_site_changes_only_in_its_references() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.sites/postgresql-doc-15");
    let Ok(listing) = std::fs::read_dir(folder) else { return };
    let files: Vec<File> = listing
        .map(|entry| {
            let entry = entry.unwrap();
            let (path, size) = (entry.path(), entry.metadata().unwrap().len());
            let name = format!("/{}", entry.file_name().to_string_lossy());
            File { content: Content::Disk { path, size }, ..file(&name, "") }
        })
        .collect();
    let objects = made(&files);
    let urls: HashMap<String, &str> = files
        .iter()
        .zip(&objects)
        .filter_map(|(file, object)| Some((url_of(&file.path, &object.target())?, file.path.as_str())))
        .collect();
    let (mut pages, mut references) = (0, 0);
    for (file, object) in files.iter().zip(&objects) {
        let Content::Rewritten(text) = &object.content else { continue };
        let (mut plain, new) = (String::new(), String::from_utf8(text.bytes().unwrap().to_vec()).unwrap());
        let mut rest = new.as_str();
        while let Some(at) = rest.find('~').filter(|_| rest.contains("=\"/")) {
            let start = rest[..at].rfind("\"/").map(|start| start + 1);
            let url = start.and_then(|start| rest[start..].find('"').map(|end| &rest[start..start + end]));
            match url.and_then(|url| Some((url, urls.get(url)?))) {
                Some((url, path)) => {
                    let start = start.unwrap();
                    plain.push_str(&rest[..start]);
                    plain.push_str(path.trim_start_matches('/'));
                    rest = &rest[start + url.len()..];
                    references += 1;
                }
                None => {
                    plain.push_str(&rest[..=at]);
                    rest = &rest[at + 1..];
                }
            }
        }
        plain.push_str(rest);
        assert!(plain.as_bytes() == file.content.bytes().unwrap().as_ref(), "{}", file.path);
        pages += 1;
    }
    assert!(pages > 1000 && references >= pages);
}
