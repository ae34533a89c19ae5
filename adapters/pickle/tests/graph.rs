//! What a pickle says before it is any Rust type: what is shared, what contains itself, what is deep.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::HashSet;
use std::thread;

use mpconn_pickle::{Decoder, Error, Kind, Limit, Pickle, Value, View, from_slice};

fn parse(pickle: &[u8]) -> Pickle<'_> {
    Decoder::new().parse(pickle).unwrap()
}

fn only<'p, 'a>(mut views: impl Iterator<Item = View<'p, 'a>>) -> View<'p, 'a> {
    let view = views.next().unwrap();
    assert_eq!(views.next(), None);
    view
}

/// How many different values there are, and how often one is met again.
fn count(root: View<'_, '_>) -> (usize, usize) {
    let (mut seen, mut again, mut next) = (HashSet::new(), 0, vec![root]);
    while let Some(view) = next.pop() {
        if !seen.insert(view) {
            again += 1;
            continue;
        }
        next.extend(view.referents());
    }
    (seen.len(), again)
}

#[test]
fn what_is_shared_is_the_same() {
    // a = [1]; b = [a, a]; [b, b]
    let pickle = parse(b"\x80\x02]q\0(]q\x01(]q\x02K\x01ah\x02eh\x01e.");
    let [b, again] = pickle.root().items().collect::<Vec<_>>()[..] else { panic!("two") };
    assert_eq!(b, again);
    let [a, again] = b.items().collect::<Vec<_>>()[..] else { panic!("two") };
    assert_eq!(a, again);
    assert_ne!(a, b);
    assert_eq!(only(a.items()).kind(), Kind::Int(1));
    assert_eq!(count(pickle.root()), (4, 2));
    assert_eq!(pickle.to(), Ok([[[1], [1]], [[1], [1]]]));
    // [[1], [1]], in which nothing is shared.
    let pickle = parse(b"\x80\x02](]K\x01a]K\x01ae.");
    let [one, other] = pickle.root().items().collect::<Vec<_>>()[..] else { panic!("two") };
    assert_ne!(one, other);
    assert_eq!(one.to::<Value>(), other.to());
    // Nor is one pickle's value another's.
    let pickles = [parse(b"]."), parse(b"].")];
    assert_ne!(pickles[0].root(), pickles[1].root());
}

#[test]
fn what_contains_itself_is_found_in_itself() {
    // a = []; a.append(a)
    let pickle = parse(b"\x80\x02]q\0h\0a.");
    assert_eq!(only(pickle.root().items()), pickle.root());
    assert_eq!(count(pickle.root()), (1, 1));
    let error = Error::TooMuch { offset: 2, limit: Limit::Depth };
    assert_eq!(pickle.to::<Value>(), Err(error));
    // a = {}; a[1] = a
    let pickle = parse(b"\x80\x02}q\0K\x01h\0s.");
    let [(key, value)] = pickle.root().pairs().collect::<Vec<_>>()[..] else { panic!("one") };
    assert_eq!((key.kind(), value), (Kind::Int(1), pickle.root()));
    // a = []; t = (a,); a.append(t); t
    let pickle = parse(b"\x80\x02]q\0h\0\x85q\x01a0h\x01.");
    let list = only(pickle.root().items());
    assert_eq!((pickle.root().kind(), list.kind()), (Kind::Tuple, Kind::List));
    // The tuple within the list is made first, and is that of the memo.
    assert_eq!(only(list.items()), pickle.root());
    // An object that refers to itself.
    let pickle = parse(b"\x80\x02cm\nC\n)\x81q\0}U\x04selfh\0sb.");
    let state = pickle.root().state().unwrap();
    let [(key, value)] = state.pairs().collect::<Vec<_>>()[..] else { panic!("one") };
    assert_eq!((key.kind(), value), (Kind::Str("self"), pickle.root()));
    // With its arguments, of which there are none.
    assert_eq!(count(pickle.root()), (4, 1));
}

#[test]
fn as_deep_as_a_pickle_is_long() {
    const DEPTH: usize = if cfg!(miri) { 200 } else { 10_000 };
    let lists = [&b"]".repeat(DEPTH)[..], b"K\x07", &b"a".repeat(DEPTH), b"."].concat();
    let tuples = [b"K\x07", &b"\x85".repeat(DEPTH)[..], b"."].concat();
    let run = move || {
        for pickle in [lists, tuples] {
            let pickle = parse(&pickle);
            assert_eq!(count(pickle.root()), (DEPTH + 1, 0));
            let (mut view, mut depth) = (pickle.root(), 0);
            while let Some(inner) = view.items().next() {
                (view, depth) = (inner, depth + 1);
                // The limit of serde's recursion counts from where it begins.
                if depth == DEPTH - 2 {
                    assert_eq!(view.to(), Ok([[7]]));
                }
            }
            assert_eq!((view.to(), depth), (Ok(7), DEPTH));
            let error = pickle.to::<Value>().unwrap_err();
            assert!(matches!(error, Error::TooMuch { limit: Limit::Depth, .. }), "{error:?}");
        }
    };
    let builder = thread::Builder::new().stack_size(256 << 10);
    thread::scope(|scope| builder.spawn_scoped(scope, run).unwrap().join().unwrap());
}

