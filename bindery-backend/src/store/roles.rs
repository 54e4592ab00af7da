//! `list_roles`.

use shared_types::{
    Error,
    operation::ListRoles,
    role::{self, Role, RoleList},
};

use super::Store;
use crate::handle::{Caller, Handle};

impl Handle<ListRoles> for Store {
    async fn handle(&self, input: role::ListRoles, _: &Caller) -> Result<RoleList, Error> {
        let roles = match input.name {
            Some(name) => {
                let role = self.roles().require(&name).map_err(|error| error.at("name"))?;
                vec![role.clone()]
            }
            // A brief is for who takes the role; a list is for choosing one.
            None => self.roles().all().map(|role| Role { brief: None, ..role.clone() }).collect(),
        };
        Ok(RoleList { roles })
    }
}
