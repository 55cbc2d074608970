//! One SSH connection: who it is, and its channels. Called by the SSH library for each message, and never slow: what takes
//! time is done by a task of its own, since one channel must not hold up the others.

use crate::{
    ask::Line,
    channel::Writer,
    doorway::Place,
    intake::{Intake, intake},
    session::{self, Ends},
    signal,
};
use bytes::Bytes;
use guise_api::gateway::{Answer, Caller, Control, Program, Question, Wish};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Disconnect, Pty, Sig,
    keys::{HashAlg, PublicKey},
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use std::{collections::HashMap, mem, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Keys that a client may offer. An agent with more is to be told which one (`IdentitiesOnly`, ssh_config(5)).
const MOST_OFFERS: u32 = 12;
/// Channels at a time of one connection.
const MOST_CHANNELS: usize = 128;
/// Variables that a client may send for a session, and their bytes in all.
const MOST_VARIABLES: usize = 64;
const LONGEST_VARIABLES: usize = 16 << 10;
/// How long guised may take to know a key.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    ask: Arc<PathBuf>,
    from: IpAddr,
    offers: u32,
    caller: Option<Caller>,
    /// Held until a key was shown.
    stranger: Option<(Place, oneshot::Sender<()>)>,
    channels: HashMap<ChannelId, Open>,
}

/// A channel that a client has opened.
#[derive(Debug)]
enum Open {
    /// It has not said what for.
    Waiting(Waiting),
    /// Something runs.
    Busy {
        /// Where its data goes; `None` when it has said that there will be no more.
        intake: Option<Intake>,
        /// Where what it says goes. The session ends with it.
        controls: mpsc::UnboundedSender<Control>,
    },
}

#[derive(Debug)]
struct Waiting {
    writer: Writer,
    tty: Option<(u16, u16)>,
    env: Vec<(String, String)>,
}

impl Connection {
    /// A stranger's connection. `admitted` is told when it has shown a key.
    pub fn new(ask: Arc<PathBuf>, from: IpAddr, place: Place, admitted: oneshot::Sender<()>) -> Self {
        Self {
            ask,
            from,
            offers: 0,
            caller: None,
            stranger: Some((place, admitted)),
            channels: HashMap::new(),
        }
    }

    /// Whether guised lets somebody in. Nobody can tell a key that is unknown from a name that leads nowhere.
    async fn is_welcome(&self, caller: &Caller) -> bool {
        let question = Question {
            caller: caller.clone(),
            wish: Wish::Enter,
        };
        let answer = async { Line::ask(&self.ask, &question)?.answer().await };
        match timeout(PATIENCE, answer).await {
            Ok(Ok((answer, _))) => answer == Answer::Welcome,
            Ok(Err(error)) => {
                tracing::error!("nobody is let in: {error}");
                false
            }
            Err(_) => {
                tracing::error!("nobody is let in: guised does not answer");
                false
            }
        }
    }

    fn caller(&self, login: &str, key: &PublicKey) -> Caller {
        Caller {
            login: login.into(),
            key: key.fingerprint(HashAlg::Sha256).to_string(),
            from: self.from,
        }
    }

    /// A question of whoever has shown a key. Channels are opened by nobody else.
    fn question(&self, wish: Wish) -> Option<Question> {
        self.caller.clone().map(|caller| Question { caller, wish })
    }

    /// A place for one more channel.
    fn has_room(&mut self) -> bool {
        // Of those that this side closed the library does not tell.
        self.channels
            .retain(|_, open| !matches!(open, Open::Busy { controls, .. } if controls.is_closed()));
        self.channels.len() < MOST_CHANNELS
    }

    fn waiting(&mut self, channel: ChannelId) -> Option<&mut Waiting> {
        match self.channels.get_mut(&channel) {
            Some(Open::Waiting(waiting)) => Some(waiting),
            _ => None,
        }
    }

    /// Puts a channel to work; answers the ends for what runs.
    fn engage(&mut self, channel: ChannelId, writer: Writer) -> Ends {
        let (intake, outlet) = intake();
        let (sender, controls) = mpsc::unbounded_channel();
        let busy = Open::Busy {
            intake: Some(intake),
            controls: sender,
        };
        self.channels.insert(channel, busy);
        Ends {
            writer,
            outlet,
            controls,
        }
    }

