//! The shell of a page: its title, and which script and styles it loads.

use super::assets::path_of;

/// Which page.
#[derive(Clone, Copy, Debug)]
pub(super) enum PageKind {
    List,
    Run,
    Ops,
    Device,
}

impl PageKind {
    fn script(self) -> &'static str {
        match self {
            Self::List => "list.js",
            Self::Run => "run.js",
            Self::Ops => "ops.js",
            Self::Device => "device.js",
        }
    }
}

/// The HTML of a page. What its script loads late it finds in the attributes of the root.
pub(super) fn shell(page: PageKind, title: &str) -> String {
    let [worker, diff, styles, script] = ["worker.js", "diff.js", "page.css", page.script()].map(path_of);
    let title = escaped(title);
    format!(
        "<!doctype html>
<html lang=\"en\" data-worker=\"{worker}\" data-diff=\"{diff}\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>{title}</title>
<meta property=\"og:title\" content=\"{title}\">
<link rel=\"icon\" href=\"/favicon.ico\" sizes=\"32x32\">
<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">
<link rel=\"stylesheet\" href=\"{styles}\">
<script type=\"module\" src=\"{script}\"></script>
<body><div id=\"page\"></div><noscript>This page needs JavaScript.</noscript>
"
    )
}

/// The HTML of the page that stands where none is. It has no script.
pub(super) fn missing(path: &str) -> String {
    let (styles, path) = (path_of("page.css"), escaped(path));
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>No such page · runcast</title>
<link rel=\"icon\" href=\"/favicon.ico\" sizes=\"32x32\">
<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">
<link rel=\"stylesheet\" href=\"{styles}\">
<body><main class=\"list-empty\"><h1>There is no such page.</h1>
<p>This server has nothing at <span class=\"mono\">{path}</span>.</p>
<a class=\"button\" href=\"/\">All runs</a></main>
"
    )
}

/// The HTML of a page that says what became of something, and where to go on. It has no script.
pub(super) fn told(title: &str, text: &str, (path, label): (&str, &str)) -> String {
    let (styles, [title, text, path, label]) = (path_of("page.css"), [title, text, path, label].map(escaped));
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>{title} · runcast</title>
<link rel=\"icon\" href=\"/favicon.ico\" sizes=\"32x32\">
<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">
<link rel=\"stylesheet\" href=\"{styles}\">
<body><main class=\"list-empty\"><h1>{title}</h1>
<p>{text}</p>
<a class=\"button\" href=\"{path}\">{label}</a></main>
"
    )
}

/// A text as it stands in HTML and in its attributes; without what no title shows.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| is_shown(*letter)) {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether a title shows a character: not what has no width, and not what turns the direction of all that follows.
pub(super) fn is_shown(letter: char) -> bool {
    let unseen = ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];
    !letter.is_control() && !unseen.iter().any(|range| range.contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_that_stands_where_none_is_runs_nothing_and_shows_its_path_as_text() {
        let page = missing("/a<script>\"&");
        assert!(page.contains("nothing at <span class=\"mono\">/a&lt;script&gt;&quot;&amp;</span>."), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn a_title_is_text_whatever_it_is() {
        let page = shell(PageKind::Run, "\"></title><script>x</script>\u{0} \u{202e}\u{200b}& é");
        assert!(
            page.contains("<title>&quot;&gt;&lt;/title&gt;&lt;script&gt;x&lt;/script&gt; &amp; é</title>"),
            "{page}"
        );
        assert_eq!(page.matches("<script").count(), 1);
    }
}
