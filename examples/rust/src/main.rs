//! Keeps the text of each POST as a note, and answers a GET with all notes.

use postgres::{Client, Config, NoTls};
use std::{env, error::Error, io::Read};
use tiny_http::{Method, Request, Response, Server};

const LONGEST_NOTE: u64 = 1000;

/// Status and text of an answer.
type Answer = (u16, String);

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    connect()?.batch_execute("CREATE TABLE IF NOT EXISTS notes (id SERIAL PRIMARY KEY, text TEXT NOT NULL)")?;
    let server = Server::http(("127.0.0.1", env::var("PORT")?.parse()?))?;
    for mut request in server.incoming_requests() {
        let (status, text) = answer(&mut request).unwrap_or_else(|problem| {
            eprintln!("{problem}");
            (503, "The database does not answer.\n".into())
        });
        if let Err(problem) = request.respond(Response::from_string(text).with_status_code(status)) {
            eprintln!("{problem}");
        }
    }
    Ok(())
}

fn connect() -> Result<Client, Box<dyn Error + Send + Sync>> {
    let client = Config::new()
        .host(&env::var("PGHOST")?)
        .port(env::var("PGPORT")?.parse()?)
        .user(&env::var("PGUSER")?)
        .password(env::var("PGPASSWORD")?)
        .dbname(&env::var("PGDATABASE")?)
        .connect(NoTls)?;
    Ok(client)
}

fn answer(request: &mut Request) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    match request.method() {
        Method::Get => Ok((200, list()?)),
        Method::Post => keep(request),
        _ => Ok((405, "GET or POST.\n".into())),
    }
}

fn list() -> Result<String, Box<dyn Error + Send + Sync>> {
    let rows = connect()?.query("SELECT text FROM notes ORDER BY id", &[])?;
    Ok(rows.iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect())
}

fn keep(request: &mut Request) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    let mut body = Vec::new();
    request.as_reader().take(LONGEST_NOTE + 1).read_to_end(&mut body)?;
    let text = String::from_utf8_lossy(&body);
    let text = text.trim();
    if text.is_empty() || body.len() as u64 > LONGEST_NOTE {
        return Ok((400, "A note has 1 to 1000 bytes.\n".into()));
    }
    connect()?.execute("INSERT INTO notes (text) VALUES ($1)", &[&text])?;
    Ok((201, "Kept.\n".into()))
}
