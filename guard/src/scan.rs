//! Where a text may hold what is looked for: many bytes are compared at a time.

use std::iter;

/// So many bytes are compared at once: the compiler makes a few vectors of them.
const BLOCK: usize = 32;

/// Each place whose byte `may_matter`, with the byte before it and the one behind it: 0 at the
/// ends of the text. A test that neither branches nor looks up is written out for vectors.
pub(crate) fn places<'a>(
    bytes: &'a [u8],
    may_matter: impl Fn(u8, u8, u8) -> bool + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let mut block = 0;
    let mut found: u64 = 0;
    iter::from_fn(move || {
        while found == 0 {
            if block >= bytes.len() {
                return None;
            }
            found = bits(bytes, block, &may_matter);
            block += BLOCK;
        }
        let place = block - BLOCK + found.trailing_zeros() as usize;
        found &= found - 1;
        Some(place)
    })
}

/// A bit for each byte of the block at `at` that may matter, the first of them the lowest.
fn bits(bytes: &[u8], at: usize, may_matter: impl Fn(u8, u8, u8) -> bool) -> u64 {
    let padded;
    let window: &[u8; BLOCK + 2] = match at.checked_sub(1).and_then(|start| bytes[start..].first_chunk()) {
        Some(whole) => whole,
        None => {
            padded = window(bytes, at);
            &padded
        }
    };
    let mut matters = [0; BLOCK];
    for (index, matters) in matters.iter_mut().enumerate() {
        *matters = u8::from(may_matter(window[index], window[index + 1], window[index + 2]));
    }
    if matters == [0; BLOCK] {
        return 0;
    }
    // The product gathers the lowest bits of eight bytes in its highest byte.
    let gather = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let bits = matters.as_chunks().0.iter().rev().fold(0, |bits, eight| bits << 8 | gather(eight));
    // What lies behind the text is not looked for.
    let length = bytes.len() - at;
    if length < BLOCK { bits & ((1 << length) - 1) } else { bits }
}

/// The block at `at` with a byte before it and one behind it, where the text ends within them.
fn window(bytes: &[u8], at: usize) -> [u8; BLOCK + 2] {
    let mut window = [0; BLOCK + 2];
    let (start, begin) = if at == 0 { (0, 1) } else { (at - 1, 0) };
    let rest = &bytes[start..bytes.len().min(at + BLOCK + 1)];
    window[begin..begin + rest.len()].copy_from_slice(rest);
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_with_its_neighbours_wherever_it_stands() {
        for length in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 2, 2 * BLOCK, 3 * BLOCK + 5] {
            let text: Vec<u8> = (1..=length).map(|number| number as u8).collect();
            let all: Vec<_> = places(&text, |_, _, _| true).collect();
            assert_eq!(all, (0..length).collect::<Vec<_>>());
            let with_both: Vec<_> =
                places(&text, |before, byte, behind| before + 1 == byte && byte + 1 == behind).collect();
            let inner = if length > 1 { (0..length - 1).collect() } else { Vec::new() };
            assert_eq!(with_both, inner, "of {length}");
            for place in 0..length {
                let one: Vec<_> = places(&text, |_, byte, _| usize::from(byte) == place + 1).collect();
                assert_eq!(one, [place], "of {length}");
            }
        }
    }
}
