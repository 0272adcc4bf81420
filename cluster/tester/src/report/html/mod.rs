//! What does a report look like in a browser? One page that needs nothing else: no other file, no script.
//!
//! Everything that comes from elsewhere (names, keys, lines of logs) is escaped, and a
//! Content-Security-Policy in the page forbids the browser to run or to fetch anything.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::model::{CaseReport, CheckReport, Outcome, Report, Summary};
use super::text::{duration, number};
use escape::text;

mod chart;
mod escape;
mod history;

const STYLE: &str = include_str!("style.css");
/// How many failures are shown in full.
const FAILURES: usize = 100;
/// How many cases the table has.
const CASES: usize = 200;
/// How many injections of a case are shown at once; of more, the rest unfolds.
const INJECTIONS: usize = 4;

/// The page of a report. While the run goes on, it reloads itself.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut out = String::with_capacity(64 << 10);
    let summary = &report.summary;
    let outcome = summary.verdict.map_or("running", Outcome::name);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">"
    );
    if summary.verdict.is_none() {
        out += "<meta http-equiv=\"refresh\" content=\"5\">";
    }
    let _ = write!(
        out,
        "<title>{} {outcome}, seed {}</title><style>{STYLE}</style></head><body>",
        text(&report.subject),
        report.seed
    );
    header(&mut out, report, outcome);
    out += "<main>";
    figures(&mut out, summary, report.rounds);
    replay(&mut out, report);
    failures(&mut out, report);
    over_time(&mut out, report);
    checks(&mut out, &report.checks);
    by_name(&mut out, &report.cases);
    cases(&mut out, report);
    let _ = writeln!(
        out,
        "</main><footer>failpoint-tester {}. All times count from the start of the run. \
         <code>report.json</code> beside this page has the same in JSON.</footer></body></html>",
        text(&report.version)
    );
    out
}

fn header(out: &mut String, report: &Report, outcome: &str) {
    let subject = if report.subject.is_empty() { "A run" } else { &report.subject };
    let (date, time) = date(report.started);
    let _ = write!(
        out,
        "<header><div class=\"title\"><h1>{}</h1><span class=\"outcome badge {outcome}\">{}</span></div>\
         <p class=\"muted\">Started <time datetime=\"{date}T{time}Z\">{date} {time} UTC</time>, \
         {} {}.</p>",
        text(subject),
        words(outcome),
        if report.summary.verdict.is_none() { "runs for" } else { "took" },
        duration(report.milliseconds)
    );
    if report.summary.verdict.is_none() {
        out.push_str(
            "<p class=\"muted\">The run goes on. This page reloads itself every 5 seconds.</p>",
        );
    }
    out.push_str("</header>");
}

fn figures(out: &mut String, summary: &Summary, rounds: u64) {
    let bad = |bad: bool| if bad { " class=\"bad\"" } else { "" };
    out.push_str("<dl class=\"figures\">");
    for (name, count, class) in [
        ("rounds", rounds, ""),
        ("cases", summary.cases, ""),
        ("combinations", summary.combinations, ""),
        ("faults", summary.injections, ""),
        ("requests", summary.operations, ""),
        ("failed cases and checks", summary.failed, bad(summary.failed > 0)),
        ("lost writes", summary.lost_writes, bad(summary.lost_writes > 0)),
        ("discarded by a restore", summary.discarded, ""),
        ("not applicable", summary.not_applicable, ""),
    ] {
        let _ = write!(out, "<div{class}><dt>{name}</dt><dd>{}</dd></div>", number(count));
    }
    if summary.healed.faults > 0 {
        let [median, p99, longest] = summary.healed.milliseconds;
        for (name, time) in [
            ("median until healed", median),
            ("99th percentile until healed", p99),
            ("longest until healed", longest),
        ] {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", duration(time));
        }
    }
    out.push_str("</dl>");
}

fn replay(out: &mut String, report: &Report) {
    let _ = write!(
        out,
        "<section aria-labelledby=\"replay\"><h2 id=\"replay\">Run it again</h2>\
         <p>The seed is <code class=\"command\">{}</code>. This command runs the same schedule:</p>\
         <pre><code class=\"command\">{}</code></pre></section>",
        report.seed,
        text(&report.replay)
    );
}

