//! How much is asked of what is installed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a verification goes. Each level asks for what those before it ask for as well.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyLevel {
    /// Every file is as it was installed, and every library that an ELF file needs is found.
    Link,
    /// Programs run and modules are imported.
    #[default]
    Import,
    /// The driver's libraries are there, and what needs a device runs on it.
    Device,
}

impl VerifyLevel {
    /// Whether this is the default.
    pub fn is_import(&self) -> bool {
        *self == Self::Import
    }
}
