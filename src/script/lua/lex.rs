//! Source to tokens. Errors read as the reference interpreter's: `user_script:1: unfinished string near '"abc'`.

use std::rc::Rc;

use super::text;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A keyword or an operator.
    Word(&'static str),
    Name(Rc<[u8]>),
    Str(Rc<[u8]>),
    Num(f64),
    End,
}

const KEYWORDS: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// Longest first.
const OPERATORS: &[&str] = &[
    "...", "..", "==", "~=", "<=", ">=", "+", "-", "*", "/", "%", "^", "#", "<", ">", "=", "(", ")", "{",
    "}", "[", "]", ";", ":", ",", ".",
];

/// What is wrong with a source: the whole message.
pub type Error = Vec<u8>;

/// Reads tokens.
pub struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    /// Of the token read last.
    pub line: u32,
    chunk: &'a str,
    /// Where the token read last begins and ends.
    token: (usize, usize),
}

impl<'a> Lexer<'a> {
    /// Over a source named `chunk` in messages.
    pub fn new(source: &'a [u8], chunk: &'a str) -> Lexer<'a> {
        let mut lexer = Lexer { source, at: 0, line: 1, chunk, token: (0, 0) };
        if source.first() == Some(&b'#') {
            lexer.at = source.iter().position(|&b| b == b'\n').unwrap_or(source.len());
        }
        lexer
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// A message with the place, and near which text.
    pub fn error(&self, message: &str, near: Option<&[u8]>) -> Error {
        let mut m = format!("{}:{}: {message}", self.chunk, self.line).into_bytes();
        if let Some(near) = near {
            m.extend_from_slice(b" near '");
            m.extend_from_slice(near);
            m.push(b'\'');
        }
        m
    }

    /// As `error`, near the token read last.
    pub fn error_here(&self, message: &str, token: &Token) -> Error {
        let near = match token {
            Token::End => b"<eof>",
            _ => &self.source[self.token.0..self.token.1],
        };
        self.error(message, Some(near))
    }

    fn skip_blanks(&mut self) -> Result<(), Error> {
        loop {
            match self.peek(0) {
                _ if self.at >= self.source.len() => return Ok(()),
                b'\n' => {
                    self.line = self.line.saturating_add(1);
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    self.at += 2;
                    if self.peek(0) == b'['
                        && let Some(level) = self.long_level()
                    {
                        self.long(level, "unfinished long comment")?;
                        continue;
                    }
                    while self.at < self.source.len() && self.peek(0) != b'\n' {
                        self.at += 1;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// The level of the long bracket that opens here, if one does.
    fn long_level(&self) -> Option<usize> {
        let level = self.source[self.at + 1..].iter().take_while(|&&b| b == b'=').count();
        (self.peek(1 + level) == b'[').then_some(level)
    }

    fn long(&mut self, level: usize, unfinished: &str) -> Result<Rc<[u8]>, Error> {
        self.at += level + 2;
        match (self.peek(0), self.peek(1)) {
            (b'\r', b'\n') | (b'\n', b'\r') => {
                self.at += 2;
                self.line += 1;
            }
            (b'\n' | b'\r', _) => {
                self.at += 1;
                self.line += 1;
            }
            _ => {}
        }
        let begin = self.at;
        loop {
            match self.source.get(self.at) {
                None => return Err(self.error(unfinished, Some(b"<eof>"))),
                Some(b'\n') => self.line = self.line.saturating_add(1),
                Some(b']') => {
                    let closes = self.source[self.at + 1..].iter().take_while(|&&b| b == b'=').count();
                    if closes == level && self.peek(1 + level) == b']' {
                        let content = self.source[begin..self.at].into();
                        self.at += level + 2;
                        return Ok(content);
                    }
                }
                Some(_) => {}
            }
            self.at += 1;
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Token, Error> {
        let begin = self.at;
        let mut s = Vec::new();
        self.at += 1;
        loop {
            let Some(&b) = self.source.get(self.at) else {
                return Err(self.error("unfinished string", Some(b"<eof>")));
            };
            self.at += 1;
            match b {
                _ if b == quote => return Ok(Token::Str(s.into())),
                b'\n' | b'\r' => {
                    return Err(self.error("unfinished string", Some(&self.source[begin..self.at - 1])));
                }
                b'\\' => self.escape(begin, &mut s)?,
                _ => s.push(b),
            }
        }
    }

    fn escape(&mut self, begin: usize, s: &mut Vec<u8>) -> Result<(), Error> {
        let Some(&b) = self.source.get(self.at) else { return Ok(()) };
        self.at += 1;
        s.push(match b {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\n' => {
                self.line = self.line.saturating_add(1);
                b'\n'
            }
            b'0'..=b'9' => {
                let mut n = (b - b'0') as u32;
                for _ in 0..2 {
                    if self.peek(0).is_ascii_digit() {
                        n = n * 10 + (self.peek(0) - b'0') as u32;
                        self.at += 1;
                    }
                }
                match u8::try_from(n) {
                    Ok(n) => n,
                    Err(_) => {
                        let near = &self.source[begin..self.at];
                        return Err(self.error("escape sequence too large", Some(near)));
                    }
                }
            }
            b => b,
        });
        Ok(())
    }

    fn number(&mut self) -> Result<Token, Error> {
        let begin = self.at;
        while self.peek(0).is_ascii_digit() || self.peek(0) == b'.' {
            self.at += 1;
        }
        if matches!(self.peek(0), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(0), b'+' | b'-') {
                self.at += 1;
            }
        }
        while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'_' {
            self.at += 1;
        }
        let word = &self.source[begin..self.at];
        match text::parse(word) {
            Some(n) => Ok(Token::Num(n)),
            None => Err(self.error("malformed number", Some(word))),
        }
    }

    /// The next token.
    pub fn token(&mut self) -> Result<Token, Error> {
        self.skip_blanks()?;
        let begin = self.at;
        let token = self.read()?;
        self.token = (begin, self.at);
        Ok(token)
    }

    fn read(&mut self) -> Result<Token, Error> {
        let Some(&b) = self.source.get(self.at) else { return Ok(Token::End) };
        if b.is_ascii_alphabetic() || b == b'_' {
            let begin = self.at;
            while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'_' {
                self.at += 1;
            }
            let word = &self.source[begin..self.at];
            let keyword = KEYWORDS.iter().find(|k| k.as_bytes() == word);
            return Ok(keyword.map_or_else(|| Token::Name(word.into()), |k| Token::Word(k)));
        }
        if b.is_ascii_digit() || b == b'.' && self.peek(1).is_ascii_digit() {
            return self.number();
        }
        if b == b'"' || b == b'\'' {
            return self.quoted(b);
        }
        if b == b'['
            && let Some(level) = self.long_level()
        {
            return Ok(Token::Str(self.long(level, "unfinished long string")?));
        }
        match OPERATORS.iter().find(|o| self.source[self.at..].starts_with(o.as_bytes())) {
            Some(o) => {
                self.at += o.len();
                Ok(Token::Word(o))
            }
            None => {
                self.at += 1;
                Err(self.error("unexpected symbol", Some(&[b])))
            }
        }
    }
}
