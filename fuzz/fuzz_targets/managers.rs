#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mpconn_managers::fuzzing::messages(data));
