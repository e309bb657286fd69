//! What happens when a child reaches for the network: it is told at once, and the child is ended if it goes on.

use std::time::{Duration, Instant};

use crate::wire::Leak;

/// How often a resolver that tells names only on request is asked for them.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Gets each leak.
pub type Tell = Box<dyn FnMut(&Leak) + Send>;

/// What is known of a child's leaks.
#[derive(Default)]
pub(crate) struct LeakWatch {
    pub(crate) tell: Option<Tell>,
    /// For how long it may go on after the first leak; none: to its end.
    grace: Option<Duration>,
    deadline: Option<Instant>,
    asked: Option<Instant>,
    /// Its time was over.
    pub(crate) ended: bool,
}

impl LeakWatch {
    pub(crate) fn new(grace: Option<Duration>) -> Self {
        Self { grace, ..Self::default() }
    }

    /// Takes note of a leak.
    pub(crate) fn seen(&mut self, leak: &Leak) {
        if let Some(tell) = &mut self.tell {
            tell(leak);
        }
        // The clock starts with the first.
        self.deadline = self.deadline.or_else(|| Instant::now().checked_add(self.grace?));
    }

    /// After which time there is something to do, whatever the child does.
    pub(crate) fn look_again(&self, asks_for_names: bool) -> Option<Duration> {
        let deadline = self.deadline.filter(|_| !self.ended);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let ask = asks_for_names.then_some(ASK_AGAIN);
        [left, ask].into_iter().flatten().min()
    }

    /// Whether the resolver is to be asked again.
    pub(crate) fn names_are_due(&mut self) -> bool {
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if due {
            self.asked = Some(Instant::now());
        }
        due
    }

    /// Whether its time is over. True once.
    pub(crate) fn is_over(&mut self) -> bool {
        let over = !self.ended && self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.ended |= over;
        over
    }
}
