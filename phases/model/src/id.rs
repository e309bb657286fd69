//! Names that must not be mixed up with one another.

use std::{fmt, io};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type! {
    /// One thing that `build` compiles and installs: `ffmpeg`, `opencv` …
    ComponentName
}
name_type! {
    /// Where a component's code comes from, as the case names it.
    SourceName
}
name_type! {
    /// The id of a step, such as `build/opencv/compile`: phase or `source`, subject, verb.
    StepId
}
name_type! {
    /// A SHA-256 as 64 lower-case hexadecimal digits.
    Digest
}

/// Takes what is written to it into a hash.
struct Hasher(sha2::Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sha2::Digest::update(&mut self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        use sha2::Digest as _;
        Self::from_sha256(&sha2::Sha256::digest(bytes.as_ref()))
    }

    /// The SHA-256 of a value's JSON, which is never whole in memory: a plan's is megabytes. Only for maps with ordered
    /// keys, lists and plain values, which always serialise.
    pub fn of_json(value: &impl Serialize) -> Self {
        use sha2::Digest as _;
        let mut hasher = Hasher(sha2::Sha256::new());
        let written = serde_json::to_writer(&mut hasher, value);
        debug_assert!(written.is_ok(), "{written:?}");
        Self::from_sha256(&hasher.0.finalize())
    }

    /// Renders the 32 bytes of a finished SHA-256.
    pub fn from_sha256(bytes: &[u8]) -> Self {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
        Self(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    /// The first 12 digits, enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}
