//! Tests the limits of event streams: memory, and the number of readers. Needs its own process: it
//! counts all events and all readers.
#![cfg(feature = "failpoints")]

mod common;

use common::{Client, Reader};
use failpoint::fail_value;
use failpoint_http::respond;

/// More than what waits for a reader, in the library and in what the system buffers.
const FIRES: u64 = 60_000;
/// Where a process may open a thousand files; macOS says 256 at first.
const READERS: usize = 64;

fn allow_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};

        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum.or(Some(1024)).map(|files| files.min(10_240));
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

#[test]
fn readers_are_bounded_and_a_slow_one_is_told_what_it_lost() {
    allow_files();
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    let mut client = Client::connect(&address);

    assert_eq!(respond("PUT", "/bounds/fired", &[], b"off").status, 204);
    let mut slow = Reader::begin(&address, "kinds=fired,disarmed");
    for _ in 0..FIRES {
        let _ = fail_value!("bounds/fired");
    }
    // It reads nothing, and blocks no other client.
    assert_eq!(client.ask("DELETE", "/bounds/fired", "").status, 204);
    let (mut number, mut lost) = (0, 0);
    let disarmed = loop {
        let event = slow.next().expect("the stream goes on");
        match (&*event.kind, event.id) {
            ("lost", None) => {
                let more = event.data["lost"].as_u64().unwrap();
                assert!(more > 0);
                number += more;
                lost += more;
            }
            ("fired", Some(id)) => {
                number += 1;
                assert_eq!(id, number, "each is told of, or counted as lost");
            }
            ("disarmed", Some(id)) => break id,
            other => panic!("{other:?}"),
        }
    };
    assert!(lost > 0, "nothing was lost: raise FIRES");
    assert_eq!(disarmed, FIRES + 1, "the newest is told of, and all are accounted for");
    println!("{lost} of {FIRES} were lost");

    let mut readers: Vec<Reader> = (1..READERS).map(|_| Reader::begin(&address, "")).collect();
    let mut one_more = Client::connect(&address);
    let refused = one_more.ask("GET", "/v1/events", "");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(refused.body.contains("urn:failpoint:too-many-readers"), "{}", refused.body);
    assert!(one_more.answer().is_none(), "its connection is closed");

    // A reader that disconnects returns its permit, even if no event is written to it.
    drop(readers.pop());
    common::until("the permit is free", || {
        client.ask("GET", "/metrics", "").body.contains("failpoint_held_open{kind=\"events\"} 63\n")
    });
    readers.push(Reader::begin(&address, ""));
    drop(control);
    assert!(readers.iter_mut().all(|reader| reader.next().is_none()));
}
