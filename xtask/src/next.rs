//! The commands that the program prints as the next ones: each works when pasted.

use report::{Next, Purpose};

use crate::args::{Common, PhaseArg};
use crate::invocation::{arguments, pasteable, program};
use crate::load::Setting;

/// After phases of a case.
pub fn after_phases(common: &Common, setting: &Setting, phase: PhaseArg, typed: &[String]) -> Next {
    let program = program();
    let again = if typed.is_empty() { phase.as_str().to_owned() } else { pasteable(typed) };
    let path = std::env::var("PATH").unwrap_or_default();
    Next {
        purpose: Purpose::Phases,
        again: format!("{program} {again}"),
        program,
        arguments: setting.case_argument.clone(),
        verify: arguments(common, &setting.wanted, &[]),
        path: path.split(':').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        artifacts: setting.layout.artifacts.to_string(),
    }
}

/// After `verify`.
pub fn after_verify(common: &Common, setting: &Setting) -> Next {
    let (program, verify) = (program(), arguments(common, &setting.wanted, &[]));
    Next {
        purpose: Purpose::Verify,
        again: format!("{program} verify {verify}"),
        program,
        arguments: setting.case_argument.clone(),
        verify,
        ..Next::default()
    }
}
