//! Which opcode made a value that keeps no offset of its own: a number, a text, bytes.
//!
//! The graph has no room for that, and only errors ask for it. So the pickle is run a second time, with
//! an offset beside each value of the stack.

use std::iter;

use super::{Machine, Source};
use crate::Error;
use crate::graph::Node;

/// Where what a container holds is made, by the position in the graph's items, and the root.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    items: Vec<Option<u32>>,
    root: Option<u32>,
}

impl Origins {
    pub(crate) fn item(&self, position: usize) -> Option<usize> {
        Some((*self.items.get(position)?)? as usize)
    }

    pub(crate) fn root(&self) -> Option<usize> {
        Some(self.root? as usize)
    }
}

impl Source<'_> {
    pub(crate) fn trace(self) -> Origins {
        let mut origins = Origins::default();
        // What is in the buffers beside the pickle makes no difference to where values are, but where one
        // names an encoding: some values have no offset then.
        let mut buffers = iter::repeat(&[][..]);
        // It was run before, and gave no error.
        let _ = trace(self, &mut buffers, &mut origins);
        origins
    }
}

fn trace<'a>(
    source: Source<'a>,
    buffers: &mut dyn Iterator<Item = &'a [u8]>,
    origins: &mut Origins,
) -> Result<(), Error> {
    let mut machine = Machine::new(source, buffers);
    let mut stack: Vec<(Node, u32)> = Vec::new();
    while let Some(opcode) = machine.next()? {
        machine.execute(opcode)?;
        let offset = machine.offset();
        // What an opcode puts into a container was on top of the stack, but for what it makes itself.
        let new = &machine.graph.all_items()[origins.items.len()..];
        let taken = &stack[stack.len().saturating_sub(new.len())..];
        if taken.iter().map(|(node, _)| node).eq(new) {
            origins.items.extend(taken.iter().map(|&(_, offset)| Some(offset)));
        } else {
            origins.items.extend(new.iter().map(|_| None));
        }
        stack.truncate(machine.stack.len());
        let first_changed = stack.len().saturating_sub(1);
        for (position, &node) in machine.stack.iter().enumerate().skip(first_changed) {
            match stack.get_mut(position) {
                Some(entry) if entry.0 == node => {}
                Some(entry) => *entry = (node, offset),
                None => stack.push((node, offset)),
            }
        }
    }
    origins.root = stack.last().map(|&(_, offset)| offset);
    Ok(())
}
