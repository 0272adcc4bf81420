//! Prints the points of this program before any is hit: name, package and whether it was reached.

use failpoint::fail_point;

mod idle;

fn main() {
    for point in failpoint::points() {
        for site in &point.sites {
            println!("{} {} {}", point.name, site.package, site.reached);
        }
    }
    if std::env::args().count() > 1_000 {
        fail_point!("listed/program");
        println!("{}", wiring_library::instantiated(&wiring_library::used(1)));
        println!("{:?}", wiring_library::inlined());
    }
    idle::keep();
}

#[allow(dead_code)]
fn unused() {
    fail_point!("listed/program-unused");
}
