//! One message from the old process to the new one: a short text, with or without a descriptor.
//!
//! The text follows its length, which takes two bytes. The receiver never reads past the end of a
//! message, because a descriptor arrives with the read of the first byte that was sent with it.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The maximum length of a text, which contains the address of a listener.
const MAX_TEXT: usize = 1024;

/// Sends a text, and a descriptor if there is one.
pub(super) fn send(
    mut to: &UnixStream,
    text: &str,
    with: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let length = u16::try_from(text.len()).ok().filter(|length| usize::from(*length) <= MAX_TEXT);
    let length = length
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the text is too long"))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = with.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    // A stream may split even two bytes.
    let length = length.to_be_bytes();
    let sent = sendmsg(to, &[IoSlice::new(&length)], &mut control, SendFlags::empty())?;
    to.write_all(&length[sent..])?;
    to.write_all(text.as_bytes())
}

/// Receives what [`send`] sent.
pub(super) fn receive(mut from: &UnixStream) -> io::Result<(String, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; 2];
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let flags = RecvFlags::empty();
    let got = recvmsg(from, &mut [IoSliceMut::new(&mut length)], &mut control, flags)?;
    let mut descriptor = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            descriptor = descriptors.last().or(descriptor);
        }
    }
    if let Some(descriptor) = &descriptor {
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
    }
    if got.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    from.read_exact(&mut length[got.bytes..])?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > MAX_TEXT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a text is too long"));
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text)?;
    let text = String::from_utf8(text)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((text, descriptor))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn texts_and_descriptors_arrive_in_their_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let sockets: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        for (index, socket) in sockets.iter().enumerate() {
            send(&ours, &format!("socket {index}"), Some(socket.as_fd())).unwrap();
        }
        send(&ours, "", None).unwrap();
        drop(ours);
        for (index, socket) in sockets.iter().enumerate() {
            let (text, descriptor) = receive(&theirs).unwrap();
            assert_eq!(text, format!("socket {index}"));
            let received = TcpListener::from(descriptor.unwrap());
            assert_eq!(received.local_addr().unwrap(), socket.local_addr().unwrap());
            assert!(
                rustix::io::fcntl_getfd(&received).unwrap().contains(rustix::io::FdFlags::CLOEXEC)
            );
        }
        assert!(matches!(receive(&theirs).unwrap(), (text, None) if text.is_empty()));
        assert_eq!(receive(&theirs).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_on_both_sides() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let error = send(&ours, &"a".repeat(MAX_TEXT + 1), None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        (&ours).write_all(&[0xff, 0xff]).unwrap();
        assert_eq!(receive(&theirs).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
