//! What the scripts of a deployment built, and the cases that build it now.

/// The case of the two Python packages, for the CPU.
pub const WHOLE: &str = "infinilm-cpu";
/// The case of the service alone.
pub const SERVICE: &str = "infinilm-svc";

/// The library that the other one is compiled against.
pub(super) const INFINICORE: &str = "infinicore";
/// The second of the two Python packages.
pub(super) const INFINILM: &str = "infinilm";

/// Where the scripts cloned what no checkout was given of.
pub const REPOSITORIES: [(&str, &str); 2] = [
    (INFINICORE, "https://github.com/InfiniTensor/InfiniCore.git"),
    (INFINILM, "https://github.com/InfiniTensor/InfiniLM.git"),
];
