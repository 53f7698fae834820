//! The lines at the top of a Markdown page that say what it is called and how it is laid out.

use serde_json::{Map, Value};

use super::error::{SiteError, nearest};

/// The keys that a page may have; anything else belongs under `extra`.
const KEYS: [&str; 5] = ["title", "description", "layout", "draft", "extra"];

/// What a page says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrontMatter {
    /// The page's title.
    pub title: Option<String>,
    /// One sentence for search engines.
    pub description: Option<String>,
    /// Name of a file in `site/_layouts/`, without `.html`.
    pub layout: Option<String>,
    /// Whether the page is kept from visitors.
    pub draft: bool,
    /// What the site's own layouts need, as `page.extra`.
    pub extra: Map<String, Value>,
}

/// A fault at a line of the file, from 1.
struct At(usize, String);

/// Splits a page into what it says about itself and its Markdown.
///
/// TOML stands between two lines `+++`, `key: value` lines between two lines `---`. Also returns
/// the number of lines before the Markdown.
pub fn split<'a>(file: &str, text: &'a str) -> Result<(FrontMatter, &'a str, usize), SiteError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fence = match text.lines().next().map(str::trim_end) {
        Some(fence @ ("+++" | "---")) => fence,
        _ => return Ok((FrontMatter::default(), text, 0)),
    };
    let error = |At(line, what): At| SiteError::FrontMatter { file: file.into(), line, what };
    let (head, body, lines) = enclosed(text, fence).map_err(error)?;
    let values = if fence == "+++" { from_toml(head) } else { from_lines(head) };
    let front = values.and_then(read).map_err(error)?;
    Ok((front, body, lines))
}

fn enclosed<'a>(text: &'a str, fence: &str) -> Result<(&'a str, &'a str, usize), At> {
    let start = text.find('\n').map_or(text.len(), |end| end + 1);
    let mut at = start;
    for (number, line) in text[start..].split_inclusive('\n').enumerate() {
        if line.trim_end() == fence {
            return Ok((&text[start..at], &text[at + line.len()..], number + 2));
        }
        at += line.len();
    }
    Err(At(1, format!("the lines at the top begin with {fence}, but no line {fence} ends them")))
}

/// Values with the line they stand on.
type Values = Vec<(String, usize, Value)>;

fn from_toml(head: &str) -> Result<Values, At> {
    let table: toml::Table = head.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| head[..span.start].matches('\n').count());
        At(line + 2, error.message().into())
    })?;
    table
        .into_iter()
        .map(|(key, value)| {
            let line = line_of(head, &key);
            let value = serde_json::to_value(value).map_err(|error| At(line, error.to_string()))?;
            Ok((key, line, value))
        })
        .collect()
}

/// Where a key of a TOML table stands; the parser does not keep it.
fn line_of(head: &str, key: &str) -> usize {
    let stands = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"', '\'', ' ']);
        line.strip_prefix(key).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c)))
    };
    head.lines().position(stands).unwrap_or_default() + 2
}

fn from_lines(head: &str) -> Result<Values, At> {
    let mut values: Values = Vec::new();
    for (number, line) in head.lines().enumerate() {
        let at = number + 2;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = key_and_value(text).map_err(|what| At(at, what))?;
        if !line.starts_with([' ', '\t']) {
            if values.iter().any(|(known, ..)| *known == key) {
                return Err(At(at, format!("\"{key}\" is said twice")));
            }
            let value = if key == "extra" { extra(value, at)? } else { value };
            values.push((key, at, value));
        } else {
            match values.last_mut() {
                Some((parent, _, Value::Object(extra))) if parent == "extra" => {
                    if extra.insert(key.clone(), value).is_some() {
                        return Err(At(at, format!("\"{key}\" is said twice")));
                    }
                }
                _ => return Err(At(at, "only the lines below \"extra:\" may be indented".into())),
            }
        }
    }
    Ok(values)
}

fn extra(value: Value, at: usize) -> Result<Value, At> {
    match value {
        Value::String(text) if text.is_empty() => Ok(Value::Object(Map::new())),
        _ => Err(At(at, "the values of \"extra:\" stand on the lines below it, indented by two spaces".into())),
    }
}

fn key_and_value(text: &str) -> Result<(String, Value), String> {
    let colon = text.find(':').filter(|&at| text[at + 1..].is_empty() || text[at + 1..].starts_with([' ', '\t']));
    let Some(colon) = colon else {
        return Err(format!("\"{text}\" is not of the form \"key: value\""));
    };
    let (key, value) = (text[..colon].trim_end(), text[colon + 1..].trim());
    if key.is_empty() || !key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return Err(format!("\"{key}\" is not a key; keys are letters, digits, _ and -"));
    }
    Ok((key.into(), scalar(value)?))
}

