//! Live reload: what browsers are told, and how a page comes to listen.
//!
//! A page that a browser navigates to gets one script tag. The script listens to
//! `/.arq/events`, loads the page again after a rebuild, and shows what a failed rebuild says
//! until it is mended. Everyone else, such as curl, gets the bytes as they will be published.
//!
//! A `[security] csp` that allows no script of the site's own, or no connection to it, switches
//! live reload off: the browser then refuses the script as it would refuse any other.

mod events;
mod page;
mod tag;

pub use events::{News, stream};
pub use page::error_page;
pub use tag::with_script;

/// Address of the stream of events.
pub const EVENTS: &str = "/.arq/events";
/// Address of the script.
pub const SCRIPT: &str = "/.arq/reload.js";
/// The script itself.
pub const SCRIPT_TEXT: &str = include_str!("reload.js");
