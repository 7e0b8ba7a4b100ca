//! How the actor was authenticated.

use super::object::object;
use super::open_enum::open_enum;

object! {
    /// How the actor was authenticated.
    pub struct LogAuthenticationContext {
        /// The system that checked the actor.
        pub authentication_provider: Field<LogAuthenticationProvider> = "authenticationProvider",
        /// The maker of the credential. Early schemas had it as an array.
        pub credential_provider: Field<LogCredentialProvider> = "credentialProvider",
        /// The kind of credential. Early schemas had it as an array.
        pub credential_type: Field<LogCredentialType> = "credentialType",
        /// Who issued the credential.
        pub issuer: Field<LogIssuer> = "issuer",
        /// The session, up to 255 characters; null on a failed sign-in.
        pub external_session_id: Field<String> = "externalSessionId",
        /// The session that all others of a sign-in stem from; in real events but not in Okta's schema.
        pub root_session_id: Field<String> = "rootSessionId",
        /// The interface that was used, such as Outlook or wsTrust; up to 255 characters.
        pub interface: Field<String> = "interface",
        /// Unused, always 0.
        pub authentication_step: Field<i64> = "authenticationStep",
    }
}

object! {
    /// Who issued a credential.
    pub struct LogIssuer {
        /// Its id.
        pub id: Field<String> = "id",
        /// Its kind.
        pub r#type: Field<String> = "type",
    }
}

open_enum! {
    /// A system that checks actors.
    pub enum LogAuthenticationProvider {
        /// `ACTIVE_DIRECTORY`
        ActiveDirectory = "ACTIVE_DIRECTORY",
        /// `FACTOR_PROVIDER`
        FactorProvider = "FACTOR_PROVIDER",
        /// `FEDERATION`
        Federation = "FEDERATION",
        /// `LDAP`
        Ldap = "LDAP",
        /// `OKTA_AUTHENTICATION_PROVIDER`
        Okta = "OKTA_AUTHENTICATION_PROVIDER",
        /// `SOCIAL`
        Social = "SOCIAL",
    }
}

open_enum! {
    /// A maker of credentials.
    pub enum LogCredentialProvider {
        /// `DUO`
        Duo = "DUO",
        /// `GOOGLE`
        Google = "GOOGLE",
        /// `OKTA_AUTHENTICATION_PROVIDER`
        OktaAuthentication = "OKTA_AUTHENTICATION_PROVIDER",
        /// `OKTA_CREDENTIAL_PROVIDER`
        OktaCredential = "OKTA_CREDENTIAL_PROVIDER",
        /// `RSA`
        Rsa = "RSA",
        /// `SYMANTEC`
        Symantec = "SYMANTEC",
        /// `YUBIKEY`
        Yubikey = "YUBIKEY",
    }
}

open_enum! {
    /// A kind of credential.
    pub enum LogCredentialType {
        /// `ASSERTION`
        Assertion = "ASSERTION",
        /// `CERTIFICATE`
        Certificate = "CERTIFICATE",
        /// `DEVICE_UDID`
        DeviceUdid = "DEVICE_UDID",
        /// `EMAIL`
        Email = "EMAIL",
        /// `IWA`
        Iwa = "IWA",
        /// `JWT`
        Jwt = "JWT",
        /// `OAuth 2.0`, with the space and the dot.
        OAuth2 = "OAuth 2.0",
        /// `OAUTH2`, as older documentation has it.
        OAuth2Legacy = "OAUTH2",
        /// `OKTA_CLIENT_SESSION`
        OktaClientSession = "OKTA_CLIENT_SESSION",
        /// `OTP`
        Otp = "OTP",
        /// `PASSWORD`
        Password = "PASSWORD",
        /// `PRE_SHARED_SYMMETRIC_KEY`
        PreSharedSymmetricKey = "PRE_SHARED_SYMMETRIC_KEY",
        /// `SMS`
        Sms = "SMS",
    }
}
