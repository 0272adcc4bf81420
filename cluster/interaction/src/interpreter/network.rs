//! Commands that let nodes work and messages travel.

use super::State;
use super::argument::{LogLevel, MessageName, plain_word};
use crate::group::Flight;
use crate::script::{Arguments, ScriptError, Spanned, Step};
use crate::trace::Event;
use cluster_node::{Input, describe};
use std::time::Duration;

/// How often `stabilize` visits all nodes before it gives up.
const ROUNDS: usize = 1_000;

pub(super) fn process_ready(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let ids = state.all_running(&mut arguments)?;
    arguments.finish()?;
    match ids[..] {
        [] => return Err(step.error("`process-ready` needs a node")),
        [id] => state.proceed(id),
        _ => {
            for id in ids {
                state.titled(&format!("> {id} handling Ready"), |state| state.proceed(id));
            }
        }
    }
    Ok(())
}

pub(super) fn deliver(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let dropped = arguments.spanned_list::<u64>("drop")?;
    let kind = arguments.key::<MessageName>("type")?;
    let ids = state.all_running(&mut arguments)?;
    arguments.finish()?;
    if ids.is_empty() && dropped.is_empty() {
        return Err(step.error("`deliver-msgs` needs a node, or `drop=(…)`"));
    }
    if let Some(both) = dropped.iter().find(|id| ids.contains(&id.value)) {
        return Err(both.error("messages to a node are either delivered or dropped"));
    }
    let fits = |flight: &Flight, to: u64| {
        let named = |name: &MessageName| format!("{:?}", flight.message.get_msg_type()) == name.0;
        flight.message.to == to && kind.as_ref().is_none_or(named)
    };
    let mut handled = 0;
    for id in ids {
        let now = state.group.network.now;
        let flights = state.group.network.take(|flight| fits(flight, id) && flight.due <= now);
        handled += flights.len();
        state.group.deliver(flights);
        if let Some(due) = state.group.network.next_due(|flight| fits(flight, id)) {
            let wait = due.saturating_sub(state.group.network.now);
            state.group.output.line(&format!("a message to {id} arrives in {wait:?}"));
            handled += 1;
        }
    }
    for id in dropped {
        let flights = state.group.network.take(|flight| fits(flight, *id));
        handled += flights.len();
        flights.iter().for_each(|flight| state.group.lose(flight));
    }
    if handled == 0 {
        state.group.output.line("no messages");
    }
    Ok(())
}

pub(super) fn stabilize(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let level = arguments.key::<LogLevel>("log-level")?;
    let mut ids = state.all_running(&mut arguments)?;
    arguments.finish()?;
    if ids.is_empty() {
        ids = state.group.ids();
    }
    let before = state.group.output.level();
    if let Some(level) = level {
        state.group.output.set_level(level.0);
    }
    let is_stable = state.come_to_rest(&ids);
    state.group.output.set_level(before);
    if is_stable {
        return Ok(());
    }
    let ready = ids.iter().find(|id| state.group.node(**id).is_some_and(|node| node.is_ready()));
    let left = match (state.group.network.first(), ready) {
        (Some(flight), _) => {
            format!("{} is on its way", describe::message(&flight.message, state.group.data))
        }
        (None, Some(id)) => format!("node {id} is ready"),
        (None, None) => "the last one has gone".to_owned(),
    };
    Err(step.error(format!("the nodes do not come to rest in {ROUNDS} rounds: {left}")))
}

/// `partition 1,2 | 3`: groups of nodes, with `|` between them.
pub(super) fn partition(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let mut groups: Vec<Vec<u64>> = vec![Vec::new()];
    for argument in arguments.rest() {
        let Some(word) = plain_word(argument) else {
            return Err(argument.error("`partition` takes groups, as in `1,2 | 3`"));
        };
        let mut start = 0;
        for piece in word.split_inclusive([',', '|']) {
            let number = piece.trim_end_matches([',', '|']);
            let span = word.span.part(start..start + number.len());
            start += piece.len();
            if !number.is_empty() {
                let Ok(value) = number.parse::<u64>() else {
                    return Err(span.error("this must be a node; groups look like `1,2 | 3`"));
                };
                let node = Spanned { value, span };
                let id = state.exists(&node)?;
                if groups.iter().flatten().any(|known| *known == id) {
                    return Err(node.error(format!("node {id} is given twice")));
                }
                groups.last_mut().expect("there is one from the start").push(id);
            }
            if piece.ends_with('|') {
                groups.push(Vec::new());
            }
        }
    }
    if groups.iter().any(Vec::is_empty) {
        let message = "each group of a `partition` needs a node, as in `partition 1,2 | 3`";
        return Err(step.error(message));
    }
    state.group.events.push(Event::Partition { groups: groups.clone() });
    let lost = state.group.network.partition(groups);
    lost.iter().for_each(|flight| state.group.lose(flight));
    Ok(())
}

pub(super) fn heal(
    state: &mut State,
    _: &Step,
    arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    arguments.finish()?;
    state.group.network.heal();
    state.group.events.push(Event::Heal);
    Ok(())
}

impl State {
    fn proceed(&mut self, id: u64) {
        if self.group.node(id).is_some_and(|node| node.is_ready()) {
            self.group.step(id, Input::Proceed);
        } else {
            self.group.output.line("nothing is ready");
        }
    }

    /// Runs `run` with its output below a title.
    fn titled(&mut self, title: &str, run: impl FnOnce(&mut Self)) {
        self.group.output.line(title);
        self.group.output.indent();
        run(self);
        self.group.output.outdent();
    }

    /// Lets nodes work and messages arrive until there is nothing left to do. Says whether that came.
    fn come_to_rest(&mut self, ids: &[u64]) -> bool {
        for _ in 0..ROUNDS {
            let mut is_idle = true;
            for &id in ids {
                if self.group.node(id).is_some_and(|node| node.is_ready()) {
                    is_idle = false;
                    self.titled(&format!("> {id} handling Ready"), |state| state.proceed(id));
                }
            }
            for &id in ids {
                is_idle &= !self.receive(id);
            }
            if is_idle && !self.wait_for_messages(ids) {
                return true;
            }
        }
        false
    }

    /// Lets a node receive the messages that have arrived, and says whether there were any.
    fn receive(&mut self, id: u64) -> bool {
        let now = self.group.network.now;
        let flights =
            self.group.network.take(|flight| flight.message.to == id && flight.due <= now);
        if flights.is_empty() {
            return false;
        }
        let title = match self.group.node(id) {
            Some(_) => format!("> {id} receiving messages"),
            None => format!("> {id} is down"),
        };
        self.titled(&title, |state| state.group.deliver(flights));
        true
    }

    /// Lets time pass until the next message arrives, and says whether there was one.
    fn wait_for_messages(&mut self, ids: &[u64]) -> bool {
        let network = &mut self.group.network;
        let Some(due) = network.next_due(|flight| ids.contains(&flight.message.to)) else {
            return false;
        };
        let wait: Duration = due.saturating_sub(network.now);
        network.now = due;
        self.group.output.line(&format!("> {wait:?} pass"));
        true
    }
}
