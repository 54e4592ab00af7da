//! Tools of a server in the shell, and of the Python package.

use std::{env, fs, path::Path, process::Command};

use crate::host::{Host, bounded, command};

/// Answers `list_tools`, gives back the arguments of `call_tool`, and is silent for the tool `silent`.
const SERVER: &str = r#"
while read -r line; do
    head="${line%%\"method\"*}"
    case "$line" in
        *'"list_tools"'*) echo "$head\"result\":{\"tools\":[
            {\"name\":\"resize\",\"description\":\"Cut it.\",\"input_schema\":{\"type\":\"object\",\"required\":[\"file\"],
             \"properties\":{\"file\":{\"type\":\"string\"},\"width\":{\"type\":\"integer\"},\"tags\":{\"type\":\"array\"}},
             \"additionalProperties\":false}},
            {\"name\":\"silent\"},{\"name\":\"failing\"},{\"name\":\"dying\"}]}}" | tr -d '\n'; echo ;;
        *'"silent"'*) ;;
        *'"failing"'*) echo "$head\"error\":{\"code\":-32001,\"message\":\"out of paint\"}}" ;;
        *'"dying"'*) echo "no more memory" >&2; exit 7 ;;
        *) rest="${line#*\"arguments\":}"; echo "$head\"result\":${rest%??}}" ;;
    esac
done
"#;

fn call(arguments: &[&str]) -> crate::host::Said {
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<_> = arguments.iter().copied().chain(["--", "sh", "-c", SERVER]).collect();
    bounded(command(folder.path(), &arguments))
}

#[test]
fn tools_are_listed_for_people_and_programs() {
    let listed = call(&["tools"]).ok();
    assert!(
        listed.starts_with("resize  Cut it.\n    file   text, required\n    width  integer\n"),
        "{listed}"
    );
    let raw: serde_json::Value = serde_json::from_str(&call(&["tools", "--json"]).ok()).unwrap();
    assert_eq!(raw["tools"][0]["name"], "resize");
}

#[test]
fn arguments_are_read_as_the_schema_says() {
    let given = call(&["call", "resize", "file=7", "width=640", "tags=[1]", "--json"]).ok();
    assert_eq!(given, "{\"file\":\"7\",\"width\":640,\"tags\":[1]}\n");
    assert_eq!(call(&["call", "resize", "file=a b"]).ok(), "file: a b\n");
    let wrong = call(&["call", "resize", "file=a", "width=wide"]).failed();
    assert_eq!(wrong, "error: resize: width: \"wide\" is not an integer\n");
    let unknown = call(&["call", "resize", "file=a", "widht=1"]).failed();
    assert!(unknown.contains("widht is not known. Did you mean width?"), "{unknown}");
    assert!(call(&["call", "resise"]).failed().contains("Did you mean resize?"));
}

#[test]
fn what_goes_wrong_is_told_in_the_servers_words() {
    assert_eq!(call(&["call", "failing"]).failed(), "error: out of paint\n");
    let dying = call(&["call", "dying"]).failed();
    assert!(dying.contains("ended with exit code 7") && dying.ends_with("\n  no more memory\n"), "{dying}");
    let silent = call(&["call", "silent", "--timeout", "0.3"]).failed();
    assert_eq!(silent, "error: no answer within 0.3 seconds; --timeout gives it more\n");
    let folder = tempfile::tempdir().unwrap();
    let mute = bounded(command(folder.path(), &["tools", "--", "true"])).failed();
    assert!(mute.contains("`true` ended with exit code 0 and did not answer"), "{mute}");
}

#[test]
fn a_child_of_a_host_is_a_tool_server_too() {
    let host = Host::up(&format!(
        "[[child]]\nname = \"tools\"\nstdio = \"jsonrpc\"\ncommand = [\"sh\", \"-c\", '''{SERVER}''']\n\
         [[child]]\nname = \"mute\"\ncommand = [\"sleep\", \"1000\"]\n"
    ));
    assert!(host.command(&["tools", "--child", "tools"]).ok().starts_with("resize"));
    let given = host.command(&["call", "resize", "file=x", "--json", "--child", "tools"]).ok();
    assert_eq!(given, "{\"file\":\"x\"}\n");
    assert_eq!(host.command(&["call", "failing", "--child", "tools"]).failed(), "error: out of paint\n");
    let silent = host.command(&["call", "silent", "--child", "tools", "--timeout", "0.3"]).failed();
    assert!(silent.contains("no answer within 0.3 seconds"), "{silent}");
    let mute = host.command(&["tools", "--child", "mute"]).failed();
    assert!(mute.contains("mute cannot be called"), "{mute}");
    let dying = host.command(&["call", "dying", "--child", "tools"]).failed();
    assert!(dying.contains("exit code 7") && dying.contains("no more memory"), "{dying}");
}

#[test]
fn the_python_package_serves_its_tools() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python/src");
    let has_python = Command::new("python3").arg("-V").output().is_ok_and(|output| output.status.success());
    if !has_python || !fs::exists(source.join("bindery_tools")).unwrap() {
        assert!(env::var_os("CI").is_none(), "python3 or {} is missing", source.display());
        return eprintln!("skipped: python3 or {} is missing", source.display());
    }
    let folder = tempfile::tempdir().unwrap();
    let call = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        bounded({
            command.args(["--", "python3", "-m", "bindery_tools"]).env("PYTHONPATH", &source);
            command
        })
    };
    let listed = call(&["tools"]).ok();
    assert!(listed.starts_with("calculator  ") && listed.contains("upper|lower|reverse|title"), "{listed}");
    assert_eq!(call(&["call", "calculator", "expression=2 + 2"]).ok(), "result: 4\nexpression: 2 + 2\n");
    let refused = call(&["call", "calculator", "expression=__import__('os')"]).failed();
    assert!(refused.starts_with("error: "), "{refused}");
    let wrong = call(&["call", "string_transform", "text=a", "operation=upside_down"]).failed();
    assert!(wrong.contains("operation: \"upside_down\" is none of upper, lower"), "{wrong}");
}
