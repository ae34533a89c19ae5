use proptest::prelude::*;

use super::*;

/// Opcodes that are not random, so that more of them have what they need.
fn program() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"(",
        b"]",
        b"}",
        b")",
        b"\x8f",
        b"N",
        b"\x88",
        b"K\x01",
        b"M\0\x01",
        b"J\xff\xff\xff\xff",
        b"\x8a\x01\x05",
        b"X\x01\0\0\0a",
        b"\x8c\x01b",
        b"C\x01\xff",
        b"U\x01c",
        b"G?\xf0\0\0\0\0\0\0",
        b"cm\nn\n",
        b"ccollections\ndeque\n",
        b"ccollections\nOrderedDict\n",
        b"c_codecs\nencode\n",
        b"U\x06latin1",
        b"cdatetime\ndate\n",
        b"U\x04\x07\xe8\x01\x02",
        b"c__builtin__\nset\n",
        b"ccopy_reg\n_reconstructor\n",
        b"a",
        b"e",
        b"s",
        b"u",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"l",
        b"d",
        b"R",
        b"\x81",
        b"\x92",
        b"b",
        b"o",
        b"im\nn\n",
        b"\x90",
        b"\x91",
        b"\x93",
        b"0",
        b"1",
        b"2",
        b"\x94",
        b"q\0",
        b"h\0",
        b"h\x01",
        b"cnumpy\nndarray\n",
        b"U\x03<f8",
        b"C\x08\0\0\0\0\0\0\0\0",
        b"K\0NU\x01CtR",
        b"(K\x01\x85",
        b"(NNe",
        b"(NNu",
        b"(Nt",
        b"]\x85R",
        b")R",
        b")\x81",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..40)
        .prop_map(|pieces| [b"\0", pieces.concat().as_slice(), b"."].concat())
}

proptest! {
    #[test]
    fn any_data_passes(data: Vec<u8>) {
        pickle(&data);
    }

    #[test]
    fn any_program_passes(program in program()) {
        pickle(&program);
    }
}
