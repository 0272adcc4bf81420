//! Writes the tables of docs/cost.md, ratios first.

use crate::application::{Asked, Round, Work, Worked, of, to_undisturbed};
use crate::events::{Pace, Read};
use crate::load::{CONNECTIONS, Loaded};
use crate::rates::Rate;
use crate::worst::Worst;
use failpoint_bench_support::{Bound, machine, median, table_of_bounds, time, times};
use std::fmt::Write;

pub(crate) struct Measured {
    pub(crate) waits: Vec<(usize, Loaded)>,
    pub(crate) events: Vec<Read>,
    pub(crate) rates: Vec<Rate>,
    pub(crate) application: Vec<Round>,
    pub(crate) worst: Vec<Worst>,
    pub(crate) bounds: Vec<Bound>,
}

pub(crate) fn render(measured: &Measured) -> String {
    let mut text = format!("Measured on {}.\n\n", machine());
    for rows in [
        rates(&measured.rates),
        waits(&measured.waits),
        events(&measured.events),
        application(&measured.application),
        worst(&measured.worst),
        table_of_bounds(&measured.bounds),
    ] {
        rows.iter().for_each(|row| {
            let _ = writeln!(text, "{row}");
        });
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn rates(rates: &[Rate]) -> Vec<String> {
    let mut rows = vec![
        format!(
            "| {CONNECTIONS} connections ask | points | core to `/healthz`'s | core | a second | median | 99 % within |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    let nothing = rates[0].core();
    rows.extend(rates.iter().map(|rate| {
        let core = rate.core();
        let figure = |name: &str| rate.median(|round| round.figure(name));
        format!(
            "| {} | {} | {} | {} | {:.0} | {} | {} |",
            rate.what,
            rate.points,
            times(core / nothing),
            time(core),
            figure("rate"),
            time(figure("median")),
            time(figure("p99")),
        )
    }));
    rows
}

fn waits(waits: &[(usize, Loaded)]) -> Vec<String> {
    let mut rows = vec![
        "| wait at one point | wakes a second | cycles a second | median | 99 % within | the last |"
            .to_owned(),
        "|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    rows.extend(waits.iter().map(|(waits, loaded)| {
        let [median, p99, last] = ["median", "p99", "last"].map(|name| loaded.figure(name));
        format!(
            "| {waits} | {:.0} | {:.0} | {} | {} | {} |",
            *waits as f64 / last * 1e9,
            loaded.figure("rate"),
            time(median),
            time(p99),
            time(last),
        )
    }));
    rows
}

fn events(events: &[Read]) -> Vec<String> {
    let mut rows = vec![
        "| readers of events | a fire to one that nobody reads | core, a fire | fires a second | delivered a second, to all | lost | memory |"
            .to_owned(),
        "|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    let unread = events[0].a_fire;
    rows.extend(events.iter().map(|read| {
        let [delivered, lost] = ["delivered", "lost"].map(|name| read.loaded.figure(name));
        let steady = if read.pace == Pace::Steady { ", at a steady pace" } else { "" };
        let told = if read.readers == 0 {
            "| |".to_owned()
        } else {
            let per_second = delivered / read.loaded.took.as_secs_f64();
            format!("{per_second:.0} | {:.1} % |", 100.0 * lost / (delivered + lost))
        };
        format!(
            "| {}{steady} | {} | {} | {:.0} | {told} {:.1} MB |",
            read.readers,
            times(read.a_fire / unread),
            time(read.a_fire),
            read.fires as f64 / read.fired_for.as_secs_f64(),
            read.memory as f64 / 1e6,
        )
    }));
    rows
}

fn application(rounds: &[Round]) -> Vec<String> {
    let mut rows = vec![
        "| meanwhile | core of the control plane | bare loop: core | idle: core | `off`: core | bare loop: done | idle: done | `off`: done |"
            .to_owned(),
        "|---|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    rows.extend(Asked::ALL[1..].iter().map(|&asked| {
        let core = Work::ALL.map(|work| to_undisturbed(rounds, asked, work, Worked::core));
        let done = Work::ALL.map(|work| 1.0 / to_undisturbed(rounds, asked, work, Worked::passed));
        let of = of(rounds, asked);
        let share = of.filter_map(|round| Some(round.loaded.as_ref()?.share())).collect();
        let list = |ratios: [f64; 3]| ratios.map(times).join(" | ");
        format!("| {} | {:.2} | {} | {} |", told(asked), median(share), list(core), list(done))
    }));
    let undisturbed = |work: Work| {
        let nanos = of(rounds, Asked::Nothing).map(|round| round.worked[work as usize].core());
        median(nanos.collect())
    };
    let [bare, idle, off] = Work::ALL.map(undisturbed);
    rows.push(String::new());
    rows.push(format!(
        "Undisturbed, of a core and with its part of the loop: {bare:.2} ns bare, {idle:.2} ns idle, {off:.2} ns `off`."
    ));
    rows
}

fn worst(worst: &[Worst]) -> Vec<String> {
    let mut rows = vec![
        "| a request of | bytes | status | reply | longest arming meanwhile | memory |".to_owned(),
        "|---|--:|--:|--:|--:|--:|".to_owned(),
    ];
    rows.extend(worst.iter().map(|one| {
        let [reply, held_up] =
            [one.reply, one.held_up].map(|length| time(length.as_nanos() as f64));
        let memory = one.memory as f64 / 1e6;
        let Worst { what, body, status, .. } = one;
        format!("| {what} | {body} | {status} | {reply} | {held_up} | {memory:.1} MB |")
    }));
    rows
}

pub(crate) fn render_worst(of_worst: &[Worst], of_bounds: &[Bound]) -> String {
    format!(
        "Measured on {}.\n\n{}\n\n{}",
        machine(),
        worst(of_worst).join("\n"),
        table_of_bounds(of_bounds).join("\n")
    )
}

fn told(asked: Asked) -> &'static str {
    match asked {
        Asked::Nothing => "nothing",
        Asked::PutElsewhere => "`PUT` of another point",
        Asked::PutHere => "`PUT` of the `off` point itself",
        Asked::List => "`GET /v1/points` of 10,000",
        Asked::Events => "one reader of events",
    }
}
