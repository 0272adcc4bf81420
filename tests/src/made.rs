//! What do the checks make once, and use until what it is made of changes?
//!
//! Compiling is what the checks spend their time on, and the same text compiled by the same compiler
//! against the same library gives the same program and the same errors. So these are kept, below the
//! checks' directory, under a hash of all that they are made of; as cargo keeps what it compiled. A
//! check itself (running a program, reading assembly, comparing an error) is done each time.
//!
//! What is made appears in its place at once and whole, so runs of the checks may go on side by side.

use crate::rustc::version;
use crate::world::{Profile, World, directory};
use std::convert::Infallible;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};

/// All that something is made of.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ingredients(DefaultHasher);

impl Ingredients {
    /// The compiler, and `failpoint` as that world and profile have it.
    pub fn of(world: World, profile: Profile) -> Self {
        let mut hasher = DefaultHasher::new();
        (version(), world.built(profile).content, profile as usize).hash(&mut hasher);
        Self(hasher)
    }

    /// A command with its arguments and variables, before it is told where to write.
    pub fn command(mut self, command: &Command) -> Self {
        command.get_program().hash(&mut self.0);
        command.get_args().for_each(|argument| argument.hash(&mut self.0));
        command.get_envs().for_each(|variable| variable.hash(&mut self.0));
        self
    }

    /// Text that is compiled.
    pub fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.0);
        self
    }

    /// The content of a file.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub fn file(mut self, file: &Path) -> Self {
        let content = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        content.hash(&mut self.0);
        self
    }
}

/// The directory of what `make` makes of `ingredients`: it is called with an empty directory where there
/// is none yet. The last one that was made under `label` is kept, and no other.
///
/// # Panics
/// Where the target directory cannot be written.
pub fn made(label: &str, ingredients: &Ingredients, make: impl FnOnce(&Path)) -> PathBuf {
    let make = |bench: &Path| {
        make(bench);
        Ok::<(), Infallible>(())
    };
    match try_made(label, ingredients, make) {
        Ok(place) => place,
    }
}

/// As [`made`], for what may fail. What failed is not kept.
///
/// # Errors
/// That of `make`.
///
/// # Panics
/// Where the target directory cannot be written.
pub fn try_made<E>(
    label: &str,
    ingredients: &Ingredients,
    make: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let shelf = directory().join("made").join(label);
    let hash = format!("{:016x}", ingredients.0.finish());
    let place = shelf.join(&hash);
    if place.exists() {
        return Ok(place);
    }
    let (process, number) = (process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let bench = shelf.join(format!("{hash}.{process}.{number}"));
    fs::create_dir_all(&bench).expect("the target directory can be written");
    if let Err(error) = make(&bench) {
        let _ = fs::remove_dir_all(&bench);
        return Err(error);
    }
    for entry in fs::read_dir(&shelf).expect("it was made").flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&hash) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    if let Err(error) = fs::rename(&bench, &place) {
        // Another run of the checks has made the same.
        assert!(place.exists(), "{}: {error}", place.display());
        let _ = fs::remove_dir_all(&bench);
    }
    Ok(place)
}

/// Whether `command` succeeds, and what it writes to stderr. `arguments` are added to it that may name
/// files in the directory that they are given, which are thrown away.
///
/// # Panics
/// Where the command cannot be run.
pub fn said(
    label: &str,
    ingredients: Ingredients,
    mut command: Command,
    arguments: impl FnOnce(&mut Command, &Path),
) -> (bool, String) {
    const SAID: &str = "said";
    const SUCCEEDED: &str = "succeeded";
    let place = made(label, &ingredients.command(&command), |bench| {
        let scrap = bench.join("scrap");
        fs::create_dir(&scrap).expect("the target directory can be written");
        arguments(&mut command, &scrap);
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        fs::remove_dir_all(scrap).expect("the target directory can be written");
        fs::write(bench.join(SAID), output.stderr).expect("the target directory can be written");
        if output.status.success() {
            fs::write(bench.join(SUCCEEDED), "").expect("the target directory can be written");
        }
    });
    let said = fs::read(place.join(SAID)).expect("it was written");
    (place.join(SUCCEEDED).exists(), String::from_utf8_lossy(&said).into_owned())
}
