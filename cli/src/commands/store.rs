//! `store`: what can be done for the records on the disk while no node has them open.

use coterie_node::daemon;
use serde_json::Value;

use super::node::{ask_passphrase, read_passphrase};
use crate::api::{Api, settings};
use crate::args::{Global, Store, Vacuum};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::text;

/// `store …`.
///
/// # Errors
/// A missing passphrase, or what the disk refuses.
pub fn run(global: &Global, output: &Output, verb: Store) -> Result<u8, Diagnostic> {
    match verb {
        Store::Vacuum(wanted) => vacuum(global, output, &wanted),
    }
}

fn vacuum(global: &Global, output: &Output, wanted: &Vacuum) -> Result<u8, Diagnostic> {
    let config = settings(global, &[])?;
    let passphrase = match wanted.passphrase_file.as_deref().map(read_passphrase).transpose()? {
        None if daemon::needs_passphrase(&config) => {
            Some(ask_passphrase(output, "coterie store vacuum --passphrase-file FILE")?)
        }
        given => given,
    };
    let done = daemon::vacuum(&config, passphrase).map_err(|problem| Api::explain(&problem))?;
    let done = serde_json::to_value(done).unwrap_or(Value::Null);
    output.object(&done, || {
        let mib = |key: &str| done[key].as_u64().unwrap_or_default().div_ceil(1 << 20);
        let told: Vec<String> =
            done["told"].as_array().into_iter().flatten().filter_map(Value::as_str).map(text::line).collect();
        let told = told.iter().map(|line| format!("\nnote: {line}")).collect::<String>();
        format!("The store takes {} MiB; before it took {} MiB.{told}", mib("after"), mib("before"))
    });
    Ok(0)
}
