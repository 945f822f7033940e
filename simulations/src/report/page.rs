//! A run as one page: lanes, partitions, crashes, messages, and the moment when everybody agrees.
//!
//! One file, no script, no font or picture from elsewhere; it reads with styles alone and adapts to dark and light.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Sum;
use crate::scenario::{Act, Scenario};
use crate::trace::{Line, clock_text};
use crate::world::{Outcome, Verdict, World, percentile_of};

const WIDTH: u64 = 1_120;
const LEFT: u64 = 64;
const LANE: u64 = 26;
const TOP: u64 = 34;
/// Dots beyond this are merged by place.
const DOTS_MAX: usize = 6_000;
const HUES: [u16; 6] = [212, 24, 140, 285, 55, 340];

struct Frame<'a> {
    scenario: &'a Scenario,
    end_us: u64,
}

impl Frame<'_> {
    fn x(&self, t: u64) -> u64 {
        LEFT + (WIDTH - LEFT - 16).saturating_mul(t.min(self.end_us)) / self.end_us.max(1)
    }

    fn y(&self, host: u16) -> u64 {
        TOP + LANE * u64::from(host) + LANE / 2
    }

    fn bottom(&self) -> u64 {
        TOP + LANE * u64::from(self.scenario.host_count())
    }
}

/// The page of a run.
#[must_use]
pub fn page(scenario: &Scenario, world: &World, outcome: &Outcome) -> String {
    let lines: Vec<&Line> = world.trace.lines().filter(|line| line.t > 0).collect();
    let end_us = outcome.time_us.max(1);
    let frame = Frame { scenario, end_us };
    let (word, class, detail) = match &outcome.verdict {
        Verdict::Good => ("PASS", "good", "every invariant and every demand held".to_owned()),
        Verdict::Failed(violation) => ("FAIL", "bad", super::failure_text(scenario, violation)),
    };
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
    );
    let _ = write!(out, "<title>{}</title><style>{STYLE}</style></head><body>", escape(&scenario.name));
    let _ = write!(
        out,
        "<header><span class=\"{class}\">{word}</span><h1>{}</h1><p>{}</p></header>",
        escape(&scenario.name),
        escape(&detail)
    );
    out.push_str(&tiles(scenario, outcome));
    let _ = write!(
        out,
        "<figure><svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"timeline\">",
        frame.bottom() + 118
    );
    out.push_str(&hatches());
    out.push_str(&bands(&frame));
    out.push_str(&lanes(&frame));
    out.push_str(&downs(&frame, &lines));
    out.push_str(&dots(&frame, &lines));
    out.push_str(&marks(&frame, outcome));
    out.push_str(&traffic(&frame, &lines));
    out.push_str("</svg><figcaption><span class=\"k d\"></span>message shown <span class=\"k s\"></span>said <span class=\"k c\"></span>crash <span class=\"k p\"></span>paths cut, a colour for each side <span class=\"k o\"></span>off or asleep <span class=\"k g\"></span>everybody agrees</figcaption></figure>");
    out.push_str(&story(scenario));
    out.push_str(&checks(outcome));
    let _ = write!(out, "<footer>seed {} · trace {}</footer></body></html>", scenario.seed, outcome.hash);
    out
}

fn tiles(scenario: &Scenario, outcome: &Outcome) -> String {
    let seconds = |us: Option<u64>| {
        us.map_or_else(|| "–".into(), |us| format!("{}.{:01} s", us / 1_000_000, us % 1_000_000 / 100_000))
    };
    let p = |percent| format!("{} ms", percentile_of(&outcome.latencies_us, percent) / 1_000);
    let cells = [
        ("hosts", scenario.host_count().to_string()),
        ("messages", outcome.latencies_us.len().to_string()),
        ("T_msg", seconds(outcome.t_msg_us)),
        ("T_members", seconds(outcome.t_members_us)),
        ("latency p50", p(50)),
        ("latency p99", p(99)),
        ("frames", outcome.traffic.0.to_string()),
        ("sent", format!("{} kB", outcome.traffic.1 / 1_000)),
    ];
    let cells: String = cells.iter().map(|(name, value)| format!("<div><b>{value}</b>{name}</div>")).collect();
    format!("<section class=\"tiles\">{cells}</section>")
}

fn hatches() -> String {
    let one = |(index, hue): (usize, &u16)| {
        let turn = 45 + 30 * index;
        format!(
            "<pattern id=\"h{index}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate({turn})\"><rect width=\"6\" height=\"6\" fill=\"hsl({hue} 70% 60% / .16)\"/><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"hsl({hue} 70% 50% / .35)\" stroke-width=\"1.2\"/></pattern>"
        )
    };
    format!("<defs>{}</defs>", HUES.iter().enumerate().map(one).collect::<String>())
}

