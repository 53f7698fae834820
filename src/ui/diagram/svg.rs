//! A picture as SVG: one file, no script, nothing from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::layout::{BOX, Layout, Rect};
use super::{Group, Picture, PictureBox, State, folded};

/// Most characters of a name that fit in a box.
const FITS: usize = 27;

const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;fill:#1f2328}\
.h{font-size:24px;font-weight:650}.g{font-size:13px;font-weight:600;fill:#57606a}\
.t{font-size:14px;font-weight:600}.n{font-size:12px}.o{font-size:11px;fill:#57606a}\
.s{font-size:15px;font-weight:700;text-anchor:end}.l{font-size:12px}\
.f{fill:#f6f8fa;stroke:#d0d7de}.v{fill:#fbfdff;stroke-width:1.5;stroke-dasharray:7 4}\
.a{fill:none;stroke:#57606a;stroke-width:1.6}";

/// How a state is shown: its sign, so that nobody has to tell colours apart, its colour and its
/// ground.
fn look(state: State) -> (&'static str, &'static str, &'static str) {
    match state {
        State::New => ("+", "#1a7f37", "#e9f7ec"),
        State::Changed => ("~", "#9a6700", "#fff6dd"),
        State::Replaced => ("!", "#bc4c00", "#ffeee2"),
        State::Removed => ("\u{2212}", "#cf222e", "#ffeeed"),
        State::Kept => ("=", "#0550ae", "#eaf3ff"),
        State::Unchanged => ("", "#8c959f", "#ffffff"),
    }
}

/// Draws it.
pub fn svg(picture: &Picture) -> String {
    let picture = folded(picture);
    let layout = Layout::of(&picture);
    let (w, h) = (layout.width, layout.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" \
         role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#57606a\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text class=\"h\" x=\"36\" y=\"64\">{title}</text>\n",
        title = escaped(&picture.title)
    );
    if let Some((vpc, rect)) = &layout.vpc {
        private(&mut out, vpc, rect);
    }
    for (group, rect) in &layout.frames {
        frame(&mut out, *group, rect);
    }
    for (from, to) in ways(&picture, &layout) {
        arrow(&mut out, &from, &to);
    }
    for (drawn, rect) in &layout.boxes {
        one(&mut out, drawn, rect);
    }
    legend(&mut out, layout.legend);
    out.push_str("</svg>\n");
    out
}

/// Writing to a string cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn frame(out: &mut String, group: Group, Rect { x, y, w, h }: &Rect) {
    if group == Group::Visitor {
        return;
    }
    put(
        out,
        format_args!("<rect class=\"f\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" rx=\"10\"/>\n"),
    );
    put(out, format_args!("<text class=\"g\" x=\"{:.0}\" y=\"{:.0}\">{}</text>\n", x + 16.0, y + 20.0, group.title()));
}

/// The network around what is in it.
fn private(out: &mut String, vpc: &PictureBox, Rect { x, y, w, h }: &Rect) {
    let ((sign, colour, _), word) = (look(vpc.state), vpc.state.word());
    put(
        out,
        format_args!(
            "<g><title>{} {} ({word})</title><rect class=\"v\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{w:.0}\" \
             height=\"{h:.0}\" rx=\"14\" stroke=\"{colour}\"/>\
             <text class=\"g\" x=\"{:.0}\" y=\"{:.0}\">{} {}</text>\
             <text class=\"s\" x=\"{:.0}\" y=\"{:.0}\" style=\"fill:{colour}\">{sign}</text></g>\n",
            escaped(&vpc.title),
            escaped(&vpc.name),
            x + 16.0,
            y + 20.0,
            escaped(&vpc.title),
            escaped(&short(&vpc.name)),
            x + w - 14.0,
            y + 21.0
        ),
    );
}

fn one(out: &mut String, drawn: &PictureBox, Rect { x, y, w, h }: &Rect) {
    let ((sign, colour, ground), word) = (look(drawn.state), drawn.state.word());
    let dashes = if drawn.state == State::Removed { " stroke-dasharray=\"5 3\"" } else { "" };
    put(
        out,
        format_args!(
            "<g><title>{title} {full} ({word})</title>\
             <rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" rx=\"7\" fill=\"{ground}\" \
             stroke=\"{colour}\" stroke-width=\"1.3\"{dashes}/>\
             <text class=\"t\" x=\"{left:.0}\" y=\"{:.0}\">{title}</text>\
             <text class=\"n\" x=\"{left:.0}\" y=\"{:.0}\">{}</text>",
            y + 22.0,
            y + 40.0,
            escaped(&short(&drawn.name)),
            title = escaped(&drawn.title),
            full = escaped(&drawn.name),
            left = x + 12.0,
        ),
    );
    if let Some(note) = drawn.note.as_ref().filter(|_| *h >= BOX.1) {
        put(
            out,
            format_args!("<text class=\"o\" x=\"{:.0}\" y=\"{:.0}\">{}</text>", x + 12.0, y + 56.0, escaped(note)),
        );
    }
    if !sign.is_empty() {
        let (x, y) = (x + w - 10.0, y + 21.0);
        put(out, format_args!("<text class=\"s\" x=\"{x:.0}\" y=\"{y:.0}\" style=\"fill:{colour}\">{sign}</text>"));
    }
    out.push_str("</g>\n");
}

/// From what to what arrows are drawn: to a whole group where several of it are asked.
fn ways(picture: &Picture, layout: &Layout<'_>) -> Vec<(Rect, Rect)> {
    let mut asked = BTreeMap::<(&str, Group), Vec<Rect>>::new();
    for (from, to) in &picture.arrows {
        if let Some((group, rect)) = layout.rect(to) {
            asked.entry((from, group)).or_default().push(rect);
        }
    }
    let mut seen = BTreeSet::new();
    let mut ways = Vec::new();
    for ((from, group), rects) in asked {
        let Some((own, from)) = layout.rect(from) else { continue };
        let whole = layout.frames.get(&group).filter(|_| rects.len() > 1 && group != own);
        for to in whole.map_or(rects, |frame| vec![*frame]) {
            if seen.insert(format!("{from:?}{to:?}")) {
                ways.push((from, to));
            }
        }
    }
    ways
}

/// To the right through the gap between columns, or down within one.
fn arrow(out: &mut String, from: &Rect, to: &Rect) {
    let ((fx, fy), (tx, ty)) = (from.middle(), to.middle());
    let path = if to.x >= from.x + from.w {
        // Where both overlap in height the way is straight.
        let (x1, x2) = (from.x + from.w, to.x - 2.0);
        let level = if fy > to.y + 8.0 && fy < to.y + to.h - 8.0 { fy } else { ty };
        let bend = (x2 - x1) / 2.0;
        format!("M{x1:.0} {fy:.0}C{:.0} {fy:.0} {:.0} {level:.0} {x2:.0} {level:.0}", x1 + bend, x2 - bend)
    } else if ty > fy {
        format!("M{fx:.0} {:.0}L{tx:.0} {:.0}", from.y + from.h, to.y - 2.0)
    } else {
        format!("M{fx:.0} {:.0}L{tx:.0} {:.0}", from.y, to.y + to.h + 2.0)
    };
    put(out, format_args!("<path class=\"a\" d=\"{path}\" marker-end=\"url(#tip)\"/>\n"));
}

fn legend(out: &mut String, (left, y): (f64, f64)) {
    for (place, state) in State::ALL.into_iter().enumerate() {
        let ((sign, colour, ground), word) = (look(state), state.word());
        let x = left + place as f64 * 118.0;
        put(
            out,
            format_args!(
                "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"22\" height=\"22\" rx=\"5\" fill=\"{ground}\" \
                 stroke=\"{colour}\" stroke-width=\"1.3\"/>\
                 <text x=\"{:.0}\" y=\"{:.0}\" style=\"fill:{colour};font-weight:700;text-anchor:middle\">{sign}</text>\
                 <text class=\"l\" x=\"{:.0}\" y=\"{:.0}\">{word}</text>\n",
                x + 11.0,
                y + 16.0,
                x + 30.0,
                y + 16.0
            ),
        );
    }
}

/// A name that fits; its beginning and its end tell most.
fn short(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= FITS {
        return name.to_owned();
    }
    let begin = FITS * 2 / 3;
    let end = FITS - begin - 1;
    let begin: String = letters.iter().take(begin).collect();
    let end: String = letters.iter().skip(letters.len() - end).collect();
    format!("{begin}…{end}")
}

/// Text in XML: what has a meaning there is escaped, what may not be there is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
