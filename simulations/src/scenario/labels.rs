//! Names that a story gives to links, messages and images: each is defined once, before it is used.

use std::collections::BTreeMap;

use super::lexer::{Fault, FaultCode};
use super::{Act, Predicate, Scenario};

pub(super) fn check(scenario: &Scenario, source: &dyn Fn(usize) -> String) -> Vec<Fault> {
    let mut defined: BTreeMap<String, u64> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut fault = |line: usize, code, name: &str, text: String| {
        let source = source(line);
        let column = source.find(name).map_or(1, |at| source.get(..at).map_or(0, |before| before.chars().count()) + 1);
        faults.push(Fault { code, line, column, length: name.len().max(1), text, source });
    };
    for timed in &scenario.timed {
        for name in defines(&timed.act) {
            if defined.insert(name.clone(), timed.at_us).is_some() {
                fault(timed.line, FaultCode::Label, &name, format!("\"{name}\" is defined twice"));
            }
        }
    }
    for timed in &scenario.timed {
        let Some(name) = uses(&timed.act) else { continue };
        match defined.get(name) {
            None => fault(timed.line, FaultCode::Label, name, format!("nothing is called \"{name}\"")),
            Some(&at) if at > timed.at_us => {
                fault(timed.line, FaultCode::TooEarly, name, format!("\"{name}\" comes to be later"));
            }
            Some(_) => {}
        }
    }
    for expect in &scenario.expects {
        if let Predicate::Seen { label, .. } | Predicate::Unseen { label, .. } = &expect.predicate
            && !defined.contains_key(label)
        {
            fault(expect.line, FaultCode::Label, label, format!("nothing is called \"{label}\""));
        }
    }
    faults
}

fn defines(act: &Act) -> Vec<String> {
    match act {
        Act::Say { label: Some(label), pace, .. } => {
            let rounds = if pace.every_us > 0 { pace.for_us.div_ceil(pace.every_us).min(10_000) } else { 1 };
            let all = rounds * u64::from(pace.times.max(1));
            (1..=all).map(|number| if number == 1 { label.clone() } else { format!("{label}.{number}") }).collect()
        }
        Act::Invite { label: Some(label), links: 1, .. } | Act::Snapshot { label, .. } => vec![label.clone()],
        Act::Invite { label: Some(label), links, .. } => {
            (1..=*links).map(|number| format!("{label}.{number}")).collect()
        }
        _ => Vec::new(),
    }
}

fn uses(act: &Act) -> Option<&str> {
    match act {
        Act::Join { label, .. } | Act::Revoke { label, .. } | Act::Restore { label, .. } => Some(label),
        _ => None,
    }
}
