//! The assistants: where each keeps its configuration and what an entry looks like there.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::ValueEnum;

/// An assistant that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// Claude Code.
    ClaudeCode,
    /// Claude Desktop.
    ClaudeDesktop,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    Vscode,
    /// Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// Zed.
    Zed,
}

/// For whom an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// For every project of this user.
    User,
    /// For this project.
    Project,
}

impl Scope {
    /// The scope as it is written on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// The language of a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, perhaps with comments and trailing commas.
    Json,
    /// TOML.
    Toml,
}

/// The system, as far as it decides where programs keep their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Linux and its relatives.
    Unix,
    /// macOS.
    MacOs,
}

/// The directories from which the paths are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The user's home.
    pub home: PathBuf,
    /// The root of the project.
    pub project: PathBuf,
    /// `XDG_CONFIG_HOME`, or `~/.config`.
    pub config_home: PathBuf,
    /// `CODEX_HOME`, or `~/.codex`.
    pub codex_home: PathBuf,
    /// Where Claude Code keeps `.claude.json`: `CLAUDE_CONFIG_DIR`, or home.
    pub claude_home: PathBuf,
    /// The system.
    pub system: System,
}

impl Places {
    /// The usual places below `home`.
    pub fn below(home: &Path, project: &Path, system: System) -> Self {
        Self {
            home: home.to_owned(),
            project: project.to_owned(),
            config_home: home.join(".config"),
            codex_home: home.join(".codex"),
            claude_home: home.to_owned(),
            system,
        }
    }

    /// The places that the environment names.
    pub fn from_environment(project: &Path) -> Self {
        let home = env::home_dir().unwrap_or_else(|| project.to_owned());
        let system = if cfg!(target_os = "macos") { System::MacOs } else { System::Unix };
        let usual = Self::below(&home, project, system);
        let named =
            |variable, usual| env::var_os(variable).filter(|v| !v.is_empty()).map_or(usual, PathBuf::from);
        Self {
            config_home: named("XDG_CONFIG_HOME", usual.config_home),
            codex_home: named("CODEX_HOME", usual.codex_home),
            claude_home: named("CLAUDE_CONFIG_DIR", usual.claude_home),
            ..Self::below(&home, project, system)
        }
    }

    /// Where programs with windows keep their settings.
    fn application_support(&self) -> PathBuf {
        match self.system {
            System::Unix => self.config_home.clone(),
            System::MacOs => self.home.join("Library/Application Support"),
        }
    }
}

