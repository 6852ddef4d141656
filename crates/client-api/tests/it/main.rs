//! The client against servers in the same process, and its images against a registry that we did not write.

mod calls;
mod pushes;

use std::net::{SocketAddr, TcpListener};

use stdx_net::client::{Client, Options};
use stdx_net::server::{self, Handler, Listening};

fn start(handler: Handler) -> (Listening, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let listening = server::serve(listener, &server::Config::default(), handler).expect("the listener works");
    let address = listening.local_addr();
    (listening, address)
}

fn client() -> Client {
    Client::new(Options::default()).expect("the default options are valid")
}
