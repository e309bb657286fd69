use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers every question as if it were asked for its health.
fn main() {
    if std::env::args().nth(1).as_deref() == Some("--help") {
        println!("infini-registry --port PORT");
        return;
    }
    let port = std::env::args().nth(2).expect("--port PORT");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("a free port");
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        let body = "{\"status\":\"healthy\"}";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all((head + body).as_bytes());
    }
}