fn scalar(value: &str) -> Result<Value, String> {
    match value.chars().next() {
        Some('"') => serde_json::from_str::<String>(value)
            .map(Value::String)
            .map_err(|_| format!("{value} does not end as it begins")),
        Some('\'') => match value[1..].strip_suffix('\'') {
            Some(inner) if !inner.replace("''", "").contains('\'') => Ok(Value::String(inner.replace("''", "'"))),
            _ => Err(format!("{value} does not end as it begins")),
        },
        Some('[' | '{' | '|' | '>' | '&' | '*' | '!') => Err(format!(
            "{value} is more than a text, a number, true or false; put it in quotes, or use TOML between +++ lines"
        )),
        _ => {
            // As in YAML, a comment needs a space before it.
            let value = value.split(" #").next().unwrap_or_default().trim_end();
            Ok(match value {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => value.parse::<i64>().map_or_else(|_| Value::String(value.into()), Value::from),
            })
        }
    }
}

fn read(values: Values) -> Result<FrontMatter, At> {
    let mut front = FrontMatter::default();
    for (key, line, value) in values {
        let wrong = |wanted: &str| At(line, format!("\"{key}\" must be {wanted}"));
        match key.as_str() {
            "title" => front.title = Some(text(value).ok_or_else(|| wrong("a text"))?),
            "description" => front.description = Some(text(value).ok_or_else(|| wrong("a text"))?),
            "layout" => {
                let name = text(value).filter(|name| is_layout_name(name));
                front.layout = Some(name.ok_or_else(|| wrong("the name of a file in site/_layouts/, without .html"))?);
            }
            "draft" => front.draft = value.as_bool().ok_or_else(|| wrong("true or false"))?,
            "extra" => match value {
                Value::Object(extra) => front.extra = extra,
                _ => return Err(wrong("a table of the layouts' own values")),
            },
            _ => return Err(At(line, unknown(&key))),
        }
    }
    Ok(front)
}

/// A number is a fine title.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_layout_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn unknown(key: &str) -> String {
    match nearest(key, KEYS) {
        Some(known) => format!("unknown key \"{key}\"; did you mean \"{known}\"?"),
        None => format!(
            "unknown key \"{key}\"; the keys are {}, and what only your layouts know belongs under \"extra\"",
            KEYS.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn front(text: &str) -> FrontMatter {
        split("site/a.md", text).unwrap().0
    }

    fn fault(text: &str) -> String {
        split("site/a.md", text).unwrap_err().to_string()
    }

    #[test]
    fn both_forms_say_the_same() {
        let toml =
            front("+++\ntitle = \"A: b\"\ndraft = true\nlayout = \"post\"\n[extra]\nauthor = \"Bia\"\n+++\nText");
        let lines = front(
            "---\n# a comment\ntitle: \"A: b\"\ndraft: true\nlayout: post # here\nextra:\n  author: Bia\n---\nText",
        );
        assert_eq!(toml, lines);
        assert_eq!((toml.title.as_deref(), toml.draft), (Some("A: b"), true));
        assert_eq!(toml.extra["author"], "Bia");
    }

    #[test]
    fn the_markdown_begins_after_the_fence() {
        let (_, body, lines) = split("a", "---\r\ntitle: x\r\n---\r\nText\n").unwrap();
        assert_eq!((body, lines), ("Text\n", 3));
        assert_eq!(split("a", "Text\n---\nmore").unwrap().1, "Text\n---\nmore");
        assert_eq!(split("a", "\u{feff}Text").unwrap().1, "Text");
    }

    #[test]
    fn plain_values_may_hold_colons_and_quotes() {
        let page = front("---\ntitle: It's 9:30, \"now\"\ndescription: 'it''s'\n---\n");
        assert_eq!(page.title.as_deref(), Some("It's 9:30, \"now\""));
        assert_eq!(page.description.as_deref(), Some("it's"));
        assert_eq!(front("---\ntitle: 404\n---\n").title.as_deref(), Some("404"));
    }

    #[test]
    fn faults_name_file_line_and_the_nearest_key() {
        assert_eq!(
            fault("---\ntitle: a\ntitel: b\n---\n"),
            "site/a.md, line 3: unknown key \"titel\"; did you mean \"title\"?"
        );
        assert_eq!(
            fault("+++\ntitle = \"a\"\n\ndescritpion = \"b\"\n+++\n"),
            "site/a.md, line 4: unknown key \"descritpion\"; did you mean \"description\"?"
        );
        assert!(fault("+++\ntitle = \"a\"\nlayout = \n+++\n").starts_with("site/a.md, line 3: "));
        assert!(fault("---\ntitle: a\n").contains("no line --- ends them"));
        assert!(fault("---\njust words\n---\n").contains("line 2: \"just words\" is not of the form"));
        assert!(fault("---\ntitle: a\n  b: c\n---\n").contains("line 3: only the lines below \"extra:\""));
        assert!(fault("---\ndraft: yes\n---\n").contains("must be true or false"));
        assert!(fault("---\ntags: [a, b]\n---\n").contains("use TOML"));
        assert!(fault("---\ntitle: a\ntitle: b\n---\n").contains("said twice"));
        assert!(fault("---\nlayout: ../x\n---\n").contains("\"layout\" must be"));
        assert!(fault("---\ndate: 2024\n---\n").contains("belongs under \"extra\""));
    }
}
