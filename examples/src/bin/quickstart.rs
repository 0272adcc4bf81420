//! A minimal program with a failpoint: a loop that sends.
//!
//! ```text
//! $ GOFAIL_HTTP=127.0.0.1:22381 cargo run -p failpoint-examples --bin quickstart
//! $ curl http://127.0.0.1:22381/                                       lists every point
//! $ curl -XPUT -d'sleep(1s)' http://127.0.0.1:22381/beforeSend         delays every round
//! $ curl http://127.0.0.1:22381/beforeSend/count                       counts the delayed rounds
//! $ curl -XDELETE http://127.0.0.1:22381/beforeSend                    disarms it
//! ```

#![forbid(unsafe_code)]

use failpoint::fail_point;
use std::error::Error;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    // The one line that a server's `main` needs. Without GOFAIL_HTTP it does nothing.
    let control = failpoint_http::serve_from_env()?;
    match control.address() {
        Some(address) => {
            println!("control on {address}; in another shell try");
            println!("  curl http://{address}/");
            println!("  curl -XPUT -d'sleep(1s)' http://{address}/beforeSend");
            println!("  curl http://{address}/beforeSend/count");
            println!("  curl -XDELETE http://{address}/beforeSend");
        }
        None => println!("control plane: off; set GOFAIL_HTTP=127.0.0.1:22381 to arm beforeSend"),
    }
    for round in 1..=rounds()? {
        let began = Instant::now();
        // gofail's comment for this is `// gofail: var beforeSend struct{}`.
        fail_point!("beforeSend");
        println!("round {round}: sent after {:.1?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// `--rounds N`; without it the loop does not end.
fn rounds() -> Result<u64, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(u64::MAX),
        ["--rounds", rounds] => Ok(rounds.parse().map_err(|_| "--rounds takes a number")?),
        _ => Err("usage: quickstart [--rounds N]".into()),
    }
}
