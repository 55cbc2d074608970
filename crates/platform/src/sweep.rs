//! What a daemon that died between a thing and its record left: put right at the start, before anything runs.

use crate::{Platform, PlatformError};
use guise_model::ContainerId;
use std::collections::BTreeSet;

impl Platform {
    /// Forgets the owners of containers that are gone. A container is owned before it is made and until after it is
    /// removed.
    pub(crate) fn forget_gone_containers(&self) -> Result<(), PlatformError> {
        let containers = self.node().containers().into_iter();
        let there: BTreeSet<ContainerId> = containers.map(|container| container.spec.id).collect();
        for (id, ..) in self.store().container_owners()? {
            // What is no id has never been a container's.
            if let Ok(container) = ContainerId::new(id)
                && !there.contains(&container)
            {
                self.store().disown_container(&container)?;
            }
        }
        Ok(())
    }
}
