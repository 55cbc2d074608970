//! Cron specifications: five fields as in crontab(5), and `H` for a value that is chosen once and stays (spec 1.10).

/// When a cron is due; what `H` stands for is still to be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSpec {
    /// 0 to 59.
    pub minute: CronField,
    /// 0 to 23.
    pub hour: CronField,
    /// Day of the month, 1 to 31.
    pub day: CronField,
    /// 1 to 12.
    pub month: CronField,
    /// Day of the week, 0 to 6 from Sunday on; 7 is Sunday too.
    pub weekday: CronField,
}

/// One field: the terms between its commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronField {
    /// At least one.
    pub terms: Vec<CronTerm>,
    /// Whether it begins with a star: if neither day field does, a day that is in either of them will do (crontab(5)).
    pub open: bool,
}

/// Values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronTerm {
    /// Each `step`th value of `first..=last`: `*`, `5`, `1-5`, `*/15`.
    Range {
        /// The first.
        first: u8,
        /// The last.
        last: u8,
        /// At least 1.
        step: u8,
    },
    /// `H`: one value of `first..=last`; with a step each `step`th, from a chosen one on.
    Chosen {
        /// The first.
        first: u8,
        /// The last.
        last: u8,
        /// At least 1.
        step: Option<u8>,
    },
}

/// Why a text is no cron specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCronSpec {
    /// It has too many fields, or too few.
    #[error("it has {found} field{} instead of five", if *found == 1 { "" } else { "s" })]
    FieldCount {
        /// How many.
        found: usize,
    },
    /// A value that the field cannot have.
    #[error("`{text}` is no {field}, which is {first} to {last}")]
    Value {
        /// Which field.
        field: &'static str,
        /// As written.
        text: String,
        /// The least value.
        first: u8,
        /// The greatest value.
        last: u8,
    },
    /// A range from the greater value to the lesser one.
    #[error("`{text}` of the {field} ends before it begins")]
    Reversed {
        /// Which field.
        field: &'static str,
        /// As written.
        text: String,
    },
    /// A step that is not a number from 1 on.
    #[error("`{text}` is no step for the {field}: it is a number from 1 on")]
    Step {
        /// Which field.
        field: &'static str,
        /// As written.
        text: String,
    },
}

/// What a field may hold.
struct Kind {
    name: &'static str,
    first: u8,
    last: u8,
    /// The last value that `H` is chosen from: every month has 28 days, and Sunday shall not be likelier than others.
    last_chosen: u8,
    /// Names of values, from the first on.
    names: &'static [&'static str],
}

const MINUTE: Kind = Kind {
    name: "minute",
    first: 0,
    last: 59,
    last_chosen: 59,
    names: &[],
};
const HOUR: Kind = Kind {
    name: "hour",
    first: 0,
    last: 23,
    last_chosen: 23,
    names: &[],
};
const DAY: Kind = Kind {
    name: "day",
    first: 1,
    last: 31,
    last_chosen: 28,
    names: &[],
};
const MONTH: Kind = Kind {
    name: "month",
    first: 1,
    last: 12,
    last_chosen: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAY: Kind = Kind {
    name: "weekday",
    first: 0,
    last: 7,
    last_chosen: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl CronSpec {
    /// Reads a specification.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidCronSpec> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(InvalidCronSpec::FieldCount { found: fields.len() });
        };
        Ok(Self {
            minute: MINUTE.field(minute)?,
            hour: HOUR.field(hour)?,
            day: DAY.field(day)?,
            month: MONTH.field(month)?,
            weekday: WEEKDAY.field(weekday)?,
        })
    }
}

impl Kind {
    fn field(&self, text: &str) -> Result<CronField, InvalidCronSpec> {
        Ok(CronField {
            terms: text
                .split(',')
                .map(|term| self.term(term))
                .collect::<Result<_, _>>()?,
            open: text.starts_with(['*', '?']),
        })
    }

