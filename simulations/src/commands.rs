//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use coterie_simulations::plan::{Size, draw};
use coterie_simulations::report::{failure_text, line_text, verdict_text};
use coterie_simulations::{Keep, Memo, Options, Outcome, Scenario, Verdict, World};

use crate::{bugs, campaign, door, folding, gate, speed};

/// Rehearse a group's disasters in virtual time.
#[derive(Parser)]
#[command(name = "coterie-sim", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one scenario file.
    Run(Run),
    /// Run the plans of many seeds.
    Sweep(Sweep),
    /// Run a seed or a file again, twice, and compare.
    Replay(Replay),
    /// Make a failing story small.
    Shrink(Shrink),
    /// Print the plan of a seed, or look at a recorded run.
    Show(Show),
    /// Tables and a page from the JSON of sweeps.
    Report(Report),
    /// Two sweeps side by side.
    Compare(Compare),
    /// How long after a split of a large group every message is everywhere.
    Gate(gate::Gate),
    /// How fast it is.
    Speed(speed::Speed),
    /// Break the core on purpose, and see whether anybody notices.
    Bugs(bugs::Bugs),
    /// Fold membership operations from JSON, or draw some: to compare implementations.
    Fold(folding::Fold),
}

/// How runs are carried out.
#[derive(Args, Clone, Copy)]
pub(crate) struct How {
    /// Check every signature every time.
    #[arg(long)]
    no_memo: bool,
}

#[derive(Args)]
struct Run {
    /// The scenario.
    file: PathBuf,
    /// Another seed than the file's.
    #[arg(long, value_parser = door::seed)]
    seed: Option<u64>,
    /// Write the page of the run here.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Write every line as JSON here.
    #[arg(long)]
    jsonl: Option<PathBuf>,
    /// Every line of the trace.
    #[arg(short, long)]
    verbose: bool,
    /// Only the verdict.
    #[arg(short, long)]
    quiet: bool,
    /// Run it once for every commit of this host and each kind of crash there (INV-D4).
    #[arg(long, value_name = "HOST")]
    crash_every_commit: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
pub(crate) struct Sweep {
    /// The first seed.
    #[arg(long, visible_alias = "from", default_value = "1", value_parser = door::seed)]
    pub(crate) start: u64,
    /// How many seeds.
    #[arg(long, visible_alias = "seeds")]
    pub(crate) count: Option<u64>,
    /// How long, in seconds.
    #[arg(long, visible_alias = "time")]
    pub(crate) seconds: Option<u64>,
    #[command(flatten)]
    pub(crate) groups: Groups,
    /// Fail (17) when something that a campaign must have met was never met.
    #[arg(long)]
    pub(crate) require_marks: bool,
    /// One JSON object, last, on the standard output; or into a file.
    #[arg(long, num_args = 0..=1, default_missing_value = "-", value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the figures of the campaign here, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) headline: Option<PathBuf>,
    /// Where failing stories are kept.
    #[arg(long, default_value = "target/coterie-sim")]
    pub(crate) failures: PathBuf,
    /// Go on after a failure.
    #[arg(long)]
    pub(crate) keep_going: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Args)]
struct Replay {
    /// The seed of a sweep.
    #[arg(long, value_parser = door::seed, required_unless_present = "file")]
    seed: Option<u64>,
    /// A scenario file.
    file: Option<PathBuf>,
    #[command(flatten)]
    groups: Groups,
    /// Write the page of the run here.
    #[arg(long)]
    html: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct Shrink {
    /// A scenario file that fails.
    #[arg(required_unless_present = "seed")]
    file: Option<PathBuf>,
    /// The seed of a sweep that fails.
    #[arg(long, value_parser = door::seed)]
    seed: Option<u64>,
    #[command(flatten)]
    groups: Groups,
    /// Most runs.
    #[arg(long, default_value = "200")]
    runs: u32,
    /// Write the small story here.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct Show {
    /// The seed whose plan is printed.
    #[arg(long, value_parser = door::seed)]
    plan: Option<u64>,
    #[command(flatten)]
    groups: Groups,
    /// A recorded run.
    file: Option<PathBuf>,
    /// Only lines about this host, by its number in the trace.
    #[arg(long)]
    host: Option<u16>,
    /// Only lines with this word.
    #[arg(long)]
    grep: Option<String>,
    /// A second recorded run: the first difference is shown.
    #[arg(long)]
    diff: Option<PathBuf>,
}

#[derive(Args)]
struct Report {
    /// JSON of sweeps.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write a page here.
    #[arg(long)]
    html: Option<PathBuf>,
}

#[derive(Args)]
struct Compare {
    /// The sweep to compare with.
    base: PathBuf,
    /// The newer sweep.
    new: PathBuf,
}

/// Which groups a campaign draws.
#[derive(Args, Clone, Copy)]
pub(crate) struct Groups {
    /// Groups of up to 100 too.
    #[arg(long)]
    pub(crate) large: bool,
    /// Groups of this size only.
    #[arg(long, conflicts_with = "large", value_parser = clap::value_parser!(u16).range(2..=99))]
    pub(crate) nodes: Option<u16>,
}

impl Groups {
    pub(crate) const fn size(self) -> Size {
        match (self.nodes, self.large) {
            (Some(nodes), _) => Size::Of(nodes),
            (None, true) => Size::Any,
            (None, false) => Size::Small,
        }
    }

