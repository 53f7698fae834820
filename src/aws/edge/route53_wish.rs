//! What is wanted of a zone beside what is there: which records are ours, and what stands in the way.

use super::route53_set::{Data, Set};
use crate::deploy::StepError;

/// A set that should be there.
pub(super) struct Wish {
    pub set: Set,
    /// Which record of the spec it is of; `None` for a mark.
    pub of: Option<usize>,
    /// Name of the mark that says that it is ours; `None` for marks and proofs.
    pub mark: Option<String>,
}

/// What is there of that name and type.
pub(super) fn of<'a>(wish: &Wish, present: &'a [Set]) -> Option<&'a Set> {
    present.iter().find(|set| set.is_where(&wish.set))
}

/// Whether it is there as it should be. How long a mark or a proof is kept is nobody's concern.
pub(super) fn is_met(wish: &Wish, present: &[Set]) -> bool {
    of(wish, present).is_some_and(|is| wish.set.says_as(is) && (wish.mark.is_none() || wish.set.data == is.data))
}

/// Whether the mark of its name is there.
fn is_marked(wish: &Wish, wishes: &[Wish], present: &[Set]) -> bool {
    let Some(mark) = &wish.mark else { return false };
    wishes.iter().any(|other| other.of.is_none() && other.set.name == *mark && is_met(other, present))
}

/// Refuses to go on when something that is not ours stands where a record has to be.
pub(super) fn refuse_others(wishes: &[Wish], present: &[Set]) -> Result<(), StepError> {
    for wish in wishes {
        let barred = present.iter().find(|set| wish.set.is_barred_by(set));
        let other = of(wish, present).filter(|_| !is_met(wish, present) && !is_marked(wish, wishes, present));
        if let Some(other) = barred.or(other) {
            return Err(foreign(&wish.set, other));
        }
    }
    Ok(())
}

fn foreign(wanted: &Set, is: &Set) -> StepError {
    StepError::foreign_with(
        format!("make the record {} {}", wanted.name, wanted.kind),
        format!(
            "{} {} exists already, was not made by arqsite for this site, and is {}",
            is.name,
            is.kind,
            is.data.words().0
        ),
        "Remove it, or set `dns = \"manual\"` under [aws] in arq.toml to make the records yourself; \
         then run the same command.",
    )
}

/// Whether it was made by us and still says what we made it say.
pub(super) fn is_ours(is: &Set, wishes: &[Wish], present: &[Set]) -> bool {
    wishes.iter().any(|wish| {
        let said = match (&wish.set.data, &is.data) {
            // Without a distribution its host name is not known; the mark has to do.
            (Data::Alias(None), Data::Alias(Some(_))) => wish.set.is_where(is),
            _ => wish.set.says_as(is),
        };
        said && (wish.mark.is_none() || is_marked(wish, wishes, present))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MARK: &str = "_arqsite.shop.example";

    /// A mark and two addresses.
    fn wished(host: Option<&str>) -> Vec<Wish> {
        let mut wishes = vec![Wish { set: mark("production"), of: None, mark: None }];
        for (index, kind) in ["A", "AAAA"].into_iter().enumerate() {
            wishes.push(Wish { set: alias(kind, host), of: Some(index), mark: Some(MARK.into()) });
        }
        wishes
    }

    fn mark(stage: &str) -> Set {
        Set::of(MARK, "TXT", &format!("\"arqsite site=shop stage={stage}\""), 300)
    }

    fn alias(kind: &str, host: Option<&str>) -> Set {
        Set { name: "shop.example".into(), kind: kind.into(), data: Data::Alias(host.map(str::to_owned)) }
    }

    #[test]
    fn a_record_of_others_is_never_overwritten() {
        let wishes = wished(Some("d1"));
        let theirs = Set::of("shop.example", "A", "192.0.2.1", 60);
        let error = refuse_others(&wishes, std::slice::from_ref(&theirs)).unwrap_err();
        assert!(error.is_foreign() && error.chain().contains("192.0.2.1"), "{}", error.chain());
        assert!(error.hint.unwrap().contains("dns = \"manual\""));
        // Another stage's mark is no mark of ours.
        assert!(refuse_others(&wishes, &[mark("preview"), theirs.clone()]).unwrap_err().is_foreign());
        // With our mark it is drift.
        assert!(refuse_others(&wishes, &[mark("production"), theirs]).is_ok());
        // A CNAME bars the name all the same.
        let cname = Set::of("shop.example", "CNAME", "elsewhere.example", 60);
        assert!(refuse_others(&wishes, &[mark("production"), cname]).unwrap_err().is_foreign());
        // Without a distribution, no alias can be ours unless the name is.
        let unknown = wished(None);
        assert!(refuse_others(&unknown, &[alias("A", Some("d1"))]).is_err());
    }

    #[test]
    fn only_what_is_ours_is_deleted() {
        let wishes = wished(Some("d1"));
        let moved = [mark("production"), Set::of("shop.example", "A", "192.0.2.1", 60), alias("AAAA", Some("d1"))];
        let ours: Vec<_> = moved.iter().filter(|set| is_ours(set, &wishes, &moved)).map(|s| s.kind.as_str()).collect();
        assert_eq!(ours, ["TXT", "AAAA"]);
        let unmarked = [alias("A", Some("d1"))];
        assert!(!is_ours(&unmarked[0], &wishes, &unmarked));
        let unknown = wished(None);
        let left = [mark("production"), alias("A", Some("d1"))];
        assert!(left.iter().all(|set| is_ours(set, &unknown, &left)));
    }

    #[test]
    fn nobody_minds_how_long_a_proof_is_kept() {
        let set = |value: &str, ttl| Set::of("_a.shop.example", "CNAME", value, ttl);
        let wishes = [Wish { set: set("_v.acm", 300), of: Some(0), mark: None }];
        assert!(refuse_others(&wishes, &[set("_v.acm", 60)]).is_ok() && is_met(&wishes[0], &[set("_v.acm", 60)]));
        assert!(refuse_others(&wishes, &[set("_w.acm", 300)]).unwrap_err().is_foreign());
    }
}
