#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use super::*;
use crate::config::Urls;

fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("arq.toml"), "").unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }
    let project = Project::open(dir.path());
    (dir, project)
}

fn site(files: &[(&str, &str)]) -> Result<Site, SiteError> {
    let (_dir, project) = project(files);
    load(&project, &Config::default())
}

fn paths(site: &Site) -> Vec<&str> {
    site.files.iter().map(|file| file.path.as_str()).collect()
}

fn text(file: &File) -> String {
    match &file.content {
        Content::Memory(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Content::Disk { path, .. } => fs::read_to_string(path).unwrap(),
        Content::Rewritten(_) => unreachable!(),
    }
}

#[test]
fn a_site_is_its_files_under_their_urls() {
    let (_dir, project) = project(&[
        ("site/index.html", "<a href=/about/>"),
        ("site/about.md", "# About\n\n[home](index.html)"),
        ("site/b/index.html", ""),
        ("site/c.html", ""),
        ("site/app.js.map", ""),
        ("site/_layouts/page.html", "[{{ page.title }}]{{ content }}"),
        ("site/draft.md", "---\ndraft: true\n---\n"),
        ("site/404.html", "gone"),
        ("site/.well-known/security.txt", "x"),
    ]);
    let site = load(&project, &Config::default()).unwrap();
    assert_eq!(paths(&site), ["/", "/.well-known/security.txt", "/about/", "/b/", "/c.html"]);
    assert_eq!((site.not_found.path.as_str(), text(&site.not_found)), ("/404.html", "gone".into()));
    let about = &site.files[2];
    assert_eq!(about.source, "site/about.md");
    assert!(text(about).starts_with("[About]<h1"), "{}", text(about));
    assert!(text(about).contains("href=\"/\""), "{}", text(about));
    assert_eq!(site.faults, []);
}

#[test]
fn pages_on_disk_stay_there() {
    let (_dir, project) = project(&[("site/index.html", "hello")]);
    let site = load(&project, &Config::default()).unwrap();
    assert!(matches!(&site.files[0].content, Content::Disk { size: 5, .. }));
    assert!(text(&site.not_found).contains("Page not found"));
}

#[test]
fn clean_urls_drop_html() {
    let (_dir, project) = project(&[("site/a.html", ""), ("site/index.html", "<a href=a.html>")]);
    let mut config = Config::default();
    config.site.urls = Urls::Clean;
    let site = load(&project, &config).unwrap();
    assert_eq!(paths(&site), ["/", "/a"]);
    assert_eq!(site.files[1].content_type, "text/html; charset=utf-8");
    assert_eq!(site.faults, []);
}

#[test]
fn a_missing_folder_is_named_with_the_way_out() {
    let message = site(&[]).unwrap_err().to_string();
    assert!(message.contains("/site does not exist") && message.contains("arqsite new"), "{message}");
}

#[test]
fn two_files_with_one_url_are_both_named() {
    let error = site(&[("site/a.md", ""), ("site/a/index.html", "")]).unwrap_err().to_string();
    assert_eq!(error, "site/a.md and site/a/index.html would both be /a/; rename one of them");
    assert!(site(&[("site/404.md", ""), ("site/404.html", "")]).is_err());
    assert!(site(&[("site/a.md", "---\ndraft: true\n---"), ("site/a/index.html", "")]).is_ok());
}

#[cfg(unix)]
#[test]
fn names_that_urls_cannot_carry_are_errors() {
    assert!(site(&[("site/a\\b.html", "")]).unwrap_err().to_string().contains("cannot have a URL"));
    let (dir, project) = project(&[("site/index.html", "")]);
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9.html");
    if fs::write(dir.path().join("site").join(name), "").is_ok() {
        let error = load(&project, &Config::default()).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("not UTF-8"));
    }
}

#[test]
fn markdown_links_lead_to_the_urls_of_the_files_they_name() {
    let site = site(&[
        ("site/index.md", "[m](menu.md#today) ![p](pictures/p%20q.png) [b](/blog/post.md) [x](https://x/menu.md)"),
        ("site/menu.md", "[home](index.md)"),
        ("site/pictures/p q.png", ""),
        ("site/blog/post.md", "[m](../menu.md) [m](/menu/)"),
    ])
    .unwrap();
    let index = text(&site.files[0]);
    for want in ["\"/menu/#today\"", "\"/pictures/p%20q.png\"", "\"/blog/post/\"", "\"https://x/menu.md\""] {
        assert!(index.contains(want), "{want} in {index}");
    }
    assert_eq!(site.faults, []);
}

