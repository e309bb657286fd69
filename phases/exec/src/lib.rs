//! The only code of the project that starts a process.
