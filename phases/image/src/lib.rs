//! What an image needs of a case: the files that belong into a runtime image, the packages that they run on, and the
//! Dockerfiles.

pub mod contents;
pub mod description;
pub mod dockerfile;
pub mod elf;
pub mod export;
pub mod libraries;
mod linker;
