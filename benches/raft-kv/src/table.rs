//! Writes the tables of docs/cost.md, ratios first.

use crate::load::{CLIENTS, Sample};
use crate::rounds::{Place, Round};
use crate::spread::Spread;
use crate::subject::Subject;
use failpoint_bench_support::{Bound, machine, median, table_of_bounds, time, times};

pub(crate) fn render(measured: &[(Place, Vec<Round>)], bounds: &[Bound]) -> String {
    let rounds = measured.first().map_or(0, |(_, rounds)| rounds.len());
    let mut text = format!("Measured on {}. {rounds} rounds each.\n", machine());
    for (place, rounds) in measured {
        let table = table(*place, rounds).join("\n");
        text.push_str(&format!("\n{table}\n"));
    }
    text.push_str(&format!("\n{}\n", table_of_bounds(bounds).join("\n")));
    text
}

fn table(place: Place, rounds: &[Round]) -> Vec<String> {
    let head = format!(
        "| {CLIENTS} clients write, {} | writes to compiled out's | core to compiled out's | writes a second | median | 99 % within | core of all members, a write |",
        place.title()
    );
    let mut rows = vec![head, "|---|--:|--:|--:|--:|--:|--:|".to_owned()];
    rows.extend(Subject::ALL.map(|subject| {
        let of = |figure: fn(&Sample) -> f64| median(each(rounds, subject, figure));
        let core = |sample: &Sample| sample.core.unwrap_or(f64::NAN);
        let to_out = |figure| match subject {
            Subject::Out => "1.00".to_owned(),
            _ => to_out(rounds, subject, figure).to_string(),
        };
        let is_told = rounds.iter().flatten().all(|sample| sample.core.is_some());
        let [core_to_out, core] =
            if is_told { [to_out(core), time(of(core))] } else { [String::new(), String::new()] };
        format!(
            "| {} | {} | {core_to_out} | {:.0} | {} | {} | {core} |",
            subject.title(),
            to_out(|sample| sample.rate),
            of(|sample| sample.rate),
            time(of(|sample| sample.median)),
            time(of(|sample| sample.p99)),
        )
    }));
    rows
}

/// How much more of a core an idle server may take, in the median.
const MOST_CORE: f64 = 1.05;

/// Idle points cost nothing that the rounds could tell from noise, which is what a second cluster of the same
/// build differs from the first. So that much noise does not hide a cost, the median has a limit, too.
pub(crate) fn bounds(measured: &[(Place, Vec<Round>)]) -> Vec<Bound> {
    let mut bounds = Vec::new();
    for (place, rounds) in measured {
        let place = place.title();
        bounds.push(within_noise(rounds, &format!("idle, {place}: writes a second"), |sample| {
            sample.rate
        }));
        if rounds.iter().flatten().all(|sample| sample.core.is_some()) {
            let core = |sample: &Sample| sample.core.unwrap_or(f64::NAN);
            bounds.push(within_noise(rounds, &format!("idle, {place}: core"), core));
            let idle = to_out(rounds, Subject::Idle, core).median;
            bounds.push(Bound {
                what: format!("idle, {place}: core at most {MOST_CORE} times compiled out's"),
                is: times(idle),
                holds: idle <= MOST_CORE,
            });
        }
    }
    bounds
}

fn within_noise(rounds: &[Round], what: &str, figure: fn(&Sample) -> f64) -> Bound {
    let idle = to_out(rounds, Subject::Idle, figure);
    let noise = to_out(rounds, Subject::OutAgain, figure);
    Bound {
        what: format!("{what} to compiled out's, within that of the second cluster, {noise}"),
        is: idle.to_string(),
        holds: idle.overlaps(&noise),
    }
}

/// The figures of a subject to those of the same round of the server without failpoints.
fn to_out(rounds: &[Round], subject: Subject, figure: fn(&Sample) -> f64) -> Spread {
    let out = each(rounds, Subject::Out, figure);
    let own = each(rounds, subject, figure);
    Spread::of(own.into_iter().zip(out).map(|(own, out)| own / out).collect())
}

fn each(rounds: &[Round], subject: Subject, figure: fn(&Sample) -> f64) -> Vec<f64> {
    let index = Subject::ALL.iter().position(|&one| one == subject);
    let index = index.expect("it is one of all");
    rounds.iter().map(|round| figure(&round[index])).collect()
}
