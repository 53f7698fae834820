//! `[[schedule]]`: requests that the API makes to itself at set times.

use serde::{Deserialize, Serialize};

use super::Fault;

/// Most schedules; each is a resource of its own.
const MOST: usize = 50;

/// One `[[schedule]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Name, unique among the schedules; `[a-z0-9-]`, 1 to 32 characters.
    pub name: String,
    /// When: `cron(minute hour day month weekday year)` or `rate(1 hour)`, as EventBridge Scheduler writes it.
    pub at: String,
    /// Time zone that `at` is in, an IANA name.
    pub timezone: String,
    /// The request: method and path, such as `POST /api/reports`. It is made with the role `schedule`.
    pub run: String,
    /// Its JSON body.
    pub body: Option<String>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { name: String::new(), at: String::new(), timezone: "UTC".into(), run: String::new(), body: None }
    }
}

impl Schedule {
    /// Method and path of the request.
    pub fn request(&self) -> Option<(&str, &str)> {
        let (method, path) = self.run.split_once(' ')?;
        (["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method) && path.starts_with("/api/"))
            .then_some((method, path))
    }

    fn validate(&self, number: usize, faults: &mut Vec<Fault>) {
        let mut wrong = |key: &str, what: String| faults.push(Fault::new(&format!("schedule.{number}.{key}"), what));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=32).contains(&self.name.len()) || !self.name.chars().all(plain) {
            wrong("name", format!("\"{}\" cannot name a schedule; use 1 to 32 of a-z, 0-9 and hyphens", self.name));
        }
        if !expression(&self.at) {
            wrong(
                "at",
                format!("\"{}\" is neither cron(…) with six fields nor rate(…), such as cron(0 6 * * ? *)", self.at),
            );
        }
        if jiff::tz::TimeZone::get(&self.timezone).is_err() {
            wrong("timezone", format!("\"{}\" is no time zone such as \"America/Sao_Paulo\"", self.timezone));
        }
        if self.request().is_none() {
            wrong("run", format!("\"{}\" is no request such as \"POST /api/reports\"", self.run));
        }
        if self.body.as_deref().is_some_and(|body| serde_json::from_str::<serde_json::Value>(body).is_err()) {
            wrong("body", "is no JSON".into());
        }
    }
}

/// Says what is wrong with the schedules.
pub fn validate(schedules: &[Schedule], faults: &mut Vec<Fault>) {
    for (number, schedule) in schedules.iter().enumerate() {
        schedule.validate(number, faults);
        if schedules[..number].iter().any(|other| other.name == schedule.name) {
            let what = format!("there are two schedules called \"{}\"", schedule.name);
            faults.push(Fault::new(&format!("schedule.{number}.name"), what));
        }
    }
    if schedules.len() > MOST {
        faults.push(Fault::new("schedule", format!("there are {} schedules; {MOST} are the most", schedules.len())));
    }
}

/// Whether it has the shape of a schedule expression; AWS checks the rest.
///
/// Source: EventBridge Scheduler user guide, "Schedule types".
fn expression(text: &str) -> bool {
    let inside = |word: &str| text.strip_prefix(word)?.strip_suffix(')').map(str::trim);
    if let Some(fields) = inside("cron(") {
        let fields: Vec<_> = fields.split_whitespace().collect();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "*?,-/#".contains(c);
        // Source: the same page: one of day and weekday must be `?`.
        return fields.len() == 6
            && fields.iter().all(|field| field.chars().all(allowed))
            && (fields[2] == "?") != (fields[4] == "?");
    }
    let Some((number, unit)) = inside("rate(").and_then(|rate| rate.split_once(' ')) else { return false };
    number.parse::<u32>().is_ok_and(|number| number > 0)
        && ["minute", "minutes", "hour", "hours", "day", "days"].contains(&unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_the_shape_that_the_scheduler_takes() {
        for good in ["cron(0 6 * * ? *)", "cron(15 10 ? * MON-FRI *)", "rate(5 minutes)", "rate(1 day)"] {
            assert!(expression(good), "{good}");
        }
        for bad in ["0 6 * * *", "cron(0 6 * * * *)", "cron(0 6 * *)", "rate(0 days)", "rate(soon)", ""] {
            assert!(!expression(bad), "{bad}");
        }
    }
}
