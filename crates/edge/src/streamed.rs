//! An answer on its way: as long as it flows its request is under way, and its connection is not free. What flows may be
//! kept for others.

use crate::{cache::Recording, gate::UnderWay, pool::Lease};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The body of a container's answer.
#[derive(Debug)]
pub struct Streamed {
    body: Incoming,
    ended: bool,
    lease: Option<Lease>,
    recording: Option<Recording>,
    _under_way: UnderWay,
}

impl Streamed {
    /// A body that comes over `lease`; without one, over a connection that serves nobody else.
    pub fn new(body: Incoming, lease: Option<Lease>, under_way: UnderWay) -> Self {
        Self {
            ended: body.is_end_stream(),
            body,
            lease,
            recording: None,
            _under_way: under_way,
        }
    }

    /// The same, kept if it comes to its end.
    pub fn recorded(mut self, recording: Option<Recording>) -> Self {
        self.recording = recording;
        if self.ended {
            self.finish();
        }
        self
    }

    fn finish(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.finish();
        }
    }

    fn record(&mut self, frame: &Frame<Bytes>) {
        self.recording = self
            .recording
            .take()
            // Trailers are not kept, nor what they belong to.
            .and_then(|recording| recording.add(frame.data_ref()?));
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.ended = match &frame {
            None => true,
            Some(Ok(_)) => self.body.is_end_stream(),
            Some(Err(_)) => false,
        };
        if let Some(Ok(frame)) = &frame {
            self.record(frame);
        }
        if self.ended {
            self.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        // An answer that was broken off leaves bytes in its connection: that one is closed with the lease.
        if self.ended
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}
