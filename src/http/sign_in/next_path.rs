//! Where somebody goes on who has signed in.

/// Most bytes of a path, which a cookie has to hold.
const MAX_PATH: usize = 2_000;

/// The path, if it leads nowhere but to this server, however a browser reads it.
pub(super) fn next_path(text: &str) -> Option<&str> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let is_own = path.starts_with('/') && !path.contains("//");
    // Browsers take a backslash for a slash, and leave out tabs and line ends wherever they stand.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_own && is_plain && text.len() <= MAX_PATH).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_this_server_alone() {
        for good in ["/", "/runs/web:42?at=3#x", "/?q=https://x.example//y", "/auth/device?request=a-b_c", "/a/%2F%5C"]
        {
            assert_eq!(next_path(good), Some(good));
        }
        let long = format!("/{}", "x".repeat(MAX_PATH));
        for bad in [
            "",
            "runs",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/runs//x",
            "/a\\b",
            "/a\rSet-Cookie: x",
            "/é",
            "/\u{0}",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "?next=//evil.example",
            "#//evil.example",
            &long,
        ] {
            assert_eq!(next_path(bad), None, "{bad:?}");
        }
    }
}
