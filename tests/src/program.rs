//! How is the program in `tests/wiring` built with flags that cargo's profiles would make slow?

use crate::rustc::{run, rustc};
use crate::world::{self, Profile, World, directory, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program and its library, compiled for one world with one set of flags.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Names the directory that it is built in: another for every set of flags.
    pub label: &'static str,
    /// Whether failpoints are compiled in.
    pub world: World,
    /// The profile that `failpoint` itself was built with.
    pub profile: Profile,
    /// What rustc is told beyond the profile, for library and program alike.
    pub flags: &'static [&'static str],
}

impl Program {
    /// Builds it; gives the path of the executable.
    pub fn build(&self) -> PathBuf {
        let out = directory().join("program").join(self.label);
        fs::create_dir_all(&out).expect("the target directory can be written");
        run(self.rustc("library", "src/lib.rs").arg("--crate-type=lib").arg("--out-dir").arg(&out));
        let executable = out.join("program").with_extension(std::env::consts::EXE_EXTENSION);
        run(self
            .rustc("program", "src/main.rs")
            .arg(format!("-Ldependency={}", out.display()))
            .arg(format!(
                "--extern=wiring_library={}",
                out.join("libwiring_library.rlib").display()
            ))
            .arg("-o")
            .arg(&executable));
        executable
    }

    fn rustc(&self, package: &str, main: &str) -> Command {
        let mut rustc = rustc(self.world, self.profile);
        rustc
            .arg(workspace().join("tests/wiring").join(package).join(main))
            .arg("--edition=2024")
            .arg(format!("--crate-name=wiring_{package}"))
            .env("CARGO_PKG_NAME", format!("wiring-{package}"))
            .args(self.flags);
        rustc
    }
}

/// Runs a program that was built here; gives what it prints, a line for each site.
pub fn sites(executable: &Path) -> Vec<String> {
    let mut command = Command::new(executable);
    world::without_settings(&mut command);
    let mut sites: Vec<_> = run(&mut command).lines().map(str::to_owned).collect();
    sites.sort();
    sites
}