fn failures(out: &mut String, report: &Report) {
    let bad = |outcome| matches!(outcome, Outcome::Failed | Outcome::NotDecided);
    let checks: Vec<_> = report.checks.iter().filter(|check| bad(check.outcome)).collect();
    let cases: Vec<_> = report.cases.iter().filter(|case| bad(case.outcome)).collect();
    let all = checks.len() + cases.len();
    if all == 0 {
        if let Some(first) = &report.summary.first_failure {
            let _ = write!(
                out,
                "<h2>What went wrong</h2><article class=\"not-decided\"><p class=\"message\">{}</p></article>",
                text(first)
            );
        }
        return;
    }
    out.push_str("<section aria-labelledby=\"failures\"><h2 id=\"failures\">What went wrong</h2>");
    for (id, check) in checks.iter().take(FAILURES).enumerate() {
        failed_check(out, check, id);
    }
    for case in cases.iter().take(FAILURES.saturating_sub(checks.len())) {
        failed_case(out, case);
    }
    if all > FAILURES {
        let _ = write!(
            out,
            "<p class=\"muted\">{} more are in <code>report.json</code>.</p>",
            number((all - FAILURES) as u64)
        );
    }
    out.push_str("</section>");
}

fn failed_check(out: &mut String, check: &CheckReport, id: usize) {
    let outcome = check.outcome.name();
    let when = match &check.case {
        Some(case) => format!("after {case} in round {}", check.round),
        None => format!("at the end of round {}", check.round),
    };
    let _ = write!(
        out,
        "<article class=\"{outcome}\"><h3>{} <span class=\"outcome {outcome}\">{}</span></h3>\
         <p class=\"muted\">{}</p><p class=\"message\">{}</p>",
        check.check,
        words(outcome),
        text(&when),
        text(&check.message)
    );
    if !check.around.is_empty() {
        out.push_str(&history::html(&check.around, id));
    }
    out.push_str("</article>");
}

fn failed_case(out: &mut String, case: &CaseReport) {
    let outcome = case.outcome.name();
    let _ = write!(
        out,
        "<article class=\"{outcome}\"><h3>{} <span class=\"outcome {outcome}\">{}</span></h3>\
         <p class=\"muted\">case {} of the run, in round {}, from {} to {}</p><p class=\"message\">{}</p>",
        text(&case.case),
        words(outcome),
        case.number,
        case.round,
        duration(case.start),
        duration(case.end),
        text(case.reason.as_deref().unwrap_or("No reason is given."))
    );
    if case.failures.len() > 1 {
        out.push_str("<ul>");
        for failure in &case.failures {
            let _ = write!(out, "<li>{}</li>", text(failure));
        }
        out.push_str("</ul>");
    }
    injections(out, case);
    out.push_str("</article>");
}

fn over_time(out: &mut String, report: &Report) {
    out.push_str("<section aria-labelledby=\"time\"><h2 id=\"time\">Over time</h2>");
    if report.samples.is_empty() && report.faults.is_empty() {
        out.push_str("<p>There was no load and no fault.</p></section>");
        return;
    }
    out.push_str("<figure><ul class=\"legend\">");
    for (class, name) in [
        ("answered", "answered"),
        ("failed-requests", "failed"),
        ("p50", "median"),
        ("p90", "90th percentile"),
        ("p99", "99th percentile"),
        ("max", "maximum"),
        ("fault", "a fault"),
    ] {
        let _ = write!(out, "<li class=\"{class}\"><span>{name}</span></li>");
    }
    let _ = write!(
        out,
        "</ul><div class=\"wide\">{}</div><div class=\"narrow\">{}</div>\
         <figcaption>Latencies are those of answered requests, on a logarithmic scale. Where one \
         step stands for several intervals, it shows the largest of their percentiles. A dashed \
         line is a case that failed.</figcaption></figure></section>",
        chart::svg(report, chart::WIDE),
        chart::svg(report, chart::NARROW)
    );
}

