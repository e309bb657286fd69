//! `image`: what Dockerfiles call, and what renders them.

use std::io::IsTerminal;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use engine::{Cancel, RunOptions, Selection, World};
use image::contents::Contents;
use image::description::{self, Description};
use image::dockerfile::Places;
use image::libraries::Needed;
use model::case::Case;
use model::event::Verdict;
use model::layout::Layout;
use model::plan::{
    Action, Claims, EnsurePackages, Freshness, Jobs, Need, Network, PLAN_SCHEMA, Phase, Plan, Privilege, Step,
};
use model::site::{Site, Sudo};
use model::target::{Capacity, Target};
use model::visible::escaped_json;
use model::{Digest, StepId, exit};
use report::{Next, Purpose};

use crate::args::{Common, ImageCommand};
use crate::dispatch::Dispatch;
use crate::error::{Error, Result};
use crate::in_context;
use crate::invocation::environment;
use crate::load::{Setting, case_name, load_case};
use crate::out::{print, print_data, say};
use crate::shown::Shown;

pub fn run(common: &Common, command: &ImageCommand) -> Result<i32> {
    match command {
        ImageCommand::Export { words } => {
            let (common, directory) = crate::words::one_and_case(common, words, "directory")?;
            export(&common, Utf8Path::new(&directory))
        }
        ImageCommand::RuntimePackages { name } => {
            runtime_packages(&crate::words::with_case(common, name.as_deref())?)
        }
        ImageCommand::Dockerfile { name, build_only, from } => {
            dockerfile(&crate::words::with_case(common, name.as_deref())?, *build_only, from.as_deref())
        }
        ImageCommand::InstallPackages { description } => install_packages(common, description),
    }
}

/// What a case has installed, and what that needs.
struct Looked {
    contents: Contents,
    needed: Needed,
    description: Description,
    /// The Dockerfile that gives an image the case's own configuration.
    instructions: String,
}

fn look(common: &Common) -> Result<Looked> {
    let setting = Setting::gather_without_sources(common, None)?;
    let case = setting.case();
    let manager = setting.target.package_manager.as_deref().unwrap_or("no known package manager");
    let manager = deps::packages::by_name(manager).ok_or_else(|| {
        let message = format!(
            "cannot find out which packages the installed files need: installer does not support {manager}"
        );
        let manifests = Layout::manifests(&setting.layout.prefix);
        Error::new(exit::PREFLIGHT, message)
            .with_help(format!("copy the files that the manifests in {manifests} list"))
    })?;
    let contents = image::contents::gather(&setting.plan(Phase::Build)?)
        .map_err(|error| Error { code: exit::PREFLIGHT, ..error.into() })?;
    let needed = image::libraries::needed(&contents, manager, Utf8Path::new("/"))?;
    let asked_for = case.image.as_ref().map_or(&[][..], |image| image.packages.for_manager(manager.name()));
    let description = Description::new(&case.metadata.name, &setting.target.lock_key(), &needed, asked_for);
    for (file, by) in &needed.unowned {
        say(&format!(
            "note: {by} needs {file}, which belongs to no package: the runtime base image must have it"
        ));
    }
    for (library, by) in &needed.missing {
        say(&format!(
            "warning: {by} needs {library}, which is missing here: the runtime base image must have it"
        ));
    }
    for (library, by) in &needed.driver {
        say(&format!("note: {by} needs {library}, which comes with the driver where the image runs"));
    }
    let environment = setting.layout.python_environment(&case.metadata.name);
    let places = Places { prefix: &setting.layout.prefix, environment: &environment };
    let instructions = image::dockerfile::on_image(None, case, places);
    Ok(Looked { contents, needed, description, instructions })
}

fn export(common: &Common, directory: &Utf8Path) -> Result<i32> {
    let looked = look(common)?;
    let copied = image::export::copy(&looked.contents, directory)?;
    let place = image::export::below(directory, Utf8Path::new(description::PLACE));
    engine::files::atomic_write(&place, looked.description.to_json()?.as_bytes())?;
    let place = image::export::below(directory, Utf8Path::new(image::dockerfile::PLACE));
    engine::files::atomic_write(&place, looked.instructions.as_bytes())?;
    say(&format!("{directory}: {} files, {} KiB", copied.files, copied.bytes.div_ceil(1024)));
    say(&format!("they need {}", looked.description.packages.join(", ")));
    Ok(exit::OK)
}

fn runtime_packages(common: &Common) -> Result<i32> {
    let looked = look(common)?;
    if common.json {
        print_data(&escaped_json(&looked.description.to_json()?))?;
        return Ok(exit::OK);
    }
    for (package, files) in looked.needed.packages.iter().filter(|_| common.verbose) {
        say(&format!("{package}: {}", files.iter().map(|file| file.as_str()).collect::<Vec<_>>().join(", ")));
    }
    print(&looked.description.packages.iter().map(|name| format!("{name}\n")).collect::<String>())?;
    Ok(exit::OK)
}

/// An image does not hold the directory that an editable install links to. Of what is installed its manifest tells.
fn refuse_editable(case: &Case) -> Result<()> {
    let Some((name, _)) = case.components.iter().find(|(_, component)| component.editable) else {
        return Ok(());
    };
    Err(Error::new(
        exit::BAD_CASE,
        format!("an editable install of `{name}` links to a directory that is not in the image"),
    )
    .with_help(format!("--set components.{name}.editable=false")))
}

