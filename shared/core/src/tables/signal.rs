//! Signals: waves and noise that a table can be filled with, each value a pure function of the signal, the sample rate and the index.

use serde_json::{Value, json};

use super::TimeMeasure;
use crate::limits;
use crate::mistakes::Node;

mod filling;
mod turns;

/// A wave, noise, or a sum of such.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal(Wave);

/// Frequencies are in Hz. All are zero or positive, within [`limits::SIGNAL_FREQUENCY`]; amplitudes are finite and not greater than
/// [`limits::SIGNAL_AMPLITUDE`].
#[derive(Debug, Clone, PartialEq)]
enum Wave {
    /// a·cos(2πf·t + phase), which is a cosine: the source of this name in `WaveBeans` is one. The phase is in radians.
    Sine { frequency: f64, amplitude: f64, phase: f64 },
    /// A cosine whose frequency goes from one to the other in a straight line, reaches it at the end of the duration, and begins again.
    /// The phase goes on without a jump.
    Sweep { from: f64, to: f64, duration: TimeMeasure, amplitude: f64 },
    /// a for the share `duty` of each period, then -a.
    Square { frequency: f64, amplitude: f64, duty: f64 },
    /// A rise from -a to a in each period.
    Saw { frequency: f64, amplitude: f64 },
    /// White noise, uniform in [-a, a).
    Noise { amplitude: f64, seed: i64 },
    /// All of them added up, in this order.
    Sum(Vec<Wave>),
}

const KINDS: [&str; 6] = ["sine", "sweep", "square", "saw", "noise", "sum"];

impl Signal {
    /// Reads `{"sine": {…}}` and the like. A member `length` beside it belongs to whoever defines a table. `None` after noting mistakes.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        let mut parts = limits::SIGNAL_PARTS;
        Wave::read(node, &["length"], 0, &mut parts).map(Self)
    }

    /// As it is read, with everything that was left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }
}

impl Wave {
    /// `beside` are members that are not the signal's; `parts` is how many more waves there may be.
    fn read(node: &Node<'_>, beside: &[&str], depth: usize, parts: &mut usize) -> Option<Self> {
        let members = node.entries()?;
        let mut of_signal = members.into_iter().filter(|(name, _)| !beside.contains(name));
        let known = KINDS.join(", ");
        let Some((kind, body)) = of_signal.next() else {
            return node.wrong(format!("must have one of the members {known}"));
        };
        if !KINDS.contains(&kind) {
            return body.wrong(format!("is no signal; known are {known}"));
        }
        if let Some((_, other)) = of_signal.next() {
            return other.wrong(format!("is one too many beside {kind}: a signal has one of the members {known}"));
        }
        if kind == "sum" {
            return Self::read_sum(&body, depth, parts);
        }
        *parts = match parts.checked_sub(1) {
            Some(left) => left,
            None => return node.wrong(format!("is one too many: a signal has at most {} parts", limits::SIGNAL_PARTS)),
        };
        match kind {
            "sine" => Self::read_sine(&body),
            "sweep" => Self::read_sweep(&body),
            "square" => Self::read_square(&body),
            "saw" => Self::read_saw(&body),
            _ => Self::read_noise(&body),
        }
    }

    fn read_sum(body: &Node<'_>, depth: usize, parts: &mut usize) -> Option<Self> {
        if depth == limits::SIGNAL_NESTING {
            return body.wrong(format!("is nested too deeply: at most {depth} sums may be within each other"));
        }
        let members = body.elements()?;
        if members.is_empty() || members.len() > limits::SIGNAL_PARTS {
            return body.wrong(format!("must have 1 to {} members, not {}", limits::SIGNAL_PARTS, members.len()));
        }
        // All are read before any is given up, so that all mistakes are noted.
        let read: Vec<_> = members.iter().map(|member| Self::read(member, &[], depth + 1, parts)).collect();
        read.into_iter().collect::<Option<_>>().map(Self::Sum)
    }

    fn read_sine(body: &Node<'_>) -> Option<Self> {
        only(body, &["frequency", "amplitude", "phase"])?;
        let (frequency, amplitude) = (frequency_of(body), amplitude_of(body));
        let phase = body.get("phase").map_or(Some(0.0), |member| member.number());
        Some(Self::Sine { frequency: frequency?, amplitude: amplitude?, phase: phase? })
    }

