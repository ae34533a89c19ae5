use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::{format, vec};

use proptest::prelude::*;

use super::*;

fn inet(host: &str, port: u16) -> Address {
    Address::Inet { host: host.to_owned(), port }
}

fn unix(path: &str) -> Address {
    Address::Unix(PathBuf::from(path))
}

fn pipe(name: &str) -> Address {
    Address::Pipe(name.to_owned())
}

/// Facts 27, from the types that Rust has for them.
#[test]
fn inference() {
    let socket = |text: &str| Address::from(text.parse::<SocketAddr>().unwrap());
    let scoped = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 6000, 0, 2);
    let text = |text: &str| Address::try_from(text).unwrap();
    let bytes = |bytes: &[u8]| Address::try_from(bytes).unwrap();
    for (address, expected, family) in [
        (("localhost", 6000).into(), inet("localhost", 6000), Family::Inet),
        ((String::new(), 0).into(), inet("", 0), Family::Inet),
        (("::1", 6000).into(), inet("::1", 6000), Family::Inet6),
        (socket("127.0.0.1:80"), inet("127.0.0.1", 80), Family::Inet),
        (socket("[::1]:80"), inet("::1", 80), Family::Inet6),
        (SocketAddr::V6(scoped).into(), inet("fe80::1%2", 6000), Family::Inet6),
        (Path::new("/run/app").try_into().unwrap(), unix("/run/app"), Family::Unix),
        (PathBuf::from("app").try_into().unwrap(), unix("app"), Family::Unix),
        (Path::new(r"\\odd").try_into().unwrap(), unix(r"\\odd"), Family::Unix),
        (text("/run/app.sock"), unix("/run/app.sock"), Family::Unix),
        (text("app.sock"), unix("app.sock"), Family::Unix),
        ((&PathBuf::from("app")).try_into().unwrap(), unix("app"), Family::Unix),
        ((&String::from("app")).try_into().unwrap(), unix("app"), Family::Unix),
        (Cow::from("app").try_into().unwrap(), unix("app"), Family::Unix),
        (scoped.into(), inet("fe80::1%2", 6000), Family::Inet6),
        (SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80).into(), inet("127.0.0.1", 80), Family::Inet),
        (text("./host:80"), unix("./host:80"), Family::Unix),
        (text("a b:c"), unix("a b:c"), Family::Unix),
        (text("./localhost"), unix("./localhost"), Family::Unix),
        (text("localhost.sock"), unix("localhost.sock"), Family::Unix),
        (text("C:\\app"), unix("C:\\app"), Family::Unix),
        (text("\0name"), Address::Abstract(b"name".into()), Family::Unix),
        (bytes(b"\0name"), Address::Abstract(b"name".into()), Family::Unix),
        (bytes(b"\0\xff\0"), Address::Abstract(vec![0xff, 0]), Family::Unix),
        (bytes(b"\0"), Address::Abstract(vec![]), Family::Unix),
        (text(r"\\.\pipe\app"), pipe(r"\\.\pipe\app"), Family::Pipe),
        (text(r"\\server\pipe\app"), pipe(r"\\server\pipe\app"), Family::Pipe),
        (text("tcp://localhost:6000"), inet("localhost", 6000), Family::Inet),
        (text("tcp://:0"), inet("", 0), Family::Inet),
        (text("tcp://[::1]:6000"), inet("::1", 6000), Family::Inet6),
        (text("tcp://[fe80::1%eth0]:6000"), inet("fe80::1%eth0", 6000), Family::Inet6),
        (text("tcp://[127.0.0.1]:6000"), inet("127.0.0.1", 6000), Family::Inet),
        (text("unix:host:80"), unix("host:80"), Family::Unix),
        (text("unix:/a%20b"), unix("/a b"), Family::Unix),
        (text("unix-abstract:a%00%FFb"), Address::Abstract(b"a\0\xffb".into()), Family::Unix),
    ] {
        assert_eq!(address, expected);
        assert_eq!(address.family(), family, "{address}");
        assert_eq!(Address::from(&address), address);
    }
    assert_eq!(Address::try_from(b"\0name").unwrap(), bytes(b"\0name"));
    assert_eq!(Address::try_from("/run/app".to_owned()).unwrap(), unix("/run/app"));
}

