//! The architecture, drawn: from the steps of a plan to a picture, and from that to SVG.

mod kinds;
mod layout;
mod svg;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::cost::Edges;
use crate::deploy::{Planned, Verb};

pub use svg::svg;

/// Boxes of one title in one group that are drawn one by one.
const ONE_BY_ONE: usize = 4;

/// What is drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// What it is a picture of: site, stage, region.
    pub title: String,
    /// The boxes.
    pub boxes: Vec<PictureBox>,
    /// Which box asks which, by their ids.
    pub arrows: Vec<(String, String)>,
}

/// One box.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureBox {
    /// Its id in the picture.
    pub id: String,
    /// Where it belongs.
    pub group: Group,
    /// What it is, short.
    pub title: String,
    /// What it is called in the account.
    pub name: String,
    /// What becomes of it.
    pub state: State,
    /// Something worth knowing, short.
    pub note: Option<String>,
}

/// A part of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Who asks.
    Visitor,
    /// Names and certificates.
    Dns,
    /// What answers nearest to the visitor.
    Edge,
    /// The site's files.
    Site,
    /// The door of the API.
    Api,
    /// The private network around all that is in it.
    Vpc,
    /// The API's code.
    Function,
    /// Rows.
    Database,
    /// The ways of the private network.
    Network,
    /// Documents, files and secrets.
    Data,
    /// What watches.
    Observe,
    /// What runs by itself, and who may do what.
    Manage,
}

impl Group {
    /// What is written over it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Visitor => "Visitor",
            Self::Dns => "Domain",
            Self::Edge => "Edge",
            Self::Site => "Site",
            Self::Api => "API",
            Self::Vpc => "VPC",
            Self::Function => "Function",
            Self::Database => "Database",
            Self::Network => "Network",
            Self::Data => "Data",
            Self::Observe => "Observe",
            Self::Manage => "Manage",
        }
    }
}

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is made.
    New,
    /// It is changed.
    Changed,
    /// It is deleted and made anew.
    Replaced,
    /// It is deleted.
    Removed,
    /// It is no longer wanted and stays.
    Kept,
    /// It stays as it is.
    Unchanged,
}

impl State {
    /// All of them, in the order of the legend.
    pub(super) const ALL: [Self; 6] =
        [Self::New, Self::Changed, Self::Replaced, Self::Removed, Self::Kept, Self::Unchanged];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Kept => "kept",
            Self::Unchanged => "unchanged",
        }
    }
}

impl From<Verb> for State {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Create => Self::New,
            Verb::Update => Self::Changed,
            Verb::Replace => Self::Replaced,
            Verb::Delete => Self::Removed,
            Verb::Keep => Self::Kept,
            Verb::Same => Self::Unchanged,
        }
    }
}

/// The picture of a plan; `edges` says what each node needs. What is only wiring is not drawn.
pub fn picture_of(title: impl Into<String>, steps: &[Planned], edges: &Edges) -> Picture {
    let visitor = PictureBox {
        id: kinds::VISITOR.into(),
        group: Group::Visitor,
        title: "Visitor".into(),
        name: "a browser".into(),
        state: State::Unchanged,
        note: None,
    };
    let mut drawn: Vec<(&Planned, PictureBox)> = steps.iter().filter_map(|step| Some((step, box_of(step)?))).collect();
    // In the order in which a request meets them, however the plan has them.
    drawn.sort_by_key(|(step, drawn)| (drawn.group, kinds::rank(step.kind)));
    let arrows = arrows(&drawn, edges);
    let boxes = [visitor].into_iter().chain(drawn.into_iter().map(|(_, drawn)| drawn)).collect();
    Picture { title: title.into(), boxes, arrows }
}

fn box_of(step: &Planned) -> Option<PictureBox> {
    let (group, title) = kinds::place_of(step)?;
    let note = match () {
        () if step.waits && step.verb.changes() => Some("waited for".to_owned()),
        () if step.loses.is_some() => Some("its data is lost".to_owned()),
        () if step.holds_data => Some("holds data".to_owned()),
        () => kinds::note(step.kind).map(str::to_owned),
    };
    let (id, name, state) = (step.node.clone(), step.name.clone(), step.verb.into());
    Some(PictureBox { id, group, title: title.to_owned(), name, state, note })
}

