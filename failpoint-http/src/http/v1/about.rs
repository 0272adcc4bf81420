//! Routes about the process as a whole.

use super::call::Call;
use super::ext;
use crate::http::page;
use crate::http::response::Reply;
use crate::wire::{Export, Info, Problem, Report};
use failpoint::__bridge::control;

type Answer = Result<Reply, Box<Problem>>;

pub(super) fn report(_: &Call<'_>) -> Answer {
    let report = failpoint::report();
    Ok(Reply::json(&Report {
        never_reached: report.never_reached,
        never_fired: report.never_fired,
        pending: report.pending,
        shared: report.shared.into_iter().collect(),
    }))
}

pub(super) fn export(call: &Call<'_>) -> Answer {
    let failpoints = control::export();
    Ok(if call.request.wants_json() {
        Reply::json(&Export { failpoints })
    } else {
        Reply::text(failpoints + "\n")
    })
}

pub(super) fn info(_: &Call<'_>) -> Answer {
    let listing = control::listing();
    let count = |points: usize| u64::try_from(points).unwrap_or(u64::MAX);
    let declared = listing.made.iter().filter(|point| point.is_declared()).count();
    let armed = listing.made.iter().filter(|point| point.terms().is_some()).count();
    Ok(Reply::json(&Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        seed: control::seed(),
        compiled_in: failpoint::enabled(),
        panic: control::panic_mode(),
        points: count(declared),
        partial: control::list_is_partial(),
        armed: count(armed),
        revision: listing.revision,
        extensions: ext::all()
            .into_iter()
            .map(|(prefix, routes)| (prefix, ext::listed(&routes)))
            .collect(),
    }))
}

pub(super) fn healthz(_: &Call<'_>) -> Answer {
    Ok(Reply::done())
}

pub(super) fn page(_: &Call<'_>) -> Answer {
    Ok(page::reply())
}
