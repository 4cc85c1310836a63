//! What a signal is at each index.

use super::super::SampleRate;
use super::turns::{Fixed, carries, cosine, fraction_of_product, rise, square, turns_of};
use super::{Signal, Wave};
use crate::random::{FieldId, SeedKey};

/// The draws of noise. The name is part of what a seed means.
const NOISE: FieldId = FieldId::ROOT.child("noise");

impl Signal {
    /// The samples from `first` on, at this rate. Filling piece by piece gives the same bits as filling at once.
    pub fn fill(&self, rate: SampleRate, first: u64, out: &mut [f64]) {
        out.fill(0.0);
        self.0.add(rate, first, out);
    }
}

impl Wave {
    fn add(&self, rate: SampleRate, first: u64, out: &mut [f64]) {
        match *self {
            Self::Sine { frequency, amplitude, phase } => {
                add_periodic(turns_per_sample(frequency, rate), turns_of(phase), first, out, |phase| amplitude * cosine(phase));
            }
            Self::Square { frequency, amplitude, duty } => {
                let duty = Fixed::of(duty, 1, 1).fraction;
                let value = |phase| if phase < duty { amplitude } else { -amplitude };
                add_periodic(turns_per_sample(frequency, rate), 0, first, out, value);
            }
            Self::Saw { frequency, amplitude } => {
                add_periodic(turns_per_sample(frequency, rate), 0, first, out, |phase| amplitude * rise(phase));
            }
            Self::Sweep { from, to, duration, amplitude } => {
                Sweep::new(from, to, duration.nanos().unsigned_abs(), rate).add(amplitude, first, out);
            }
            Self::Noise { amplitude, seed } => {
                let key = SeedKey::new(seed).entity(0);
                for (index, sample) in (first..).zip(out) {
                    *sample += amplitude * (2.0 * key.step(index).draw(NOISE).unit() - 1.0);
                }
            }
            Self::Sum(ref waves) => waves.iter().for_each(|wave| wave.add(rate, first, out)),
        }
    }
}

/// The fraction of a turn by which the phase grows with each sample.
fn turns_per_sample(frequency: f64, rate: SampleRate) -> u128 {
    let (samples, seconds) = rate.fraction();
    Fixed::of(frequency, seconds, samples).fraction
}

fn add_periodic(step: u128, offset: u128, first: u64, out: &mut [f64], value: impl Fn(u128) -> f64) {
    let mut phase = step.wrapping_mul(u128::from(first)).wrapping_add(offset);
    for sample in out {
        *sample += value(phase);
        phase = phase.wrapping_add(step);
    }
}

/// A sweep at a rate. With x for the share of its duration that is over, the turns since it began are
/// `duration * (from * x + (to - from) * x² / 2)`, that is, `duration / 2 * (from * (2x - x²) + to * x²)`.
struct Sweep {
    /// Half the duration times each frequency: turns, with 64 bits of fraction.
    from: u128,
    to: u128,
    /// The turns of a whole sweep, of which the fraction counts.
    whole: u128,
    /// By how many sweeps each sample goes on.
    step: Fixed,
}

impl Sweep {
    fn new(from: f64, to: f64, duration: u64, rate: SampleRate) -> Self {
        const TWO_SECONDS: u64 = 2_000_000_000;
        let [from, to] = [from, to].map(|frequency| Fixed::of(frequency, duration, TWO_SECONDS));
        let (nanos, samples) = rate.period();
        Self {
            from: from.half_and_half(),
            to: to.half_and_half(),
            whole: from.fraction.wrapping_add(to.fraction),
            step: Fixed::ratio(u128::from(nanos), u128::from(samples) * u128::from(duration)),
        }
    }

    fn add(&self, amplitude: f64, first: u64, out: &mut [f64]) {
        let index = u128::from(first);
        let mut x = self.step.fraction.wrapping_mul(index);
        let over = self.step.whole.wrapping_mul(index).wrapping_add(carries(self.step.fraction, first));
        let mut before = self.whole.wrapping_mul(over);
        let between = self.whole.wrapping_mul(self.step.whole);
        for sample in out {
            let squared = square(x);
            let falling = fraction_of_product(self.from, (x << 1).wrapping_sub(squared));
            let rising = fraction_of_product(self.to, squared);
            *sample += amplitude * cosine(before.wrapping_add(falling).wrapping_add(rising));
            let (next, seam) = x.overflowing_add(self.step.fraction);
            x = next;
            before = before.wrapping_add(between).wrapping_add(if seam { self.whole } else { 0 });
        }
    }
}
