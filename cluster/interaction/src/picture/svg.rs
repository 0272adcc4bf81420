//! From rows and lanes to shapes.

use super::curve::{Path, Point, ROW};
use super::layout::{Layout, Mark, MarkKind, Message};
use super::text::{cut, escape};
use std::fmt::Write;

/// The width of a character: the font is monospaced.
const CHAR: f64 = 6.05;
/// Above the first row: the title and the names of the nodes.
const HEAD: f64 = 92.0;
const FOOT: f64 = 78.0;
/// What a mark on a lane takes to each side.
const MARK: f64 = 26.0;

const STYLE: &str = include_str!("style.css");

/// How many groups of a partition have a colour of their own.
const GROUPS: usize = 6;

/// Draws a layout.
pub(super) fn write(title: &str, layout: &Layout) -> String {
    let mut picture = Picture::new(layout);
    picture.frame(title);
    picture.partitions();
    picture.commands();
    picture.lanes();
    picture.walls();
    picture.arrows();
    picture.labels();
    picture.marks();
    picture.legend();
    picture.svg.push_str("</svg>\n");
    picture.svg
}

struct Picture<'a> {
    svg: String,
    layout: &'a Layout,
    margin: f64,
    gap: f64,
    width: f64,
}

impl<'a> Picture<'a> {
    fn new(layout: &'a Layout) -> Picture<'a> {
        let longest = |texts: &mut dyn Iterator<Item = &str>, least: usize, most: usize| {
            let longest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
            longest.clamp(least, most) as f64 * CHAR
        };
        let mut commands =
            layout.commands.iter().map(|command| command.text.lines().next().unwrap_or_default());
        // The number of the line, the text, and room before the first lane.
        let margin = 56.0 + longest(&mut commands, 12, 44);
        let mut labels = layout.messages.iter().map(|message| &*message.label);
        let gap = 2.0 * MARK + 16.0 + longest(&mut labels, 9, 22);
        let lanes = layout.nodes.len();
        let has_text = layout
            .marks
            .iter()
            .any(|mark| mark.lane + 1 == lanes && matches!(mark.kind, MarkKind::Note(_)));
        let beside = if has_text { gap / 2.0 } else { 40.0 };
        let width = (margin + gap * lanes as f64 + beside).max(560.0);
        Picture { svg: String::new(), layout, margin, gap, width }
    }

    fn x(&self, lane: usize) -> f64 {
        self.margin + self.gap * (lane as f64 + 0.5)
    }

    /// The middle of a row.
    fn y(&self, row: usize) -> f64 {
        HEAD + ROW * (row as f64 + 0.5)
    }

    /// The line above a row.
    fn top(&self, row: usize) -> f64 {
        HEAD + ROW * row as f64
    }

    fn right(&self) -> f64 {
        self.margin + self.gap * self.layout.nodes.len() as f64
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.svg, "{text}");
    }

