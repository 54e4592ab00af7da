//! The HTTP face from outside: in process through the router, and as the real binary.

mod events;
mod fixture;
mod openapi;
mod process;
mod rest;
mod rpc;
mod security;
