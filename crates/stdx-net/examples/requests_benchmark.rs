//! Prints small requests per second over keep-alive connections, server and clients on the same cores.
//! Usage: `cargo run --release -p stdx-net --example requests_benchmark [CONNECTIONS] [SECONDS]`

use std::time::Duration;

use http::{Request, Response};
use stdx::clock::SystemClock;
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::{Client, Options};
use stdx_net::server::{self, ConnectionInfo};

const WAIT_MAX: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let connections = arguments.next().unwrap_or(64);
    let seconds = arguments.next().unwrap_or(3);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let listening = server::serve(listener, &server::Config::default(), server::handler(answer))?;
    let url = format!("http://{}/", listening.local_addr());
    let clock = SystemClock::shared();
    let until = clock.monotonic() + Duration::from_secs(seconds);
    let clients = (0..connections).map(|_| {
        let (clock, url) = (clock.clone(), url.clone());
        stdx_async::supervisor::spawn("client", async move {
            let client = Client::new(Options::default()).expect("the default options are valid");
            let mut took = Vec::new();
            while clock.monotonic() < until {
                let started = clock.monotonic();
                let request = Request::post(&url).body(Body::from("x".repeat(300))).expect("a request");
                let response = client.send(request).await.expect("an answer");
                read_bounded(response.into_body(), 1 << 20, WAIT_MAX).await.expect("a body");
                took.push(clock.monotonic() - started);
            }
            took
        })
    });
    let finished = futures_util::future::join_all(clients).await;
    let mut took: Vec<Duration> = finished.into_iter().filter_map(Result::ok).flatten().flatten().collect();
    took.sort_unstable();
    let at = |share: usize| took[took.len() * share / 100];
    let rate = took.len() as u64 / seconds;
    println!("{connections} connections: {rate} requests/s, p50 {:?}, p99 {:?}", at(50), at(99));
    listening.drain(Duration::from_secs(1)).await;
    Ok(())
}

async fn answer(request: Request<Body>, _: ConnectionInfo) -> Response<Body> {
    match read_bounded(request.into_body(), 1 << 20, WAIT_MAX).await {
        Ok(body) => Response::new(Body::from(body)),
        Err(failure) => Response::new(Body::from(failure.to_string())),
    }
}
