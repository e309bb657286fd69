//! `{source:NAME}` in the options of a component: the tree of a source beside its own.

use super::{Component, OptionValue};
use crate::SourceName;

const BEGIN: &str = "{source:";
const END: char = '}';

/// The words that stand for the tree of a source.
pub fn tree_of(source: &SourceName) -> String {
    format!("{BEGIN}{source}{END}")
}

/// The sources that a text names.
fn named_in(text: &str) -> impl Iterator<Item = SourceName> {
    text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END)).map(|(name, _)| SourceName::new(name))
}

/// Whether a text has the beginning of such words.
pub(super) fn is_begun_in(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Whether one of them has no end.
pub(super) fn is_open_in(text: &str) -> bool {
    text.split(BEGIN).skip(1).any(|rest| !rest.contains(END))
}

impl OptionValue {
    /// The texts in it: one, those of a list, or none.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(list) => list,
            Self::Switch(_) | Self::Number(_) => &[],
        }
    }

    /// [`OptionValue::texts`], to be changed.
    pub fn texts_mut(&mut self) -> &mut [String] {
        match self {
            Self::Text(text) => std::slice::from_mut(text),
            Self::List(list) => list,
            Self::Switch(_) | Self::Number(_) => &mut [],
        }
    }

    /// The sources that it names.
    pub fn sources(&self) -> impl Iterator<Item = SourceName> {
        self.texts().iter().flat_map(|text| named_in(text))
    }
}

impl Component {
    /// The sources that its options name, each once.
    pub fn sources_of_options(&self) -> Vec<SourceName> {
        let mut found: Vec<SourceName> = self.options.values().flat_map(OptionValue::sources).collect();
        found.sort();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_in_texts_and_lists() {
        let component: Component = ::toml::from_str(
            "[options]\nA = '{source:one}/modules'\nB = ['{source}/x', '{source:two}/a;{source:one}/b', '{source:open']\nC = true\n",
        )
        .unwrap();
        assert_eq!(component.sources_of_options(), ["one".into(), "two".into()]);
        assert!("{source:one}/modules".starts_with(&tree_of(&"one".into())));
    }
}
