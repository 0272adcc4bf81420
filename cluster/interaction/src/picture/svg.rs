//! From rows and lanes to shapes.

use super::layout::{Layout, Mark, MarkKind, Message};
use failpoint::__private::text::{is_hidden, visible};
use std::fmt::Write;

const ROW: f64 = 24.0;
/// The width of a character: the font is monospaced.
const CHAR: f64 = 6.05;
/// Above the first row: the title and the names of the nodes.
const HEAD: f64 = 92.0;
const FOOT: f64 = 78.0;
/// What a mark on a lane takes to each side.
const MARK: f64 = 26.0;

const STYLE: &str = "\
svg{background:#fff}
text{font:10px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328;dominant-baseline:central}
.paper{fill:#fff}
.title{font-size:13px;font-weight:600}
.muted{fill:#6e7781}
.middle{text-anchor:middle}
.end{text-anchor:end}
.halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.rule{stroke:#d8dee4;stroke-width:1}
.lane{stroke:#8c959f;stroke-width:1.5}
.absent{stroke:#afb8c1;stroke-width:1.5;stroke-dasharray:2 4}
.down{fill:#818b98;fill-opacity:.14}
.node{fill:#24292f}
.node+text{fill:#fff;font-size:11px;font-weight:600}
.wall{stroke:#bc4c00;stroke-width:1.2;stroke-dasharray:6 4}
.wall-text{fill:#bc4c00}
.group1{fill:#fb8f44;fill-opacity:.11}
.group2{fill:#4ac26b;fill-opacity:.11}
.group0{fill:#54aeff;fill-opacity:.09}
.message path{fill:none;stroke-width:1.4}
.message:hover path{stroke-width:3}
.again{font-size:8px}
.flying path{stroke-dasharray:4 3}
.other path{stroke:#57606a}.other polygon{fill:#57606a}
.append path{stroke:#0969da}.append polygon{fill:#0969da}
.vote path{stroke:#8250df}.vote polygon{fill:#8250df}
.beat path{stroke:#9aa4af}.beat polygon{fill:#9aa4af}
.snap path{stroke:#bf3989}.snap polygon{fill:#bf3989}
.flying circle{fill:#fff;stroke:#57606a;stroke-width:1.2}
.cross,.message .cross{fill:none;stroke:#cf222e;stroke-width:2;stroke-linecap:round}
.bad{fill:#cf222e}
.good{fill:#1a7f37}
.ring{fill:#fff;stroke:#1a7f37;stroke-width:2}
.commit rect{fill:#1a7f37}
.commit text{fill:#fff}
.apply rect{fill:#fff;stroke:#1a7f37;stroke-width:1.2}
.apply text{fill:#1a7f37}
.note path{fill:#fff;stroke:#9a6700;stroke-width:1.5}
.note text{fill:#9a6700}
.tag text{fill:#fff;font-weight:600}
.band{fill-opacity:.3}
.term0{fill:#0969da}.term1{fill:#9a6700}.term2{fill:#1b7c83}.term3{fill:#bf3989}.term4{fill:#8250df}.term5{fill:#57606a}
@media (prefers-color-scheme:dark){
svg{background:#0d1117}
text{fill:#e6edf3}
.paper,.ring,.apply rect,.note path,.flying circle{fill:#0d1117}
.muted{fill:#8b949e}
.halo{stroke:#0d1117}
.rule{stroke:#262c36}
.lane{stroke:#6e7681}
.absent{stroke:#484f58}
.node{fill:#e6edf3}
.node+text{fill:#0d1117}
.wall{stroke:#f0883e}
.wall-text{fill:#f0883e}
.other path{stroke:#8b949e}.other polygon{fill:#8b949e}
.append path{stroke:#58a6ff}.append polygon{fill:#58a6ff}
.vote path{stroke:#bc8cff}.vote polygon{fill:#bc8cff}
.beat path{stroke:#6e7681}.beat polygon{fill:#6e7681}
.snap path{stroke:#f778ba}.snap polygon{fill:#f778ba}
.flying circle{stroke:#8b949e}
.cross,.message .cross{stroke:#ff7b72}
.bad{fill:#ff7b72}
.good,.apply text{fill:#3fb950}
.ring,.apply rect{stroke:#3fb950}
.commit rect{fill:#238636}
.note path{stroke:#d29922}
.note text{fill:#d29922}
.band{fill-opacity:.4}
.term0{fill:#1f6feb}.term1{fill:#9e6a03}.term2{fill:#1b7c83}.term3{fill:#bf4b8a}.term4{fill:#8957e5}.term5{fill:#57606a}
}
";

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
                    group % 3
                ));
            }
        }
    }

    fn walls(&mut self) {
        let (left, right) = (self.margin + 6.0, self.right());
        for partition in &self.layout.partitions {
            let healed = partition.healed.then(|| (partition.rows.end, "heal".to_owned()));
            let begins = (partition.rows.start, format!("partition {}", escape(&partition.text)));
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

type Point = (f64, f64);

/// A cubic curve.
struct Path {
    start: Point,
    control: [Point; 2],
    end: Point,
    /// Of a message to its own sender.
    is_loop: bool,
}

impl Path {
    /// A straight line, or, for a message that waits for many rows, a curve that arrives as flat
    /// as a straight one does.
    fn new(start: Point, end: Point, gap: f64) -> Path {
        let (dx, dy) = (end.0 - start.0, end.1 - start.1);
        let side = if dx < 0.0 { -1.0 } else { 1.0 };
        let lanes = (dx.abs() / gap).max(0.5);
        if dx == 0.0 {
            let out = start.0 + gap * 0.45;
            let control = [(out, start.1), (out, end.1)];
            return Path { start, control, end, is_loop: true };
        }
        let control = if dy <= ROW * (lanes + 1.0) {
            [1.0, 2.0].map(|part| (start.0 + dx * part / 3.0, start.1 + dy * part / 3.0))
        } else {
            [
                (start.0 + side * gap * 0.4, start.1 + dy * 0.4),
                (end.0 - side * gap * 0.75, end.1 - ROW * 0.3),
            ]
        };
        Path { start, control, end, is_loop: false }
    }

    /// The same curve without its last pixels, about.
    fn until(self, rest: f64) -> Path {
        if rest == 0.0 {
            return self;
        }
        let (dx, dy) = (self.end.0 - self.start.0, self.end.1 - self.start.1);
        let part = 1.0 - rest / (dx * dx + dy * dy).sqrt().max(rest * 2.0);
        // De Casteljau.
        let between = |a: Point, b: Point| (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part);
        let [one, two] = self.control;
        let (a, b, c) = (between(self.start, one), between(one, two), between(two, self.end));
        let (d, e) = (between(a, b), between(b, c));
        Path { start: self.start, control: [a, d], end: between(d, e), is_loop: self.is_loop }
    }

    fn at(&self, t: f64) -> Point {
        let u = 1.0 - t;
        let [one, two] = self.control;
        let sum = |a: f64, b: f64, c: f64, d: f64| {
            u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
        };
        (sum(self.start.0, one.0, two.0, self.end.0), sum(self.start.1, one.1, two.1, self.end.1))
    }

    fn d(&self) -> String {
        let ([one, two], start, end) = (self.control, self.start, self.end);
        format!(
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            start.0, start.1, one.0, one.1, two.0, two.1, end.0, end.1
        )
    }

    /// The tip of the arrow.
    fn head(&self) -> String {
        let (x, y) = self.end;
        let (dx, dy) = (x - self.control[1].0, y - self.control[1].1);
        let length = (dx * dx + dy * dy).sqrt().max(0.1);
        let (dx, dy) = (dx / length, dy / length);
        let (back_x, back_y) = (x - 8.0 * dx, y - 8.0 * dy);
        format!(
            "<polygon points=\"{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}\"/>",
            back_x - 3.5 * dy,
            back_y + 3.5 * dx,
            back_x + 3.5 * dy,
            back_y - 3.5 * dx
        )
    }

    /// The middle of the label: below the curve, in the gap before the last lane. Its height differs
    /// so little from that of the tip that it is clear of the labels of the rows around it.
    fn label(&self, gap: f64) -> Point {
        if self.is_loop {
            return (self.start.0 + gap * 0.5, self.end.1 + 7.0);
        }
        let side = if self.end.0 < self.start.0 { -1.0 } else { 1.0 };
        let x = self.end.0 - side * gap.min((self.end.0 - self.start.0).abs()) * 0.53;
        // The curve goes to one side only near its end.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..30 {
            let middle = (low + high) / 2.0;
            if (self.at(middle).0 - x) * side < 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        (x, (self.at(high).1 + 10.0).max(self.end.1 - 4.0))
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

/// At most `most` characters of the text as it is shown, escaped.
fn cut(text: &str, most: usize) -> String {
    let text = visible(text).to_string();
    if text.chars().count() <= most {
        return escape(&text);
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    escape(&short)
}

/// Text in XML, which cannot hold control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if is_hidden(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}
