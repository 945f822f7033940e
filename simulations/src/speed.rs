//! How fast it is, in three figures, on one core (SIM-21), by processor time where the system tells it.

use clap::Args;
use coterie_simulations::plan::{Size, draw};
use coterie_simulations::{Options, Scenario, Stage, Verdict, World};

use crate::door;

#[derive(Args)]
pub(crate) struct Speed {
    /// Hosts of the large group.
    #[arg(long, default_value = "100")]
    nodes: u16,
    /// Seconds of the busy group's life.
    #[arg(long, default_value = "60")]
    busy: u64,
    /// Seconds of the idle group's life.
    #[arg(long, default_value = "600")]
    idle: u64,
    /// Seeds of ten hosts.
    #[arg(long, default_value = "20")]
    seeds: u64,
}

/// What a story took between its first and its last act.
struct Took {
    events: u64,
    real_ms: u64,
}

/// Prints the figures and what is aimed at.
pub(crate) fn speed(command: &Speed) -> Result<u8, String> {
    let Speed { nodes, busy, idle, seeds } = *command;
    if busy > 0 {
        let story = format!(
            "seed 1\nnodes {nodes}\ntie shuffle\nlink all latency=50ms jitter=10ms\nat 1s n1 say every {nodes}s for {busy}s\n"
        );
        let mut story = parse(&story)?;
        spread(&mut story, busy);
        let took = told(&story)?;
        let per_second = took.events.saturating_mul(1_000) / took.real_ms.max(1);
        door::say(&format!(
            "busy: {nodes} hosts, 1 message a second for {busy} s, oracle on: {} events in {} ms, {per_second} events/s (aim 300000)",
            took.events, took.real_ms
        ));
    }
    if idle > 0 {
        let took = told(&parse(&format!("seed 1\nnodes {nodes}\nat {idle}s heal\n"))?)?;
        let thousandths = idle.saturating_mul(1_000_000) / 3_600 / took.real_ms.max(1) * 1_000 / 1_000;
        door::say(&format!(
            "idle: {nodes} hosts for {idle} s: {} events in {} ms, {}.{:03} simulated hours a second (aim 2)",
            took.events,
            took.real_ms,
            thousandths / 1_000,
            thousandths % 1_000
        ));
    }
    if seeds > 0 {
        let watch = door::Effort::start();
        let mut events = 0;
        for seed in 1..=seeds {
            events += World::new(draw(seed, Size::Of(10)), Options::default()).run().events;
        }
        let hundredths = seeds.saturating_mul(100_000) / watch.ms().max(1);
        door::say(&format!(
            "seeds of ten hosts: {seeds} in {} ms, {}.{:02} a second, {} events/s (aim 50)",
            watch.ms(),
            hundredths / 100,
            hundredths % 100,
            events * 1_000 / watch.ms().max(1)
        ));
    }
    Ok(0)
}

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(text).map_err(|faults| faults.iter().map(|fault| fault.show("speed")).collect())
}

/// One message a second, by everybody in turn.
fn spread(story: &mut Scenario, seconds: u64) {
    use coterie_simulations::scenario::{Act, Pace, Timed, Who};
    story.timed.clear();
    for second in 0..seconds {
        let host = u16::try_from(second % u64::from(story.nodes)).unwrap_or(0);
        let who = Who::Hosts(vec![host]);
        let act = Act::Say { who, text: None, pace: Pace::default(), size: None, label: None };
        story.timed.push(Timed { at_us: (second + 1) * 1_000_000, line: 0, act });
    }
}

fn told(story: &Scenario) -> Result<Took, String> {
    let watch = door::Effort::start();
    let mut at = (0, 0);
    let mut took = Took { events: 0, real_ms: 0 };
    let outcome = World::new(story.clone(), Options::default()).run_watched(&mut |stage, events| match stage {
        Stage::Seated => at = (events, watch.ms()),
        Stage::Told => took = Took { events: events - at.0, real_ms: watch.ms() - at.1 },
    });
    match outcome.verdict {
        Verdict::Good => Ok(took),
        Verdict::Failed(violation) => Err(format!("{}: {}", violation.id, violation.text)),
    }
}
