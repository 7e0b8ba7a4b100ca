//! A registered device.

use std::borrow::Cow;

use serde_json::Value;

use super::object::object;
use super::open_enum::open_enum;

object! {
    /// A registered device. Okta writes its names with underscores or, in other events, in camel case.
    pub struct LogDevice {
        /// Its id.
        pub id: Field<String> = "id",
        /// Its name.
        pub name: Field<String> = "name",
        /// The operating system.
        pub os_platform: Field<String> = "os_platform" | "osPlatform" | "platform",
        /// The version of the operating system.
        pub os_version: Field<String> = "os_version" | "osVersion",
        /// Whether it is managed.
        pub managed: Field<bool> = "managed",
        /// Whether it is registered with Okta.
        pub registered: Field<bool> = "registered",
        /// What endpoint security integrations report, in no fixed shape: see [`integrations`](Self::integrations).
        pub device_integrator: Field<Value> = "device_integrator" | "deviceIntegrator",
        /// What of its disks is encrypted.
        pub disk_encryption_type: Field<LogDiskEncryptionType> = "disk_encryption_type" | "diskEncryptionType",
        /// How it is unlocked.
        pub screen_lock_type: Field<LogScreenLockType> = "screen_lock_type" | "screenLockType",
        /// Whether its operating system was broken open.
        pub jailbreak: Field<bool> = "jailbreak",
        /// Whether it has a secure enclave or TPM.
        pub secure_hardware_present: Field<bool> = "secure_hardware_present" | "secureHardwarePresent",
    }
}

impl LogDevice {
    /// The JSON of `device_integrator`, which Okta writes as a string that holds it. `None` if it is absent, null, or a
    /// string without JSON in it.
    #[must_use]
    pub fn integrations(&self) -> Option<Cow<'_, Value>> {
        match self.device_integrator.get()? {
            Value::String(text) => serde_json::from_str(text).ok().map(Cow::Owned),
            value => Some(Cow::Borrowed(value)),
        }
    }
}

open_enum! {
    /// What of a device's disks is encrypted.
    pub enum LogDiskEncryptionType {
        /// `ALL_INTERNAL_VOLUMES`, as events and the Devices API write it.
        AllInternalVolumes = "ALL_INTERNAL_VOLUMES",
        /// `ALL_INTERNAL_VALUES`, as the schema of the System Log has it.
        AllInternalValues = "ALL_INTERNAL_VALUES",
        /// `FULL`
        Full = "FULL",
        /// `NONE`
        None = "NONE",
        /// `SYSTEM_VOLUME`
        SystemVolume = "SYSTEM_VOLUME",
        /// `USER`
        User = "USER",
    }
}

open_enum! {
    /// How a device is unlocked.
    pub enum LogScreenLockType {
        /// `BIOMETRIC`
        Biometric = "BIOMETRIC",
        /// `NONE`
        None = "NONE",
        /// `PASSCODE`
        Passcode = "PASSCODE",
    }
}