/// Times in which paths were cut, by side.
fn bands(frame: &Frame<'_>) -> String {
    let acts = &frame.scenario.timed;
    let heal_after = |at: u64| {
        let heal = acts.iter().find(|timed| timed.at_us > at && matches!(timed.act, Act::Heal(_) | Act::Split(_)));
        heal.map_or(frame.end_us, |timed| timed.at_us)
    };
    let mut out = String::new();
    for timed in acts {
        let (parts, until) = match &timed.act {
            Act::Split(parts) => (parts.clone(), heal_after(timed.at_us)),
            Act::Isolate(hosts) => (vec![hosts.clone()], heal_after(timed.at_us)),
            Act::Flap { hosts, for_us, .. } | Act::Swizzle { hosts, for_us } => {
                (vec![hosts.clone()], timed.at_us + for_us)
            }
            Act::Cut { from, to, .. } => (vec![from.clone(), to.clone()], heal_after(timed.at_us)),
            _ => continue,
        };
        let (x, end) = (frame.x(timed.at_us), frame.x(until));
        for (side, hosts) in parts.iter().enumerate() {
            for &host in hosts {
                let y = frame.y(host) - LANE / 2;
                let _ = write!(
                    out,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{LANE}\" fill=\"url(#h{})\"/>",
                    end.saturating_sub(x).max(1),
                    side % HUES.len()
                );
            }
        }
    }
    out
}

fn lanes(frame: &Frame<'_>) -> String {
    let mut out = String::new();
    for host in 0..frame.scenario.host_count() {
        let y = frame.y(host);
        let name = frame.scenario.host_name(host);
        let _ = write!(
            out,
            "<line class=\"lane\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
            WIDTH - 16,
            LEFT - 10,
            y + 4
        );
    }
    for tick in 0..=8_u64 {
        let t = frame.end_us / 8 * tick;
        let x = frame.x(t);
        let label = clock_text(t);
        let label = label.strip_prefix("00:").unwrap_or(&label);
        let label = label.split('.').next().unwrap_or_default();
        let _ = write!(
            out,
            "<line class=\"tick\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/><text class=\"time\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            TOP - 4,
            frame.bottom(),
            TOP - 12
        );
    }
    out
}

/// Machines that were off or asleep, and where they crashed.
fn downs(frame: &Frame<'_>, lines: &[&Line]) -> String {
    let mut since: BTreeMap<u16, u64> = BTreeMap::new();
    let mut out = String::new();
    let mut bar = |host: u16, from: u64, to: u64| {
        let (x, y) = (frame.x(from), frame.y(host) - 7);
        let width = frame.x(to).saturating_sub(x).max(2);
        let _ = write!(out, "<rect class=\"off\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"14\" rx=\"3\"/>");
    };
    let mut crosses = String::new();
    for line in lines {
        let Some(host) = line.host else { continue };
        match line.kind.as_str() {
            "crash" | "stop" | "pause" => {
                since.entry(host).or_insert(line.t);
                if line.kind == "crash" {
                    let (x, y) = (frame.x(line.t), frame.y(host));
                    let _ = write!(
                        crosses,
                        "<path class=\"crash\" d=\"M{} {}l8 8m0 -8l-8 8\"><title>{}</title></path>",
                        x.saturating_sub(4),
                        y - 4,
                        clock_text(line.t)
                    );
                }
            }
            "boot" | "resume" => {
                if let Some(from) = since.remove(&host) {
                    bar(host, from, line.t);
                }
            }
            _ => {}
        }
    }
    since.into_iter().for_each(|(host, from)| bar(host, from, frame.end_us));
    out + &crosses
}

