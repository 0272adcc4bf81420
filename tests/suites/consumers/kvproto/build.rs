//! Makes Rust of the message, without a compiler of protocol buffers.

fn main() {
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    protobuf_codegen_pure::Codegen::new()
        .out_dir(&out)
        .include("proto")
        .input("proto/raft_serverpb.proto")
        .run()
        .expect("the message is well-formed");
    // The inner attributes of what is made have no place in a module that includes it.
    let path = format!("{out}/raft_serverpb.rs");
    let made = std::fs::read_to_string(&path).expect("it was made");
    let outer: Vec<&str> =
        made.lines().filter(|line| !line.starts_with("#![") && !line.starts_with("//!")).collect();
    std::fs::write(path, outer.join("\n")).expect("it can be written");
}
