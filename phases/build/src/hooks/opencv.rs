//! OpenCV: what it would download, the modules that it drops, and the summary that tells of both.

use engine::planning::PlanError;
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::StepId;
use model::case::{Check, Component, OptionValue};
use model::plan::{Expectation, Shows};
use model::python::InterpreterFacts;

use super::checks::{IMPORTED, library, prints};
use super::interface::Hooks;
use crate::built::Additions;
use crate::cuda::Toolkit;
use crate::options::{off, on, words};
use crate::subject::Subject;

pub struct Opencv;

/// Where the Python modules go, below the prefix: as the recipe says.
const MODULES: &str = "lib/opencv/python";

/// Where in its build tree it looks for what it would download: `<id>/<md5>-<file name>`
/// (`cmake/OpenCVDownload.cmake`). By default that is in its source, which is not to be written to.
const DOWNLOADS: &str = "downloads";

/// Options whose parts are downloaded, with the directory of their files: on when the case feeds one of them.
const DOWNLOADED: &[(&str, &str)] = &[("WITH_ADE", "ade"), ("WITH_IPP", "ippicv")];

/// The option that names directories of further modules, such as `modules` of opencv_contrib.
const EXTRA: &str = "OPENCV_EXTRA_MODULES_PATH";

/// Modules of opencv_contrib that download while they are configured, with the directory of their files: left out unless
/// the case feeds one of them or names the module.
const EXTRA_DOWNLOADED: &[(&str, &str)] = &[
    ("cudaoptflow", "NVIDIA_OPTICAL_FLOW"),
    ("face", "data"),
    ("wechat_qrcode", "wechat_qrcode"),
    ("xfeatures2d", "xfeatures2d"),
];

/// Modules of opencv_contrib that stand on what the machine happens to have (Caffe, Qt, FreeType and HarfBuzz, HDF5,
/// Julia, MATLAB, OGRE, Ceres and glog, VTK, Eigen): left out unless the case names them.
const EXTRA_OFF: &[&str] =
    &["alphamat", "cnn_3dobj", "cvv", "freetype", "hdf", "julia", "matlab", "ovis", "sfm", "viz"];

