//! End to end: the real binaries, as assistants, programs and people use them.

mod bad_input;
mod clients;
mod command_line;
mod corpus;
mod lifecycle;
mod protocol;
mod races;
mod readme;
mod tools;
