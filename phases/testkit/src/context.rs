//! A [`Context`] without a scheduler: directories of its own, commands answered by a script, everything recorded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use engine::runner::{Context, Finished, StepError};
use model::layout::Layout;
use model::lock::LockedTarget;
use model::plan::{Argument, Command};
use model::site::Site;
use model::target::{Os, Target};

type Script = Box<dyn FnMut(&Command) -> Option<Result<Finished, StepError>> + Send>;

/// What an action told its context.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Lines for the log.
    pub notes: Vec<String>,
    /// Warnings for the report.
    pub warnings: Vec<String>,
    /// Figures for the report, the last value of each.
    pub figures: BTreeMap<String, u64>,
    /// Every progress that was told.
    pub progress: Vec<(u64, Option<u64>)>,
    /// Every command that was run, scripted or not.
    pub commands: Vec<Command>,
    /// Those of them that are waited for and not killed.
    pub to_their_end: Vec<Command>,
}

/// A context for tests of actions. Fields may be changed before it is used.
pub struct FakeContext {
    /// Directories below a temporary one that goes with this value.
    pub layout: Layout,
    /// Nothing is set, no `sudo` is needed.
    pub site: Site,
    /// Debian 12 on x86_64, as root.
    pub target: Target,
    /// What [`Context::network_environment`] answers: by default PATH, HOME and `LC_ALL=C.UTF-8`.
    pub environment: BTreeMap<String, String>,
    /// Whether commands that no script answers are really run; by default they fail.
    pub run_commands: bool,
    offline: AtomicBool,
    cancelled: AtomicBool,
    locked: Mutex<LockedTarget>,
    record: Mutex<Record>,
    scripts: Mutex<Vec<Script>>,
    probes: Mutex<BTreeMap<String, (Vec<Stamp>, String)>>,
    directory: tempfile::TempDir,
}

type Stamp = Option<(u64, std::time::SystemTime)>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for FakeContext {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeContext {
    /// A context whose directories lie in a fresh temporary directory; only the case's directory exists yet.
    ///
    /// # Panics
    /// When no temporary directory can be made.
    #[expect(clippy::expect_used, reason = "a test without a temporary directory cannot go on")]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("make a temporary directory");
        let root = Utf8Path::from_path(directory.path()).expect("a temporary directory in UTF-8").to_owned();
        let layout = Layout {
            prefix: root.join("prefix"),
            state: root.join("state"),
            cache: root.join("cache"),
            artifacts: root.join("artifacts"),
            data: root.join("data"),
            case_dir: root.join("case"),
            given_lock: None,
            lock: root.join("case/case.lock"),
        };
        std::fs::create_dir_all(&layout.case_dir).expect("make the case's directory");
        let environment = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())),
            ("HOME".to_owned(), root.join("home").into_string()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ]);
        Self {
            layout,
            site: Site::default(),
            target: debian_12(),
            environment,
            run_commands: false,
            offline: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            locked: Mutex::default(),
            record: Mutex::default(),
            scripts: Mutex::default(),
            probes: Mutex::default(),
            directory,
        }
    }

    /// The temporary directory that everything lies in.
    #[expect(clippy::expect_used, reason = "`new` made sure of it")]
    pub fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).expect("a temporary directory in UTF-8")
    }

    /// A path below the temporary directory.
    pub fn path(&self, below: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.root().join(below)
    }

    /// Adds a script: the first one that does not return `None` answers a command. [`Context::execute`] turns a
    /// status other than zero into an error by itself.
    pub fn on(&self, script: impl FnMut(&Command) -> Option<Result<Finished, StepError>> + Send + 'static) {
        lock(&self.scripts).push(Box::new(script));
    }

    /// Adds a script that answers every run of `program` (its last path component) with this status and output.
    pub fn answer(&self, program: &str, status: i32, stdout: &str) {
        let (program, stdout) = (program.to_owned(), stdout.to_owned());
        self.on(move |command| {
            let name = Utf8Path::new(&command.program).file_name()?;
            (name == program).then(|| Ok(Finished { status, stdout: stdout.clone(), tail: Vec::new() }))
        });
    }

    /// Says whether `--offline` is in force.
    pub fn set_offline(&self, offline: bool) {
        self.offline.store(offline, Ordering::SeqCst);
    }

    /// Cancels the run.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Replaces what the lock holds.
    pub fn set_locked(&self, locked: LockedTarget) {
        *lock(&self.locked) = locked;
    }

    /// What was told so far.
    pub fn record(&self) -> Record {
        lock(&self.record).clone()
    }

    /// Each command that was run, as one line of words; jobs stand as `2`.
    pub fn command_lines(&self) -> Vec<String> {
        lock(&self.record).commands.iter().map(|command| self.words(command).join(" ")).collect()
    }

    fn words(&self, command: &Command) -> Vec<String> {
        let arguments = command.args.iter().map(|argument| match argument {
            Argument::Literal(text) => text.clone(),
            Argument::Jobs { jobs } => format!("{jobs}2"),
        });
        std::iter::once(command.program.clone()).chain(arguments).collect()
    }

    fn finish(&self, command: &Command) -> Result<Finished, StepError> {
        if self.cancelled() {
            return Err(StepError::Cancelled);
        }
        lock(&self.record).commands.push(command.clone());
        if let Some(answer) = lock(&self.scripts).iter_mut().find_map(|script| script(command)) {
            return answer;
        }
        let words = self.words(command);
        if !self.run_commands {
            return Err(StepError::new(
                format!("no script of the test answers `{}`", words.join(" ")),
                "add one with FakeContext::on, or set run_commands",
            ));
        }
        std::fs::create_dir_all(&command.directory)
            .map_err(|error| StepError::io("create directory", &command.directory, &error))?;
        #[expect(clippy::disallowed_methods, reason = "a test's own process, not a run's")]
        let output = std::process::Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .envs(&command.environment)
            .current_dir(&command.directory)
            .stdin(std::process::Stdio::null())
            .output()
            .map_err(|error| StepError::io("start", &command.program, &error))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<String> = stdout.lines().chain(stderr.lines()).map(str::to_owned).collect();
        let tail = lines[lines.len().saturating_sub(200)..].to_vec();
        Ok(Finished { status: output.status.code().unwrap_or(-1), stdout, tail })
    }
}

