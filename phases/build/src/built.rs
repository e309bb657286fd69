//! The commands of a component's steps, as its driver and its hooks have them.

use camino::Utf8PathBuf;
use model::plan::{
    Command, Expectation, Input, Jobs, Keep, RequiredPath, StagedFile, StagedText, StagedTree,
};

/// The commands of a component's steps.
#[derive(Debug, Default)]
pub struct Built {
    pub configure: Vec<Command>,
    pub expectations: Vec<Expectation>,
    /// Where configure writes down what it asked tools and what they answered.
    pub logs: Vec<Utf8PathBuf>,
    /// What shows that it is configured.
    pub configured: Vec<Utf8PathBuf>,
    pub compile: Vec<Command>,
    /// What shows that it is compiled, beyond the build tree.
    pub compiled: Vec<Utf8PathBuf>,
    pub install: Vec<Command>,
    /// Instead of `install`: files that are copied.
    pub staged: Vec<StagedFile>,
    /// Beside them: whole directories.
    pub staged_trees: Vec<StagedTree>,
    /// Beside them: files whose content the plan knows.
    pub staged_texts: Vec<StagedText>,
    /// What those directories hold, where no step before tells.
    pub stage_inputs: Vec<Input>,
    /// Directories outside its prefix under which it installs.
    pub roots: Vec<Utf8PathBuf>,
    /// What must be there before anything is compiled, beyond its source.
    pub required: Vec<RequiredPath>,
    /// How the compile takes part in the job pool.
    pub jobs: Jobs,
    /// What a start of the compile may trust of an earlier attempt.
    pub keep: Option<Keep>,
    /// Whether a changed configuration starts from an empty tree.
    pub fresh_tree: bool,
}

/// What hooks add to the commands of a driver.
#[derive(Debug, Default)]
pub struct Additions {
    /// Before what configures.
    pub configure_first: Vec<Command>,
    /// Before what compiles.
    pub compile_first: Vec<Command>,
    /// After what installs.
    pub install: Vec<Command>,
    pub staged: Vec<StagedFile>,
    pub staged_trees: Vec<StagedTree>,
    pub staged_texts: Vec<StagedText>,
    pub stage_inputs: Vec<Input>,
    pub roots: Vec<Utf8PathBuf>,
    pub required: Vec<RequiredPath>,
}

impl Built {
    /// Adds what hooks add.
    pub fn add(&mut self, added: Additions) {
        self.configure.splice(0..0, added.configure_first);
        self.compile.splice(0..0, added.compile_first);
        self.install.extend(added.install);
        self.staged.extend(added.staged);
        self.staged_trees.extend(added.staged_trees);
        self.staged_texts.extend(added.staged_texts);
        self.stage_inputs.extend(added.stage_inputs);
        self.roots.extend(added.roots);
        self.required.extend(added.required);
    }
}
