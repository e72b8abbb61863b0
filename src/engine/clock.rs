//! The host's clocks, and sleeping until a moment on them; or, for tests, a clock that they move.
//!
//! The wall clock may be set while we sleep. On Linux a realtime timer does the sleeping: it is measured on
//! the wall clock itself and is cancelled when that is set. Elsewhere no sleep is longer than
//! [`SLEEP_MAX`], and the deadline is looked at again; also where there is none, because a clock that is set
//! back may make one.

#[cfg(feature = "test-util")]
use super::testing::VirtualClock;
use crate::model::{Deadline, Event, Now};
use crate::trigger::render_duration;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::io;
use std::sync::Once;
use std::time::Duration;

/// Without a realtime timer a set clock is noticed within this.
pub const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Reading all clocks takes less than this, if nothing holds us up meanwhile: then they do not agree, which
/// is what a clock that was set looks like.
const READ_WITHIN: Duration = Duration::from_millis(10);

/// How often they are read for that.
const READS_MAX: u32 = 10;

/// Reads all three clocks at about one moment.
pub fn now() -> Now {
    read(clock_gettime)
}

fn read(mut clock: impl FnMut(ClockId) -> Timespec) -> Now {
    let mut reads = 1;
    loop {
        let boot = since_boot(clock(BOOT));
        let now = Now {
            wall: wall(clock(ClockId::Realtime)),
            monotonic: since_boot(clock(ClockId::Monotonic)),
            boot,
        };
        if since_boot(clock(BOOT)).saturating_sub(boot) <= READ_WITHIN || reads == READS_MAX {
            return now;
        }
        reads += 1;
    }
}

/// Says what time it is, and sleeps until moments.
#[derive(Debug)]
pub struct Clock(Kind);

#[derive(Debug)]
enum Kind {
    Host {
        /// `None`: it is looked at every 30 s.
        #[cfg(target_os = "linux")]
        alarm: Option<alarm::Alarm>,
    },
    #[cfg(feature = "test-util")]
    Virtual(VirtualClock),
}

impl Clock {
    /// Returns the clock of the host, which notices at once when it is set.
    ///
    /// # Errors
    /// When the system refuses a timer.
    ///
    /// # Panics
    /// Outside a tokio runtime with its I/O driver enabled.
    pub fn new() -> io::Result<Clock> {
        Ok(Clock(Kind::Host {
            #[cfg(target_os = "linux")]
            alarm: Some(alarm::Alarm::new()?),
        }))
    }

    /// Returns the clock of the host for a runtime without an I/O driver: that it was set is noticed within 30 s.
    pub(super) fn without_alarm() -> Clock {
        Clock(Kind::Host {
            #[cfg(target_os = "linux")]
            alarm: None,
        })
    }

    /// Returns a clock that only tests move.
    #[cfg(feature = "test-util")]
    pub(super) fn of_tests(clock: VirtualClock) -> Clock {
        Clock(Kind::Virtual(clock))
    }

    /// The clock that only tests move, if it is one.
    #[cfg(feature = "test-util")]
    pub(super) fn as_virtual(&self) -> Option<&VirtualClock> {
        match &self.0 {
            Kind::Host { .. } => None,
            Kind::Virtual(clock) => Some(clock),
        }
    }

    /// Reads all three clocks at about one moment.
    pub fn now(&self) -> Now {
        match &self.0 {
            Kind::Host { .. } => now(),
            #[cfg(feature = "test-util")]
            Kind::Virtual(clock) => clock.now(),
        }
    }

    /// Returns at `deadline`, or a little earlier when the wall clock is set meanwhile or for no reason at
    /// all: look at the clock and sleep again.
    pub(super) async fn sleep_until(&self, deadline: Deadline) {
        let now = self.now();
        if deadline.sleep(now) == Some(Duration::ZERO) {
            return;
        }
        tokio::select! {
            () = self.wall_reaches(deadline.wall, now) => {}
            () = sleep(deadline.monotonic.map(|at| at.saturating_sub(now.monotonic))) => {}
        }
    }

    async fn wall_reaches(&self, at: Option<DateTime<Utc>>, now: Now) {
        match &self.0 {
            #[cfg(target_os = "linux")]
            Kind::Host { alarm: Some(alarm) } => {
                if let Err(error) = alarm.wall_reaches(at).await {
                    static TOLD: Once = Once::new();
                    TOLD.call_once(|| {
                        log::warn!("the realtime timer failed, looking at the clock every 30 s: {error}");
                    });
                    look_again(at, now).await;
                }
            }
            Kind::Host { .. } => look_again(at, now).await,
            #[cfg(feature = "test-util")]
            Kind::Virtual(clock) => clock.wall_reaches(at, now).await,
        }
    }
}

/// Begins to measure real time; the closure says how much has passed.
#[expect(
    clippy::disallowed_methods,
    reason = "how long code holds its thread is no matter of a clock that tests set"
)]
pub(super) fn stopwatch() -> impl Fn() -> Duration {
    let begin = std::time::Instant::now();
    move || begin.elapsed()
}

