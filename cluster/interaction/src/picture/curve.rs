//! The curve that a message takes.

/// The height of a row.
pub(super) const ROW: f64 = 24.0;

/// From the left and from the top.
pub(super) type Point = (f64, f64);

/// A cubic curve.
pub(super) struct Path {
    start: Point,
    control: [Point; 2],
    pub(super) end: Point,
    /// Of a message to its own sender.
    is_loop: bool,
}

impl Path {
    /// A straight line, or, for a message that waits for many rows, a curve that arrives as flat
    /// as a straight one does.
    pub(super) fn new(start: Point, end: Point, gap: f64) -> Path {
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
    pub(super) fn until(self, rest: f64) -> Path {
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

    pub(super) fn d(&self) -> String {
        let ([one, two], start, end) = (self.control, self.start, self.end);
        format!(
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            start.0, start.1, one.0, one.1, two.0, two.1, end.0, end.1
        )
    }

    /// The tip of the arrow.
    pub(super) fn head(&self) -> String {
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
    pub(super) fn label(&self, gap: f64) -> Point {
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
