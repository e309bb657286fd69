//! What `image` does.

use camino::Utf8PathBuf;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Copies what the case has installed into a new directory
    ///
    /// The tree is rooted at `/`: COPY --from=export DIR/ /.
    Export {
        /// The directory; and the case
        #[arg(value_name = "DIRECTORY|CASE", num_args = 1..=2, required = true)]
        words: Vec<String>,
    },
    /// Prints the packages that the installed files need
    ///
    /// Packages of the distribution, one per line; with --json also files that belong to no package.
    RuntimePackages {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
    },
    /// Prints the Dockerfile of the case
    ///
    /// Both phases, with the case's [image] section as instructions of the runtime image.
    Dockerfile {
        /// The case: a name, a file or a directory
        #[arg(value_name = "CASE")]
        name: Option<String>,
        /// Only the second phase, from an image of the first
        #[arg(long, conflicts_with = "from", help_heading = "What is built")]
        build_only: bool,
        /// Only the instructions, for an existing image
        #[arg(long, value_name = "IMAGE", help_heading = "What is built")]
        from: Option<String>,
    },
    /// Installs, in a runtime image, what an exported tree needs
    InstallPackages {
        /// The tree's etc/installer/image.json
        description: Utf8PathBuf,
    },
}
