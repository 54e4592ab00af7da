//! The limits as an operator sets them.

use std::ops::RangeInclusive;

use super::Limits;

/// A variable that a limit cannot be read from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}: it takes {takes}")]
pub struct InvalidLimit {
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// What it takes.
    pub takes: String,
}

/// One limit that an operator can set.
struct Setting {
    variable: &'static str,
    takes: RangeInclusive<usize>,
    limit: fn(&mut Limits) -> &mut usize,
}

/// A text that is longer belongs in a file.
const LENGTHS: RangeInclusive<usize> = 1..=10_000_000;

/// Every limit that can be set, in the order in which they are printed.
const SETTINGS: [Setting; 6] = [
    Setting {
        variable: "BINDERY_MAX_DEPTH",
        // The parser itself gives up at 128 levels; the rest is left for what lies around an input.
        takes: 1..=100,
        limit: |limits| &mut limits.depth,
    },
    Setting {
        variable: "BINDERY_MAX_KEYS",
        // The keys of an object are compared with one another, so their number is kept small.
        takes: 1..=10_000,
        limit: |limits| &mut limits.keys,
    },
    Setting { variable: "BINDERY_MAX_ITEMS", takes: 1..=1_000_000, limit: |limits| &mut limits.items },
    Setting { variable: "BINDERY_MAX_CHARACTERS", takes: LENGTHS, limit: |limits| &mut limits.characters },
    Setting {
        variable: "BINDERY_MAX_CONTENT",
        takes: LENGTHS,
        limit: |limits| &mut limits.content_characters,
    },
    Setting { variable: "BINDERY_MAX_WRAPPED", takes: LENGTHS, limit: |limits| &mut limits.wrapped_bytes },
];

impl Limits {
    /// Reads the limits through `variable`, which looks up one variable by its name. A variable
    /// that is absent or empty leaves its default.
    ///
    /// | variable | limits | default | takes |
    /// |---|---|---|---|
    /// | `BINDERY_MAX_DEPTH` | [`Limits::depth`] | 10 | 1 to 100 |
    /// | `BINDERY_MAX_KEYS` | [`Limits::keys`] | 100 | 1 to 10000 |
    /// | `BINDERY_MAX_ITEMS` | [`Limits::items`] | 1000 | 1 to 1000000 |
    /// | `BINDERY_MAX_CHARACTERS` | [`Limits::characters`] | 10000 | 1 to 10000000 |
    /// | `BINDERY_MAX_CONTENT` | [`Limits::content_characters`] | the contract's | 1 to 10000000 |
    /// | `BINDERY_MAX_WRAPPED` | [`Limits::wrapped_bytes`] | 100000 | 1 to 10000000 |
    ///
    /// # Errors
    /// The first variable that is not a whole number within what it takes.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidLimit> {
        let mut limits = Self::default();
        for setting in SETTINGS {
            let given = variable(setting.variable).filter(|value| !value.trim().is_empty());
            if let Some(value) = given {
                *(setting.limit)(&mut limits) = number(&setting, value)?;
            }
        }
        Ok(limits)
    }

    /// Each variable of [`Limits::read`] with the limit in force.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let mut limits = self.clone();
        SETTINGS.into_iter().map(move |setting| (setting.variable, *(setting.limit)(&mut limits)))
    }
}

fn number(setting: &Setting, value: String) -> Result<usize, InvalidLimit> {
    match value.trim().parse() {
        Ok(number) if setting.takes.contains(&number) => Ok(number),
        _ => {
            let takes = format!("a whole number from {} to {}", setting.takes.start(), setting.takes.end());
            Err(InvalidLimit { variable: setting.variable, value, takes })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Limits, InvalidLimit> {
        Limits::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn each_variable_sets_its_own_limit() {
        let default = Limits::default();
        for (name, expected) in [
            ("BINDERY_MAX_DEPTH", Limits { depth: 7, ..default.clone() }),
            ("BINDERY_MAX_KEYS", Limits { keys: 7, ..default.clone() }),
            ("BINDERY_MAX_ITEMS", Limits { items: 7, ..default.clone() }),
            ("BINDERY_MAX_CHARACTERS", Limits { characters: 7, ..default.clone() }),
            ("BINDERY_MAX_CONTENT", Limits { content_characters: 7, ..default.clone() }),
            ("BINDERY_MAX_WRAPPED", Limits { wrapped_bytes: 7, ..default.clone() }),
        ] {
            assert!(expected.settings().any(|setting| setting == (name, 7)), "{name}");
            assert_eq!(read(name, " 7 "), Ok(expected), "{name}");
            assert_eq!(read(name, ""), Ok(default.clone()), "{name}");
        }
        assert_eq!(Limits::read(|_| None), Ok(default));
    }

    #[test]
    fn nothing_and_the_absurd_are_refused_with_what_is_taken() {
        for value in ["0", "-1", "1.5", "ten", "101", "99999999999999999999999"] {
            let error = read("BINDERY_MAX_DEPTH", value).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("BINDERY_MAX_DEPTH is \"{value}\": it takes a whole number from 1 to 100")
            );
        }
        assert!(read("BINDERY_MAX_WRAPPED", "10000001").is_err());
    }

    #[test]
    fn the_largest_depth_is_still_read_by_the_parser() {
        let limits = read("BINDERY_MAX_DEPTH", "100").unwrap();
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(limits.check_bytes(nested(100).as_bytes(), 0).is_ok());
        assert!(limits.check_bytes(nested(101).as_bytes(), 0).is_err());
    }
}
