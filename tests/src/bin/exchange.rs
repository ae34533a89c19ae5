//! What this library makes of challenges and responses, for `fuzz/differential` to compare.
//!
//! Each line of the input is a key, a challenge and a response in hexadecimal, with a dash for no
//! bytes. Each line of the output is the answer to the challenge, or `error`, and what is thought of
//! the response: the dialect without its spaces, or `error`.

use std::io::{self, BufRead, Write};

use mpconn::fuzzing::{respond, verify};
use mpconn::{Policy, Role};

fn octets(field: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&field[at..at + 2], 16).expect("hexadecimal");
    if field == "-" { vec![] } else { (0..field.len()).step_by(2).map(digits).collect() }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn main() -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut fields = line.split(' ').map(octets);
        let mut field = || fields.next().expect("three fields");
        let (key, challenge, response) = (field(), field(), field());
        let error = || String::from("error");
        // As a listener: a client of ours refuses what CPython's answers, on purpose.
        let answer = respond(&key, Role::Listener, &Policy::COMPAT, &challenge);
        let answer = answer.map_or_else(|_| error(), |(answer, _)| hexadecimal(answer.as_ref()));
        let verdict = verify(&key, &Policy::COMPAT, &challenge, &response);
        let verdict =
            verdict.map_or_else(|_| error(), |dialect| dialect.to_string().replace(' ', ""));
        writeln!(output, "{answer} {verdict}")?;
    }
    output.flush()
}
