//! Coralogix, and its clock.

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{ClockOffset, Error, ErrorKind, LogSink, Result, SharedClockOffset};

use super::Report;

/// Asks whether Coralogix accepts the key, with an empty request, and compares the clocks. The sink stores the offset of Coralogix's clock in
/// `clock`.
pub async fn check_coralogix(
    report: &mut Report,
    sink: &CoralogixSink,
    clock: &SharedClockOffset,
    proxy: Option<&str>,
) {
    let address = sink.address();
    let through = through(proxy);
    let asked = sink.check().await;
    let is_answered = asked.is_ok();
    let found = asked.map(|()| format!("{address} accepts the key{through}"));
    report.add("Coralogix", found);
    // Only what accepts the key tells the time of Coralogix.
    if is_answered {
        report.add("clock", clocks(clock.get()));
    }
}

/// The proxy on the way to a remote, as words behind it.
#[must_use]
pub fn through(proxy: Option<&str>) -> String {
    proxy.map_or(String::new(), |proxy| format!(" through the proxy {proxy}"))
}

fn clocks(offset: ClockOffset) -> Result<String> {
    let apart = offset.get();
    let (seconds, direction) = match apart.num_seconds() {
        seconds if seconds < 0 => (seconds.unsigned_abs(), "ahead of"),
        seconds => (seconds.unsigned_abs(), "behind"),
    };
    let time = humantime::format_duration(std::time::Duration::from_secs(seconds));
    if offset.is_significant() {
        let detail = format!(
            "this host's clock is {time} {direction} Coralogix's, so that the age of events is not sure: set it, and let NTP keep it"
        );
        return Err(Error::new(ErrorKind::Config, detail));
    }
    Ok(match (offset == ClockOffset::default(), seconds) {
        (true, _) => "Coralogix gave no time to compare it with".to_owned(),
        (false, 0) => "as Coralogix's".to_owned(),
        (false, _) => format!("{time} {direction} Coralogix's"),
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn clock_that_is_far_off_is_to_be_set() {
        let host = DateTime::UNIX_EPOCH;
        let of = |seconds| {
            clocks(ClockOffset::between(
                host,
                host + TimeDelta::seconds(seconds),
            ))
        };
        assert_eq!(of(0).unwrap(), "as Coralogix's");
        assert_eq!(of(70).unwrap(), "1m 10s behind Coralogix's");
        assert_eq!(of(-3).unwrap(), "3s ahead of Coralogix's");
        let wrong = of(-7200).unwrap_err().to_string();
        assert!(
            wrong.contains("2h ahead of") && wrong.contains("NTP"),
            "{wrong}"
        );
        assert!(of(7200).is_err());
        let unknown = clocks(ClockOffset::default()).unwrap();
        assert!(unknown.contains("no time"), "{unknown}");
    }
}