/// Logs what an event says of the wall clock, if it does.
pub(super) fn warn_of(event: &Event, now: Now) {
    let wall = now.wall.to_rfc3339_opts(SecondsFormat::Secs, true);
    match event {
        Event::ClockStepped { by } => {
            let way = if *by < TimeDelta::zero() { "back" } else { "forward" };
            let by = by.abs().to_std().unwrap_or_default();
            let by = render_duration(Duration::from_secs(by.as_secs()));
            log::warn!("the wall clock was set {way} by {by}, it is now {wall}");
        }
        Event::ClockWrong { least } => {
            let least = least.format("%Y-%m-%d");
            log::warn!(
                "the wall clock is wrong: it is {wall}, before {least}; nothing is due until it is set"
            );
        }
        Event::ClockRight => log::info!("the wall clock is right, it is now {wall}"),
        _ => {}
    }
}

/// The name that rows and seeds give this host.
pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(target_os = "linux")]
const BOOT: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT: ClockId = ClockId::Monotonic;

fn wall(Timespec { tv_sec, tv_nsec }: Timespec) -> DateTime<Utc> {
    let nanoseconds = u32::try_from(tv_nsec).expect("a second has fewer than 2^32 nanoseconds");
    DateTime::from_timestamp(tv_sec, nanoseconds).unwrap_or(DateTime::UNIX_EPOCH)
}

fn since_boot(Timespec { tv_sec, tv_nsec }: Timespec) -> Duration {
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}

/// Sleeps until `at`, but not for long, because the wall clock may be set meanwhile.
pub(super) async fn look_again(at: Option<DateTime<Utc>>, now: Now) {
    let left = at.map_or(SLEEP_MAX, |at| (at - now.wall).to_std().unwrap_or_default());
    tokio::time::sleep(left.min(SLEEP_MAX)).await;
}

pub(super) async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

#[cfg(target_os = "linux")]
mod alarm {
    //! A timer on the wall clock itself.

    use chrono::{DateTime, Utc};
    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use std::io;
    use std::os::fd::OwnedFd;
    use tokio::net::unix::pipe::Receiver;

    /// Armed with nothing to wait for it still tells that the clock was set.
    const FAR: Timespec = Timespec { tv_sec: i64::MAX / 4, tv_nsec: 0 };

    /// The descriptor is waited for and read like a pipe.
    #[derive(Debug)]
    pub(super) struct Alarm {
        timer: OwnedFd,
        expired: Receiver,
    }

    impl Alarm {
        pub(super) fn new() -> io::Result<Alarm> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
            let expired = Receiver::from_owned_fd_unchecked(timer.try_clone()?)?;
            Ok(Alarm { timer, expired })
        }

        /// Returns when the wall clock reaches `at` or is set.
        pub(super) async fn wall_reaches(&self, at: Option<DateTime<Utc>>) -> io::Result<()> {
            let at = at.map_or(FAR, |at| Timespec {
                tv_sec: at.timestamp().max(0),
                tv_nsec: at.timestamp_subsec_nanos().into(),
            });
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
            let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
            // `ECANCELED` here means that the clock was set since the timer was armed last; it is armed.
            match timerfd_settime(&self.timer, flags, &once) {
                Ok(_) => {}
                Err(Errno::CANCELED) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            loop {
                self.expired.readable().await?;
                match self.expired.try_read(&mut [0; 8]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.raw_os_error() != Some(Errno::CANCELED.raw_os_error()) => {
                        return Err(error);
                    }
                    Ok(_) | Err(_) => return Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads clocks that agree, but before whose calls of these numbers we are held up for a second, and
    /// returns how far the wall clock is from the others, and how often a clock was read.
    fn read_held_up(before: impl Fn(u32) -> bool) -> (TimeDelta, u32) {
        let (mut seconds, mut calls) = (1_000, 0);
        let now = read(|_| {
            calls += 1;
            seconds += i64::from(before(calls));
            Timespec { tv_sec: seconds, tv_nsec: 0 }
        });
        let since_boot = TimeDelta::from_std(now.boot).expect("in range");
        assert!(now.monotonic >= now.boot);
        (now.wall - DateTime::UNIX_EPOCH - since_boot, calls)
    }

    #[test]
    fn to_be_held_up_between_the_clocks_is_no_step() {
        assert_eq!(read_held_up(|_| false), (TimeDelta::zero(), 4));
        for call in 2..=4 {
            assert_eq!(read_held_up(|now| now == call), (TimeDelta::zero(), 8), "before call {call}");
        }
        assert_eq!(read_held_up(|call| call == 2 || call == 6), (TimeDelta::zero(), 12));
    }

    #[test]
    fn a_machine_that_always_holds_us_up_is_not_waited_for() {
        let (_, calls) = read_held_up(|_| true);
        assert_eq!(calls, 4 * READS_MAX);
    }
}
