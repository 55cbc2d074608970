//! The rules of an environment, and which of them decides.

use crate::{InvalidNetwork, Network, PasswordHash};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, str::FromStr};

/// Who may see an environment. By default, everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAccess {
    /// Whether the rules count.
    pub is_enabled: bool,
    /// By address; the first that matches decides.
    pub addresses: Vec<AddressRule>,
    /// By password, under the user's name.
    pub basic_auth: BTreeMap<String, PasswordHash>,
}

/// A rule about addresses: `allow:203.0.113.0/24`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRule {
    /// Which addresses.
    pub address: Network,
    /// What they may.
    pub permission: Permission,
}

/// What an address may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See the site.
    Allow,
    /// Not see it.
    Deny,
}

/// It is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It does not begin with what is permitted.
    #[error("{given:?} says neither allow: nor deny:")]
    Permission {
        /// What was written.
        given: String,
    },
    /// It does not end with a network.
    #[error(transparent)]
    Network(#[from] InvalidNetwork),
}

/// What comes of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The client may see the site.
    Granted,
    /// It may with a password.
    LoginNeeded,
    /// It may not.
    Denied,
}

impl Default for HttpAccess {
    fn default() -> Self {
        Self {
            is_enabled: true,
            addresses: Vec::new(),
            basic_auth: BTreeMap::new(),
        }
    }
}

impl HttpAccess {
    /// Whether anybody is kept out.
    pub fn restricts(&self) -> bool {
        self.is_enabled && !(self.addresses.is_empty() && self.basic_auth.is_empty())
    }

    /// What a client may who has not logged in. Where there are both kinds of rules, either opens: an address that is
    /// allowed needs no password, and with a password one may come from anywhere.
    pub fn verdict(&self, client: IpAddr) -> Verdict {
        if !self.restricts() {
            return Verdict::Granted;
        }
        let mut rules = self.addresses.iter();
        let decides = rules.find(|rule| rule.address.contains(client));
        match (decides.map(|rule| rule.permission), self.basic_auth.is_empty()) {
            (Some(Permission::Allow), _) | (None, true) => Verdict::Granted,
            (Some(Permission::Deny) | None, false) => Verdict::LoginNeeded,
            (Some(Permission::Deny), true) => Verdict::Denied,
        }
    }

    /// Whether a user may log in. Takes milliseconds.
    pub fn is_user(&self, name: &str, password: &str) -> bool {
        self.basic_auth.get(name).is_some_and(|hash| hash.is_of(password))
    }
}

impl FromStr for AddressRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let (permission, address) = match text.split_once(':') {
            Some(("allow", address)) => (Permission::Allow, address),
            Some(("deny", address)) => (Permission::Deny, address),
            _ => return Err(InvalidRule::Permission { given: text.into() }),
        };
        let address = address.parse()?;
        Ok(Self { address, permission })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Denied, Granted, LoginNeeded};

    fn access(rules: &[&str], has_user: bool) -> HttpAccess {
        let hash = || PasswordHash::new("secret", "salt".into());
        HttpAccess {
            is_enabled: true,
            addresses: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
            basic_auth: has_user.then(|| ("ann".into(), hash())).into_iter().collect(),
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_a_login_opens_what_is_left() {
        let office = ["allow:192.0.2.0/24", "deny:any"];
        for (rules, has_user, client, verdict) in [
            (&[][..], false, "192.0.2.1", Granted),
            (&[][..], true, "192.0.2.1", LoginNeeded),
            (&office[..], false, "192.0.2.1", Granted),
            (&office[..], false, "198.51.100.1", Denied),
            (&office[..], true, "192.0.2.1", Granted),
            (&office[..], true, "198.51.100.1", LoginNeeded),
            (&["deny:192.0.2.7"][..], false, "192.0.2.8", Granted),
            (&["deny:192.0.2.7"][..], true, "192.0.2.8", LoginNeeded),
            (&["deny:any", "allow:192.0.2.1"][..], false, "192.0.2.1", Denied),
        ] {
            let found = access(rules, has_user).verdict(client.parse().unwrap());
            assert_eq!(found, verdict, "{rules:?} {has_user} {client}");
        }
    }

    #[test]
    fn rules_that_are_switched_off_keep_nobody_out() {
        let off = HttpAccess {
            is_enabled: false,
            ..access(&["deny:any"], true)
        };
        assert!(!off.restricts());
        assert_eq!(off.verdict("192.0.2.1".parse().unwrap()), Granted);
    }

    #[test]
    fn a_user_is_known_by_name_and_password() {
        let access = access(&[], true);
        assert!(access.is_user("ann", "secret"));
        assert!(!access.is_user("ann", "secrets") && !access.is_user("bob", "secret"));
    }

    #[test]
    fn a_rule_names_a_permission_and_a_network() {
        assert!("permit:any".parse::<AddressRule>().is_err());
        assert!("allow:office".parse::<AddressRule>().is_err());
        assert!("allow".parse::<AddressRule>().is_err());
        assert!("allow:2001:db8::/32".parse::<AddressRule>().is_ok());
    }
}
