//! Words of a line, and what is wrong with them, in a form that points at the place.

use std::fmt;

/// Which kind of mistake (section 4 of the simulation document).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the texts are in `text`")]
pub enum FaultCode {
    Encoding = 1,
    Token = 2,
    Verb = 3,
    Option = 4,
    Value = 5,
    Host = 6,
    Parts = 7,
    Label = 8,
    TooEarly = 9,
    TooLate = 10,
    NoNodes = 11,
    Twice = 12,
    Datagram = 13,
    Nobody = 14,
    NotReal = 15,
    Impossible = 16,
}

/// A mistake in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub code: FaultCode,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// How many characters are meant.
    pub length: usize,
    /// What is wrong.
    pub text: String,
    /// The line as it stands.
    pub source: String,
}

impl Fault {
    /// The three lines that a person gets.
    #[must_use]
    pub fn show(&self, file: &str) -> String {
        let number = self.line.to_string();
        let code = self.code as u8;
        let margin = " ".repeat(number.len());
        let before = " ".repeat(self.column.saturating_sub(1));
        let marks = "^".repeat(self.length.max(1));
        format!(
            "{file}:{}:{}: SCN-{code:02} {}\n  {number} | {}\n  {margin} | {before}{marks}",
            self.line, self.column, self.text, self.source
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show("scenario"))
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything without blanks.
    Word,
    /// Between quotes, without them.
    Text,
    /// One of `[ ] , ; ->`.
    Sign,
}

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) column: usize,
}

impl Token {
    pub(super) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

/// Cuts a line into tokens; a comment ends it.
///
/// # Errors
/// The column of a text without its second quote.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, usize> {
    let letters: Vec<char> = line.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let column = at + 1;
        match letter {
            '#' => break,
            _ if letter.is_whitespace() => at += 1,
            '"' => {
                let (text, end) = quoted(&letters, at + 1).ok_or(column)?;
                found.push(Token { kind: Kind::Text, text, column });
                at = end;
            }
            '[' | ']' | ',' | ';' => {
                found.push(Token { kind: Kind::Sign, text: letter.to_string(), column });
                at += 1;
            }
            _ => {
                let is_end = |c: &char| c.is_whitespace() || matches!(c, '[' | ']' | ',' | ';' | '"' | '#');
                let length = letters.iter().skip(at).position(is_end).unwrap_or(letters.len() - at);
                let text: String = letters.iter().skip(at).take(length).collect();
                let kind = if text == "->" { Kind::Sign } else { Kind::Word };
                found.push(Token { kind, text, column });
                at += length;
            }
        }
    }
    Ok(found)
}

fn quoted(letters: &[char], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    loop {
        match letters.get(at)? {
            '"' => return Some((text, at + 1)),
            '\\' => {
                text.push(*letters.get(at + 1)?);
                at += 2;
            }
            letter => {
                text.push(*letter);
                at += 1;
            }
        }
    }
}

/// The nearest of the words that may stand at a place, if one is near: distance of Damerau and Levenshtein (the
/// restricted one) up to a third of the length, and at least two.
pub(super) fn nearest<'a>(word: &str, legal: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(2);
    legal
        .into_iter()
        .map(|other| (distance(word, other), other))
        .filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, other)| other)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(x != y)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_blanks_signs_and_quotes_and_ends_at_a_comment() {
        let words: Vec<String> = tokens(r#"at 1m30s n1..n3 say "a \"b\" # c" as M ; heal # end"#)
            .unwrap()
            .into_iter()
            .map(|token| token.text)
            .collect();
        assert_eq!(words, ["at", "1m30s", "n1..n3", "say", "a \"b\" # c", "as", "M", ";", "heal"]);
        assert_eq!(tokens("say \"open"), Err(5));
    }

    #[test]
    fn the_nearest_word_is_found_over_a_swap_and_a_stranger_is_not() {
        assert_eq!(nearest("splt", ["split", "slow"]), Some("split"));
        assert_eq!(nearest("haela", ["heal", "kill"]), Some("heal"));
        assert_eq!(nearest("frobnicate", ["heal", "kill"]), None);
    }
}
