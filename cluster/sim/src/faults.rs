//! The faults that happen at some moment.

use crate::plan::Fault;
use crate::subject::{Checked, Subject};
use crate::world::{Event, World};
use std::time::Duration;

/// The longest time for which links are cut.
const LONGEST_CUT: Duration = Duration::from_secs(2);

/// By how many ticks at most a clock jumps: beyond one election time-out.
const LONGEST_JUMP: u64 = 25;

/// At which hit at most a point fires.
const LAST_HIT: u64 = 8;

impl<S: Subject> World<S> {
    /// One fault of the plan happens, and the next one is planned.
    pub(crate) fn fault(&mut self) -> Checked {
        if !self.is_stormy {
            return Ok(());
        }
        let pause = self.draws.time(Duration::from_millis(1)..=self.plan.fault_every);
        self.plan_at(self.now + pause, Event::Fault);
        let fault = *self.draws.one(&self.plan.faults);
        let id = self.draws.between(1..=self.plan.members);
        match fault {
            Fault::Crash => self.crash_if_up(id),
            Fault::CrashAll => self.up().into_iter().try_for_each(|id| self.crash_if_up(id)),
            Fault::Partition => {
                let group = self.links.split(self.plan.members, &mut self.draws);
                self.injections.add("partitions");
                self.note(("split", &group), || format!("only {group:?} reach each other"));
                self.plan_heal();
                Ok(())
            }
            Fault::OneWay => {
                let is_out = self.draws.chance(500);
                self.links.one_way(self.plan.members, id, is_out);
                self.injections.add("one-way partitions");
                self.note(("one way", id, is_out), || {
                    let what = if is_out { "reaches no other" } else { "is reached by no other" };
                    format!("member {id} {what}")
                });
                self.plan_heal();
                Ok(())
            }
            Fault::Point => {
                self.arm(id);
                Ok(())
            }
            Fault::ClockJump => {
                self.jump(id);
                Ok(())
            }
            Fault::ClockRate => {
                let tick = self.tick_length();
                if let Some(member) = self.members.get_mut(&id) {
                    member.tick = tick;
                }
                self.injections.add("clock rates");
                self.note(("rate", id, tick), || format!("a tick of member {id} takes {tick:?}"));
                Ok(())
            }
        }
    }

    fn crash_if_up(&mut self, id: u64) -> Checked {
        if self.members.get(&id).is_none_or(|member| member.node.is_none()) {
            return Ok(());
        }
        self.injections.add("crashes");
        self.crash(id)
    }

    fn plan_heal(&mut self) {
        let lasts = self.draws.time(Duration::from_millis(20)..=LONGEST_CUT);
        self.plan_at(self.now + lasts, Event::Heal(self.links.cuts));
    }

    fn arm(&mut self, id: u64) {
        if self.plan.points.is_empty() {
            return;
        }
        let point = *self.draws.one(&self.plan.points);
        let hit = self.draws.between(1..=LAST_HIT);
        let action = match self.draws.between(0..=2) {
            _ if point.returns => "return".to_owned(),
            0 => format!("sleep({})", self.draws.between(5..=400)),
            _ => "panic".to_owned(),
        };
        let (name, terms) = (point.name, format!("nth({hit}):{action}"));
        self.note(("arm", id, name, &terms), || format!("member {id}: {name}={terms}"));
        if let Some(member) = self.members.get_mut(&id) {
            member.arm(name, &terms);
        }
    }

    fn jump(&mut self, id: u64) {
        let ticks = self.draws.between(1..=LONGEST_JUMP);
        let Some(member) = self.members.get(&id).filter(|member| member.node.is_some()) else {
            return;
        };
        let life = member.life;
        self.injections.add("clock jumps");
        self.note(("jump", id, ticks), || format!("the clock of member {id} jumps {ticks} ticks"));
        for _ in 0..ticks {
            self.plan_at(self.now, Event::Jump(id, life));
        }
    }
}
