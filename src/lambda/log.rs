//! What is worth knowing, as lines of JSON that CloudWatch Logs can search.
//!
//! No body, no header and no token is in any of them: who writes an event sees to that.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Sends what the program notes to the function's log.
pub fn start() {
    // It fails when there is one already, which is as good.
    let _ = tracing::subscriber::set_global_default(Lines);
}

/// An error with all of its causes.
pub fn failed(what: &str, error: &(dyn Error + 'static)) {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    eprintln!("{}", json!({"level": "error", "what": what, "causes": causes}));
}

/// Writes warnings and errors of this program to standard error.
struct Lines;

impl Subscriber for Lines {
    // Libraries write whole events, bodies and all, at their finer levels.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN && metadata.target().starts_with("arqsite")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        eprintln!("{}", line(event));
    }
}

fn line(event: &Event<'_>) -> Value {
    let mut fields = Fields(Map::new());
    fields.0.insert("level".into(), json!(event.metadata().level().as_str().to_ascii_lowercase()));
    event.record(&mut fields);
    Value::Object(fields.0)
}

struct Fields(Map<String, Value>);

impl Fields {
    fn keep(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" { "what" } else { field.name() };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, json!(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the lines instead of writing them.
    struct Kept(Arc<Mutex<Vec<Value>>>);

    impl Subscriber for Kept {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            Lines.enabled(metadata)
        }
        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            Lines.new_span(attributes)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(line(event));
        }
    }

    #[test]
    fn warnings_of_this_program_are_lines_of_json_and_the_rest_is_not_written() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Kept(lines.clone()), || {
            tracing::error!(error = "a \"b\"", "the store failed");
            tracing::info!("not worth a line");
            tracing::error!(target: "lambda_runtime", body = "private", "of a library");
        });
        let expected = json!({"level": "error", "what": "the store failed", "error": "a \"b\""});
        assert_eq!(*lines.lock().unwrap(), [expected]);
    }
}
