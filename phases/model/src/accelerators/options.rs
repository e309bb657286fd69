//! Options of a component that is built for accelerators: what excludes what, and how architectures are written.

use super::{Accelerator, ArchitectureKind, Options, active};
use crate::case::{ComputeCapability, OptionValue};

/// Two accelerators in one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// One.
    pub one: &'static Accelerator,
    /// The other.
    pub other: &'static Accelerator,
    /// The kernels that both compile: known not to work. None: nobody has said that they go together.
    pub kernels: Option<&'static str>,
}

/// Every pair of accelerators that these options switch on and that does not go together, or of which nothing is known.
/// The CPU goes with all.
pub fn conflicts(options: &Options) -> Vec<Conflict> {
    let rows: Vec<_> = active(options).into_iter().filter(|row| row.kernels.is_some()).collect();
    let mut found = Vec::new();
    for (at, one) in rows.iter().copied().enumerate() {
        for other in rows.iter().copied().skip(at + 1) {
            let kernels = one.kernels.as_deref().filter(|_| one.kernels == other.kernels);
            found.push(Conflict { one, other, kernels });
        }
    }
    found
}

/// Why options cannot be settled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not an architecture of {accelerator}")]
pub struct Unsettled {
    /// The option.
    pub option: String,
    /// Its value.
    pub value: String,
    /// The row's name.
    pub accelerator: String,
    /// One that is: `sm_86`.
    pub example: String,
}

/// Writes architectures as the project takes them, and takes them from `[cuda]` where the component says none. Answers
/// with what is worth a warning: names that the project's build files do not know.
///
/// # Errors
/// When a compute capability cannot be read.
pub fn settle(options: &mut Options, capabilities: &[ComputeCapability]) -> Result<Vec<String>, Unsettled> {
    let mut warnings = Vec::new();
    for row in active(options) {
        let Some(architecture) = &row.architecture else { continue };
        let said = options.get(&architecture.option).and_then(words).filter(|words| !words.is_empty());
        match architecture.kind {
            ArchitectureKind::Name => {
                let unknown = said.iter().flatten().find(|word| !architecture.known.contains(word));
                if let Some(word) = unknown {
                    warnings.push(format!(
                        "{} is `{word}`, which InfiniCore's build files do not know (known: {})",
                        architecture.option,
                        architecture.known.join(", ")
                    ));
                }
            }
            ArchitectureKind::ComputeCapability => {
                let read = |word: &String| {
                    ComputeCapability::parse(word).map(|one| one.sm()).map_err(|_| Unsettled {
                        option: architecture.option.clone(),
                        value: word.clone(),
                        accelerator: row.name.clone(),
                        example: architecture.example.clone().unwrap_or_default(),
                    })
                };
                let names: Vec<String> = match &said {
                    Some(words) => words.iter().map(read).collect::<Result<_, _>>()?,
                    // What is said of CUDA is said of NVIDIA's.
                    None if row.system.iter().any(|need| need == crate::cuda::CUDA) => {
                        capabilities.iter().map(ComputeCapability::sm).collect()
                    }
                    None => Vec::new(),
                };
                let mut names = names;
                let mut seen = Vec::new();
                names.retain(|name| {
                    let new = !seen.contains(name);
                    seen.push(name.clone());
                    new
                });
                if !names.is_empty() {
                    options.insert(architecture.option.clone(), OptionValue::Text(names.join(",")));
                }
            }
        }
    }
    Ok(warnings)
}

/// The words of a value: several stand in a list, or in a text with `,`, `;` or blanks between them.
fn words(value: &OptionValue) -> Option<Vec<String>> {
    let split = |text: &String| -> Vec<String> {
        text.split([',', ';', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    match value {
        OptionValue::Text(text) => Some(split(text)),
        OptionValue::List(list) => Some(list.iter().flat_map(split).collect()),
        OptionValue::Number(number) => Some(vec![number.to_string()]),
        OptionValue::Switch(_) => None,
    }
}
