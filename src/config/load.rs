//! Reading the configuration: defaults, `arq.toml`, the stage's table, `ARQ_*` variables, flags.

use std::fmt;
use std::ops::Range;

use figment::Figment;
use figment::providers::{Env, Serialized};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::headers::Headers;
use super::redirects::Redirect;
use super::schedule::Schedule;
use super::{Config, Fault, Project};

/// Name of the file.
pub const FILE: &str = "arq.toml";
/// Table that holds each stage's own settings.
const STAGES: &str = "stages";
/// How like another key an unknown one must be to be taken for it; 0 to 1.
const LIKENESS: f64 = 0.6;

/// Everything that is wrong with the configuration, each with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The faults, in the order of the file.
    pub faults: Vec<Located>,
}

/// A fault and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where: `arq.toml:12`, or the variable.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{}: {}", fault.place, fault.what)?;
        }
        Ok(())
    }
}

/// Reads the configuration of `project` for `stage`.
///
/// `variables` are those of the environment; of them `ARQ_SITE__NAME` and its like are read, two
/// underscores between table and key.
pub fn load(project: &Project, stage: &str) -> Result<Config, ConfigError> {
    let bytes = project.read(FILE).map_err(|error| at(FILE.into(), format!("cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| at(FILE.into(), "is not UTF-8 text".into()))?;
    from_text(text, stage)
}

fn from_text(text: &str, stage: &str) -> Result<Config, ConfigError> {
    let document = Document::parse(text)?;
    document.check_keys()?;
    let merged = document.layers(stage)?;
    let environment = Env::prefixed("ARQ_").filter(|key| key.as_str().contains("__")).split("__");
    let config: Config = merged.merge(environment).extract().map_err(|error| document.locate(stage, &error))?;
    let mut faults = Vec::new();
    config.site.validate(&mut faults);
    config.aws.validate(&mut faults);
    config.api.validate(&mut faults);
    config.database.validate(&mut faults);
    config.network.validate(&mut faults);
    super::schedule::validate(&config.schedule, &mut faults);
    super::redirects::validate(&config.redirects, &mut faults);
    super::headers::validate(&config.headers, &mut faults);
    config.security.validate(&mut faults);
    config.observe.validate(&mut faults);
    config.releases.validate(&mut faults);
    if faults.is_empty() { Ok(config) } else { Err(document.place(stage, faults)) }
}

struct Document<'a> {
    text: &'a str,
    root: DeTable<'a>,
}

impl<'a> Document<'a> {
    fn parse(text: &'a str) -> Result<Self, ConfigError> {
        let root = DeTable::parse(text).map_err(|error| {
            let place = error.span().map_or_else(|| FILE.to_owned(), |span| place(text, &span));
            at(place, error.message().to_owned())
        })?;
        Ok(Self { text, root: root.into_inner() })
    }

    /// An unknown key is a mistake, not a comment.
    fn check_keys(&self) -> Result<(), ConfigError> {
        // With one of each that may be there several times.
        let whole = Config {
            schedule: vec![Schedule::default()],
            redirects: vec![Redirect::default()],
            headers: vec![Headers::default()],
            ..Config::default()
        };
        let known = serde_json::to_value(whole).unwrap_or_default();
        let mut faults = Vec::new();
        for (key, value) in &self.root {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (STAGES, DeValue::Table(stages)) => {
                    for (_, stage) in stages {
                        if let DeValue::Table(table) = stage.get_ref() {
                            self.check_table(table, &known, "", &mut faults);
                        }
                    }
                }
                _ => self.check_key(key.get_ref(), &key.span(), value.get_ref(), &known, "", &mut faults),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(ConfigError { faults }) }
    }

    fn check_table(&self, table: &DeTable<'_>, known: &Value, path: &str, faults: &mut Vec<Located>) {
        for (key, value) in table {
            self.check_key(key.get_ref(), &key.span(), value.get_ref(), known, path, faults);
        }
    }

    fn check_key(
        &self,
        key: &str,
        span: &Range<usize>,
        value: &DeValue<'_>,
        known: &Value,
        path: &str,
        faults: &mut Vec<Located>,
    ) {
        match (known.get(key), value) {
            (None, _) => faults.push(Located { place: place(self.text, span), what: unknown(key, known, path) }),
            // A table whose keys are free.
            (Some(Value::Object(inner)), DeValue::Table(_)) if inner.is_empty() => {}
            (Some(inner @ Value::Object(_)), DeValue::Table(table)) => {
                self.check_table(table, inner, &join(path, key), faults);
            }
            (Some(Value::Array(one)), DeValue::Array(items)) => {
                let inner = one.first().filter(|inner| inner.is_object());
                for (inner, item) in inner.into_iter().flat_map(|inner| items.iter().map(move |item| (inner, item))) {
                    if let DeValue::Table(table) = item.get_ref() {
                        self.check_table(table, inner, &join(path, key), faults);
                    }
                }
            }
            _ => {}
        }
    }

    fn layers(&self, stage: &str) -> Result<Figment, ConfigError> {
        let mut base: toml::Table = toml::from_str(self.text).map_err(|e| at(FILE.into(), e.message().to_owned()))?;
        let stages = base.remove(STAGES);
        let figment = Figment::from(Serialized::defaults(Config::default())).merge(Serialized::defaults(base));
        let own = stages.as_ref().and_then(|stages| stages.get(stage)).cloned();
        Ok(match own {
            Some(own) => figment.merge(Serialized::defaults(own)),
            None => figment,
        })
    }

    /// What figment found wrong, with its place in the file or the variable's name.
    fn locate(&self, stage: &str, error: &figment::Error) -> ConfigError {
        let faults = error.clone().into_iter().map(|error| {
            let key = error.path.join(".");
            let variable = error.metadata.as_ref().is_some_and(|m| m.name.contains("environment"));
            let place = if variable { variable_of(&error.path) } else { self.place_of(stage, &error.path) };
            Located { place, what: format!("{key}: {}", error.kind) }
        });
        ConfigError { faults: faults.collect() }
    }

    fn place(&self, stage: &str, faults: Vec<Fault>) -> ConfigError {
        let located = faults.into_iter().map(|fault| {
            let path: Vec<String> = fault.key.split('.').map(str::to_owned).collect();
            let variable = variable_of(&path);
            let place = if std::env::var_os(&variable).is_some() { variable } else { self.place_of(stage, &path) };
            Located { place, what: format!("{}: {}", fault.key, fault.what) }
        });
        ConfigError { faults: located.collect() }
    }

    /// Line of a key: in the stage's table if it is there, else in the file's own tables.
    fn place_of(&self, stage: &str, path: &[String]) -> String {
        let mut staged = vec![STAGES.to_owned(), stage.to_owned()];
        staged.extend_from_slice(path);
        let span = span_of(&self.root, &staged).or_else(|| span_of(&self.root, path));
        span.map_or_else(|| FILE.to_owned(), |span| place(self.text, &span))
    }
}

fn span_of(table: &DeTable<'_>, path: &[String]) -> Option<Range<usize>> {
    let (first, rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == first)?;
    match value.get_ref() {
        DeValue::Table(inner) if !rest.is_empty() => span_of(inner, rest).or_else(|| Some(key.span())),
        DeValue::Array(items) => {
            let item = rest.first().and_then(|number| items.get(number.parse::<usize>().ok()?));
            match item.map(|item| item.get_ref()) {
                Some(DeValue::Table(inner)) => span_of(inner, &rest[1..]).or_else(|| Some(key.span())),
                _ => Some(key.span()),
            }
        }
        _ => Some(key.span()),
    }
}

fn variable_of(path: &[String]) -> String {
    format!("ARQ_{}", path.join("__").to_uppercase())
}

fn place(text: &str, span: &Range<usize>) -> String {
    let line = text.get(..span.start).unwrap_or(text).matches('\n').count() + 1;
    format!("{FILE}:{line}")
}

fn at(place: String, what: String) -> ConfigError {
    ConfigError { faults: vec![Located { place, what }] }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown(key: &str, known: &Value, path: &str) -> String {
    let names: Vec<&str> = known.as_object().into_iter().flat_map(|o| o.keys()).map(String::as_str).collect();
    let nearest = names
        .iter()
        .map(|name| (strsim::jaro_winkler(key, name), *name))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let what = format!("there is no key {}", join(path, key));
    match nearest {
        Some((_, name)) => format!("{what}; did you mean {}?", join(path, name)),
        None => format!("{what}; known are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn fault(text: &str) -> String {
        from_text(text, "production").unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_right_one() {
        assert_eq!(
            fault("[site]\nname = \"shop\"\nlangage = \"en\"\n"),
            "arq.toml:3: there is no key site.langage; did you mean site.language?"
        );
    }

    #[test]
    fn an_unknown_table_is_named_too() {
        assert_eq!(fault("[sites]\nname = \"shop\"\n"), "arq.toml:1: there is no key sites; did you mean site?");
    }

    #[test]
    fn an_unknown_key_of_a_stage_is_found_though_the_stage_is_not_used() {
        assert_eq!(
            fault("[stages.preview.site]\nnam = \"x\"\n"),
            "arq.toml:2: there is no key site.nam; did you mean site.name?"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_with_its_line() {
        let text = fault("[site]\nname = \"shop\"\n[observe]\nretention_days = \"long\"\n");
        assert!(text.starts_with("arq.toml:4: observe.retention_days: "), "{text}");
    }

    #[test]
    fn a_value_out_of_bounds_is_named_with_its_line() {
        assert_eq!(
            fault("[site]\nname = \"My Shop\"\n"),
            "arq.toml:2: site.name: \"My Shop\" cannot name the resources; use 3 to 24 of a-z, 0-9 and single hyphens, beginning with a letter"
        );
    }

    #[test]
    fn broken_toml_is_named_with_its_line() {
        assert!(fault("[site]\nname = \n").starts_with("arq.toml:2: "));
    }

    #[test]
    fn a_stage_overrides_single_keys() {
        let text =
            "[site]\nname = \"shop\"\n[observe]\nretention_days = 7\n[stages.preview.observe]\nretention_days = 1\n";
        assert_eq!(from_text(text, "production").unwrap().observe.retention_days, 7);
        let preview = from_text(text, "preview").unwrap();
        assert_eq!((preview.observe.retention_days, preview.site.name.as_str()), (1, "shop"));
    }

    #[test]
    fn faults_of_a_schedule_are_named_with_their_lines() {
        let text = "[site]\nname = \"shop\"\n[[schedule]]\nname = \"a\"\nat = \"rate(1 day)\"\nrun = \"GET /api/x\"\n\
                    [[schedule]]\nname = \"b\"\nat = \"daily\"\nrun = \"GET /api/x\"\n";
        assert!(fault(text).starts_with("arq.toml:9: schedule.1.at: \"daily\" is neither"), "{}", fault(text));
        let text = text.replace("at = \"daily\"", "att = \"rate(1 day)\"");
        assert_eq!(fault(&text), "arq.toml:9: there is no key schedule.att; did you mean schedule.at?");
    }

    #[test]
    fn faults_of_redirects_and_headers_are_named_with_their_lines() {
        let text = "[site]\nname = \"shop\"\n[[redirects]]\nfrom = \"/a\"\nto = \"/b\"\n\
                    [[headers]]\nfor = \"/*\"\n[headers.values]\nX-Frame-Options = \"SAMEORIGIN\"\n";
        let config = from_text(text, "production").unwrap();
        assert_eq!(
            (config.redirects[0].status, config.headers[0].values["X-Frame-Options"].as_str()),
            (301, "SAMEORIGIN")
        );
        let wrong = fault(&text.replace("\"/b\"", "\"b\""));
        assert!(wrong.starts_with("arq.toml:5: redirects.0.to: \"b\" is neither a path"), "{wrong}");
        let wrong = fault(&text.replace("X-Frame-Options", "Set-Cookie"));
        assert!(wrong.starts_with("arq.toml:9: headers.0.values.Set-Cookie: set-cookie cannot be set"), "{wrong}");
        let wrong = fault(&text.replace("for =", "path ="));
        assert!(wrong.starts_with("arq.toml:7: there is no key headers.path; "), "{wrong}");
    }

    #[test]
    fn a_domain_is_a_host_name() {
        let text = |domain: &str| format!("[site]\nname = \"shop\"\ndomain = \"{domain}\"\n");
        assert!(from_text(&text("padariasol.com.br"), "production").is_ok());
        for bad in ["https://a.com", "A.com", "localhost", "a..com", "10.0.0.1"] {
            assert!(fault(&text(bad)).starts_with("arq.toml:3: site.domain: "), "{bad}");
        }
    }

    #[test]
    fn capacity_and_network_are_read_in_their_own_units() {
        let text = "[site]\nname = \"shop\"\n[database]\nmax_acu = 1.5\npause_after = \"10m\"\n[network]\nprivate = true\negress = \"nat\"\n";
        let config = from_text(text, "production").unwrap();
        assert_eq!((config.database.max_acu.0, config.database.pause_after.0), (3, 600));
        assert!(config.network.exists(false));
        let bad = text.replace("private = true", "private = false");
        assert!(fault(&bad).starts_with("arq.toml:7: network.private: "), "{}", fault(&bad));
    }

    #[test]
    fn the_starter_is_valid() {
        let starter = Project::Starter(".".into());
        load(&starter, "production").unwrap();
        load(&starter, "preview").unwrap();
    }
}
