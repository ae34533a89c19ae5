//! The machine's stack, the marks in it, and the memo.

use super::Machine;
use crate::graph::Node;
use crate::{Error, Limit, text};

impl Machine<'_, '_> {
    #[inline]
    pub(super) fn push(&mut self, node: Node) -> Result<(), Error> {
        self.count()?;
        self.stack.push(node);
        Ok(())
    }

    pub(super) fn mark(&mut self) -> Result<(), Error> {
        self.count()?;
        self.marks.push(self.fence);
        self.fence = self.stack.len();
        Ok(())
    }

    /// One more on the stack or of the marks: both are memory.
    #[inline]
    fn count(&mut self) -> Result<(), Error> {
        if self.nodes == self.limits.nodes {
            return Err(self.too_much(Limit::Nodes));
        }
        self.nodes += 1;
        Ok(())
    }

    pub(super) fn push_container(&mut self, kind: fn(u32) -> Node) -> Result<(), Error> {
        let node = kind(self.graph.container(&[], self.opcode));
        self.push(node)
    }

    pub(super) fn pop(&mut self) -> Result<Node, Error> {
        self.above(1)?;
        self.stack.pop().ok_or_else(|| self.malformed(UNDERFLOW))
    }

    /// Where the last so many values of the stack begin. None of them is below the last mark.
    pub(super) fn above(&self, count: usize) -> Result<usize, Error> {
        let from = self.stack.len().checked_sub(count).filter(|&from| from >= self.fence);
        from.ok_or_else(|| self.malformed(UNDERFLOW))
    }

    /// Takes the last mark away, and tells where it was.
    pub(super) fn unmark(&mut self) -> Result<usize, Error> {
        let from = self.fence;
        self.fence = self.marks.pop().ok_or_else(|| self.malformed("there is no mark"))?;
        Ok(from)
    }

    pub(super) fn even_above(&self, from: usize) -> Result<(), Error> {
        if (self.stack.len() - from) % 2 == 1 {
            return Err(self.malformed("a key without a value"));
        }
        Ok(())
    }

    pub(super) fn gather_marked(&mut self, kind: fn(u32) -> Node) -> Result<(), Error> {
        let from = self.unmark()?;
        self.gather(kind, self.stack.len() - from)
    }

    pub(super) fn gather(&mut self, kind: fn(u32) -> Node, count: usize) -> Result<(), Error> {
        let from = self.above(count)?;
        let node = kind(self.graph.container(&self.stack[from..], self.opcode));
        self.stack.truncate(from);
        self.push(node)
    }

    pub(super) fn index(&mut self) -> Result<u64, Error> {
        let line = self.input.line()?;
        text::index(line).ok_or_else(|| self.malformed("not an index of the memo"))
    }

    /// A memo that Python made has no entry without an opcode for it, so that an index which is
    /// larger than the pickle is a claim for memory.
    #[inline]
    pub(super) fn put(&mut self, index: u64) -> Result<(), Error> {
        let node = self.stack[self.above(1)?];
        let length = self.memo.len();
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index >= self.limits.memo as usize {
            return Err(self.too_much(Limit::Memo));
        }
        if index == length {
            self.memo.push(node);
        } else if index < length {
            self.memo[index] = node;
        } else if index > self.input.offset() {
            return Err(self.malformed("an index of the memo that is far ahead"));
        } else {
            self.memo.resize(index, Node::Unset);
            self.memo.push(node);
        }
        Ok(())
    }

    pub(super) fn get(&mut self, index: u64) -> Result<(), Error> {
        let node = usize::try_from(index).ok().and_then(|index| self.memo.get(index));
        match node {
            None | Some(Node::Unset) => Err(self.malformed("the memo has no such entry")),
            Some(&node) => self.push(node),
        }
    }
}

const UNDERFLOW: &str = "fewer values on the stack than the opcode takes";
