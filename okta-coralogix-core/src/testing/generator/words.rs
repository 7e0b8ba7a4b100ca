//! Names, places, event types and user agents.

/// Event type, legacy event type (empty: none), display message (empty: none).
pub(super) const EVENT_TYPES: [(&str, &str, &str); 14] = [
    (
        "user.session.start",
        "core.user_auth.login_success",
        "User login to Okta",
    ),
    (
        "user.authentication.sso",
        "app.auth.sso",
        "User single sign on to app",
    ),
    (
        "user.authentication.auth_via_mfa",
        "core.user.factor.attempt_success",
        "Authentication of user via MFA",
    ),
    (
        "user.authentication.auth_via_IDP",
        "core.user_auth.idp.saml.login",
        "Authenticate user via IDP",
    ),
    (
        "policy.evaluate_sign_on",
        "",
        "Evaluation of sign-on policy",
    ),
    (
        "user.account.update_profile",
        "core.user.config.profile_update.success",
        "Update user profile for Okta",
    ),
    (
        "group.user_membership.add",
        "core.user_group_member.user_add",
        "Add user to group membership",
    ),
    (
        "application.user_membership.remove",
        "app.generic.unassign_app",
        "Remove user's application membership",
    ),
    (
        "app.oauth2.token.grant.access_token",
        "app.oauth2.token.grant.access_token_success",
        "OAuth2 access token is granted",
    ),
    (
        "system.api_token.create",
        "api.token.create",
        "Create API token",
    ),
    (
        "system.org.rate_limit.warning",
        "core.framework.ratelimit.warning",
        "Rate limit warning",
    ),
    (
        "user.account.lock",
        "core.user_auth.account_locked",
        "Max sign in attempts exceeded",
    ),
    ("mim.createEnrollment.ANDROID", "", ""),
    (
        "security.request.blocked",
        "",
        "Request from suspicious actor blocked",
    ),
];

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
pub(super) const ASCII_PLACES: [[&str; 6]; 4] = [
    [
        "San Francisco",
        "California",
        "United States",
        "94107",
        "37.7697",
        "-122.39999999999999",
    ],
    [
        "London",
        "England",
        "United Kingdom",
        "EC2A",
        "51.5128",
        "-0.0638",
    ],
    [
        "Pune",
        "Maharashtra",
        "India",
        "411001",
        "18.6161",
        "73.7286",
    ],
    ["Singapore", "", "Singapore", "18", "1.2929", "103.8547"],
];

pub(super) const UNICODE_PLACES: [[&str; 6]; 4] = [
    ["Zürich", "Zürich", "Schweiz", "8001", "47.3667", "8.55"],
    ["東京", "東京都", "日本", "100-0001", "35.6895", "139.6917"],
    [
        "São Paulo",
        "São Paulo",
        "Brasil",
        "01310-100",
        "-23.5475",
        "-46.6361",
    ],
    ["Łódź", "Łódzkie", "Polska", "90-001", "51.75", "19.4667"],
];

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
