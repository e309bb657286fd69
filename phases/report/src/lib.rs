//! See phases/README.md.
