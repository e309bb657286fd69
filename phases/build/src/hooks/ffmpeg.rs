//! FFmpeg: what its configured tree shows of what was asked for, and the checks that hang on how it is configured.

use std::collections::BTreeMap;

use camino::Utf8Path;
use indexmap::IndexMap;
use model::case::{Check, ComputeCapability, OptionValue};
use model::cuda::OLDEST_OF_WHEELS;
use model::plan::{Expectation, Shows};

use super::checks::{library, prints};
use super::interface::Hooks;
use crate::options::{asked_for, on, truth, words};
use crate::subject::Subject;

pub struct Ffmpeg;

/// Kinds of part that configure switches one by one, as `CONFIG_<NAME>_<KIND>` in `config_components.h`
/// (FFmpeg's `configure`, `COMPONENT_LIST`; the header is there from 5.1 on).
const PARTS: &[&str] = &[
    "bsf", "decoder", "demuxer", "encoder", "filter", "hwaccel", "indev", "muxer", "outdev", "parser",
    "protocol",
];

/// Switches that show as `CONFIG_<NAME>` in `config.h`; others (`--enable-lto`, `--enable-pthreads`) show elsewhere or
/// not at all (`configure`, `CONFIG_LIST`).
const SHOWN: &[&str] = &[
    "alsa",
    "bzlib",
    "cuda-llvm",
    "cuda-nvcc",
    "cuvid",
    "ffnvcodec",
    "gnutls",
    "gpl",
    "iconv",
    "lzma",
    "mbedtls",
    "nonfree",
    "nvdec",
    "nvenc",
    "opencl",
    "opengl",
    "openssl",
    "sdl2",
    "shared",
    "static",
    "vaapi",
    "vdpau",
    "version3",
    "vulkan",
    "zlib",
];

impl Hooks for Ffmpeg {
    fn options(&self, subject: &Subject<'_>) -> Vec<(String, OptionValue)> {
        let mut options = Vec::new();
        if needs_static_library(subject) {
            // What an archive needs of other libraries stands in `Libs.private`; `configure` says that the library was
            // not found when a program does not link without it.
            options.push(("pkg-config-flags".to_owned(), OptionValue::Text("--static".to_owned())));
        }
        let Some(toolkit) = &subject.cuda else { return options };
        // The filters are compiled to PTX, for one GPU; the driver translates it for newer ones.
        let oldest = toolkit.architectures.iter().min().map(ComputeCapability::number);
        // Its own default is older than what the toolkit of wheels knows.
        let oldest = oldest.or_else(|| toolkit.of_wheels.then(|| OLDEST_OF_WHEELS.to_owned()));
        let Some(number) = oldest.filter(|_| subject.is_on("enable-cuda-nvcc")) else {
            return options;
        };
        let flags = format!("-gencode arch=compute_{number},code=sm_{number} -O2");
        options.push(("nvccflags".to_owned(), OptionValue::Text(flags)));
        options
    }

    fn expectations(&self, subject: &Subject<'_>) -> Vec<Expectation> {
        let mut asked = subject.asked().options;
        for (part, value) in asked.iter_mut().filter(|(key, _)| is_part(key)) {
            // `configure` adds what is said twice.
            let both: Vec<String> = subject
                .options
                .get(part)
                .map(words)
                .unwrap_or_default()
                .into_iter()
                .chain(words(value))
                .collect();
            let mut seen = std::collections::BTreeSet::new();
            *value = OptionValue::List(both.into_iter().filter(|word| seen.insert(word.clone())).collect());
        }
        expectations(&asked, &subject.build, &subject.component.missing)
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let options = &subject.asked().options;
        let text = |key: &str| options.get(key).map(OptionValue::texts).unwrap_or_default().concat();
        let asked = |key: &str| subject.is_on(key);
        let mut checks = Vec::new();
        let shared = on(options, "enable-shared") && !asked("disable-shared");
        // `configure` drops the program where one of these is not built (`ffmpeg_deps`).
        let built = |library: &str| {
            asked(&format!("enable-{library}"))
                || !(asked("disable-all") || asked(&format!("disable-{library}")))
        };
        if shared && built("avcodec") {
            let name = format!("libavcodec{}.so", text("build-suffix"));
            checks.push(library(name, &["avcodec_send_packet", "avcodec_receive_frame"]));
        }
        let program = !["disable-all", "disable-programs", "disable-ffmpeg"].iter().any(|key| asked(key));
        if asked("enable-ffmpeg") || program && ["avcodec", "avfilter", "avformat"].into_iter().all(built) {
            let directory = match text("bindir") {
                none if none.is_empty() => "{prefix}/bin".to_owned(),
                directory => directory,
            };
            // Names every library with its version, and warns where one is not that which it was built with.
            let program = format!("{directory}/ffmpeg{}", text("progs-suffix"));
            checks.push(prints([program, "-version".to_owned()], "ffmpeg version "));
        }
        checks
    }
}

