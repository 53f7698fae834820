//! The only room that prints: data to stdout, status to stderr.

pub mod cost;
pub mod diagram;
pub mod plan;
#[cfg(feature = "publish")]
pub mod progress;
#[cfg(feature = "publish")]
pub mod releases;

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::{Failure, Kind};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Where everything that people and programs read comes from.
pub struct Ui {
    quiet: bool,
    json: bool,
}

impl Ui {
    /// `quiet`: no status; `json`: data as JSON.
    pub fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json }
    }

    /// Whether data is wanted as JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether status is not wanted.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether status goes to a terminal, so that it may move.
    pub fn is_live(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Shows what the rooms note as they work: a store that fails, a rule that cannot be judged.
    #[cfg(feature = "serve")]
    pub fn show_notes(&self) {
        let notes = tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(self.is_live())
            .with_max_level(tracing::Level::WARN)
            .with_target(false)
            .without_time();
        // Somebody else's subscriber shows them already.
        let _ = notes.try_init();
    }

    /// A line of status.
    pub fn status(&self, line: impl AsRef<str>) {
        if !self.quiet {
            line_to(&mut anstream::stderr(), line.as_ref());
        }
    }

    /// A line of status with a bold label.
    pub fn labelled(&self, label: &str, text: impl AsRef<str>) {
        self.status(format!("{STRONG}{label:<12}{STRONG:#} {}", text.as_ref()));
    }

    /// A line of status that matters less.
    pub fn faint(&self, line: impl AsRef<str>) {
        self.status(format!("{FAINT}{}{FAINT:#}", line.as_ref()));
    }

    /// Something that is not right, and does not stop the command.
    pub fn warning(&self, text: impl AsRef<str>) {
        self.status(format!("{WARNING}warning:{WARNING:#} {}", text.as_ref()));
    }

    /// A line of data.
    pub fn data(&self, line: impl AsRef<str>) {
        line_to(&mut anstream::stdout(), line.as_ref());
    }

    /// Data as indented JSON.
    pub fn data_json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => line_to(&mut std::io::stdout(), &text),
            Err(error) => self.warning(format!("cannot be written as JSON: {error}")),
        }
    }

    /// The end of a command that failed; said even when quiet.
    pub fn failure(&self, failure: &Failure) {
        let mut text = format!("{ERROR}Error:{ERROR:#} {}.\n", failure.what);
        for cause in &failure.causes {
            text.push_str(&format!("  {}\n", indented(cause)));
        }
        if let Some(in_place) = &failure.in_place {
            text.push_str(in_place);
            text.push('\n');
        }
        for hint in &failure.hints {
            text.push_str(&format!("{HINT}Hint:{HINT:#} {hint}\n"));
        }
        if failure.kind == Kind::Bug {
            text.push_str(&format!(
                "{HINT}Hint:{HINT:#} This is a fault of arqsite; please report it with the lines above.\n"
            ));
        }
        line_to(&mut anstream::stderr(), text.trim_end());
        if self.json {
            self.data_json(&serde_json::json!({"error": {
                "kind": failure.kind.word(), "exit_code": failure.kind.exit_code(),
                "what": failure.what, "causes": failure.causes, "hints": failure.hints, "in_place": failure.in_place,
            }}));
        }
    }

    /// Asks, when somebody can answer; else the answer is an error that names the flag.
    pub fn confirm(&self, question: &str, flag: &str) -> Result<(), Failure> {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::yours(format!("\"{question}\" cannot be asked: stdin is no terminal"))
                .hint(format!("Add {flag} to answer yes.")));
        }
        let mut terminal = anstream::stderr();
        let _ = write!(terminal, "{STRONG}{question}{STRONG:#} [y/N] ");
        let _ = terminal.flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::yours("nothing was changed: the answer was no")),
        }
    }
}

/// A closed pipe is the reader's choice, not a failure.
fn line_to(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}");
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// Bytes for people: `999 B`, `1.2 kB`, `34 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A duration for people: `0.3 s`, `12 s`, `3 min 5 s`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..9_950 => format!("{:.1} s", ms as f64 / 1000.0),
        9_950..60_000 => format!("{} s", (ms + 500) / 1000),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// `1 page`, `2 pages`.
pub fn count(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_at_most_three_digits() {
        assert_eq!(
            [0, 999, 1000, 1234, 34_000_000, 999_600].map(bytes),
            ["0 B", "999 B", "1.0 kB", "1.2 kB", "34 MB", "1.0 MB"]
        );
    }

    #[test]
    fn durations_are_as_exact_as_people_need() {
        assert_eq!([30, 9_949, 9_951, 185_000].map(duration), ["0.0 s", "9.9 s", "10 s", "3 min 5 s"]);
    }
}
