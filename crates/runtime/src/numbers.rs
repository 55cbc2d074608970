//! Lists of numbers as the kernel writes them: `0-3,7` (cpuset(7), "List format").

/// The numbers of a list; `None` if it is not one. No machine has more than 8192 processors or memory nodes.
pub fn parse(list: &str) -> Option<Vec<u32>> {
    const MOST: u32 = 8192;
    let mut numbers = Vec::new();
    for part in list.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_single_numbers_and_ranges() {
        assert_eq!(parse("0-2,7"), Some(vec![0, 1, 2, 7]));
        assert_eq!(parse(" 5\n"), Some(vec![5]));
        assert_eq!(parse(""), Some(vec![]));
        for given in ["a", "3-1", "1-", "0-9999999", "-1"] {
            assert_eq!(parse(given), None, "{given}");
        }
    }
}
