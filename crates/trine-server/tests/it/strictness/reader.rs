//! Reads responses as strictly as the server reads requests.

#[derive(Debug)]
pub(super) struct Read {
    pub(super) status: u16,
    /// The status line and the fields, each line with its CR LF.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Read {
    pub(super) fn says_close(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }

    fn field(&self, name: &str) -> Result<Option<&str>, String> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(line, _)| *line == name).map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() { Err(format!("more than one {name}")) } else { Ok(first) }
    }
}

/// Reads all responses of one connection. `heads` says which requests were HEAD requests.
pub(super) fn read(mut bytes: &[u8], heads: Vec<bool>) -> Result<Vec<Read>, String> {
    let mut heads = heads.into_iter();
    let mut read = Vec::new();
    while !bytes.is_empty() {
        let mut answer = head(&mut bytes)?;
        let interim = answer.status < 200;
        let is_head = !interim && heads.next().unwrap_or(false);
        body(&mut answer, &mut bytes, is_head)?;
        read.push(answer);
    }
    Ok(read)
}

fn head(bytes: &mut &[u8]) -> Result<Read, String> {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or("an answer's head has no end")?;
    let (head, rest) = bytes.split_at(end + 2);
    *bytes = &rest[2..];
    // Values may contain any byte but control characters. The tables compare printable text.
    let head = String::from_utf8_lossy(head).into_owned();
    let line = head.split("\r\n").next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..4));
    let status = status.and_then(|code| code.strip_suffix(' ')?.parse().ok());
    let status = status.ok_or_else(|| format!("{line:?} is no status line"))?;
    for line in head.trim_end_matches("\r\n").split("\r\n").skip(1) {
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("{line:?} is no field"))?;
        let token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !name.bytes().all(token) || value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(format!("{line:?} is no field"));
        }
    }
    let read = Read { status, head, body: Vec::new() };
    if status >= 200 && read.field("date")?.is_none() {
        return Err("an answer without a date (RFC 9110, 6.6.1)".to_owned());
    }
    Ok(read)
}

fn body(answer: &mut Read, bytes: &mut &[u8], is_head: bool) -> Result<(), String> {
    let length = answer.field("content-length")?.map(str::to_owned);
    let chunked = answer.field("transfer-encoding")?.is_some();
    if length.is_some() && chunked {
        return Err("an answer has a length and a coding (RFC 9112, 6.2)".to_owned());
    }
    match answer.status {
        101 => answer.body = std::mem::take(bytes).to_vec(),
        100..=199 | 204 if length.is_some() || chunked => {
            return Err(format!("{} with a length (RFC 9112, 6.3)", answer.status));
        }
        100..=199 | 204 | 304 => {}
        _ if is_head => {}
        _ if chunked => loop {
            let line = take_line(bytes)?;
            let size =
                usize::from_str_radix(&line, 16).map_err(|_| format!("chunk size {line:?}"))?;
            if size == 0 {
                while !take_line(bytes)?.is_empty() {}
                break;
            }
            answer.body.extend_from_slice(take(bytes, size)?);
            if take(bytes, 2)? != b"\r\n" {
                return Err("a chunk does not end with CR LF".to_owned());
            }
        },
        _ => match length {
            Some(length) => {
                let length = length.parse().map_err(|_| format!("length {length:?}"))?;
                answer.body = take(bytes, length)?.to_vec();
            }
            None => answer.body = std::mem::take(bytes).to_vec(),
        },
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or("an answer's body is cut off")?;
    *bytes = rest;
    Ok(taken)
}

fn take_line(bytes: &mut &[u8]) -> Result<String, String> {
    let end = bytes.windows(2).position(|two| two == b"\r\n").ok_or("a chunk line has no end")?;
    let line = take(bytes, end)?;
    let line = String::from_utf8_lossy(line).into_owned();
    take(bytes, 2)?;
    Ok(line)
}
