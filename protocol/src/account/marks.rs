//! Whose key somebody has compared with its owner, face to face or by voice (E-96).
//!
//! A mark belongs to a key, not to a place in a group: it holds in every group, and it is worth nothing for another key
//! of the same name. It lies in the profile's record, so it outlives restarts and goes into backups.

use alloc::collections::BTreeMap;
use alloc::string::String;

use crate::ids::MemberKey;
use crate::limits;
use crate::wire::{DecodeError, Reader, Writer};

/// One compared key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    at_ms: u64,
    /// The name under which it was compared: another key under it is a loud event.
    name: String,
}

/// All compared keys of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(BTreeMap<MemberKey, Mark>);

impl Marks {
    /// Puts a mark; false if there are too many.
    #[must_use]
    pub(super) fn put(&mut self, key: MemberKey, (name, at_ms): (String, u64)) -> bool {
        let fits = self.0.len() < limits::MARKS_MAX || self.0.contains_key(&key);
        if fits {
            self.0.insert(key, Mark { at_ms, name });
        }
        fits
    }

    /// Takes a mark away; whether there was one.
    pub(super) fn take(&mut self, key: &MemberKey) -> bool {
        self.0.remove(key).is_some()
    }

    /// When this key was compared, ms since 1970.
    pub(super) fn at_ms(&self, key: &MemberKey) -> Option<u64> {
        self.0.get(key).map(|mark| mark.at_ms)
    }

    /// Whether this name was compared under another key, and this one was not.
    pub(super) fn is_other(&self, name: &str, key: &MemberKey) -> bool {
        !self.0.contains_key(key) && self.0.values().any(|mark| mark.name == name)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.array(self.0.len());
        for (key, mark) in &self.0 {
            to.array(3).bytes(key).uint(mark.at_ms).text(&mark.name);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut marks = BTreeMap::new();
        for _ in 0..from.array_up_to(limits::MARKS_MAX)? {
            from.array(3)?;
            let key = from.fixed()?;
            marks.insert(key, Mark { at_ms: from.uint()?, name: from.text(limits::NAME_BYTES_MAX)? });
        }
        Ok(Self(marks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn e_96_a_mark_is_worth_nothing_for_another_key_of_the_name() {
        let (ben, impostor) = (MemberKey([1; 32]), MemberKey([2; 32]));
        let mut marks = Marks::default();
        assert!(!marks.is_other("Ben", &ben), "a name that was never compared is no surprise");
        assert!(marks.put(ben, ("Ben".to_string(), 7)));
        assert_eq!((marks.at_ms(&ben), marks.at_ms(&impostor)), (Some(7), None));
        assert!(marks.is_other("Ben", &impostor) && !marks.is_other("Ben", &ben));
        let mut to = Writer::default();
        marks.write(&mut to);
        let bytes = to.into_bytes();
        assert_eq!(Marks::read(&mut Reader::new(&bytes)), Ok(marks.clone()));
        assert!(marks.take(&ben) && !marks.take(&ben));
        assert!(!marks.is_other("Ben", &impostor));
    }

    #[test]
    fn e_96_marks_are_bounded_and_fit_a_record() {
        let mut marks = Marks::default();
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&(number as u64).to_be_bytes());
            MemberKey(key)
        };
        let name = || "n".repeat(limits::NAME_BYTES_MAX);
        assert!((0..limits::MARKS_MAX).all(|number| marks.put(key(number), (name(), u64::from(u32::MAX)))));
        assert!(!marks.put(key(limits::MARKS_MAX), (name(), 0)) && marks.put(key(0), (name(), 0)));
        let mut to = Writer::default();
        marks.write(&mut to);
        assert!(to.into_bytes().len() + limits::NAME_BYTES_MAX + 16 < limits::VALUE_BYTES_MAX);
    }
}
