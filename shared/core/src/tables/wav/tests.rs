use proptest::prelude::*;

use super::super::SampleRate;
use super::*;

fn rate(hertz: f64) -> SampleRate {
    SampleRate::from_f64(hertz).unwrap()
}

fn encoded(samples: &[f64], depth: BitDepth) -> Vec<u8> {
    let mut out = Vec::new();
    encode(samples, depth, &mut out);
    out
}

/// Reads a file in pieces that end at these places.
fn read_in_pieces(file: &[u8], ends: &[usize]) -> Result<(Option<u32>, Vec<f64>), WavError> {
    let mut reader = WavReader::new();
    let mut samples = Vec::new();
    let mut from = 0;
    for end in ends.iter().copied().chain([file.len()]) {
        let end = end.clamp(from, file.len());
        reader.push(&file[from..end], &mut samples)?;
        from = end;
    }
    let rate = reader.rate();
    reader.finish().map(|()| (rate, samples))
}

fn read(file: &[u8]) -> Result<(Option<u32>, Vec<f64>), WavError> {
    read_in_pieces(file, &[])
}

fn samples_of(file: &[u8]) -> Vec<f64> {
    read(file).unwrap().1
}

fn chunk(name: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
    [&name[..], &length.to_le_bytes(), body].concat()
}

