//! A registered device.

use serde_json::{Map, Value};

use super::object::object;
use super::open_enum::open_enum;

object! {
    /// A registered device. Its names are written with underscores, unlike all others.
    pub struct LogDevice {
        /// Its id.
        pub id: Field<String> = "id",
        /// Its name.
        pub name: Field<String> = "name",
        /// The operating system.
        pub os_platform: Field<String> = "os_platform",
        /// The version of the operating system.
        pub os_version: Field<String> = "os_version",
        /// Whether it is managed.
        pub managed: Field<bool> = "managed",
        /// Whether it is registered with Okta.
        pub registered: Field<bool> = "registered",
        /// What an endpoint security integration says, in no fixed shape.
        pub device_integrator: Field<Map<String, Value>> = "device_integrator",
        /// What of its disks is encrypted.
        pub disk_encryption_type: Field<LogDiskEncryptionType> = "disk_encryption_type",
        /// How it is unlocked.
        pub screen_lock_type: Field<LogScreenLockType> = "screen_lock_type",
        /// Whether its operating system was broken open.
        pub jailbreak: Field<bool> = "jailbreak",
        /// Whether it has a secure enclave or TPM.
        pub secure_hardware_present: Field<bool> = "secure_hardware_present",
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