    fn term(&self, text: &str) -> Result<CronTerm, InvalidCronSpec> {
        let (values, step) = match text.split_once('/') {
            Some((values, step)) => (values, Some(self.step(step)?)),
            None => (text, None),
        };
        if let Some(chosen) = values.strip_prefix(['H', 'h']) {
            let (first, last) = match chosen.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                Some(range) => self.range(range)?,
                None if chosen.is_empty() => (self.first, self.last_chosen),
                None => return Err(self.no_value(text)),
            };
            return Ok(CronTerm::Chosen { first, last, step });
        }
        let (first, last) = match values {
            "*" | "?" => (self.first, self.last),
            _ if values.contains('-') => self.range(values)?,
            _ => {
                let value = self.value(values)?;
                // `5/15` is from 5 on, as most crons have it.
                (value, if step.is_some() { self.last } else { value })
            }
        };
        let step = step.unwrap_or(1);
        Ok(CronTerm::Range { first, last, step })
    }

    fn range(&self, text: &str) -> Result<(u8, u8), InvalidCronSpec> {
        let (first, last) = text.split_once('-').ok_or_else(|| self.no_value(text))?;
        let (first, last) = (self.value(first)?, self.value(last)?);
        if first > last {
            let (field, text) = (self.name, text.into());
            return Err(InvalidCronSpec::Reversed { field, text });
        }
        Ok((first, last))
    }

    fn value(&self, text: &str) -> Result<u8, InvalidCronSpec> {
        let named = (self.first..)
            .zip(self.names)
            .find(|(_, name)| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some((value, _)) => Some(value),
            None => number(text),
        };
        value
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| self.no_value(text))
    }

    fn step(&self, text: &str) -> Result<u8, InvalidCronSpec> {
        let step = number(text).filter(|step| *step > 0);
        step.ok_or_else(|| InvalidCronSpec::Step {
            field: self.name,
            text: text.into(),
        })
    }

    fn no_value(&self, text: &str) -> InvalidCronSpec {
        InvalidCronSpec::Value {
            field: self.name,
            text: text.into(),
            first: self.first,
            last: self.last,
        }
    }
}

/// Digits only: `+5` is no value of a cron.
fn number(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minute(text: &str) -> CronField {
        CronSpec::parse(&format!("{text} * * * *")).unwrap().minute
    }

    #[test]
    fn fields_are_values_ranges_steps_names_and_choices() {
        let range = |first, last, step| CronTerm::Range { first, last, step };
        let chosen = |first, last, step| CronTerm::Chosen { first, last, step };
        assert_eq!(minute("*").terms, [range(0, 59, 1)]);
        assert_eq!(minute("*/15").terms, [range(0, 59, 15)]);
        assert_eq!(minute("5/15").terms, [range(5, 59, 15)]);
        assert_eq!(minute("1-5,7").terms, [range(1, 5, 1), range(7, 7, 1)]);
        assert_eq!(minute("H").terms, [chosen(0, 59, None)]);
        assert_eq!(minute("H/15").terms, [chosen(0, 59, Some(15))]);
        assert_eq!(minute("H(0-29)").terms, [chosen(0, 29, None)]);
        assert_eq!(minute("H(0-29)/10").terms, [chosen(0, 29, Some(10))]);
        let spec = CronSpec::parse("0 0 H JAN mon,7").unwrap();
        assert_eq!(spec.day.terms, [chosen(1, 28, None)]);
        assert_eq!(spec.month.terms, [range(1, 1, 1)]);
        assert_eq!(spec.weekday.terms, [range(1, 1, 1), range(7, 7, 1)]);
        assert!(minute("*/2").open && minute("?").open && !minute("H").open);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let said = |text: &str| CronSpec::parse(text).unwrap_err().to_string();
        assert_eq!(said("* * * *"), "it has 4 fields instead of five");
        assert_eq!(said("@daily"), "it has 1 field instead of five");
        assert_eq!(said("60 * * * *"), "`60` is no minute, which is 0 to 59");
        assert_eq!(said("* * 0 * *"), "`0` is no day, which is 1 to 31");
        assert_eq!(said("* * * * fri#2"), "`fri#2` is no weekday, which is 0 to 7");
        assert_eq!(said("* 5-1 * * *"), "`5-1` of the hour ends before it begins");
        assert_eq!(
            said("*/0 * * * *"),
            "`0` is no step for the minute: it is a number from 1 on"
        );
        for bad in [
            "+5 * * * *",
            "H(1 * * * *",
            "HH * * * *",
            "1,,2 * * * *",
            "$(x) * * * *",
            "- * * * *",
        ] {
            assert!(CronSpec::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-*/,?H()0-9a-z ]{0,24}") {
            if let Ok(spec) = CronSpec::parse(&text) {
                for term in spec.minute.terms {
                    let (CronTerm::Range { first, last, .. } | CronTerm::Chosen { first, last, .. }) = term;
                    prop_assert!(first <= last && last <= 59);
                }
            }
        }
    }
}
