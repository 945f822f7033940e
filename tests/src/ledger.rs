//! Who writes while the world ends, and what they were promised: the writers note each text that the node said it keeps,
//! and afterwards each must be there, once, word for word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::socket::Socket;

/// Bytes of the texts, in turn: short ones, and ones that fill pages of the store.
const SIZES: [usize; 6] = [24, 300, 60, 2_000, 120, 12_000];

/// What was said in one group.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    /// What a writer began to say.
    tried: BTreeSet<String>,
    /// What the node said it keeps.
    promised: BTreeSet<String>,
}

/// What is wrong with a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discrepancies {
    /// Promised and not there.
    pub lost: Vec<String>,
    /// There more than once.
    pub doubled: Vec<String>,
    /// Said by nobody.
    pub foreign: Vec<String>,
}

impl Discrepancies {
    /// Whether everything is as promised.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.foreign.is_empty()
    }
}

impl Ledger {
    fn with<T>(&self, act: impl FnOnce(&mut Entries) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says a text through `socket` and notes whether it was promised.
    #[must_use]
    pub fn say(&self, socket: &Socket, group: &str, text: &str) -> bool {
        let _ = self.with(|entries| entries.tried.insert(text.to_owned()));
        let promised = socket.say(group, text);
        if promised {
            let _ = self.with(|entries| entries.promised.insert(text.to_owned()));
        }
        promised
    }

    /// How many texts were promised so far.
    #[must_use]
    pub fn promised(&self) -> usize {
        self.with(|entries| entries.promised.len())
    }

    /// Holds a timeline against what was promised.
    #[must_use]
    pub fn compare(&self, texts: &[String]) -> Discrepancies {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        texts.iter().for_each(|text| *seen.entry(text).or_default() += 1);
        self.with(|entries| Discrepancies {
            lost: entries.promised.iter().filter(|text| !seen.contains_key(text.as_str())).cloned().collect(),
            doubled: seen.iter().filter(|(_, count)| **count > 1).map(|(text, _)| (*text).to_owned()).collect(),
            foreign: seen
                .keys()
                .filter(|text| !entries.tried.contains(**text))
                .map(|text| (*text).to_owned())
                .collect(),
        })
    }
}

/// Writers at work.
pub struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Writers {
    /// So many people write at once into one node until told to stop; `label` makes their words their own.
    #[must_use]
    pub fn begin(count: usize, socket: &Socket, group: &str, ledger: &Ledger, label: &str) -> Self {
        Self::with_sizes(count, (socket, group), ledger, label, &SIZES)
    }

    /// The same with texts of ordinary length.
    #[must_use]
    pub fn chatting(count: usize, socket: &Socket, group: &str, ledger: &Ledger, label: &str) -> Self {
        Self::with_sizes(count, (socket, group), ledger, label, &[80, 30, 200, 60])
    }

    fn with_sizes(
        count: usize,
        (socket, group): (&Socket, &str),
        ledger: &Ledger,
        label: &str,
        sizes: &'static [usize],
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|writer| {
                let (stop, socket, ledger) = (Arc::clone(&stop), socket.clone(), ledger.clone());
                let (group, label) = (group.to_owned(), label.to_owned());
                std::thread::spawn(move || {
                    let mut written = 0_u64;
                    for number in 0_usize.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let text =
                            padded(&format!("{label} w{writer} n{number}"), sizes[(number + writer) % sizes.len()]);
                        if ledger.say(&socket, &group, &text) {
                            written += 1;
                        } else {
                            // Dead, full or cut off: a writer that hammers on would only take the machine's time.
                            crate::let_pass(std::time::Duration::from_millis(2));
                        }
                    }
                    written
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// They finish the sentence; gives how many texts were promised.
    #[must_use]
    pub fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    }
}

/// A text that begins with its name and has one of the sizes.
#[must_use]
pub fn words(name: &str, number: usize) -> String {
    padded(name, SIZES[number % SIZES.len()])
}

fn padded(name: &str, size: usize) -> String {
    let mut text = format!("{name} ");
    while text.len() < size {
        text.push_str("all the boats are in ");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_or_foreign_is_found() {
        let ledger = Ledger::default();
        ledger.with(|entries| {
            for text in ["kept", "lost", "twice"] {
                entries.tried.insert(text.to_owned());
                entries.promised.insert(text.to_owned());
            }
            entries.tried.insert("on the way".to_owned());
        });
        let seen: Vec<String> = ["kept", "twice", "twice", "who said that", "on the way"].map(str::to_owned).into();
        let found = ledger.compare(&seen);
        assert_eq!(
            (found.lost, found.doubled, found.foreign),
            (vec!["lost".to_owned()], vec!["twice".to_owned()], vec!["who said that".to_owned()])
        );
    }

    #[test]
    fn texts_have_their_names_in_front_and_differ_in_size() {
        let sizes: Vec<usize> = (0..SIZES.len()).map(|number| words("w1 n1", number).len()).collect();
        assert!(sizes.iter().max() > Some(&11_000) && sizes.iter().min() < Some(&60), "{sizes:?}");
        assert!(words("w1 n1", 3).starts_with("w1 n1 "));
    }
}
