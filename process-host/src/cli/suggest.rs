//! What may have been meant.

/// Names less alike than this are others, not mistakes.
const ALIKE: f64 = 0.6;

/// `; did you mean …?` and what there is, behind a name that is not known.
pub(super) fn instead<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if known.is_empty() {
        return " There are none".to_owned();
    }
    let likeness = |known: &&&str| strsim::normalized_damerau_levenshtein(known, name);
    let alike = known.iter().filter(|known| likeness(known) >= ALIKE);
    let nearest = alike.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = nearest.map(|nearest| format!(" Did you mean {nearest}?")).unwrap_or_default();
    format!("{hint} There are: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_named_and_all_are() {
        assert_eq!(instead("wbe", ["worker", "web"]), " Did you mean web? There are: worker, web");
        assert_eq!(instead("x", ["web"]), " There are: web");
        assert_eq!(instead("x", []), " There are none");
    }
}
