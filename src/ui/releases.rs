//! The releases of a site, for people.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::plan::all_contents;
use super::{Ui, bytes, count};
use crate::release::history::Made;
use crate::release::{Difference, ReleaseId, Routes};

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// What a release is to visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// They see it.
    Live,
    /// They saw it before: `arqsite rollback` makes it live.
    Before,
    /// They saw it once, as far as is known.
    Earlier,
    /// Somebody has a link to it; it was never live.
    Preview,
    /// It was never live.
    Never,
}

/// What is said of one release.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The release.
    pub id: ReleaseId,
    /// What it is to visitors.
    pub state: State,
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// Since when it was last live.
    pub live_since: Option<i64>,
    /// Until when.
    pub live_until: Option<i64>,
    /// How it came to be.
    pub made: Made,
}

/// All that is said of one release.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// In short.
    #[serde(flatten)]
    pub line: Line,
    /// How many pages and files it has.
    pub paths: usize,
    /// Their size in bytes, of equal ones once.
    pub bytes: u64,
    /// What its API answers.
    pub routes: Routes,
    /// What it changed against the release that was live when it was made; `None` when that is gone.
    pub changes: Option<Difference>,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Before => "before",
            Self::Earlier => "",
            Self::Preview => "preview",
            Self::Never => "never live",
        }
    }
}

/// One line a release. `now` is the time, in seconds since 1970.
pub fn list(ui: &Ui, lines: &[Line], now: i64) {
    lines.iter().for_each(|line| ui.data(text(line, now)));
}

/// Everything about one release.
pub fn detail(ui: &Ui, detail: &Detail, now: i64) {
    let line = &detail.line;
    ui.data(format!("{STRONG}{}{STRONG:#}  {}", line.id, line.state.word()).trim_end());
    ui.data(format!("made      {} ({})", utc(line.made_at), age(line.made_at, now)));
    if let Some(by) = &line.made.by {
        ui.data(format!("by        {by}"));
    }
    if let Some(since) = line.live_since {
        let until = line.live_until.map_or_else(|| "now".into(), utc);
        ui.data(format!("live      from {} until {until}", utc(since)));
    }
    ui.data(format!("holds     {} pages and files, {}", detail.paths, bytes(detail.bytes)));
    for (route, who) in &detail.routes {
        ui.data(format!("answers   {route}  {FAINT}({who}){FAINT:#}"));
    }
    match (&line.made.after, &detail.changes) {
        (Some(after), Some(_)) => ui.data(format!("Against {after}, which was live when it was made:")),
        (Some(after), None) => ui.data(format!("Against {after}, which is no longer kept: {}", changes(&line.made))),
        (None, _) => ui.data("The first release."),
    }
    let changes = detail.changes.as_ref();
    changes.into_iter().flat_map(all_contents).for_each(|line| ui.data(line));
}

fn text(line: &Line, now: i64) -> String {
    let live = AnsiColor::Green.on_default();
    let word = format!("{:<10}", line.state.word());
    let word = if line.state == State::Live { format!("{live}{word}{live:#}") } else { word };
    let by = line.made.by.as_deref().map(who).unwrap_or("?");
    let (when, age) = (utc(line.made_at), age(line.made_at, now));
    format!("{}  {word}  {when} ({age})  {by}  {}", line.id, changes(&line.made))
}

/// `+3 ~1 -0 pages, API: +GET /api/a`.
fn changes(made: &Made) -> String {
    if made.after.is_none() && made.by.is_some() {
        return format!("first release, {}", count(made.added, "page"));
    }
    let pages = format!("+{} ~{} -{} pages", made.added, made.changed, made.removed);
    let lists = [('+', &made.api.added), ('~', &made.api.opened), ('-', &made.api.removed)];
    let routes: Vec<String> =
        lists.iter().flat_map(|(sign, list)| list.iter().map(move |route| format!("{sign}{route}"))).collect();
    match (made.api.changed, routes.is_empty()) {
        (false, _) => pages,
        (true, true) => format!("{pages}, API changed"),
        (true, false) => format!("{pages}, API: {}", routes.join(", ")),
    }
}

/// The last part of an ARN: whose name it is.
fn who(arn: &str) -> &str {
    arn.rsplit([':', '/']).next().unwrap_or(arn)
}

fn utc(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
}

/// How long ago, in the largest unit that is at least one.
fn age(then: i64, now: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let passed = now.saturating_sub(then);
    let unit = UNITS.iter().find(|(seconds, _)| passed >= *seconds);
    unit.map_or_else(
        || "just now".into(),
        |(seconds, unit)| format!("{} ago", count(usize::try_from(passed / seconds).unwrap_or_default(), unit)),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::release::ApiDifference;

    #[test]
    fn a_line_says_when_by_whom_and_what() {
        let api = ApiDifference { changed: true, added: vec!["GET /api/a".into()], ..ApiDifference::default() };
        let made = Made {
            by: Some("arn:aws:sts::123456789012:assumed-role/deployer/ana".into()),
            after: ReleaseId::parse("20250309-020405-0123456789"),
            added: 2,
            api,
            ..Made::default()
        };
        let id = ReleaseId::parse("20250310-020405-0123456789").unwrap();
        let made_at = id.seconds();
        let line = Line { id, state: State::Before, made_at, live_since: None, live_until: None, made };
        assert_eq!(
            text(&line, made_at + 3 * 3_600 + 5),
            "20250310-020405-0123456789  before      2025-03-10 02:04:05 UTC (3 hours ago)  ana  +2 ~0 -0 pages, \
             API: +GET /api/a"
        );
    }

    #[test]
    fn ages_are_of_one_unit() {
        assert_eq!(
            [0, 60, 7_199, 172_800].map(|passed| age(0, passed)),
            ["just now", "1 minute ago", "1 hour ago", "2 days ago"]
        );
    }
}
