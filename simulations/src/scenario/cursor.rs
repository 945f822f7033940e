//! Reading the tokens of one line: hosts, times, numbers, options.

use super::lexer::{Fault, FaultCode, Kind, Token, nearest};
use super::names::Who;
use crate::network::HostId;

/// How many hosts of each kind there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Census {
    pub(super) nodes: u16,
    pub(super) outsiders: u16,
}

impl Census {
    pub(super) fn all(self) -> Vec<HostId> {
        (0..self.nodes + self.outsiders).collect()
    }
}

/// A place in a line.
pub(super) struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
    line: usize,
    source: &'a str,
    census: Census,
}

/// What reading gives.
pub(super) type Read<T> = Result<T, Fault>;

impl<'a> Cursor<'a> {
    pub(super) const fn new(tokens: &'a [Token], line: usize, source: &'a str, census: Census) -> Self {
        Self { tokens, at: 0, line, source, census }
    }

    pub(super) const fn census(&self) -> Census {
        self.census
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    /// Whether the action or line ends here.
    pub(super) fn is_end(&self) -> bool {
        self.peek().is_none_or(|token| token.is(";"))
    }

    pub(super) fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Takes the next token if it is this one.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_it = self.peek().is_some_and(|token| token.is(text));
        self.at += usize::from(is_it);
        is_it
    }

    /// A mistake at the next token.
    pub(super) fn fault(&self, code: FaultCode, text: impl Into<String>) -> Fault {
        self.fault_at(self.at, code, text)
    }

    /// A mistake at the token before.
    pub(super) fn fault_before(&self, code: FaultCode, text: impl Into<String>) -> Fault {
        self.fault_at(self.at.saturating_sub(1), code, text)
    }

    fn fault_at(&self, at: usize, code: FaultCode, text: impl Into<String>) -> Fault {
        let end = self.tokens.last().map_or(1, |token| token.column + token.text.chars().count());
        let token = self.tokens.get(at);
        let column = token.map_or(end, |token| token.column);
        let length = token.map_or(1, |token| token.text.chars().count());
        Fault { code, line: self.line, column, length, text: text.into(), source: self.source.to_owned() }
    }

    /// A mistake that may be a slip for one of these.
    pub(super) fn slip(&self, code: FaultCode, what: &str, legal: &[&'static str]) -> Fault {
        let word = self.tokens.get(self.at.saturating_sub(1)).map_or("", |token| token.text.as_str());
        let text = match nearest(word, legal.iter().copied()) {
            Some(near) => format!("unknown {what} \"{word}\"; did you mean \"{near}\"?"),
            None => format!("unknown {what} \"{word}\"; one of: {}", legal.join(", ")),
        };
        self.fault_before(code, text)
    }

    pub(super) fn word(&mut self, what: &str) -> Read<&'a str> {
        match self.peek() {
            Some(token) if token.kind == Kind::Word => {
                self.at += 1;
                Ok(&token.text)
            }
            _ => Err(self.fault(FaultCode::Token, format!("expected {what}"))),
        }
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let token = self.peek().filter(|token| token.kind == Kind::Text)?;
        self.at += 1;
        Some(token.text.clone())
    }

    pub(super) fn name(&mut self) -> Read<String> {
        let word = self.word("a name")?;
        let is_name = word.len() <= 32
            && word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if is_name {
            Ok(word.into())
        } else {
            Err(self.fault_before(FaultCode::Value, "a name: a letter, then letters, digits, - and _"))
        }
    }

    pub(super) fn number(&mut self, low: u64, high: u64) -> Read<u64> {
        let word = self.word("a number")?;
        self.number_of(word, low, high)
    }

    pub(super) fn number_of(&self, word: &str, low: u64, high: u64) -> Read<u64> {
        number(word)
            .filter(|value| (low..=high).contains(value))
            .ok_or_else(|| self.fault_before(FaultCode::Value, format!("\"{word}\" is no number from {low} to {high}")))
    }

