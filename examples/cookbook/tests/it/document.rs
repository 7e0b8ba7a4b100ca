//! The document shows the programs as they are.

#[test]
fn every_program_is_shown_as_it_is_compiled() {
    let document = include_str!("../../../../docs/cookbook.md");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut shown = Vec::new();
    for section in document.split("\n## ").skip(1) {
        let (_, link) = section
            .split_once("../examples/cookbook/src/")
            .expect("a section links to its program");
        let (name, _) = link.split_once(')').unwrap();
        let program = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        let blocks = section.split("```rust\n").skip(1);
        for block in blocks.map(|block| block.split_once("```").unwrap().0) {
            assert!(
                program.contains(block),
                "docs/cookbook.md shows of {name} what it does not say:\n{block}"
            );
            shown.push(name.to_owned());
        }
    }
    let programs = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    for program in programs.filter(|name| name != "lib.rs") {
        assert!(
            shown.contains(&program),
            "docs/cookbook.md does not show {program}"
        );
    }
}
