//! Amounts without fractions: money in millionths of a dollar, quantities in thousandths.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::Serialize;

/// US dollars. As JSON it is the number of millionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Money(u64);

impl Money {
    /// So many millionths of a dollar.
    pub const fn micros(micros: u64) -> Self {
        Self(micros)
    }

    /// How many millionths of a dollar it is.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This price with enough digits that a small one is not zero: `$0.0004`.
    pub fn exact(self) -> String {
        let digits = format!("{:06}", self.0 % 1_000_000);
        let cut = digits.trim_end_matches('0').len().max(2);
        format!("${}.{}", self.0 / 1_000_000, digits.get(..cut).unwrap_or_default())
    }
}

impl fmt::Display for Money {
    /// With two decimals, rounded half up: `$8.70`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.saturating_add(5_000) / 10_000;
        f.pad(&format!("${}.{:02}", cents / 100, cents % 100))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// A quantity of whatever its unit is. As JSON it is a number of thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Amount(u64);

impl Amount {
    /// So many whole units.
    pub const fn of(units: u64) -> Self {
        Self(units.saturating_mul(1000))
    }

    /// So many thousandths of a unit.
    pub const fn thousandths(thousandths: u64) -> Self {
        Self(thousandths)
    }

    /// How many thousandths it is.
    pub const fn as_thousandths(self) -> u64 {
        self.0
    }

    /// What is left when `free` units cost nothing.
    #[must_use]
    pub const fn beyond(self, free: u64) -> Self {
        Self(self.0.saturating_sub(free.saturating_mul(1000)))
    }

    /// What it costs at `price` for every `per` units, rounded half up.
    pub fn at(self, price: Money, per: u64) -> Money {
        let per = u128::from(per.max(1)) * 1000;
        let micros = (u128::from(self.0) * u128::from(price.as_micros()) + per / 2) / per;
        Money::micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Amount {
    /// Without needless digits, thousands set apart: `1,010,000`, `0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:03}", self.0 % 1000);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        f.pad(&format!("{}{dot}{fraction}", apart(self.0 / 1000)))
    }
}

/// A number with its thousands set apart.
pub(super) fn apart(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_two_decimals_and_a_price_as_many_as_it_needs() {
        let shown = |micros| Money::micros(micros).to_string();
        assert_eq!([0, 4_999, 5_000, 8_704_999, 43_800_000].map(shown), ["$0.00", "$0.00", "$0.01", "$8.70", "$43.80"]);
        let exact = |micros| Money::micros(micros).exact();
        assert_eq!([500_000, 45_000, 400, 13_333_400].map(exact), ["$0.50", "$0.045", "$0.0004", "$13.3334"]);
    }

    #[test]
    fn amounts_have_no_needless_digits() {
        let amounts = [Amount::of(1_010_000), Amount::thousandths(500), Amount::of(100), Amount::of(1000)];
        assert_eq!(amounts.map(|amount| amount.to_string()), ["1,010,000", "0.5", "100", "1,000"]);
    }

    #[test]
    fn what_is_free_is_taken_off_first_and_never_more_than_there_is() {
        assert_eq!(Amount::of(12).beyond(10), Amount::of(2));
        assert_eq!(Amount::of(4).beyond(10), Amount::default());
        assert_eq!(Amount::of(2_500_000).at(Money::micros(600_000), 1_000_000), Money::micros(1_500_000));
    }
}
