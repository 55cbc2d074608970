//! Frames of the exec stream, over any connection.

use guise_api::exec::{Frame, MAX_PAYLOAD, header};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads the next frame; `None` when the connection ended between two frames.
///
/// # Errors
/// `InvalidData` for an unknown kind or a payload above [`MAX_PAYLOAD`]; `UnexpectedEof` within a frame.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Frame, Vec<u8>)>> {
    let mut head = [0; 5];
    if from.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..]).await?;
    let kind = Frame::try_from(head[0]).map_err(|kind| invalid(format!("frame of unknown kind {kind}")))?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > MAX_PAYLOAD {
        return Err(invalid(format!(
            "frame of {length} bytes, {MAX_PAYLOAD} are allowed"
        )));
    }
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await?;
    Ok(Some((kind, payload)))
}

/// Writes one frame, at once.
///
/// # Errors
/// `InvalidData` for a payload above [`MAX_PAYLOAD`], and what the connection says.
pub async fn write(to: &mut (impl AsyncWrite + Unpin), kind: Frame, payload: &[u8]) -> io::Result<()> {
    if payload.len() > MAX_PAYLOAD {
        return Err(invalid(format!(
            "frame of {} bytes, {MAX_PAYLOAD} are allowed",
            payload.len()
        )));
    }
    to.write_all(&header(kind, payload.len())).await?;
    to.write_all(payload).await?;
    to.flush().await
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn frames_arrive_as_they_were_sent() {
        run(async {
            // Small enough that a payload needs several turns.
            let (mut near, mut far) = tokio::io::duplex(16);
            let sent = tokio::spawn(async move {
                write(&mut near, Frame::Stdin, &[7; 100]).await.unwrap();
                write(&mut near, Frame::Stdin, &[]).await.unwrap();
                write(&mut near, Frame::Exit, b"137").await.unwrap();
            });
            assert_eq!(read(&mut far).await.unwrap(), Some((Frame::Stdin, vec![7; 100])));
            assert_eq!(read(&mut far).await.unwrap(), Some((Frame::Stdin, vec![])));
            assert_eq!(
                read(&mut far).await.unwrap(),
                Some((Frame::Exit, b"137".to_vec()))
            );
            assert_eq!(read(&mut far).await.unwrap(), None);
            sent.await.unwrap();
        });
    }

    #[test]
    fn a_frame_that_is_unknown_cut_off_or_too_long_is_an_error() {
        let kind = |mut bytes: &[u8]| run(async { read(&mut bytes).await.unwrap_err().kind() });
        assert_eq!(kind(&[9, 0, 0, 0, 0]), io::ErrorKind::InvalidData);
        assert_eq!(kind(&[1, 255, 0, 0, 0]), io::ErrorKind::InvalidData);
        assert_eq!(kind(&[1, 0, 0, 0, 2, 65]), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(&[1, 0]), io::ErrorKind::UnexpectedEof);
    }
}
