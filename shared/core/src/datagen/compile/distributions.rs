//! Reads distributions, checked for what they are used for.

use crate::datagen::calendar;
use crate::datagen::draws::{Integer, Real};
use crate::datagen::plan::MomentDraw;
use crate::limits;
use crate::mistakes::Node;

/// What a real-valued distribution is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it is: `uniform` reaches from `min` to `max`.
    Plain,
    /// Truncated to an integer: `uniform` reaches up to `max + 1`, so that each integer from `min` to `max` has its share.
    Truncated,
}

fn type_word(node: &Node<'_>) -> Option<String> {
    node.expect_object()?;
    let word = node.required("type")?;
    let text = word.text()?.to_ascii_lowercase();
    match text.as_str() {
        "constant" | "uniform" | "exponential" | "normal" => Some(text),
        _ => word.wrong(format!("unknown distribution {:?}; known are constant, uniform, exponential, normal", word.text()?)),
    }
}

fn number(node: &Node<'_>, member: &str) -> Option<f64> {
    node.required(member)?.number()
}

fn not_negative(node: &Node<'_>, member: &str) -> Option<f64> {
    let value = number(node, member)?;
    if value < 0.0 { node.get(member)?.wrong("must not be negative") } else { Some(value) }
}

/// A real number.
pub(super) fn real(node: &Node<'_>, reading: Reading) -> Option<Real> {
    match type_word(node)?.as_str() {
        "constant" => Some(Real::Constant(number(node, "value")?)),
        "uniform" => {
            let (min, max) = both(number(node, "min"), number(node, "max"))?;
            if min > max {
                return node.get("min")?.wrong(format!("is greater than max: {min} > {max}"));
            }
            let span = if reading == Reading::Truncated { max + 1.0 - min } else { max - min };
            if span.is_finite() { Some(Real::Uniform { min, span }) } else { node.wrong("reaches too far") }
        }
        "exponential" => Some(Real::Exponential { mean: not_negative(node, "mean")? }),
        _ => {
            let (mean, stddev) = both(number(node, "mean"), not_negative(node, "stddev"))?;
            Some(Real::Normal { mean, stddev })
        }
    }
}

/// A length: truncated, bounded.
pub(super) fn length(node: &Node<'_>) -> Option<Real> {
    let real = real(node, Reading::Truncated)?;
    match real.greatest() {
        #[expect(clippy::cast_precision_loss, reason = "a small limit")]
        Some(greatest) if greatest > limits::DRAWN_LENGTH as f64 + 1.0 => {
            node.wrong(format!("lengths of more than {} are not allowed", limits::DRAWN_LENGTH))
        }
        _ => Some(real),
    }
}

/// An integer: `uniform` gives every integer of [min, max] alike, others are truncated towards zero.
pub(super) fn integer(node: &Node<'_>) -> Option<Integer> {
    match type_word(node)?.as_str() {
        "constant" => Some(Integer::Constant(whole(&node.required("value")?, f64::trunc)?)),
        "uniform" => {
            let min = node.required("min").and_then(|min| whole(&min, f64::ceil));
            let max = node.required("max").and_then(|max| whole(&max, f64::floor));
            let (min, max) = both(min, max)?;
            if min > max {
                return node.get("min")?.wrong(format!(
                    "no integer lies from {} to {}",
                    node.get("min")?.value(),
                    node.get("max")?.value()
                ));
            }
            Some(Integer::Uniform { min, count: max.abs_diff(min).saturating_add(1) })
        }
        _ => Some(Integer::Truncated(real(node, Reading::Plain)?)),
    }
}

/// A number made whole; exact where JSON gives an integer.
fn whole(node: &Node<'_>, round: fn(f64) -> f64) -> Option<i64> {
    if let Some(integer) = node.value().as_i64() {
        return Some(integer);
    }
    let rounded = round(node.number()?);
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the range")]
    if rounded.abs() < 9.2e18 { Some(rounded as i64) } else { node.wrong("is beyond the integers from -2^63 to 2^63-1") }
}

/// An IPv4 address as an integer.
pub(super) fn address(node: &Node<'_>) -> Option<Integer> {
    let integer = integer(node)?;
    let members: &[(&str, i64)] = match &integer {
        Integer::Constant(value) => &[("value", *value)],
        Integer::Uniform { min, count } => &[("min", *min), ("max", min.saturating_add_unsigned(count - 1))],
        Integer::Truncated(_) => &[],
    };
    for (member, value) in members {
        if !(0..=i64::from(u32::MAX)).contains(value) {
            return node.get(member)?.wrong(format!("{value} is no IPv4 address: those are 0 to 4294967295"));
        }
    }
    Some(integer)
}

/// A moment, given as ISO 8601 texts.
pub(super) fn moment(node: &Node<'_>) -> Option<MomentDraw> {
    let read = |member: &str| {
        let member = node.required(member)?;
        let text = member.text()?;
        let moment = calendar::parse(text).map(crate::ports::Timestamp::as_micros);
        moment.or_else(|| member.wrong(format!("{text:?} is not an ISO 8601 date or date and time of the years 1 to 9999")))
    };
    match type_word(node)?.as_str() {
        "constant" => Some(MomentDraw::Even(Integer::Constant(read("value")?))),
        "uniform" => {
            let (min, max) = both(read("min"), read("max"))?;
            if min > max {
                return node.get("min")?.wrong("is later than max");
            }
            Some(MomentDraw::Even(Integer::Uniform { min, count: max.abs_diff(min) + 1 }))
        }
        "normal" => {
            let (mean, stddev) = both(read("mean"), not_negative(node, "stddev"))?;
            Some(MomentDraw::Normal { mean, stddev: Real::Normal { mean: 0.0, stddev } })
        }
        _ => node.get("type")?.wrong("an exponential distribution has no meaning for moments; take uniform, normal or constant"),
    }
}

/// Both values; each has been read before, so each has noted its mistakes.
fn both<A, B>(a: Option<A>, b: Option<B>) -> Option<(A, B)> {
    Some((a?, b?))
}
