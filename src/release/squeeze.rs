//! Makes the edge function's text short: without comments and idle spaces, and with short names for
//! what it declares. Meant for `edge.js` alone, which keeps to a few rules: comments are on lines of
//! their own, there are no template strings and no shorthand properties, and no regular expression
//! holds a space or a quote.

use std::collections::{BTreeMap, BTreeSet};

/// A word, a quoted text, or a single other character.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Quoted(&'a str),
    Other(char),
}

/// The short form of a script, line by line. Names in `kept` stay as they are.
pub fn squeezed(source: &str, kept: &[&str]) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    // Imports stay as every example of CloudFront's has them.
    let (imports, lines): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("import "));
    let kept: Vec<&str> =
        kept.iter().copied().chain(imports.iter().filter_map(|line| line.split(' ').nth(1))).collect();
    let lines: Vec<Vec<Token<'_>>> = lines.into_iter().map(tokens).collect();
    let names = short_names(&lines, &kept);
    let mut text = String::with_capacity(source.len());
    imports.iter().for_each(|line| text += &format!("{line}\n"));
    for line in &lines {
        for (place, token) in line.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| &line[before]);
            match token {
                Token::Word(word) => {
                    // Two words need the space between them.
                    if matches!(before, Some(Token::Word(_))) {
                        text.push(' ');
                    }
                    let short = names.get(word).filter(|_| !is_property(before, line.get(place + 1)));
                    text += short.map_or(word, String::as_str);
                }
                Token::Quoted(quoted) => text += quoted,
                Token::Other(other) => text.push(*other),
            }
        }
        text.push('\n');
    }
    text
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            first if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match first {
            ' ' => {}
            '\'' | '"' => tokens.push(Token::Quoted(token)),
            first if is_word(first) => tokens.push(Token::Word(token)),
            // An escape in a regular expression, such as `\d`, is no word.
            '\\' => {
                tokens.push(Token::Other(first));
                if let Some(escaped) = after.chars().next() {
                    tokens.push(Token::Other(escaped));
                    rest = &after[escaped.len_utf8()..];
                    continue;
                }
            }
            first => tokens.push(Token::Other(first)),
        }
        rest = after;
    }
    tokens
}

/// Whether a word between these is the name of a property and no variable.
fn is_property(before: Option<&Token<'_>>, after: Option<&Token<'_>>) -> bool {
    let key = matches!(before, None | Some(Token::Other('{' | ','))) && after == Some(&Token::Other(':'));
    before == Some(&Token::Other('.')) || key
}

/// A name of one or two letters for every name that the script declares, the most frequent first.
fn short_names<'a>(lines: &[Vec<Token<'a>>], kept: &[&str]) -> BTreeMap<&'a str, String> {
    let mut declared = BTreeSet::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        declared.extend(declared_in(line));
        for token in line {
            if let Token::Word(word) = token {
                *counts.entry(word).or_default() += word.len();
            }
        }
    }
    let mut names: Vec<&str> = declared.into_iter().filter(|name| name.len() > 1 && !kept.contains(name)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(counts.get(name).copied().unwrap_or_default()));
    let letters = || ('a'..='z').chain('A'..='Z');
    let one = letters().map(String::from);
    let two = letters().flat_map(|first| letters().map(move |second| format!("{first}{second}")));
    let free = one.chain(two).filter(|short| !counts.contains_key(short.as_str()));
    names.into_iter().zip(free).collect()
}

/// The names that a line declares: after `const`, `let` and `function`, and as parameters.
fn declared_in<'a>(line: &[Token<'a>]) -> Vec<&'a str> {
    let mut declared = Vec::new();
    for (place, pair) in line.windows(2).enumerate() {
        match pair {
            [Token::Word("const" | "let"), Token::Word(name)] => declared.push(*name),
            [Token::Word("function"), Token::Word(name)] => {
                declared.push(*name);
                declared.extend(words_until_closed(&line[place + 2..]));
            }
            [Token::Other('='), Token::Other('>')] => {
                let open = line[..place].iter().rposition(|token| *token == Token::Other('('));
                declared.extend(open.into_iter().flat_map(|open| words_until_closed(&line[open..])));
            }
            _ => {}
        }
    }
    declared
}

fn words_until_closed<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let inside = tokens.iter().take_while(|token| **token != Token::Other(')'));
    inside.filter_map(|token| if let Token::Word(word) = token { Some(*word) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_short_and_properties_stay() {
        let source = "// A comment.\nfunction handler(event) {\n    const request = event.request;\n    \
                      request.items.forEach((item) => { delete request[item]; });\n    \
                      return { request: request, text: 'a request', no: /\\d/.test(event) ? request : event };\n}\n";
        assert_eq!(
            squeezed(source, &["handler"]),
            "function handler(b){\nconst a=b.request;\na.items.forEach((c)=>{delete a[c];});\n\
             return{request:a,text:'a request',no:/\\d/.test(b)?a:b};\n}\n"
        );
    }

    #[test]
    fn a_short_name_is_never_one_that_is_there() {
        assert_eq!(
            squeezed("import cf from 'cloudfront';\nconst name = a + cf.b;\n", &[]),
            "import cf from 'cloudfront';\nconst c=a+cf.b;\n"
        );
    }
}
