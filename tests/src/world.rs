//! Where does a little program get its `failpoint` from?
//!
//! From the build of `wiring-library`, one per world and profile, in a target directory of its own:
//! the flags of the run (coverage, for one) would show in the assembly. (Not of `wiring-program`: two
//! builds would take its place in turns, and a test runs it from there.)

use serde_json::Value;
use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Whether failpoints are compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// The feature `failpoints` is on.
    On,
    /// It is not.
    Off,
}

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As `cargo build`.
    Dev,
    /// As `cargo build --release`.
    Release,
}

/// `failpoint`, built.
#[derive(Debug)]
pub struct Built {
    /// The library, to be given to `--extern`.
    pub failpoint: PathBuf,
    /// A hash of the library.
    pub content: u64,
    /// Where its dependencies lie.
    pub dependencies: PathBuf,
    /// The warnings of the packages of this workspace, as the compiler rendered them.
    pub warnings: Vec<String>,
}

impl World {
    /// Most checks hold in both.
    pub const BOTH: [World; 2] = [World::On, World::Off];

    /// As the cases write it.
    pub fn name(self) -> &'static str {
        match self {
            World::On => "on",
            World::Off => "off",
        }
    }

    /// Builds `failpoint` for this world, the first time that it is asked for.
    pub fn built(self, profile: Profile) -> &'static Built {
        static BUILT: [OnceLock<Built>; 4] = [const { OnceLock::new() }; 4];
        BUILT[self as usize * 2 + profile as usize].get_or_init(|| build(self, profile))
    }
}

fn build(world: World, profile: Profile) -> Built {
    let mut cargo = cargo();
    cargo.args(["build", "--package=wiring-library", "--message-format=json"]);
    // As the program would ask for it.
    cargo.arg("--features=failpoint/attributes");
    if world == World::On {
        cargo.arg("--features=failpoint/failpoints");
    }
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let output = cargo.output().expect("cargo runs");
    let messages: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let rendered = |message: &Value| Some(message["message"]["rendered"].as_str()?.to_owned());
    assert!(
        output.status.success(),
        "{cargo:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stderr),
        messages.iter().filter_map(rendered).collect::<String>()
    );
    let failpoint: PathBuf = messages
        .iter()
        .filter(|message| message["target"]["name"] == "failpoint")
        .filter_map(|message| message["filenames"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(".rlib"))
        .expect("cargo says where it put failpoint")
        .into();
    let warnings = messages
        .iter()
        .filter(|message| message["message"]["level"] == "warning")
        .filter_map(rendered)
        .collect();
    let dependencies = failpoint.parent().expect("it lies in a directory").to_owned();
    let mut hasher = DefaultHasher::new();
    fs::read(&failpoint).expect("cargo has built it").hash(&mut hasher);
    Built { failpoint, content: hasher.finish(), dependencies, warnings }
}

/// A cargo that works on this workspace, in the checks' own target directory, and sees none of the
/// settings of the run.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).env("CARGO_TARGET_DIR", directory().join("target"));
    // The bitcode is for those programs that are linked with LTO.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Cembed-bitcode=yes");
    // The run has resolved its dependencies, so nothing is to be resolved or fetched here.
    cargo.env("CARGO_NET_OFFLINE", "true");
    without_settings(&mut cargo);
    cargo
}

/// Until what is given back is dropped, no other run of the checks does what has this name: for a
/// directory that is written again each time.
///
/// # Panics
/// Where the target directory cannot be written.
#[allow(clippy::incompatible_msrv, reason = "the checks run on the stable compiler alone")]
pub fn alone(name: &str) -> impl Drop {
    struct Alone(File);
    impl Drop for Alone {
        fn drop(&mut self) {
            let _ = self.0.unlock();
        }
    }
    fs::create_dir_all(directory()).expect("the target directory can be written");
    let lock = File::create(directory().join(name).with_extension("lock"));
    let lock = lock.expect("the target directory can be written");
    lock.lock().expect("a file can be locked");
    Alone(lock)
}

/// Takes away what the run's environment would say to a build or to a program.
pub fn without_settings(command: &mut Command) {
    for name in [
        "CARGO_BUILD_TARGET",
        "CARGO_INCREMENTAL",
        "FAILPOINTS",
        "FAILPOINT_FORBID",
        "FAILPOINT_PANIC",
        "GOFAIL_FAILPOINTS",
        "GOFAIL_HTTP",
        "RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// Where the checks put what they make: `checks` in the target directory of the run.
pub fn directory() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().find(|directory| directory.join("CACHEDIR.TAG").exists());
    target.expect("a test lies in a target directory").join("checks")
}