    pub(super) fn time(&mut self) -> Read<u64> {
        let word = self.word("a time such as 1m30s")?;
        self.time_of(word)
    }

    pub(super) fn time_of(&self, word: &str) -> Read<u64> {
        time_us(word).ok_or_else(|| {
            self.fault_before(FaultCode::Value, format!("\"{word}\" is no time such as 500ms, 30s or 1m30s"))
        })
    }

    /// One host.
    pub(super) fn host(&mut self) -> Read<HostId> {
        let word = self.word("a host")?;
        self.host_of(word)
    }

    fn host_of(&self, word: &str) -> Read<HostId> {
        let Census { nodes, outsiders } = self.census;
        let unknown = || {
            let x = if outsiders > 0 { format!(" and x1..x{outsiders}") } else { String::new() };
            self.fault_before(FaultCode::Host, format!("unknown host \"{word}\"; there are n1..n{nodes}{x}"))
        };
        let (kind, digits) = word.split_at_checked(1).ok_or_else(unknown)?;
        let number: u16 = digits.parse().map_err(|_| unknown())?;
        match kind {
            "n" if (1..=nodes).contains(&number) => Ok(number - 1),
            "x" if (1..=outsiders).contains(&number) => Ok(nodes + number - 1),
            _ => Err(unknown()),
        }
    }

    fn hosts_of(&self, word: &str) -> Read<Vec<HostId>> {
        if word == "all" {
            return Ok(self.census.all());
        }
        match word.split_once("..") {
            None => Ok(vec![self.host_of(word)?]),
            Some((from, to)) => {
                let (from, to) = (self.host_of(from)?, self.host_of(to)?);
                if from > to {
                    return Err(self.fault_before(FaultCode::Nobody, format!("\"{word}\" is empty")));
                }
                Ok((from..=to).collect())
            }
        }
    }

    /// `n1`, `n1..n3`, `all`, or several in brackets.
    pub(super) fn hosts(&mut self) -> Read<Vec<HostId>> {
        if !self.take("[") {
            let word = self.word("hosts")?;
            return self.hosts_of(word);
        }
        let mut hosts = Vec::new();
        loop {
            let word = self.word("hosts")?;
            hosts.extend(self.hosts_of(word)?);
            if self.take("]") {
                return Ok(hosts);
            }
            if !self.take(",") {
                return Err(self.fault(FaultCode::Token, "expected , or ]"));
            }
        }
    }

    /// Hosts, or `members`, `admins`, `any 3`.
    pub(super) fn who(&mut self) -> Read<Who> {
        if self.take("members") {
            return Ok(Who::Members);
        }
        if self.take("admins") {
            return Ok(Who::Admins);
        }
        if self.take("any") {
            let count = self.peek().and_then(|token| number(&token.text)).and_then(|count| u16::try_from(count).ok());
            self.at += usize::from(count.is_some());
            return Ok(Who::Any(count.unwrap_or(1)));
        }
        self.hosts().map(Who::Hosts)
    }

    /// Whether hosts or one of the words for them could begin here.
    pub(super) fn is_at_hosts(&self) -> bool {
        self.peek().is_some_and(|token| {
            let is_numbered = |word: &str| {
                let rest = word.strip_prefix(['n', 'x']).unwrap_or_default();
                rest.starts_with(|c: char| c.is_ascii_digit())
            };
            token.is("[")
                || (token.kind == Kind::Word
                    && (is_numbered(&token.text)
                        || matches!(token.text.as_str(), "all" | "members" | "admins" | "any")))
        })
    }

    /// `key=value`, with further values behind commas.
    pub(super) fn option(&mut self) -> Option<(&'a str, Vec<&'a str>)> {
        let (key, first) = self.peek().filter(|token| token.kind == Kind::Word)?.text.split_once('=')?;
        self.at += 1;
        let mut values = vec![first];
        while self.peek().is_some_and(|token| token.is(",")) {
            let Some(value) = self.tokens.get(self.at + 1) else { break };
            values.push(&value.text);
            self.at += 2;
        }
        Some((key, values))
    }