impl Program {
    /// Every assistant.
    pub const ALL: [Self; 7] = [
        Self::ClaudeCode,
        Self::ClaudeDesktop,
        Self::Cursor,
        Self::Vscode,
        Self::Codex,
        Self::Gemini,
        Self::Zed,
    ];

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Cursor => "Cursor",
            Self::Vscode => "VS Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::Zed => "Zed",
        }
    }

    /// The file it reads, if it has one with this scope.
    pub fn path(self, scope: Scope, places: &Places) -> Option<PathBuf> {
        let Places { home, project, config_home, codex_home, claude_home, .. } = places;
        Some(match (self, scope) {
            (Self::ClaudeCode, Scope::Project) => project.join(".mcp.json"),
            (Self::ClaudeCode, Scope::User) => claude_home.join(".claude.json"),
            (Self::ClaudeDesktop, Scope::Project) => return None,
            (Self::ClaudeDesktop, Scope::User) => {
                places.application_support().join("Claude/claude_desktop_config.json")
            }
            (Self::Cursor, Scope::Project) => project.join(".cursor/mcp.json"),
            (Self::Cursor, Scope::User) => home.join(".cursor/mcp.json"),
            (Self::Vscode, Scope::Project) => project.join(".vscode/mcp.json"),
            (Self::Vscode, Scope::User) => places.application_support().join("Code/User/mcp.json"),
            (Self::Codex, Scope::Project) => project.join(".codex/config.toml"),
            (Self::Codex, Scope::User) => codex_home.join("config.toml"),
            (Self::Gemini, Scope::Project) => project.join(".gemini/settings.json"),
            (Self::Gemini, Scope::User) => home.join(".gemini/settings.json"),
            (Self::Zed, Scope::Project) => project.join(".zed/settings.json"),
            // On macOS too Zed keeps to the Unix place.
            (Self::Zed, Scope::User) => match places.system {
                System::Unix => config_home.join("zed/settings.json"),
                System::MacOs => home.join(".config/zed/settings.json"),
            },
        })
    }

    /// The scope when none is given. Codex reads a project's file only once it trusts the project.
    pub const fn usual_scope(self) -> Scope {
        match self {
            Self::ClaudeDesktop | Self::Codex | Self::Zed => Scope::User,
            Self::ClaudeCode | Self::Cursor | Self::Vscode | Self::Gemini => Scope::Project,
        }
    }

    /// The object in which servers are listed.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Vscode => "servers",
            Self::Codex => "mcp_servers",
            Self::Zed => "context_servers",
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor | Self::Gemini => "mcpServers",
        }
    }

    /// The language of its file.
    pub const fn format(self) -> Format {
        match self {
            Self::Codex => Format::Toml,
            _ => Format::Json,
        }
    }

    /// Whether an entry says `"type": "stdio"`.
    pub const fn wants_type(self) -> bool {
        matches!(self, Self::ClaudeCode | Self::Cursor | Self::Vscode)
    }

    /// The arguments of the entry. A project's file leads to its project: most assistants start
    /// servers there, and the others fill in a placeholder. For all projects it depends: an
    /// assistant that starts servers elsewhere is told `root`, and any is told what the user `named`.
    pub fn arguments(self, scope: Scope, named: Option<&Path>, root: &Path) -> Vec<String> {
        const PLACEHOLDER: &str = "${workspaceFolder}";
        let workspace = match (scope, named, self) {
            (Scope::Project, _, Self::Vscode | Self::Cursor) => PLACEHOLDER.to_owned(),
            (Scope::Project, ..) => return Vec::new(),
            (Scope::User, Some(named), _) => named.display().to_string(),
            (Scope::User, None, Self::Vscode) => PLACEHOLDER.to_owned(),
            (Scope::User, None, Self::ClaudeDesktop | Self::Cursor) => root.display().to_string(),
            (Scope::User, None, _) => return Vec::new(),
        };
        vec!["--workspace".to_owned(), workspace]
    }

    /// What the user has to do for the entry to be seen.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Start Claude Code here and approve the server; /mcp shows it.",
            Self::ClaudeDesktop => "Restart Claude Desktop.",
            Self::Cursor => "Enable it in Cursor's settings under MCP.",
            Self::Vscode => "Start it from the file or with \"MCP: List Servers\".",
            Self::Codex => "Start Codex; /mcp shows it.",
            Self::Gemini => "Start Gemini CLI; /mcp shows it.",
            Self::Zed => "The agent panel's settings show it.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_scope_has_a_file() {
        let places = Places::below(Path::new("/home/me"), Path::new("/project"), System::Unix);
        for program in Program::ALL {
            assert!(program.path(program.usual_scope(), &places).is_some(), "{program:?}");
        }
    }

    #[test]
    fn an_entry_leads_to_a_workspace_wherever_it_is_started() {
        let root = Path::new("/project");
        let arguments = |program: Program, scope, named| program.arguments(scope, named, root).join(" ");
        assert_eq!(arguments(Program::ClaudeCode, Scope::Project, Some(root)), "");
        assert_eq!(arguments(Program::Vscode, Scope::Project, None), "--workspace ${workspaceFolder}");
        assert_eq!(arguments(Program::ClaudeDesktop, Scope::User, None), "--workspace /project");
        assert_eq!(arguments(Program::Codex, Scope::User, None), "");
        assert_eq!(arguments(Program::Codex, Scope::User, Some(Path::new("/notes"))), "--workspace /notes");
    }
}
