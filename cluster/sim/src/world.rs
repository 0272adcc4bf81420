//! A group of members, its network and its time.
//!
//! Everything that is going to happen stands in one queue, by the time at which it happens. Nothing else moves
//! the time.

use crate::links::Links;
use crate::member::Member;
use crate::report::{Injections, Rule, Violation};
use crate::subject::{Checked, Command, Message, Subject};
use crate::trace::Trace;
use crate::{Draws, Plan};
use cluster_node::{Input, Node as _, Outputs, Sent};
use failpoint_disk::Keep;
use interaction::Panicked;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::time::Duration;

/// How long a tick takes by a clock that is right.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// The most that a member is away after a crash.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// Something that is going to happen.
pub(crate) enum Event<S: Subject> {
    /// The clock of a member, in this life of it, ticks.
    Tick(u64, u64),
    /// The clock of a member jumps by a tick, in this life of it.
    Jump(u64, u64),
    /// A message arrives.
    Arrive { to: u64, message: Message<S> },
    /// A member takes a command, in this life of it.
    Command(u64, u64, Command<S>),
    /// A member works, in this life of it.
    Proceed(u64, u64),
    /// A member that is down starts.
    Start(u64),
    /// A client may ask.
    Ask(u64),
    /// A fault happens.
    Fault,
    /// Links that were cut pass again, unless others were cut since.
    Heal(u64),
}

pub(crate) struct World<S: Subject> {
    pub(crate) plan: Plan,
    pub(crate) subject: S,
    pub(crate) draws: Draws,
    pub(crate) now: Duration,
    queue: BTreeMap<(Duration, u64), Event<S>>,
    queued: u64,
    pub(crate) members: BTreeMap<u64, Member<S>>,
    pub(crate) links: Links,
    pub(crate) injections: Injections,
    pub(crate) trace: Trace,
    /// Whether faults happen, and clients ask.
    pub(crate) is_stormy: bool,
}

impl<S: Subject> World<S> {
    pub(crate) fn new(seed: u64, has_lines: bool) -> Self {
        let mut draws = Draws::new(seed);
        let plan = Plan::draw(seed, &S::points(), &mut draws);
        let subject = S::new(&plan, &mut draws);
        let mut world = Self {
            subject,
            draws,
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            queued: 0,
            members: BTreeMap::new(),
            links: Links::default(),
            injections: Injections::default(),
            trace: Trace::new(has_lines),
            is_stormy: true,
            plan,
        };
        for id in 1..=world.plan.members {
            let tick = world.tick_length();
            world.members.insert(id, Member::new(id, tick));
            world.plan_at(Duration::ZERO, Event::Start(id));
        }
        for client in 0..world.plan.clients {
            world.plan_at(TICK, Event::Ask(client));
        }
        world.plan_at(TICK, Event::Fault);
        world
    }

    /// How long a tick of a clock takes that is as wrong as the plan allows.
    pub(crate) fn tick_length(&mut self) -> Duration {
        let skew = self.plan.skew;
        TICK * self.draws.between(100 - skew..=100 + skew) as u32 / 100
    }

    pub(crate) fn plan_at(&mut self, at: Duration, event: Event<S>) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    pub(crate) fn note(&mut self, what: impl Hash, line: impl FnOnce() -> String) {
        self.trace.add(self.now, what, line);
    }

    /// What happens next, if it happens until then. Otherwise, it is then.
    pub(crate) fn next_until(&mut self, end: Duration) -> Option<Event<S>> {
        let next = self.queue.first_key_value().map(|((at, _), _)| *at);
        if next.is_none_or(|at| at > end) {
            self.now = end;
            return None;
        }
        let ((at, _), event) = self.queue.pop_first()?;
        self.now = at;
        Some(event)
    }

    pub(crate) fn happen(&mut self, event: Event<S>) -> Checked {
        match event {
            Event::Start(id) => self.start(id),
            Event::Tick(id, life) => self.tick(id, life),
            Event::Jump(id, life) => match self.living(id, life) {
                Some(_) => self.step(id, Input::Tick),
                None => Ok(()),
            },
            Event::Arrive { to, message } => self.arrive(to, message),
            Event::Command(id, life, command) => self.command(id, life, command),
            Event::Proceed(id, life) => self.proceed(id, life),
            Event::Ask(client) => {
                self.ask(client);
                Ok(())
            }
            Event::Fault => self.fault(),
            Event::Heal(cuts) => {
                if cuts == self.links.cuts {
                    self.note("heal", || "heal".to_owned());
                    self.links.heal();
                }
                Ok(())
            }
        }
    }

