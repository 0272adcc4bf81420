//! What do throughput, latency and faults look like on one axis of time?
//!
//! plotters draws the series. The axes, the faults and all texts are laid out here, because
//! plotters without fonts can only guess how wide a text is. The colours that plotters writes are
//! stand-ins: each becomes a class, so that the style sheet has the colours for light and dark.

use std::fmt::{Display, Write};

use plotters::prelude::*;

use super::escape::text;
use crate::report::collect::{merged, merged_spans};
use crate::report::model::{Outcome, Report, Sample, Span};
use crate::report::text::duration;

const THROUGHPUT: f64 = 150.0;
const LATENCY: f64 = 170.0;
const ROW: f64 = 18.0;
const HEAD: f64 = 24.0;
const FOOT: f64 = 26.0;
/// How many members have a row of their own.
const ROWS: usize = 12;
const FAILURES: usize = 200;

/// A size of the chart, in units of its own.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// Its name, which makes the ids of its parts unique.
    pub(super) name: &'static str,
    width: f64,
    left: f64,
    right: f64,
    ticks: u64,
}

/// For wide windows.
pub(super) const WIDE: Size =
    Size { name: "wide", width: 1040.0, left: 68.0, right: 14.0, ticks: 10 };
/// For phones.
pub(super) const NARROW: Size =
    Size { name: "narrow", width: 380.0, left: 54.0, right: 8.0, ticks: 4 };

/// A series: its stand-in colour, and its class.
const SERIES: [(RGBColor, &str); 6] = [
    (RGBColor(1, 0, 0), "s-answered"),
    (RGBColor(2, 0, 0), "s-failed"),
    (RGBColor(3, 0, 0), "s-p50"),
    (RGBColor(4, 0, 0), "s-p90"),
    (RGBColor(5, 0, 0), "s-p99"),
    (RGBColor(6, 0, 0), "s-max"),
];

/// The chart of a report as SVG. Its height follows from the number of members.
pub(super) fn svg(report: &Report, size: Size) -> String {
    let pixels = size.width - size.left - size.right;
    let ends = report.samples.iter().map(|sample| sample.time);
    let faults = report.faults.iter().map(|span| span.end.unwrap_or(span.start));
    let end = ends.chain(faults).chain([report.milliseconds, 1000]).max().unwrap_or(1000);
    let per_pixel = (end as f64 / pixels).ceil() as u64;
    let samples = merged(&report.samples, per_pixel.saturating_mul(2));
    let spans = merged_spans(&report.faults, per_pixel);
    let chart = Chart { size, end, samples, spans };
    let members = chart.members();
    let throughput = HEAD;
    let latency = throughput + THROUGHPUT + HEAD + 14.0;
    let faults = latency + LATENCY + HEAD + 14.0;
    let bottom = faults + ROW * members.len() as f64;
    let height = bottom + FOOT;

    let mut out = String::new();
    let Size { name, width, left, .. } = size;
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t-{name} d-{name}\">\
         <title id=\"t-{name}\">Requests, latencies and faults over time</title>\
         <desc id=\"d-{name}\">{}</desc>",
        text(&describe(report))
    );
    chart.time_axis(&mut out, throughput, bottom);
    for span in &chart.spans {
        let (x, width) = chart.extent(span);
        let _ = write!(
            out,
            "<rect class=\"band\" x=\"{x:.1}\" y=\"{throughput}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            latency + LATENCY - throughput
        );
    }
    out += &heading(left, throughput, "requests a second");
    let top = chart.rate_axis(&mut out, throughput);
    chart.draw(&mut out, throughput, THROUGHPUT, |area| chart.throughput(area, top));
    out += &heading(left, latency, "latency");
    let range = chart.latency_axis(&mut out, latency);
    chart.draw(&mut out, latency, LATENCY, |area| chart.latency(area, range));
    out += &heading(left, faults, "faults");
    chart.rows(&mut out, faults, &members);
    let failed = report.cases.iter().filter(|case| case.outcome == Outcome::Failed);
    for case in failed.take(FAILURES) {
        let x = chart.x(case.end);
        let _ = write!(
            out,
            "<line class=\"failure\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{throughput}\" y2=\"{bottom}\">\
             <title>{} failed at {}</title></line>",
            text(&case.case),
            duration(case.end)
        );
    }
    out += "</svg>";
    out
}

/// What the chart shows, in words.
fn describe(report: &Report) -> String {
    let rate = |sample: &Sample| per_second(sample.succeeded, sample);
    let most = report.samples.iter().map(rate).fold(0.0, f64::max);
    let slowest = report.samples.iter().map(|sample| sample.latency[3]).max().unwrap_or(0);
    format!(
        "{} faults in {}. At most {most:.0} requests a second were answered. The slowest answer took {}.",
        report.summary.injections,
        duration(report.milliseconds),
        latency_label(slowest as f64)
    )
}

