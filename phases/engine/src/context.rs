//! What looking at the host may use, in a run or outside one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use model::layout::Layout;
use model::lock::{Lock, LockedTarget};
use model::plan::Command;
use model::site::Site;
use model::target::Target;
use serde::{Deserialize, Serialize};

use crate::runner::{Context, Finished, StepError};
use crate::{EngineError, files, lockfile, scarcity};

/// Where a run takes place.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// Where things lie.
    pub layout: &'a Layout,
    /// What the place dictates.
    pub site: &'a Site,
    /// The machine.
    pub target: &'a Target,
    /// Whether even `deps` may not use the network.
    pub offline: bool,
}

/// What is remembered between runs, apart from the ledger: answers of tools, and the lock.
pub(crate) struct Memory {
    probes_file: Utf8PathBuf,
    probes: Mutex<Probes>,
    lock: Mutex<Lock>,
}

#[derive(Default)]
struct Probes {
    known: BTreeMap<String, Answer>,
    changed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Answer {
    stamps: Vec<Option<[i128; 6]>>,
    answer: String,
}

impl Memory {
    pub(crate) fn open(layout: &Layout) -> Result<Self, EngineError> {
        let probes_file = layout.state.join("probes.json");
        let known = files::read_cache(&probes_file).unwrap_or_default();
        Ok(Self {
            probes_file,
            probes: Mutex::new(Probes { known, changed: false }),
            lock: Mutex::new(lockfile::load(layout)?),
        })
    }

    pub(crate) fn locked(&self, target: &Target) -> LockedTarget {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.target.get(&target.lock_key()).cloned().unwrap_or_default()
    }

    pub(crate) fn update_lock(
        &self,
        world: &World<'_>,
        change: &mut dyn FnMut(&mut LockedTarget),
    ) -> Result<(), StepError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = lock.clone();
        change(changed.target.entry(world.target.lock_key()).or_default());
        if changed == *lock {
            return Ok(());
        }
        lockfile::store(world.layout, &changed)?;
        *lock = changed;
        Ok(())
    }

    pub(crate) fn cached_probe(
        &self,
        key: &str,
        watched: &[Utf8PathBuf],
        probe: &mut dyn FnMut() -> Result<String, StepError>,
    ) -> Result<String, StepError> {
        let stamps: Vec<Option<[i128; 6]>> = watched.iter().map(|path| stamp(path)).collect();
        {
            let probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = probes.known.get(key).filter(|known| known.stamps == stamps) {
                return Ok(known.answer.clone());
            }
        }
        let answer = probe()?;
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.known.insert(key.to_owned(), Answer { stamps, answer: answer.clone() });
        probes.changed = true;
        Ok(answer)
    }

    pub(crate) fn persist(&self) -> Result<(), StepError> {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        if probes.changed {
            files::write_cache(&self.probes_file, &probes.known)?;
            probes.changed = false;
        }
        Ok(())
    }
}

fn stamp(path: &Utf8Path) -> Option<[i128; 6]> {
    let metadata = fs::metadata(path).ok()?;
    Some([
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.size().into(),
        metadata.mtime().into(),
        metadata.mtime_nsec().into(),
        metadata.ctime().into(),
    ])
}

/// The environment that commands of `deps` start from.
pub(crate) fn network_environment(site: &Site) -> BTreeMap<String, String> {
    let mut environment = site.network_environment.clone();
    for name in ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "RUSTUP_HOME"] {
        if let Ok(value) = std::env::var(name) {
            environment.insert(name.to_owned(), value);
        }
    }
    environment
        .entry("PATH".to_owned())
        .or_insert_with(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    environment.entry("HOME".to_owned()).or_insert_with(|| "/".to_owned());
    environment.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
    environment
}

/// A context outside a step: it looks and remembers, and starts nothing but short captured probes.
pub struct StandaloneContext<'a> {
    world: World<'a>,
    memory: MemoryRef<'a>,
    warnings: Mutex<Vec<String>>,
}

enum MemoryRef<'a> {
    Own(Box<Memory>),
    Shared(&'a Memory),
}

impl<'a> StandaloneContext<'a> {
    /// A context of its own.
    ///
    /// # Errors
    /// When the lock cannot be read.
    pub fn new(world: &World<'a>) -> Result<Self, EngineError> {
        let memory = MemoryRef::Own(Box::new(Memory::open(world.layout)?));
        Ok(Self { world: *world, memory, warnings: Mutex::default() })
    }

    pub(crate) fn sharing(world: &World<'a>, memory: &'a Memory) -> Self {
        Self { world: *world, memory: MemoryRef::Shared(memory), warnings: Mutex::default() }
    }

    /// What was warned of so far.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn memory(&self) -> &Memory {
        match &self.memory {
            MemoryRef::Own(memory) => memory,
            MemoryRef::Shared(memory) => memory,
        }
    }
}

impl Context for StandaloneContext<'_> {
    fn layout(&self) -> &Layout {
        self.world.layout
    }

    fn site(&self) -> &Site {
        self.world.site
    }

    fn target(&self) -> &Target {
        self.world.target
    }

    fn locked(&self) -> LockedTarget {
        self.memory().locked(self.world.target)
    }

    fn update_lock(&self, _change: &mut dyn FnMut(&mut LockedTarget)) -> Result<(), StepError> {
        Err(StepError::new("checking the host must not change the lock", "report this defect"))
    }

    fn offline(&self) -> bool {
        self.world.offline
    }

    fn note(&self, _line: &str) {}

    fn warn(&self, message: &str) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
    }

    fn progress(&self, _done: u64, _total: Option<u64>) {}

    fn figure(&self, _name: &str, _value: u64) {}

    fn cancelled(&self) -> bool {
        false
    }

    fn execute(&self, command: &Command) -> Result<Finished, StepError> {
        Err(StepError::new(
            format!("checking the host must not run `{}`", command.program),
            "report this defect",
        ))
    }

    fn capture(&self, command: &Command) -> Result<Finished, StepError> {
        let mut argv = vec![command.program.as_str()];
        for argument in &command.args {
            match argument {
                model::plan::Argument::Literal(text) => argv.push(text),
                model::plan::Argument::Jobs { .. } => {
                    return Err(StepError::new("a probe takes no jobs", "report this defect"));
                }
            }
        }
        exec::probe::ask(&argv)
            .map(|answer| Finished {
                status: answer.status,
                stdout: answer.stdout,
                tail: answer.stderr.lines().map(str::to_owned).collect(),
            })
            .map_err(|error| {
                // The error names the command.
                let cure = scarcity::cure(&error);
                let cure =
                    cure.unwrap_or_else(|| format!("check whether `{}` works on its own", argv.join(" ")));
                StepError::new(error.to_string(), cure)
            })
    }

    fn execute_to_its_end(&self, command: &Command) -> Result<Finished, StepError> {
        self.execute(command)
    }

    fn capture_to_its_end(&self, command: &Command) -> Result<Finished, StepError> {
        // A look is not cancelled.
        self.capture(command)
    }

    fn cached_probe(
        &self,
        key: &str,
        files: &[Utf8PathBuf],
        probe: &mut dyn FnMut() -> Result<String, StepError>,
    ) -> Result<String, StepError> {
        self.memory().cached_probe(key, files, probe)
    }

    fn network_environment(&self) -> BTreeMap<String, String> {
        network_environment(self.world.site)
    }
}
