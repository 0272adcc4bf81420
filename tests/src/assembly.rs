//! Which instructions is a function made of?
//!
//! Read from what `rustc --emit asm` writes, to compare whole crates, and from what `objdump` reads
//! out of a linked binary, to see what an idle point costs there.

use std::collections::{BTreeMap, HashMap};

/// A symbol's name and what stands under it, line by line.
pub type Symbols = BTreeMap<String, Vec<String>>;

/// The symbols of an assembly file, functions and data, with everything taken out that says where a
/// thing lies and not what it is: label numbers, hashes in names, alignment, line tables.
pub fn of_file(assembly: &str) -> Symbols {
    let mut symbols = Symbols::new();
    let mut here = None;
    let mut labels = HashMap::new();
    for line in assembly.lines() {
        let text = without_comment(line).trim_end();
        if let Some(label) = text.strip_suffix(':').filter(|label| !label.starts_with('\t')) {
            if !is_local(label) {
                let name = without_hash(label);
                labels = HashMap::new();
                here = Some(symbols.entry(name).or_default());
                continue;
            }
        }
        let directive = text.trim_start();
        let says_where = directive.starts_with('.')
            && !text.ends_with(':')
            && ![".ascii", ".asciz", ".byte", ".short", ".long", ".quad", ".zero"]
                .iter()
                .any(|kept| directive.starts_with(kept));
        if let (Some(body), false, false) = (&mut here, says_where, directive.is_empty()) {
            body.push(normalized(directive, &mut labels));
        }
    }
    symbols
}

/// The symbols that `one` and `other` do not have in common, or whose bodies differ.
pub fn differences(one: &Symbols, other: &Symbols) -> Vec<String> {
    let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|&name| one.get(name) != other.get(name)).cloned().collect()
}

fn is_local(label: &str) -> bool {
    // The last is the table of landing pads, which follows its function.
    [".L", "L", "l_", "GCC_except_table"].iter().any(|start| label.starts_with(start))
}

/// `line`, with its labels numbered anew in the order of their appearance in the symbol.
fn normalized(line: &str, labels: &mut HashMap<String, usize>) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '$');
    let mut result = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if is_local(word) {
            let next = labels.len();
            let number = *labels.entry(word.to_owned()).or_insert(next);
            result.push_str(&format!("label{number}"));
        } else {
            result.push_str(&without_hash(word));
        }
        let gap = after.find(is_part).unwrap_or(after.len());
        result.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    result
}

/// An immediate begins with `#` where a comment does not.
fn without_comment(line: &str) -> &str {
    let comment = if cfg!(target_arch = "x86_64") { "#" } else { "//" };
    line.split(comment).next().unwrap_or_default()
}

/// `name` without the `17h…E` that ends a mangled name.
fn without_hash(name: &str) -> String {
    match name.rfind("17h") {
        Some(at) if name[at..].len() >= 20 && name.is_char_boundary(at + 20) => {
            format!("{}{}", &name[..at], &name[at + 20..])
        }
        _ => name.to_owned(),
    }
}

/// The functions in what `objdump --disassemble` prints: one instruction a line, without address,
/// comment or target.
pub fn of_binary(disassembly: &str) -> Symbols {
    let mut symbols = Symbols::new();
    let mut here = None;
    for line in disassembly.lines() {
        if let Some(name) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            here = Some(symbols.entry(without_hash(name.1)).or_default());
        } else if let (Some(body), Some((_, instruction))) = (&mut here, line.split_once(":\t")) {
            let instruction = without_comment(instruction).split('<').next().unwrap_or_default();
            let words: Vec<_> = instruction.split_whitespace().collect();
            body.push(words.join(" "));
        }
    }
    symbols
}

/// What runs when no branch is taken: everything up to the first return.
///
/// # Errors
/// Where that path calls, jumps or never returns.
pub fn straight_path(function: &[String]) -> Result<Vec<String>, String> {
    let mut path = Vec::new();
    for instruction in function {
        let mnemonic = instruction.split(' ').next().unwrap_or_default();
        if matches!(mnemonic, "call" | "callq" | "jmp" | "jmpq" | "b" | "bl" | "br" | "blr") {
            return Err(format!("the idle path is not straight: {instruction}"));
        }
        path.push(instruction.clone());
        if matches!(mnemonic, "ret" | "retq") {
            return Ok(path);
        }
    }
    Err("the idle path does not return".to_owned())
}

