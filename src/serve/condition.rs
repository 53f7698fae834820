//! `If-None-Match`: has the visitor got these bytes already?
//!
//! Source: RFC 9110, sections 8.8.3 and 13.1.2.

/// Whether one of the `If-None-Match` headers names `etag`, by the weak comparison.
pub fn has_already<'a>(if_none_match: impl Iterator<Item = &'a str>, etag: &str) -> bool {
    let wanted = opaque(etag);
    if_none_match.into_iter().any(|list| list.trim() == "*" || tags(list).any(|tag| tag == wanted))
}

/// The part of an entity tag that the weak comparison looks at.
fn opaque(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// The opaque parts of a list of entity tags. A tag may itself hold commas.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    // Between the quotes of `W/"a", "b"` lie, in turn, separators and tags.
    list.split('"').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(lists: &[&str]) -> bool {
        has_already(lists.iter().copied(), "\"abc\"")
    }

    #[test]
    fn the_same_tag_matches_strong_or_weak() {
        assert!(has(&["\"abc\""]));
        assert!(has(&["W/\"abc\""]));
        assert!(has_already(["\"abc\""].into_iter(), "W/\"abc\""));
    }

    #[test]
    fn one_of_a_list_or_of_several_headers_is_enough() {
        assert!(has(&["\"x\", W/\"abc\",\"y\""]));
        assert!(has(&["\"x\"", "\"abc\""]));
        assert!(has(&["\"a,b\", \"abc\""]));
    }

    #[test]
    fn a_star_matches_everything() {
        assert!(has(&["*"]));
        assert!(has(&[" * "]));
    }

    #[test]
    fn other_tags_do_not_match() {
        for list in ["", "\"ab\"", "abc", "\"x\", \"y\"", "\"*\"", "\", abc, \""] {
            assert!(!has(&[list]), "{list}");
        }
    }
}