#[test]
fn what_is_no_address() {
    use AddressError::{
        BytesWithoutNul, Empty, Escape, LooksLikeTcp, NoPort, NulInside, PortOutOfRange,
    };
    for (text, error) in [
        ("", Empty),
        ("unix:", Empty),
        ("a\0b", NulInside),
        ("unix:a%00b", NulInside),
        ("\\\\.\\pipe\\a\0b", NulInside),
        ("localhost:6000", LooksLikeTcp),
        (":6000", LooksLikeTcp),
        ("[::1]:6000", LooksLikeTcp),
        ("tcp://", NoPort),
        ("tcp://localhost", NoPort),
        ("tcp://localhost:", NoPort),
        ("tcp://localhost:x", NoPort),
        ("tcp://localhost:65536", PortOutOfRange),
        ("localhost:70000", PortOutOfRange),
        ("host:99999999999999999999", PortOutOfRange),
        ("localhost", LooksLikeTcp),
        ("LOCALHOST", LooksLikeTcp),
        ("127.0.0.1", LooksLikeTcp),
        ("::1", LooksLikeTcp),
        ("[::1]", LooksLikeTcp),
        ("tcp://localhost:-1", NoPort),
        ("tcp://localhost:+1", NoPort),
        ("tcp://::1:6000", NoPort),
        ("tcp://[::1]", NoPort),
        ("unix:%", Escape),
        ("unix:a%2", Escape),
        ("unix:a%zz", Escape),
        ("unix:a%+1", Escape),
        ("unix-abstract:%é", Escape),
    ] {
        assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        assert!(!error.to_string().is_empty());
    }
    for bytes in [&b""[..], b"name", b"/run/app"] {
        assert_eq!(Address::try_from(bytes), Err(BytesWithoutNul));
    }
}

#[test]
fn errors_say_what_to_do() {
    let says = |error: AddressError, text| assert!(error.to_string().contains(text), "{error}");
    says(AddressError::Empty, "leave it out");
    says(AddressError::LooksLikeTcp, "tcp://host:port");
    says(AddressError::NoPort, "tcp://host:port");
    says(AddressError::BytesWithoutNul, "begins with a NUL");
}

#[test]
fn plain_where_it_can_be() {
    for (address, text) in [
        (inet("localhost", 6000), "tcp://localhost:6000"),
        (inet("::1", 6000), "tcp://[::1]:6000"),
        (inet("[app]", 6000), "tcp://[[app]]:6000"),
        (inet("a/b", 6000), "tcp://a/b:6000"),
        (unix("/run/app.sock"), "/run/app.sock"),
        (unix("/run/with space/\u{e9}"), "/run/with space/\u{e9}"),
        (unix("./a:1"), "./a:1"),
        (unix("a:1"), "unix:a:1"),
        (unix("tcp://a:1"), "unix:tcp://a:1"),
        (unix("unix:a"), "unix:unix:a"),
        (unix("unix-abstract:a"), "unix:unix-abstract:a"),
        (unix(r"\\a"), r"unix:\\a"),
        (unix(r"\\a%b"), r"unix:\\a%25b"),
        (Address::Abstract(b"app/1".into()), "unix-abstract:app/1"),
        (Address::Abstract(b"\0 %\xff".into()), "unix-abstract:%00%20%25%ff"),
        (pipe(r"\\.\pipe\app"), r"\\.\pipe\app"),
    ] {
        assert_eq!(address.to_string(), text);
        assert_eq!(text.parse(), Ok(address));
    }
}

