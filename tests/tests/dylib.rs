//! Does a program that takes `failpoint` from a dynamic library say that its list may be partial?
#![cfg(target_os = "linux")]

use failpoint_tests::made::{Ingredients, made};
use failpoint_tests::rustc::{run, rustc};
use failpoint_tests::world::{Profile, World, workspace};
use std::path::Path;
use std::process::Command;

const PROFILE: Profile = Profile::Dev;

#[test]
fn an_unknown_point_is_said_to_be_unlisted_perhaps() {
    let cases = workspace().join("tests/cases/dylib");
    let compile = |name: &str| {
        let mut rustc = rustc(World::On, PROFILE);
        rustc.arg(cases.join(name)).args(["--edition=2024", "-Cprefer-dynamic", "-Crpath"]);
        rustc
    };
    let mut library = compile("library.rs");
    let mut program = compile("program.rs");
    let ingredients = Ingredients::of(World::On, PROFILE)
        .file(&cases.join("library.rs"))
        .file(&cases.join("program.rs"))
        .command(&library)
        .command(&program);
    let place = made("dylib", &ingredients, |out| {
        let object = out.join("libdylib_library.so");
        run(library.args(["--crate-type=dylib", "--crate-name=dylib_library", "-o"]).arg(&object));
        run(program
            .arg(format!("--extern=dylib_library={}", object.display()))
            .arg("-o")
            .arg(out.join("program")));
    });
    let paths = [place.clone(), Path::new(run(&mut target_libdir()).trim()).to_owned()];
    let paths = std::env::join_paths(paths).expect("paths without a colon");
    let said = run(Command::new(place.join("program")).env("LD_LIBRARY_PATH", paths));
    let lines: Vec<_> = said.lines().collect();
    let [before, error, after] = *lines else { panic!("three lines: {said}") };
    assert_eq!(before, r#"listed ["dylib/library"]"#);
    let place = place.canonicalize().expect("it was built");
    let expected = format!(
        "no failpoint is named `dylib/program` in this program; the nearest are `dylib/library`; the \
         crate `failpoint` is in the shared library {}, so points outside of it are listed only \
         after their first evaluation",
        place.join("libdylib_library.so").display()
    );
    assert_eq!(error, expected);
    assert_eq!(after, r#"listed ["dylib/library", "dylib/program"]"#);
}

/// Asks where the compiler's `libstd` is.
fn target_libdir() -> Command {
    let mut rustc = rustc(World::On, PROFILE);
    rustc.args(["--print", "target-libdir"]);
    rustc
}
