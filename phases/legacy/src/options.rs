//! What `scripts/install.sh`, `install-deps.sh` and `install-build.sh` were called with. An old command line in, the one
//! of today out.

mod beside;
mod given;
mod head;
mod line;
mod refused;
mod table;
mod translate;
mod unknown;

#[cfg(test)]
mod tests;

pub use beside::beside;
pub use given::{Given, Value, read};
pub use head::{Head, at as head};
pub use line::line;
pub use refused::Refused;
pub use table::{Meaning, OPTIONS, OldOption, Phase, Script, help};
pub use translate::{CaseFacts, Translated, World, case_name, translate};
pub use unknown::refuse_unknown;
