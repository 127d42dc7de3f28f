//! The middle of several measurements, with how far they lie apart.

/// Median, least and most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let median = f64::midpoint(values[last / 2], values[last.div_ceil(2)]);
        Self { median, least: values[0], most: values[last] }
    }

    /// As `median [least-most]`.
    pub(crate) fn shown(&self, decimals: usize) -> String {
        format!("{:.decimals$} [{:.decimals$}-{:.decimals$}]", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0].into_iter()), Spread { median: 2.5, least: 1.0, most: 4.0 });
        assert_eq!(Spread::of([7.0].into_iter()).shown(1), "7.0 [7.0-7.0]");
    }
}
