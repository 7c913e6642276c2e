//! A shop of one page, with nothing but the standard library: `shop NAME ADDRESS:PORT`.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, address] = &arguments[..] else {
        eprintln!("usage: shop NAME ADDRESS:PORT");
        return ExitCode::from(2);
    };
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(why) => {
            eprintln!("shop: can't listen on {address}: {why}");
            return ExitCode::FAILURE;
        }
    };
    for customer in listener.incoming().flatten() {
        let name = name.clone();
        // A customer who hangs up is no trouble of the shop's.
        thread::spawn(move || serve(&name, &customer).ok());
    }
    ExitCode::SUCCESS
}

/// Answers every request of a connection with the same page.
fn serve(name: &str, customer: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(customer).lines();
    let page = format!("<!doctype html>\n<title>Shop</title>\n<p>Welcome to {name}.</p>\n");
    while let Some(line) = lines.next() {
        // A request of a browser or a health check has no body, so it ends with the first empty line.
        if line?.is_empty() {
            write!(
                &mut &*customer,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            )?;
        }
    }
    Ok(())
}
