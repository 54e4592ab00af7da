//! What becomes of text that a browser would act on.

use std::{fmt, str::FromStr};

/// What becomes of text that a browser, a Markdown renderer or a terminal would act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Escapes exactly the characters that make it act, removes control characters, flags the rest.
    #[default]
    Neutralize,
    /// Escapes all HTML and removes whatever looks like an injection.
    Strip,
    /// Refuses the input that `Neutralize` would change.
    Reject,
    /// Keeps the text as it is, and reports.
    Flag,
}

impl Policy {
    /// The variable that sets it.
    pub const VARIABLE: &str = "BINDERY_TEXT_GUARD";
    /// What the variable takes.
    pub const TAKES: &str = "neutralize, strip, reject or flag";

    /// The word that the variable takes for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neutralize => "neutralize",
            Self::Strip => "strip",
            Self::Reject => "reject",
            Self::Flag => "flag",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no policy: it is {takes}", word = .0, takes = Policy::TAKES)]
pub struct UnknownPolicy(String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Neutralize, Self::Strip, Self::Reject, Self::Flag]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| UnknownPolicy(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_that_the_variable_takes_is_a_policy() {
        for (word, policy) in [
            ("neutralize", Policy::Neutralize),
            ("strip", Policy::Strip),
            ("reject", Policy::Reject),
            ("flag", Policy::Flag),
        ] {
            assert_eq!(word.parse(), Ok(policy));
            assert_eq!(word.to_uppercase().parse(), Ok(policy));
            assert_eq!(policy.to_string(), word);
        }
        let error = "keep".parse::<Policy>().unwrap_err();
        assert_eq!(error.to_string(), "\"keep\" is no policy: it is neutralize, strip, reject or flag");
    }
}