    fn frame(&mut self, title: &str) {
        let (width, height) = (self.width, self.top(self.layout.rows) + FOOT);
        let title = escape(title);
        self.line(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n\
             <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
             <text class=\"title\" x=\"16\" y=\"26\">{title}</text>"
        ));
    }

    fn commands(&mut self) {
        let (right, most) = (self.right(), (self.margin - 56.0) / CHAR);
        for command in &self.layout.commands {
            let (y, top) = (self.y(command.row), self.top(command.row));
            let first = command.text.lines().next().unwrap_or_default();
            let (line, text, full) =
                (command.line, cut(first, most as usize), escape(&command.text));
            self.line(format_args!(
                "<path class=\"rule\" d=\"M16 {top}H{right:.1}\"/>\
                 <text class=\"muted end\" x=\"38\" y=\"{y}\">{line}</text>\
                 <text x=\"46\" y=\"{y}\">{text}<title>line {line}: {full}</title></text>"
            ));
        }
    }

    fn partitions(&mut self) {
        for partition in &self.layout.partitions {
            let (top, bottom) = (
                self.y(partition.rows.start),
                match partition.healed {
                    true => self.y(partition.rows.end),
                    false => self.top(partition.rows.end),
                },
            );
            for (lane, group) in partition.groups.iter().enumerate() {
                let (x, gap, height) = (self.x(lane) - self.gap / 2.0, self.gap, bottom - top);
                self.line(format_args!(
                    "<rect class=\"group{}\" x=\"{x:.1}\" y=\"{top}\" width=\"{gap:.1}\" height=\"{height}\"/>",
                    group % GROUPS
                ));
            }
        }
    }

    /// The labels end before the first lane; which groups there are, the colours and the command say.
    fn walls(&mut self) {
        let (left, right) = (self.margin + 6.0, self.right());
        for partition in &self.layout.partitions {
            let healed = partition.healed.then_some((partition.rows.end, "heal"));
            let begins = (partition.rows.start, "partition");
            for (row, text) in [begins].into_iter().chain(healed) {
                let (y, from) = (self.y(row), left + CHAR * (text.chars().count() + 1) as f64);
                self.line(format_args!(
                    "<path class=\"wall\" d=\"M{from:.1} {y}H{right:.1}\"/>\
                     <text class=\"wall-text halo\" x=\"{left:.1}\" y=\"{y}\">{text}</text>"
                ));
            }
        }
    }

    fn lanes(&mut self) {
        let layout = self.layout;
        let (head, foot) = (HEAD - 24.0, self.top(layout.rows) + 22.0);
        for (lane, node) in layout.nodes.iter().enumerate() {
            let x = self.x(lane);
            let mut absent: Vec<_> =
                layout.absent.iter().filter(|absent| absent.lane == lane).collect();
            absent.sort_by_key(|absent| absent.rows.start);
            let (mut from, end) = (head, foot);
            for gap in absent {
                let last = gap.rows.end >= layout.rows;
                let start = if gap.crashed { self.y(gap.rows.start) } else { head };
                let stop = if last { end } else { self.y(gap.rows.end) };
                if start > from {
                    self.line(format_args!("<path class=\"lane\" d=\"M{x:.1} {from}V{start}\"/>"));
                }
                if gap.crashed {
                    let (left, height) = (x - 9.0, stop.min(self.top(layout.rows)) - start);
                    self.line(format_args!(
                        "<rect class=\"down\" x=\"{left:.1}\" y=\"{start}\" width=\"18\" height=\"{height}\" rx=\"4\"><title>node {node} is down</title></rect>"
                    ));
                }
                self.line(format_args!("<path class=\"absent\" d=\"M{x:.1} {start}V{stop}\"/>"));
                from = stop;
            }
            if from < end {
                self.line(format_args!("<path class=\"lane\" d=\"M{x:.1} {from}V{end}\"/>"));
            }
            for y in [head, foot] {
                let width = 16.0 + CHAR * node.to_string().len() as f64;
                let (left, top) = (x - width / 2.0, y - 11.0);
                self.line(format_args!(
                    "<rect class=\"node\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" \
                     height=\"22\" rx=\"11\"/>\
                     <text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{node}<title>node {node}</title></text>"
                ));
            }
        }
        self.names_again();
        for leader in &layout.leaders {
            let node = layout.nodes[leader.lane];
            let (x, top, term) =
                (self.x(leader.lane) - 6.0, self.y(leader.rows.start), leader.term);
            let end = leader.rows.end;
            let bottom = if end >= layout.rows { self.top(end) } else { self.y(end) };
            self.line(format_args!(
                "<rect class=\"band term{}\" x=\"{x:.1}\" y=\"{top}\" width=\"12\" height=\"{}\" rx=\"6\">\
                 <title>node {node} leads term {term}</title></rect>",
                term % 6,
                bottom - top
            ));
        }
    }

    /// The names of the nodes beside the lanes, every few commands of a tall picture.
    fn names_again(&mut self) {
        const ROWS: usize = 25;
        let layout = self.layout;
        let mut named = 0;
        for command in &layout.commands {
            if command.row < named + ROWS || command.row + ROWS / 2 > layout.rows {
                continue;
            }
            named = command.row;
            for (lane, node) in layout.nodes.iter().enumerate() {
                let (x, y) = (self.x(lane) + 5.0, self.top(command.row) - 6.0);
                self.line(format_args!(
                    "<text class=\"muted again\" x=\"{x:.1}\" y=\"{y}\">{node}</text>"
                ));
            }
        }
    }

    fn arrows(&mut self) {
        for message in &self.layout.messages {
            let (class, full) = (class(&message.label), self.full(message));
            if message.ends.is_empty() {
                let path = self.flight(message);
                let (x, y) = path.end;
                self.line(format_args!(
                    "<g class=\"message flying {class}\"><title>{full} (not delivered)</title>\
                     <path d=\"{}\"/><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/></g>",
                    path.d()
                ));
            }
            for end in &message.ends {
                let path = self.path(message, end.row, end.lost);
                let lost = if end.lost { " (lost)" } else { "" };
                let tip = if end.lost { cross(path.end, 4.0) } else { path.head() };
                self.line(format_args!(
                    "<g class=\"message {class}\"><title>{full}{lost}</title><path d=\"{}\"/>{tip}</g>",
                    path.d()
                ));
            }
        }
    }

    fn labels(&mut self) {
        let most = (self.gap - 2.0 * MARK) / CHAR;
        for message in &self.layout.messages {
            let paths: Vec<Path> = match message.ends.is_empty() {
                true => vec![self.flight(message)],
                false => {
                    message.ends.iter().map(|end| self.path(message, end.row, false)).collect()
                }
            };
            for path in paths {
                let (x, y) = path.label(self.gap);
                let (text, full) = (cut(&message.label, most as usize), self.full(message));
                self.line(format_args!(
                    "<text class=\"middle halo\" x=\"{x:.1}\" y=\"{y:.1}\">{text}<title>{full}</title></text>"
                ));
            }
        }
    }

    fn full(&self, message: &Message) -> String {
        let [from, to] = [message.from, message.to].map(|lane| self.layout.nodes[lane]);
        format!("{from} → {to}: {}", escape(&message.label))
    }

    /// The way of a message to `row`. A lost one ends before its lane.
    fn path(&self, message: &Message, row: usize, lost: bool) -> Path {
        let start = (self.x(message.from), self.y(message.row));
        let end = (self.x(message.to), self.y(row));
        Path::new(start, end, self.gap).until(if lost { 14.0 } else { 0.0 })
    }

    /// The way of a message that is still under way at the end: a stub towards its lane.
    fn flight(&self, message: &Message) -> Path {
        let start = (self.x(message.from), self.y(message.row));
        let side = if message.to >= message.from { 1.0 } else { -1.0 };
        Path::new(start, (start.0 + side * (self.gap - MARK), start.1), self.gap)
    }

    fn marks(&mut self) {
        for mark in &self.layout.marks {
            self.mark(mark);
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let (x, y) = (self.x(mark.lane), self.y(mark.row));
        let node = self.layout.nodes[mark.lane];
        let beside = x + 14.0;
        let shape = match &mark.kind {
            MarkKind::Start => format!(
                "<circle class=\"ring\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"><title>node {node} starts</title></circle>"
            ),
            MarkKind::StepDown => format!(
                "<path class=\"lane\" d=\"M{:.1} {y}h14\"><title>node {node} is no longer the leader</title></path>",
                x - 7.0
            ),
            MarkKind::Crash => format!(
                "<g><title>node {node} crashes</title>{}<text class=\"bad halo\" x=\"{beside:.1}\" y=\"{y}\">crash</text></g>",
                cross((x, y), 6.0)
            ),
            MarkKind::Restart => format!(
                "<g><title>node {node} starts again</title><circle class=\"ring\" cx=\"{x:.1}\" cy=\"{y}\" r=\"5\"/>\
                 <text class=\"good halo\" x=\"{beside:.1}\" y=\"{y}\">restart</text></g>"
            ),
            MarkKind::Leader(term) => pill(
                (x, y),
                &format!("term {term}"),
                &format!("tag term{}", term % 6),
                &format!("node {node} leads term {term}"),
            ),
            MarkKind::Commit(index) => pill(
                (x, y),
                &index.to_string(),
                "commit",
                &format!("node {node} commits up to {index}"),
            ),
            MarkKind::Apply(index) => pill(
                (x, y),
                &index.to_string(),
                "apply",
                &format!("node {node} applies up to {index}"),
            ),
            MarkKind::Note(text) => format!(
                "<g class=\"note\"><title>node {node}: {}</title><path d=\"M{x:.1} {}l5 5l-5 5l-5 -5z\"/>\
                 <text class=\"halo\" x=\"{beside:.1}\" y=\"{y}\">{}</text></g>",
                escape(text),
                y - 5.0,
                cut(text, ((self.gap - 20.0) / CHAR) as usize)
            ),
        };
        self.line(format_args!("{shape}"));
    }

    /// What the shapes mean, of those that are there.
    fn legend(&mut self) {
        let layout = self.layout;
        let y = self.top(layout.rows) + FOOT - 22.0;
        let mut x = 22.0;
        let arrows = [
            ("append", "append"),
            ("vote", "vote"),
            ("beat", "heartbeat"),
            ("snap", "snapshot"),
            ("other", "message"),
        ];
        let ends = |lost| layout.messages.iter().any(|m| m.ends.iter().any(|end| end.lost == lost));
        let has = |is: fn(&MarkKind) -> bool| layout.marks.iter().any(|mark| is(&mark.kind));
        let mut items: Vec<(String, &str)> = Vec::new();
        for (name, text) in arrows {
            if layout.messages.iter().any(|message| class(&message.label) == name) {
                items.push((
                    format!("<g class=\"message {name}\"><path d=\"M-10 0H10\"/><polygon points=\"12,0 4,-3.5 4,3.5\"/></g>"),
                    text,
                ));
            }
        }
        if layout.messages.iter().any(|message| message.ends.is_empty()) {
            items.push(("<g class=\"message flying other\"><path d=\"M-10 0H6\"/><circle cx=\"8\" cy=\"0\" r=\"3\"/></g>".into(), "not delivered"));
        }
        if ends(true) {
            items.push((cross((0.0, 0.0), 4.0), "lost"));
        }
        if has(|kind| matches!(kind, MarkKind::Commit(_))) {
            items.push((pill((0.0, 0.0), "7", "commit", "commit"), "committed up to 7"));
        }
        if has(|kind| matches!(kind, MarkKind::Apply(_))) {
            items.push((pill((0.0, 0.0), "7", "apply", "apply"), "applied up to 7"));
        }
        for (shape, text) in items {
            let width = 38.0 + text.len() as f64 * CHAR;
            if x + width > self.width && x > 22.0 {
                break;
            }
            self.line(format_args!(
                "<g transform=\"translate({x:.1} {y})\">{shape}<text class=\"muted\" x=\"18\" y=\"0\">{text}</text></g>"
            ));
            x += width;
        }
    }
}