#[test]
fn what_each_value_is() {
    let long = [0xff; 9];
    for (pickle, kind) in [
        (&b"N."[..], Kind::None),
        (b"\x88.", Kind::Bool(true)),
        (b"J\xff\xff\xff\xff.", Kind::Int(-1)),
        (b"\x8a\x05\0\0\0\0\x01.", Kind::Int(1 << 32)),
        (
            b"\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\0.",
            Kind::Long(&[&long[..], &[0]].concat()),
        ),
        (b"G?\xf8\0\0\0\0\0\0.", Kind::Float(1.5)),
        (b"F2\nq\x000cbuiltins\ncomplex\nF1\nh\0\x86R.", Kind::Complex(1.0, 2.0)),
        (b"\x8c\x01a.", Kind::Str("a")),
        (b"\x8c\x03\xed\xb3\xbf.", Kind::Surrogates(b"\xed\xb3\xbf")),
        (b"C\x01\xff.", Kind::Bytes(b"\xff")),
        (b"\x96\x01\0\0\0\0\0\0\0\xff.", Kind::ByteArray(b"\xff")),
        (b").", Kind::Tuple),
        (b"].", Kind::List),
        (b"}.", Kind::Dict),
        (b"\x8f.", Kind::Set),
        (b"(\x91.", Kind::FrozenSet),
        (b"cm\nn\n.", Kind::Global { module: "m", name: "n" }),
        (b"cm\nn\n)R.", Kind::Object { is_new: false }),
        (b"cm\nn\n)\x81.", Kind::Object { is_new: true }),
    ] {
        let pickle = parse(pickle);
        assert_eq!(pickle.root().kind(), kind);
        assert_eq!(format!("{:?}", pickle.root()), format!("{kind:?}"));
        let is_object = matches!(kind, Kind::Object { .. });
        assert_eq!(count(pickle.root()), (1 + usize::from(is_object), 0));
    }
}

#[test]
fn the_parts_of_an_object() {
    // m.n.__new__(n, 1, k=2), to which 3 is appended, and in which 4 is set to 5; its state is 6.
    let pickle = parse(b"cm\nn\nK\x01\x85}U\x01kK\x02s\x92K\x03aK\x04K\x05sK\x06b.");
    let object = pickle.root();
    assert_eq!(object.class().unwrap().kind(), Kind::Global { module: "m", name: "n" });
    assert_eq!(only(object.args()).to(), Ok(1));
    assert_eq!(only(object.items()).to(), Ok(3));
    assert_eq!(object.state().unwrap().to(), Ok(6));
    let numbers =
        |(key, value): (View<'_, '_>, View<'_, '_>)| (key.to().unwrap(), value.to().unwrap());
    let kwargs: Vec<(String, u8)> = object.kwargs().map(numbers).collect();
    assert_eq!(kwargs, [("k".to_owned(), 2)]);
    let pairs: Vec<_> = object.pairs().map(|(key, value)| [key, value].map(View::kind)).collect();
    assert_eq!(pairs, [[Kind::Int(4), Kind::Int(5)]]);
    let referents: Vec<Value> = object.referents().map(|view| view.to().unwrap()).collect();
    let parts = [
        Value::Tuple(vec![1.into()]),
        Value::Dict(vec![("k".into(), 2.into())]),
        Value::List(vec![3.into()]),
        Value::Dict(vec![(4.into(), 5.into())]),
        6.into(),
    ];
    assert_eq!(referents, parts);
}

#[test]
fn what_many_objects_have_is_looked_at_once() {
    // A list of as many deques, each of which has that list as its items.
    const DEQUES: usize = if cfg!(miri) { 100 } else { 10_000 };
    let deque = b"h\x01h\0\x85R";
    let pickle = [&b"ccollections\ndeque\nq\x010]q\0("[..], &deque.repeat(DEQUES), b"e."].concat();
    // With their arguments, of which there are none.
    assert_eq!(count(parse(&pickle).root()), (1 + 2 * DEQUES, DEQUES));
}

#[test]
fn where_it_is() {
    let pickle = parse(b"\x80\x02](cm\nn\n)R}K\x01]se.");
    let items: Vec<_> = pickle.root().items().collect();
    assert_eq!(pickle.root().offset(), 2);
    assert_eq!(items.iter().map(|item| item.offset()).collect::<Vec<_>>(), [10, 11]);
    let (key, value) = items[1].pairs().next().unwrap();
    assert_eq!([key.offset(), value.offset()], [12, 14]);
    assert_eq!(parse(b"\x80\x02cm\nn\n.").root().offset(), 2);
    assert_eq!(parse(b"cm\nn\n.").root().offset(), 0);
    assert_eq!(parse(b"N.").root().offset(), 0);
}

#[test]
fn all_that_is_read_of_one_counts_together() {
    const TIMES: usize = if cfg!(miri) { 100 } else { 1000 };
    let list = [b"\x80\x02(](", &b"N".repeat(TIMES)[..], b"eq\0"].concat();
    let pickle = [&list[..], &b"h\0".repeat(TIMES), b"t."].concat();
    let read = |decoder: Decoder| {
        let pickle = decoder.parse(&pickle).unwrap();
        pickle.root().items().map(|item| item.to::<Vec<()>>()).filter(Result::is_ok).count()
    };
    assert_eq!(read(Decoder::new()), TIMES + 1);
    assert!(read(Decoder::new().max_expansion(0)) < 20);
}

#[test]
fn what_is_strict_is_reading() {
    let pickle = Decoder::new().strict(true).parse(b"](cm\nn\n)RK\x07e.").unwrap();
    let [object, number] = pickle.root().items().collect::<Vec<_>>()[..] else { panic!("two") };
    let found = "a `m.n`".into();
    assert_eq!(object.to::<Value>(), Err(Error::Foreign { offset: object.offset(), found }));
    assert_eq!(number.to(), Ok(7));
}

#[test]
fn what_it_borrows_outlives_it() {
    let bytes = b"\x8c\x01a.";
    let text: &str = parse(bytes).to().unwrap();
    assert_eq!(from_slice(bytes), Ok(text));
}

#[test]
fn threads_share_it() {
    fn shared<T: Send + Sync>(_: T) {}
    let pickle = parse(b"N.");
    shared(pickle.root());
    shared(pickle);
}
