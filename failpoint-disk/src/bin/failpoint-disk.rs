//! The command `failpoint-disk`: a directory, mounted as a disk that fails.
#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("failpoint-disk: a mount needs FUSE of Linux");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match linux::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failpoint-disk: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use clap::{Parser, Subcommand};
    use failpoint_disk::mount::{self, Settings};
    use std::error::Error;
    use std::future::{Future, poll_fn};
    use std::io::{self, Write};
    use std::path::PathBuf;
    use std::pin::Pin;
    use std::task::Poll;
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::sync::oneshot;

    /// Disks that fail, for programs that are not yours.
    #[derive(Parser)]
    #[command(name = "failpoint-disk", version)]
    struct Arguments {
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Subcommand)]
    enum Command {
        /// Serves the directory DATA at the directory DIR, as a disk that fails when you say so.
        ///
        /// It runs until it gets SIGINT or SIGTERM, or until DIR is unmounted. Control it over HTTP:
        ///
        ///   GOFAIL_HTTP=127.0.0.1:22381 failpoint-disk mount /mnt/disk --on /srv/data &
        ///   curl 127.0.0.1:22381                                      # every point
        ///   curl -XPUT -d'return(EIO)' 127.0.0.1:22381/disk.write
        ///   curl -XPUT -d'when(path~*.aof):return(ENOSPC)' 127.0.0.1:22381/disk.write
        ///   curl 127.0.0.1:22381/v1/ext/disk/unsynced                 # what a crash would lose
        ///   curl -XPOST '127.0.0.1:22381/v1/ext/disk/crash?keep=synced'
        #[command(verbatim_doc_comment)]
        Mount {
            /// An empty directory, where programs find the disk.
            dir: PathBuf,
            /// The directory that is served. Use it only through the mount as long as it is mounted.
            #[arg(long = "on", value_name = "DATA")]
            data: PathBuf,
            /// Let the kernel keep what was read. Programs that map shared files need it before
            /// Linux 6.6. Faults do not arrive at reads that the kernel answers from its cache.
            #[arg(long)]
            cached: bool,
        },
    }

    pub(super) fn run() -> Result<(), Box<dyn Error>> {
        let Command::Mount { dir, data, cached } = Arguments::parse().command;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(serve(dir, data, cached))
    }

    async fn serve(dir: PathBuf, data: PathBuf, cached: bool) -> Result<(), Box<dyn Error>> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // Before the mount, so that a signal cannot leave one behind.
        let mut signals = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>()?;
        let control = failpoint_http::serve_from_env()?;
        let mut settings = Settings::default();
        settings.cached = cached;
        let (ended, mut end) = oneshot::channel();
        let mounted = mount::mount(&dir, &data, settings, |result| {
            let _ = ended.send(result);
        })?;
        if let Err(error) = mounted.extend_control() {
            mounted.unmount()?;
            return Err(error.into());
        }

        say(format_args!("{} is served at {}", data.display(), mounted.at().display()));
        match control.address() {
            Some(address) => say(format_args!("control plane: {address}")),
            None => say(format_args!("control plane: off (GOFAIL_HTTP is not set)")),
        }
        let ended = poll_fn(|context| {
            if let Poll::Ready(result) = Pin::new(&mut end).poll(context) {
                return Poll::Ready(result.unwrap_or(Ok(())));
            }
            for signal in &mut signals {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(Ok(()));
                }
            }
            Poll::Pending
        })
        .await;
        // From here on, no point can be armed.
        drop(control);
        let at = mounted.at().to_owned();
        mounted.unmount().map_err(|error| {
            format!("cannot unmount {}: {error}; do it with `umount -l` as root", at.display())
        })?;
        Ok(ended?)
    }

    /// The output may be closed: the mount goes on.
    fn say(what: std::fmt::Arguments<'_>) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "failpoint-disk: {what}").and_then(|()| out.flush());
    }
}
