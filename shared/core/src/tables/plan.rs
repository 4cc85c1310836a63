//! What operations make of base elements: which rows there are, and of which elements each is made.

use serde_json::{Value, json};

use super::{ElementType, WindowFunction};
use crate::limits;
use crate::mistakes::Mistake;

/// A step of what is made of elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Windows of `size` elements that begin `step` elements apart. While the table grows a window comes when it is full; once it is
    /// finished, the last ones may be shorter.
    Window {
        /// Elements of one.
        size: usize,
        /// Elements from one to the next.
        step: u64,
    },
    /// The elements of each window, multiplied.
    Function(WindowFunction),
    /// The spectrum of each window.
    Fft {
        /// Points of the transform; half as many bins come out.
        bin_count: usize,
    },
}

impl Operation {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Window { size, step } => json!({"window": {"size": size, "step": step}}),
            Self::Function(function) => json!({"windowFunction": function.name()}),
            Self::Fft { bin_count } => json!({"fft": {"binCount": bin_count}}),
        }
    }
}

/// Operations, checked to fit each other. Each window begins a *level*; rows are what the last level makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The base elements.
    pub(super) element: ElementType,
    pub(super) operations: Vec<Operation>,
    pub(super) levels: Vec<Level>,
}

/// A window, and what is made of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub(super) size: usize,
    pub(super) step: u64,
    pub(super) functions: Vec<WindowFunction>,
    pub(super) bin_count: Option<usize>,
}

impl Plan {
    /// What these operations make of such elements.
    ///
    /// # Errors
    /// The operation that does not fit what is before it.
    pub fn new(element: ElementType, operations: &[Operation]) -> Result<Self, Mistake> {
        let mut levels: Vec<Level> = Vec::new();
        for (number, operation) in operations.iter().enumerate() {
            let path = |member: &str| format!("operations[{number}].{member}");
            let of_samples = element == ElementType::Sample && levels.len() == 1;
            match (operation, levels.last_mut()) {
                (Operation::Window { size, step }, _) => {
                    levels.push(Level { size: *size, step: *step, functions: Vec::new(), bin_count: None });
                }
                (Operation::Function(function), Some(level)) if of_samples && level.bin_count.is_none() => level.functions.push(*function),
                (Operation::Function(_), _) => {
                    return Err(Mistake::new(path("windowFunction"), "needs windows of samples: put a window before it"));
                }
                (Operation::Fft { bin_count }, Some(level)) if of_samples && level.bin_count.is_none() => {
                    if *bin_count < level.size {
                        let problem = format!("must not be less than the window, which has {} elements", level.size);
                        return Err(Mistake::new(path("fft.binCount"), problem));
                    }
                    level.bin_count = Some(*bin_count);
                }
                (Operation::Fft { .. }, _) => return Err(Mistake::new(path("fft"), "needs windows of samples: put a window before it")),
            }
        }
        let plan = Self { element, operations: operations.to_vec(), levels };
        if plan.reach().max(plan.weight()) > limits::WINDOW_ELEMENTS as u64 || plan.checked_stride().is_none() {
            let problem = format!("a row would have more than {} elements", limits::WINDOW_ELEMENTS);
            return Err(Mistake::new("operations", problem));
        }
        Ok(plan)
    }

    /// Base elements from the beginning of one row to that of the next.
    pub(super) fn stride(&self) -> u64 {
        self.levels.iter().map(|level| level.step).product()
    }

    fn checked_stride(&self) -> Option<u64> {
        self.levels.iter().try_fold(1_u64, |all, level| all.checked_mul(level.step)).filter(|stride| *stride <= u64::from(u32::MAX))
    }

    /// Base elements of which a full row is made.
    pub(super) fn reach(&self) -> u64 {
        let mut stride = 1_u64;
        self.levels.iter().fold(1_u64, |reach, level| {
            let whole = stride.saturating_mul(level.size as u64 - 1).saturating_add(reach);
            stride = stride.saturating_mul(level.step);
            whole
        })
    }

