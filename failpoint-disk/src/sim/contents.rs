//! The contents of a file, in chunks that copies share. Chunks that were never written take no memory.
//!
//! An explorer makes a copy of a disk for each crash, changes a few bytes of it, and hashes it. With chunks,
//! both cost what was changed, and not what the file holds.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};
use twox_hash::XxHash3_128;

const CHUNK: usize = 4096;

#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    /// How many full chunks there are.
    full: usize,
    /// By number, those of them that are not known to be zeros.
    chunks: BTreeMap<usize, Arc<Chunk>>,
    /// What is behind the last full chunk: a small file is nothing else.
    tail: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Chunk {
    bytes: [u8; CHUNK],
    /// Empty until it is asked for.
    hash: OnceLock<u128>,
}

impl Chunk {
    fn bytes_mut(chunk: &mut Arc<Self>) -> &mut [u8; CHUNK] {
        let chunk = Arc::make_mut(chunk);
        chunk.hash.take();
        &mut chunk.bytes
    }

    fn hash(&self) -> u128 {
        *self.hash.get_or_init(|| XxHash3_128::oneshot(&self.bytes))
    }
}

static ZEROS: LazyLock<Arc<Chunk>> =
    LazyLock::new(|| Arc::new(Chunk { bytes: [0; CHUNK], hash: OnceLock::new() }));

