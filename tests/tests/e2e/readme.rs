//! The README's examples work as they stand.

use std::process::Command;

use serde_json::Value;
use tests::{Workspace, binaries::root, binary, extras};

/// The README's blocks in `language` that contain `word`.
fn blocks(language: &str, word: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let opening = format!("```{language}\n");
    let blocks = readme.split(&opening).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains(word)).map(str::to_owned).collect()
}

#[test]
fn the_role_of_the_example_is_known() {
    let workspace = Workspace::new();
    let folder = workspace.path().join(".vespera");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("roles.toml"), &blocks("toml", "roles")[0]).unwrap();
    let listed = workspace.session().call("list_roles", &serde_json::json!({"name": "translator"}));
    assert_eq!(listed["roles"][0]["context_limit"], 32_000, "{listed}");
    assert!(listed["roles"][0]["brief"].as_str().unwrap().contains("placeholders"));
}

#[test]
fn the_executor_of_the_example_can_be_allowed() {
    let (workspace, home) = (Workspace::new(), tempfile::tempdir().unwrap());
    let folder = workspace.path().join(".vespera");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("roles.toml"), blocks("toml", "translator").concat()).unwrap();
    let output = workspace.command().arg("trust").env("XDG_STATE_HOME", home.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "tasks of the role translator run: python3 -m bindery_tools translator.py\n");
    // The backend reads the same file, and leaves this part of it alone.
    let listed = workspace.session().call("list_roles", &serde_json::json!({"name": "translator"}));
    assert_eq!(listed["roles"][0]["context_limit"], 32_000, "{listed}");
}

#[test]
fn the_curl_examples_are_answered() {
    if !extras::available("curl", Command::new("curl").arg("--version").output().is_ok()) {
        return;
    }
    let workspace = Workspace::new();
    workspace.session().call("health_check", &serde_json::json!({}));
    let _keeps_the_backend = workspace.session();
    let url = workspace.backend()["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let blocks = blocks("sh", "curl");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let script = block.replace("http://127.0.0.1:3000", &url);
        let output = Command::new("bash").args(["-euc", &script]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> =
            serde_json::Deserializer::from_str(&said).into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(answers.len(), block.matches("curl").count());
        assert!(!said.contains("\"error\""), "{said}");
    }
}

#[test]
fn every_tool_and_variable_is_named() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let printed = |name: &str, arguments: &[&str]| {
        let output = Command::new(binary(name)).args(arguments).current_dir("/").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let tools: Value = serde_json::from_str(&printed("bindery-mcp", &["tools", "--json"])).unwrap();
    let tools = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned());
    let settings =
        printed("bindery-mcp", &["--print-config"]) + &printed("bindery-backend", &["--print-config"]);
    let variables = settings.lines().filter(|line| !line.starts_with('#'));
    let variables = variables.map(|line| line.split('=').next().unwrap().to_owned());
    for name in tools.chain(variables) {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}
