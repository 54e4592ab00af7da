//! The nearest known word.

/// The candidate that `word` is most likely a slip of, if any is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_up_to_a_third_is_understood() {
        for (word, known) in [
            ("titel", Some("title")),
            ("TITLE", Some("title")),
            ("tag", Some("tags")),
            ("ta", None),
            ("descrptin", Some("description")),
            ("dscrptin", None),
            ("subtaskss", Some("subtasks")),
            ("", None),
            ("completion", None),
        ] {
            assert_eq!(nearest(word, ["title", "tags", "description", "subtasks"]), known, "{word}");
        }
    }

    #[test]
    fn the_nearest_one_is_meant_and_the_first_of_equals() {
        assert_eq!(nearest("parents", ["patent", "parent"]), Some("parent"));
        assert_eq!(nearest("rale", ["role", "rule"]), Some("role"));
    }

    #[test]
    fn more_than_three_slips_are_another_word() {
        assert_eq!(nearest("abcdefghijklmnoXYZ", ["abcdefghijklmno"]), Some("abcdefghijklmno"));
        assert_eq!(nearest("abcdefghijklmnoWXYZ", ["abcdefghijklmno"]), None);
    }
}
