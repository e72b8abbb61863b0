//! Which days of a month match: a month at a time, as a mask whose bit `n` is day `n`.

/// A week's first bits, for each week of a month.
const WEEKS: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
/// Where the last week of a month begins in [`Days::weeks`].
const LAST_WEEK: u32 = 35;
const WEEK: u64 = 0x7f;

/// The two day fields of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Days {
    /// Bit `n` is day `n`.
    pub(super) listed: u32,
    /// Bit `n` is `n` days before the last one.
    pub(super) from_end: u32,
    /// Bit `n` is the weekday nearest to day `n`, bit 0 the last weekday.
    pub(super) nearest: u32,
    /// Bit `7 * n + d` is the weekday `d` (0 is Sunday) in week `n`: days 1 to 7 are the week 0, the last seven
    /// days of the month are the week 5.
    pub(super) weeks: u64,
    /// Whether a day has to match both fields, or either.
    pub(super) both: bool,
}

/// The weekdays of a mask in all weeks.
pub(super) fn every_week(week: u64) -> u64 {
    week * WEEKS
}

impl Days {
    /// Whether each day of each month matches.
    pub(super) fn is_every(&self) -> bool {
        let (month, week) = (self.listed == !1, self.weeks & every_week(WEEK) == every_week(WEEK));
        if self.both { month && week } else { month || week }
    }

    /// The days that match in a month of `length` days whose first is the weekday `first`.
    pub(super) fn of_month(&self, first: u32, length: u32) -> u32 {
        let all = (u32::MAX >> (31 - length)) & !1;
        let by_week = self.by_week(first, length);
        let mut by_month = self.listed;
        if self.from_end | self.nearest != 0 {
            by_month |= self.from_end.reverse_bits() >> (31 - length) | self.nearest_weekdays(first, length);
        }
        all & if self.both { by_month & by_week } else { by_month | by_week }
    }

    fn by_week(&self, first: u32, length: u32) -> u32 {
        // Each week turned so that it begins with the weekday of the first.
        let low = (WEEK >> first) * WEEKS;
        let turned = (self.weeks >> first & low) | (self.weeks << (7 - first) & every_week(WEEK) & !low);
        let mut days = turned << 1;
        let last = self.weeks >> LAST_WEEK;
        if last != 0 {
            let begin = length - 6;
            let weekday = (first + begin - 1) % 7;
            days |= ((last >> weekday | last << (7 - weekday)) & WEEK) << begin;
        }
        u32::try_from(days & 0xffff_ffff).expect("cut to 32 bits")
    }

    /// Saturday and Sunday go to the Friday or the Monday beside them, but never into another month. A day
    /// that the month does not have is none of its days.
    fn nearest_weekdays(&self, first: u32, length: u32) -> u32 {
        let (mut wanted, mut days) = (self.nearest, 0);
        while wanted != 0 {
            let day = wanted.trailing_zeros();
            wanted &= wanted - 1;
            let day = if day == 0 { length } else { day };
            let moved = match (first + day - 1) % 7 {
                6 if day == 1 => 3,
                6 => day - 1,
                0 if day == length => day - 2,
                0 => day + 1,
                _ => day,
            };
            if day <= length {
                days |= 1 << moved;
            }
        }
        days
    }
}
