//! A run as one page: what happened, lane by lane, what was demanded, what was checked.
//!
//! One file, no script, no font or picture from elsewhere; it reads with styles alone and adapts to dark and light.
//! Scenario files and sweeps come from anybody, so every text of theirs is escaped, numbers and ids too.

use std::fmt::Write as _;

use super::{Sum, timeline};
use crate::oracle::Mark;
use crate::scenario::Scenario;
use crate::trace::clock_text;
use crate::world::{Outcome, Verdict, World, percentile_of};

/// The page of a run.
#[must_use]
pub fn page(scenario: &Scenario, world: &World, outcome: &Outcome) -> String {
    let (word, class, detail) = match &outcome.verdict {
        Verdict::Good => ("PASS", "good", good_text(scenario, outcome)),
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
    out.push_str(&timeline::figure(scenario, world, outcome));
    out.push_str(&story(scenario));
    out.push_str(&checks(outcome));
    let _ = write!(out, "<footer>seed {} · trace {}</footer></body></html>", scenario.seed, escape(&outcome.hash));
    out
}

fn good_text(scenario: &Scenario, outcome: &Outcome) -> String {
    let checks: u64 = outcome.checks.values().sum();
    let demands = scenario.expects.len();
    let hours = outcome.time_us / 3_600_000_000;
    let took = if hours > 0 { format!("{hours} hours") } else { format!("{} s", outcome.time_us / 1_000_000) };
    format!("{took} of this group's life: {checks} checks of invariants and {demands} demands of the story held")
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
        format!("<div><i class=\"{class}\"></i><b>{id}</b>{count}</div>")
    });
    format!("<section class=\"tiles checks\">{}</section>{}", cells.collect::<String>(), met(outcome))
}