    /// The members that are up.
    pub(crate) fn up(&self) -> Vec<u64> {
        self.members
            .values()
            .filter(|member| member.node.is_some())
            .map(|member| member.id)
            .collect()
    }

    /// The member, if it is up, and in this life of it.
    fn living(&mut self, id: u64, life: u64) -> Option<&mut Member<S>> {
        self.members.get_mut(&id).filter(|member| member.node.is_some() && member.life == life)
    }

    fn start(&mut self, id: u64) -> Checked {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.node.is_none()) else {
            return Ok(());
        };
        let started = member.start(&self.subject);
        member.busy_until = self.now + member.clock.elapsed();
        self.count_fired(id);
        match started {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return Err(Violation::new(Rule::Starts, format!("member {id}: {error}")));
            }
            Err(panicked) => return self.panicked(id, panicked, Rule::Starts),
        }
        self.note(("start", id), || format!("member {id} starts"));
        let Some(Member { node: Some(node), life, tick, .. }) = self.members.get(&id) else {
            return Ok(());
        };
        let (life, tick) = (*life, *tick);
        self.subject.started(node)?;
        let first = self.draws.time(Duration::ZERO..=tick);
        self.plan_at(self.now + first, Event::Tick(id, life));
        self.after_step(id);
        Ok(())
    }

    fn tick(&mut self, id: u64, life: u64) -> Checked {
        let now = self.now;
        let Some(member) = self.living(id, life) else { return Ok(()) };
        let (next, is_busy) = (now + member.tick, member.busy_until > now);
        self.plan_at(next, Event::Tick(id, life));
        // A process that sleeps misses ticks.
        if is_busy { Ok(()) } else { self.step(id, Input::Tick) }
    }

    fn arrive(&mut self, to: u64, message: Message<S>) -> Checked {
        let now = self.now;
        let Some(member) = self.members.get(&to).filter(|member| member.node.is_some()) else {
            return Ok(());
        };
        let busy_until = member.busy_until;
        if busy_until > now {
            self.plan_at(busy_until, Event::Arrive { to, message });
            return Ok(());
        }
        let digest = S::digest(&message);
        self.note(("arrive", to, digest), || format!("member {to} gets {message:?}"));
        self.step(to, Input::Message(message))
    }

    fn command(&mut self, id: u64, life: u64, command: Command<S>) -> Checked {
        let now = self.now;
        let Some(member) = self.living(id, life) else { return Ok(()) };
        let busy_until = member.busy_until;
        if busy_until > now {
            self.plan_at(busy_until, Event::Command(id, life, command));
            return Ok(());
        }
        self.step(id, Input::Command(command))
    }

    fn proceed(&mut self, id: u64, life: u64) -> Checked {
        let now = self.now;
        let Some(member) = self.living(id, life) else { return Ok(()) };
        let busy_until = member.busy_until;
        if busy_until > now {
            self.plan_at(busy_until, Event::Proceed(id, life));
            return Ok(());
        }
        member.will_proceed = false;
        self.note(("proceed", id), || format!("member {id} proceeds"));
        self.step(id, Input::Proceed)
    }

    /// Gives a command to a member, if it is up.
    pub(crate) fn give(&mut self, id: u64, command: Command<S>) {
        if let Some(member) = self.members.get(&id) {
            let life = member.life;
            self.plan_at(self.now, Event::Command(id, life, command));
        }
    }

    fn ask(&mut self, client: u64) {
        if !self.is_stormy {
            return;
        }
        let up = self.up();
        if !up.is_empty()
            && let Some((id, command)) = self.subject.ask(client, &up, self.now, &mut self.draws)
        {
            self.note(("ask", client, id), || format!("client {client} asks member {id}"));
            self.give(id, command);
        }
        let pause = self.draws.time(Duration::ZERO..=Duration::from_millis(60));
        self.plan_at(self.now + pause, Event::Ask(client));
    }

    /// A member that is up and not busy takes an input.
    fn step(&mut self, id: u64, input: Input<Message<S>, Command<S>>) -> Checked {
        let is_work = matches!(input, Input::Proceed);
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let mut outputs = Outputs::quiet(&member.clock);
        let Some(ended) = member.with(|node| node.step(input, &mut outputs)) else { return Ok(()) };
        member.busy_until = self.now + member.clock.elapsed();
        self.count_fired(id);
        for sent in outputs.messages {
            self.send(id, sent);
        }
        for reply in outputs.replies {
            self.subject.replied(id, reply, self.now)?;
        }
        // Also if it crashes now: what it did in this step has happened.
        let node = self.members.get(&id).and_then(|member| member.node.as_ref());
        if let (true, Some(node)) = (is_work && !matches!(ended, Err(Panicked::Otherwise(_))), node)
        {
            self.subject.proceeded(node)?;
        }
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) if S::goes_on(&error) => {}
            Ok(Err(error)) => {
                return Err(Violation::new(Rule::GoesOn, format!("member {id}: {error}")));
            }
            Err(panicked) => return self.panicked(id, panicked, Rule::GoesOn),
        }
        self.after_step(id);
        Ok(())
    }

    /// Lets the node do what is ready, and gives it what its owner orders.
    fn after_step(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(node) = &member.node else { return };
        let (life, free) = (member.life, member.busy_until);
        let will_proceed = !member.will_proceed && node.is_ready();
        member.will_proceed |= will_proceed;
        let order = self.subject.order(node, &mut self.draws);
        if let Some(command) = order {
            self.plan_at(self.now, Event::Command(id, life, command));
        }
        if will_proceed {
            let pause = self.draws.time(Duration::ZERO..=self.plan.pace);
            self.plan_at(self.now.max(free) + pause, Event::Proceed(id, life));
        }
    }

    fn send(&mut self, from: u64, sent: Sent<Message<S>>) {
        let Sent { to, after, message } = sent;
        self.subject.sent(&message);
        if !self.links.reaches(from, to) {
            return;
        }
        if self.is_stormy && self.draws.chance(self.plan.dropped) {
            self.note(("drop", from, to), || format!("lost from {from} to {to}: {message:?}"));
            return self.injections.add("dropped messages");
        }
        let leaves = self.now + after;
        if self.is_stormy && S::may_double(&message) && self.draws.chance(self.plan.duplicated) {
            self.injections.add("duplicated messages");
            let arrives = leaves + self.way();
            self.plan_at(arrives, Event::Arrive { to, message: message.clone() });
        }
        let arrives = leaves + self.way();
        self.plan_at(arrives, Event::Arrive { to, message });
    }

    /// How long a message takes.
    fn way(&mut self) -> Duration {
        let way = self.draws.time(Duration::ZERO..=self.plan.latency);
        if self.is_stormy && self.draws.chance(self.plan.delayed) {
            self.injections.add("delayed messages");
            return way + self.draws.time(Duration::ZERO..=self.plan.late);
        }
        way
    }

    fn count_fired(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        for point in member.take_fired() {
            self.injections.add("fired points");
            self.note(("fire", id, &point), || format!("member {id}: {point} fires"));
        }
    }

    fn panicked(&mut self, id: u64, panicked: Panicked, rule: Rule) -> Checked {
        match panicked {
            Panicked::AtPoint(_) => self.crash(id),
            Panicked::Otherwise(message) => {
                Err(Violation::new(rule, format!("member {id} panicked: {message}")))
            }
        }
    }

    /// A member crashes, and starts again later.
    pub(crate) fn crash(&mut self, id: u64) -> Checked {
        let keep = match self.draws.between(0..=3) {
            0 => Keep::Synced,
            1 => Keep::All,
            _ => Keep::Random(self.draws.between(0..=u64::MAX)),
        };
        let rest = self.draws.time(Duration::ZERO..=LONGEST_REST);
        self.note(("crash", id), || format!("member {id} crashes; its disk keeps {keep:?}"));
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        let dropped = member.crash(keep);
        self.subject.went_down(id, self.now);
        self.plan_at(self.now + rest, Event::Start(id));
        match dropped {
            Err(Panicked::Otherwise(message)) => {
                let seen = format!("member {id} panicked when it was dropped: {message}");
                Err(Violation::new(Rule::GoesOn, seen))
            }
            Ok(()) | Err(Panicked::AtPoint(_)) => Ok(()),
        }
    }
}
