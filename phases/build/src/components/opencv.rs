//! OpenCV: CMake, with a summary that tells what was dropped, and a liking for downloads while it configures.

use engine::planning::{Known, PlanError};
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::StepId;
use model::case::{Check, Component, Driver, OptionValue};
use model::cuda::CUDA;
use model::plan::{Expectation, Shows};
use model::python::InterpreterFacts;
use model::target::Target;

use super::{IMPORTED, Recipe, is_off, is_on, library, off, on, prints};
use crate::cuda::Toolkit;
use crate::drivers::{Built, Subject};
use crate::options::{truth, words};

pub struct Opencv;

/// Where the Python modules go, below the prefix.
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
    echo "error: OPENCV_EXTRA_MODULES_PATH: no module of OpenCV lies in $path" >&2
    exit 1
done
"#;

/// Gives cv2 an array of the environment's NumPy.
const COUNTS: &str = r#"
import cv2, numpy
if cv2.countNonZero(numpy.eye(3, dtype=numpy.uint8)) != 3:
    sys.exit("cv2.countNonZero counts amiss")
print("cv2 of OpenCV", cv2.__version__)
"#;

/// What a plain configuration would look for, download or build without being asked, and what has no use when it is
/// installed (OpenCV's `CMakeLists.txt`).
const OFF: &[&str] = &[
    "BUILD_DOCS",
    "BUILD_EXAMPLES",
    "BUILD_JAVA",
    "BUILD_PERF_TESTS",
    "BUILD_TESTS",
    "BUILD_opencv_apps",
    "BUILD_opencv_python2",
    "BUILD_opencv_python3",
    // Whatever ccache is on PATH would be used.
    "ENABLE_CCACHE",
    // In `3rdparty/`, which Debian's source package lacks.
    "BUILD_ITT",
    "WITH_ITT",
    "WITH_QUIRC",
    // What the machine happens to have.
    "WITH_1394",
    "WITH_FFMPEG",
    "WITH_GSTREAMER",
    "WITH_GTK",
    "WITH_JASPER",
    "WITH_LAPACK",
    "WITH_OPENEXR",
    "WITH_OPENJPEG",
    "WITH_PROTOBUF",
    "WITH_TIFF",
    "WITH_V4L",
    "WITH_VA",
    "WITH_WEBP",
];

/// Options that find a library, with the label of the summary that tells whether they did, and what is missing if not.
const SUMMARY: &[(&str, &str, &str)] = &[
    ("WITH_1394", "DC1394:", "libdc1394 (libdc1394-dev)"),
    ("WITH_CUDA", "NVIDIA CUDA:", "the CUDA toolkit"),
    ("WITH_CUDNN", "cuDNN:", "cuDNN (of the base image, or a package of its vendor's repository)"),
    ("WITH_FFMPEG", "FFMPEG:", "FFmpeg's libraries (the component ffmpeg in `needs`, or libavformat-dev)"),
    ("WITH_GDAL", "GDAL:", "GDAL (libgdal-dev)"),
    ("WITH_GSTREAMER", "GStreamer:", "GStreamer (libgstreamer-plugins-base1.0-dev)"),
    ("WITH_GTK", "GTK+:", "GTK (libgtk-3-dev)"),
    ("WITH_JPEG", "JPEG:", "libjpeg (libjpeg-dev)"),
    ("WITH_LAPACK", "Lapack:", "LAPACK (liblapacke-dev and libopenblas-dev)"),
    ("WITH_OPENEXR", "OpenEXR:", "OpenEXR (libopenexr-dev)"),
    ("WITH_OPENJPEG", "JPEG 2000:", "OpenJPEG (libopenjp2-7-dev)"),
    ("WITH_PNG", "PNG:", "libpng (libpng-dev)"),
    ("WITH_QT", "QT:", "Qt (qtbase5-dev)"),
    ("WITH_TIFF", "TIFF:", "libtiff (libtiff-dev)"),
    ("WITH_V4L", "v4l/v4l2:", "the kernel's headers (linux-libc-dev)"),
    ("WITH_VA", "VA:", "libva (libva-dev)"),
    ("WITH_VTK", "VTK support:", "VTK (libvtk9-dev)"),
    ("WITH_WEBP", "WEBP:", "libwebp (libwebp-dev)"),
];

/// Options of which one is chosen, with the word that the summary says then behind `Parallel framework:`.
const PARALLEL: &[(&str, &str, &str)] =
    &[("WITH_OPENMP", "OpenMP", "a compiler with OpenMP"), ("WITH_TBB", "TBB", "TBB (libtbb-dev)")];

