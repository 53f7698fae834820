//! What waits for what: the arithmetic under graph, union and tasks.

use std::collections::{BTreeMap, BTreeSet};

/// Keys, and for each the keys that come before it.
///
/// Everything is ordered by key, so that equal graphs give equal orders.
#[derive(Debug, Clone)]
pub(super) struct Dag<K> {
    after: BTreeMap<K, BTreeSet<K>>,
}

impl<K: Ord + Clone> Dag<K> {
    pub(super) fn new(keys: impl IntoIterator<Item = K>) -> Self {
        Self { after: keys.into_iter().map(|key| (key, BTreeSet::new())).collect() }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.after.keys()
    }

    /// What comes right before `key`.
    pub(super) fn after(&self, key: &K) -> impl Iterator<Item = &K> {
        self.after.get(key).into_iter().flatten()
    }

    /// Lets `key` wait for `first`.
    pub(super) fn wait(&mut self, key: &K, first: &K) {
        self.after.entry(key.clone()).or_default().insert(first.clone());
    }

    /// Lets `key` wait for `first`, unless `first` waits for `key` already.
    pub(super) fn wait_unless_circular(&mut self, key: &K, first: &K) {
        if !self.waits(first, key) {
            self.wait(key, first);
        }
    }

    /// Whether `key` is `first`, or waits for it, directly or not.
    fn waits(&self, key: &K, first: &K) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![key];
        while let Some(next) = open.pop() {
            if next == first {
                return true;
            }
            if seen.insert(next) {
                open.extend(self.after(next));
            }
        }
        false
    }

    /// The part that comes before `last`, with it.
    pub(super) fn up_to(&self, last: &K) -> Self {
        let keys = self.keys().filter(|key| self.waits(last, key));
        Self { after: keys.map(|key| (key.clone(), self.after(key).cloned().collect())).collect() }
    }

    /// Whether `key` waits for one of `firsts`, directly or not.
    pub(super) fn waits_for_any(&self, key: &K, firsts: &[&K]) -> bool {
        firsts.iter().any(|first| self.waits(key, first))
    }

    /// Every key after what it waits for; the error is a circle, its first key repeated at the end.
    pub(super) fn order(&self) -> Result<Vec<K>, Vec<K>> {
        let mut order = Vec::new();
        let mut done = BTreeSet::new();
        for key in self.after.keys() {
            self.visit(key, &mut Vec::new(), &mut done, &mut order)?;
        }
        Ok(order)
    }

    fn visit(&self, key: &K, path: &mut Vec<K>, done: &mut BTreeSet<K>, order: &mut Vec<K>) -> Result<(), Vec<K>> {
        if done.contains(key) {
            return Ok(());
        }
        if let Some(start) = path.iter().position(|k| k == key) {
            return Err(path.iter().skip(start).chain([key]).cloned().collect());
        }
        path.push(key.clone());
        for first in self.after(key) {
            self.visit(first, path, done, order)?;
        }
        path.pop();
        done.insert(key.clone());
        order.push(key.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn dag(edges: &[(&'static str, &'static str)]) -> Dag<&'static str> {
        let mut dag = Dag::new(edges.iter().flat_map(|(a, b)| [*a, *b]));
        for (key, first) in edges {
            dag.wait(key, first);
        }
        dag
    }

    #[test]
    fn everything_comes_after_what_it_waits_for() {
        assert_eq!(dag(&[("a", "z"), ("z", "m"), ("a", "m")]).order(), Ok(vec!["m", "z", "a"]));
    }

    #[test]
    fn a_circle_is_named_from_its_first_to_its_first() {
        assert_eq!(dag(&[("a", "b"), ("b", "c"), ("c", "b")]).order(), Err(vec!["b", "c", "b"]));
        assert_eq!(dag(&[("a", "a")]).order(), Err(vec!["a", "a"]));
    }

    #[test]
    fn what_comes_before_a_key_is_a_part() {
        let part = dag(&[("a", "b"), ("b", "c"), ("x", "c"), ("y", "a")]).up_to(&"b");
        assert_eq!(part.order(), Ok(vec!["c", "b"]));
        assert!(part.waits_for_any(&"b", &[&"x", &"c"]) && !part.waits_for_any(&"c", &[&"b"]));
    }

    #[test]
    fn an_edge_that_would_close_a_circle_is_left_out() {
        let mut dag = dag(&[("a", "b"), ("b", "c")]);
        dag.wait_unless_circular(&"c", &"a");
        dag.wait_unless_circular(&"c", &"c");
        dag.wait_unless_circular(&"a", &"c");
        assert_eq!(dag.after(&"c").count(), 0);
        assert_eq!(dag.after(&"a").collect::<Vec<_>>(), [&"b", &"c"]);
    }
}
