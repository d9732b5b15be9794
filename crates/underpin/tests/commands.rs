//! Commands that end: exit codes, machine forms, files.

use crate::support::{Folder, example, underpin};

#[test]
fn a_good_brief_exits_0_and_a_bad_one_1_from_every_command() {
    let folder = Folder::new();
    let good = example("notes").display().to_string();
    let bad = folder.write(
        "bad.kdl",
        "system s\naggregate Thing { key id; feild x text }\n",
    );
    let bad = bad.display().to_string();
    let data = folder.path("data").display().to_string();
    assert_eq!(underpin(["check", &good]).code, 0);
    assert_eq!(underpin(["plan", &good]).code, 0);
    for args in [
        vec!["check", &bad],
        vec!["plan", &bad],
        vec!["fmt", &bad],
        vec!["fmt", "--check", &bad],
        vec!["explain", &bad, "anything"],
        vec!["run", &bad, "--port", "0", "--data", &data],
        vec![
            "token",
            &bad,
            "--actor",
            "a",
            "--subject",
            "b",
            "--data",
            &data,
        ],
    ] {
        let said = underpin(&args);
        assert_eq!(said.code, 1, "{args:?}: {}{}", said.out, said.err);
        let text = format!("{}{}", said.out, said.err);
        assert!(
            text.contains("field"),
            "{args:?} shows what was meant: {text}"
        );
        assert!(!text.contains("panicked"), "{args:?}: {text}");
    }
    assert!(
        !folder.path("data").exists(),
        "a bad brief leaves no data folder"
    );
    assert_eq!(underpin(["frobnicate"]).code, 2);
}

#[test]
fn check_speaks_json_with_the_documented_fields() {
    let folder = Folder::new();
    let bad = folder
        .write("bad.kdl", "system s\nactor ä kind=person\n")
        .display()
        .to_string();
    let said = underpin(["check", &bad, "--format", "json"]);
    assert_eq!(said.code, 1);
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    let first = &json["diagnostics"][0];
    for field in [
        "code",
        "severity",
        "message",
        "file",
        "line",
        "column",
        "end_line",
        "end_column",
        "help",
    ] {
        assert!(first.get(field).is_some(), "{field} in {first}");
    }
    assert_eq!(first["line"], 2);
}

#[test]
fn plan_writes_its_files_and_the_same_bytes_again() {
    let folder = Folder::new();
    let brief = example("shop").display().to_string();
    let read = |name: &str| {
        let out = folder.path(name);
        let said = underpin(["plan", &brief, "--out", &out.display().to_string()]);
        assert_eq!(said.code, 0, "{}", said.err);
        for file in ["README.md", "design.json"] {
            assert!(out.join(file).is_file(), "{file}: {}", said.out);
        }
        std::fs::read(out.join("design.json")).expect("design.json")
    };
    assert!(read("one") == read("two"));
}

#[test]
fn plan_speaks_json_with_the_documented_fields() {
    let said = underpin([
        "plan",
        &example("shop").display().to_string(),
        "--format",
        "json",
    ]);
    let design: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    for field in [
        "system",
        "contexts",
        "services",
        "flows",
        "calls",
        "decisions",
        "assumptions",
        "questions",
    ] {
        assert!(design.get(field).is_some(), "{field}");
    }
    let flows = design["flows"].as_array().expect("flows");
    let place = flows
        .iter()
        .find(|flow| flow["operation"] == "place-order")
        .expect("the saga");
    assert_eq!(place["kind"], "saga");
    assert_eq!(place["pivot"], "charge");
}

#[test]
fn fmt_is_idempotent_and_keeps_comments() {
    let folder = Folder::new();
    let text = "system   s { title \"S\" } // a comment\nactor a kind=person{channel web}\n";
    let path = folder.write("s.kdl", text);
    let shown = path.display().to_string();
    assert_eq!(underpin(["fmt", &shown, "--check"]).code, 1);
    assert_eq!(underpin(["fmt", &shown]).code, 0);
    let once = std::fs::read_to_string(&path).expect("the file");
    assert!(once.contains("// a comment"), "{once}");
    assert_eq!(underpin(["fmt", &shown, "--check"]).code, 0);
}

#[test]
fn fmt_lays_out_and_tells_what_is_wrong_with_a_whole_brief() {
    let part = "aggregate Thing { key id;   feild x text }\n";
    let whole = format!("system s\n{part}");
    for (text, args, code, told, laid_out) in [
        (whole.as_str(), &[] as &[&str], 1, true, true),
        (&whole, &["--check"], 1, true, false),
        (&whole, &["--stdout"], 1, true, false),
        (part, &[], 0, false, true),
        (part, &["--stdout"], 0, false, false),
        (part, &["--check"], 1, false, false),
        ("system s {\n", &[], 1, false, false),
    ] {
        let folder = Folder::new();
        let path = folder.write("s.kdl", text);
        let mut all = vec!["fmt".to_owned(), path.display().to_string()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let said = underpin(&all);
        let case = format!("{text}{args:?}\n{}{}", said.out, said.err);
        assert_eq!(said.code, code, "{case}");
        assert_eq!(said.err.contains("U0201"), told, "{case}");
        let after = std::fs::read_to_string(&path).expect("the file");
        assert_eq!(after != text, laid_out, "{case}");
    }
}

#[test]
fn new_briefs_check_and_are_never_overwritten() {
    let folder = Folder::new();
    for extra in [
        vec![],
        vec!["--example", "shop"],
        vec!["--example", "notes"],
        vec!["--example", "clinic"],
    ] {
        let name = format!("fresh{}", extra.concat().replace("--example", "-"));
        let out = folder.path(&format!("{name}.kdl")).display().to_string();
        let mut args = vec!["new", &name, "--out", &out];
        args.extend(&extra);
        let said = underpin(&args);
        assert_eq!(said.code, 0, "{}", said.err);
        let said = underpin(["check", &out]);
        assert_eq!(said.code, 0, "{}", said.out);
        assert_eq!(underpin(&args).code, 1, "it exists already");
    }
    assert_eq!(underpin(["new", "Not A Name"]).code, 1);
}

#[test]
fn explain_answers_for_codes_operations_and_flows() {
    let shop = example("shop").display().to_string();
    for (args, expected) in [
        (vec!["explain", "U0101"], "U0101"),
        (vec!["explain", &shop, "place-order"], "charge"),
        (vec!["explain", &shop, "browse-products"], "browse-products"),
    ] {
        let said = underpin(&args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        assert!(said.out.contains(expected), "{args:?}: {}", said.out);
    }
    let said = underpin(["explain", &shop, "place-ordr"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("place-order"),
        "did you mean: {}",
        said.err
    );
}