#[test]
fn families_are_called_as_in_python() {
    let names = [Family::Inet, Family::Inet6, Family::Unix, Family::Pipe];
    let names = names.map(|family| family.to_string());
    assert_eq!(names, ["AF_INET", "AF_INET6", "AF_UNIX", "AF_PIPE"]);
    let fastest = if cfg!(windows) { Family::Pipe } else { Family::Unix };
    assert_eq!(Family::default(), fastest);
}

#[test]
#[cfg(unix)]
fn paths_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;

    let path = Path::new(OsStr::from_bytes(b"/run/\xff app"));
    let address = Address::try_from(path).unwrap();
    assert_eq!(address.to_string(), "unix:/run/%ff%20app");
    assert_eq!(address.to_string().parse(), Ok(address));
}

#[test]
fn an_empty_path_is_no_address() {
    assert_eq!(Address::try_from(PathBuf::new()), Err(AddressError::Empty));
    assert_eq!(Address::try_from(Path::new("")), Err(AddressError::Empty));
    assert_eq!(Address::try_from(PathBuf::from("a\0b")), Err(AddressError::NulInside));
}

#[test]
fn unprintable_characters_are_escaped() {
    // A line of its own, a colour of the terminal, and text from right to left.
    for bad in ["\n", "\r", "\x1b[31m", "\u{9b}", "\u{202e}", "\u{2028}"] {
        let text = format!("/run/a{bad}b 'c' \"d\"");
        for address in [unix(&text), inet(&text, 80), pipe(&text), Address::Abstract(text.into())] {
            let printed = address.to_string();
            assert!(printed.chars().all(is_printable), "{printed:?}");
        }
    }
    assert_eq!(unix("/run/it's \"here\"").to_string(), "/run/it's \"here\"");
    assert_eq!(pipe(r"\\.\pipe\a").to_string(), r"\\.\pipe\a");
}

/// Text with what the forms of an address are told apart by.
fn odd_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "[",
            "[a]",
            "]",
            ":",
            "::1",
            "/",
            "%",
            "%41",
            "\\",
            r"\\",
            "tcp://",
            "unix:",
            "unix-abstract:",
            ":80",
            " ",
            "\n",
            "a",
            "\u{e9}",
        ])
        .prop_map(str::to_owned),
        // Not `any::<String>()`: that is a regular expression, and Miri takes long to compile one.
        prop::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// All that can be bound or connected to: no empty path, no NUL where the system takes none.
fn addresses() -> impl Strategy<Value = Address> {
    let path = odd_text().prop_filter("no path", |text| !text.is_empty() && !text.contains('\0'));
    let printable = |text: &String| text.chars().all(is_printable);
    let name = odd_text().prop_filter("no pipe", printable);
    let host = odd_text().prop_filter("no host", printable);
    prop_oneof![
        (host, any::<u16>()).prop_map(Address::from),
        any::<SocketAddr>().prop_map(Address::from),
        path.prop_map(|path| Address::Unix(path.into())),
        any::<Vec<u8>>().prop_map(Address::Abstract),
        name.prop_map(|name| Address::Pipe(format!(r"\\{name}"))),
        odd_path().prop_map(Address::Unix),
    ]
}

/// A path of any bytes.
#[cfg(unix)]
fn odd_path() -> impl Strategy<Value = PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;

    prop::collection::vec(1..=u8::MAX, 1..20)
        .prop_map(|bytes| std::ffi::OsString::from_vec(bytes).into())
}

/// Elsewhere paths are text, or nearly.
#[cfg(not(unix))]
fn odd_path() -> impl Strategy<Value = PathBuf> {
    "[^\0]{1,20}".prop_map(PathBuf::from)
}

