//! What do points cost? Compiled out, not an instruction; compiled in and idle, a load, a test and a
//! branch.

use failpoint_test_support::needs;
use failpoint_tests::assembly::{self, Symbols};
use failpoint_tests::made::{Ingredients, made};
use failpoint_tests::program::Program;
use failpoint_tests::rustc::{run, rustc};
use failpoint_tests::world::{Profile, World, workspace};
use std::fs;
use std::process::Command;

#[test]
fn compiled_out_statements_leave_no_instruction_in_release() {
    assert_same_but_for_differs("statements", Profile::Release);
}

#[test]
fn compiled_out_statements_leave_no_instruction_in_dev() {
    assert_same_but_for_differs("statements", Profile::Dev);
}

#[test]
fn compiled_out_attributes_leave_no_instruction_in_release() {
    assert_same_but_for_differs("attributes", Profile::Release);
}

#[test]
fn compiled_out_attributes_leave_no_instruction_in_dev() {
    assert_same_but_for_differs("attributes", Profile::Dev);
}

#[test]
fn compiled_out_expressions_leave_no_instruction_in_release() {
    assert_same_but_for_differs("expressions", Profile::Release);
}

#[test]
fn compiled_out_async_forms_leave_no_instruction_in_release() {
    assert_same_but_for_differs("futures", Profile::Release);
}

#[test]
fn compiled_out_futures_keep_their_size_in_dev() {
    for fixture in ["expressions", "futures"] {
        let sizes = |points| {
            let mut symbols = symbols(fixture, World::Off, Profile::Dev, points);
            symbols.retain(|name, _| name.contains("size_of"));
            assert!(symbols.len() > 1, "the functions are there, and `size_of_val`");
            symbols
        };
        assert_eq!(sizes(true), sizes(false), "{fixture}");
    }
}

/// The comparison sees points where there are some.
#[test]
fn compiled_in_every_function_with_points_differs() {
    let with = symbols("statements", World::On, Profile::Release, true);
    let without = symbols("statements", World::On, Profile::Release, false);
    let differences = assembly::differences(&with, &without);
    for function in ["plain", "condition", "closure_moves", "in_a_loop", "generic", "poll"] {
        assert!(
            differences.iter().any(|name| name.contains(function)),
            "{function}: {differences:?}"
        );
    }
}

/// Compares the whole crate, data and all, with its points and without them. The function `differs`
/// is there to be found.
fn assert_same_but_for_differs(fixture: &str, profile: Profile) {
    let with = symbols(fixture, World::Off, profile, true);
    let without = symbols(fixture, World::Off, profile, false);
    assert!(without.len() > 2, "{:?}", without.keys());
    let differences = assembly::differences(&with, &without);
    let others: Vec<_> = differences.iter().filter(|name| !name.contains("differs")).collect();
    assert_eq!(differences.len(), others.len() + 1, "the comparison is blind: {differences:?}");
    for name in &others {
        eprintln!("{name}\nwith: {:#?}\nwithout: {:#?}", with.get(*name), without.get(*name));
    }
    assert!(others.is_empty(), "{others:?}");
}

fn symbols(fixture: &str, world: World, profile: Profile, points: bool) -> Symbols {
    let source = workspace().join("tests/cases/assembly").join(fixture).with_extension("rs");
    let mut rustc = rustc(world, profile);
    rustc
        .arg(&source)
        .args(["--edition=2024", "--crate-type=lib", "--emit=asm", "--check-cfg=cfg(points)"])
        // One file, and a disambiguator that does not know of the points.
        .args(["-Ccodegen-units=1", "-Cmetadata=same"]);
    if points {
        rustc.arg("--cfg=points");
    }
    let label = format!("assembly/{fixture}-{world:?}-{profile:?}-{points}");
    let ingredients = Ingredients::of(world, profile).command(&rustc).file(&source);
    let place = made(&label, &ingredients, |out| {
        run(rustc.arg("-o").arg(out.join("assembly.s")));
    });
    assembly::of_file(&fs::read_to_string(place.join("assembly.s")).expect("rustc wrote it"))
}

#[test]
fn an_idle_point_is_a_load_a_test_and_a_branch() {
    assert_idle_cost(Program {
        label: "idle",
        world: World::On,
        profile: Profile::Release,
        flags: &[],
    });
}

#[test]
fn an_idle_point_is_a_load_a_test_and_a_branch_with_lto() {
    assert_idle_cost(Program {
        label: "idle-lto",
        world: World::On,
        profile: Profile::Release,
        flags: &["-Clto=fat", "-Ccodegen-units=1"],
    });
}

/// Disassembles the linked program and compares functions with one point and without it.
fn assert_idle_cost(program: Program) {
    if !needs::program("objdump") {
        return;
    }
    let executable = program.build();
    let objdump = Command::new("objdump")
        .args(["--disassemble", "--no-show-raw-insn"])
        .arg(&executable)
        .output()
        .expect("objdump runs");
    assert!(objdump.status.success(), "{}", String::from_utf8_lossy(&objdump.stderr));
    let symbols = assembly::of_binary(&String::from_utf8_lossy(&objdump.stdout));
    let function = |name: &str| {
        let found: Vec<_> = symbols.iter().filter(|(symbol, _)| symbol.contains(name)).collect();
        assert_eq!(
            found.len(),
            1,
            "{name}: {:?}",
            found.iter().map(|one| one.0).collect::<Vec<_>>()
        );
        assembly::straight_path(found[0].1).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    };
    let surplus = |with: &str, without: &str| {
        assembly::surplus(&function(with), &function(without))
            .unwrap_or_else(|fault| panic!("{with}: {fault}"))
    };
    for name in ["leaf", "writer", "library", "instance"] {
        let surplus = surplus(&format!("{name}_with_point"), &format!("{name}_without_point"));
        let surplus = if name == "instance" { assembly::after_address(&surplus) } else { &surplus };
        match assembly::is_load_test_branch(surplus) {
            Some(is) => assert!(is, "{name}: {surplus:#?}"),
            None => eprintln!("skipped: needs x86_64 or aarch64; the point is {surplus:#?}"),
        }
    }
    // The comparison is not blind.
    let two = surplus("twice_with_two_points", "leaf_without_point");
    assert_ne!(assembly::is_load_test_branch(&two), Some(true), "{two:#?}");
}
