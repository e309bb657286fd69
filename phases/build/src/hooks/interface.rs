//! What a recipe may leave to code.

use engine::planning::PlanError;
use model::case::{Check, OptionValue, XmakeSettings};
use model::plan::Expectation;

use crate::built::Additions;
use crate::subject::Subject;

/// What data cannot say of a component. Each method is used by more than one recipe: what one alone needs is a key of its
/// file, or lies behind these.
pub trait Hooks: Sync {
    /// Options that follow from where things lie. The case's own stand over them. The subject has those of the case and the
    /// recipe.
    fn options(&self, _subject: &Subject<'_>) -> Vec<(String, OptionValue)> {
        Vec::new()
    }

    /// Driver `xmake`: settings that follow from where things lie. The case's own stand over them.
    ///
    /// # Errors
    /// When the case lacks what it has to say.
    fn xmake(&self, _subject: &Subject<'_>) -> Result<XmakeSettings, PlanError> {
        Ok(XmakeSettings::default())
    }

    /// What the configured tree must show, beyond what the driver expects.
    fn expectations(&self, _subject: &Subject<'_>) -> Vec<Expectation> {
        Vec::new()
    }

    /// What is added to the commands of the driver.
    ///
    /// # Errors
    /// When the case asks for what cannot be done.
    fn additions(&self, _subject: &Subject<'_>) -> Result<Additions, PlanError> {
        Ok(Additions::default())
    }

    /// How it is seen that it works once it is installed.
    fn checks(&self, _subject: &Subject<'_>) -> Vec<Check> {
        Vec::new()
    }

    /// What the user should know before it is built.
    fn notes(&self, _subject: &Subject<'_>) -> Vec<String> {
        Vec::new()
    }
}
