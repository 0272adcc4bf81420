//! Converts values of the library into the types of `wire`.

use crate::wire::{Point, Site, WasArmed};
use failpoint::{PointInfo, SiteInfo};

pub(crate) fn point(info: PointInfo) -> Point {
    Point {
        accepts: accepted(&info.sites),
        sites: info.sites.into_iter().map(site).collect(),
        armed: info.terms.is_some(),
        last_fire: info.last_fire.map(|at| humantime::format_rfc3339_micros(at).to_string()),
        name: info.name,
        terms: info.terms,
        generation: info.generation,
        hits: info.hits,
        fires: info.fires,
        paused: info.paused,
    }
}

pub(crate) fn was_armed(info: PointInfo) -> WasArmed {
    WasArmed {
        name: info.name,
        terms: info.terms.unwrap_or_default(),
        hits: info.hits,
        fires: info.fires,
    }
}

fn site(info: SiteInfo) -> Site {
    Site {
        file: info.file.to_owned(),
        line: info.line,
        module: info.module.to_owned(),
        package: info.package.to_owned(),
        kind: info.kind.to_owned(),
        accepts: info.accepts.map(str::to_owned),
        keys: info.keys.iter().map(|&key| key.to_owned()).collect(),
        reached: info.reached,
    }
}

/// What every site takes. `text` and `error` take all, so the others narrow them.
fn accepted(sites: &[SiteInfo]) -> Option<String> {
    let each: Option<Vec<&str>> = sites.iter().map(|site| site.accepts).collect();
    let mut each = each?;
    each.sort_unstable();
    each.dedup();
    if each.iter().any(|one| !takes_all(one)) {
        each.retain(|one| !takes_all(one));
    }
    (!each.is_empty()).then(|| each.join(" and "))
}

fn takes_all(accepts: &str) -> bool {
    matches!(accepts, "text" | "error")
}
