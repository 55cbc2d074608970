//! Which ids of the machine are behind the ids inside (user_namespaces(7)).

use super::Lie;

/// One lie per line of a `uid_map`: first id inside, first id outside, how many.
pub(super) fn lies(map: &str) -> Vec<Lie> {
    map.lines().filter_map(lie).collect()
}

fn lie(line: &str) -> Option<Lie> {
    let mut numbers = line.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let (inside, outside, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let last = count.checked_sub(1)?;
    let about = if inside == 0 {
        "root and all others"
    } else {
        "users"
    };
    let so = if inside == outside {
        "the same users: nothing is mapped".into()
    } else {
        format!("users {outside} to {}, who own nothing else here", outside + last)
    };
    Some(Lie::new(
        about,
        format!("users {inside} to {}", inside + last),
        so,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_says_both_ranges() {
        let found = lies("         0  537001984      65536\n");
        assert_eq!(
            found,
            [Lie::new(
                "root and all others",
                "users 0 to 65535",
                "users 537001984 to 537067519, who own nothing else here"
            )]
        );
    }

    #[test]
    fn the_machines_own_map_is_no_lie() {
        assert!(lies("0 0 4294967295")[0].outside.contains("the same"));
        assert_eq!(lies("0 0 0\nnonsense"), []);
    }
}