fn dots(frame: &Frame<'_>, lines: &[&Line]) -> String {
    let mut places: BTreeMap<(u64, u16, bool), u32> = BTreeMap::new();
    for line in lines {
        let is_shown = line.kind == "event" && line.what.starts_with("message");
        let is_said = line.kind == "wish" && line.what.starts_with("say");
        if let Some(host) = line.host.filter(|_| is_shown || is_said) {
            *places.entry((frame.x(line.t), host, is_said)).or_default() += 1;
        }
    }
    let mut out = String::new();
    for ((x, host, is_said), count) in places.into_iter().take(DOTS_MAX) {
        let radius = if count > 4 { "3.4" } else { "2.2" };
        let class = if is_said { "said" } else { "dot" };
        let y = frame.y(host) - if is_said { 6 } else { 0 };
        let _ = write!(out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    }
    out
}

fn marks(frame: &Frame<'_>, outcome: &Outcome) -> String {
    let bottom = frame.bottom();
    let mut out = String::new();
    let mut line = |at: u64, class: &str, text: &str| {
        let x = frame.x(at);
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/><text class=\"{class}\" x=\"{}\" y=\"{}\">{text}</text>",
            TOP - 4,
            x + 4,
            bottom + 14
        );
    };
    if outcome.healed_us > 0 {
        line(outcome.healed_us, "heal", "healed");
    }
    if let Some(took) = outcome.t_msg_us {
        let text = format!("T_msg {}.{} s", took / 1_000_000, took % 1_000_000 / 100_000);
        line(outcome.healed_us + took, "agree", &text);
    }
    if let Verdict::Failed(violation) = &outcome.verdict {
        line(violation.story_us, "fail", &violation.id);
    }
    out
}

/// Bytes over time, below the lanes.
fn traffic(frame: &Frame<'_>, lines: &[&Line]) -> String {
    const BINS: u64 = 160;
    let mut bins = vec![0_u64; usize::try_from(BINS).unwrap_or(1)];
    for line in lines.iter().filter(|line| line.kind == "frame") {
        let bytes = line.what.rsplit(' ').nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        let bin = usize::try_from(line.t.saturating_mul(BINS - 1) / frame.end_us.max(1)).unwrap_or(0);
        if let Some(bin) = bins.get_mut(bin) {
            *bin += bytes;
        }
    }
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    let base = frame.bottom() + 104;
    let mut path = format!("M{LEFT} {base}");
    for (index, bytes) in bins.iter().enumerate() {
        let x = frame.x(frame.end_us * index as u64 / BINS);
        let _ = write!(path, "L{x} {}", base - 70 * bytes / most);
    }
    let _ = write!(path, "L{} {base}Z", WIDTH - 16);
    let per_second = most.saturating_mul(BINS).saturating_mul(1_000_000) / frame.end_us.max(1);
    format!(
        "<path class=\"traffic\" d=\"{path}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">bytes</text><text class=\"time\" x=\"{}\" y=\"{}\" text-anchor=\"end\">peak {per_second} B/s in all</text>",
        LEFT - 10,
        base,
        WIDTH - 16,
        base + 12
    )
}

fn story(scenario: &Scenario) -> String {
    let rows = scenario.timed.iter().map(|timed| {
        format!(
            "<tr><td>{}</td><td><code>{}</code></td></tr>",
            clock_text(timed.at_us),
            escape(&scenario.act_text(&timed.act))
        )
    });
    let demands = scenario
        .expects
        .iter()
        .map(|expect| format!("<li><code>{}</code></li>", escape(&scenario.expect_text(expect))));
    format!(
        "<section class=\"two\"><details open><summary>the story</summary><table>{}</table></details><details open><summary>what must hold</summary><ul>{}<li>every invariant below</li></ul></details></section>",
        rows.collect::<String>(),
        demands.collect::<String>()
    )
}

fn checks(outcome: &Outcome) -> String {
    let failed = match &outcome.verdict {
        Verdict::Failed(violation) => violation.id.as_str(),
        Verdict::Good => "",
    };
    let cells = outcome.checks.iter().map(|(id, count)| {
        let class = if *id == failed { "bad" } else { "good" };
        format!("<div><i class=\"{class}\"></i><b>{id}</b>{count} checks</div>")
    });
    format!("<section class=\"tiles checks\">{}</section>", cells.collect::<String>())
}

/// The page of a campaign.
#[must_use]
pub fn sum_page(sum: &Sum) -> String {
    let mut out =
        String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>campaign</title>");
    let (word, class) = if sum.failures.is_empty() { ("PASS", "good") } else { ("FAIL", "bad") };
    let _ = write!(
        out,
        "<style>{STYLE}</style></head><body><header><span class=\"{class}\">{word}</span><h1>{} seeds from {}</h1><p>{} simulated hours, {} events, {} violations</p></header>",
        sum.seeds,
        sum.start,
        sum.time_us / 3_600_000_000,
        sum.events,
        sum.failures.len()
    );
    let faults: String = sum.faults.iter().map(|(name, count)| format!("<div><b>{count}</b>{name}</div>")).collect();
    let _ = write!(out, "<section class=\"tiles\">{faults}</section>");
    for (nodes, sized) in &sum.sizes {
        for (name, values) in sized.rows() {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            out.push_str(&curve(&format!("{name}, {nodes} hosts"), &sorted));
        }
    }
    let _ = write!(out, "<pre>{}</pre></body></html>", escape(&sum.table()));
    out
}