#[test]
fn faults_name_the_source_and_its_line() {
    let site = site(&[
        ("site/_layouts/page.html", "<nav>\n<a href=\"/gone/\">\n</nav>{{ content }}"),
        ("site/index.html", "\n<a href=\"nowhere.html\">\n<img src='p.png'>"),
        ("site/a.md", "---\ntitle: a\n---\n\n[x](missing.md)"),
        ("site/b.md", "b"),
    ])
    .unwrap();
    let faults: Vec<String> = site.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "site/index.html, line 2: href=\"nowhere.html\" leads nowhere",
            "site/index.html, line 3: src=\"p.png\" leads nowhere",
            "site/_layouts/page.html, line 2: href=\"/gone/\" leads nowhere",
            "site/a.md, line 5: href=\"missing.md\" leads nowhere",
        ]
    );
    assert_eq!(site.faults_in_all, 4);
}

#[test]
fn what_visitors_could_never_reach_is_a_fault() {
    let site = site(&[("site/api/x.html", "")]).unwrap();
    assert_eq!(site.faults.len(), 2, "{:?}", site.faults);
}

#[test]
fn the_starter_loads_without_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let site = load(&Project::open(dir.path()), &Config::default()).unwrap();
    assert_eq!(site.faults, []);
    assert!(site.files.iter().all(|file| matches!(file.content, Content::Memory(_))));
    assert!(paths(&site).contains(&"/"));
}

#[test]
fn redirects_and_headers_are_read_and_checked_with_the_pages() {
    let index = ("site/index.html", "<a href=/old>x</a><a href=/gone/x>y</a><a href=/none>z</a>");
    let files = [index, ("site/new.html", ""), ("site/_redirects", "/old /new\n/gone/* /\n/x /nowhere\n")];
    let read = site(&[&files[..], &[("site/_headers", "/new\n  x-a: 1\n/no/*\n  x-a: 1\n")]].concat()).unwrap();
    assert_eq!((paths(&read), read.rules.redirects().len()), (vec!["/", "/new.html"], 3));
    assert_eq!(read.rules.headers().headers_for("/new.html")["x-a"], "1");
    let faults: Vec<String> = read.faults.iter().map(ToString::to_string).collect();
    let want = [
        "site/_redirects, line 3: /x -> /nowhere leads nowhere: the site has no such page",
        "[[headers]] or site/_headers: /no/* is the path of no page or file",
        "site/index.html, line 1: href=\"/none\" leads nowhere",
    ];
    assert_eq!(faults, want);
    for (name, text, error) in [
        ("site/_redirects", "\n/a /a\n", "site/_redirects, line 2: /a -> /a leads in a circle"),
        ("site/_redirects", "/a /b 404", "site/_redirects, line 1: status 404 is not supported"),
        ("site/_headers", "/\n  via: x", "site/_headers, line 2: via cannot be set"),
    ] {
        let found = site(&[index, (name, text)]).unwrap_err().to_string();
        assert!(found.starts_with(error), "{found}");
    }
}

#[test]
fn the_rules_of_arq_toml_come_after_those_of_the_file() {
    let (_dir, project) = project(&[("site/a.html", ""), ("site/_redirects", "/* /a 302\n/b /a\n")]);
    let redirect = crate::config::redirects::Redirect { from: "/c".into(), to: "/a".into(), ..Default::default() };
    let config = Config { redirects: vec![redirect], ..Config::default() };
    let site = load(&project, &config).unwrap();
    let from: Vec<String> = site.rules.redirects().into_iter().map(|rule| rule.from).collect();
    assert_eq!(from, ["/*", "/b", "/c"]);
    assert_eq!(site.faults.len(), 2, "{:?}", site.faults);
    assert!(site.faults[1].to_string().starts_with("arq.toml: redirects.0: /c -> /a never applies"));
}
