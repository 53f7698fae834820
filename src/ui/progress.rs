//! A run as it goes: moving lines on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::{Ui, duration};
use crate::deploy::{Event, Verb};

/// Shows the events of a run until their sender is dropped.
pub fn watch(ui: &Ui, mut events: UnboundedReceiver<Event>) -> JoinHandle<()> {
    let mut show: Box<dyn Show> = match (ui.quiet(), ui.is_live()) {
        (true, _) => Box::new(Nothing),
        (false, true) => Box::new(Moving::default()),
        (false, false) => Box::new(Plain { ui: Ui::new(false, false), names: BTreeMap::new() }),
    };
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            show.event(event);
        }
        show.end();
    })
}

trait Show: Send {
    fn event(&mut self, event: Event);
    fn end(&mut self) {}
}

struct Nothing;

impl Show for Nothing {
    fn event(&mut self, _: Event) {}
}

/// One line at the end of every step.
struct Plain {
    ui: Ui,
    names: BTreeMap<String, String>,
}

impl Show for Plain {
    fn event(&mut self, event: Event) {
        match event {
            Event::Started { node, kind, name, .. } => {
                self.names.insert(node, format!("{kind} {name}"));
            }
            Event::Done { node, verb, ms } => {
                let name = self.names.remove(&node).unwrap_or(node);
                self.ui.status(format!("  {} {name} ({})", done_word(verb), duration(ms)));
            }
            Event::Failed { node, .. } => {
                let name = self.names.remove(&node).unwrap_or(node);
                self.ui.status(format!("  failed {name}"));
            }
            Event::Waiting { node, what } => {
                let name = self.names.remove(&node).unwrap_or(node);
                self.ui.status(format!("  waiting {name}: to {what}"));
            }
            // What belongs to no step is said to everybody.
            Event::Note { node, text } if node.is_empty() => self.ui.status(text),
            Event::Note { .. } => {}
        }
    }
}

/// A spinner for every running step, a line for every finished one.
#[derive(Default)]
struct Moving {
    all: MultiProgress,
    running: BTreeMap<String, (ProgressBar, String)>,
}

impl Show for Moving {
    fn event(&mut self, event: Event) {
        match event {
            Event::Started { node, kind, name, .. } => {
                let bar = self.all.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("  {spinner:.cyan} {prefix} {msg:.dim} {elapsed:.dim}")
                {
                    bar.set_style(style);
                }
                let label = format!("{kind} {name}");
                bar.set_prefix(label.clone());
                bar.enable_steady_tick(Duration::from_millis(100));
                self.running.insert(node, (bar, label));
            }
            Event::Note { node, text } => match self.running.get(&node) {
                Some((bar, _)) => bar.set_message(text),
                // What belongs to no step is said to everybody.
                None if node.is_empty() => self.line(text),
                None => {}
            },
            Event::Done { node, verb, ms } => {
                if let Some((bar, label)) = self.running.remove(&node) {
                    bar.finish_and_clear();
                    self.line(format!("  ✓ {} {label} ({})", done_word(verb), duration(ms)));
                }
            }
            Event::Waiting { node, what } => {
                if let Some((bar, label)) = self.running.remove(&node) {
                    bar.finish_and_clear();
                    self.line(format!("  … {label}: waiting to {what}"));
                }
            }
            Event::Failed { node, .. } => {
                if let Some((bar, label)) = self.running.remove(&node) {
                    bar.finish_and_clear();
                    self.line(format!("  ✗ failed {label}"));
                }
            }
        }
    }

    fn end(&mut self) {
        for (bar, _) in self.running.values() {
            bar.finish_and_clear();
        }
    }
}

impl Moving {
    fn line(&self, text: String) {
        // A terminal that is gone has nobody to tell.
        let _ = self.all.println(text);
    }
}

fn done_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "made",
        Verb::Update => "changed",
        Verb::Replace => "replaced",
        Verb::Delete => "deleted",
        Verb::Keep => "kept",
        Verb::Same => "checked",
    }
}
