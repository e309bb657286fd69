//! The checkout that chores of the project work in.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};

/// The root of the checkout: that of the running `cargo xtask`, else the nearest one above the working directory. It is
/// looked for when it is wanted, so that the binary is the same wherever it was built.
pub fn root() -> Result<Utf8PathBuf> {
    let cargo = std::env::var("CARGO_MANIFEST_DIR").map(Utf8PathBuf::from).ok();
    let here = std::env::current_dir().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let above =
        |path: &Utf8Path| path.ancestors().find(|directory| is_checkout(directory)).map(Utf8Path::to_owned);
    cargo.as_deref().and_then(above).or_else(|| above(here.as_deref()?)).ok_or_else(|| {
        Error::usage("this development command needs a checkout of installer, and there is none here")
            .with_help("run `cargo xtask …` in a checkout")
    })
}

fn is_checkout(directory: &Utf8Path) -> bool {
    directory.join("xtask/src/checkout.rs").is_file() && directory.join("Cargo.lock").is_file()
}
