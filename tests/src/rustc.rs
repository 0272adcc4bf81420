//! How is one little program compiled?

use crate::world::{self, Profile, World};
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The editions that users have.
pub const EDITIONS: [&str; 3] = ["2018", "2021", "2024"];

/// What the compiler says of itself.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| run(Command::new(compiler()).arg("--version").arg("--verbose")))
}

/// A rustc that finds `failpoint` as that world and profile have it.
pub fn rustc(world: World, profile: Profile) -> Command {
    with_failpoint(Command::new(compiler()), world, profile)
}

fn compiler() -> OsString {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// A clippy that does, or nothing where none is installed.
pub fn clippy(world: World, profile: Profile) -> Option<Command> {
    let sysroot = rustc(world, profile).args(["--print", "sysroot"]).output().ok()?.stdout;
    let sysroot = PathBuf::from(String::from_utf8(sysroot).ok()?.trim());
    let driver =
        sysroot.join("bin").join("clippy-driver").with_extension(env::consts::EXE_EXTENSION);
    driver.exists().then(|| with_failpoint(Command::new(driver), world, profile))
}

fn with_failpoint(mut compiler: Command, world: World, profile: Profile) -> Command {
    let built = world.built(profile);
    world::without_settings(&mut compiler);
    // What a site notes as its package would else be this one.
    compiler.env_remove("CARGO_PKG_NAME");
    compiler.arg(format!("--extern=failpoint={}", built.failpoint.display()));
    compiler.arg(format!("-Ldependency={}", built.dependencies.display()));
    if profile == Profile::Release {
        compiler.arg("-Copt-level=3");
    }
    compiler
}

/// Runs `command` to its end; gives what it wrote to standard output.
///
/// # Panics
/// Where it fails, with what it wrote.
pub fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command can be run");
    assert!(
        output.status.success(),
        "{command:?} failed, {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
