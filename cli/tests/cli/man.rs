use crate::scratch::Scratch;

#[test]
fn each_verb_has_a_page_that_says_what_its_help_says() {
    let scratch = Scratch::new();
    scratch.packbench(&["man", "man1"]).assert().success().stdout("");
    let page = |name: &str| std::fs::read_to_string(scratch.path("man1").join(name)).unwrap();
    assert!(page("packbench.1").contains("packbench\\-compare(1)"));
    assert!(page("packbench-compare.1").contains("The report of a session"));
    assert!(!scratch.path("man1/packbench-agent.1").exists(), "hidden verbs have none");
}