    /// As they are written on the command line.
    pub(crate) fn words(self) -> String {
        match (self.nodes, self.large) {
            (Some(nodes), _) => format!(" --nodes {nodes}"),
            (None, true) => " --large".into(),
            (None, false) => String::new(),
        }
    }
}

impl How {
    pub(crate) const fn options(self, keep: Keep) -> Options {
        Options { keep, memo: if self.no_memo { Memo::Off } else { Memo::On } }
    }
}

/// The exit code of a verdict.
pub(crate) fn exit_code(verdict: &Verdict) -> u8 {
    let Verdict::Failed(violation) = verdict else { return 0 };
    if violation.text.starts_with("panic") {
        return 15;
    }
    match violation.id.strip_prefix("INV-").and_then(|rest| rest.chars().next()) {
        Some('D') => 11,
        Some('C') => 12,
        Some('L') => 13,
        Some(_) => 10,
        None => 14,
    }
}

/// Carries out a command; gives the exit code.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let outcome = match &arguments.command {
        Command::Run(command) => run_file(command),
        Command::Sweep(command) => campaign::sweep(command),
        Command::Replay(command) => replay(command),
        Command::Shrink(command) => shrink(command),
        Command::Show(command) => show(command),
        Command::Report(command) => campaign::report(&command.files, command.html.as_deref()),
        Command::Gate(command) => gate::gate(command),
        Command::Speed(command) => speed::speed(command),
        Command::Bugs(command) => bugs::bugs(command),
        Command::Fold(command) => folding::fold(command),
        Command::Compare(command) => campaign::compare(&command.base, &command.new),
    };
    outcome.unwrap_or_else(|text| {
        door::complain(&text);
        2
    })
}

fn load(path: &Path) -> Result<Scenario, String> {
    let text = door::read(path)?;
    let file = path.display().to_string();
    Scenario::parse(&text).map_err(|faults| faults.iter().map(|fault| fault.show(&file)).collect::<Vec<_>>().join("\n"))
}

fn run_file(command: &Run) -> Result<u8, String> {
    let mut scenario = load(&command.file)?;
    scenario.seed = command.seed.unwrap_or(scenario.seed);
    if let Some(host) = &command.crash_every_commit {
        return campaign::crash_every_commit(&scenario, host, command.how);
    }
    let keep =
        if command.html.is_some() || command.jsonl.is_some() || command.verbose { Keep::All } else { Keep::Newest };
    let (world, outcome) = live(&scenario, command.how.options(keep));
    if command.verbose {
        door::say("  sim time      event  host    kind     what");
        world.trace.lines().for_each(|line| door::say(&line_text(&scenario, line)));
    }
    tell(&scenario, &world, &outcome, if command.quiet { Words::Few } else { Words::Many });
    let code = exit_code(&outcome.verdict);
    if let Some(path) = &command.jsonl {
        door::write(path, &coterie_simulations::report::jsonl(&scenario, &world, &outcome))?;
    }
    let page = command.html.clone().unwrap_or_else(|| {
        let name = command.file.file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned());
        Path::new("target/coterie-sim").join(name).with_extension("html")
    });
    if command.html.is_some() || !command.quiet {
        let (world, outcome) =
            if keep == Keep::All { (world, outcome) } else { live(&scenario, command.how.options(Keep::All)) };
        door::write(&page, &coterie_simulations::report::page(&scenario, &world, &outcome))?;
        door::say(&format!("timeline: {}", page.display()));
    }
    Ok(code)
}