/// Fails where a directory holds no module: CMake's search takes it for one without any, and says nothing.
const EXTRA_THERE: &str = r#"
for path; do
    set -- "$path"/*/CMakeLists.txt
    [ ! -e "$1" ] || continue
    echo "error: OPENCV_EXTRA_MODULES_PATH: no module of OpenCV is in $path" >&2
    exit 1
done
"#;

/// Gives cv2 an array of the environment's NumPy.
const COUNTS: &str = r#"
import cv2, numpy
if cv2.countNonZero(numpy.eye(3, dtype=numpy.uint8)) != 3:
    sys.exit("cv2.countNonZero returns a wrong count")
print("cv2 of OpenCV", cv2.__version__)
"#;

impl Hooks for Opencv {
    fn options(&self, subject: &Subject<'_>) -> Vec<(String, OptionValue)> {
        let Subject { component, known, .. } = subject;
        let options = &subject.asked().options;
        let text = |value: &str| OptionValue::Text(value.to_owned());
        let mut derived = vec![("OPENCV_DOWNLOAD_PATH".to_owned(), text(&format!("{{build}}/{DOWNLOADS}")))];
        for (key, id) in DOWNLOADED {
            derived.push(((*key).to_owned(), OptionValue::Switch(is_fed(component, id))));
        }
        derived.extend(without_extra(options, component));
        if on(options, "BUILD_opencv_python3") {
            let python = python_home(known).program;
            derived.push(("PYTHON3_EXECUTABLE".to_owned(), text(python.as_str())));
            derived.push(("OPENCV_PYTHON3_INSTALL_PATH".to_owned(), text(MODULES)));
            // CMake's search for libraries knows nothing of an interpreter that lies elsewhere (pyenv, conda).
            let elsewhere = known.target.python.as_ref().filter(|python| !python.is_where_compilers_look());
            if let Some(InterpreterFacts { include: Some(include), library: Some(library), .. }) = elsewhere {
                derived.push(("PYTHON3_INCLUDE_DIR".to_owned(), text(include.as_str())));
                derived.push(("PYTHON3_LIBRARY".to_owned(), text(library.as_str())));
            }
        }
        derived.extend(subject.cuda.iter().flat_map(|toolkit| of_cuda(options, toolkit)));
        derived
    }

    fn expectations(&self, subject: &Subject<'_>) -> Vec<Expectation> {
        let options = &subject.asked().options;
        let file = subject.known.layout.step_log(&StepId::new(format!("build/{}/configure", subject.name)));
        // A download that failed leaves a part out; where the network is shut off without a witness, only this tells.
        let mut expectations = vec![Expectation {
            asked: "everything that OpenCV downloads while it is configured".to_owned(),
            file: subject.build.join("CMakeDownloadLog.txt"),
            shows: Shows::NoLineWith("#cmake_download".to_owned()),
            missing: Some("a file for it under `files` of the component".to_owned()),
        }];
        let mut built: Vec<(String, Option<&str>)> =
            listed(options).into_iter().map(|module| (module, None)).collect();
        if on(options, "BUILD_opencv_python3") {
            let missing =
                "an interpreter whose library matches and NumPy's headers: see \"Python 3\" in the log";
            built.retain(|(module, _)| module != "python3");
            built.push(("python3".to_owned(), Some(missing)));
        }
        for key in options.keys().filter(|key| on(options, key)) {
            let module = key.strip_prefix("BUILD_opencv_").filter(|module| *module != "world");
            if let Some(module) = module.filter(|module| !built.iter().any(|(known, _)| known == module)) {
                built.push((module.to_owned(), Some("what it needs: see \"Unavailable\" in the log")));
            }
        }
        for (module, missing) in built {
            expectations.push(Expectation {
                asked: format!("module {module}"),
                file: file.clone(),
                shows: Shows::Word { label: "To be built:".to_owned(), word: module },
                missing: missing.map(str::to_owned),
            });
        }
        expectations
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let mut checks = Vec::new();
        if !subject.is_off("BUILD_SHARED_LIBS") {
            let world = subject.is_on("BUILD_opencv_world");
            checks.push(library(if world { "libopencv_world.so" } else { "libopencv_core.so" }, &[]));
        }
        if subject.is_on("BUILD_opencv_python3") {
            let text = format!("{IMPORTED}{COUNTS}");
            checks.push(prints(["{python}", "-c", &text, "{prefix}", "cv2"], "cv2 of OpenCV "));
        }
        checks
    }

    fn notes(&self, subject: &Subject<'_>) -> Vec<String> {
        let options = &subject.asked().options;
        let mut notes = Vec::new();
        // A list of modules says by itself what is left out.
        if extra(options).next().is_some() && listed(options).is_empty() {
            let off = |module: &&str| off(options, &switch(module));
            let unfed: Vec<&str> = EXTRA_DOWNLOADED.iter().map(|(module, _)| *module).filter(off).collect();
            if !unfed.is_empty() {
                notes.push(format!(
                    "opencv: without the modules {}: what they download is not in the component's `files`",
                    unfed.join(", ")
                ));
            }
            let found: Vec<&str> = EXTRA_OFF.iter().copied().filter(off).collect();
            if !found.is_empty() {
                notes.push(format!(
                    "opencv: without the modules {}, which depend on what the machine has; BUILD_opencv_NAME \
                     = true builds one",
                    found.join(", ")
                ));
            }
        }
        notes
    }

    fn additions(&self, subject: &Subject<'_>) -> Result<Additions, PlanError> {
        let mut additions = Additions::default();
        let options = &subject.asked().options;
        let paths: Vec<&str> = extra(options).collect();
        if !paths.is_empty() {
            let words = ["-ec", EXTRA_THERE, "sh"].into_iter().chain(paths);
            additions.configure_first.push(subject.command("sh", words));
        }
        Ok(additions)
    }
}

/// Options that name the CUDA toolkit and the GPUs, by the names of CMake's old FindCUDA, which OpenCV asks
/// (`cmake/OpenCVDetectCUDA.cmake`).
fn of_cuda(options: &IndexMap<String, OptionValue>, toolkit: &Toolkit) -> Vec<(String, OptionValue)> {
    if !on(options, "WITH_CUDA") {
        return Vec::new();
    }
    let text = |key: &str, value: String| (key.to_owned(), OptionValue::Text(value));
    let mut found = vec![text("CUDA_TOOLKIT_ROOT_DIR", toolkit.root.to_string())];
    found.extend(toolkit.host_compiler.iter().map(|path| text("CUDA_HOST_COMPILER", path.to_string())));
    if !toolkit.architectures.is_empty() {
        let all = toolkit.architectures.iter().map(ToString::to_string).collect();
        found.push(("CUDA_ARCH_BIN".to_owned(), OptionValue::List(all)));
    }
    found
}

/// The switch of a module.
fn switch(module: &str) -> String {
    format!("BUILD_opencv_{module}")
}

/// The modules that alone are built, with what they need; none stands for all.
fn listed(options: &IndexMap<String, OptionValue>) -> Vec<String> {
    options.get("BUILD_LIST").map(words).unwrap_or_default()
}

/// The directories of further modules.
fn extra(options: &IndexMap<String, OptionValue>) -> impl Iterator<Item = &str> {
    let texts = options.get(EXTRA).map(OptionValue::texts).unwrap_or_default();
    texts.iter().flat_map(|text| text.split(';')).filter(|path| !path.is_empty())
}

/// What of opencv_contrib is left out where the case does not say otherwise.
fn without_extra(
    options: &IndexMap<String, OptionValue>,
    component: &Component,
) -> Vec<(String, OptionValue)> {
    if extra(options).next().is_none() {
        return Vec::new();
    }
    let listed = listed(options);
    let unfed = EXTRA_DOWNLOADED.iter().filter(|(_, id)| !is_fed(component, id)).map(|(module, _)| *module);
    let modules = unfed.chain(EXTRA_OFF.iter().copied());
    let modules = modules.filter(|module| !listed.iter().any(|listed| listed == module)).map(switch);
    let all = modules.chain(["WITH_TESSERACT".to_owned()]);
    all.map(|key| (key, OptionValue::Switch(false))).collect()
}

/// Whether the case gives a file for the directory of what OpenCV would download.
fn is_fed(component: &Component, id: &str) -> bool {
    let below = format!("{DOWNLOADS}/{id}/");
    component.files.keys().any(|place| place.starts_with(&below))
}
