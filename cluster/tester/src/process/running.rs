//! What can be done to a process that runs? Signals, and waiting for its end.

use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::watch;

use super::guard::{Guard, MARK, kill_marked};
use super::{Ended, ProcessError};

/// How long the end of a process waits for the end of its output. A process that left the group may
/// have the pipe still.
const REST_OF_OUTPUT: Duration = Duration::from_secs(1);

/// A process that a [`Spawner`](super::Spawner) started, with its group. Clones are the same process.
#[derive(Clone, Debug)]
pub struct Process {
    pid: Pid,
    /// Whether it was reaped. Until then, no other process has its id.
    reaped: Arc<Mutex<bool>>,
    ended: watch::Receiver<Option<Ended>>,
}

impl Process {
    /// Takes care of a child: reaps it when it ends. `output` is disconnected at the end of its output.
    pub(super) fn adopt(
        mut child: Child,
        mark: String,
        guard: Arc<Guard>,
        output: mpsc::Receiver<()>,
    ) -> Result<Self, ProcessError> {
        let pid = Pid::from_child(&child);
        guard.add(pid);
        let reaped = Arc::new(Mutex::new(false));
        let (sender, ended) = watch::channel(None);
        let process = Self { pid, reaped: reaped.clone(), ended };
        let wait = move || {
            // It is not reaped yet, so its id and that of its group are its own.
            wait_for(pid, WaitIdOptions::EXITED);
            let status = {
                let mut reaped = lock(&reaped);
                let _ = kill_process_group(pid, Signal::KILL);
                guard.remove(pid);
                *reaped = true;
                child.wait()
            };
            // The spawner waits for the end of the guard.
            drop(guard);
            kill_marked(&format!("{MARK}={mark}"));
            let _ = output.recv_timeout(REST_OF_OUTPUT);
            let status = status.ok();
            let ended = Ended {
                code: status.and_then(|status| status.code()),
                signal: status
                    .and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status)),
            };
            sender.send_replace(Some(ended));
        };
        match thread::Builder::new().name("failpoint-wait".to_owned()).spawn(wait) {
            Ok(_) => Ok(process),
            Err(error) => {
                process.signal(Signal::KILL);
                Err(ProcessError { message: format!("no thread can be started: {error}") })
            }
        }
    }

    /// The id of the process, and of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends a signal to all processes of the group. Returns whether the process has not ended before.
    pub fn signal(&self, signal: Signal) -> bool {
        let reaped = lock(&self.reaped);
        !*reaped && kill_process_group(self.pid, signal).is_ok()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    /// Waits until it has ended, and all that it printed is in its log.
    pub async fn wait(&self) -> Ended {
        let mut ended = self.ended.clone();
        // The sender is dropped only after it has sent.
        match ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone(),
            Err(_) => None,
        }
        .unwrap_or(Ended { code: None, signal: None })
    }

    /// Waits until it is stopped by SIGSTOP, or has ended. Blocks the thread.
    pub(crate) fn wait_until_stopped(&self) {
        wait_for(self.pid, WaitIdOptions::EXITED | WaitIdOptions::STOPPED);
    }
}

/// Waits until a child is in one of these states, and leaves it there.
fn wait_for(pid: Pid, states: WaitIdOptions) {
    let options = states | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
}

fn lock(reaped: &Mutex<bool>) -> MutexGuard<'_, bool> {
    reaped.lock().unwrap_or_else(PoisonError::into_inner)
}
