//! How the outputs differ from the script, as a diff.

use crate::script::{Source, Step};
use failpoint::__private::text::visible;
use similar::{ChangeTag, TextDiff};
use std::fmt;

/// A unified diff that turns a script into one that expects its outputs: `patch` can apply it.
///
/// Each hunk names the line of the command:
/// ```text
/// --- scripts/campaign.txt
/// +++ scripts/campaign.txt   (the output)
/// @@ -10,4 +10,4 @@ scripts/campaign.txt:8: campaign 1
/// ```
#[derive(Clone, Debug)]
pub struct Difference {
    lines: Vec<(Part, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    File,
    Hunk,
    Same,
    Removed,
    Added,
}

impl Difference {
    pub(crate) fn new(source: &Source, outputs: &str, steps: &[Step]) -> Difference {
        let name = visible(source.name());
        let mut lines = vec![
            (Part::File, format!("--- {name}")),
            (Part::File, format!("+++ {name}\t(the output)")),
        ];
        let diff = TextDiff::from_lines(source.text(), outputs);
        for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
            let changes: Vec<_> = hunk.iter_changes().collect();
            let first = changes.iter().position(|change| change.tag() != ChangeTag::Equal);
            let (Some(start), Some(end), Some(first)) =
                (hunk.ops().first(), hunk.ops().last(), first)
            else {
                continue;
            };
            let old = range(start.old_range().start, end.old_range().end);
            let new = range(start.new_range().start, end.new_range().end);
            // All lines before the first change are in both.
            let line = start.old_range().start + first + 1;
            let at = steps.partition_point(|step| step.line.span.line() < line);
            let command = steps[..at].last().map(|step| {
                let command: String = step.line.chars().take(60).collect();
                format!(" {name}:{}: {}", step.line.span.line(), visible(command.trim()))
            });
            let command = command.unwrap_or_default();
            lines.push((Part::Hunk, format!("@@ -{old} +{new} @@{command}")));
            for change in changes {
                let (part, sign) = match change.tag() {
                    ChangeTag::Equal => (Part::Same, ' '),
                    ChangeTag::Delete => (Part::Removed, '-'),
                    ChangeTag::Insert => (Part::Added, '+'),
                };
                let text = change.value();
                let text = text.strip_suffix('\n').unwrap_or(text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                // Tabs stay, so that `patch` finds the line.
                let pieces: Vec<_> =
                    text.split('\t').map(|piece| visible(piece).to_string()).collect();
                let line = format!("{sign}{}", pieces.join("\t"));
                lines.push((part, line));
                if change.missing_newline() {
                    lines.push((Part::Same, "\\ No newline at end of file".to_owned()));
                }
            }
        }
        Difference { lines }
    }

    /// The diff with colours for a terminal.
    pub fn coloured(&self) -> String {
        let coloured = self.lines.iter().map(|(part, line)| match part {
            Part::File => format!("\x1b[1m{line}\x1b[0m\n"),
            Part::Hunk => format!("\x1b[36m{line}\x1b[0m\n"),
            Part::Same => format!("{line}\n"),
            Part::Removed => format!("\x1b[31m{line}\x1b[0m\n"),
            Part::Added => format!("\x1b[32m{line}\x1b[0m\n"),
        });
        coloured.collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|(_, line)| writeln!(f, "{line}"))
    }
}

/// Lines in the header of a hunk: the first, and how many. Of no lines, the line before.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}