/// One row for each name, however often the case was run.
fn by_name(out: &mut String, cases: &[CaseReport]) {
    let mut rows: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for case in cases {
        rows.entry(&case.case).or_default().push(case);
    }
    if rows.is_empty() || rows.len() == cases.len() {
        return;
    }
    out.push_str(
        "<section aria-labelledby=\"names\"><h2 id=\"names\">Cases by name</h2>\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"names-caption\" tabindex=\"0\"><table>\
         <caption id=\"names-caption\">How often each case was run, and how long the cluster took to heal, \
         as far as the report reaches back.</caption><thead><tr><th scope=\"col\">Case</th>\
         <th scope=\"col\" class=\"number\">Runs</th><th scope=\"col\" class=\"number\">Failed</th>\
         <th scope=\"col\" class=\"number\">Faults</th><th scope=\"col\" class=\"number\">Not felt</th>\
         <th scope=\"col\" class=\"number\">Healed: median</th>\
         <th scope=\"col\" class=\"number\">longest</th></tr></thead><tbody>",
    );
    for (name, cases) in &rows {
        let failed = cases.iter().filter(|case| case.outcome == Outcome::Failed).count() as u64;
        let faults = || cases.iter().flat_map(|case| &case.injections);
        let not_felt = faults().filter(|fault| fault.felt.is_none()).count() as u64;
        let mut healed: Vec<u64> = cases.iter().filter_map(|case| case.healed_after).collect();
        healed.sort_unstable();
        let shown = |place: Option<&u64>| place.map_or_else(|| "–".to_owned(), |&ms| duration(ms));
        let class = |count: u64| if count > 0 { "number failed" } else { "number" };
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"{}\">{}</td>\
             <td class=\"number\">{}</td><td class=\"{}\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td></tr>",
            text(name),
            number(cases.len() as u64),
            class(failed),
            number(failed),
            number(faults().count() as u64),
            class(not_felt),
            number(not_felt),
            shown(healed.get(healed.len() / 2)),
            shown(healed.last())
        );
    }
    out.push_str("</tbody></table></div></section>");
}

fn cases(out: &mut String, report: &Report) {
    out.push_str("<section aria-labelledby=\"cases\"><h2 id=\"cases\">Each case</h2>");
    if report.cases.is_empty() {
        out.push_str("<p>No case was run.</p></section>");
        return;
    }
    let left_out = report.cases.len().saturating_sub(CASES);
    let gone = report.summary.cases.saturating_sub(report.cases.len() as u64);
    if left_out > 0 || gone > 0 {
        let _ = write!(
            out,
            "<p class=\"muted\">The last {} of {} cases. <code>report.json</code> has {}: of a long \
             run, it does not keep the oldest that passed.</p>",
            number((report.cases.len() - left_out) as u64),
            number(report.summary.cases.max(report.cases.len() as u64)),
            number(report.cases.len() as u64)
        );
    }
    out.push_str(
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"cases-caption\" tabindex=\"0\"><table>\
         <caption id=\"cases-caption\">Each case, with how its faults were felt and how the cluster healed. Rates are \
         answered requests a second before, during and after the fault.</caption><thead><tr>\
         <th scope=\"col\" class=\"number\">#</th><th scope=\"col\">Case</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Felt</th><th scope=\"col\" class=\"number\">Healed after</th>\
         <th scope=\"col\" class=\"number\">Took</th><th scope=\"col\" class=\"number\">Rates</th></tr></thead><tbody>",
    );
    for case in &report.cases[left_out..] {
        let outcome = case.outcome.name();
        let _ = write!(
            out,
            "<tr><td class=\"number\">{}</td><th scope=\"row\">{}</th>\
             <td><span class=\"outcome {outcome}\">{}</span></td><td class=\"words\">",
            case.number,
            text(&case.case),
            words(outcome)
        );
        match (&case.reason, case.outcome) {
            (Some(reason), Outcome::NotApplicable | Outcome::NotAvailable) => {
                let _ = write!(out, "{}", text(reason));
            }
            _ => injections(out, case),
        }
        if !case.left_out.is_empty() {
            let _ = write!(
                out,
                "<details><summary>{} not applicable</summary><ul>",
                number(case.left_out.len() as u64)
            );
            for (what, why) in &case.left_out {
                let _ = write!(out, "<li>{}: {}</li>", text(what), text(why));
            }
            out.push_str("</ul></details>");
        }
        let healed = case.healed_after.map_or_else(|| "–".to_owned(), duration);
        let rates = case.rates.map_or_else(
            || "–".to_owned(),
            |rates| rates.map(|rate| format!("{rate:.0}")).join(" / "),
        );
        let _ = write!(
            out,
            "</td><td class=\"number\">{healed}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{rates}</td></tr>",
            duration(case.end.saturating_sub(case.start))
        );
    }
    out.push_str("</tbody></table></div></section>");
}

