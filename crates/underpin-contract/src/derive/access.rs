//! `allow` lines as far as they can be told without looking at rows.

use crate::contract::{Access, Allowed};
use underpin_brief::model::{Allow, Brief, Who};

/// Who may.
pub(super) fn of<'a>(brief: &Brief, allows: impl IntoIterator<Item = &'a Allow>) -> Access {
    let mut access = Access::default();
    for allow in allows {
        let conditional = allow.when.is_some();
        let allowed = match allow.who {
            Who::Anyone => {
                access.anyone = true;
                continue;
            }
            Who::Actor(id) => Allowed {
                actor: brief.actors.get(id).name.text.clone(),
                role: None,
                id,
                conditional,
            },
            Who::Role(id, role) => {
                let actor = brief.actors.get(id);
                Allowed {
                    actor: actor.name.text.clone(),
                    role: actor.roles.get(role).map(|role| role.text.clone()),
                    id,
                    conditional,
                }
            }
        };
        access.actors.push(allowed);
    }
    access.actors.sort();
    access.actors.dedup();
    access
}
