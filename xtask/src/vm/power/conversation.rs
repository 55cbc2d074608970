//! A machine that does what it is told over a serial line, until its power is cut.

use super::Parts;
use crate::vm::machine::{Machine, qemu};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeSet,
    io::Write,
    process::{ChildStdin, Stdio},
    sync::mpsc::Receiver,
    time::Duration,
};

/// How long the machine may say nothing: it is emulated.
const PATIENCE: Duration = Duration::from_secs(180);
/// What the machine's task says, and no command's output.
const PREFIX: &str = "power: ";

/// A machine that is on.
pub struct Conversation {
    machine: Machine,
    input: ChildStdin,
    lines: Receiver<String>,
    /// The numbers that the site acknowledged since the power is on.
    kept: BTreeSet<u32>,
}

/// Something that the task says.
enum Said {
    Output(String),
    Status(String),
    Died,
}

impl Conversation {
    /// Switches the power on and waits until the machine listens.
    ///
    /// # Errors
    /// When QEMU cannot be run or the machine does not come up.
    pub fn begin(parts: &Parts) -> Result<Self> {
        let console = parts.disk.with_file_name("console");
        let mut qemu = qemu(&parts.kernel.image, &parts.initramfs, &parts.disk);
        qemu.args(["-serial", &format!("file:{}", console.display())])
            .args(["-serial", "stdio"])
            .stdin(Stdio::piped());
        let mut machine = Machine::start(&mut qemu)?;
        let (input, lines) = (machine.input()?, machine.lines()?);
        let mut conversation = Self {
            machine,
            input,
            lines,
            kept: BTreeSet::new(),
        };
        while !matches!(conversation.next()?, Said::Output(line) if line == "power: ready") {}
        Ok(conversation)
    }

    /// Has the machine run a command and answers what it prints.
    ///
    /// # Errors
    /// When it fails, or is not done in time.
    pub fn run(&mut self, command: &str) -> Result<String> {
        writeln!(self.input, "{command}").context("the machine does not listen")?;
        let mut output = Vec::new();
        loop {
            match self
                .next()
                .with_context(|| format!("in the machine: {command}"))?
            {
                Said::Output(line) => output.push(line),
                Said::Status(status) if status == "0" => return Ok(output.join("\n").trim_end().into()),
                Said::Status(status) => {
                    bail!(
                        "in the machine: {command}: status {status}\n{}",
                        output.join("\n")
                    )
                }
                Said::Died => bail!(
                    "in the machine: {command}: the daemon died\n{}",
                    output.join("\n")
                ),
            }
        }
    }

    /// Waits until the site has acknowledged a number.
    ///
    /// # Errors
    /// When it does not.
    pub fn hear_number(&mut self) -> Result<()> {
        while self.kept.is_empty() {
            self.listen()?;
        }
        Ok(())
    }

    /// Waits until the daemon dies, and cuts the power in that moment. Answers what the site acknowledged before.
    ///
    /// # Errors
    /// When the daemon does not die.
    pub fn cut(mut self) -> Result<BTreeSet<u32>> {
        while !matches!(self.next()?, Said::Died) {}
        drop(self.machine);
        // What was said before and not read yet.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.kept.extend(number(&line));
        }
        Ok(self.kept)
    }

    /// What the machine says next, besides numbers.
    fn next(&mut self) -> Result<Said> {
        loop {
            if let Some(line) = self.listen()? {
                return Ok(said(line));
            }
        }
    }

    /// The next line, unless it is a number.
    fn listen(&mut self) -> Result<Option<String>> {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.context("the machine says nothing any more")?;
        let Some(number) = number(&line) else {
            return Ok(Some(line));
        };
        self.kept.insert(number);
        Ok(None)
    }
}

fn said(line: String) -> Said {
    match line.strip_prefix(PREFIX) {
        Some("the daemon died") => Said::Died,
        Some(words) => match words.strip_prefix("status ") {
            Some(status) => Said::Status(status.into()),
            None => Said::Output(line),
        },
        None => Said::Output(line),
    }
}

fn number(line: &str) -> Option<u32> {
    line.strip_prefix("power: kept ")?.parse().ok()
}
