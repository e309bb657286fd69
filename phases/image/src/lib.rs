//! What an image needs of a case: the files that belong into a runtime image, the packages that they run on, and the
//! Dockerfiles.

pub mod elf;