/// A distribution: how much of all was done within which time.
fn curve(title: &str, sorted: &[u64]) -> String {
    if sorted.len() < 2 {
        return String::new();
    }
    let most = percentile_of(sorted, 99).max(1);
    let mut path = String::from("M40 120");
    for percent in 0..=100_u8 {
        let value = percentile_of(sorted, percent).min(most);
        let _ = write!(path, "L{} {}", 40 + 300 * value / most, 120 - u64::from(percent));
    }
    format!(
        "<figure class=\"small\"><svg viewBox=\"0 0 360 150\"><text x=\"40\" y=\"14\">{}</text><line class=\"lane\" x1=\"40\" y1=\"120\" x2=\"340\" y2=\"120\"/><path class=\"curve\" d=\"{path}\"/><text class=\"time\" x=\"40\" y=\"138\">0</text><text class=\"time\" x=\"340\" y=\"138\" text-anchor=\"end\">p99 {most} ms</text></svg></figure>",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fbfaf8;--ink:#23211d;--dim:#8b867c;--line:#ddd8ce;--card:#fff;--good:#1d7f4e;--bad:#c22f2f;--dot:#2c6bd1;--said:#d08a1d}
@media(prefers-color-scheme:dark){:root{--bg:#16171a;--ink:#e8e6e1;--dim:#8d8a83;--line:#34363b;--card:#1e2024;--good:#4cc38a;--bad:#ff6b6b;--dot:#7aa8ff;--said:#f0b458}}
body{margin:0 auto;max-width:1180px;padding:28px 20px 60px;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{display:grid;grid-template-columns:auto 1fr;gap:2px 14px;align-items:center}header span{grid-row:span 2;padding:10px 16px;border-radius:10px;color:#fff;font-weight:700;letter-spacing:.06em}
header span.good{background:var(--good)}header span.bad{background:var(--bad)}h1{margin:0;font-size:22px;font-weight:650}header p{margin:0;color:var(--dim)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(112px,1fr));gap:10px;margin:22px 0}.tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 12px;color:var(--dim);font-size:12px}
.tiles b{display:block;color:var(--ink);font-size:18px;font-weight:620;font-variant-numeric:tabular-nums}.checks b{font-size:13px;display:inline;margin-right:6px}.checks i{display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:7px}.checks i.good{background:var(--good)}.checks i.bad{background:var(--bad)}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:10px 8px}figure.small{display:inline-block;width:340px;margin:6px}svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg .time{fill:var(--dim);font-size:10px}
.lane{stroke:var(--line)}.tick{stroke:var(--line);stroke-dasharray:2 4}.dot{fill:var(--dot)}.said{fill:var(--said)}.off{fill:var(--card);stroke:var(--dim);stroke-width:1.2}.crash{stroke:var(--bad);stroke-width:2;fill:none}
line.heal{stroke:var(--dim);stroke-dasharray:4 3}text.heal{fill:var(--dim)}line.agree{stroke:var(--good);stroke-width:2}text.agree{fill:var(--good);font-weight:650}line.fail{stroke:var(--bad);stroke-width:2}text.fail{fill:var(--bad);font-weight:650}
.traffic{fill:var(--dot);opacity:.28}.curve{fill:none;stroke:var(--dot);stroke-width:2}figcaption{color:var(--dim);font-size:12px;padding:6px 12px}.k{display:inline-block;width:10px;height:10px;border-radius:50%;margin:0 5px 0 14px;vertical-align:-1px}
.k.d{background:var(--dot)}.k.s{background:var(--said)}.k.c{background:var(--bad);border-radius:2px}.k.p{background:repeating-linear-gradient(45deg,hsl(212 70% 60% / .5) 0 2px,transparent 2px 5px);border-radius:2px}.k.o{border:1.2px solid var(--dim);border-radius:3px}.k.g{background:var(--good);width:3px;border-radius:0}
.two{display:grid;grid-template-columns:2fr 1fr;gap:18px;margin-top:20px}summary{font-weight:650;cursor:pointer}table{border-collapse:collapse}td{padding:2px 12px 2px 0;vertical-align:top}td:first-child{color:var(--dim);font-variant-numeric:tabular-nums;white-space:nowrap}code{font:13px ui-monospace,monospace}ul{padding-left:18px}footer{margin-top:24px;color:var(--dim);font:12px ui-monospace,monospace;overflow-wrap:anywhere}pre{overflow:auto}
";