    /// Elements, or bins of spectra, that a full row shows. Windows of windows that overlap show some of them again and again.
    pub(super) fn weight(&self) -> u64 {
        self.levels.iter().fold(1_u64, |weight, level| match level.bin_count {
            Some(bin_count) => bin_count as u64,
            None => weight.saturating_mul(level.size as u64),
        })
    }

    /// Rows that so many base elements make, from the first one that ever was.
    pub(super) fn rows(&self, elements: u64, finished: bool) -> u64 {
        self.rows_of_level(self.levels.len(), elements, finished)
    }

    /// What the first so many levels make of them.
    pub(super) fn rows_of_level(&self, levels: usize, elements: u64, finished: bool) -> u64 {
        self.levels[..levels].iter().fold(elements, |count, level| match finished {
            true => count.div_ceil(level.step),
            false => count.checked_sub(level.size as u64).map_or(0, |behind| behind / level.step + 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows(levels: &[(usize, u64)]) -> Plan {
        let operations: Vec<Operation> = levels.iter().map(|&(size, step)| Operation::Window { size, step }).collect();
        Plan::new(ElementType::Json, &operations).unwrap()
    }

    /// Windows made one after the other, each as the base elements that it begins with and reaches to.
    fn naively(elements: u64, levels: &[(usize, u64)], finished: bool) -> Vec<(u64, u64)> {
        let mut rows: Vec<(u64, u64)> = (0..elements).map(|element| (element, element + 1)).collect();
        for &(size, step) in levels {
            let starts = (0..rows.len()).step_by(step as usize);
            let windows = starts.map(|start| &rows[start..rows.len().min(start + size)]).filter(|window| finished || window.len() == size);
            rows = windows.map(|window| (window[0].0, window[window.len() - 1].1)).collect();
        }
        rows
    }

    proptest! {
        #[test]
        fn rows_are_those_of_windows_made_one_by_one(
            elements in 0_u64..60,
            levels in prop::collection::vec((2_usize..7, 1_u64..7), 0..4),
            finished: bool,
        ) {
            let (plan, wanted) = (windows(&levels), naively(elements, &levels, finished));
            prop_assert_eq!(plan.rows(elements, finished), wanted.len() as u64);
            for (number, &(first, end)) in wanted.iter().enumerate() {
                let begin = number as u64 * plan.stride();
                prop_assert_eq!(first, begin);
                prop_assert!(end <= elements.min(begin + plan.reach()));
                if !finished {
                    prop_assert_eq!(end, begin + plan.reach());
                }
            }
        }
    }

    #[test]
    fn operations_must_fit_each_other() {
        let (window, fft) = (Operation::Window { size: 4, step: 4 }, Operation::Fft { bin_count: 4 });
        let hamming = Operation::Function(WindowFunction::Hamming);
        for fits in [
            vec![],
            vec![window.clone()],
            vec![window.clone(), hamming.clone(), fft.clone()],
            vec![window.clone(), fft.clone(), window.clone()],
        ] {
            assert!(Plan::new(ElementType::Sample, &fits).is_ok(), "{fits:?}");
        }
        for (operations, path) in [
            (vec![fft.clone()], "operations[0].fft"),
            (vec![hamming.clone()], "operations[0].windowFunction"),
            (vec![window.clone(), fft.clone(), fft.clone()], "operations[2].fft"),
            (vec![window.clone(), fft.clone(), hamming], "operations[2].windowFunction"),
            (vec![window.clone(), window.clone(), fft.clone()], "operations[2].fft"),
            (vec![Operation::Window { size: 5, step: 5 }, fft.clone()], "operations[1].fft.binCount"),
            (vec![Operation::Window { size: limits::WINDOW_ELEMENTS, step: 1 }, window.clone()], "operations"),
            (vec![Operation::Window { size: 32, step: 1 }; 5], "operations"),
            (vec![window.clone(), Operation::Fft { bin_count: limits::FFT_BINS }, window.clone()], "operations"),
        ] {
            assert_eq!(Plan::new(ElementType::Sample, &operations).unwrap_err().path, path, "{operations:?}");
        }
        assert!(Plan::new(ElementType::Vector, &[window, fft]).is_err(), "vectors have no spectrum");
    }
}
