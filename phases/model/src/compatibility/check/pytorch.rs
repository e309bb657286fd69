//! PyTorch with its companions, CUDA and Python.

use super::release::{begins_with, index_tag, major, minor};
use super::{Asked, Certainty, Checker};
use crate::case::cuda_tag;
use crate::catalog::version_at_least;
use crate::compatibility::{PytorchRow, table};

impl Checker<'_> {
    pub(super) fn pytorch(&mut self) {
        let Some(Asked { key, version: torch }) = self.asked("torch") else { return };
        let (key, torch) = (key.as_str(), torch.as_str());
        let rows = &table().pytorch;
        let Some(row) = rows.iter().find(|row| begins_with(torch, &row.torch)) else {
            let known: Vec<&str> = rows.iter().map(|row| row.torch.as_str()).collect();
            let message = format!("nothing is known about torch {torch} and its companions");
            return self.add(Certainty::Unknown, key, message, format!("known: {}", known.join(", ")));
        };
        self.torch_cuda(key, torch, row);
        self.torch_python(key, torch, row);
        for (name, wanted) in [("torchvision", &row.torchvision), ("torchaudio", &row.torchaudio)] {
            let Some(asked) = self.asked(name).filter(|asked| !begins_with(&asked.version, wanted)) else {
                continue;
            };
            let message = format!("{name} {} is not compatible with torch {torch}", asked.version);
            let help = format!("torch {} needs {name} {wanted}", row.torch);
            self.add(Certainty::Wrong, &asked.key, message, help);
        }
        if let Some(below) = &row.numpy_below {
            // What the case leaves open is held below by `deps`: see `numpy_limit`.
            self.numpy(&format!("torch {torch}"), below, Certainty::Wrong, false);
        }
    }

    fn torch_cuda(&mut self, asked: &str, torch: &str, row: &PytorchRow) {
        let case = self.stack.case;
        let index = case.pytorch.as_ref().and_then(|pytorch| index_tag(pytorch.index_url.as_deref()?));
        let label = cuda_tag(torch);
        if let (Some(label), Some(index)) = (&label, &index) {
            if label != index {
                let message =
                    format!("torch {torch} is for CUDA {label}, but this index is for CUDA {index}");
                let help = "write the same toolkit in both".to_owned();
                return self.add(Certainty::Wrong, "pytorch.index_url", message, help);
            }
        }
        let key = if label.is_none() && index.is_some() { "pytorch.index_url" } else { asked };
        let toolkit = case.cuda.as_ref().and_then(|cuda| cuda.version.as_deref());
        let image = case.base_image.as_deref().and_then(super::cuda::of_image);
        let built = row.cuda.join(", ");
        let others = |cuda: &str| {
            let rows = table().pytorch.iter().filter(|row| row.cuda.iter().any(|built| built == cuda));
            let known: Vec<&str> = rows.map(|row| row.torch.as_str()).collect();
            if known.is_empty() {
                String::new()
            } else {
                format!("; for CUDA {cuda} use torch {}", known.join(", "))
            }
        };
        if let Some(tag) = label.or(index) {
            if !row.cuda.contains(&tag) {
                let message = format!("torch {torch} was not built for CUDA {tag}");
                let help = format!("torch {} was built for CUDA {built}{}", row.torch, others(&tag));
                self.add(Certainty::Wrong, key, message, help);
            } else if let Some(toolkit) = toolkit.filter(|toolkit| !begins_with(toolkit, &tag)) {
                let message = format!("torch for CUDA {tag} with the toolkit of CUDA {toolkit}");
                let help =
                    format!("set cuda.version to {tag}; torch {} was built for CUDA {built}", row.torch);
                // torch.utils.cpp_extension refuses another major release and warns about another minor one.
                let verdict =
                    if major(toolkit) == major(&tag) { Certainty::Unknown } else { Certainty::Wrong };
                self.add(verdict, "cuda.version", message, help);
            } else if let Some(image) = image.filter(|image| toolkit.is_none() && *image != tag) {
                let message = format!("torch for CUDA {tag} on an image with CUDA {image}");
                let help = format!(
                    "use an image with CUDA {tag}, or a torch for CUDA {image}; torch {} was built for CUDA {built}",
                    row.torch
                );
                let verdict =
                    if major(&image) == major(&tag) { Certainty::Unknown } else { Certainty::Wrong };
                self.add(verdict, key, message, help);
            }
            return;
        }
        let Some(toolkit) = toolkit else { return };
        if row.cuda.iter().any(|built| begins_with(toolkit, built)) {
            return;
        }
        let message = format!("torch {torch} was not built for CUDA {toolkit}");
        let help = format!("torch {} was built for CUDA {built}{}", row.torch, others(&minor(toolkit)));
        let near = row.cuda.iter().any(|built| major(built) == major(toolkit));
        self.add(if near { Certainty::Unknown } else { Certainty::Wrong }, asked, message, help);
    }

    fn torch_python(&mut self, asked: &str, torch: &str, row: &PytorchRow) {
        let Some(python) = self.python() else { return };
        let (low, high) = &row.python;
        let version = minor(&python.version);
        if version_at_least(&version, low) && version_at_least(high, &version) {
            return;
        }
        let fits = |row: &&PytorchRow| {
            version_at_least(&version, &row.python.0) && version_at_least(&row.python.1, &version)
        };
        let others: Vec<&str> = table().pytorch.iter().filter(fits).map(|row| row.torch.as_str()).collect();
        let help = format!(
            "set python.version to one from {low} to {high}, or use torch for Python {version}: {}",
            if others.is_empty() { "none known".to_owned() } else { others.join(", ") }
        );
        match python.key {
            Some(key) => {
                let message = format!("torch {torch} has no build for Python {version}");
                self.add(Certainty::Wrong, key, message, help);
            }
            None => {
                let os = &self.stack.target.os;
                let message = format!(
                    "torch {torch} has no build for Python {version}, which is the python3 of {} {}",
                    os.id, os.version
                );
                self.add(Certainty::NotHere, asked, message, help);
            }
        }
    }
}