pub(crate) fn live(scenario: &Scenario, options: Options) -> (World, Outcome) {
    let mut world = World::new(scenario.clone(), options);
    let outcome = world.run();
    (world, outcome)
}

/// How much is told of a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Few,
    Many,
}

fn tell(scenario: &Scenario, world: &World, outcome: &Outcome, words: Words) {
    if let Verdict::Failed(violation) = &outcome.verdict {
        if words == Words::Many {
            let newest: Vec<_> = world.trace.lines().rev().take(20).collect();
            newest.into_iter().rev().for_each(|line| door::say(&line_text(scenario, line)));
        }
        door::say(&failure_text(scenario, violation));
    }
    door::say(&verdict_text(scenario, outcome));
}

fn replay(command: &Replay) -> Result<u8, String> {
    let scenario = match (&command.file, command.seed) {
        (Some(path), _) => load(path)?,
        (None, Some(seed)) => draw(seed, command.groups.size()),
        (None, None) => return Err("a seed or a file".into()),
    };
    let (world, outcome) = live(&scenario, command.how.options(Keep::All));
    let (again, _) = live(&scenario, command.how.options(Keep::All));
    if world.trace.hash() != again.trace.hash() {
        let pairs = world.trace.lines().zip(again.trace.lines());
        if let Some((one, other)) = pairs.into_iter().find(|(one, other)| one != other) {
            door::say(&line_text(&scenario, one));
            door::say(&line_text(&scenario, other));
        }
        door::complain("the same story gave two traces");
        return Ok(16);
    }
    tell(&scenario, &world, &outcome, Words::Many);
    if let Some(path) = &command.html {
        door::write(path, &coterie_simulations::report::page(&scenario, &world, &outcome))?;
    }
    Ok(exit_code(&outcome.verdict))
}

fn shrink(command: &Shrink) -> Result<u8, String> {
    let scenario = match (&command.file, command.seed) {
        (Some(path), _) => load(path)?,
        (None, Some(seed)) => draw(seed, command.groups.size()),
        (None, None) => return Err("a seed or a file".into()),
    };
    let mut tell = |runs: u32, acts: usize| door::progress(&format!("{runs} runs, {acts} actions left"));
    match coterie_simulations::shrink::shrink(&scenario, command.runs, &mut tell) {
        None => {
            door::say("the story goes well: nothing to shrink");
            Ok(0)
        }
        Some(small) => {
            door::progress("");
            let text = small.to_text();
            match &command.out {
                Some(path) => door::write(path, &text)?,
                None => door::say(&text),
            }
            door::say(&failure_text(&small.scenario, &small.violation));
            Ok(exit_code(&Verdict::Failed(small.violation)))
        }
    }
}

fn show(command: &Show) -> Result<u8, String> {
    if let Some(seed) = command.plan {
        door::say(draw(seed, command.groups.size()).to_text().trim_end());
        return Ok(0);
    }
    let Some(path) = &command.file else { return Err("a seed after --plan, or a recorded run".into()) };
    let lines = recorded(path)?;
    if let Some(other) = &command.diff {
        let others = recorded(other)?;
        let at = lines.iter().zip(&others).position(|(one, other)| one != other);
        let at = at.unwrap_or_else(|| lines.len().min(others.len()));
        if at == lines.len() && at == others.len() {
            door::say("equal");
            return Ok(0);
        }
        door::say(&format!("first difference at line {at}:\n{:?}\n{:?}", lines.get(at), others.get(at)));
        return Ok(16);
    }
    let is_meant = |line: &&coterie_simulations::trace::Line| {
        command.host.is_none_or(|host| line.host == Some(host) || line.to == Some(host))
            && command.grep.as_ref().is_none_or(|word| line.what.contains(word) || line.kind.contains(word))
    };
    let naming = Scenario::quiet("", 0, 128);
    lines.iter().filter(is_meant).for_each(|line| door::say(&line_text(&naming, line)));
    Ok(0)
}

fn recorded(path: &Path) -> Result<Vec<coterie_simulations::trace::Line>, String> {
    let text = door::read(path)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
