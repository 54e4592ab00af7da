//! Cursors: where a page ended, as an opaque text that belongs to one kind of list.

use shared_types::{Error, ErrorCode};

/// Which list a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    Newest = 1,
    Oldest,
    Updated,
    Priority,
    Due,
    Search,
}

/// The last row of a page: the value it was ordered by, and its id, which settles ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) key: i64,
    pub(super) id: i64,
}

/// Order, key, id, and a check byte that catches a cursor cut or copied wrong.
const BYTES: usize = 1 + 8 + 8 + 1;

impl Cursor {
    /// The text for the caller, in hexadecimal.
    pub(super) fn write(self, order: Order) -> String {
        let mut bytes = [0; BYTES];
        bytes[0] = order as u8;
        bytes[1..9].copy_from_slice(&self.key.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.id.to_be_bytes());
        bytes[17] = check(&bytes[..17]);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a cursor that a list in this `order` has returned.
    pub(super) fn read(text: &str, order: Order) -> Result<Self, Error> {
        let bytes = from_hex(text).filter(|bytes| bytes[17] == check(&bytes[..17])).ok_or_else(|| {
            refused("cursor is not one that a list has returned", "Pass next_cursor exactly as it came.")
        })?;
        if bytes[0] != order as u8 {
            return Err(refused(
                "cursor belongs to a list with another order or query.",
                "Repeat the call that returned it, or leave cursor out to begin anew.",
            ));
        }
        Ok(Self { key: number(&bytes[1..9]), id: number(&bytes[9..17]) })
    }
}

/// The error for a cursor that does not fit.
pub(super) fn refused(message: &str, next_step: &str) -> Error {
    Error::new(ErrorCode::InvalidValue, message).at("cursor").suggest(next_step)
}

fn check(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xa5, |sum: u8, byte| sum.rotate_left(3) ^ byte)
}

fn number(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |value, byte| value << 8 | i64::from(*byte))
}

fn from_hex(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    if text.len() != 2 * BYTES || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_it_was(key: i64, id: i64) {
            let cursor = Cursor { key, id };
            prop_assert_eq!(Cursor::read(&cursor.write(Order::Due), Order::Due), Ok(cursor));
        }

        #[test]
        fn any_other_text_is_refused(text in "\\PC{0,40}") {
            prop_assert!(Cursor::read(&text, Order::Newest).is_err());
        }
    }

    #[test]
    fn a_cursor_is_bound_to_its_order() {
        let text = Cursor { key: 3, id: 4 }.write(Order::Priority);
        let error = Cursor::read(&text, Order::Newest).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("cursor"));
    }
}
