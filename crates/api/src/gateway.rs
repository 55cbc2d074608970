//! The gateway's socket: what the SSH gateway asks guised.
//!
//! A unix socket of sequenced packets. Each connection is one question. The gateway sends a [`Question`] as JSON and gets
//! an [`Answer`]; after [`Answer::Opened`], which carries the descriptors of what was opened, it may send [`Control`]s
//! and waits for [`Answer::Ended`]. Bytes of sessions go over the descriptors and never over this socket. Closing the
//! connection ends what was opened.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Longest message, in bytes. A command that is longer is refused.
pub const LONGEST: usize = 128 * 1024;

/// Who asks. The gateway has seen a signature by this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The user name of the SSH connection, as it was sent: `<project>` or `<project>-<machine name>--<app>`.
    pub login: String,
    /// Fingerprint of the key: `SHA256:…`.
    pub key: String,
    /// Where the connection comes from.
    pub from: IpAddr,
}

/// What the gateway wants to know or to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who asks.
    pub caller: Caller,
    /// For what.
    pub wish: Wish,
}

/// What a caller wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "wish")]
pub enum Wish {
    /// To be let in.
    Enter,
    /// A process.
    Run {
        /// Which.
        program: Program,
        /// The size of the terminal it shall have (columns, rows), if one.
        tty: Option<(u16, u16)>,
        /// Variables for it.
        env: Vec<(String, String)>,
    },
    /// A connection from within the app's network.
    Connect {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// A program that a caller wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "program")]
pub enum Program {
    /// A login shell.
    Shell,
    /// A command line for a shell, or one of git's.
    Command {
        /// As it was sent.
        line: String,
    },
    /// The server of the SFTP protocol.
    Sftp,
}

/// What guised says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// Come in.
    Welcome,
    /// No.
    Refused {
        /// Why, for the person.
        message: String,
    },
    /// Here it is: three pipes (the process's standard input, output and error), or one terminal or connection.
    Opened {
        /// What to tell the person first.
        greeting: Option<String>,
    },
    /// The process has ended.
    Ended {
        /// Its exit status; 128 + N when signal N ended it.
        status: u32,
    },
}

/// What can be said to a process meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "control")]
pub enum Control {
    /// Its terminal has another size.
    Resize {
        /// Width in characters.
        columns: u16,
        /// Height in characters.
        rows: u16,
    },
    /// It gets a signal.
    Signal {
        /// Its number.
        number: i32,
    },
}