    /// Starts a program on a channel that waits for one.
    fn start(
        &mut self,
        channel: ChannelId,
        program: Program,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(waiting) = self.waiting(channel) else {
            return session.channel_failure(channel);
        };
        let (tty, env) = (waiting.tty, mem::take(&mut waiting.env));
        let question = self.question(Wish::Run { program, tty, env });
        let (Some(question), Some(Open::Waiting(waiting))) = (question, self.channels.remove(&channel))
        else {
            return session.channel_failure(channel);
        };
        let ends = self.engage(channel, waiting.writer);
        session.channel_success(channel)?;
        let ask = self.ask.clone();
        tokio::spawn(async move { session::run(&ask, &question, ends).await });
        Ok(())
    }

    fn tell(&self, channel: ChannelId, control: Control) {
        if let Some(Open::Busy { controls, .. }) = self.channels.get(&channel) {
            let _ = controls.send(control);
        }
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        login: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        self.offers += 1;
        if self.offers > MOST_OFFERS {
            return Err(russh::Error::Disconnect);
        }
        let caller = self.caller(login, offer.public_key);
        Ok(match self.is_welcome(&caller).await {
            true => Auth::Accept,
            false => Auth::reject(),
        })
    }

    async fn auth_publickey(
        &mut self,
        login: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        let caller = self.caller(login, key.public_key);
        if !self.is_welcome(&caller).await {
            return Ok(Auth::reject());
        }
        self.caller = Some(caller);
        Ok(Auth::Accept)
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), russh::Error> {
        if let Some((_place, admitted)) = self.stranger.take() {
            let _ = admitted.send(());
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if !self.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let (id, (_, writer)) = (channel.id(), channel.split());
        let waiting = Waiting {
            writer,
            tty: None,
            env: Vec::new(),
        };
        self.channels.insert(id, Open::Waiting(waiting));
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        let host = host.to_string();
        let wish = u16::try_from(port).ok().map(|port| Wish::Connect { host, port });
        let Some(question) = wish.and_then(|wish| self.question(wish)) else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        if !self.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let (id, (_, writer)) = (channel.id(), channel.split());
        let ends = self.engage(id, writer);
        let ask = self.ask.clone();
        tokio::spawn(async move { session::forward(&ask, &question, ends, reply).await });
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(waiting) = self.waiting(channel) else {
            return session.channel_failure(channel);
        };
        waiting.tty = Some((narrow(columns), narrow(rows)));
        if is_variable("TERM", term) {
            waiting.env.push(("TERM".into(), term.into()));
        }
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(waiting) = self.waiting(channel) else {
            return session.channel_failure(channel);
        };
        let bytes: usize = waiting
            .env
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let fits =
            waiting.env.len() < MOST_VARIABLES && bytes + name.len() + value.len() <= LONGEST_VARIABLES;
        if !fits || !is_variable(name, value) {
            return session.channel_failure(channel);
        }
        waiting.env.push((name.into(), value.into()));
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        self.start(channel, Program::Shell, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match std::str::from_utf8(line) {
            Ok(line) => self.start(channel, Program::Command { line: line.into() }, session),
            Err(_) => session.channel_failure(channel),
        }
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match name {
            "sftp" => self.start(channel, Program::Sftp, session),
            _ => session.channel_failure(channel),
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        let (columns, rows) = (narrow(columns), narrow(rows));
        self.tell(channel, Control::Resize { columns, rows });
        Ok(())
    }

    async fn signal(&mut self, channel: ChannelId, signal: Sig, _: &mut Session) -> Result<(), russh::Error> {
        if let Some(number) = signal::number(&signal) {
            self.tell(channel, Control::Signal { number });
        }
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(Open::Busy {
            intake: Some(intake), ..
        }) = self.channels.get(&channel)
        else {
            return Ok(());
        };
        if intake.put(Bytes::copy_from_slice(data)).await.is_err() {
            let why = "more was sent than the program reads";
            session.disconnect(Disconnect::ByApplication, why, "en")?;
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        if let Some(Open::Busy { intake, .. }) = self.channels.get_mut(&channel) {
            *intake = None;
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.channels.remove(&channel);
        Ok(())
    }
}

/// A terminal's size as the kernel keeps it.
fn narrow(size: u32) -> u16 {
    u16::try_from(size).unwrap_or(u16::MAX)
}

/// Whether this can be a variable of a process's environment.
fn is_variable(name: &str, value: &str) -> bool {
    let starts = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !value.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_variable_is_none() {
        assert!(is_variable("LC_ALL", "de_DE.UTF-8") && is_variable("_", ""));
        for (name, value) in [
            ("", ""),
            ("A=B", ""),
            ("1A", ""),
            ("A B", ""),
            ("A", "\0"),
            ("Ä", ""),
        ] {
            assert!(!is_variable(name, value), "{name:?} {value:?}");
        }
    }
}
