//! Parts of a report that are formatted on all threads and written in their order.

use std::io::{self, Write};

use rayon::prelude::*;

/// Items (files or packages) that one thread formats at a time: enough to be worth a thread's while.
const PER_TASK: usize = 4;
/// Items that are formatted before the next are: what a report needs of memory beside its view.
const PER_BATCH: usize = 16 * PER_TASK;

/// Writes what `format` appends for each item, in the order of the items, whatever the number of threads.
pub(crate) fn write_in_order<T: Sync>(
    items: &[T],
    out: &mut dyn Write,
    format: impl Fn(&T, &mut Vec<u8>) + Sync,
) -> io::Result<()> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for batch in items.chunks(PER_BATCH) {
        let tasks = batch.chunks(PER_TASK);
        texts.resize_with(texts.len().max(tasks.len()), Vec::new);
        let filled = tasks.len();
        texts.par_iter_mut().zip(batch.par_chunks(PER_TASK)).for_each(|(text, items)| {
            text.clear();
            for item in items {
                format(item, text);
            }
        });
        texts.iter().take(filled).try_for_each(|text| out.write_all(text))?;
    }
    Ok(())
}

/// Appends a number in decimal digits.
pub(super) fn append_number(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_items() {
        let items: Vec<u32> = (0..3 * u32::try_from(PER_BATCH).unwrap() + 5).collect();
        let expected: Vec<String> = items.iter().map(|item| format!("{item};")).collect();
        for threads in 1..4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Vec::new();
            let write = |item: &u32, text: &mut Vec<u8>| {
                append_number(text, *item);
                text.push(b';');
            };
            pool.install(|| write_in_order(&items, &mut out, write)).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected.concat());
        }
    }
}
