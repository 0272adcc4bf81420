//! How do many small jobs share the machine?

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs `job` on each of `items`, as many at once as there are processors, and gives what was
/// wrong.
pub fn faults<T: Sync>(items: &[T], job: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(fault) = job(item) {
                        faults.lock().expect("no job panics with the lock held").push(fault);
                    }
                }
            });
        }
    });
    faults.into_inner().expect("no job panics with the lock held")
}
