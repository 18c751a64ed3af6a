//! What may be meant by a name that is not known.

/// How similar a known name must be to be suggested (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.85;

/// The known name that is most like `name`, if one is like it.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let alike = known.into_iter().map(|known| (strsim::jaro_winkler(&name, &known.to_ascii_lowercase()), known));
    let best = alike.filter(|(likeness, _)| *likeness >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_has_a_neighbour_and_another_word_has_none() {
        let known = ["after", "limit", "userId"];
        assert_eq!(nearest("limt", known), Some("limit"));
        assert_eq!(nearest("userid", known), Some("userId"));
        assert_eq!(nearest("q", known), None);
    }
}