fn whole(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = chunk(name, u32::try_from(body.len()).unwrap(), body);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn format(code: u16, channels: u16, bits: u16) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut body = [code.to_le_bytes(), channels.to_le_bytes()].concat();
    body.extend(8000u32.to_le_bytes());
    body.extend((8000 * u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

fn extensible(code: u16, bits: u16) -> Vec<u8> {
    let mut body = format(0xfffe, 1, bits);
    body.extend([22, 0]);
    body.extend(bits.to_le_bytes());
    body.extend(4u32.to_le_bytes());
    body.extend(code.to_le_bytes());
    body.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    body
}

fn riff_of(length: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    [&b"RIFF"[..], &length.to_le_bytes(), b"WAVE", &chunks.concat()].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let length: usize = chunks.iter().map(Vec::len).sum();
    riff_of(u32::try_from(length + 4).unwrap(), chunks)
}

#[test]
fn the_header_is_this_to_the_byte() {
    let hex: String = header(rate(44_100.0), BitDepth::Sixteen).iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(hex, "524946462F00008057415645666D7420100000000100010044AC00008858010002001000646174 61FFFFFF7F".replace(' ', ""));
    let deep = header(rate(22_050.75), BitDepth::SixtyFour);
    assert_eq!(deep[24..36], [0x22, 0x56, 0, 0, 0x10, 0xb1, 2, 0, 8, 0, 64, 0]);
    assert_eq!(header(rate(1e9), BitDepth::SixtyFour)[28..32], [255; 4]);
}

#[test]
fn samples_are_written_so() {
    let hex = |sample: f64, depth| encoded(&[sample], depth).iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    for (sample, expected) in [
        (0.0, ["80", "0000", "000000", "00000000", "0000000000000000"]),
        (0.25, ["A0", "0020", "000020", "00000020", "0000000000000020"]),
        (0.5, ["C0", "0040", "000040", "00000040", "0000000000000040"]),
        (-0.5, ["40", "00C0", "0000C0", "000000C0", "00000000000000C0"]),
        (1.0, ["FF", "FF7F", "FFFF7F", "FFFFFF7F", "FFFFFFFFFFFFFF7F"]),
        (1.5, ["FF", "FF7F", "FFFF7F", "FFFFFF7F", "FFFFFFFFFFFFFF7F"]),
        (f64::INFINITY, ["FF", "FF7F", "FFFF7F", "FFFFFF7F", "FFFFFFFFFFFFFF7F"]),
        (-1.0, ["01", "0180", "010080", "01000080", "0000000000000080"]),
        (-1.5, ["00", "0080", "000080", "00000080", "0000000000000080"]),
        (-1e300, ["00", "0080", "000080", "00000080", "0000000000000080"]),
        (f64::NAN, ["80", "0000", "000000", "00000000", "0000000000000000"]),
    ] {
        for (depth, expected) in BitDepth::ALL.into_iter().zip(expected) {
            assert_eq!(hex(sample, depth), expected, "{sample} at {depth:?}");
        }
    }
    // Halves go to the even neighbour.
    let halves = [0.5, 1.5, 2.5, -0.5, -1.5].map(|half| half / 127.0);
    assert_eq!(encoded(&halves, BitDepth::Eight), [128, 130, 130, 128, 126]);
}

#[test]
fn depths_are_named_by_their_bits() {
    for depth in BitDepth::ALL {
        assert_eq!(BitDepth::from_bits(depth.bits()), Some(depth));
        assert_eq!(depth.bytes() * 8, depth.bits() as usize);
    }
    assert!([0, 7, 20, 42, 128].into_iter().all(|bits| BitDepth::from_bits(bits).is_none()));
}

#[test]
fn chunks_that_say_nothing_of_samples_are_passed_over() {
    let data = whole(b"data", &encoded(&[0.5, -0.5, 0.25], BitDepth::Eight));
    let (fmt, odd, empty) = (whole(b"fmt ", &format(1, 1, 8)), whole(b"LIST", b"abc"), whole(b"JUNK", b""));
    let expected = (Some(8000), [64.0, -64.0, 32.0].map(|value| value / 127.0).to_vec());
    for chunks in [
        vec![fmt.clone(), data.clone()],
        vec![odd.clone(), fmt.clone(), empty.clone(), odd.clone(), data.clone()],
        vec![fmt.clone(), data.clone(), odd.clone(), empty],
        vec![whole(b"fmt ", &[format(1, 1, 8), vec![1; 51]].concat()), data.clone(), odd[..5].to_vec()],
    ] {
        assert_eq!(read(&riff(&chunks)), Ok(expected.clone()));
    }
    // The byte that fills up the samples may be missing.
    assert_eq!(read(&riff(&[fmt, data[..data.len() - 1].to_vec()])), Ok(expected));
}

#[test]
fn floating_point_and_described_formats_are_read() {
    let values = [0.5f32, -2.0, 1e-20];
    let (narrow, wide) = (values.map(f32::to_le_bytes).concat(), values.map(|value| f64::from(value).to_le_bytes()).concat());
    let expected = values.map(f64::from).to_vec();
    for (fmt, body) in [(format(3, 1, 32), &narrow), (format(3, 1, 64), &wide), (extensible(3, 32), &narrow), (extensible(3, 64), &wide)] {
        assert_eq!(samples_of(&riff(&[whole(b"fmt ", &fmt), whole(b"data", body)])), expected);
    }
    for depth in BitDepth::ALL {
        let fmt = extensible(1, u16::try_from(depth.bits()).unwrap());
        let file = riff(&[whole(b"fmt ", &fmt), whole(b"data", &encoded(&[1.0, 0.0, -1.0], depth))]);
        assert_eq!(samples_of(&file), [1.0, 0.0, -1.0]);
    }
}

#[test]
fn lengths_that_are_not_known_reach_until_the_end() {
    let fmt = whole(b"fmt ", &format(1, 1, 16));
    let body = encoded(&[0.5, 1.0], BitDepth::Sixteen);
    let expected = [16384.0 / 32767.0, 1.0];
    for (outer, length) in
        [(0x8000_002f, 0x7fff_ffff), (u32::MAX, u32::MAX), (0x7fff_f024, 0x7fff_f000), (0, 0), (u32::MAX, 0), (36, 0), (36, u32::MAX)]
    {
        let file = riff_of(outer, &[fmt.clone(), chunk(b"data", length, &body)]);
        assert_eq!(samples_of(&file), expected, "{outer:#x} {length:#x}");
        assert_eq!(read(&file[..file.len() - 1]), Err(WavError::CutOff { missing: 1 }));
        assert!(samples_of(&file[..44]).is_empty());
    }
    // There are no samples, and the file says that it goes on with something else.
    assert!(samples_of(&riff(&[fmt.clone(), whole(b"data", b""), whole(b"LIST", b"abcd")])).is_empty());
    assert!(samples_of(&riff(&[fmt, whole(b"data", b"")])).is_empty());
    // Three bytes and one that fills up, as SoX writes it.
    let fmt = whole(b"fmt ", &format(1, 1, 24));
    let odd = |body: &[u8]| riff_of(u32::MAX, &[fmt.clone(), chunk(b"data", 0x7fff_f000, body)]);
    assert_eq!(samples_of(&odd(&[255, 255, 127, 0])), [1.0]);
    assert_eq!(read(&odd(&[255, 255, 127, 1])), Err(WavError::CutOff { missing: 2 }));
    assert_eq!(read(&odd(&[255, 255, 127, 255, 255, 127, 0])), Err(WavError::CutOff { missing: 2 }));
}

#[test]
fn a_file_that_is_cut_off_is_refused_wherever_it_is() {
    let file =
        riff(&[whole(b"LIST", b"abc"), whole(b"fmt ", &extensible(1, 24)), whole(b"data", &encoded(&[0.5; 5], BitDepth::TwentyFour))]);
    let samples = file.len() - 16;
    for end in 0..file.len() - 1 {
        let missing = (file.len() - 1 - end) as u64;
        let expected = if end < samples { WavError::NoData(end as u64) } else { WavError::CutOff { missing } };
        assert_eq!(read(&file[..end]), Err(expected), "{end}");
    }
    assert!(read(&file[..file.len() - 1]).is_ok());
}

#[test]
fn what_cannot_be_read_is_named() {
    let data = whole(b"data", &[0; 24]);
    let with = |fmt: Vec<u8>| riff(&[whole(b"fmt ", &fmt), data.clone()]);
    let mut strange = extensible(1, 16);
    strange[39] = 0;
    let mut unpacked = format(1, 1, 16);
    unpacked[12] = 4;
    let mut still = format(1, 1, 16);
    still[4..8].fill(0);
    let fmt = whole(b"fmt ", &format(1, 1, 16));
    for (file, said) in [
        (b"RIFX\0\0\0\0WAVE".to_vec(), "no WAV file"),
        (b"RIFF\0\0\0\0AVI ".to_vec(), "no WAV file"),
        (with(format(1, 2, 16)), "2 channels"),
        (with(format(1, 0, 16)), "0 channels"),
        (with(format(1, 1, 20)), "20 bits; known are 8, 16, 24, 32 and 64"),
        (with(format(3, 1, 16)), "16 bits; known are 32 and 64"),
        (with(format(6, 1, 8)), "format 0x0006"),
        (with(extensible(0x55, 16)), "format 0x0055"),
        (with(strange), "format 0xfffe"),
        (with(extensible(1, 16)[..18].to_vec()), "18 bytes, which is too few"),
        (with(vec![1; 14]), "14 bytes, which is too few"),
        (with(unpacked), "4 bytes each, but have 16 bits"),
        (with(still), "sample rate is 0"),
        (riff(&[data.clone(), fmt.clone()]), "before the chunk"),
        (riff(&[fmt.clone(), fmt.clone()]), "second chunk \"fmt \""),
        (riff(&[fmt.clone(), data.clone(), data.clone()]), "second chunk \"data\""),
        (riff(&[fmt.clone(), whole(b"data", &[0; 3])]), "3 bytes of samples are no whole number of samples of 2 bytes"),
        (riff(std::slice::from_ref(&fmt)), "ends after 36 bytes, before its samples"),
        (riff(&[chunk(b"LIST", u32::MAX, &fmt), data.clone()]), "before its samples"),
        (riff(&[fmt, chunk(b"data", 0x7000_0000, &[0; 8])]), "ends 1879048184 bytes before"),
    ] {
        let error = read(&file).expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_to_within_half_a_step(
        samples in prop::collection::vec(-1.0..=1.0f64, 0..200), depth in prop::sample::select(BitDepth::ALL.to_vec()), hertz in 1u32..200_000,
    ) {
        let mut file = header(rate(f64::from(hertz)), depth).to_vec();
        encode(&samples, depth, &mut file);
        let (read_rate, values) = read(&file).unwrap();
        prop_assert_eq!((read_rate, values.len()), (Some(hertz), samples.len()));
        // At 64 bits, the step of the `f64` is the wider one.
        let half = (0.5 / depth.scale()).max(f64::EPSILON / 2.0);
        for (value, sample) in values.iter().zip(&samples) {
            prop_assert!((value - sample).abs() <= half * (1.0 + 1e-9), "{} and not {}", value, sample);
        }
        // What was read once is written the same again.
        prop_assert_eq!(encoded(&values, depth), &file[44..]);
    }

    #[test]
    fn it_does_not_matter_how_a_file_is_sliced(
        body in prop::collection::vec(any::<u8>(), 0..200), depth in prop::sample::select(BitDepth::ALL.to_vec()),
        known: bool, junk in prop::collection::vec(any::<u8>(), 0..20), mut ends in prop::collection::vec(0usize..320, 0..20),
    ) {
        let bits = u16::try_from(depth.bits()).unwrap();
        let data = if known { whole(b"data", &body) } else { chunk(b"data", u32::MAX, &body) };
        let file = riff(&[whole(b"JUNK", &junk), whole(b"fmt ", &format(1, 1, bits)), data]);
        ends.sort_unstable();
        let bytes: Vec<usize> = (0..file.len()).collect();
        let expected = read(&file);
        prop_assert_eq!(&read_in_pieces(&file, &ends), &expected);
        prop_assert_eq!(&read_in_pieces(&file, &bytes), &expected);
        if let Ok((_, samples)) = expected {
            prop_assert_eq!(samples.len(), body.len() / depth.bytes());
        }
    }

    #[test]
    fn whatever_is_pushed_is_answered(noise in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..60, end: usize) {
        let mut file = riff(&[whole(b"fmt ", &extensible(1, 16)), whole(b"data", &[7; 40])]);
        let from = at.min(file.len());
        let until = (from + noise.len() % 9).min(file.len());
        file[from..until].copy_from_slice(&noise[..until - from]);
        file.extend(&noise);
        let expected = read(&file);
        prop_assert_eq!(read_in_pieces(&file, &[end % (file.len() + 1)]), expected.clone());
        if let Ok((_, samples)) = expected {
            prop_assert!(samples.len() <= file.len());
        }
    }
}
