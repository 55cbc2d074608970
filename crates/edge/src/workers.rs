//! The threads that serve. Each has a runtime of its own and takes connections from the same sockets, so that a request, the
//! connection it came over and the container's never wait for another thread to wake up.

use crate::{edge::Edge, serve};
use guise_api::edge::Scheme;
use std::{io, net, os::fd::AsFd, sync::Arc, thread};
use tokio::{net::TcpListener, runtime, sync::oneshot, task::JoinSet};

/// Starts one; it lives as long as the process. Answers when its connections have ended.
///
/// # Errors
/// When the sockets cannot be duplicated, or there is no thread to be had.
pub fn start(edge: &Arc<Edge>, sockets: &[(Scheme, TcpListener)]) -> io::Result<oneshot::Receiver<()>> {
    let copies = sockets.iter().map(|(scheme, socket)| {
        let copy = socket.as_fd().try_clone_to_owned()?;
        Ok((*scheme, net::TcpListener::from(copy)))
    });
    let copies: Vec<_> = copies.collect::<io::Result<_>>()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let edge = Arc::clone(edge);
    let (ended, end) = oneshot::channel();
    thread::Builder::new().name("edge".into()).spawn(move || {
        runtime.block_on(async {
            if let Err(error) = serve_all(edge, copies).await {
                tracing::error!("a thread serves nothing: {error}");
            }
            // Nobody listens any more when the process is about to end.
            let _ = ended.send(());
            // WebSockets go on, and end with the process.
            std::future::pending::<()>().await;
        });
    })?;
    Ok(end)
}

async fn serve_all(edge: Arc<Edge>, sockets: Vec<(Scheme, net::TcpListener)>) -> io::Result<()> {
    let mut serving = JoinSet::new();
    for (scheme, socket) in sockets {
        let socket = TcpListener::from_std(socket)?;
        serving.spawn(serve::connections(Arc::clone(&edge), scheme, socket));
    }
    serving.join_all().await;
    Ok(())
}
