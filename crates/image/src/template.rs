//! Templates of recipes.
//!
//! What goes into them comes from other people's configuration files. Nothing is quoted by itself, since the same value means
//! something else in a shell script, in SQL and in an ini file: each template quotes for the language it is written in,
//! with one of the filters here.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Serde, ValueKind},
};
use serde::Serialize;

/// Renders a template; a name that the context lacks is an error.
pub(crate) fn render(source: &str, context: impl Serialize) -> Result<String, Error> {
    environment().render_str(source, Value::from(Serde(context)))
}

/// The truth of an expression, e.g. a file's `when`.
pub(crate) fn is_true(expression: &str, context: impl Serialize) -> Result<bool, Error> {
    Ok(environment()
        .compile_expression(expression)?
        .eval(Value::from(Serde(context)))?
        .is_true())
}

/// A context as all templates may expect it: `configuration` is a map even when nothing was written.
pub(crate) fn context(given: &serde_json::Value) -> serde_json::Value {
    let mut context = given.clone();
    if let Some(facts) = context.as_object_mut()
        && facts.get("configuration").is_none_or(serde_json::Value::is_null)
    {
        facts.insert("configuration".into(), serde_json::json!({}));
    }
    context
}

fn environment() -> Environment<'static> {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the delimiters are the usual ones");
    let mut environment = Environment::new();
    // Strict where it counts (printing, iterating), while `{% if properties.x %}` may ask.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(syntax);
    environment.add_filter("sh", |text: String| shell(&text));
    environment.add_filter("json", |value: Value| json(&value));
    environment.add_filter("word", |text: String| word(&text));
    environment.add_filter("line", |text: String| line(&text));
    environment.add_filter("php_ini", |value: Value| php_ini(&value));
    environment.add_filter("vcl_name", |text: String| vcl_name(&text));
    environment.add_filter("mysql_text", |text: String| mysql_text(&text));
    environment.add_filter("mysql_name", |text: String| mysql_name(&text));
    environment.add_filter("mysql_grant", |text: String| mysql_grant(&text));
    environment.add_filter("pg_text", |text: String| pg_text(&text));
    environment.add_filter("pg_name", |text: String| pg_name(&text));
    environment.add_function("fail", |reason: String| Err::<Value, _>(refuse(reason)));
    environment
}

fn refuse(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// One word of a POSIX shell.
fn shell(text: &str) -> Result<String, Error> {
    if text.contains('\0') {
        return Err(refuse(format!(
            "{text:?} has a NUL byte, which no command can have"
        )));
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// JSON as it is; the built-in `tojson` would escape it for HTML.
fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| refuse(error.to_string()))
}

/// A bare word of a configuration file.
fn word(text: &str) -> Result<String, Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(refuse(format!(
            "{text:?} is not one word of letters, digits, _, - and ."
        )));
    }
    Ok(text.into())
}

/// A value of `php.ini`: as it is written there where that is safe, so that `E_ALL & ~E_NOTICE` is computed; else quoted.
fn php_ini(value: &Value) -> Result<String, Error> {
    let text = value.to_string();
    printable(&text)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || " _-.:/~&|^!+,@%*".contains(c);
    match value.kind() {
        ValueKind::Bool => Ok(if value.is_true() { "On" } else { "Off" }.into()),
        ValueKind::Number => Ok(text),
        ValueKind::String if text.chars().all(plain) => Ok(text),
        // PHP knows no escape within single quotes, and expands variables within double ones.
        ValueKind::String if !text.contains('\'') => Ok(format!("'{text}'")),
        ValueKind::String if !text.contains(['"', '\\', '$']) => Ok(format!("\"{text}\"")),
        _ => Err(refuse(format!("{text:?} cannot be a value of php.ini"))),
    }
}

/// A name of Varnish's language (vcl(7)), for which a hyphen is a letter as any other.
fn vcl_name(text: &str) -> Result<String, Error> {
    word(text)?;
    if !text.starts_with(|first: char| first.is_ascii_alphabetic()) || text.contains('.') {
        return Err(refuse(format!(
            "{text:?} cannot name a backend of VCL: a letter first, no dot"
        )));
    }
    Ok(text.into())
}

