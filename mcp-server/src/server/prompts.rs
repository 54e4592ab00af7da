//! Prompts: three ways to begin.

use rmcp::{
    ErrorData,
    model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role},
};
use serde_json::Value;
use shared_types::JsonObject;

use guard::suggest::nearest;

/// The prompts, in the order of the list.
pub(super) fn all() -> Vec<Prompt> {
    let argument = |name: &str, description: &str, required| {
        PromptArgument::new(name).with_description(description).with_required(required)
    };
    vec![
        Prompt::new(
            "plan_project",
            Some("Turn a goal into a project with ordered tasks"),
            Some(vec![
                argument("goal", "What should be achieved", true),
                argument("project", "Name of the project; made up from the goal when empty", false),
            ]),
        )
        .with_title("Plan a project"),
        Prompt::new(
            "next_task",
            Some("Claim the next ready task, do it, complete it"),
            Some(vec![
                argument("role", "Only tasks of this role", false),
                argument("project", "Only tasks of this project", false),
            ]),
        )
        .with_title("Do the next task"),
        Prompt::new(
            "review_progress",
            Some("Say where things stand and what to do about it"),
            Some(vec![
                argument("project", "Only this project", false),
                argument("tag", "Only tasks with this tag", false),
            ]),
        )
        .with_title("Review progress"),
    ]
}

/// The prompt of this name with its arguments filled in.
pub(super) fn get(name: &str, arguments: JsonObject) -> Result<GetPromptResult, ErrorData> {
    let prompts = all();
    let Some(prompt) = prompts.iter().find(|prompt| prompt.name == name) else {
        let known = nearest(name, prompts.iter().map(|prompt| prompt.name.as_str()));
        let hint = known.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        return Err(ErrorData::invalid_params(format!("unknown prompt {name:?}{hint}"), None));
    };
    let arguments = Arguments::read(prompt, arguments)?;
    let text = match name {
        "plan_project" => plan_project(&arguments),
        "next_task" => next_task(&arguments),
        _ => review_progress(&arguments),
    };
    let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    Ok(match &prompt.description {
        Some(description) => result.with_description(description.clone()),
        None => result,
    })
}

struct Arguments(JsonObject);

impl Arguments {
    fn read(prompt: &Prompt, given: JsonObject) -> Result<Self, ErrorData> {
        let declared = prompt.arguments.as_deref().unwrap_or_default();
        for (name, value) in &given {
            if !declared.iter().any(|argument| argument.name == *name) {
                return Err(ErrorData::invalid_params(
                    format!("{} takes no argument {name:?}", prompt.name),
                    None,
                ));
            }
            if !value.is_string() {
                return Err(ErrorData::invalid_params(format!("{name} must be a string"), None));
            }
        }
        let arguments = Self(given);
        match declared.iter().find(|a| a.required == Some(true) && arguments.get(&a.name).is_none()) {
            Some(missing) => Err(ErrorData::invalid_params(format!("{} is required", missing.name), None)),
            None => Ok(arguments),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// `, key="value"` for the call that the prompt asks for.
    fn as_parameter(&self, name: &str, key: &str) -> String {
        self.get(name).map(|value| format!(", {key}={}", Value::from(value))).unwrap_or_default()
    }
}

fn plan_project(arguments: &Arguments) -> String {
    let goal = arguments.get("goal").unwrap_or_default();
    let name = match arguments.get("project") {
        Some(name) => format!("named {}", Value::from(name)),
        None => "with a short name made from the goal".to_owned(),
    };
    format!(
        "Plan this goal in Bindery:\n\n<goal>\n{goal}\n</goal>\n\n\
         1. Look at get_dashboard_stats and search_entities so that nothing is planned twice.\n\
         2. create_project {name}.\n\
         3. One create_task call with `tasks`: 3 to 15 tasks, each done in one sitting, each with a \
         description that says how one will know it is done, a `ref`, `depends_on` where order matters, \
         a role from list_roles, and a priority.\n\
         4. Show me the plan in order and what can start now (list_tasks ready=true)."
    )
}

fn next_task(arguments: &Arguments) -> String {
    let filters = format!(
        "{}{}",
        arguments.as_parameter("role", "role"),
        arguments.as_parameter("project", "project_id")
    );
    format!(
        "Work on the next task:\n\n\
         1. execute_task next=true{filters}. If nothing is ready, say why and stop.\n\
         2. Read the task and its role's brief; keep to the role's restrictions.\n\
         3. Do the work. When it takes long, call execute_task with the execution_id before the lease ends. \
         Put what others should know into update_task note.\n\
         4. complete_task with the execution_id and completion_notes; or execute_task release=true if it cannot \
         be done, with a note that says why."
    )
}

fn review_progress(arguments: &Arguments) -> String {
    let project = arguments.as_parameter("project", "project_id");
    let tag = arguments.as_parameter("tag", "tags");
    format!(
        "Review progress{}:\n\n\
         1. get_dashboard_stats{project}, then list_tasks with status=[\"doing\",\"blocked\"]{project}{tag} and \
         list_tasks overdue=true{project}{tag}.\n\
         2. Tell me in a few lines: what got done, what is in work and by whom, what is stuck and why, what is late.\n\
         3. Propose the three changes that would help most; make none of them before I agree.",
        match arguments.get("project") {
            Some(name) => format!(" of {name}"),
            None => String::new(),
        }
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: Value) -> JsonObject {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn each_prompt_is_filled_in() {
        let filled = get("next_task", arguments(json!({"role": "tester", "project": "Site"}))).unwrap();
        let text = serde_json::to_string(&filled).unwrap();
        assert!(text.contains(r#"role=\"tester\", project_id=\"Site\""#), "{text}");
        assert!(get("review_progress", JsonObject::new()).is_ok());
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for (name, given) in [
            ("plan_project", json!({})),
            ("plan_project", json!({"goal": " "})),
            ("next_task", json!({"rle": "x"})),
            ("next_task", json!({"role": 1})),
            ("nxt_task", json!({})),
        ] {
            assert!(get(name, arguments(given.clone())).is_err(), "{name} {given}");
        }
    }
}
