//! A server started for a comparison, and a client of it that reads replies of any shape.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tarn::base::quote::repr;

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a message on its way takes.
const SILENCE: Duration = Duration::from_millis(100);

/// The program that stands for the reference.
pub fn reference() -> Result<String> {
    if let Ok(program) = std::env::var("TARN_REFERENCE") {
        return Ok(program);
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let built = Path::new(&home).join(".cache/tarn-peers/bin/valkey-server");
    let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("redis-server"))
        .find(|path| path.exists());
    match built.exists().then_some(built).or(on_path) {
        Some(path) => Ok(path.to_string_lossy().into_owned()),
        None => Err("no reference server: set TARN_REFERENCE, or install redis-server\n".into()),
    }
}

/// A server that ends with this value.
pub struct Peer {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Peer {
    pub fn start(program: &str) -> Result<Peer> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| format!("{e}\n"))?;
        let port = listener.local_addr().map_err(|e| format!("{e}\n"))?.port();
        drop(listener);
        let folder = std::env::temp_dir().join(format!("tarn-xtask-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}\n", folder.display()))?;
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&folder)
            .args(["--enable-debug-command", "yes"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| format!("{program}: {e}\n"))?;
        let peer = Peer { child, port, folder };
        peer.client().map(|_| peer)
    }

    /// A connection; waits until the server listens.
    pub fn client(&self) -> Result<Client> {
        let from = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE)).map_err(|e| format!("{e}\n"))?;
                    return Ok(Client(BufReader::new(stream)));
                }
                Err(e) if from.elapsed() > PATIENCE => return Err(format!("port {}: {e}\n", self.port)),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// All that is one line, its type in front: `+OK`, `:1`, `-ERR ..`, `,1.5`, `#t`.
    Line(String),
    Bulk(Vec<u8>),
    Nil,
    /// `*`, `%`, `~` or `>`; the items of a map in a row.
    Many(u8, Vec<Value>),
}

impl Value {
    /// As a transcript writes it.
    pub fn show(&self) -> String {
        match self {
            Value::Line(l) => l.clone(),
            Value::Bulk(b) => String::from_utf8_lossy(&repr(b)).into_owned(),
            Value::Nil => "nil".into(),
            Value::Many(kind, items) => {
                let (open, close) = match kind {
                    b'%' => ("{", "}"),
                    b'~' => ("~[", "]"),
                    b'>' => (">[", "]"),
                    _ => ("[", "]"),
                };
                let items: Vec<String> = items.iter().map(|i| i.show() + " ").collect();
                format!("{open} {}{close}", items.concat())
            }
        }
    }

    /// The text of a string or a status, without its type.
    pub fn text(&self) -> String {
        match self {
            Value::Line(l) => l[1..].into(),
            Value::Bulk(b) => String::from_utf8_lossy(b).into_owned(),
            _ => String::new(),
        }
    }

    /// The items of an aggregate.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Many(_, items) => items,
            _ => &[],
        }
    }

    /// The value of a map's key, in RESP2's form too.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.items().chunks(2).find(|pair| pair[0].text() == name).and_then(|pair| pair.get(1))
    }
}

/// A connection.
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// Asks and hears.
    pub fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value> {
        self.send(words)?;
        self.hear()
    }

    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for w in words.iter().map(AsRef::as_ref) {
            request.extend(format!("${}\r\n", w.len()).bytes());
            request.extend(w);
            request.extend(b"\r\n");
        }
        self.0.get_mut().write_all(&request).map_err(|e| format!("{e}\n"))
    }

    /// Whether nothing comes for a while.
    pub fn hears_nothing(&mut self) -> Result<bool> {
        let silent = |e: &std::io::Error| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        self.0.get_ref().set_read_timeout(Some(SILENCE)).map_err(|e| format!("{e}\n"))?;
        let heard = match self.0.fill_buf() {
            Ok(bytes) => Ok(bytes.is_empty()),
            Err(e) if silent(&e) => Ok(true),
            Err(e) => Err(format!("{e}\n")),
        };
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).map_err(|e| format!("{e}\n"))?;
        heard
    }

    pub fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.0.read_line(&mut line).map_err(|e| format!("{e}\n"))?;
        let line = line.trim_end_matches(['\r', '\n']);
        let Some(kind) = line.bytes().next() else { return Err("the server has closed\n".into()) };
        let count = || line[1..].parse::<i64>().map_err(|e| format!("{line}: {e}\n"));
        Ok(match kind {
            b'_' => Value::Nil,
            b'$' | b'=' | b'*' if count()? < 0 => Value::Nil,
            b'$' | b'=' => {
                let mut bytes = vec![0; count()? as usize + 2];
                self.0.read_exact(&mut bytes).map_err(|e| format!("{e}\n"))?;
                bytes.truncate(bytes.len() - 2);
                Value::Bulk(if kind == b'=' { bytes.split_off(4) } else { bytes })
            }
            b'*' | b'~' | b'>' | b'%' => {
                let n = count()? * if kind == b'%' { 2 } else { 1 };
                Value::Many(kind, (0..n).map(|_| self.hear()).collect::<Result<_>>()?)
            }
            _ => Value::Line(line.into()),
        })
    }
}
