//! What a calendar event says, as it was read and sorted; shown in systemd's normal form.

use crate::trigger::Zone;
use std::fmt;

/// The years that an event may name.
pub(super) const YEAR_FIRST: u16 = 1970;
pub(super) const YEAR_LAST: u16 = 2199;

pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// See the module's page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spec {
    /// Bit 0 is Monday; `None`: every day.
    pub(super) weekdays: Option<u8>,
    pub(super) years: Chain,
    pub(super) months: Chain,
    pub(super) days: Chain,
    /// Whether `days` count from the end of the month: 1 is the last one.
    pub(super) from_end: bool,
    pub(super) hours: Chain,
    pub(super) minutes: Chain,
    pub(super) seconds: Chain,
    pub(super) zone: Option<Zone>,
}

/// The values of a part of a date or of a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Chain {
    /// `*`.
    Every,
    /// Sorted, without repetitions.
    Items(Vec<Item>),
}

/// `first`, `first..last`, `first/step` or `first..last/step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) first: u16,
    /// Larger than `first`, and one of the values.
    pub(super) last: Option<u16>,
    /// 0: no repetition. Without a `last` it goes on to the end (of the month, for days counted from it).
    pub(super) step: u16,
}

impl Spec {
    /// `*-*-* 00:00:00`.
    pub(super) fn midnight() -> Spec {
        let (years, months, days) = (Chain::Every, Chain::Every, Chain::Every);
        let (hours, minutes, seconds) = (Chain::of(0), Chain::of(0), Chain::of(0));
        Spec { weekdays: None, years, months, days, from_end: false, hours, minutes, seconds, zone: None }
    }
}

impl Chain {
    pub(super) fn of(value: u16) -> Chain {
        Chain::Items(vec![Item { first: value, last: None, step: 0 }])
    }

    /// Whether it goes on for ever: all values, or a repetition without an end.
    pub(super) fn recurs(&self) -> bool {
        match self {
            Chain::Every => true,
            Chain::Items(items) => items.iter().any(|item| item.last.is_none() && item.step > 0),
        }
    }

    /// Its values, as bits, if they may be `first` to `last`.
    pub(super) fn mask(&self, first: u16, last: u16) -> u64 {
        let all = [Item { first, last: Some(last), step: 1 }];
        let items = if let Chain::Items(items) = self { items } else { &all[..] };
        let values = items.iter().flat_map(|item| item.values(last));
        values.fold(0, |mask, value| mask | 1 << value)
    }
}

impl Item {
    /// Its values, if they go up to `end`.
    pub(super) fn values(self, end: u16) -> impl Iterator<Item = u16> {
        let Item { first, last, step } = self;
        let last = last.unwrap_or(if step == 0 { first } else { end });
        (first..=last).step_by(usize::from(step.max(1)))
    }

    /// Its values, if they are days counted from the end of the month.
    pub(super) fn values_from_end(self) -> impl Iterator<Item = u16> {
        let Item { first, last, step } = self;
        let (high, low) = match last {
            Some(last) => (last, first),
            None => (first, if step == 0 { first } else { 1 }),
        };
        (low..=high).rev().step_by(usize::from(step.max(1)))
    }
}

/// The form in which `systemd-analyze calendar` shows it.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(weekdays) = self.weekdays {
            let runs = runs(weekdays).into_iter().map(|(first, last)| {
                let (from, to) = (&WEEKDAYS[first][..3], &WEEKDAYS[last][..3]);
                match last - first {
                    0 => from.to_owned(),
                    1 => format!("{from},{to}"),
                    _ => format!("{from}..{to}"),
                }
            });
            write!(f, "{} ", runs.collect::<Vec<_>>().join(","))?;
        }
        let mark = if self.from_end { '~' } else { '-' };
        write!(f, "{}-{}{mark}{} ", self.years, self.months, self.days)?;
        let every = Item { first: 0, last: None, step: 1 };
        let is_every = matches!(&self.seconds, Chain::Items(items) if items.first() == Some(&every));
        let seconds = if is_every { &Chain::Every } else { &self.seconds };
        write!(f, "{}:{}:{seconds}", self.hours, self.minutes)?;
        self.zone.as_ref().map_or(Ok(()), |zone| write!(f, " {zone}"))
    }
}

/// The first and the last of each run of weekdays.
pub(super) fn runs(weekdays: u8) -> Vec<(usize, usize)> {
    let has = |day: usize| day < 7 && weekdays >> day & 1 == 1;
    let firsts = (0..7).filter(|day| has(*day) && (*day == 0 || !has(day - 1)));
    firsts.map(|first| (first, (first..7).take_while(|day| has(*day)).last().unwrap_or(first))).collect()
}

/// Years have four digits and the rest two.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Chain::Items(items) = self else { return f.write_str("*") };
        let items: Vec<String> = items.iter().map(Item::to_string).collect();
        f.write_str(&items.join(","))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.first)?;
        match (self.last, self.step) {
            (Some(last), 0 | 1) => write!(f, "..{last:02}"),
            (Some(last), step) => write!(f, "..{last:02}/{step}"),
            (None, 0) => Ok(()),
            (None, step) => write!(f, "/{step}"),
        }
    }
}