/// Requests go from kind to kind; where edges say which of several things belong together, they
/// count.
fn arrows(drawn: &[(&Planned, PictureBox)], edges: &Edges) -> Vec<(String, String)> {
    let of = |kind: &str| -> Vec<&Planned> {
        let belongs = |(step, drawn): &&(&Planned, PictureBox)| step.kind == kind && kinds::is_on_the_way(step, drawn);
        drawn.iter().filter(belongs).map(|(step, _)| *step).collect()
    };
    let ids: BTreeSet<&str> = drawn.iter().map(|(step, _)| step.node.as_str()).collect();
    let mut arrows = Vec::new();
    let first = kinds::ENTRIES.iter().find_map(|kind| of(kind).first().map(|step| step.node.clone()));
    arrows.extend(first.map(|first| (kinds::VISITOR.to_owned(), first)));
    for (from, to) in kinds::FLOWS {
        let pairs: Vec<(&str, &str)> = of(from)
            .into_iter()
            .flat_map(|from| of(to).into_iter().map(|to| (from.node.as_str(), to.node.as_str())))
            .collect();
        let linked: Vec<_> = pairs.iter().filter(|(from, to)| related(from, to, edges, &ids)).copied().collect();
        let chosen = if linked.is_empty() { pairs } else { linked };
        arrows.extend(chosen.into_iter().map(|(from, to)| (from.to_owned(), to.to_owned())));
    }
    // The zone leads to the firewall where there is one.
    let to_firewall: BTreeSet<_> = of("wafv2.web_acl").into_iter().map(|step| step.node.as_str()).collect();
    let zones: BTreeSet<_> = of("route53.zone").into_iter().map(|step| step.node.as_str()).collect();
    arrows.retain(|(from, to)| {
        to_firewall.is_empty() || !zones.contains(from.as_str()) || to_firewall.contains(to.as_str())
    });
    arrows
}

/// Whether one of two nodes needs the other, directly or through what is not drawn.
fn related(one: &str, other: &str, edges: &Edges, drawn: &BTreeSet<&str>) -> bool {
    let reaches = |from: &str, to: &str| {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(node) = open.pop() {
            for needs in edges.get(node).into_iter().flatten().map(String::as_str) {
                if needs == to {
                    return true;
                }
                if !drawn.contains(needs) && seen.insert(needs) {
                    open.push(needs);
                }
            }
        }
        false
    };
    reaches(one, other) || reaches(other, one)
}

/// More than a few boxes of one title become one.
fn folded(picture: &Picture) -> Picture {
    let mut boxes = Vec::<PictureBox>::new();
    let mut moved = std::collections::BTreeMap::<&str, String>::new();
    for next in &picture.boxes {
        let alike: Vec<&PictureBox> = picture.boxes.iter().filter(|other| is_alike(other, next)).collect();
        let place = alike.iter().position(|other| other.id == next.id).unwrap_or_default();
        if place < ONE_BY_ONE || alike.len() <= ONE_BY_ONE {
            boxes.push(next.clone());
            continue;
        }
        let rest = &alike[ONE_BY_ONE..];
        let id = format!("more {}", rest[0].id);
        moved.insert(&next.id, id.clone());
        if place == ONE_BY_ONE {
            boxes.push(more(id, rest));
        }
    }
    let place = |id: &String| moved.get(id.as_str()).unwrap_or(id).clone();
    let mut arrows: Vec<_> = picture.arrows.iter().map(|(from, to)| (place(from), place(to))).collect();
    let mut seen = BTreeSet::new();
    arrows.retain(|arrow| seen.insert(arrow.clone()));
    Picture { title: picture.title.clone(), boxes, arrows }
}

fn is_alike(one: &PictureBox, other: &PictureBox) -> bool {
    one.group == other.group && one.title == other.title
}

fn more(id: String, rest: &[&PictureBox]) -> PictureBox {
    let number = |state: State| rest.iter().filter(|drawn| drawn.state == state).count();
    let states: Vec<State> = State::ALL.into_iter().filter(|state| number(*state) > 0).collect();
    let told: Vec<String> = states.iter().map(|state| format!("{} {}", number(*state), state.word())).collect();
    // Something happens to some of them: the first state in the order of the legend is shown.
    let state = states.first().copied().unwrap_or(State::Unchanged);
    let (group, title) = (rest[0].group, format!("and {} more", rest.len()));
    let note = (states.len() > 1).then(|| told.join(", "));
    PictureBox { id, group, title, name: rest[0].title.clone(), state, note }
}