fn met(outcome: &Outcome) -> String {
    let met = |mark: &Mark| outcome.marks.get(mark).copied().unwrap_or(0);
    let words = Mark::ALL.iter().filter(|mark| met(mark) > 0);
    let words: String =
        words.map(|mark| format!("<span>{} <b>{}</b></span>", mark.name().replace('_', " "), met(mark))).collect();
    if words.is_empty() { words } else { format!("<section class=\"met\"><h2>what this run met</h2>{words}</section>") }
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
    let faults: String =
        sum.faults.iter().map(|(name, count)| format!("<div><b>{count}</b>{}</div>", escape(name))).collect();
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

/// For text between tags and for values in double quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fbfaf8;--ink:#23211d;--dim:#8b867c;--line:#ddd8ce;--card:#fff;--good:#1d7f4e;--bad:#c22f2f;--dot:#2c6bd1;--said:#d08a1d}
@media(prefers-color-scheme:dark){:root{--bg:#16171a;--ink:#e8e6e1;--dim:#8d8a83;--line:#34363b;--card:#1e2024;--good:#4cc38a;--bad:#ff6b6b;--dot:#7aa8ff;--said:#f0b458}}
body{margin:0 auto;max-width:1180px;padding:28px 20px 60px;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{display:grid;grid-template-columns:auto 1fr;gap:2px 14px;align-items:center}header span{grid-row:span 2;padding:10px 16px;border-radius:10px;color:#fff;font-weight:700;letter-spacing:.06em}
header span.good{background:var(--good)}header span.bad{background:var(--bad)}h1{margin:0;font-size:22px;font-weight:650}header p{margin:0;color:var(--dim)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:10px;margin:22px 0}.tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 12px;color:var(--dim);font-size:12px}
.tiles b{display:block;color:var(--ink);font-size:18px;font-weight:620;font-variant-numeric:tabular-nums}.checks b{font-size:13px;display:inline;margin-right:6px}.checks i{display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:7px}.checks i.good{background:var(--good)}.checks i.bad{background:var(--bad)}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:10px 8px}figure.small{display:inline-block;width:340px;margin:6px}svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg .time{fill:var(--dim);font-size:10px}
.lane{stroke:var(--line)}.tick{stroke:var(--line);stroke-dasharray:2 4}.dot{fill:var(--dot)}.said{fill:var(--said)}.off{fill:var(--card);stroke:var(--dim);stroke-width:1.2}.crash{stroke:var(--bad);stroke-width:2;fill:none}
line.heal{stroke:var(--dim);stroke-dasharray:4 3}text.heal{fill:var(--dim)}line.agree{stroke:var(--good);stroke-width:2}text.agree{fill:var(--good);font-weight:650}line.fail{stroke:var(--bad);stroke-width:2}text.fail{fill:var(--bad);font-weight:650}
.traffic{fill:var(--dot);opacity:.28}.curve{fill:none;stroke:var(--dot);stroke-width:2}figcaption{color:var(--dim);font-size:12px;padding:6px 12px}.k{display:inline-block;width:10px;height:10px;border-radius:50%;margin:0 5px 0 14px;vertical-align:-1px}
.k.d{background:var(--dot)}.k.s{background:var(--said)}.k.c{background:var(--bad);border-radius:2px}.k.p{background:repeating-linear-gradient(45deg,hsl(212 70% 60% / .5) 0 2px,transparent 2px 5px);border-radius:2px}.k.o{border:1.2px solid var(--dim);border-radius:3px}.k.g{background:var(--good);width:3px;border-radius:0}
.band{opacity:.95}.bandlabel{fill:var(--dim);font-size:10px;font-style:italic}.way{fill:none;stroke-width:1.3;opacity:.75;marker-end:url(#tip)}.way.named{stroke:var(--said)}.way.slow{stroke:var(--bad);stroke-dasharray:5 3}.way.first{stroke:var(--dot)}.settle{fill:var(--good);opacity:.13}.alike{fill:var(--good);opacity:.5}.apart{fill:var(--said);opacity:.45}.whole{fill:color-mix(in srgb,var(--good) 50%,var(--card))}svg .onbar{font-size:10px}
.checks div{white-space:nowrap}.met{margin-top:6px}h2{font-size:15px;font-weight:650;margin:18px 0 8px}.met span{display:inline-block;margin:0 8px 8px 0;padding:3px 10px;border:1px solid var(--line);border-radius:99px;background:var(--card);color:var(--dim);font-size:12px}.met b{color:var(--ink);font-weight:620}
.k.a{background:none;border-radius:0;height:0;width:16px;border-top:2px solid var(--said);vertical-align:3px}.k.b{background:none;border-radius:0;height:0;width:16px;border-top:2px dashed var(--bad);vertical-align:3px}
.two{display:grid;grid-template-columns:2fr 1fr;gap:18px;margin-top:20px}summary{font-weight:650;cursor:pointer}table{border-collapse:collapse}td{padding:2px 12px 2px 0;vertical-align:top}td:first-child{color:var(--dim);font-variant-numeric:tabular-nums;white-space:nowrap}code{font:13px ui-monospace,monospace}ul{padding-left:18px}footer{margin-top:24px;color:var(--dim);font:12px ui-monospace,monospace;overflow-wrap:anywhere}pre{overflow:auto}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Failure;
    use crate::world::Options;

    const EVIL: &str = "<script>alert(1)</script>\"'&";

    #[test]
    fn sec_10_what_strangers_wrote_is_text_on_the_page_and_nothing_else() {
        let text = format!("scenario \"{}\"\nnodes 2\nat 1s n1 say \"{0}\" as m\n", EVIL.replace('"', "\\\""));
        let story = Scenario::parse(&text).unwrap_or_else(|faults| panic!("{}", faults[0]));
        let mut world = World::new(story.clone(), Options { keep: crate::Keep::All, ..Options::default() });
        let outcome = world.run();
        let page = page(&story, &world, &outcome);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        let mut sum = Sum::default();
        sum.faults.insert(EVIL.into(), 1);
        sum.failures.push(Failure { seed: 1, id: EVIL.into(), text: EVIL.into() });
        assert!(!sum_page(&sum).contains("<script"));
    }
}
