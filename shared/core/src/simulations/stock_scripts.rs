//! The scripts of the stock models.

use std::sync::LazyLock;

use crate::ports::Script;

/// They leave nothing behind: they write to no variable of their own outside a call, and to nothing that JavaScript brings. The
/// engine may call them in a world that has been used.
const SOURCES: [(&str, &str); 26] = [
    ("EmergencyValveRelease-method.js", include_str!("../../../../devicemodels/scripts/EmergencyValveRelease-method.js")),
    ("EmptyTank-method.js", include_str!("../../../../devicemodels/scripts/EmptyTank-method.js")),
    ("FillTank-method.js", include_str!("../../../../devicemodels/scripts/FillTank-method.js")),
    ("FirmwareUpdate-method.js", include_str!("../../../../devicemodels/scripts/FirmwareUpdate-method.js")),
    ("IncreasePressure-method.js", include_str!("../../../../devicemodels/scripts/IncreasePressure-method.js")),
    ("Reboot-method.js", include_str!("../../../../devicemodels/scripts/Reboot-method.js")),
    ("SetFuelLevel-method.js", include_str!("../../../../devicemodels/scripts/SetFuelLevel-method.js")),
    ("SetTemperature-method.js", include_str!("../../../../devicemodels/scripts/SetTemperature-method.js")),
    ("StartElevator-method.js", include_str!("../../../../devicemodels/scripts/StartElevator-method.js")),
    ("StartMovingDevice-method.js", include_str!("../../../../devicemodels/scripts/StartMovingDevice-method.js")),
    ("StopElevator-method.js", include_str!("../../../../devicemodels/scripts/StopElevator-method.js")),
    ("StopMovingDevice-method.js", include_str!("../../../../devicemodels/scripts/StopMovingDevice-method.js")),
    ("TempDecrease-method.js", include_str!("../../../../devicemodels/scripts/TempDecrease-method.js")),
    ("TempIncrease-method.js", include_str!("../../../../devicemodels/scripts/TempIncrease-method.js")),
    ("chiller-01-state.js", include_str!("../../../../devicemodels/scripts/chiller-01-state.js")),
    ("chiller-02-state.js", include_str!("../../../../devicemodels/scripts/chiller-02-state.js")),
    ("delivery-truck-01-state.js", include_str!("../../../../devicemodels/scripts/delivery-truck-01-state.js")),
    ("delivery-truck-02-state.js", include_str!("../../../../devicemodels/scripts/delivery-truck-02-state.js")),
    ("elevator-01-state.js", include_str!("../../../../devicemodels/scripts/elevator-01-state.js")),
    ("elevator-02-state.js", include_str!("../../../../devicemodels/scripts/elevator-02-state.js")),
    ("engine-01-state.js", include_str!("../../../../devicemodels/scripts/engine-01-state.js")),
    ("engine-02-state.js", include_str!("../../../../devicemodels/scripts/engine-02-state.js")),
    ("prototype-01-state.js", include_str!("../../../../devicemodels/scripts/prototype-01-state.js")),
    ("prototype-02-state.js", include_str!("../../../../devicemodels/scripts/prototype-02-state.js")),
    ("truck-01-state.js", include_str!("../../../../devicemodels/scripts/truck-01-state.js")),
    ("truck-02-state.js", include_str!("../../../../devicemodels/scripts/truck-02-state.js")),
];

static SCRIPTS: LazyLock<Vec<Script>> = LazyLock::new(|| SOURCES.iter().map(|(name, text)| Script::new(name, text)).collect());

/// The stock script of this file name, in any case.
#[must_use]
pub fn stock_script(path: &str) -> Option<Script> {
    SCRIPTS.iter().find(|script| script.name.eq_ignore_ascii_case(path)).cloned()
}

/// All stock scripts, by name.
pub fn stock_scripts() -> impl Iterator<Item = Script> {
    SCRIPTS.iter().cloned()
}

/// Whether a stock script has this digest.
#[must_use]
pub fn is_stock_script(digest: &[u8; 16]) -> bool {
    SCRIPTS.iter().any(|script| script.digest == *digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_script_is_found_by_its_name_in_any_case() {
        let script = stock_script("Truck-01-STATE.js").unwrap();
        assert_eq!(&*script.name, "truck-01-state.js");
        assert!(is_stock_script(&script.digest));
        assert_eq!(stock_script("reboot-method.js").unwrap().name.as_ref(), "Reboot-method.js");
        assert_eq!(stock_script("truck-01-state"), None);
        assert_eq!(stock_script("../truck-01-state.js"), None);
        assert!(!is_stock_script(&Script::new("truck-01-state.js", "function main() {}").digest));
    }

    #[test]
    fn names_differ_in_more_than_case() {
        let mut names: Vec<_> = stock_scripts().map(|script| script.name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), SOURCES.len());
    }
}
