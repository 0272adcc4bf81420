//! Where do the sources come from, and are they still what was published?

use crate::consumer::Consumer;
use crate::{Failure, Rooms, Side, progress};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::Table;

/// What may differ from what was published, and what was made while building.
const OURS: [&str; 3] = ["Cargo.toml", "Cargo.lock", "target"];

/// Has cargo download the package and check it; gives the directory of its sources.
pub fn fetch(rooms: &Rooms, consumer: &Consumer) -> Result<PathBuf, Failure> {
    let Consumer { name, version, .. } = consumer;
    progress(format_args!("{}: fetching {name} {version}", consumer.key()));
    let here = rooms.work.join(consumer.key()).join("fetch");
    fs::create_dir_all(&here)?;
    fs::write(here.join("lib.rs"), "")?;
    fs::write(
        here.join("Cargo.toml"),
        format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
             [lib]\npath = \"lib.rs\"\n[workspace]\n\
             [dependencies]\n{name} = {{ version = \"={version}\", default-features = false }}\n"
        ),
    )?;
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1"])
        .current_dir(&here)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("metadata without packages")?;
    let package = packages
        .iter()
        .find(|package| package["name"] == **name && package["version"] == **version)
        .ok_or_else(|| format!("{name} {version} is not in the tree"))?;
    let manifest = Path::new(package["manifest_path"].as_str().ok_or("a path is text")?);
    Ok(manifest.parent().ok_or("a manifest stands in a directory")?.to_owned())
}

/// A copy of the sources for `side`, with its manifest edited.
pub fn unpack(
    rooms: &Rooms,
    consumer: &Consumer,
    source: &Path,
    side: Side,
) -> Result<PathBuf, Failure> {
    let copy = rooms.work.join(consumer.key()).join(match side {
        Side::Fail => "with-fail",
        Side::Ours => "with-ours",
    });
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    for file in files(source)? {
        // An old lock file holds what today's compiler no longer builds.
        if file != Path::new("Cargo.lock") {
            let to = copy.join(&file);
            fs::create_dir_all(to.parent().ok_or("a file stands in a directory")?)?;
            fs::copy(source.join(&file), to)?;
        }
    }
    let mut manifest: Table = fs::read_to_string(source.join("Cargo.toml"))?.parse()?;
    consumer.edit_manifest(&mut manifest, rooms, side);
    fs::write(copy.join("Cargo.toml"), toml::to_string(&manifest)?)?;
    Ok(copy)
}

/// Whether the copy was built with the `fail` of its side: a patch that fits nothing is only a warning.
pub fn assert_side(consumer: &Consumer, copy: &Path, side: Side) -> Result<(), Failure> {
    let lock: Table = fs::read_to_string(copy.join("Cargo.lock"))?.parse()?;
    let packages = lock["package"].as_array().ok_or("a lock file lists packages")?;
    let is_fail = |package: &&toml::Value| {
        package["name"].as_str() == Some("fail")
            && package["version"].as_str() == Some(consumer.fail)
    };
    let fail = packages.iter().find(is_fail).ok_or("it does not depend on fail")?;
    let from_registry = fail.get("source").is_some();
    if from_registry == (side == Side::Fail) {
        Ok(())
    } else {
        Err(format!("{}: not built with the fail of its side, {side:?}", consumer.key()).into())
    }
}

/// Compares the copy to what cargo unpacked, byte by byte; gives the number of files.
pub fn assert_untouched(consumer: &Consumer, source: &Path, copy: &Path) -> Result<usize, Failure> {
    let published = files(source)?;
    let published: Vec<_> = published.iter().filter(|file| !is_ours(file)).collect();
    for file in &published {
        if fs::read(source.join(file))? != fs::read(copy.join(file))? {
            return Err(format!("{}: {} was touched", consumer.key(), file.display()).into());
        }
    }
    let news = files(copy)?;
    let is_new = |file: &&PathBuf| !is_ours(file) && !published.contains(file);
    match news.iter().find(is_new) {
        // Their tests may leave things behind; sources they are not.
        Some(new) if new.extension().is_some_and(|extension| extension == "rs") => {
            Err(format!("{}: {} was added", consumer.key(), new.display()).into())
        }
        _ => Ok(published.len()),
    }
}

fn is_ours(file: &Path) -> bool {
    OURS.iter().any(|ours| file.starts_with(ours))
}

/// Every file below `root`, relative to it.
fn files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                todo.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