    pub(super) fn hosts_of_values(&self, values: &[&str]) -> Read<Vec<HostId>> {
        let mut hosts = Vec::new();
        for value in values {
            hosts.extend(self.hosts_of(value)?);
        }
        hosts.sort_unstable();
        hosts.dedup();
        Ok(hosts)
    }

    /// The line must end here.
    pub(super) fn end(&self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(token) if token.is(";") => Ok(()),
            Some(token) => Err(self.fault(FaultCode::Token, format!("unexpected \"{}\"", token.text))),
        }
    }
}

/// Decimal or `0x` hex, `_` anywhere.
pub(super) fn number(word: &str) -> Option<u64> {
    let plain = word.replace('_', "");
    match plain.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => plain.parse().ok(),
    }
}

/// `1m30s` in µs.
pub(super) fn time_us(word: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] = [
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
        ("d", 86_400_000_000),
        ("w", 604_800_000_000),
    ];
    let mut rest = word;
    let mut sum = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at_checked(letters)?;
        let (_, us) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(count.parse::<u64>().ok()?.checked_mul(*us)?)?;
        rest = after;
    }
    Some(sum)
}

/// A time as the language writes it.
pub(super) fn time_text(us: u64) -> String {
    const UNITS: [(u64, &str); 5] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut ms = us / 1_000;
    let mut text = String::new();
    for (size, unit) in UNITS {
        if ms >= size {
            text.push_str(&format!("{}{unit}", ms / size));
            ms %= size;
        }
    }
    if text.is_empty() { "0ms".into() } else { text }
}

/// `2.5%` as parts of a million.
pub(super) fn percent_ppm(word: &str) -> Option<u32> {
    let bare = word.strip_suffix('%')?;
    let (whole, part) = bare.split_once('.').unwrap_or((bare, ""));
    if part.len() > 3 {
        return None;
    }
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    let ppm = whole.parse::<u32>().ok()?.checked_mul(10_000)?.checked_add(part * 10)?;
    (ppm <= 1_000_000).then_some(ppm)
}

/// Parts of a million as the language writes them.
pub(super) fn percent_text(ppm: u32) -> String {
    let text = format!("{}.{:03}", ppm / 10_000, ppm % 10_000 / 10);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `20kB` in bytes.
pub(super) fn size_bytes(word: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] = [("KiB", 1_024), ("MiB", 1_048_576), ("kB", 1_000), ("MB", 1_000_000), ("B", 1)];
    let (unit, size) = UNITS.iter().find(|(unit, _)| word.ends_with(unit))?;
    word.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*size)
}

/// `20kB/s` in bytes a second.
pub(super) fn rate(word: &str) -> Option<u64> {
    size_bytes(word.strip_suffix("/s")?).filter(|rate| *rate > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_written_alike() {
        assert_eq!(time_us("1m30s"), Some(90_000_000));
        assert_eq!(time_us("2w"), Some(1_209_600_000_000));
        assert_eq!((time_us("30"), time_us("s"), time_us("")), (None, None, None));
        for us in [0, 250_000, 90_000_000, 86_400_000_000] {
            assert_eq!(time_us(&time_text(us)), Some(us));
        }
        assert_eq!((percent_ppm("2.5%"), percent_ppm("101%")), (Some(25_000), None));
        assert_eq!(percent_ppm(&percent_text(123_450)), Some(123_450));
        assert_eq!((size_bytes("4KiB"), rate("2kB/s"), rate("0B/s")), (Some(4_096), Some(2_000), None));
        assert_eq!((number("0xff"), number("1_000"), number("x")), (Some(255), Some(1_000), None));
    }
}
