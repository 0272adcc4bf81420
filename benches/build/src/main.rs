//! What 2,000 points cost a build, in time and in bytes.
//!
//! ```sh
//! cargo run --release --manifest-path benches/build/Cargo.toml              # print
//! cargo run --release --manifest-path benches/build/Cargo.toml -- --write   # and put it into docs/cost.md
//! ```
//!
//! Writes crates of the same functions with points of each kind and without any, builds them in turns,
//! and compares. What they depend on is built before the clock starts. Options: `--points N`,
//! `--rounds N`, `--kinds none,on`, `--bodies line`, `--profiles dev`, `--no-startup`.

mod build;
mod criteria;
mod generate;
mod startup;
mod table;

use failpoint_bench_support::write_into_document;
use failpoint_bench_support::functions::{Body, Kind};
use generate::Crate;
use std::path::Path;
use std::{env, process};

/// What is to be measured.
struct Options {
    points: usize,
    rounds: usize,
    kinds: Vec<Kind>,
    bodies: Vec<Body>,
    profiles: Vec<build::Profile>,
    startup: bool,
    write: bool,
}

/// Of the programs that say how long they took to start.
const RUNS: usize = 21;

fn main() {
    let options = options(env::args().skip(1)).unwrap_or_else(|fault| {
        eprintln!("{fault}");
        process::exit(2);
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the repository is there");
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/crates");
    let tables: Vec<(Body, Vec<Kind>)> = options
        .bodies
        .iter()
        .map(|&body| {
            let kinds = options.kinds.iter().copied().filter(|&kind| body.compares(kind));
            (body, kinds.collect())
        })
        .collect();
    let all: Vec<Crate> = tables
        .iter()
        .flat_map(|(body, kinds)| kinds.iter().map(move |&kind| (*body, kind)))
        .flat_map(|(body, kind)| [true, false].map(|all| Crate { body, kind, all }))
        .collect();
    generate::write(&crates, &root, options.points, &all).expect("target can be written");
    let mut measured = Vec::new();
    for &profile in &options.profiles {
        for (body, kinds) in &tables {
            let table = build::measure(&crates, profile, *body, kinds, options.rounds);
            measured.push((profile, *body, table));
        }
    }
    let mut text = table::text(&measured, options.points, options.rounds);
    if options.startup {
        let crates = crates.with_file_name("startup");
        text.push_str("\n\n");
        text.push_str(&startup::text(&crates, &root, RUNS).expect("the programs run"));
    }
    println!("{text}");
    if options.write {
        write_into_document("build", &text).expect("docs/cost.md can be written");
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        points: 2000,
        rounds: 5,
        kinds: Kind::ALL.to_vec(),
        bodies: Body::ALL.to_vec(),
        profiles: vec![build::Profile::Dev, build::Profile::Release],
        startup: true,
        write: false,
    };
    while let Some(option) = arguments.next() {
        if option == "--write" {
            options.write = true;
            continue;
        }
        if option == "--no-startup" {
            options.startup = false;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{option}: a value is missing"))?;
        let number = || value.parse().map_err(|_| format!("{option} {value}: not a number"));
        match option.as_str() {
            "--points" => options.points = number()?,
            "--rounds" => options.rounds = number()?,
            "--kinds" => options.kinds = named(&value, &Kind::ALL, Kind::name)?,
            "--bodies" => options.bodies = named(&value, &Body::ALL, Body::name)?,
            "--profiles" => {
                options.profiles = named(&value, &build::Profile::BOTH, build::Profile::name)?;
            }
            _ => return Err(format!("{option}: there is no such option")),
        }
    }
    if options.points == 0 || options.rounds == 0 {
        return Err("at least one point and one round".to_owned());
    }
    Ok(options)
}

/// Those of `all` that a list with commas names.
fn named<T: Copy>(list: &str, all: &[T], name: fn(T) -> &'static str) -> Result<Vec<T>, String> {
    let find = |wanted: &str| {
        let known = || all.iter().map(|&one| name(one)).collect::<Vec<_>>().join(", ");
        let found = all.iter().copied().find(|&one| name(one) == wanted);
        found.ok_or_else(|| format!("{wanted}: none of {}", known()))
    };
    list.split(',').map(find).collect()
}