/// Whether a component that it needs is built as an archive alone.
fn needs_static_library(subject: &Subject<'_>) -> bool {
    let components = &subject.known.case.components;
    subject.component.needs.iter().filter_map(|need| components.get(need)).any(|need| {
        let Some(driver) = need.driver else { return false };
        let asked = asked_for(driver, need, &need.options);
        let off = |key: &str| asked.get(key).and_then(truth) == Some(false);
        let text = asked.get("default_library").map(OptionValue::texts).unwrap_or_default().concat();
        ["ENABLE_SHARED", "BUILD_SHARED_LIBS", "enable-shared"].into_iter().any(off)
            || on(&asked, "disable-shared")
            || text == "static"
    })
}

/// Whether an option names parts, one by one.
fn is_part(key: &str) -> bool {
    key.strip_prefix("enable-").is_some_and(|what| PARTS.contains(&what))
}

/// Every part and library that is asked for, as the configured tree shows it.
fn expectations(
    options: &IndexMap<String, OptionValue>,
    build: &Utf8Path,
    missing: &BTreeMap<String, String>,
) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for (key, value) in options {
        let Some(what) = key.strip_prefix("enable-") else { continue };
        if truth(value) == Some(false) {
            continue;
        }
        if PARTS.contains(&what) {
            for name in words(value).iter().filter(|name| !name.contains('*')) {
                expectations.push(Expectation {
                    asked: format!("--{key}={name}"),
                    file: build.join("config_components.h"),
                    shows: Shows::Line(define(&format!("{name}_{what}"))),
                    missing: missing.get(name).cloned(),
                });
            }
        } else if truth(value) == Some(true) && (what.starts_with("lib") || SHOWN.contains(&what)) {
            expectations.push(Expectation {
                asked: format!("--{key}"),
                file: build.join("config.h"),
                shows: Shows::Line(define(what)),
                missing: missing.get(&what.replace('-', "_")).cloned(),
            });
        }
    }
    expectations
}

fn define(name: &str) -> String {
    format!("#define CONFIG_{} 1", name.to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_is_asked_for_is_expected() {
        let options = IndexMap::from([
            ("enable-decoder".to_owned(), OptionValue::Text("png,h264".to_owned())),
            ("enable-gpl".to_owned(), OptionValue::Switch(true)),
            ("disable-everything".to_owned(), OptionValue::Switch(true)),
        ]);
        let recipes = crate::recipes::built_in();
        let recipe = &recipes.get("ffmpeg").unwrap().says;
        let found = expectations(&options, Utf8Path::new("/b"), &recipe.missing);
        let lines: Vec<&Shows> = found.iter().map(|expectation| &expectation.shows).collect();
        assert_eq!(
            lines,
            [
                &Shows::Line("#define CONFIG_PNG_DECODER 1".to_owned()),
                &Shows::Line("#define CONFIG_H264_DECODER 1".to_owned()),
                &Shows::Line("#define CONFIG_GPL 1".to_owned()),
            ]
        );
        assert!(found[0].missing.as_ref().unwrap().contains("zlib1g-dev"));
    }
}
