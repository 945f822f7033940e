//! Sizes as people write them: `2 GiB`, `500MB`, `0`. Nothing stands for a guess: what is not understood is refused.

/// Bytes, or nothing if it is no size.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_read_as_written_and_nothing_is_guessed() {
        for (text, bytes) in [("0", 0), ("2 GiB", 2 << 30), ("500MB", 500_000_000), (" 16 mib ", 16 << 20), ("7 b", 7)]
        {
            assert_eq!(parse(text), Some(bytes), "{text:?}");
        }
        for text in ["", "GiB", "2 G", "-1", "1.5 GiB", "99999999999 TiB", "2 GiB each"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
