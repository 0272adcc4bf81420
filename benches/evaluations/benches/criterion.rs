//! The same evaluations under criterion: for its reports, and to compare a change with what was before.
//!
//! ```console
//! $ cargo bench --bench criterion                         # everything, some three minutes
//! $ cargo bench --bench criterion -- '^idle/.*/1$'        # what the expression matches
//! $ cargo bench --bench criterion -- --save-baseline old  # and --baseline old, after the change
//! ```
//!
//! Criterion runs one benchmark after the other, and what it tells has the loop in it: `Empty` is the
//! loop alone. The tables of docs/cost.md come from the other benchmark, which runs all in turns.

#[path = "../src/cases.rs"]
mod cases;
#[path = "../src/peers.rs"]
mod peers;
#[path = "../src/subject.rs"]
mod subject;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peers::UNROLLED;
use std::time::Duration;
use subject::{Subject, told};

fn evaluations(criterion: &mut Criterion) {
    for subject in Subject::all() {
        let mut group = criterion.benchmark_group(told(subject.case, subject.is_async));
        group.throughput(Throughput::Elements(subject.threads as u64));
        let id = BenchmarkId::new(format!("{:?}", subject.peer), subject.threads);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|evaluations| {
                let n = evaluations.div_ceil(UNROLLED);
                subject.run(n).mul_f64(evaluations as f64 / (n * UNROLLED) as f64)
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500));
    targets = evaluations
}
criterion_main!(benches);
