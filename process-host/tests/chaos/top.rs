//! `process-host top` on a real terminal.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::{AsFd, OwnedFd},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Instant,
};

use rustix::{
    fs::{Mode, OFlags, open},
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{
    PATIENCE,
    host::{Host, command, send},
};

const TREE: &str = "[[child]]\nname = \"idle\"\ncommand = [\"sleep\", \"1000\"]\n\
                    [[child]]\nname = \"busy\"\ncommand = [\"sh\", \"-c\", \"while :; do :; done\"]\n";

/// A program on a terminal of 80 columns and 12 rows.
struct OnTerminal {
    process: Child,
    keys: File,
    terminal: OwnedFd,
    drawn: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    fn start(host: &Host, arguments: &[&str], plain: bool) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let terminal = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: 12, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        let mut command = command(host.folder(), arguments);
        command.stdin(end()).stdout(end()).stderr(end()).env_remove("NO_COLOR").env("TERM", "xterm");
        if plain {
            command.env("NO_COLOR", "1");
        }
        let process = command.spawn().unwrap();
        let keys = File::from(keys);
        let mut screen = keys.try_clone().unwrap();
        let (sender, drawn) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { process, keys, terminal, drawn, seen: String::new() }
    }

    fn until(&mut self, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.seen) {
            let more = self.drawn.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            self.seen += &String::from_utf8_lossy(&more.unwrap_or_else(|_| panic!("{}", self.seen)));
        }
    }

    /// Whether keys come at once and are not shown.
    fn is_raw(&self) -> bool {
        !tcgetattr(self.terminal.as_fd()).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

/// The last whole picture.
fn picture(seen: &str) -> Option<&str> {
    let (begin, end) = ("\u{1b}[H", "\u{1b}[J");
    let last = seen.rfind(end)?;
    let first = seen[..last].rfind(begin)?;
    Some(&seen[first..last])
}

#[test]
fn top_draws_the_busiest_first_and_leaves_the_terminal_as_it_was() {
    let host = Host::up(TREE);
    let mut top = OnTerminal::start(&host, &["top"], false);
    let is_sorted = |seen: &str| {
        picture(seen)
            .is_some_and(|picture| picture.find("busy") < picture.find("idle") && picture.contains('%'))
    };
    top.until(|seen| is_sorted(seen) && seen.starts_with("\u{1b}[?1049h"));
    assert!(top.is_raw());
    assert!(top.seen.contains("\u{1b}[1mCHILD"), "colours on a terminal");
    top.keys.write_all(b"n").unwrap();
    top.until(|seen| picture(seen).is_some_and(|picture| picture.find("idle") < picture.find("busy")));
    top.keys.write_all(b"q").unwrap();
    top.until(|seen| seen.ends_with("\u{1b}[?1049l"));
    assert!(top.process.wait().unwrap().success());
    assert!(!top.is_raw());
    let widest =
        picture(&top.seen).unwrap().lines().map(|line| anstream::adapter::strip_str(line).to_string());
    assert!(widest.map(|line| line.trim_end().chars().count()).max() <= Some(80));
}

#[test]
fn a_signal_and_the_end_of_the_host_give_the_terminal_back_too() {
    let host = Host::up(TREE);
    let mut top = OnTerminal::start(&host, &["top"], true);
    top.until(|seen| picture(seen).is_some());
    assert!(!top.seen.contains("\u{1b}[1m"), "NO_COLOR");
    send(top.process.id(), Signal::TERM);
    top.until(|seen| seen.ends_with("\u{1b}[?1049l"));
    assert!(top.process.wait().unwrap().success());
    let mut top = OnTerminal::start(&host, &["top"], false);
    top.until(|seen| picture(seen).is_some());
    host.command(&["stop"]).ok();
    top.until(|seen| seen.contains("\u{1b}[?1049l") && seen.contains("the host has ended"));
    assert!(top.process.wait().unwrap().success());
    assert!(!top.is_raw());
}
