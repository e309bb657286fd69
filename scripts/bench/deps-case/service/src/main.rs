//! Stands for a service: the benchmark of `deps` only fetches what its lock file names.

fn main() {}
