//! Whoever reads while releases come and go reads whole pages.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::account::Account;
use crate::support::http::Client;
use crate::support::project::Project;

/// Releases and rollbacks that are read through.
const CHANGES: usize = 50;
/// Between how many seconds a written key takes to each of the edges.
const LAGS: [[f64; 2]; 3] = [[0.0, 0.05], [0.1, 0.6], [0.3, 1.2]];

/// The files of a release that hold its mark, by a page that names them. Odd releases have others
/// than even ones.
fn release(project: &Project, number: usize) {
    let mark = format!("mark-{number}-");
    let files: &[&str] =
        if number.is_multiple_of(2) { &["a/site.css", "a/app.js", "a/p.png"] } else { &["b/look.css", "b/q.svg"] };
    let _ = std::fs::remove_dir_all(project.path().join("site"));
    let mut page = format!("<!doctype html><title>{mark}</title><p>{}</p>\n", "Bread and more bread. ".repeat(80));
    for file in files {
        project.write(&format!("site/{file}"), &format!("/* {mark} */ {}", "many words ".repeat(200)));
        page += &match file.rsplit('.').next() {
            Some("css") => format!("<link rel=stylesheet href=\"/{file}\">\n"),
            Some("js") => format!("<script src=\"/{file}\"></script>\n"),
            _ => format!("<img alt=\"\" src=\"/{file}\">\n"),
        };
    }
    project.write("site/index.html", &page);
    project.write("site/about.html", &page.replace("Bread", "About bread"));
}

fn mark_of(text: &str) -> Option<String> {
    let from = text.find("mark-")?;
    Some(text[from..].split_inclusive('-').take(2).collect())
}

/// Reads pages at one edge and their files at another, until it is told to stop; gives the marks it saw.
fn read(pages: u16, files: u16, stop: &AtomicBool) -> (usize, BTreeSet<String>) {
    let (mut pages, mut files) = (Client::new(pages), Client::new(files));
    let (mut count, mut seen) = (0, BTreeSet::new());
    while !stop.load(Ordering::Relaxed) {
        for path in ["/", "/about.html"] {
            let page = pages.get(path);
            assert_eq!(page.status, 200, "{path}: {}", page.text());
            let text = page.text();
            let mark = mark_of(&text).unwrap();
            let names: Vec<&str> = text.split('"').filter(|value| value.starts_with('/')).collect();
            assert!(names.len() >= 2, "{text}");
            for name in names {
                assert!(name.contains('~'), "{name} has an immutable name");
                let file = files.get(name);
                assert_eq!(file.status, 200, "{name} of {mark}: {}", file.text());
                assert_eq!(mark_of(&file.text()).as_ref(), Some(&mark), "{name} belongs to its page");
            }
            seen.insert(mark);
            count += 1;
        }
    }
    (count, seen)
}

#[test]
fn no_reader_sees_a_mixed_page_while_releases_come_and_go_at_edges_that_lag() {
    let account = Account::start_with(&["--edges", "3"]);
    let mut project = Project::with(&[("arq.toml", "[site]\nname = \"small\"\n[security]\nwaf = false\n")]);
    account.give_to(&mut project);
    release(&project, 0);
    project.run(&["publish", "--yes"]).ok();
    assert_eq!(account.ask("POST", "edges", &json!({"lags": LAGS, "mode": "jitter", "seed": 7})).status, 200);
    let stop = AtomicBool::new(false);
    let edges = account.edge_ports.clone();
    let readers = [(0, 0), (1, 1), (2, 2), (0, 2), (2, 1)];
    let seen: Vec<(usize, BTreeSet<String>)> = std::thread::scope(|scope| {
        let stop = &stop;
        let all: Vec<_> = readers
            .iter()
            .map(|&(pages, files)| (edges[pages], edges[files]))
            .map(|(pages, files)| scope.spawn(move || read(pages, files, stop)))
            .collect();
        let mut run = || {
            for number in 1..=CHANGES {
                match number % 4 {
                    // Back to the one before, and forth again.
                    0 | 3 => project.run(&["rollback", "--yes"]).ok(),
                    _ => {
                        release(&project, number);
                        project.run(&["publish", "--yes"]).ok()
                    }
                };
            }
        };
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut run));
        stop.store(true, Ordering::Relaxed);
        let seen = all.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(ran.is_ok(), "every release and rollback is done");
        seen
    });
    let all: BTreeSet<&String> = seen.iter().flat_map(|(_, marks)| marks).collect();
    let counts: Vec<usize> = seen.iter().map(|(count, _)| *count).collect();
    println!("{CHANGES} releases and rollbacks; pages read: {counts:?}, of {} releases, none mixed", all.len());
    assert!(counts.iter().all(|count| *count > CHANGES), "{counts:?}");
    assert!(all.len() > CHANGES / 4, "{all:?}");
}
