//! `site/_redirects`, in Netlify's format.
//!
//! Source: Netlify's documentation, "Redirects and rewrites" and "Redirect options": on each line
//! a path, where it leads, a status with `!` to come before pages, and conditions.

use super::redirects::Rule;
use crate::config::redirects::Redirect;

/// The file, from the project's folder.
pub const FILE: &str = "site/_redirects";

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Reads the file's text: the rules with their lines, in order.
///
/// # Errors
///
/// The first line that is not understood.
pub fn parse(text: &str) -> Result<Vec<(usize, Rule)>, LineFault> {
    let mut rules = Vec::new();
    for (number, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let number = number + 1;
        let fault = |what| LineFault { line: number, what };
        for redirect in redirects(line).map_err(fault)? {
            let rule = Rule::of(&redirect).map_err(|mut wrong| fault(wrong.remove(0).what))?;
            rules.push((number, rule));
        }
    }
    Ok(rules)
}

/// The rules of a line: none for a comment, one for each language otherwise.
fn redirects(line: &str) -> Result<Vec<Redirect>, String> {
    let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
    let Some(from) = words.next() else { return Ok(Vec::new()) };
    let to = words.next().ok_or_else(|| format!("\"{from}\" leads nowhere; write where to after it"))?;
    if !to.starts_with('/') && !to.contains("://") {
        return Err(match to.split_once('=') {
            Some(_) => format!("\"{to}\": query strings cannot be matched; leave it out, or let the page look at it"),
            None => format!("\"{to}\" is neither a path such as /new/page nor a URL with https://"),
        });
    }
    let mut redirect = Redirect { from: from.into(), to: to.into(), ..Redirect::default() };
    let mut languages = vec![String::new()];
    for word in words {
        match word.split_once('=') {
            Some((name, values)) if name.eq_ignore_ascii_case("language") => {
                languages = values.split(',').map(str::to_ascii_lowercase).collect();
                if languages.iter().any(String::is_empty) {
                    return Err(format!("\"{word}\" lacks a language such as pt"));
                }
            }
            Some((name, _)) => {
                return Err(format!("\"{word}\": the condition {name} is not supported; only Language=pt,en is"));
            }
            None => (redirect.status, redirect.force) = status(word)?,
        }
    }
    Ok(languages.into_iter().map(|language| Redirect { language, ..redirect.clone() }).collect())
}

fn status(word: &str) -> Result<(u16, bool), String> {
    let (number, force) = word.strip_suffix('!').map_or((word, false), |number| (number, true));
    match number.parse() {
        Ok(404) => Err("status 404 is not supported; what is not found is answered by site/404.html".into()),
        Ok(status) => Ok((status, force)),
        Err(_) => Err(format!("\"{word}\" is neither a status such as 302 nor a condition such as Language=pt")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let say = |(line, rule): (usize, Rule)| {
            let force = if rule.force { "!" } else { "" };
            format!("{line}: {} -> {} {}{force} {}", rule.from, rule.to, rule.status, rule.language).trim_end().into()
        };
        parse(text).unwrap().into_iter().map(say).collect()
    }

    #[test]
    fn lines_are_rules_in_order() {
        let text = "\u{feff}# old\n\n/home  /\n  /news\t/blog 302 # moved\n/b/* https://example.com/:splat 301!\r\n\
                    /  /pt/ 302! Language=pt,GL\n/app/* /index.html 200\n";
        let want = [
            "3: /home -> / 301",
            "4: /news -> /blog 302",
            "5: /b/* -> https://example.com/:splat 301!",
            "6: / -> /pt/ 302! pt",
            "6: / -> /pt/ 302! gl",
            "7: /app/* -> /index.html 200",
        ];
        assert_eq!(said(text), want);
    }

    #[test]
    fn what_is_not_supported_names_the_line_and_the_way_out() {
        for (line, what) in [
            ("/a", "leads nowhere"),
            ("/a id=:id /b", "query strings cannot be matched"),
            ("/a/:id /b", "use one * at the end"),
            ("/a /b 302 Country=br", "only Language=pt,en is"),
            ("/a /b Role=admin", "only Language=pt,en is"),
            ("/a /b 404", "site/404.html"),
            ("/a/* https://example.com/:splat 200", "use 302"),
            ("/a /b found", "neither a status"),
            ("/a b", "neither a path"),
            ("/a /b Language=pt-br", "without a region"),
            ("/a /b Language=", "lacks a language"),
            ("http://www.example.com/* https://example.com/:splat", "site.redirect_from"),
            ("/a /b 418", "is none of 301"),
        ] {
            let fault = parse(&format!("# first\n{line}\n")).unwrap_err();
            assert!(fault.line == 2 && fault.what.contains(what), "{line}: {fault:?}");
        }
    }
}