proptest! {
    #![proptest_config(crate::testing::cases(1024))]

    #[test]
    fn display_and_from_str_round_trip(address in addresses()) {
        let text = address.to_string();
        let parsed: Address = text.parse().unwrap();
        prop_assert_eq!(&parsed, &address, "through {:?}", text);
        // Equal paths may differ in their bytes, as `a//b` and `a/b` do.
        if let (Address::Unix(parsed), Address::Unix(path)) = (&parsed, &address) {
            prop_assert_eq!(parsed.as_os_str(), path.as_os_str());
        }
    }

    #[test]
    fn whatever_parses_is_shown_as_itself(text in odd_text()) {
        if let Ok(address) = text.parse::<Address>() {
            address.round_trips();
        }
    }
}

#[test]
fn python_literals() {
    for (literal, expected) in [
        ("('h', 1)", Ok(inet("h", 1))),
        (" (\"h\",1,) \n", Ok(inet("h", 1))),
        ("(u'h', 1)", Ok(inet("h", 1))),
        ("('::1', 1, 0, 0)", Ok(inet("::1", 1))),
        ("('fe80::1', 1, 7, 2)", Ok(inet("fe80::1%2", 1))),
        ("'localhost:1'", Ok(unix("localhost:1"))),
        (r"'\x41\101\u0041\U00000041'", Ok(unix("AAAA"))),
        (r"'\0a'", Ok(Address::Abstract(b"a".to_vec()))),
        (r"b'\x00\xffa'", Ok(Address::Abstract(b"\xffa".to_vec()))),
        (r"'\\\\.\\pipe\\a'", Ok(pipe(r"\\.\pipe\a"))),
        ("''", Err(AddressError::Empty)),
        (r"'a\0'", Err(AddressError::NulInside)),
        (r"('a\0b', 1)", Err(AddressError::NulInside)),
        (r"'\\\\.\\pipe\\\0'", Err(AddressError::NulInside)),
        ("b'a'", Err(AddressError::BytesWithoutNul)),
        ("('h', 65536)", Err(AddressError::PortOutOfRange)),
    ] {
        assert_eq!(Address::from_python_literal(literal), expected, "{literal}");
    }
    for literal in [
        "",
        "a",
        "'",
        "'a",
        "'a\"",
        "'a' 'b'",
        "'a'b",
        "'a\nb'",
        "('h')",
        "('h',)",
        "('h', )",
        "('h', -1)",
        "('h', 01)",
        "('h', 1",
        "('h', 1))",
        "('h', 1, 0)",
        "('h', 1, 007)",
        "('h', 1, 99999999999999999999)",
        "('h', 1, 0, 0, 0)",
        "(b'h', 1)",
        "(1, 'h')",
        "('h' 1)",
        "('h', 99999999999999999999999)",
        "r'a'",
        "f'a'",
        "None",
        "['h', 1]",
        r"'\q'",
        r"'\x4'",
        r"b'\u0041'",
        r"'\ud800'",
        r"'\U00110000'",
        r"'\Uffffffff'",
        r"b'\400'",
        "b'\u{e9}'",
        "'a'.upper()",
    ] {
        assert_eq!(
            Address::from_python_literal(literal),
            Err(AddressError::NotALiteral),
            "{literal}"
        );
    }
}

proptest! {
    #[test]
    fn python_literals_round_trip(path: String, host in "[^\0]*", name: Vec<u8>, port: u16) {
        let mut addresses = std::vec![Address::Inet { host, port }, Address::Abstract(name)];
        addresses.extend(Address::try_from(PathBuf::from(path)));
        for address in addresses {
            // A path in two backslashes is a pipe's name to Python, on Windows.
            if matches!(&address, Address::Unix(path) if path_bytes(path).starts_with(br"\\")) {
                continue;
            }
            let literal = address.to_python_literal();
            prop_assert!(literal.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(Address::from_python_literal(&literal), Ok(address));
        }
    }

    #[test]
    fn no_text_panics_as_a_python_literal(text: String) {
        let _ = Address::from_python_literal(&text);
        let _ = Address::from_python_literal(&format!("'{text}"));
    }
}