impl Contents {
    pub(crate) fn len(&self) -> usize {
        self.full * CHUNK + self.tail.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` with what starts at `start`.
    ///
    /// # Panics
    /// If the file ends before.
    pub(crate) fn read(&self, start: usize, buffer: &mut [u8]) {
        let mut at = start;
        let mut rest = buffer;
        while !rest.is_empty() {
            let there = self.rest_of_chunk(at);
            let (now, later) = rest.split_at_mut(rest.len().min(there.len()));
            now.copy_from_slice(&there[..now.len()]);
            at += now.len();
            rest = later;
        }
    }

    /// Whether `data` is what starts at `start`.
    pub(crate) fn holds(&self, start: usize, data: &[u8]) -> bool {
        if start.checked_add(data.len()).is_none_or(|end| end > self.len()) {
            return false;
        }
        let mut at = start;
        let mut rest = data;
        while !rest.is_empty() {
            let there = self.rest_of_chunk(at);
            let (now, later) = rest.split_at(rest.len().min(there.len()));
            if *now != there[..now.len()] {
                return false;
            }
            at += now.len();
            rest = later;
        }
        true
    }

    /// Writes `data`; a gap before it becomes zeros.
    pub(crate) fn write(&mut self, start: usize, data: &[u8]) {
        let end = start + data.len();
        if self.len() < end {
            self.resize(end);
        }
        let mut at = start;
        let mut rest = data;
        while !rest.is_empty() {
            let number = at / CHUNK;
            let there = if number < self.full {
                let chunk = self.chunks.entry(number).or_insert_with(|| ZEROS.clone());
                &mut Chunk::bytes_mut(chunk)[at % CHUNK..]
            } else {
                &mut self.tail[at % CHUNK..]
            };
            let (now, later) = rest.split_at(rest.len().min(there.len()));
            there[..now.len()].copy_from_slice(now);
            at += now.len();
            rest = later;
        }
    }

    /// Cuts it, or adds zeros.
    pub(crate) fn resize(&mut self, len: usize) {
        let (full, tail) = (len / CHUNK, len % CHUNK);
        if full < self.full {
            self.tail = self.rest_of_chunk(full * CHUNK)[..tail].to_vec();
            self.chunks.split_off(&full);
        } else if full > self.full {
            if !self.tail.is_empty() {
                let mut chunk = ZEROS.clone();
                Chunk::bytes_mut(&mut chunk)[..self.tail.len()].copy_from_slice(&self.tail);
                self.chunks.insert(self.full, chunk);
            }
            self.tail = vec![0; tail];
        } else {
            self.tail.resize(tail, 0);
        }
        self.full = full;
    }

    /// Appends what tells it from others of the same length.
    pub(crate) fn spell(&self, buffer: &mut Vec<u8>) {
        if self.full > 0 {
            let start = buffer.len();
            let mut count = 0_u64;
            buffer.extend(count.to_le_bytes());
            // A chunk of zeros may be there or not.
            for (number, chunk) in &self.chunks {
                if chunk.hash() != ZEROS.hash() {
                    buffer.extend((*number as u64).to_le_bytes());
                    buffer.extend(chunk.hash().to_le_bytes());
                    count += 1;
                }
            }
            buffer[start..start + 8].copy_from_slice(&count.to_le_bytes());
        }
        buffer.extend_from_slice(&self.tail);
    }

    /// From `at` to the end of its chunk.
    fn rest_of_chunk(&self, at: usize) -> &[u8] {
        let number = at / CHUNK;
        if number < self.full {
            &self.chunks.get(&number).unwrap_or(&ZEROS).bytes[at % CHUNK..]
        } else {
            &self.tail[at % CHUNK..]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    fn spelled(contents: &Contents) -> Vec<u8> {
        let mut buffer = Vec::new();
        contents.spell(&mut buffer);
        buffer
    }

    fn bytes(contents: &Contents) -> Vec<u8> {
        let mut bytes = vec![0; contents.len()];
        contents.read(0, &mut bytes);
        bytes
    }

    /// Writes, cuts and copies as they come, beside a vector.
    #[test]
    fn they_are_a_vector() {
        let mut random = Random(1);
        let (mut contents, mut model) = (Contents::default(), Vec::new());
        let mut copies = Vec::new();
        for step in 0..2000_u32 {
            let at = random.below(3 * CHUNK);
            match random.below(8) {
                0 => {
                    contents.resize(at);
                    model.resize(at, 0);
                }
                1 => copies.push((contents.clone(), model.clone())),
                _ => {
                    let data =
                        vec![step as u8; 1 + random.below(if at % 2 == 0 { 2 * CHUNK } else { 9 })];
                    contents.write(at, &data);
                    if model.len() < at + data.len() {
                        model.resize(at + data.len(), 0);
                    }
                    model[at..at + data.len()].copy_from_slice(&data);
                }
            }
            assert_eq!(bytes(&contents), model, "after step {step}");
            let from = random.below(model.len());
            assert!(contents.holds(from, &model[from..]));
            assert!(!contents.holds(from + 1, &model[from..]), "it is too long");
            let mut other = Contents::default();
            other.write(0, &model);
            assert_eq!(spelled(&contents), spelled(&other), "after step {step}");
            if let Some(last) = model.last_mut() {
                *last ^= 1;
                assert!(!contents.holds(from, &model[from..]));
                other.write(model.len() - 1, &model[model.len() - 1..]);
                assert_ne!(spelled(&contents), spelled(&other), "after step {step}");
                *model.last_mut().expect("it has one") ^= 1;
            }
        }
        for (contents, model) in copies {
            assert_eq!(bytes(&contents), model, "a copy stays as it was");
        }
    }

    #[test]
    fn what_was_never_written_takes_no_memory() {
        let mut contents = Contents::default();
        contents.resize(isize::MAX as usize);
        contents.write(1 << 40, b"there");
        contents.resize(1 << 50);
        let mut read = [1; 7];
        contents.read((1 << 40) - 1, &mut read);
        assert_eq!(&read, b"\0there\0");
        assert_eq!((contents.len(), contents.chunks.len()), (1 << 50, 1));
        contents.resize((1 << 40) + 3);
        contents.resize(1 << 41);
        contents.read((1 << 40) - 1, &mut read);
        assert_eq!(&read, b"\0the\0\0\0");
        // Zeros are zeros, written or not.
        let mut other = contents.clone();
        other.write(1 << 30, &[0; 3 * CHUNK]);
        assert_eq!(spelled(&contents), spelled(&other));
    }
}
