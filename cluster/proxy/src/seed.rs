//! Where do random choices come from? From the seed of a link, its name, the number of the connection, its
//! direction, and the name of the toxic. So what one connection draws does not depend on how others run.

use crate::effect::Direction;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The source of one direction of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    link: u64,
    name: u32,
    connection: u64,
    direction: Direction,
}

impl Seed {
    pub(crate) fn new(link: u64, name: &str, connection: u64, direction: Direction) -> Self {
        Self { link, name: crc32fast::hash(name.as_bytes()), connection, direction }
    }

    /// The draws of one toxic.
    pub(crate) fn of_toxic(self, name: &str) -> ChaCha8Rng {
        let parts = [
            self.link,
            u64::from(self.name),
            self.connection,
            u64::from(crc32fast::hash(name.as_bytes())) << 1 | self.direction.index() as u64,
        ];
        let mut seed = [0; 32];
        for (bytes, part) in seed.chunks_exact_mut(8).zip(parts) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        ChaCha8Rng::from_seed(seed)
    }
}
