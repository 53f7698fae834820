//! Where everything is drawn: columns in the order of a request's way, bands below them.

use std::collections::BTreeMap;

use super::{Group, Picture, PictureBox};

/// Size of a box.
pub(super) const BOX: (f64, f64) = (196.0, 66.0);
/// Height of a box that has nothing to note.
const LOW: f64 = 50.0;
/// Between boxes, and around them in a frame.
const GAP: f64 = 16.0;
/// Height of a frame's title.
const HEAD: f64 = 30.0;
/// Between columns.
const WAY: f64 = 54.0;
/// Between frames of one column.
const BETWEEN: f64 = 22.0;
/// Around the whole.
const MARGIN: f64 = 36.0;
/// The title, and the legend.
const TITLE: f64 = 64.0;
const LEGEND: f64 = 36.0;
/// Least boxes in a row of a band.
const ROW: usize = 4;

/// The columns from left to right, and what is in each from top to bottom.
const COLUMNS: [&[Group]; 6] = [
    &[Group::Visitor],
    &[Group::Dns],
    &[Group::Edge],
    &[Group::Site, Group::Api],
    &[Group::Function, Group::Database, Group::Network],
    &[Group::Data],
];
const BANDS: [Group; 2] = [Group::Observe, Group::Manage];

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Rect {
    pub(super) fn middle(&self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    fn bottom(&self) -> f64 {
        self.y + self.h
    }
}

/// Everything in its place.
#[derive(Debug, Default)]
pub(super) struct Layout<'a> {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) frames: BTreeMap<Group, Rect>,
    pub(super) boxes: Vec<(&'a PictureBox, Rect)>,
    /// The private network's own box, which is drawn around what is in it.
    pub(super) vpc: Option<(&'a PictureBox, Rect)>,
    /// Where the legend begins.
    pub(super) legend: (f64, f64),
}

impl<'a> Layout<'a> {
    pub(super) fn of(picture: &'a Picture) -> Self {
        let mut layout = Self::default();
        let top = MARGIN + TITLE;
        let vpc = picture.boxes.iter().find(|drawn| drawn.group == Group::Vpc);
        let mut x = MARGIN;
        for groups in COLUMNS {
            let private = vpc.is_some() && groups.contains(&Group::Function);
            let inset = if private { GAP } else { 0.0 };
            // The function is where the API's door is, so that the way to it is straight.
            let y = match layout.frames.get(&Group::Api) {
                Some(api) if groups.contains(&Group::Function) && !private => api.y,
                _ => top + if private { HEAD } else { 0.0 },
            };
            let Some(end) = layout.column(picture, groups, x + inset, y) else { continue };
            if let Some(vpc) = vpc.filter(|_| private) {
                let w = BOX.0 + GAP * 4.0;
                layout.vpc = Some((vpc, Rect { x, y: top, w, h: end - top + GAP }));
            }
            x += BOX.0 + GAP * 2.0 + inset * 2.0 + WAY;
        }
        let least = MARGIN + (BOX.0 + GAP) * ROW as f64 + GAP;
        layout.width = (x - WAY).max(least) + MARGIN;
        let frames = layout.frames.values().chain(layout.vpc.iter().map(|(_, rect)| rect));
        let mut y = frames.map(Rect::bottom).fold(top, f64::max) + BETWEEN;
        for band in BANDS {
            y = layout.band(picture, band, y);
        }
        layout.legend = (MARGIN, y + BETWEEN / 2.0);
        layout.height = y + LEGEND + MARGIN / 2.0;
        layout
    }

    /// Stacks groups; `None` when there is nothing in any of them.
    fn column(&mut self, picture: &'a Picture, groups: &[Group], x: f64, top: f64) -> Option<f64> {
        let mut y = top;
        for group in groups {
            let boxes: Vec<_> = picture.boxes.iter().filter(|drawn| drawn.group == *group).collect();
            if boxes.is_empty() {
                continue;
            }
            let height = if *group == Group::Network { LOW } else { BOX.1 };
            let h = HEAD + boxes.len() as f64 * (height + GAP);
            self.frames.insert(*group, Rect { x, y, w: BOX.0 + GAP * 2.0, h });
            for (place, drawn) in boxes.into_iter().enumerate() {
                let y = y + HEAD + place as f64 * (height + GAP);
                self.boxes.push((drawn, Rect { x: x + GAP, y, w: BOX.0, h: height }));
            }
            y += h + BETWEEN;
        }
        (y > top).then_some(y - BETWEEN)
    }

    /// A group across the whole width, in rows.
    fn band(&mut self, picture: &'a Picture, group: Group, y: f64) -> f64 {
        let boxes: Vec<_> = picture.boxes.iter().filter(|drawn| drawn.group == group).collect();
        if boxes.is_empty() {
            return y;
        }
        let w = self.width - MARGIN * 2.0;
        let row = (((w - GAP) / (BOX.0 + GAP)).floor() as usize).max(1);
        let h = HEAD + boxes.len().div_ceil(row) as f64 * (BOX.1 + GAP);
        self.frames.insert(group, Rect { x: MARGIN, y, w, h });
        for (place, drawn) in boxes.into_iter().enumerate() {
            let (right, down) = ((place % row) as f64, (place / row) as f64);
            let x = MARGIN + GAP + right * (BOX.0 + GAP);
            self.boxes.push((drawn, Rect { x, y: y + HEAD + down * (BOX.1 + GAP), w: BOX.0, h: BOX.1 }));
        }
        y + h + BETWEEN
    }

    pub(super) fn rect(&self, id: &str) -> Option<(Group, Rect)> {
        self.boxes.iter().find(|(drawn, _)| drawn.id == id).map(|(drawn, rect)| (drawn.group, *rect))
    }
}
