//! Samples as little-endian doubles.

use super::IngestError;

const WIDTH: usize = size_of::<f64>();

#[derive(Debug, Default)]
pub(super) struct Octets {
    /// What the pieces before have of a double that has not ended.
    begun: Vec<u8>,
}

impl Octets {
    pub(super) fn push(&mut self, mut piece: &[u8], out: &mut Vec<f64>) {
        if !self.begun.is_empty() {
            let (head, rest) = piece.split_at(piece.len().min(WIDTH - self.begun.len()));
            self.begun.extend_from_slice(head);
            piece = rest;
            if let Some(&double) = self.begun.first_chunk() {
                out.push(f64::from_le_bytes(double));
                self.begun.clear();
            }
        }
        let (doubles, rest) = piece.as_chunks();
        out.extend(doubles.iter().map(|&double| f64::from_le_bytes(double)));
        self.begun.extend_from_slice(rest);
    }

    pub(super) fn finish(self) -> Result<(), IngestError> {
        if self.begun.is_empty() { Ok(()) } else { Err(IngestError::Octets(self.begun.len())) }
    }
}
