//! Where a data set that comes through a replication link ends: after a length that was announced, or, when a primary
//! writes it while it sends it, with a mark that was announced.

/// Bytes of the mark (Redis: `RDB_EOF_MARK_SIZE`).
pub const MARK_LEN: usize = 40;

/// How a data set is announced: the line before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// So many bytes.
    Sized(u64),
    /// It ends with this mark.
    Marked([u8; MARK_LEN]),
}

impl Form {
    /// Reads the line without its `$`.
    pub fn parse(line: &[u8]) -> Option<Form> {
        if let Some(mark) = line.strip_prefix(b"EOF:") {
            return mark.first_chunk().map(|mark| Form::Marked(*mark));
        }
        u64::try_from(crate::base::num::parse_i64(line)?).ok().map(Form::Sized)
    }

    /// The line.
    pub fn line(&self) -> Vec<u8> {
        match self {
            Form::Sized(len) => format!("${len}\r\n").into_bytes(),
            Form::Marked(mark) => [b"$EOF:", &mark[..], b"\r\n"].concat(),
        }
    }

    /// Bytes announced; 0 while nobody knows.
    pub fn len(&self) -> u64 {
        match self {
            Form::Sized(len) => *len,
            Form::Marked(_) => 0,
        }
    }

    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        matches!(self, Form::Sized(0))
    }
}

/// A data set being received.
#[derive(Clone, Debug)]
pub struct Payload {
    form: Form,
    /// Bytes that came, those of the mark among them.
    came: u64,
    /// The last bytes, which may be the mark's: they are given on once more have come.
    tail: Vec<u8>,
}

impl Payload {
    /// Nothing came yet.
    pub fn new(form: Form) -> Payload {
        Payload { form, came: 0, tail: Vec::with_capacity(MARK_LEN) }
    }

    /// How it was announced.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Bytes that came.
    pub fn came(&self) -> u64 {
        self.came
    }

    /// Whether it is complete.
    pub fn ended(&self) -> bool {
        match &self.form {
            Form::Sized(len) => self.came >= *len,
            Form::Marked(mark) => self.tail == mark,
        }
    }

    /// Takes bytes: `data` gets those that are part of the data set. Returns how many were used; what follows is no
    /// longer part of it.
    pub fn take(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> usize {
        match &self.form {
            Form::Sized(len) => {
                let left = usize::try_from(len - self.came).unwrap_or(usize::MAX);
                let own = &bytes[..bytes.len().min(left)];
                self.came += own.len() as u64;
                if !own.is_empty() {
                    data(own);
                }
                own.len()
            }
            Form::Marked(_) => {
                if self.ended() {
                    return 0;
                }
                self.came += bytes.len() as u64;
                // All but the last bytes of what is here cannot be the mark's.
                let over = (self.tail.len() + bytes.len()).saturating_sub(MARK_LEN);
                let old = over.min(self.tail.len());
                if old > 0 {
                    data(&self.tail[..old]);
                    self.tail.drain(..old);
                }
                let new = over - old;
                if new > 0 {
                    data(&bytes[..new]);
                }
                self.tail.extend_from_slice(&bytes[new..]);
                bytes.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(form: Form, bytes: &[u8], step: usize) -> (Vec<u8>, Vec<u8>, bool) {
        let mut payload = Payload::new(form);
        let (mut got, mut rest) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(step) {
            let used = payload.take(piece, |b| got.extend_from_slice(b));
            rest.extend_from_slice(&piece[used..]);
        }
        (got, rest, payload.ended())
    }

    #[test]
    fn a_data_set_ends_by_length_or_by_mark() {
        let mark = [b'7'; MARK_LEN];
        let data: Vec<u8> = (0..1000u32).map(|i| b'0' + (i % 9) as u8).collect();
        for step in [1, 7, 39, 40, 41, 500, 2000] {
            let all = [&data[..], b"*1\r\n"].concat();
            assert_eq!(receive(Form::Sized(1000), &all, step), (data.clone(), b"*1\r\n".to_vec(), true));
            let all = [&data[..], &mark[..]].concat();
            assert_eq!(receive(Form::Marked(mark), &all, step), (data.clone(), Vec::new(), true));
            assert!(!receive(Form::Marked(mark), &all[..1039], step).2);
            assert!(!receive(Form::Sized(1001), &data, step).2);
        }
        assert_eq!(receive(Form::Marked(mark), &mark, 3), (Vec::new(), Vec::new(), true));
        assert!(Payload::new(Form::Sized(0)).ended());
    }

    #[test]
    fn announcements() {
        let mark = [b'x'; MARK_LEN];
        for form in [Form::Sized(0), Form::Sized(i64::MAX as u64), Form::Marked(mark)] {
            let line = form.line();
            let text = line.strip_prefix(b"$").unwrap().strip_suffix(b"\r\n").unwrap();
            assert_eq!(Form::parse(text), Some(form));
        }
        for bad in
            [&b""[..], b"-1", b"EOF:", b"EOF:123", b"12x", b"9223372036854775808", b"99999999999999999999999"]
        {
            assert_eq!(Form::parse(bad), None);
        }
    }
}
