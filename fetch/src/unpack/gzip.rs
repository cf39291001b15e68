//! What gzip in a container has made smaller, as it was. No input panics; no more comes out than one container may send, and
//! no more goes in than gzip would have made of that.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use super::Limits;
use crate::error::{Failure, Kind};

/// Bytes that archives spend on a file beyond its own at most: header, padding, and a header with times.
const PER_FILE: u64 = 4 << 10;

/// Bytes around the files, and of what gzip has begun and not yet given out.
const SLACK: u64 = 1 << 20;

/// A compressed stream, read as what it holds. The end is reached only if gzip's sums and lengths are right up to there.
pub(crate) struct Unzipped<R> {
    decoder: MultiGzDecoder<Measured<R>>,
    /// What may come out, bytes.
    most: u64,
}

/// The stream below, and how much has gone in and come out, bytes.
struct Measured<R> {
    inner: R,
    raw: u64,
    decoded: u64,
}

impl<R: BufRead> Unzipped<R> {
    /// Reads one or more members of gzip, behind each other.
    pub(crate) fn new(inner: R, limits: &Limits) -> Self {
        let around = limits.files.saturating_mul(PER_FILE).saturating_add(SLACK);
        let most = limits.container_bytes.saturating_add(around);
        Self { decoder: MultiGzDecoder::new(Measured { inner, raw: 0, decoded: 0 }), most }
    }
}

impl<R: BufRead> Read for Unzipped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer).map_err(explained)?;
        let measured = self.decoder.get_mut();
        measured.decoded = measured.decoded.saturating_add(read as u64);
        if measured.decoded > self.most {
            let message =
                format!("the compressed stream holds more than {} bytes (--max-container-size)", self.most);
            return Err(io::Error::other(Failure::new(Kind::Limit, message)));
        }
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Measured<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // What cannot be made smaller grows by a thousandth.
        if self.raw > self.decoded.saturating_add(self.decoded / 64).saturating_add(SLACK) {
            let message = "the compressed stream is longer than what it holds";
            return Err(io::Error::other(Failure::new(Kind::Limit, message)));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.raw = self.raw.saturating_add(amount as u64);
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Why a stream ended early. Who reads the stream below has the last word.
fn explained(error: io::Error) -> io::Error {
    if super::find_failure(&error).is_some() {
        return error;
    }
    io::Error::other(match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Failure::passing(Kind::Truncated, "the stream ended before gzip's end mark")
        }
        _ => Failure::passing(Kind::Rejected, format!("what gzip in the container sent is damaged: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;

    const LIMITS: Limits = Limits { file_bytes: 1 << 20, container_bytes: 4 << 20, files: 10 };

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut out).unwrap();
        out
    }

    /// What comes out, and why it ends.
    fn unzipped(sent: impl Read) -> (Vec<u8>, Option<Failure>) {
        let mut out = Vec::new();
        let mut reader = Unzipped::new(io::BufReader::with_capacity(1 << 10, sent), &LIMITS);
        let result = reader.read_to_end(&mut out);
        let failure = |error: io::Error| error.get_ref().unwrap().downcast_ref::<Failure>().unwrap().clone();
        (out, result.err().map(failure))
    }

    /// Bytes that deflate makes smaller, but not to nothing.
    fn sample() -> Vec<u8> {
        (0..20_000_u32).flat_map(|number| (number * number / 7).to_le_bytes()).collect()
    }

    #[test]
    fn one_member_and_several_come_out_as_they_were() {
        let sample = sample();
        assert!(unzipped(&zipped(&sample)[..]) == (sample.clone(), None));
        let both = [zipped(&sample), zipped(b""), zipped(b"more")].concat();
        assert!(unzipped(&both[..]) == ([&sample[..], b"more"].concat(), None));
        // What deflate cannot make smaller is no trick.
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1 << 20).collect();
        assert!(unzipped(&zipped(&noise)[..]) == (noise, None));
    }

    #[test]
    fn a_cut_at_any_byte_is_a_cut() {
        let whole = zipped(&sample()[..800]);
        for end in 0..whole.len() {
            let (_, failure) = unzipped(&whole[..end]);
            assert_eq!(failure.unwrap().kind, Kind::Truncated, "cut at byte {end}");
        }
    }

    /// A bit that no code uses may change; nothing else comes out for that.
    #[test]
    fn a_bit_that_changed_anywhere_is_noticed_or_means_nothing() {
        let sample = &sample()[..800];
        let whole = zipped(sample);
        let mut noticed = 0;
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let (out, failure) = unzipped(&changed[..]);
            let Some(failure) = failure else {
                assert!(out == sample, "bit {bit} changes what comes out");
                continue;
            };
            noticed += 1;
            assert!(matches!(failure.kind, Kind::Rejected | Kind::Truncated), "{failure}");
            assert_ne!(failure.retry, crate::error::Retry::No, "{failure}");
        }
        assert!(noticed * 100 > whole.len() * 8 * 95, "{noticed} of {}", whole.len() * 8);
    }

    #[test]
    fn what_stands_behind_the_end_is_not_passed_over() {
        let whole = zipped(b"bytes");
        for behind in [&b"x"[..], b"\0", b"covfetch", &[0; 512]] {
            let (_, failure) = unzipped(&[&whole, behind].concat()[..]);
            let failure = failure.unwrap();
            assert!(matches!(failure.kind, Kind::Rejected | Kind::Truncated), "{failure}");
        }
    }

    #[test]
    fn streams_without_end_are_cut_off() {
        // A bomb: a thousand times as much as it looks like.
        let bomb = zipped(&vec![0; 16 << 20]);
        assert!(bomb.len() < 1 << 20);
        let (out, failure) = unzipped(&bomb[..]);
        let failure = failure.unwrap();
        assert_eq!(failure.kind, Kind::Limit);
        assert!(failure.message.contains("--max-container-size"), "{failure}");
        assert!(out.len() < 6 << 20, "{} bytes", out.len());
        // Members that hold nothing; blocks that hold nothing; a header whose file name does not end.
        let (empty, header) = (zipped(b""), &zipped(b"")[..10]);
        let members = io::Cursor::new(empty.repeat(200_000));
        let blocks = header.chain(io::Cursor::new([0_u8, 0, 0, 0xff, 0xff].repeat(1 << 20)));
        assert_eq!(unzipped(members).1.unwrap().kind, Kind::Limit);
        assert_eq!(unzipped(blocks).1.unwrap().kind, Kind::Limit);
        let named = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
        let failure = unzipped(named.chain(io::repeat(b'n'))).1.unwrap();
        assert!(matches!(failure.kind, Kind::Limit | Kind::Rejected), "{failure}");
    }

    /// Who reads the stream below has the last word on why it ended.
    #[test]
    fn a_failure_of_the_stream_stays_what_it_is() {
        struct Interrupted;
        impl Read for Interrupted {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other(Failure::interrupted()))
            }
        }
        let whole = zipped(&sample());
        for end in [0, 5, 1000, whole.len() - 3] {
            let (_, failure) = unzipped((&whole[..end]).chain(Interrupted));
            assert_eq!(failure.unwrap().kind, Kind::Unfinished);
        }
    }
}
