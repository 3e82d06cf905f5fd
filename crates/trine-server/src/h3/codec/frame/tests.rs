use super::*;

const LIMITS: FrameLimits = FrameLimits { head: 100, trailers: 10, ignored: 40 };

/// All pieces of a stream, fed in parts of `step` bytes.
fn read(bytes: &[u8], step: usize) -> Result<Vec<Piece>, Fault> {
    let mut frames = Frames::new(LIMITS);
    let mut pieces: Vec<Piece> = Vec::new();
    for bytes in bytes.chunks(step) {
        frames.feed(Bytes::copy_from_slice(bytes));
        loop {
            match (frames.next()?, pieces.last_mut()) {
                (Piece::More, _) => break,
                (Piece::HeadTooLarge, _) => return Ok(vec![Piece::HeadTooLarge]),
                // Data is split where a part ends, so it is joined.
                (Piece::Data(more), Some(Piece::Data(data))) => {
                    *data = [&data[..], &more[..]].concat().into();
                }
                (piece, _) => pieces.push(piece),
            }
        }
    }
    frames.end()?;
    Ok(pieces)
}

fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    varint::write(&mut out, kind);
    varint::write(&mut out, payload.len() as u64);
    out.extend_from_slice(payload);
    out.to_vec()
}

#[test]
fn a_request_in_pieces_of_any_size() {
    let grease = frame(0x21 + 0x1f * 1000, b"grease");
    let bytes = [
        grease.clone(),
        frame(1, b"head"),
        frame(0, b"one"),
        frame(0, b""),
        grease.clone(),
        frame(0, b"two"),
        frame(1, b"trailers"),
        grease,
    ]
    .concat();
    let expected = [
        Piece::Head(Bytes::from_static(b"head")),
        Piece::Data(Bytes::from_static(b"onetwo")),
        Piece::Trailers(Bytes::from_static(b"trailers")),
    ];
    for step in 1..bytes.len() + 1 {
        assert_eq!(read(&bytes, step).unwrap(), expected, "{step}");
    }
}

#[test]
fn an_end_within_a_frame_is_an_error() {
    let bytes = [frame(1, b"head"), frame(0, b"one")].concat();
    for len in 1..bytes.len() {
        let read = read(&bytes[..len], 3);
        // Between the two frames, the stream may end.
        assert_eq!(read.is_ok(), len == 6, "{len}");
    }
    assert!(matches!(read(&[], 1), Err(Fault::Stream(Code::RequestIncomplete, _))));
    assert!(matches!(read(&frame(0x21, b"x"), 9), Err(Fault::Stream(Code::RequestIncomplete, _))));
}

#[test]
fn frames_out_of_place_end_the_connection() {
    let wrong = |frames: &[Vec<u8>]| {
        matches!(read(&frames.concat(), 99), Err(Fault::Connection(Code::FrameUnexpected, _)))
    };
    assert!(wrong(&[frame(0, b"data")]));
    let head = frame(1, b"head");
    assert!(wrong(&[head.clone(), head.clone(), frame(0, b"data")]));
    assert!(wrong(&[head.clone(), head.clone(), head.clone()]));
    for kind in [2, 3, 4, 5, 6, 7, 8, 9, 0xd] {
        assert!(wrong(&[frame(kind, b"x")]), "{kind}");
        assert!(wrong(&[head.clone(), frame(kind, b"x")]), "{kind}");
    }
}

#[test]
fn every_limit_holds() {
    assert_eq!(read(&frame(1, &[0; 101]), 50).unwrap(), [Piece::HeadTooLarge]);
    assert!(read(&frame(1, &[0; 100]), 50).is_ok());
    // The limit applies to the announced length, not to the bytes that have arrived.
    assert_eq!(
        read(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 99).unwrap(),
        [Piece::HeadTooLarge]
    );
    let excess = |frames: &[Vec<u8>]| {
        matches!(read(&frames.concat(), 99), Err(Fault::Stream(Code::ExcessiveLoad, _)))
    };
    let head = frame(1, b"head");
    assert!(excess(&[head.clone(), frame(1, &[0; 11])]));
    assert!(excess(&[head.clone(), frame(0x21, &[0; 39])]));
    assert!(!excess(&[head.clone(), frame(0x21, &[0; 38])]));
    assert!(excess(&[vec![head], vec![frame(0, b""); 21]].concat()));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, step in 1..20_usize) {
        let whole = read(&bytes, bytes.len().max(1));
        proptest::prop_assert_eq!(read(&bytes, step), whole);
    }
}
