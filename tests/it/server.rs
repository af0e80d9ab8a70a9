//! A server of a test: started in a folder of its own, on a free port and a unix socket, and ended with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Tries to get a port that nobody takes between asking for it and listening on it.
const PORT_TRIES: usize = 10;

/// The binary under test: TARN_TEST_BINARY, or the one that was built with the tests.
pub fn binary() -> PathBuf {
    std::env::var_os("TARN_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_tarn").into(), PathBuf::from)
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tarn-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running server.
pub struct Server {
    pub folder: Folder,
    pub port: u16,
    child: Child,
    lines: Receiver<String>,
    log: String,
}

impl Server {
    /// Starts with these words behind its port, folder and unix socket, and waits until it accepts.
    pub fn start(words: &[&str]) -> Server {
        let folder = Folder::new();
        Server::start_in(folder, words)
    }

    /// As [`Server::start`], in a folder that may hold files.
    pub fn start_in(folder: Folder, words: &[&str]) -> Server {
        let mut folder = folder;
        for _ in 0..PORT_TRIES {
            let port = free_port();
            let mut command = Command::new(binary());
            let config = folder.path().join("tarn.conf");
            if config.exists() {
                command.arg(&config);
            }
            let socket = folder.path().join("tarn.sock");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
            command.arg(folder.path()).arg("--unixsocket").arg(socket).args(words);
            let mut server = Server::spawn(command, folder, port);
            let ready = server.wait_for("Ready to accept connections unix").is_ok();
            if ready {
                return server;
            }
            assert!(
                server.log.contains("Address already in use"),
                "the server did not start:\n{}",
                server.log
            );
            folder = std::mem::replace(&mut server.folder, Folder::new());
        }
        panic!("no free port in {PORT_TRIES} tries");
    }

    fn spawn(mut command: Command, folder: Folder, port: u16) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    let _ = send.send(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        Server { folder, port, child, lines, log: String::new() }
    }

    /// Reads the log up to a line that has `text`; gives the whole log as an error when it ends without one.
    pub fn wait_for(&mut self, text: &str) -> Result<(), String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.log.push_str(&line);
                    self.log.push('\n');
                    if line.contains(text) {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.log.clone()),
                Err(RecvTimeoutError::Timeout) => panic!("{text:?} does not come:\n{}", self.log),
            }
        }
    }

    /// Waits until the process has ended; gives its status and the whole log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let log = self.wait_for("\0 nothing says this \0").unwrap_err();
        (self.child.wait().unwrap(), log)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("tarn.sock")
    }

    /// A connection of the client library; `path` and query as in its URLs, `?protocol=resp3`.
    pub fn client(&self, path: &str) -> redis::Connection {
        let url = format!("redis://127.0.0.1:{}/{path}", self.port);
        redis::Client::open(url).unwrap().get_connection_with_timeout(PATIENCE).unwrap()
    }

    pub fn tcp(&self) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { write: Box::new(stream.try_clone().unwrap()), read: Box::new(stream) }
    }

    pub fn unix(&self) -> Raw {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw { write: Box::new(stream.try_clone().unwrap()), read: Box::new(stream) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Runs the binary to its end: status, standard output, standard error.
pub fn run(words: &[&str], stdin: &str) -> (ExitStatus, String, String) {
    let mut command = Command::new(binary());
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A process that does not want its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status, text(&output.stdout), text(&output.stderr))
}

/// A connection of bytes.
pub struct Raw {
    pub write: Box<dyn Write + Send>,
    pub read: Box<dyn Read + Send>,
}

impl Raw {
    /// Sends bytes. The other side may have closed already.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.write.write_all(bytes);
    }

    /// Reads exactly this.
    #[track_caller]
    pub fn hear(&mut self, expected: &[u8]) {
        let mut heard = vec![0; expected.len()];
        let mut n = 0;
        while n < heard.len() {
            match self.read.read(&mut heard[n..]) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(e) => panic!("{e} after {:?}", String::from_utf8_lossy(&heard[..n])),
            }
        }
        assert_eq!(String::from_utf8_lossy(&heard[..n]), String::from_utf8_lossy(expected));
    }

    /// Sends and hears.
    #[track_caller]
    pub fn ask(&mut self, request: &[u8], reply: &[u8]) {
        self.send(request);
        self.hear(reply);
    }

    /// Reads until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        // A server that closes with input unread resets the connection: what was heard before that counts.
        let _ = self.read.read_to_end(&mut all);
        all
    }
}
