//! Elements whose writer numbers what it writes.

use super::rows::{NotAnElement, Rows};

/// Elements of a writer that numbers what it has to write, so that a table can leave out what it has already. Not every number need have an
/// element: of a job's records, only some may hold the member that a table is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    rows: Rows,
    /// The number of each element.
    numbers: Vec<u64>,
    from: u64,
    until: u64,
}

impl Numbered {
    /// No elements yet: the next number is `from`. `empty` says what elements there will be.
    #[must_use]
    pub fn new(empty: Rows, from: u64) -> Self {
        debug_assert!(empty.is_empty(), "nothing is numbered yet");
        Self { rows: empty, numbers: Vec::new(), from, until: from }
    }

    /// The next number has this element, which is JSON.
    ///
    /// # Errors
    /// When it is not of the type; nothing has happened then.
    pub fn push_json(&mut self, json: &[u8]) -> Result<(), NotAnElement> {
        self.rows.push_json(json)?;
        self.count_element();
        Ok(())
    }

    /// The next number has this sample; only where elements are samples.
    ///
    /// # Panics
    /// When they are others.
    pub fn push_sample(&mut self, sample: f64) {
        self.rows.push_samples(&[sample]);
        self.count_element();
    }

    fn count_element(&mut self) {
        self.numbers.push(self.until);
        self.until += 1;
    }

    /// The next number has no element.
    pub fn pass_over(&mut self) {
        self.until += 1;
    }

    /// The elements.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The first number.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The next number.
    #[must_use]
    pub fn until(&self) -> u64 {
        self.until
    }

    /// The elements with a number of `taken` or more.
    pub(super) fn behind(&self, taken: u64) -> Rows {
        let first = self.numbers.partition_point(|&number| number < taken);
        self.rows.slice(first..self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ElementType;
    use super::*;

    #[test]
    fn what_is_taken_is_known_by_its_number_also_where_numbers_have_no_element() {
        let mut numbered = Numbered::new(Rows::new(ElementType::Sample, 1), 100);
        for number in 100..120_u32 {
            if number % 3 == 0 { numbered.push_sample(f64::from(number)) } else { numbered.pass_over() }
        }
        assert_eq!((numbered.from(), numbered.until()), (100, 120));
        for taken in 0..130 {
            let expected: Vec<f64> = (100..120_u32).filter(|number| number % 3 == 0 && *number >= taken).map(f64::from).collect();
            assert_eq!(numbered.behind(taken.into()).samples().unwrap(), expected, "of those from {taken} on");
        }
    }

    #[test]
    fn an_element_of_another_type_takes_no_number() {
        let mut numbered = Numbered::new(Rows::new(ElementType::Json, 3), 0);
        assert!(numbered.push_json(b"[1]").is_err());
        numbered.push_json(b"{\"a\": 1}").unwrap();
        assert_eq!((numbered.rows().len(), numbered.until()), (1, 1));
    }
}