/// The rest of a line of a configuration file.
fn line(text: &str) -> Result<String, Error> {
    printable(text)?;
    Ok(text.into())
}

/// Control characters have a meaning to database clients even within quotes.
fn printable(text: &str) -> Result<(), Error> {
    if text.chars().any(char::is_control) {
        return Err(refuse(format!("{text:?} has a control character")));
    }
    Ok(())
}

fn identifier(text: &str) -> Result<(), Error> {
    printable(text)?;
    // A backslash would escape differently as a name and as a pattern of GRANT.
    if text.is_empty() || text.len() > 63 || text.contains('\\') {
        return Err(refuse(format!(
            "{text:?} cannot name a database: 1 to 63 bytes, no backslash"
        )));
    }
    Ok(())
}

/// A string of MariaDB's SQL, in which a backslash escapes.
fn mysql_text(text: &str) -> Result<String, Error> {
    printable(text)?;
    Ok(format!("'{}'", text.replace('\\', r"\\").replace('\'', "''")))
}

/// A name of MariaDB's SQL.
fn mysql_name(text: &str) -> Result<String, Error> {
    identifier(text)?;
    Ok(format!("`{}`", text.replace('`', "``")))
}

/// A database in GRANT, where `_` and `%` would match other databases too.
fn mysql_grant(text: &str) -> Result<String, Error> {
    identifier(text)?;
    Ok(format!(
        "`{}`",
        text.replace('`', "``").replace('_', r"\_").replace('%', r"\%")
    ))
}

/// A string of PostgreSQL's SQL.
fn pg_text(text: &str) -> Result<String, Error> {
    printable(text)?;
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// A name of PostgreSQL's SQL.
fn pg_name(text: &str) -> Result<String, Error> {
    identifier(text)?;
    Ok(format!("\"{}\"", text.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(source: &str, x: &str) -> Result<String, Error> {
        render(source, json!({"x": x}))
    }

    #[test]
    fn hostile_words_stay_one_word_of_a_shell() {
        assert_eq!(
            with("{{ x | sh }}", "a'; rm -rf / #\n$(id)").unwrap(),
            "'a'\\''; rm -rf / #\n$(id)'"
        );
        assert!(with("{{ x | sh }}", "a\0b").is_err());
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        assert_eq!(with("{{ x | mysql_name }}", "a`; DROP").unwrap(), "`a``; DROP`");
        assert_eq!(with("{{ x | mysql_grant }}", "a_b%").unwrap(), r"`a\_b\%`");
        assert_eq!(with("{{ x | mysql_text }}", r"a'b\").unwrap(), r"'a''b\\'");
        assert_eq!(with("{{ x | pg_name }}", "a\"b").unwrap(), "\"a\"\"b\"");
        for hostile in ["a\nDELIMITER //", "a\\", ""] {
            assert!(with("{{ x | mysql_name }}", hostile).is_err(), "{hostile:?}");
        }
        assert!(with("{{ x | word }}", "utf8mb4\nplugin-load = x").is_err());
        assert!(with("{{ x | line }}", "a\nplugin-load = x").is_err());
    }

    #[test]
    fn values_of_php_ini_stay_on_their_line() {
        let with = |value| render("{{ x | php_ini }}", json!({"x": value}));
        assert_eq!(with(json!("E_ALL & ~E_NOTICE")).unwrap(), "E_ALL & ~E_NOTICE");
        assert_eq!(with(json!(true)).unwrap(), "On");
        assert_eq!(with(json!(512)).unwrap(), "512");
        assert_eq!(with(json!("a; b = \"c\"")).unwrap(), "'a; b = \"c\"'");
        assert_eq!(with(json!("it's")).unwrap(), "\"it's\"");
        for hostile in [json!("a\nauto_prepend_file = x"), json!("'\"${X}"), json!(["a"])] {
            assert!(with(hostile.clone()).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_missing_fact_is_an_error_and_not_an_empty_text() {
        assert!(with("{{ y }}", "").is_err());
        assert!(
            with("{{ fail('why') }}", "")
                .unwrap_err()
                .to_string()
                .contains("why")
        );
    }

    #[test]
    fn html_is_nothing_special() {
        assert_eq!(with("{{ x }}", "<&>").unwrap(), "<&>");
    }
}
