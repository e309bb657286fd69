//! What a case asks for, each with its place.

use serde::{Deserialize, Serialize};

use crate::ComponentName;

/// What somebody may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component.
    Component,
    /// An option of a component, or one among its `arguments`.
    Option,
    /// A Python package.
    Requirement,
    /// A check of a component.
    Check,
}

impl Kind {
    /// For people, one of them.
    pub fn word(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Option => "option",
            Self::Requirement => "requirement",
            Self::Check => "check",
        }
    }
}

/// One thing that a case asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What kind of thing.
    pub kind: Kind,
    /// The component that it is of; Python packages have one of their own.
    pub of: ComponentName,
    /// The thing, as it is written.
    pub what: String,
    /// Where: `case.toml:12`, `--set …`, or `recipe`.
    pub place: String,
    /// Which one it is of those of its component that the plan has, from 0: a check among its checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
}

/// A requirement that an environment has to meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Required {
    /// As PEP 508 has it, with its marker: `numpy>=2 ; python_version < "3.13"`.
    pub text: String,
    /// Where it is asked for.
    pub place: String,
}
