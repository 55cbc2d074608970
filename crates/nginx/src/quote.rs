//! Texts from configuration files as nginx parameters that mean exactly themselves.

/// Name of the variable that holds a dollar sign: nginx knows no escape for it.
pub const DOLLAR: &str = "guise_dollar";

/// A parameter in which nginx does not look for variables: a pattern, a media type.
///
/// In quotes only `\` and the quote itself are special to nginx's reader. A NUL ends every string in nginx and
/// other control characters break the lines of headers and logs, so none of them gets through.
pub fn literal(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// A parameter in which nginx looks for variables: a path, a header's value.
pub fn value(text: &str) -> String {
    format!("\"{}\"", inner_value(text))
}

/// As [`value`], without the quotes: part of a longer parameter.
pub fn inner_value(text: &str) -> String {
    escape(text).replace('$', &format!("${{{DOLLAR}}}"))
}

/// A text as a regular expression that matches just it.
pub fn pattern_of(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '/' | '-' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn escape(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    let mut escaped = String::new();
    for c in visible {
        if matches!(c, '\\' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_to_nginx_is_escaped() {
        assert_eq!(literal(r#"a"b\c;}$"#), r#""a\"b\\c;}$""#);
        assert_eq!(value("$uri\n\0"), "\"${guise_dollar}uri\"");
        assert_eq!(pattern_of("/a.b$\n"), r"/a\.b\$");
    }
}
