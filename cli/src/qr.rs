//! The short link, or what two people compare, as a QR code in the terminal: half blocks, black on white, with its quiet zone (QR-1, QR-2).

use qrcode::{Color, EcLevel, QrCode, Version};

/// Modules of quiet zone on each side.
const QUIET: i32 = 4;

/// The code, 21 rows of 41 columns; nothing if the text isn't a short link. Colours are set explicitly: an inverted
/// code on a dark theme doesn't scan.
#[must_use]
pub fn draw(short_link: &str) -> Option<String> {
    Some(coloured(cells(short_link)?))
}

/// Any other text that a code can hold, as large as it takes. At the lowest level of correction: a screen has no stains, and
/// what two people compare then takes 23 rows, so that it stands whole on a terminal of 24.
#[must_use]
pub fn draw_text(text: &str) -> Option<String> {
    Some(coloured(rows(&QrCode::with_error_correction_level(text, EcLevel::L).ok()?)))
}

fn coloured(rows: Vec<String>) -> String {
    let coloured = |row: String| format!("\u{1b}[30;47m{row}\u{1b}[0m");
    rows.into_iter().map(coloured).collect::<Vec<_>>().join("\n")
}

/// Its rows without colours: whoever draws them sets black on white.
#[must_use]
pub fn cells(short_link: &str) -> Option<Vec<String>> {
    Some(rows(&QrCode::with_version(short_link, Version::Normal(4), EcLevel::M).ok()?))
}

fn rows(code: &QrCode) -> Vec<String> {
    let modules = i32::try_from(code.width()).unwrap_or_default();
    let colors = code.to_colors();
    let dark = |x: i32, y: i32| {
        let inside = (0..modules).contains(&x) && (0..modules).contains(&y);
        inside && usize::try_from(y * modules + x).ok().and_then(|at| colors.get(at)) == Some(&Color::Dark)
    };
    let mut rows = Vec::new();
    for y in (-QUIET..modules + QUIET).step_by(2) {
        let cells: String = (-QUIET..modules + QUIET)
            .map(|x| match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        rows.push(cells);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qr_01_a_short_link_is_exactly_version_4_at_level_m() {
        let link = "COTERIE:J/KVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKWMZTGMZTGMZTGMZTGMZTGMZTGMIFD";
        let code = QrCode::with_error_correction_level(link, EcLevel::M).unwrap();
        assert_eq!(code.version(), Version::Normal(4));
        let drawn = draw(link).unwrap();
        assert_eq!(drawn.lines().count(), 21);
        assert!(drawn.lines().all(|row| row.chars().count() == 41 + "\u{1b}[30;47m\u{1b}[0m".len()));
    }

    /// Half blocks back to modules: what a camera sees is the code, all of it, with four light modules around it.
    #[test]
    fn e_96_what_two_people_compare_is_drawn_module_by_module_and_fits_a_terminal_of_24_lines() {
        let text = format!("COTERIE:V/{}", "0123456789ABCDEF".repeat(8));
        let code = QrCode::with_error_correction_level(&text, EcLevel::L).unwrap();
        let width = i32::try_from(code.width()).unwrap();
        let drawn = draw_text(&text).unwrap();
        let rows: Vec<Vec<char>> = drawn
            .lines()
            .map(|row| row.strip_prefix("\u{1b}[30;47m").unwrap().strip_suffix("\u{1b}[0m").unwrap().chars().collect())
            .collect();
        assert!(rows.len() <= 23, "{} rows", rows.len());
        let is_dark = |x: i32, y: i32| {
            let cell = rows[usize::try_from((y + QUIET) / 2).unwrap()][usize::try_from(x + QUIET).unwrap()];
            let upper = (y + QUIET) % 2 == 0;
            cell == '█' || cell == if upper { '▀' } else { '▄' }
        };
        let colors = code.to_colors();
        for y in -QUIET..width + QUIET {
            for x in -QUIET..width + QUIET {
                let inside = (0..width).contains(&x) && (0..width).contains(&y);
                let expected = inside && colors[usize::try_from(y * width + x).unwrap()] == Color::Dark;
                assert_eq!(is_dark(x, y), expected, "module {x}, {y}");
            }
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_not_drawn() {
        assert_eq!(draw(&"X".repeat(91)), None);
    }
}