/// What `with` does beyond `without`, in order.
///
/// # Errors
/// Where `with` does not do all that `without` does in the same order.
pub fn surplus(with: &[String], without: &[String]) -> Result<Vec<String>, String> {
    let mut expected = without.iter().peekable();
    let surplus = with
        .iter()
        .filter(|instruction| expected.next_if(|expected| expected == instruction).is_none())
        .cloned()
        .collect();
    match expected.next() {
        None => Ok(surplus),
        Some(missing) => Err(format!("{missing} is missing in {with:#?}")),
    }
}

/// Whether `instructions` are one load, one test and one branch, as this machine writes them.
/// `None` on a machine that nobody has described yet.
pub fn is_load_test_branch(instructions: &[String]) -> Option<bool> {
    let starts: Vec<_> =
        instructions.iter().map(|text| text.split(' ').next().unwrap_or_default()).collect();
    let in_memory = |text: &String| text.contains('(') || text.contains('[');
    if cfg!(target_arch = "x86_64") {
        Some(match starts.as_slice() {
            ["movzbl" | "movb" | "mov" | "movzx", "test" | "testb", "jne"] => {
                in_memory(&instructions[0])
            }
            // Both at once.
            ["cmpb" | "cmp", "jne"] => in_memory(&instructions[0]),
            _ => false,
        })
    } else if cfg!(target_arch = "aarch64") {
        // An address takes an instruction of its own here, and one tests and branches.
        Some(matches!(
            starts.as_slice(),
            ["adrp", "ldrb", "cbnz"] | ["adrp", "add" | "ldr", "ldrb", "cbnz"]
        ))
    } else {
        None
    }
}

/// `instructions` without a first one that loads an address from the linker's table. A generic or
/// inlined function of a library, made in a program, reaches the library's statics that way, unless
/// LTO sees them both.
pub fn after_address(instructions: &[String]) -> &[String] {
    match instructions {
        [first, rest @ ..] if first.starts_with("mov ") && first.contains("(%rip)") => rest,
        all => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn labels_and_hashes_do_not_count_and_instructions_do() {
        let one =
            "_ZN1a1b17h0123456789abcdefE:\n\t.cfi_startproc\n\tje\t.LBB0_2\n.LBB0_2:\n\tretq\n";
        let two = "_ZN1a1b17hfedcba9876543210E:\n\tje\t.LBB7_9\n.LBB7_9:\n\tretq\n";
        let three = "_ZN1a1b17hfedcba9876543210E:\n\tjne\t.LBB7_9\n.LBB7_9:\n\tretq\n";
        assert_eq!(of_file(one)["_ZN1a1b"], ["je\tlabel0", "label0:", "retq"]);
        assert!(differences(&of_file(one), &of_file(two)).is_empty());
        assert_eq!(differences(&of_file(one), &of_file(three)), ["_ZN1a1b"]);
        assert_eq!(differences(&of_file(one), &of_file("")), ["_ZN1a1b"]);
    }

    #[test]
    fn the_straight_path_ends_at_the_return_and_may_not_jump() {
        let straight = lines("mov %rdi,%rax\njne 1b459\nret\npush %rbx\ncall 50100");
        assert_eq!(straight_path(&straight).map(|path| path.len()), Ok(3));
        assert!(straight_path(&lines("jmp 1b459\nret")).is_err());
        assert!(straight_path(&lines("push %rbx")).is_err());
    }

    #[test]
    fn the_surplus_is_what_the_other_lacks() {
        let with = lines("a\nx\nb\ny\nret");
        assert_eq!(surplus(&with, &lines("a\nb\nret")), Ok(lines("x\ny")));
        assert!(surplus(&with, &lines("b\na\nret")).is_err());
    }
}
