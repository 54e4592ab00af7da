//! A terminal that is drawn on, and given back as it was.

use std::{
    io::{self, IsTerminal, Read, Write},
    thread,
};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// The other screen, without a cursor and without line wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// All of that undone.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal's other screen. Dropping this gives the first one back.
pub(super) struct Screen {
    /// How the terminal was, where keys are read from one.
    before: Option<Termios>,
    keys: mpsc::Receiver<u8>,
}

impl Screen {
    /// Takes the terminal that stdout is, and reads keys from stdin if that is one, too.
    ///
    /// # Errors
    /// When it cannot be written to or changed.
    pub(super) fn take() -> io::Result<Self> {
        let before = io::stdin().is_terminal().then(|| tcgetattr(io::stdin())).transpose()?;
        let (sender, keys) = mpsc::channel(16);
        let screen = Self { before, keys };
        if let Some(before) = &screen.before {
            let mut modes = before.clone();
            // Keys come at once and are not shown; Ctrl-C and Ctrl-Z are keys, so that nothing ends or
            // halts this program while the other screen is up.
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
            // A read of a terminal cannot be interrupted; the thread ends with the program.
            thread::spawn(move || read_keys(&sender));
        }
        write(ENTER)?;
        Ok(screen)
    }

    /// The next key; never, when stdin has ended or is no terminal.
    pub(super) async fn key(&mut self) -> u8 {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// Shows these lines.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&self, lines: &[String]) -> io::Result<()> {
        // Written over what is there and not cleared before, so that nothing flickers.
        let lines = lines.join("\x1b[K\n");
        write(&format!("\x1b[H{lines}\x1b[K\x1b[J"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing to give back.
        let _ = write(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

fn read_keys(sender: &mpsc::Sender<u8>) {
    let mut stdin = io::stdin().lock();
    let mut key = [0];
    while matches!(stdin.read(&mut key), Ok(1)) {
        if sender.blocking_send(key[0]).is_err() {
            return;
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let stdout = io::stdout();
    // NO_COLOR takes colour away and leaves the rest.
    let text = match anstream::AutoStream::choice(&stdout) {
        anstream::ColorChoice::Never => without_colour(text),
        _ => text.to_owned(),
    };
    let mut stdout = stdout.lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// `text` without the sequences that set colours and weights, which end in `m`.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(part.len());
        match part.get(end..=end) {
            Some("m") => plain += &part[end + 1..],
            _ => plain += &format!("\x1b[{part}"),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_the_rest_is_as_it_was() {
        assert_eq!(without_colour("\x1b[H\x1b[1mname\x1b[0m\x1b[K"), "\x1b[Hname\x1b[K");
        assert_eq!(without_colour("plain"), "plain");
    }
}
