//! The order of things that need each other, and the circles in it.

use std::collections::BTreeSet;

/// All that can be reached from `starts`, each after what it needs; `needs` is asked once for each.
///
/// # Errors
/// What `needs` returns; and what `circle` makes of the things that need each other in a circle, the first of them being
/// the one that was reached again.
pub fn ordered<T: Copy + Ord, E>(
    starts: impl IntoIterator<Item = T>,
    mut needs: impl FnMut(T) -> Result<Vec<T>, E>,
    circle: impl FnOnce(&[T]) -> E,
) -> Result<Vec<T>, E> {
    let mut done = BTreeSet::new();
    let mut open = BTreeSet::new();
    let mut order = Vec::new();
    // What is open, each with those of its needs that were not looked at yet.
    let mut way: Vec<(T, std::vec::IntoIter<T>)> = Vec::new();
    for start in starts {
        if done.contains(&start) {
            continue;
        }
        open.insert(start);
        way.push((start, needs(start)?.into_iter()));
        while let Some((at, rest)) = way.last_mut() {
            let Some(need) = rest.next() else {
                open.remove(at);
                done.insert(*at);
                order.push(*at);
                way.pop();
                continue;
            };
            if done.contains(&need) {
                continue;
            }
            if !open.insert(need) {
                let round: Vec<T> = way.iter().map(|(at, _)| *at).skip_while(|at| *at != need).collect();
                return Err(circle(&round));
            }
            way.push((need, needs(need)?.into_iter()));
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(needs: &[&[usize]]) -> Result<Vec<usize>, Vec<usize>> {
        ordered(0..needs.len(), |at| Ok(needs[at].to_vec()), |circle| circle.to_vec())
    }

    #[test]
    fn each_comes_after_what_it_needs_and_else_as_it_stands() {
        assert_eq!(order(&[&[2], &[0], &[]]), Ok(vec![2, 0, 1]));
    }

    #[test]
    fn a_circle_begins_with_what_was_reached_again() {
        assert_eq!(order(&[&[1], &[2], &[1]]), Err(vec![1, 2]));
        assert_eq!(order(&[&[0]]), Err(vec![0]));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let all = 200_000;
        let chain = ordered([0], |at| Ok((at + 1 < all).then_some(at + 1).into_iter().collect()), |_| ());
        assert_eq!(chain.map(|order| order.len()), Ok(all));
    }
}