impl Recipe for Opencv {
    fn name(&self) -> &'static str {
        "opencv"
    }

    fn driver(&self) -> Driver {
        Driver::Cmake
    }

    fn system(&self, component: &Component, _target: &Target) -> Vec<&'static str> {
        let wanted = |key: &str, unasked: bool| match component.options.get(key) {
            Some(value) => truth(value) != Some(false),
            None => unasked,
        };
        let mut needs = vec!["pkg-config", "zlib"];
        for (key, row, unasked) in [
            ("WITH_JPEG", "jpeg", true),
            ("WITH_PNG", "png", true),
            ("WITH_TIFF", "tiff", false),
            ("WITH_WEBP", "webp", false),
            ("WITH_CUDA", CUDA, false),
            ("ENABLE_CCACHE", "ccache", false),
        ] {
            if wanted(key, unasked) {
                needs.push(row);
            }
        }
        needs
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        let on = ["OPENCV_GENERATE_PKGCONFIG"].map(|key| (key, true));
        let all = OFF.iter().map(|key| (*key, false)).chain(on);
        all.map(|(key, value)| (key.to_owned(), OptionValue::Switch(value))).collect()
    }

    fn derived(
        &self,
        options: &IndexMap<String, OptionValue>,
        component: &Component,
        known: &Known<'_>,
    ) -> Vec<(String, OptionValue)> {
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
        derived
    }

    fn cuda(&self, options: &IndexMap<String, OptionValue>, toolkit: &Toolkit) -> Vec<(String, OptionValue)> {
        if !on(options, "WITH_CUDA") {
            return Vec::new();
        }
        // The names of CMake's old FindCUDA, which OpenCV asks (`cmake/OpenCVDetectCUDA.cmake`).
        let text = |key: &str, value: String| (key.to_owned(), OptionValue::Text(value));
        let mut found = vec![text("CUDA_TOOLKIT_ROOT_DIR", toolkit.root.to_string())];
        found.extend(toolkit.host_compiler.iter().map(|path| text("CUDA_HOST_COMPILER", path.to_string())));
        if !toolkit.architectures.is_empty() {
            let all = toolkit.architectures.iter().map(ToString::to_string).collect();
            found.push(("CUDA_ARCH_BIN".to_owned(), OptionValue::List(all)));
        }
        found
    }

    fn python_packages(&self, options: &IndexMap<String, OptionValue>) -> Vec<(&'static str, &'static str)> {
        if on(options, "BUILD_opencv_python3") {
            vec![("numpy", "numpy/ndarrayobject.h")]
        } else {
            Vec::new()
        }
    }

    fn python_modules(&self, options: &IndexMap<String, OptionValue>) -> Option<&'static str> {
        on(options, "BUILD_opencv_python3").then_some(MODULES)
    }

    fn expectations(
        &self,
        options: &IndexMap<String, OptionValue>,
        subject: &Subject<'_>,
    ) -> Option<Vec<Expectation>> {
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
        for (key, label, missing) in SUMMARY.iter().filter(|(key, ..)| on(options, key)) {
            expectations.push(Expectation {
                asked: format!("-D{key}=ON"),
                file: file.clone(),
                shows: Shows::NotNo { label: (*label).to_owned() },
                missing: Some((*missing).to_owned()),
            });
        }
        for (key, word, missing) in PARALLEL.iter().filter(|(key, ..)| on(options, key)) {
            let label = "Parallel framework:".to_owned();
            expectations.push(Expectation {
                asked: format!("-D{key}=ON"),
                file: file.clone(),
                shows: Shows::Word { label, word: (*word).to_owned() },
                missing: Some((*missing).to_owned()),
            });
        }
        Some(expectations)
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let mut checks = Vec::new();
        if !is_off(subject, "BUILD_SHARED_LIBS") {
            let world = is_on(subject, "BUILD_opencv_world");
            checks.push(library(if world { "libopencv_world.so" } else { "libopencv_core.so" }, &[]));
        }
        if on(&subject.options, "BUILD_opencv_python3") {
            let text = format!("{IMPORTED}{COUNTS}");
            checks.push(prints(["{python}", "-c", &text, "{prefix}", "cv2"], "cv2 of OpenCV "));
        }
        checks
    }

    fn notes(&self, options: &IndexMap<String, OptionValue>) -> Vec<String> {
        let mut notes = Vec::new();
        if on(options, "OPENCV_ENABLE_NONFREE") {
            notes.push(
                "opencv: OPENCV_ENABLE_NONFREE builds algorithms that are under patents in some countries"
                    .to_owned(),
            );
        }
        // A list of modules says by itself what is left out.
        if extra(options).next().is_some() && listed(options).is_empty() {
            let off = |module: &&str| off(options, &switch(module));
            let unfed: Vec<&str> = EXTRA_DOWNLOADED.iter().map(|(module, _)| *module).filter(off).collect();
            if !unfed.is_empty() {
                notes.push(format!(
                    "opencv: without the modules {}: what they download is not among the component's `files`",
                    unfed.join(", ")
                ));
            }
            let found: Vec<&str> = EXTRA_OFF.iter().copied().filter(off).collect();
            if !found.is_empty() {
                notes.push(format!(
                    "opencv: without the modules {}, which take what the machine happens to have; BUILD_opencv_NAME = true builds one",
                    found.join(", ")
                ));
            }
        }
        notes
    }

    fn amend(&self, built: &mut Built, subject: &Subject<'_>) -> Result<(), PlanError> {
        let paths: Vec<&str> = extra(&subject.options).collect();
        if !paths.is_empty() {
            let words = ["-ec", EXTRA_THERE, "sh"].into_iter().chain(paths);
            built.configure.insert(0, subject.command("sh", words));
        }
        Ok(())
    }

    fn builds_on(&self, options: &IndexMap<String, OptionValue>) -> Vec<&'static str> {
        if on(options, "WITH_FFMPEG") { vec!["ffmpeg"] } else { Vec::new() }
    }

    fn weight(&self) -> u32 {
        600
    }

    fn disk_mib(&self, options: &IndexMap<String, OptionValue>) -> u64 {
        // Device code is kept for every architecture, in the objects and in the libraries.
        match (on(options, "WITH_CUDA"), extra(options).next().is_some() && listed(options).is_empty()) {
            (true, _) => 10_000,
            // All that opencv_contrib has, about as much again.
            (false, true) => 4_000,
            (false, false) => 2_000,
        }
    }

    fn job_memory_mib(&self, options: &IndexMap<String, OptionValue>) -> u64 {
        if on(options, "WITH_CUDA") { 1_536 } else { 800 }
    }
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
