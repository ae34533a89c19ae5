//! Tests of the core, of the vectors and statements in `conformance/`, and of the documents. No test
//! here depends on an adapter's behaviour.

mod addresses;
mod arrays;
mod contents;
mod documents;
mod fuzz_seeds;
mod pickles;
mod simulation;
mod statements;
mod vectors;
