//! How is the program in `tests/cases/wiring` built with flags that cargo's profiles would make slow?

use crate::made::{Ingredients, made};
use crate::rustc::{run, rustc};
use crate::world::{self, Profile, World, workspace};
use std::env::consts::EXE_EXTENSION;
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
        let mut library = self.rustc("library", "src/lib.rs");
        let mut program = self.rustc("program", "src/main.rs");
        let mut ingredients = Ingredients::of(self.world, self.profile);
        for source in ["library/src/lib.rs", "program/src/main.rs", "program/src/idle.rs"] {
            ingredients = ingredients.file(&workspace().join("tests/cases/wiring").join(source));
        }
        let ingredients = ingredients.command(&library).command(&program);
        let executable = Path::new("program").with_extension(EXE_EXTENSION);
        let place = made(&format!("program/{}", self.label), &ingredients, |out| {
            run(library.arg("--crate-type=lib").arg("--out-dir").arg(out));
            let library = out.join("libwiring_library.rlib");
            run(program
                .arg(format!("-Ldependency={}", out.display()))
                .arg(format!("--extern=wiring_library={}", library.display()))
                .arg("-o")
                .arg(out.join(&executable)));
        });
        place.join(executable)
    }

    fn rustc(&self, package: &str, main: &str) -> Command {
        let mut rustc = rustc(self.world, self.profile);
        rustc
            .arg(workspace().join("tests/cases/wiring").join(package).join(main))
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
