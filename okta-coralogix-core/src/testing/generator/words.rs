//! Names, places, event types and user agents.

use fastrand::Rng;

/// Event type, legacy event type (empty: none), display message (empty: none).
pub(super) const EVENT_TYPES: &str = include_str!("event_types.tsv");

pub(super) const ASCII_NAMES: [&str; 8] = [
    "Ada Miller",
    "Bob O'Neill",
    "Carol \"CJ\" Jones",
    "Dan Smith",
    "Eve Carter-Wood",
    "unknown",
    "Okta System",
    "svc_hr\\sync",
];

pub(super) const UNICODE_NAMES: [&str; 8] = [
    "Zoë Müller-Łukasiewicz",
    "Ноа Иванова",
    "山田 花子",
    "이서연",
    "Ελένη Παπαδοπούλου",
    "نور الهدى",
    "Nguyễn Thị Ánh 🌸",
    "נעמה כהן 👩‍💻",
];

/// City, state, country, postal code, latitude, longitude.
pub(super) const ASCII_PLACES: &str = include_str!("places_ascii.tsv");
pub(super) const UNICODE_PLACES: &str = include_str!("places_unicode.tsv");

/// Raw user agent, operating system, browser.
pub(super) const USER_AGENTS: [[&str; 3]; 6] = [
    [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        "Mac OS X",
        "CHROME",
    ],
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "Windows 10",
        "FIREFOX",
    ],
    [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "iOS 18 (iPhone)",
        "SAFARI",
    ],
    ["okta-sdk-java/21.0.0 java/17.0.9", "Unknown", "UNKNOWN"],
    [
        "Corp\\Agent \"hr sync\"\t(build 7; see </docs>)",
        "Unknown",
        "UNKNOWN",
    ],
    ["curl/8.7.1", "Unknown", "UNKNOWN"],
];

pub(super) const TARGET_TYPES: [&str; 6] = [
    "User",
    "AppInstance",
    "AppUser",
    "UserGroup",
    "AuthenticatorEnrollment",
    "PolicyRule",
];

/// The columns of one row of a table.
pub(super) fn pick_row<const COLUMNS: usize>(
    rng: &mut Rng,
    table: &'static str,
) -> [&'static str; COLUMNS] {
    let rows: Vec<_> = table.lines().collect();
    let mut columns = rows[rng.usize(..rows.len())].split('\t');
    [(); COLUMNS].map(|()| columns.next().unwrap_or_default())
}
