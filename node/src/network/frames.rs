//! One frame off a stream: the header first, its limit checked, then as many bytes as really come (N-401).
//!
//! Nothing is allocated by the length that a peer claims: the buffer grows with what arrives. Kinds from 0x80 on belong
//! to later releases and are skipped unread; unknown kinds below are a fault.

use bytes::Bytes;
use coterie_protocol::{Channel, FRAME_HEADER_BYTES, GroupFrame, JoinFrame, body_length};
use futures::io::{AsyncRead, AsyncReadExt};

use super::limits::SKIPPED_BODY_BYTES_MAX;

/// What came.
#[derive(Debug)]
pub(super) enum Admitted {
    /// One whole frame, header included.
    Frame(Bytes),
    /// A frame of a later release, read past.
    Skipped,
}

/// Why nothing came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The stream ended, in the middle of a frame or between two.
    Closed,
    /// A kind that does not exist, or a length beyond its limit.
    Refused,
}

/// Reads one frame.
pub(super) async fn read<R: AsyncRead + Unpin>(channel: Channel, reader: &mut R) -> Result<Admitted, Fault> {
    let mut header = [0; FRAME_HEADER_BYTES];
    reader.read_exact(&mut header).await.map_err(|_| Fault::Closed)?;
    let length = body_length(&header).map_err(|_| Fault::Refused)?;
    let [kind, slot, ..] = header;
    match verdict(channel, kind, slot, length) {
        Verdict::Take => take(&header, length, reader).await.map(Admitted::Frame),
        Verdict::Skip => skip(length, reader).await.map(|()| Admitted::Skipped),
        Verdict::Refuse => Err(Fault::Refused),
    }
}

/// What a header deserves.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Take,
    Skip,
    Refuse,
}

/// The limit of a kind is checked on the header (N-401).
fn verdict(channel: Channel, kind: u8, slot: u8, length: usize) -> Verdict {
    if kind >= 0x80 {
        return if length <= SKIPPED_BODY_BYTES_MAX { Verdict::Skip } else { Verdict::Refuse };
    }
    let limit = match channel {
        Channel::Group => GroupFrame::from_number(kind).map(GroupFrame::body_bytes_max),
        Channel::Join if slot == 0 => JoinFrame::from_number(kind).map(JoinFrame::body_bytes_max),
        Channel::Join => None,
    };
    if limit.is_some_and(|limit| length <= limit) { Verdict::Take } else { Verdict::Refuse }
}

async fn take<R: AsyncRead + Unpin>(header: &[u8], length: usize, reader: &mut R) -> Result<Bytes, Fault> {
    let mut bytes = header.to_vec();
    let wanted = bytes.len().saturating_add(length);
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    reader.take(limit).read_to_end(&mut bytes).await.map_err(|_| Fault::Closed)?;
    if bytes.len() == wanted { Ok(Bytes::from(bytes)) } else { Err(Fault::Closed) }
}

async fn skip<R: AsyncRead + Unpin>(mut length: usize, reader: &mut R) -> Result<(), Fault> {
    let mut waste = [0; 1_024];
    while length > 0 {
        let room = waste.len().min(length);
        let part = waste.get_mut(..room).ok_or(Fault::Closed)?;
        match reader.read(part).await {
            Ok(read) if read > 0 => length = length.saturating_sub(read),
            _ => return Err(Fault::Closed),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use coterie_protocol::Frame;
    use futures::FutureExt;
    use futures::io::Cursor;

    use super::*;

    fn read_now(channel: Channel, bytes: &[u8]) -> Result<Admitted, Fault> {
        read(channel, &mut Cursor::new(bytes.to_vec())).now_or_never().unwrap()
    }

    fn header(kind: u8, slot: u8, length: usize) -> Vec<u8> {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        vec![kind, slot, length[1], length[2], length[3]]
    }

    #[test]
    fn n_401_a_frame_of_its_largest_size_is_taken_and_one_byte_more_is_refused() {
        for &kind in GroupFrame::ALL {
            let body = Bytes::from(vec![7; kind.body_bytes_max()]);
            let whole = Frame { kind: kind.number(), slot: 3, body }.to_bytes();
            match read_now(Channel::Group, &whole) {
                Ok(Admitted::Frame(bytes)) => assert_eq!(bytes, whole),
                other => panic!("{kind:?}: {other:?}"),
            }
            let over = header(kind.number(), 3, kind.body_bytes_max() + 1);
            assert_eq!(read_now(Channel::Group, &over).err(), Some(Fault::Refused), "{kind:?}");
        }
    }

    #[test]
    fn n_401_kinds_of_later_releases_are_read_past_and_unknown_ones_refused() {
        let mut later = header(0x80, 0, 3_000);
        later.extend(vec![1; 3_000]);
        assert!(matches!(read_now(Channel::Group, &later), Ok(Admitted::Skipped)));
        assert_eq!(read_now(Channel::Group, &header(0xFF, 0, (64 << 10) + 1)).err(), Some(Fault::Refused));
        assert_eq!(read_now(Channel::Group, &header(0x7F, 0, 0)).err(), Some(Fault::Refused));
        assert_eq!(read_now(Channel::Join, &header(0x20, 0, 0)).err(), Some(Fault::Refused));
        assert_eq!(read_now(Channel::Join, &header(0x01, 1, 0)).err(), Some(Fault::Refused));
    }

    #[test]
    fn n_401_every_truncation_is_an_end_and_no_frame() {
        let body = Bytes::from_static(b"eight by");
        let whole = Frame { kind: GroupFrame::Push.number(), slot: 1, body }.to_bytes();
        for length in 0..whole.len() {
            assert_eq!(read_now(Channel::Group, &whole[..length]).err(), Some(Fault::Closed));
        }
    }

    /// A peer that claims a long body, sends a few bytes and looks how much room we made.
    struct Claims {
        bytes: Vec<u8>,
        at: usize,
        most_room: usize,
    }

    impl AsyncRead for Claims {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, room: &mut [u8]) -> Poll<std::io::Result<usize>> {
            self.most_room = self.most_room.max(room.len());
            let left = &self.bytes[self.at..];
            let count = left.len().min(room.len());
            room[..count].copy_from_slice(&left[..count]);
            self.at += count;
            Poll::Ready(Ok(count))
        }
    }

    #[test]
    fn n_401_no_room_is_made_for_a_length_that_is_only_claimed() {
        let mut bytes = header(GroupFrame::Msync.number(), 1, 160 << 10);
        bytes.extend([1; 10]);
        let mut peer = Claims { bytes, at: 0, most_room: 0 };
        let read = read(Channel::Group, &mut peer).now_or_never().unwrap();
        assert_eq!(read.err(), Some(Fault::Closed));
        assert!(peer.most_room <= 1_024, "made room for {} bytes", peer.most_room);
    }
}
