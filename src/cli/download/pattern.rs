//! Patterns of names: `*.webm`, `linux/**`, `trace-?.zip`. Pure.

/// Whether a name fits a pattern. A pattern without a slash is about the last part of a name; `*` and `?` stand for no
/// slash, `**` for anything.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let name = if pattern.contains('/') { name } else { name.rsplit('/').next().unwrap_or(name) };
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    matches(&pattern, &name)
}

/// The lengths of the name's beginnings that each part of the pattern can have matched so far; time is bounded by both
/// lengths multiplied, whatever the pattern.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some((first, behind)) = rest.split_first() {
        let is_deep = *first == '*' && behind.first() == Some(&'*');
        rest = if is_deep { &behind[1..] } else { behind };
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            let before = at.checked_sub(1);
            next[at] = match first {
                '*' => reached[at] || before.is_some_and(|before| next[before] && (is_deep || name[before] != '/')),
                '?' => before.is_some_and(|before| reached[before] && name[before] != '/'),
                first => before.is_some_and(|before| reached[before] && name[before] == *first),
            };
        }
        // `**/` also stands for no folder at all.
        if is_deep && rest.first() == Some(&'/') {
            rest = &rest[1..];
            let folders: Vec<bool> = (0..=name.len()).map(|at| at > 0 && next[at - 1] && name[at - 1] == '/').collect();
            next = (0..=name.len()).map(|at| reached[at] || folders[at]).collect();
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_the_file_or_with_a_slash_about_the_whole_name() {
        for (pattern, name) in [
            ("*.webm", "a.webm"),
            ("*.webm", "linux/pays/a.webm"),
            ("linux/*/a.webm", "linux/pays/a.webm"),
            ("linux/**", "linux/pays/a.webm"),
            ("**/a.webm", "linux/pays/a.webm"),
            ("**/a.webm", "a.webm"),
            ("trace-?.zip", "trace-1.zip"),
            ("*", "anything"),
            ("a*b*c", "aXbXbc"),
            ("é?", "éa"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.webm", "a.webm.zip"),
            ("linux/*", "linux/pays/a.webm"),
            ("linux/**", "mac/a.webm"),
            ("trace-?.zip", "trace-10.zip"),
            ("a?b", "a/b"),
            ("", "a"),
            ("**/a.webm", "linux/ba.webm"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_stars_costs_no_more_than_its_length() {
        assert!(!fits(&"*a".repeat(100), &"a".repeat(99)));
        assert!(fits(&"*a".repeat(100), &"a".repeat(255)));
    }
}
