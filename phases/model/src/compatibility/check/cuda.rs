//! CUDA's toolkit with TensorRT and with the GPUs that it compiles for.

use super::release::{begins_with, index_tag, major, minor};
use super::{Asked, Certainty, Checker};
use crate::case::{ComputeCapability, cuda_tag};
use crate::catalog::version_at_least;
use crate::compatibility::{TensorrtRow, table};

/// A release of CUDA that the case says, and the key that says so.
struct SaidCuda {
    version: String,
    key: String,
}

/// `11.8` of an image with that toolkit: `nvidia/cuda:11.8.0-devel-ubuntu22.04`, `pytorch:2.1.2-cuda11.8-cudnn8-devel`,
/// `torch:2.1-cu118`. None where the name does not say it.
pub(super) fn of_image(image: &str) -> Option<String> {
    let image = image.split('@').next()?;
    let (name, tag) = image.rsplit('/').next()?.split_once(':')?;
    let release = |text: &str| {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let version = minor(text.get(..end)?.trim_end_matches('.'));
        version.contains('.').then_some(version)
    };
    let words = || tag.split(['-', '_']);
    let own = if name == "cuda" { release(tag) } else { None };
    own.or_else(|| words().find_map(|word| release(word.strip_prefix("cuda")?)))
        .or_else(|| {
            words().zip(words().skip(1)).find_map(|(word, next)| release((word == "cuda").then_some(next)?))
        })
        .or_else(|| words().find_map(|word| cuda_tag(&format!("+{word}"))))
}

impl Checker<'_> {
    /// The release of CUDA that the case is for. The toolkit that a build of torch is for is the one that compiles
    /// beside it; without either, the image has one.
    fn said_cuda(&self) -> Option<SaidCuda> {
        let case = self.stack.case;
        let said = |key: &str, version: String| SaidCuda { version, key: key.to_owned() };
        let toolkit = case.cuda.as_ref().and_then(|cuda| cuda.version.clone());
        let torch = || self.asked("torch").and_then(|asked| Some((asked.key, cuda_tag(&asked.version)?)));
        let index = || index_tag(case.pytorch.as_ref()?.index_url.as_deref()?);
        let image = || of_image(case.base_image.as_deref()?);
        toolkit
            .map(|version| said("cuda.version", version))
            .or_else(|| torch().map(|(key, version)| said(&key, version)))
            .or_else(|| index().map(|version| said("pytorch.index_url", version)))
            .or_else(|| image().map(|version| said("base_image", version)))
    }

    pub(super) fn tensorrt(&mut self) {
        let Some(Asked { key, version }) = self.asked("tensorrt") else { return };
        let (key, version) = (key.as_str(), version.as_str());
        let Some(SaidCuda { version: cuda, .. }) = self.said_cuda() else { return };
        let rows = &table().tensorrt;
        // The longest name that fits: 10.13.2 tells more than 10.13 would.
        let row = rows
            .iter()
            .filter(|row| begins_with(version, &row.tensorrt))
            .max_by_key(|row| row.tensorrt.len());
        let Some(row) = row else {
            let known: Vec<&str> = rows.iter().map(|row| row.tensorrt.as_str()).collect();
            let message = format!("it is not known whether TensorRT {version} works with CUDA {cuda}");
            return self.add(Certainty::Unknown, key, message, format!("known: {}", known.join(", ")));
        };
        let within = |row: &TensorrtRow| {
            let cuda = minor(&cuda);
            row.cuda.iter().any(|(low, high)| version_at_least(&cuda, low) && version_at_least(high, &cuda))
        };
        if within(row) {
            return;
        }
        let ranges: Vec<String> = row
            .cuda
            .iter()
            .map(|(low, high)| if low == high { low.clone() } else { format!("{low} to {high}") })
            .collect();
        let others: Vec<&str> =
            rows.iter().filter(|row| within(row)).map(|row| row.tensorrt.as_str()).collect();
        let mut help = format!("TensorRT {} works with CUDA {}", row.tensorrt, ranges.join(" and "));
        if !others.is_empty() {
            help.push_str(&format!("; for CUDA {cuda} use TensorRT {}", others.join(", ")));
        }
        let near = row.cuda.iter().any(|(low, _)| major(low) == major(&cuda));
        let message = if near {
            format!("TensorRT {version} was not tested with CUDA {cuda}")
        } else {
            format!("TensorRT {version} does not work with CUDA {cuda}")
        };
        self.add(if near { Certainty::Unknown } else { Certainty::Wrong }, key, message, help);
    }

    pub(super) fn toolkit(&mut self) {
        let Some(cuda) = &self.stack.case.cuda else { return };
        let (Some(said), Ok(wanted)) = (self.said_cuda(), cuda.capabilities()) else { return };
        let (version, key) = (&said.version, said.key.as_str());
        if wanted.is_empty() {
            return;
        }
        let rows = &table().toolkit;
        let row = rows.iter().rev().find(|row| version_at_least(version, &row.from));
        let Some(row) = row.filter(|row| major(&row.from) == major(version)) else {
            let known: Vec<&str> = rows.iter().map(|row| row.from.as_str()).collect();
            let message = format!("it is not known what CUDA {version} compiles for");
            return self.add(Certainty::Unknown, key, message, format!("known: {}", known.join(", ")));
        };
        let newest = rows.last().is_some_and(|last| last.from == row.from) && minor(version) != row.from;
        for capability in wanted {
            let plain = ComputeCapability { variant: None, ..capability }.to_string();
            if row.architectures.contains(&plain) {
                continue;
            }
            let with: Vec<&str> = rows
                .iter()
                .filter(|row| row.architectures.contains(&plain))
                .map(|row| row.from.as_str())
                .collect();
            let oldest = row.architectures.first().is_some_and(|first| !version_at_least(&plain, first));
            let unknown = with.is_empty() || (newest && !oldest);
            let message =
                format!("CUDA {version} is not known to compile for compute capability {capability}");
            let help = match (with.first(), with.last()) {
                (Some(first), Some(last)) if rows.last().is_some_and(|row| row.from == *last) => {
                    format!("CUDA {first} and newer compile for {plain}")
                }
                (Some(first), Some(last)) => {
                    let next =
                        rows.iter().find(|row| version_at_least(&row.from, last) && row.from != **last);
                    let end = next.map_or(String::new(), |row| format!(", but no longer by {}", row.from));
                    format!("CUDA {first} and newer compile for {plain}{end}")
                }
                _ => format!("it compiles for {}", row.architectures.join(", ")),
            };
            self.add(if unknown { Certainty::Unknown } else { Certainty::Wrong }, "cuda.arch", message, help);
        }
    }
}
