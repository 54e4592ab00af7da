//! JSON limits.
use shared_types::Error;
/// The limits.
#[derive(Debug, Clone, Default)]
pub struct Limits {}
impl Limits {
    /// Checks bytes.
    pub fn check_bytes(&self, _bytes: &[u8]) -> Result<(), Error> {
        Ok(())
    }
}
