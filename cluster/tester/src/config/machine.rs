//! Does this machine have what the configuration needs?

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use super::members::addresses;
use super::mistakes::{Mistake, Mistakes};
use super::types::{Config, DriverConfig};
use super::{ports, values};
use crate::cases::{Availability, Case, Fault};
use crate::process::path::find;

impl Config {
    /// Whether the subject can be put through a case, on this machine.
    #[must_use]
    pub fn availability(&self, case: &Case) -> Availability {
        let of_subject = case.availability(&self.abilities());
        if of_subject != Availability::Available {
            return of_subject;
        }
        match (case.fault, &self.driver) {
            (Fault::RemoveQuorumAndRestore, DriverConfig::Etcd(etcd))
                if self.runs_here() && find(&etcd.etcdctl).is_none() =>
            {
                Availability::NotAvailable(format!(
                    "`{}` is not installed; {}",
                    etcd.etcdctl.display(),
                    install(&etcd.etcdctl)
                ))
            }
            (Fault::External, _) if self.external.is_none() => {
                Availability::NotAvailable("the configuration has no `external` program".to_owned())
            }
            _ => Availability::Available,
        }
    }

    /// Looks for what is missing on this machine: programs, files of tokens, free ports, and a
    /// directory that can be written. It leaves nothing behind.
    ///
    /// # Errors
    /// All that is missing, with the place in the configuration that asks for it.
    pub fn check_machine(&self) -> Result<(), Mistakes> {
        let mut list = Vec::new();
        let mut missing = |key: &str, message: String| {
            list.push(Mistake { at: self.place(key), message });
        };
        if self.runs_here() {
            match &self.driver {
                DriverConfig::Etcd(etcd) => {
                    if let Err(message) = program(&etcd.binary) {
                        missing("driver.etcd.binary", message);
                    }
                }
                DriverConfig::RaftKv(raft_kv) => {
                    if let Err(message) = program(&raft_kv.binary) {
                        missing("driver.raft-kv.binary", message);
                    }
                }
                DriverConfig::Commands(commands) => {
                    if let Some(Err(message)) = commands.start.as_deref().map(first) {
                        missing("driver.commands.start", message);
                    }
                }
            }
        }
        if let DriverConfig::Commands(commands) = &self.driver {
            for (name, (call, _)) in &commands.calls {
                if let crate::driver::commands::Call::Program(words) = call
                    && let Err(message) = first(words)
                {
                    missing(&format!("driver.commands.{name}"), message);
                }
            }
        }
        if let Some(Err(message)) = self.external.as_deref().map(first) {
            missing("external", message);
        }
        if let Err(message) = writable(&self.directory) {
            missing("directory", message);
        }
        let started = match &self.driver {
            DriverConfig::Etcd(_) | DriverConfig::RaftKv(_) => true,
            DriverConfig::Commands(commands) => commands.start.is_some(),
        };
        for (index, member) in self.members.iter().enumerate() {
            if let Some(agent) = &member.agent {
                if let Some(Err(message)) = agent.token_file.as_deref().map(token) {
                    missing(&format!("members[{index}].agent.token-file"), message);
                }
                continue;
            }
            for (name, address) in addresses(member) {
                let fixed = values::address(address).is_ok_and(|(_, port)| port != 0);
                if started
                    && fixed
                    && let Err(message) = ports::can_listen(address)
                {
                    missing(&format!("members[{index}].{name}"), message);
                }
            }
        }
        if list.is_empty() {
            return Ok(());
        }
        list.sort();
        list.dedup();
        Err(Mistakes { path: self.path.clone(), list })
    }

    /// Whether this machine runs a member.
    fn runs_here(&self) -> bool {
        self.members.iter().any(|member| member.agent.is_none())
    }
}

/// The program of a command. One with a place for a value is known later.
fn first(words: &[String]) -> Result<(), String> {
    match words.first() {
        Some(name) if !name.contains('{') => program(Path::new(name)),
        _ => Ok(()),
    }
}

fn program(name: &Path) -> Result<(), String> {
    if find(name).is_some() {
        return Ok(());
    }
    let shown = name.display();
    if name.components().count() == 1 {
        return Err(format!("the program `{shown}` is not in PATH; {}", install(name)));
    }
    match fs::metadata(name) {
        Ok(found) if found.is_file() => {
            Err(format!("`{shown}` is not executable; run `chmod +x {shown}`"))
        }
        Ok(_) => Err(format!("`{shown}` is a directory, not a program")),
        Err(error) => Err(format!("there is no program `{shown}`: {error}")),
    }
}

/// How to install a program.
fn install(name: &Path) -> String {
    let package = match name.file_name().and_then(|name| name.to_str()) {
        Some("etcd") => "etcd-server",
        Some("etcdctl") => "etcd-client",
        Some("redis-server") => "redis-server",
        Some("redis-cli") => "redis-tools",
        Some("curl") => "curl",
        Some("ssh") => "openssh-client",
        Some("raft-kv") => {
            return "build it with `cargo build --manifest-path cluster/Cargo.toml -p raft-kv`, and \
                    write its path"
                .to_owned();
        }
        _ => return "install it, or write its path".to_owned(),
    };
    format!("install it with `apt-get install {package}`, or write its path")
}

/// Whether files can be made in a directory, or in the one in which it would be made.
fn writable(directory: &Path) -> Result<(), String> {
    let shown = directory.display();
    let mut nearest = directory;
    let existing = loop {
        let here = if nearest.as_os_str().is_empty() { Path::new(".") } else { nearest };
        match fs::metadata(here) {
            Ok(found) if found.is_dir() => break here,
            Ok(_) => return Err(format!("`{}` is not a directory", here.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("the directory `{shown}` cannot be used: {error}")),
        }
        match nearest.parent() {
            Some(parent) => nearest = parent,
            None => return Err(format!("the directory `{shown}` cannot be made")),
        }
    };
    // Only the attempt tells: of a disk without space, of one that is mounted read-only.
    let probe = existing.join(format!(".failpoint-tester-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe);
    match made {
        Ok(_) => {
            let _ = fs::remove_file(&probe);
            Ok(())
        }
        Err(error) => Err(format!("the directory `{shown}` cannot be written: {error}")),
    }
}

fn token(file: &Path) -> Result<(), String> {
    let shown = file.display();
    match fs::read_to_string(file) {
        Ok(token) if token.trim().is_empty() => Err(format!("the token file `{shown}` is empty")),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the token file `{shown}` cannot be read: {error}")),
    }
}
