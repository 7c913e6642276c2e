use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Good),
        any::<u16>().prop_map(Outcome::Status),
        Just(Outcome::WrongBody),
        Just(Outcome::Timeout),
        Just(Outcome::Refused),
        Just(Outcome::Broken),
        Just(Outcome::NotSent),
    ]
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let request = (0..=latest_us(), any::<u32>(), any::<u32>(), outcomes())
        .prop_map(|(due_us, late_us, latency_us, outcome)| Request { due_us, late_us, latency_us, outcome });
    prop::collection::vec(request, 1..60)
}

fn log(parts: &[(u32, Source, Vec<Request>)]) -> Vec<u8> {
    let mut writer = RequestLogWriter::new(Vec::new()).unwrap();
    for (scenario, source, requests) in parts {
        writer.write(*scenario, *source, requests).unwrap();
    }
    writer.out
}

fn read_bytes(bytes: &[u8], scenario: u32, source: Source) -> Result<Vec<Request>, RequestLogError> {
    let mut chunks = Chunks::new(Cursor::new(bytes), Path::new("requests.bin"))?;
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next(|h| h.scenario == scenario && h.source == source)? {
        all.extend(chunk);
    }
    Ok(all)
}

/// What a prober writes in `seconds` at 500/s: steady due times, sub-millisecond latencies.
fn steady(seconds: u64) -> Vec<Request> {
    (0..seconds * 500)
        .map(|k| Request {
            due_us: 1_000_000 + k * 2_000,
            late_us: 40 + (k * 7 % 60) as u32,
            latency_us: 300 + (k * 31 % 500) as u32,
            outcome: Outcome::Good,
        })
        .collect()
}

#[test]
fn a_request_after_the_longest_run_is_damage() {
    let request = |due_us| Request { due_us, late_us: 0, latency_us: 1, outcome: Outcome::Good };
    let read = |due_us| read_bytes(&log(&[(0, Source::Prober, vec![request(1), request(due_us)])]), 0, Source::Prober);
    assert_eq!(read(latest_us()).unwrap().len(), 2);
    assert!(matches!(read(latest_us() + 1), Err(RequestLogError::Corrupt { .. })));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_exactly(first in requests(), second in requests(), other in requests()) {
        let bytes = log(&[
            (3, Source::Prober, first.clone()),
            (3, Source::User, other.clone()),
            (4, Source::Prober, other.clone()),
            (3, Source::Prober, second.clone()),
        ]);
        prop_assert_eq!(read_bytes(&bytes, 3, Source::Prober).unwrap(), [first, second].concat());
        prop_assert_eq!(read_bytes(&bytes, 3, Source::User).unwrap(), other);
        prop_assert_eq!(read_bytes(&bytes, 9, Source::User).unwrap(), Vec::new());
    }

    #[test]
    fn a_log_cut_anywhere_keeps_what_was_whole(first in requests(), second in requests(), cut in any::<prop::sample::Index>()) {
        let whole = log(&[(0, Source::Prober, first.clone())]).len();
        let bytes = log(&[(0, Source::Prober, first.clone()), (0, Source::Prober, second.clone())]);
        let cut = cut.index(bytes.len());
        let expected = if cut >= whole { first } else { Vec::new() };
        prop_assert_eq!(read_bytes(&bytes[..cut], 0, Source::Prober).unwrap(), expected);
    }

    #[test]
    fn a_flipped_bit_is_never_read_as_requests(first in requests(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut bytes = log(&[(0, Source::Prober, first)]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(read_bytes(&bytes, 0, Source::Prober).is_err());
    }
}

#[test]
fn corruption_is_reported_with_file_and_offset() {
    let first = log(&[(0, Source::Prober, steady(1))]);
    let mut both = log(&[(0, Source::Prober, steady(1)), (0, Source::Prober, steady(1))]);
    both[first.len() + HEADER_LEN + 5] ^= 0x10;
    let why = read_bytes(&both, 0, Source::Prober).unwrap_err().to_string();
    assert_eq!(why, format!("requests.bin is corrupt at byte {}: a chunk's checksum", first.len() + HEADER_LEN));
}

#[test]
fn another_file_is_not_taken_for_a_log() {
    let why = read_bytes(b"{\"at_us\":0}", 0, Source::Prober).unwrap_err();
    assert_eq!(why.to_string(), "requests.bin: not a request log of version 1");
}

#[test]
fn a_steady_prober_costs_at_most_six_bytes_a_request() {
    let batches: Vec<_> = steady(10).chunks(50).map(|batch| (0, Source::Prober, batch.to_vec())).collect();
    let per_request = log(&batches).len() as f64 / 5_000.0;
    assert!(per_request <= 6.0, "{per_request} bytes a request");
}

#[test]
fn a_long_batch_becomes_several_chunks() {
    let many = steady(200);
    assert_eq!(read_bytes(&log(&[(0, Source::User, many.clone())]), 0, Source::User).unwrap(), many);
}

#[test]
fn a_payload_longer_than_its_requests_is_corrupt() {
    let mut payload = Vec::new();
    encode(&steady(1)[..2], &mut payload);
    let (length, check) = (payload.len() as u32, checksum(&payload));
    let header = Header { scenario: 0, source: Source::Prober, count: 1, length, base_us: 1_000_000, check };
    let bytes = [&MAGIC[..], &header.to_bytes(), &payload].concat();
    let why = read_bytes(&bytes, 0, Source::Prober).unwrap_err().to_string();
    assert!(why.ends_with("a chunk's requests"), "{why}");
}
