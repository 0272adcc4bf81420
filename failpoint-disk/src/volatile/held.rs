//! What a program sees of one file whose changes are held back: changed ranges over the real contents.

use crate::sim::image::Change;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A file as its changes make it.
#[derive(Debug)]
pub(super) struct Held {
    len: u64,
    /// What was written, by offset, without overlaps.
    extents: BTreeMap<u64, Extent>,
    /// So many bytes of what is durable show through, where no extent hides them.
    shown: u64,
    /// The lengths that were set and are not durable yet: what was behind them was cut off.
    cuts: Vec<u64>,
}

/// A part of the data of one write.
#[derive(Clone, Debug)]
struct Extent {
    data: Arc<[u8]>,
    start: usize,
    end: usize,
}

impl Extent {
    fn len(&self) -> u64 {
        (self.end - self.start) as u64
    }
}

impl Held {
    /// Nothing is held yet of a file that has so many bytes.
    pub(super) fn new(durable_len: u64) -> Self {
        Self { len: durable_len, extents: BTreeMap::new(), shown: durable_len, cuts: Vec::new() }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, offset: u64, data: &Arc<[u8]>) {
        let end = offset + data.len() as u64;
        self.cut(offset, end);
        self.extents.insert(offset, Extent { data: data.clone(), start: 0, end: data.len() });
        self.len = self.len.max(end);
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.cut(len, u64::MAX);
        self.shown = self.shown.min(len);
        self.cuts.push(len);
        self.len = len;
    }

    /// A change became durable, so that its file has so many bytes.
    pub(super) fn settled(&mut self, change: &Change, durable_len: u64) {
        match change {
            Change::Write { offset, data, .. } => {
                let parts = self.extents.range(*offset..*offset + data.len() as u64);
                let of_it = parts.filter(|(_, extent)| Arc::ptr_eq(&extent.data, data));
                let of_it: Vec<u64> = of_it.map(|(at, _)| *at).collect();
                for at in of_it {
                    self.extents.remove(&at);
                }
            }
            Change::SetLen { len, .. } => {
                if let Some(place) = self.cuts.iter().position(|cut| cut == len) {
                    self.cuts.remove(place);
                }
            }
            _ => {}
        }
        self.shown = self.cuts.iter().fold(durable_len, |shown, cut| shown.min(*cut));
    }

    /// Reads what the program sees; `durable` reads what is durable, of which it is asked for no more than is
    /// there.
    pub(super) fn read(
        &self,
        buffer: &mut [u8],
        offset: u64,
        durable: impl FnOnce(&mut [u8], u64) -> io::Result<()>,
    ) -> io::Result<usize> {
        let within = |len: u64| usize::try_from(len).unwrap_or(usize::MAX).min(buffer.len());
        let read = within(self.len.saturating_sub(offset));
        let shown = within(self.shown.saturating_sub(offset)).min(read);
        let buffer = &mut buffer[..read];
        if shown > 0 {
            durable(&mut buffer[..shown], offset)?;
        }
        buffer[shown..].fill(0);
        let end = offset + read as u64;
        let before = self.extents.range(..offset).next_back();
        for (&at, extent) in before.into_iter().chain(self.extents.range(offset..end)) {
            let (from, to) = (at.max(offset), (at + extent.len()).min(end));
            if from < to {
                let data = &extent.data[extent.start..extent.end];
                let source = &data[(from - at) as usize..(to - at) as usize];
                buffer[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
            }
        }
        Ok(read)
    }

    /// Removes what extents have between `start` and `end`.
    fn cut(&mut self, start: u64, end: u64) {
        let mut tail = None;
        if let Some((&at, extent)) = self.extents.range_mut(..start).next_back() {
            let stop = at + extent.len();
            if stop > start {
                if stop > end {
                    tail = Some(Extent {
                        start: extent.start + (end - at) as usize,
                        ..extent.clone()
                    });
                }
                extent.end = extent.start + (start - at) as usize;
            }
        }
        let inside: Vec<u64> = self.extents.range(start..end).map(|(at, _)| *at).collect();
        for at in inside {
            let Some(extent) = self.extents.remove(&at) else { continue };
            if at + extent.len() > end {
                tail = Some(Extent { start: extent.start + (end - at) as usize, ..extent });
            }
        }
        if let Some(tail) = tail {
            self.extents.insert(end, tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    /// Against files in memory, with changes that become durable one by one.
    #[test]
    fn it_reads_as_a_file_does() {
        for seed in 0..300 {
            let mut random = Random(seed);
            let mut durable = vec![b'd'; random.below(20)];
            let mut view = durable.clone();
            let mut held = Held::new(durable.len() as u64);
            let mut pending = Vec::new();
            for step in 0..30_u8 {
                match random.below(5) {
                    0 | 1 => {
                        let offset = random.below(30);
                        let data: Arc<[u8]> = vec![b'A' + step; 1 + random.below(10)].into();
                        held.write(offset as u64, &data);
                        let change = Change::Write { ino: 1, offset: offset as u64, data };
                        apply(&mut view, &change);
                        pending.push(change);
                    }
                    2 => {
                        let len = random.below(30) as u64;
                        held.set_len(len);
                        let change = Change::SetLen { ino: 1, len };
                        apply(&mut view, &change);
                        pending.push(change);
                    }
                    3 if !pending.is_empty() => {
                        let change = pending.remove(0);
                        apply(&mut durable, &change);
                        held.settled(&change, durable.len() as u64);
                    }
                    _ => {}
                }
                let offset = random.below(20);
                let mut buffer = vec![0xff; 40];
                let read = held.read(&mut buffer, offset as u64, |buffer, at| {
                    let at = at as usize;
                    buffer.copy_from_slice(&durable[at..at + buffer.len()]);
                    Ok(())
                });
                let expected = view.get(offset..).unwrap_or_default();
                assert_eq!(held.len(), view.len() as u64, "seed {seed}, step {step}");
                assert_eq!(&buffer[..read.unwrap_or(99)], expected, "seed {seed}, step {step}");
            }
        }
    }

    fn apply(file: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Write { offset, data, .. } => {
                let (start, end) = (*offset as usize, *offset as usize + data.len());
                file.resize(file.len().max(end), 0);
                file[start..end].copy_from_slice(data);
            }
            Change::SetLen { len, .. } => file.resize(*len as usize, 0),
            _ => {}
        }
    }
}