fn injections(out: &mut String, case: &CaseReport) {
    if case.injections.is_empty() {
        return;
    }
    let list = |out: &mut String, injections: &[super::model::Injection]| {
        out.push_str("<ul>");
        for injection in injections {
            let _ = write!(out, "<li>{} on {}: ", text(&injection.what), text(&injection.member));
            let _ = match &injection.felt {
                Some(felt) => write!(out, "{}</li>", text(felt)),
                None => write!(out, "<span class=\"outcome failed\">not felt</span></li>"),
            };
        }
        out.push_str("</ul>");
    };
    let (first, rest) = case.injections.split_at(case.injections.len().min(INJECTIONS));
    list(out, first);
    if !rest.is_empty() {
        let _ = write!(out, "<details><summary>{} more</summary>", number(rest.len() as u64));
        list(out, rest);
        out.push_str("</details>");
    }
}

fn checks(out: &mut String, checks: &[CheckReport]) {
    #[derive(Default)]
    struct Row<'a> {
        counts: [u64; 4],
        took: u64,
        last: &'a str,
    }

    out.push_str("<section aria-labelledby=\"checks\"><h2 id=\"checks\">Checks</h2>");
    if checks.is_empty() {
        out.push_str("<p>No check was made.</p></section>");
        return;
    }
    let mut rows: BTreeMap<_, Row<'_>> = BTreeMap::new();
    for check in checks {
        let row = rows.entry(check.check).or_default();
        let column = match check.outcome {
            Outcome::Passed => 0,
            Outcome::Failed => 1,
            Outcome::NotDecided => 2,
            _ => 3,
        };
        row.counts[column] += 1;
        row.took = row.took.max(check.milliseconds);
        row.last = &check.message;
    }
    out.push_str(
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"checks-caption\" tabindex=\"0\"><table>\
         <caption id=\"checks-caption\">How often each check ended in which way, as far as the report reaches back.</caption><thead><tr>\
         <th scope=\"col\">Check</th><th scope=\"col\" class=\"number\">Passed</th>\
         <th scope=\"col\" class=\"number\">Failed</th><th scope=\"col\" class=\"number\">Not decided</th>\
         <th scope=\"col\" class=\"number\">Others</th><th scope=\"col\" class=\"number\">Longest</th>\
         <th scope=\"col\">The last one found</th></tr></thead><tbody>",
    );
    for (check, Row { counts: [passed, failed, not_decided, others], took, last }) in &rows {
        let class = |count: u64, class: &'static str| if count > 0 { class } else { "" };
        let mut last: String = (*last).to_owned();
        super::text::cut(&mut last, 300);
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{check}</th><td class=\"number\">{}</td>\
             <td class=\"number {}\">{}</td><td class=\"number {}\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"words\">{}</td></tr>",
            number(*passed),
            class(*failed, "failed"),
            number(*failed),
            class(*not_decided, "not-decided"),
            number(*not_decided),
            number(*others),
            duration(*took),
            text(&last)
        );
    }
    out.push_str("</tbody></table></div></section>");
}

/// The name of an outcome for people.
fn words(outcome: &str) -> String {
    outcome.replace('-', " ")
}

/// The date and the time of day in UTC, of seconds since 1970.
fn date(seconds: u64) -> (String, String) {
    // Days since 1 March of the year 0, in eras of 400 years: Howard Hinnant's `civil_from_days`.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) =
        (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"))
}
