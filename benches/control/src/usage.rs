//! The CPU time and memory that a process used. Only available on Linux.

#[cfg(target_os = "linux")]
pub(crate) use linux::{allow_files, control_time, memory, own_time};

#[cfg(target_os = "linux")]
mod linux {
    use rustix::process::{Resource, getrlimit, setrlimit};
    use rustix::time::{ClockId, clock_gettime};
    use std::fs;
    use std::time::Duration;

    /// The time that a core spent on this thread.
    pub(crate) fn own_time() -> Duration {
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("time is not negative")
    }

    /// The same of the thread that serves the control plane.
    pub(crate) fn control_time() -> Duration {
        let tasks = fs::read_dir("/proc/self/task").expect("there is a list of threads");
        let nanos = tasks.filter_map(|task| {
            let task = task.ok()?.path();
            let name = fs::read_to_string(task.join("comm")).ok()?;
            let times = fs::read_to_string(task.join("schedstat")).ok()?;
            let nanos = times.split(' ').next()?.parse::<u64>().ok()?;
            (name.trim_end() == "failpoint-http").then_some(nanos)
        });
        Duration::from_nanos(nanos.sum())
    }

    /// The memory of this process, and the most that it was since the last call, in bytes.
    pub(crate) fn memory() -> (u64, u64) {
        let status = fs::read_to_string("/proc/self/status").expect("there is a status");
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is told");
            let number = line.trim().trim_end_matches(" kB").parse::<u64>();
            number.expect("a number") * 1024
        };
        fs::write("/proc/self/clear_refs", "5").expect("the most can be reset");
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Both ends of every connection are files of this process.
    pub(crate) fn allow_files() {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).expect("as many files as are allowed");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{allow_files, control_time, memory, own_time};

/// No measurable usage.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::time::Duration;

    pub(crate) fn own_time() -> Duration {
        Duration::ZERO
    }

    pub(crate) fn control_time() -> Duration {
        Duration::ZERO
    }

    pub(crate) fn memory() -> (u64, u64) {
        (0, 0)
    }

    pub(crate) fn allow_files() {}
}
