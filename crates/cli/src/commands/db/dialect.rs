//! The command lines of the databases' own clients, which run in the service's container.
//!
//! There they could be the server's administrator by the socket alone. Whoever queries is the relationship's user all the same,
//! who may do what the app may, and to whom what is made must belong: MariaDB's client logs in, with the password in its
//! environment and in no command line; PostgreSQL's takes the user's role. Dumps are the administrator's, who sees all of a schema.

use super::endpoint::Endpoint;
use std::collections::BTreeMap;

/// A kind of SQL database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// MariaDB and MySQL.
    Mysql,
    /// PostgreSQL.
    Postgresql,
}

/// What is asked of a client.
#[derive(Debug, Default)]
pub struct Query {
    /// What to run; standard input when absent.
    pub statements: Option<String>,
    /// Values only.
    pub raw: bool,
    /// Schema or database.
    pub schema: Option<String>,
    /// Whether a person types at standard input.
    pub person: bool,
}

/// What of a database is dumped.
#[derive(Debug, Default)]
pub struct Selection {
    /// Schema or database.
    pub schema: Option<String>,
    /// Only these tables; all when empty.
    pub tables: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
    /// Definitions without rows.
    pub schema_only: bool,
}

impl Dialect {
    /// The dialect of a relationship's scheme.
    pub fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "mysql" => Some(Self::Mysql),
            "pgsql" => Some(Self::Postgresql),
            _ => None,
        }
    }

    /// The client, for a query, for statements on standard input, or for a person.
    pub fn sql(self, endpoint: &Endpoint, query: &Query) -> Vec<String> {
        match self {
            Self::Mysql => {
                let mut argv = mysql("mariadb", endpoint.username.as_deref());
                argv.push("--no-auto-rehash".into());
                if query.raw {
                    argv.extend(["--batch".into(), "--raw".into(), "--skip-column-names".into()]);
                } else if query.statements.is_some() {
                    argv.push("--table".into());
                }
                if let Some(statements) = &query.statements {
                    argv.push(format!("--execute={statements}"));
                }
                argv.extend(query.schema.iter().map(|schema| format!("--database={schema}")));
                argv
            }
            Self::Postgresql => {
                let mut argv = as_role(endpoint);
                argv.extend(["psql".into(), "--no-psqlrc".into()]);
                if query.raw {
                    argv.extend(["--tuples-only", "--no-align", "--field-separator=\t"].map(String::from));
                }
                if !query.person || query.statements.is_some() {
                    // Like MariaDB's client: the first mistake ends an import, and nothing waits for a key.
                    argv.extend(["--set=ON_ERROR_STOP=1", "--pset=pager=off"].map(String::from));
                }
                if let Some(statements) = &query.statements {
                    argv.push(format!("--command={statements}"));
                } else if !query.person {
                    argv.push("--quiet".into());
                }
                argv.extend(query.schema.iter().map(|schema| format!("--dbname={schema}")));
                argv
            }
        }
    }

    /// Variables of the client for queries.
    pub fn env(self, endpoint: &Endpoint) -> BTreeMap<String, String> {
        match (self, &endpoint.username, &endpoint.password) {
            (Self::Mysql, Some(_), Some(password)) => [("MYSQL_PWD".into(), password.clone())].into(),
            _ => BTreeMap::new(),
        }
    }

    /// The program that writes a dump to standard output. It is one instant of the data, and imports over what is there.
    pub fn dump(self, endpoint: &Endpoint, selection: &Selection) -> Vec<String> {
        let schema = selection.schema.as_deref().unwrap_or_default();
        match self {
            Self::Mysql => {
                let mut argv = mysql("mariadb-dump", None);
                argv.extend(
                    [
                        "--single-transaction",
                        "--quick",
                        "--routines",
                        "--no-tablespaces",
                    ]
                    .map(String::from),
                );
                if selection.schema_only {
                    argv.push("--no-data".into());
                }
                let exclude = selection.exclude.iter();
                argv.extend(exclude.map(|table| format!("--ignore-table={schema}.{table}")));
                argv.extend(["--".into(), schema.into()]);
                argv.extend(selection.tables.iter().cloned());
                argv
            }
            Self::Postgresql => {
                let mut argv = vec!["pg_dump".to_owned(), format!("--dbname={schema}")];
                argv.extend(["--clean", "--if-exists", "--no-owner", "--no-privileges"].map(String::from));
                argv.extend(endpoint.username.iter().map(|user| format!("--role={user}")));
                if selection.schema_only {
                    argv.push("--schema-only".into());
                }
                argv.extend(selection.tables.iter().map(|table| format!("--table={table}")));
                argv.extend(
                    selection
                        .exclude
                        .iter()
                        .map(|table| format!("--exclude-table={table}")),
                );
                argv
            }
        }
    }
}

/// The administrator, where no user is named.
fn mysql(program: &str, user: Option<&str>) -> Vec<String> {
    vec![
        program.into(),
        // Must be the first option (mariadb(1)).
        "--defaults-file=/run/mariadb/my.cnf".into(),
        format!("--user={}", user.unwrap_or("mysql")),
    ]
}

fn as_role(endpoint: &Endpoint) -> Vec<String> {
    let Some(user) = &endpoint.username else {
        return Vec::new();
    };
    // A blank or a backslash within a setting is escaped by a backslash (libpq, `options`).
    let mut escaped = String::new();
    for character in user.chars() {
        if character == '\\' || character.is_whitespace() {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    vec!["env".into(), format!("PGOPTIONS=-c role={escaped}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            service: "db".into(),
            scheme: "pgsql".into(),
            username: Some("main user".into()),
            password: Some("secret".into()),
            path: Some("main".into()),
        }
    }

    #[test]
    fn a_query_is_one_argument_whatever_is_in_it() {
        let query = Query {
            statements: Some("SELECT '; -- $(reboot)'".into()),
            schema: Some("main".into()),
            ..Query::default()
        };
        assert_eq!(
            Dialect::Mysql.sql(&endpoint(), &query).join(" "),
            "mariadb --defaults-file=/run/mariadb/my.cnf --user=main user --no-auto-rehash --table \
             --execute=SELECT '; -- $(reboot)' --database=main"
        );
        assert_eq!(
            Dialect::Postgresql.sql(&endpoint(), &query),
            [
                "env",
                "PGOPTIONS=-c role=main\\ user",
                "psql",
                "--no-psqlrc",
                "--set=ON_ERROR_STOP=1",
                "--pset=pager=off",
                "--command=SELECT '; -- $(reboot)'",
                "--dbname=main"
            ]
        );
    }

    #[test]
    fn a_password_is_in_the_environment_where_one_is_needed() {
        let password = Dialect::Mysql.env(&endpoint());
        assert_eq!(password["MYSQL_PWD"], "secret");
        assert!(Dialect::Postgresql.env(&endpoint()).is_empty());
    }

    #[test]
    fn a_dump_names_tables_that_are_wanted_and_those_that_are_not() {
        let selection = Selection {
            schema: Some("main".into()),
            tables: vec!["a".into(), "b".into()],
            exclude: vec!["c".into()],
            schema_only: true,
        };
        let mysql = Dialect::Mysql.dump(&endpoint(), &selection).join(" ");
        assert!(
            mysql.ends_with("--no-data --ignore-table=main.c -- main a b"),
            "{mysql}"
        );
        let postgresql = Dialect::Postgresql.dump(&endpoint(), &selection).join(" ");
        assert!(
            postgresql.ends_with("--role=main user --schema-only --table=a --table=b --exclude-table=c"),
            "{postgresql}"
        );
    }
}