fn per_second(count: u64, sample: &Sample) -> f64 {
    count as f64 * 1000.0 / sample.milliseconds.max(1) as f64
}

fn heading(x: f64, y: f64, name: &str) -> String {
    format!("<text class=\"name\" x=\"{x}\" y=\"{}\">{name}</text>", y - 8.0)
}

/// A time on an axis that ends at `end`, both in seconds.
fn time_label(time: u64, end: u64) -> String {
    match end {
        ..60 => format!("{time} s"),
        60..3600 => format!("{}:{:02}", time / 60, time % 60),
        _ => format!("{}:{:02} h", time / 3600, time / 60 % 60),
    }
}

/// Microseconds, rounded to three digits.
fn latency_label(micros: f64) -> String {
    let (value, unit) = match micros {
        ..1e3 => (micros, "µs"),
        ..1e6 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    if value < 10.0 && value.fract() > 0.05 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

struct Chart {
    size: Size,
    /// The end of the axis of time, in milliseconds.
    end: u64,
    samples: Vec<Sample>,
    spans: Vec<Span>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl Chart {
    fn width(&self) -> f64 {
        self.size.width - self.size.left - self.size.right
    }

    fn x(&self, time: u64) -> f64 {
        self.size.left + self.width() * (time.min(self.end) as f64 / self.end as f64)
    }

    fn extent(&self, span: &Span) -> (f64, f64) {
        let (start, end) = (self.x(span.start), self.x(span.end.unwrap_or(self.end)));
        (start, (end - start).max(1.0))
    }

    /// The members that had a fault, in the order of their names.
    fn members(&self) -> Vec<&str> {
        let mut members: Vec<&str> =
            self.spans.iter().flat_map(|span| span.members.iter().map(String::as_str)).collect();
        members.sort_unstable_by_key(|name| (name.len(), *name));
        members.dedup();
        members.truncate(ROWS);
        if members.is_empty() || self.spans.iter().any(|span| span.members.is_empty()) {
            members.push("cluster");
        }
        members
    }

    fn rows(&self, out: &mut String, top: f64, members: &[&str]) {
        let (left, width) = (self.size.left, self.width());
        for (row, member) in members.iter().enumerate() {
            let y = top + ROW * row as f64;
            let label: String = member.chars().take(8).collect();
            let _ = write!(
                out,
                "<rect class=\"row\" x=\"{left}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y + 1.0,
                ROW - 2.0,
                left - 8.0,
                y + 13.0,
                text(&label)
            );
        }
        for span in &self.spans {
            let (x, width) = self.extent(span);
            for (row, member) in members.iter().enumerate() {
                let here = match span.members.is_empty() {
                    true => *member == "cluster",
                    false => span.members.iter().any(|name| name == member),
                };
                if here {
                    let until = span.end.map_or_else(|| "now".to_owned(), duration);
                    let _ = write!(
                        out,
                        "<rect class=\"span\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\">\
                         <title>{} on {}, from {} to {until}</title></rect>",
                        top + ROW * row as f64 + 2.0,
                        ROW - 4.0,
                        text(&span.case),
                        text(&span.members.join(", ")),
                        duration(span.start),
                    );
                }
            }
        }
    }

    fn time_axis(&self, out: &mut String, top: f64, bottom: f64) {
        const SECOND: u64 = 1000;
        const HOUR: u64 = 3600 * SECOND;
        let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map(|s| s * SECOND);
        let hours = [1, 2, 4, 8, 12, 24, 48, 96, 168].map(|h| h * HOUR);
        let mut steps = steps.into_iter().chain(hours);
        let step = steps
            .find(|step| self.end / step <= self.size.ticks)
            .unwrap_or(self.end / self.size.ticks + 1);
        for time in (0..=self.end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let x = self.x(time);
            let label = time_label(time / SECOND, self.end / SECOND);
            let anchor = if x + 20.0 > self.size.width { "end" } else { "middle" };
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
                bottom + 17.0
            );
        }
    }

    fn level(&self, out: &mut String, y: f64, class: &str, label: impl Display) {
        let (left, right) = (self.size.left, self.size.width - self.size.right);
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 8.0,
            y + 4.0
        );
    }

    /// Returns the rate at its top.
    fn rate_axis(&self, out: &mut String, top: f64) -> f64 {
        let rates = self.samples.iter().flat_map(|sample| {
            [per_second(sample.succeeded, sample), per_second(sample.failed, sample)]
        });
        let most = rates.fold(1.0, f64::max);
        let power = 10_f64.powf((most / 4.0).log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power).into_iter();
        let step = step.map(|step| step.max(1.0)).find(|step| step * 4.0 >= most).unwrap_or(most);
        for level in 0..=4 {
            let value = step * f64::from(level);
            let label = match value {
                ..1e4 => format!("{value:.0}"),
                ..1e6 => format!("{:.0}k", value / 1e3),
                _ => format!("{:.1}M", value / 1e6),
            };
            let class = if level == 0 { "axis" } else { "grid" };
            self.level(out, top + THROUGHPUT * (1.0 - f64::from(level) / 4.0), class, label);
        }
        step * 4.0
    }

    /// Returns the powers of ten at its bottom and its top, of microseconds.
    fn latency_axis(&self, out: &mut String, top: f64) -> (i32, i32) {
        let answered = || self.samples.iter().filter(|sample| sample.succeeded > 0);
        let log = |micros: u64| (micros.max(1) as f64).log10();
        let low = answered().map(|sample| log(sample.latency[0])).fold(f64::MAX, f64::min);
        let high = answered().map(|sample| log(sample.latency[3])).fold(0.0, f64::max);
        let low = if low == f64::MAX { 2 } else { low.floor() as i32 };
        let high = (high.ceil() as i32).max(low + 1);
        for power in low..=high {
            let y = top + LATENCY * f64::from(high - power) / f64::from(high - low);
            let class = if power == low { "axis" } else { "grid" };
            self.level(out, y, class, latency_label(10_f64.powi(power)));
        }
        (low, high)
    }

    /// Draws series with plotters into a part of the chart.
    fn draw(
        &self,
        out: &mut String,
        top: f64,
        height: f64,
        series: impl FnOnce(&Area<'_>) -> Drawn,
    ) {
        let mut drawn = String::new();
        let size = (self.width().round() as u32, height.round() as u32);
        {
            let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
            // Text can always be written to.
            let _ = series(&area).and_then(|()| area.present());
        }
        for (RGBColor(red, ..), class) in SERIES {
            let colour = format!("\"#{red:02X}0000\"");
            for attribute in ["stroke", "fill"] {
                let stand_in = format!("opacity=\"1\" {attribute}={colour}");
                drawn = drawn.replace(&stand_in, &format!("class=\"{class}\""));
            }
        }
        let inner = drawn.split_once('>').map_or("", |(_, inner)| inner);
        let inner = inner.trim_end().trim_end_matches("</svg>");
        let _ = write!(out, "<g transform=\"translate({} {top})\">{inner}</g>", self.size.left);
    }

    /// The points of a line that has a step for each sample.
    fn steps<'a>(
        samples: &'a [Sample],
        value: impl Fn(&Sample) -> f64 + 'a,
    ) -> impl Iterator<Item = (f64, f64)> + 'a {
        samples.iter().flat_map(move |sample| {
            let start = sample.time.saturating_sub(sample.milliseconds);
            [(start as f64, value(sample)), (sample.time as f64, value(sample))]
        })
    }

    fn throughput(&self, area: &Area<'_>, top: f64) -> Drawn {
        let mut chart =
            ChartBuilder::on(area).build_cartesian_2d(0.0..self.end as f64, 0.0..top)?;
        let [answered, failed, ..] = SERIES.map(|(colour, _)| colour);
        let rates = |count: fn(&Sample) -> u64| {
            Self::steps(&self.samples, move |sample| per_second(count(sample), sample))
        };
        chart.draw_series(
            AreaSeries::new(rates(|sample| sample.succeeded), 0.0, answered).border_style(answered),
        )?;
        if self.samples.iter().any(|sample| sample.failed > 0) {
            chart.draw_series(
                AreaSeries::new(rates(|sample| sample.failed), 0.0, failed).border_style(failed),
            )?;
        }
        Ok(())
    }

    fn latency(&self, area: &Area<'_>, (low, high): (i32, i32)) -> Drawn {
        let range = f64::from(low)..f64::from(high);
        let mut chart = ChartBuilder::on(area).build_cartesian_2d(0.0..self.end as f64, range)?;
        // The maximum is drawn first, so that the others are seen above it.
        for percentile in [3, 2, 1, 0] {
            let colour = SERIES[2 + percentile].0;
            // Where no request was answered, there is no latency.
            for answered in self.samples.split(|sample| sample.succeeded == 0) {
                let points = Self::steps(answered, |sample| {
                    (sample.latency[percentile].max(1) as f64).log10()
                });
                if !answered.is_empty() {
                    chart.draw_series(LineSeries::new(points, colour))?;
                }
            }
        }
        Ok(())
    }
}
