//! The internal scripts: three ways in which sensors move.

use serde_json::Value;

use super::device::Device;
use super::plan::Layout;
use crate::mistakes::kind_of;
use crate::random::{FieldId, StepKey};
use crate::simulations::StateValue;

/// What a sensor gains or loses at each tick when nothing else is said. The original wants it said, and then does nothing.
const STEP: f64 = 1.0;

/// Two values that differ by less are one to a sensor that looks whether it has come to its end.
const NEAR: f64 = 0.001;

/// An internal script with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Internal {
    motion: Motion,
    sensors: Vec<Sensor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Motion {
    /// Somewhere from the least to below the most.
    Random,
    /// Up by a step; from the most to the least.
    Increasing,
    /// Down by a step; from the least to the most.
    Decreasing,
}

#[derive(Debug, Clone, PartialEq)]
struct Sensor {
    place: usize,
    field: FieldId,
    least: f64,
    most: f64,
    step: f64,
}

impl Internal {
    /// Reads an internal script. `key` tells its draws apart from those of other scripts; the layout has all sensors.
    pub(super) fn compile(path: &str, params: Option<&Value>, layout: &Layout, key: FieldId) -> Result<Self, String> {
        let motion = match path.to_ascii_lowercase().as_str() {
            "math.random.withinrange" => Motion::Random,
            "math.increasing" => Motion::Increasing,
            "math.decreasing" => Motion::Decreasing,
            _ => {
                let known = "Math.Random.WithinRange, Math.Increasing and Math.Decreasing";
                return Err(format!("there is no internal script {path:?}; there are {known}"));
            }
        };
        let sensors = sensors(params)?.iter().map(|(name, sensor)| {
            let number = |member| number(sensor, member).ok_or_else(|| format!("{name}.{member} must be a number"));
            Ok(Sensor {
                place: layout.place(name).ok_or("a sensor is not in the layout")?,
                field: key.child(name),
                least: number("Min")?,
                most: number("Max")?,
                step: if motion == Motion::Random || sensor.get("Step").is_none() { STEP } else { number("Step")? },
            })
        });
        Ok(Self { motion, sensors: sensors.collect::<Result<_, String>>()? })
    }

    /// Moves the sensors of a device. Those before one that cannot be moved have moved.
    pub(super) fn run(&self, device: &mut Device, draws: StepKey) -> Result<(), String> {
        for Sensor { place, field, least, most, step } in &self.sensors {
            let now = &mut device.state[*place];
            let next = match self.motion {
                Motion::Random => least + draws.draw(*field).unit() * (most - least),
                Motion::Increasing => {
                    let now = current(now, *least)?;
                    if (now - most).abs() < NEAR { *least } else { (now + step).min(*most) }
                }
                Motion::Decreasing => {
                    let now = current(now, *most)?;
                    if (now - least).abs() < NEAR { *most } else { (now - step).max(*least) }
                }
            };
            *now = StateValue::Number(next);
        }
        Ok(())
    }
}

/// The names in the parameters of an internal script.
pub(super) fn sensors(params: Option<&Value>) -> Result<&serde_json::Map<String, Value>, String> {
    match params {
        Some(Value::Object(sensors)) => Ok(sensors),
        other => Err(format!("the parameters must be an object, not {}", other.map_or("nothing", kind_of))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "what a sensor shows is a double")]
fn current(value: &StateValue, missing: f64) -> Result<f64, String> {
    match value {
        StateValue::Null => Ok(missing),
        StateValue::Number(number) => Ok(*number),
        StateValue::Integer(whole) => Ok(*whole as f64),
        StateValue::Text(text) => text.trim().parse().map_err(|_| format!("a sensor holds {text:?}, which is no number")),
        StateValue::Bool(_) | StateValue::Json(_) => Err("a sensor holds something that is no number".to_owned()),
    }
}

/// A number, or a text that holds one.
fn number(sensor: &Value, member: &str) -> Option<f64> {
    let number = match sensor.get(member)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::random::SeedKey;

    fn run(path: &str, params: &Value, start: StateValue, ticks: u64) -> Vec<f64> {
        let layout = Layout::of(["v"]);
        let script = Internal::compile(path, Some(params), &layout, FieldId::ROOT).unwrap();
        let mut device = Device::new(0, 0, [start].into());
        let tick = |n| {
            script.run(&mut device, SeedKey::new(1).entity(0).step(n)).unwrap();
            match device.state[0] {
                StateValue::Number(number) => number,
                ref other => panic!("{other:?}"),
            }
        };
        (0..ticks).map(tick).collect()
    }

    #[test]
    fn increasing_shows_its_maximum_once_and_wraps_without_carrying_over() {
        let params = json!({"v": {"Min": 10, "Max": 90, "Step": 30}});
        assert_eq!(run("Math.Increasing", &params, StateValue::Integer(50), 7), [80.0, 90.0, 10.0, 40.0, 70.0, 90.0, 10.0]);
        assert_eq!(run("math.increasing", &params, StateValue::Null, 2), [40.0, 70.0], "a missing sensor begins at Min and steps");
        assert_eq!(run("Math.Increasing", &params, StateValue::Integer(-100), 2), [-70.0, -40.0], "one below Min is not lifted");
        assert_eq!(run("Math.Increasing", &params, StateValue::Integer(200), 2), [90.0, 10.0], "one above Max drops to it");
    }

    #[test]
    fn decreasing_is_its_mirror() {
        let params = json!({"v": {"Min": "10", "Max": " 90 ", "Step": "30", "Unit": "F"}});
        assert_eq!(run("Math.Decreasing", &params, StateValue::Text("50".into()), 5), [20.0, 10.0, 90.0, 60.0, 30.0]);
        assert_eq!(run("Math.Decreasing", &params, StateValue::Null, 1), [60.0]);
    }

    #[test]
    fn a_step_that_is_not_said_is_one() {
        let params = json!({"v": {"Min": 10, "Max": 90}});
        assert_eq!(run("Math.Increasing", &params, StateValue::Integer(50), 2), [51.0, 52.0]);
    }

    #[test]
    fn random_values_stay_in_their_range_and_fill_it() {
        let values = run("MATH.RANDOM.WITHINRANGE", &json!({"v": {"Min": 70, "Max": 90}}), StateValue::Text("?".into()), 2000);
        assert!(values.iter().all(|value| (70.0..90.0).contains(value)));
        let mean = values.iter().sum::<f64>() / 2000.0;
        assert!((mean - 80.0).abs() < 0.65, "{mean}"); // 5 sigma
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let layout = Layout::of(["v"]);
        let compile = |path, params: Value| Internal::compile(path, Some(&params), &layout, FieldId::ROOT).unwrap_err();
        assert!(compile("Math.Sine", json!({})).contains("Math.Sine"));
        assert!(compile("Math.Increasing", json!({"v": {"Min": 1}})).contains("v.Max"));
        assert!(compile("Math.Increasing", json!({"v": {"min": 1, "max": 2}})).contains("v.Min"), "its keys are told apart by case");
        assert!(compile("Math.Increasing", json!({"v": {"Min": 1, "Max": 2, "Step": "x"}})).contains("v.Step"));
        assert!(compile("Math.Increasing", json!([])).contains("an array"));
        assert!(Internal::compile("Math.Increasing", None, &layout, FieldId::ROOT).unwrap_err().contains("nothing"));
    }
}
