//! A run as a space-time diagram, in SVG.
//!
//! Time runs down. Each node is a vertical line, each message an arrow. The margin has the commands
//! of the script, each beside what it caused. The picture needs no script and no font from
//! elsewhere, has colours for light and dark, and full texts as tooltips. The same events give the
//! same bytes.

mod curve;
mod layout;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use crate::trace::Event;

/// Draws what happened in a run.
///
/// ```
/// use interaction::picture::draw;
/// use interaction::trace::Event;
///
/// let svg = draw("campaign.txt", &[
///     Event::Command { line: 3, text: "campaign 1".into() },
///     Event::Send { id: 0, from: 1, to: 2, label: "MsgRequestVote 1".into() },
///     Event::Receive { id: 0 },
/// ]);
/// assert!(svg.starts_with("<svg "));
/// ```
pub fn draw(title: &str, events: &[Event]) -> String {
    svg::write(title, &layout::Layout::new(events))
}