    fn read_sweep(body: &Node<'_>) -> Option<Self> {
        only(body, &["from", "to", "duration", "amplitude"])?;
        let end = |name| body.required(name).and_then(|member| frequency_within(&member, true));
        let (from, to, amplitude) = (end("from"), end("to"), amplitude_of(body));
        let duration = body.required("duration").and_then(|member| {
            let measure: TimeMeasure = member.text()?.parse().map_err(|error| member.wrong::<()>(format!("{error}"))).ok()?;
            if measure.nanos() > 0 { Some(measure) } else { member.wrong(format!("must be longer than 0, not {measure}")) }
        });
        Some(Self::Sweep { from: from?, to: to?, duration: duration?, amplitude: amplitude? })
    }

    fn read_square(body: &Node<'_>) -> Option<Self> {
        only(body, &["frequency", "amplitude", "duty"])?;
        let (frequency, amplitude) = (frequency_of(body), amplitude_of(body));
        let duty = body.get("duty").map_or(Some(0.5), |member| {
            let duty = member.number()?;
            let within = (limits::SIGNAL_DUTY..=1.0 - limits::SIGNAL_DUTY).contains(&duty);
            if within { Some(duty) } else { member.wrong(format!("must be greater than 0 and less than 1, not {duty}")) }
        });
        Some(Self::Square { frequency: frequency?, amplitude: amplitude?, duty: duty? })
    }

    fn read_saw(body: &Node<'_>) -> Option<Self> {
        only(body, &["frequency", "amplitude"])?;
        let (frequency, amplitude) = (frequency_of(body), amplitude_of(body));
        Some(Self::Saw { frequency: frequency?, amplitude: amplitude? })
    }

    fn read_noise(body: &Node<'_>) -> Option<Self> {
        only(body, &["amplitude", "seed"])?;
        let amplitude = amplitude_of(body);
        // Without a seed the same definition would be another table each time.
        let seed = body.required("seed").and_then(|member| member.integer());
        Some(Self::Noise { amplitude: amplitude?, seed: seed? })
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Sine { frequency, amplitude, phase } => {
                json!({"sine": {"frequency": shown(*frequency), "amplitude": shown(*amplitude), "phase": shown(*phase)}})
            }
            Self::Sweep { from, to, duration, amplitude } => {
                let duration = duration.to_string();
                json!({"sweep": {"from": shown(*from), "to": shown(*to), "duration": duration, "amplitude": shown(*amplitude)}})
            }
            Self::Square { frequency, amplitude, duty } => {
                json!({"square": {"frequency": shown(*frequency), "amplitude": shown(*amplitude), "duty": shown(*duty)}})
            }
            Self::Saw { frequency, amplitude } => json!({"saw": {"frequency": shown(*frequency), "amplitude": shown(*amplitude)}}),
            Self::Noise { amplitude, seed } => json!({"noise": {"amplitude": shown(*amplitude), "seed": seed}}),
            Self::Sum(waves) => json!({"sum": waves.iter().map(Self::to_json).collect::<Vec<_>>()}),
        }
    }
}

/// Notes members that do not belong here.
fn only(body: &Node<'_>, known: &[&str]) -> Option<()> {
    let mut fits = Some(());
    for (name, member) in body.entries()? {
        if !known.contains(&name) {
            fits = member.wrong(format!("is no member of this signal; known are {}", known.join(", ")));
        }
    }
    fits
}

fn frequency_of(body: &Node<'_>) -> Option<f64> {
    frequency_within(&body.required("frequency")?, false)
}

fn frequency_within(member: &Node<'_>, zero: bool) -> Option<f64> {
    let frequency = member.number()?;
    if limits::SIGNAL_FREQUENCY.contains(&frequency) || (zero && frequency == 0.0) {
        return Some(frequency.abs());
    }
    let (least, most) = limits::SIGNAL_FREQUENCY.into_inner();
    let zero = if zero { "0, or " } else { "" };
    member.wrong(format!("must be {zero}from {least:e} to {most:e} Hz, not {frequency}"))
}

fn amplitude_of(body: &Node<'_>) -> Option<f64> {
    let Some(member) = body.get("amplitude") else { return Some(1.0) };
    let amplitude = member.number()?;
    if amplitude.abs() <= limits::SIGNAL_AMPLITUDE {
        return Some(amplitude);
    }
    member.wrong(format!("must not be greater than {:e}", limits::SIGNAL_AMPLITUDE))
}

/// Whole numbers without a point, as they are usually written.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn shown(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { Value::from(number as i64) } else { Value::from(number) }
}

#[cfg(test)]
mod tests;
