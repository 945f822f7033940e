//! Letters as people look for them: without case, accents or points (SR-2). `sao` finds `São`, `שלום` finds `שָׁלוֹם`.
//!
//! Compatibility decomposition (UAX 15), marks dropped, lower case. <https://www.unicode.org/reports/tr15/>

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Words that are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sought(Vec<String>);

impl Sought {
    /// None if nothing is left to look for.
    pub(crate) fn new(question: &str) -> Option<Self> {
        let words: Vec<String> = question.split_whitespace().map(folded).filter(|word| !word.is_empty()).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// The words as they are compared.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }

    /// Rule SR-2: whether all words are there, each anywhere in one of the texts.
    pub(crate) fn is_in<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        let texts: Vec<String> = texts.map(folded).collect();
        self.0.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
    }
}

/// A text as it is compared. It has no zero byte: the corpus puts one behind each line.
pub(crate) fn folded(text: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let bare = decomposed.chars().filter(|letter| !is_mark(*letter));
    // What the German sharp s is in capitals, and the two Greek forms of sigma, are one to a reader.
    bare.flat_map(char::to_lowercase).fold(String::with_capacity(text.len()), |mut folded, letter| {
        match letter {
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            letter => folded.push(letter),
        }
        folded
    })
}

/// Accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic, joined-on marks, selectors of emojis.
const fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\0' | '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05bd}' | '\u{05bf}' | '\u{05c1}'..='\u{05c2}'
        | '\u{05c4}'..='\u{05c5}' | '\u{05c7}' | '\u{0610}'..='\u{061a}' | '\u{0640}' | '\u{064b}'..='\u{065f}' | '\u{0670}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200b}'..='\u{200f}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(question: &str, text: &str) -> bool {
        Sought::new(question).is_some_and(|sought| sought.is_in([text].into_iter()))
    }

    #[test]
    fn sr_02_case_accents_and_points_are_no_difference() {
        for (question, text) in [
            ("sao", "Em São Paulo"),
            ("SÃO", "sao"),
            ("strasse", "Hauptstraße 7"),
            ("STRASSE", "straße"),
            ("ὀδυσσευς", "ΟΔΥΣΣΕΥΣ"),
            ("שלום", "שָׁלוֹם לכולם"),
            ("مرحبا", "مَرْحَبًا"),
            ("東京", "明日、東京で"),
            ("がく", "か\u{3099}く"),
            ("ﬁle", "the file"),
            ("👍", "ok 👍🏽"),
            ("rust eng", "two ENGineers who know Rust"),
        ] {
            assert!(finds(question, text), "{question:?} is in {text:?}");
        }
        for (question, text) in [("rust go", "two engineers who know Rust"), ("dredger", "dredge"), ("か", "さ")] {
            assert!(!finds(question, text), "{question:?} is not in {text:?}");
        }
    }

    #[test]
    fn cv_08_a_sign_is_a_letter_like_others() {
        assert!(finds("#quay", "at the #quay") && !finds("#quay", "at the quay"));
        assert!(finds("@ana", "to @Ana"));
    }

    #[test]
    fn sr_02_nothing_to_look_for_is_no_question() {
        for empty in ["", "  \n", "\u{301} \u{200b}"] {
            assert_eq!(Sought::new(empty), None, "{empty:?}");
        }
    }
}