fn cross((x, y): Point, arm: f64) -> String {
    let (left, right, top, bottom) = (x - arm, x + arm, y - arm, y + arm);
    format!(
        "<path class=\"cross\" d=\"M{left:.1} {top:.1}L{right:.1} {bottom:.1}M{left:.1} {bottom:.1}L{right:.1} {top:.1}\"/>"
    )
}

/// A short text in a rounded box.
fn pill((x, y): Point, text: &str, class: &str, full: &str) -> String {
    let width = 10.0 + text.len() as f64 * CHAR;
    // `term2` is the colour of a shape, and the text has its own.
    let (group, shape) = class.split_once(' ').unwrap_or((class, ""));
    format!(
        "<g class=\"{group}\"><title>{full}</title>\
         <rect class=\"{shape}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"15\" rx=\"7.5\"/>\
         <text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{text}</text></g>",
        x - width / 2.0,
        y - 7.5
    )
}

/// The colour of a message, by its name.
fn class(label: &str) -> &'static str {
    let names = [
        ("vote", "vote"),
        ("snap", "snap"),
        ("beat", "beat"),
        ("app", "append"),
        ("prop", "append"),
    ];
    let label = label.to_ascii_lowercase();
    names.iter().find(|(name, _)| label.contains(name)).map_or("other", |(_, class)| class)
}
