//! A log on disk by raft-engine, with the control plane of `failpoint-http`.
//!
//! It reads `open DIRECTORY` and `write TEXT` from its input, and says in one line what came of each.

use raft_engine::{Config, Engine, LogBatch};
use std::error::Error;
use std::io::{self, BufRead, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let control = failpoint_http::serve_from_env()?;
    let address = control.address().ok_or("start it with GOFAIL_HTTP=127.0.0.1:0")?;
    let points = failpoint::points();
    let sites = || points.iter().flat_map(|point| &point.sites);
    let engines = sites().filter(|site| site.package == "raft-engine").count();
    let reached = sites().filter(|site| site.reached).count();
    println!("control on {address}; {engines} sites of raft-engine, {reached} reached");

    let mut engine = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer = match (line.split_once(' '), &engine) {
            (Some(("open", directory)), _) => {
                let config = Config { dir: directory.to_owned(), ..Config::default() };
                engine = Some(Engine::open(config)?);
                "open".to_owned()
            }
            (Some(("write", text)), Some(engine)) => match write(engine, text) {
                Ok(bytes) => format!("wrote {bytes} bytes"),
                Err(error) => format!("error: {error}"),
            },
            _ => return Err(format!("cannot {line}").into()),
        };
        println!("{answer}");
        io::stdout().flush()?;
    }
    Ok(())
}

fn write(engine: &Engine, text: &str) -> raft_engine::Result<usize> {
    let mut batch = LogBatch::default();
    batch.put(1, b"text".to_vec(), text.as_bytes().to_vec())?;
    engine.write(&mut batch, true)
}
