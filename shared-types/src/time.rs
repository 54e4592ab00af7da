//! Points in time: milliseconds since 1970, shown as RFC 3339 in UTC.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, exact to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time: write 2026-03-01 or 2026-03-01T17:00:00Z")]
pub struct InvalidTimestamp;

/// The last millisecond that still shows as a four-digit year.
const LAST_MILLIS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The time this many milliseconds after 1970-01-01T00:00:00Z, kept within the years 0 to 9999.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < -62_167_219_200_000 {
            -62_167_219_200_000
        } else if millis > LAST_MILLIS {
            LAST_MILLIS
        } else {
            millis
        })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads RFC 3339 with any offset, or a date alone, which means its first moment in UTC.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::from_millis(time.as_millisecond()));
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| InvalidTimestamp)?;
        if text.len() != "2026-03-01".len() {
            return Err(InvalidTimestamp);
        }
        let start = date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| InvalidTimestamp)?;
        Ok(Self::from_millis(start.timestamp().as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_offsets_are_read_and_shown_in_utc() {
        let shown = |text: &str| text.parse::<Timestamp>().map(|t| t.to_string());
        assert_eq!(shown("2026-03-01").as_deref(), Ok("2026-03-01T00:00:00.000Z"));
        assert_eq!(shown("2026-03-01T17:00:00+02:00").as_deref(), Ok("2026-03-01T15:00:00.000Z"));
        assert_eq!(shown("2026-03-01T17:00:00.1239Z").as_deref(), Ok("2026-03-01T17:00:00.123Z"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "tomorrow", "2026-13-01", "2026-03-01T17:00:00", "20260301"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
