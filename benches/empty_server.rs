//! A server that does nothing: what others are measured beside. It runs as the product's does, without its layers.
//!
//! `POST /` answers 200, and `GET /bytes/{count}` sends so many bytes from memory, in pieces as long as those of a read.
#![allow(missing_docs, reason = "a program")]

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use tokio::net::TcpListener;

const PIECE: usize = 256 << 10;

async fn bytes(Path(count): Path<usize>) -> Body {
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let pieces = (0..count.div_ceil(PIECE)).map(move |number| Ok::<_, std::io::Error>(piece.slice(..PIECE.min(count - number * PIECE))));
    Body::from_stream(stream::iter(pieces))
}

fn main() {
    let address = std::env::args().nth(1).expect("an address to listen on");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let routes = Router::new().route("/", post(async || ())).route("/bytes/{count}", get(bytes));
        axum::serve(listener, routes).await.expect("it serves until it is killed");
    });
}
