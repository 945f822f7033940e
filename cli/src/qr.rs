//! The short link as a QR code in the terminal: half blocks, black on white, with its quiet zone (QR-1, QR-2).

use qrcode::{Color, EcLevel, QrCode, Version};

/// Modules of quiet zone on each side.
const QUIET: i32 = 4;
/// Version 4 has 33 modules.
const MODULES: i32 = 33;

/// The code, 21 rows of 41 columns; nothing if the text isn't a short link. Colours are set explicitly: an inverted
/// code on a dark theme doesn't scan.
#[must_use]
pub fn draw(short_link: &str) -> Option<String> {
    let code = QrCode::with_version(short_link, Version::Normal(4), EcLevel::M).ok()?;
    let colors = code.to_colors();
    let dark = |x: i32, y: i32| {
        let inside = (0..MODULES).contains(&x) && (0..MODULES).contains(&y);
        inside && usize::try_from(y * MODULES + x).ok().and_then(|at| colors.get(at)) == Some(&Color::Dark)
    };
    let mut rows = Vec::new();
    for y in (-QUIET..MODULES + QUIET).step_by(2) {
        let cells: String = (-QUIET..MODULES + QUIET)
            .map(|x| match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        rows.push(format!("\u{1b}[30;47m{cells}\u{1b}[0m"));
    }
    Some(rows.join("\n"))
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

    #[test]
    fn a_text_that_does_not_fit_is_not_drawn() {
        assert_eq!(draw(&"X".repeat(91)), None);
    }
}
