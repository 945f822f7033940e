//! Makes text of other people safe for a terminal: whatever they wrote, no ESC byte and no invisible trick reaches it.

/// Combining marks in a row that are shown; a "zalgo" flood is cut there.
const COMBINING_MAX: usize = 4;

/// One line: control, bidirectional and invisible characters become visible or go; nothing is lost silently but marks
/// beyond the fourth in a row.
#[must_use]
pub fn line(text: &str) -> String {
    clean(text, ' ')
}

/// Several lines: line breaks stay, everything else as in [`line()`]; later lines are indented.
#[must_use]
pub fn block(text: &str, indent: usize) -> String {
    let gap = format!("\n{}", " ".repeat(indent));
    text.split('\n').map(|part| clean(part, ' ')).collect::<Vec<_>>().join(&gap)
}

fn clean(text: &str, break_as: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_combining(c) { marks + 1 } else { 0 };
        match c {
            '\n' | '\t' => out.push(break_as),
            _ if is_hidden(c) => out.push('\u{fffd}'),
            _ if marks > COMBINING_MAX => {}
            _ => out.push(c),
        }
    }
    out
}

/// Control characters (C0, DEL, C1), direction overrides, separators that break lines, and invisible fillers.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// For a path: each byte as `%XX` (RFC 3986, section 2.1).
#[must_use]
pub fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut path, byte| {
        // Writing to a string cannot fail.
        let _ = write!(path, "%{byte:02X}");
        path
    })
}

/// Columns that a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Filled with spaces to `columns`, or cut with an ellipsis.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let cut = width(text) > columns;
    for c in text.chars() {
        let next = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + next > columns.saturating_sub(usize::from(cut)) {
            break;
        }
        out.push(c);
        used += next;
    }
    if cut && columns > 0 {
        out.push('…');
        used += 1;
    }
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_control_byte_ever_reaches_the_terminal(text in ".*") {
            prop_assert!(line(&text).chars().all(|c| !c.is_control() && !is_hidden(c)));
            prop_assert!(block(&text, 2).chars().all(|c| c == '\n' || !c.is_control()));
        }

        #[test]
        fn padding_gives_exactly_the_columns(text in "[a-zé漢🙂 ]{0,40}", columns in 0_usize..30) {
            let safe = line(&text);
            prop_assert!(width(&pad(&safe, columns)) <= columns);
        }
    }

    #[test]
    fn ordinary_words_stay_as_they_are() {
        for text in ["@name #x is plain text", "naïve café — “quotes”", "漢字 🙂 العربية"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn tricks_become_visible() {
        assert_eq!(line("a\u{1b}[31mred"), "a\u{fffd}[31mred");
        assert_eq!(line("gpj.\u{202e}exe"), "gpj.\u{fffd}exe");
        assert_eq!(line(&format!("a{}", "\u{301}".repeat(50))).chars().count(), 5);
    }
}
