//! Where no page is.

use super::raw::node;

const BROWSER: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")];

#[tokio::test]
async fn an_unknown_page_is_a_page_for_a_browser_and_a_problem_for_others() {
    let node = node(&[]);
    for path in ["/odd", "/runs", "/runs/%3Cb%3E", "/runs/r/odd", "/settings/?x=1"] {
        let page = node.get_with(path, &BROWSER).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert!(page.text.contains("There is no such page.") && page.text.contains("href=\"/\""), "{}", page.text);
        assert!(!page.text.contains("<script") && !page.text.contains("<b>"), "{}", page.text);
        let styles = page.text.split_once("rel=\"stylesheet\" href=\"").unwrap().1.split('"').next().unwrap();
        assert_eq!(node.get(styles).await.status, 200, "{styles}");
    }
    node.get("/odd").await.problem(404, "not_found");
    node.get("/runs/%3Cb%3E").await.problem(400, "invalid_run_id");
    for path in ["/api/odd", "/ws/odd", "/mcp/odd", "/api"] {
        node.get_with(path, &BROWSER).await.problem(404, "not_found");
    }
    let posted = node.post("/odd", &[BROWSER[0], ("content-type", "application/json")], "{}").await;
    posted.problem(404, "not_found");
    assert_eq!(node.get_with("/runs/yet-to-come", &BROWSER).await.status, 200);
}