/// Where things will lie in the image, whatever machine this is.
fn dockerfile(common: &Common, build_only: bool, from: Option<&str>) -> Result<i32> {
    let wanted = case_name(common, None)?;
    let (loaded, _) = load_case(common, &wanted)?;
    let case = &loaded.case;
    refuse_editable(case)?;
    let prefix = common.prefix.clone().unwrap_or_else(|| "/usr/local".into());
    let data = common.data_dir.clone().unwrap_or_else(|| "/opt/installer".into());
    let environment = data.join("environments").join(&case.metadata.name);
    let places = Places { prefix: &prefix, environment: &environment };
    let text = match from {
        Some(image) => image::dockerfile::on_image(Some(image), case, places),
        None => {
            let template = if build_only { image::dockerfile::BUILD_ONLY } else { image::dockerfile::BOTH };
            image::dockerfile::of_case(template, &in_context::called(&wanted, &loaded)?, case, places)
        }
    };
    print_data(&text)?;
    Ok(exit::OK)
}

fn install_packages(common: &Common, path: &Utf8Path) -> Result<i32> {
    let description = Description::read(path)?;
    let environment = environment(common);
    let site_files = crate::site::read(common, &environment)?;
    let target = crate::load::probe(common, &site_files, &environment);
    if let Some(why) = description.too_new_for(&target.libc) {
        return Err(Error::new(exit::PREFLIGHT, why)
            .with_help("use a runtime base image of the same release, or build on an older one"));
    }
    // Nothing of this run is worth keeping, and in an image it would become part of a layer.
    let scratch = std::env::temp_dir().join(format!("installer-{}", std::process::id()));
    let scratch = Utf8PathBuf::from_path_buf(scratch)
        .map_err(|path| Error::usage(format!("{} is not UTF-8", path.display())).with_help("set TMPDIR"))?;
    std::fs::create_dir(&scratch)
        .map_err(|error| Error::internal(format!("failed to create {scratch}: {error}")))?;
    let layout = layout_in(&scratch);
    let mut site = crate::site::site(&site_files, environment, &layout, target.root);
    if !target.root && site.sudo == Sudo::NotNeeded {
        site.sudo = exec::privilege::detect(std::io::stdin().is_terminal());
    }
    crate::site::write_out(&site)?;
    let done = install_in(common, &description, &target, &site, &layout)?;
    if done == exit::OK {
        engine::files::remove_tree(&scratch)?;
    }
    Ok(done)
}

/// Where things of a run lie that leaves nothing behind.
fn layout_in(scratch: &Utf8Path) -> Layout {
    Layout {
        prefix: scratch.join("prefix"),
        state: scratch.join("state"),
        cache: scratch.join("cache"),
        artifacts: scratch.join("artifacts"),
        data: scratch.join("data"),
        case_dir: scratch.to_owned(),
        lock: scratch.join("case.lock"),
        given_lock: None,
    }
}

fn install_in(
    common: &Common,
    description: &Description,
    target: &Target,
    site: &Site,
    layout: &Layout,
) -> Result<i32> {
    let world = World { layout, site, target, offline: common.offline };
    let cancel = Cancel::new();
    engine::signals::install(&cancel, || {})
        .map_err(|error| Error::internal(format!("failed to watch for signals: {error}")))?;
    let options = RunOptions {
        capacity: Capacity { jobs: 1, memory_mib: u64::MAX },
        keep_going: false,
        selection: Selection::default(),
        launcher: std::env::current_exe()
            .map_err(|error| Error::internal(format!("failed to find this program's own file: {error}")))?,
        launcher_args: vec!["__launch".to_owned()],
        run_lock: None,
        marker: Digest::of(layout.cache.as_str()).short().to_owned(),
        capsules: None,
        cancel,
        started: Instant::now(),
    };
    let next = Next {
        purpose: Purpose::Apart,
        program: "installer".to_owned(),
        again: "installer image install-packages".to_owned(),
        ..Next::default()
    };
    let mut observer = Shown::new(common, next);
    let finish = engine::run(&plan(description, target), &Dispatch::new(), &world, &options, &mut observer);
    observer.finish();
    Ok(match finish?.verdict {
        Verdict::Done | Verdict::NothingToDo => exit::OK,
        Verdict::Cancelled => exit::CANCELLED,
        Verdict::Failed => exit::STEP_FAILED,
    })
}

/// One step, which installs like that of a case.
fn plan(description: &Description, target: &Target) -> Plan {
    let needs = description.packages.iter().map(|name| Need {
        name: name.clone(),
        probe: None,
        packages: vec![name.clone()],
        wanted_by: vec![description.case.clone()],
        optional: false,
    });
    let manager = target.package_manager.clone().unwrap_or_default();
    let step = Step {
        id: StepId::new("deps/packages"),
        phase: Phase::Deps,
        component: None,
        serves: Vec::new(),
        title: format!("ensure {} packages that {} needs", description.packages.len(), description.case),
        needs: Vec::new(),
        after: Vec::new(),
        proven: Vec::new(),
        action: Action::EnsurePackages(EnsurePackages {
            manager,
            needs: needs.collect(),
            repositories: Vec::new(),
        }),
        freshness: Freshness::Observed,
        inputs: Vec::new(),
        outputs: Vec::new(),
        scratch: Vec::new(),
        filled: None,
        claims: Claims { jobs: Jobs::None, memory_mib: 0, locks: vec!["packages".to_owned()] },
        network: Network::Allowed,
        privilege: Privilege::Root,
        timeout_seconds: None,
        optional: false,
        weight: 1,
    };
    Plan {
        schema: PLAN_SCHEMA,
        case: description.case.clone(),
        phase: Phase::Deps,
        target: target.lock_key(),
        steps: vec![step],
        notes: Vec::new(),
        warnings: Vec::new(),
        leak_grace_seconds: None,
        asked: Vec::new(),
    }
}