/// Debian 12 on x86_64 as a target.
pub fn debian_12() -> Target {
    Target {
        os: Os {
            id: "debian".to_owned(),
            version: "12".to_owned(),
            codename: "bookworm".to_owned(),
            pretty_name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            ..Os::default()
        },
        arch: "x86_64".to_owned(),
        libc: "glibc 2.36".to_owned(),
        root: true,
        package_manager: Some("apt".to_owned()),
        ..Target::default()
    }
}

/// Debian 13 on x86_64, as root, with nothing but its base system.
pub fn debian_13() -> Target {
    let mut target = debian_12();
    target.os.version = "13".to_owned();
    target.os.codename = "trixie".to_owned();
    target.os.pretty_name = "Debian GNU/Linux 13 (trixie)".to_owned();
    target.libc = "glibc 2.41".to_owned();
    target
}

impl Context for FakeContext {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn site(&self) -> &Site {
        &self.site
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn locked(&self) -> LockedTarget {
        lock(&self.locked).clone()
    }

    fn update_lock(&self, change: &mut dyn FnMut(&mut LockedTarget)) -> Result<(), StepError> {
        change(&mut lock(&self.locked));
        Ok(())
    }

    fn offline(&self) -> bool {
        self.offline.load(Ordering::SeqCst)
    }

    fn note(&self, line: &str) {
        lock(&self.record).notes.push(line.to_owned());
    }

    fn warn(&self, message: &str) {
        lock(&self.record).warnings.push(message.to_owned());
    }

    fn progress(&self, done: u64, total: Option<u64>) {
        lock(&self.record).progress.push((done, total));
    }

    fn figure(&self, name: &str, value: u64) {
        lock(&self.record).figures.insert(name.to_owned(), value);
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn execute(&self, command: &Command) -> Result<Finished, StepError> {
        let finished = self.finish(command)?;
        if finished.status == 0 {
            return Ok(Finished { stdout: String::new(), ..finished });
        }
        let words = self.words(command).join(" ");
        Err(StepError::new(
            format!("`{words}` exited with status {}: {}", finished.status, finished.tail.join("\n")),
            "see its output",
        ))
    }

    fn capture(&self, command: &Command) -> Result<Finished, StepError> {
        self.finish(command)
    }

    fn execute_to_its_end(&self, command: &Command) -> Result<Finished, StepError> {
        lock(&self.record).to_their_end.push(command.clone());
        self.execute(command)
    }

    fn capture_to_its_end(&self, command: &Command) -> Result<Finished, StepError> {
        lock(&self.record).to_their_end.push(command.clone());
        self.capture(command)
    }

    fn cached_probe(
        &self,
        key: &str,
        files: &[Utf8PathBuf],
        probe: &mut dyn FnMut() -> Result<String, StepError>,
    ) -> Result<String, StepError> {
        let stamps: Vec<Stamp> = files
            .iter()
            .map(|file| {
                let metadata = std::fs::metadata(file).ok()?;
                Some((metadata.len(), metadata.modified().ok()?))
            })
            .collect();
        if let Some((_, answer)) = lock(&self.probes).get(key).filter(|(known, _)| *known == stamps) {
            return Ok(answer.clone());
        }
        let answer = probe()?;
        lock(&self.probes).insert(key.to_owned(), (stamps, answer.clone()));
        Ok(answer)
    }

    fn network_environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        environment.extend(self.site.network_environment.clone());
        environment
    }
}
