//! Zip files about which there is doubt: each is kept as it came, for the reason that is counted.

use runcast::compression::{CompressionLimits, CompressionOutcome, KeptReason, ZipDoubt};

use super::tools::{compressed, noise, rezipped};
use super::zips::{Piece, Zip, zip};

/// Two entries that are alike: whatever else is in the file, it would become smaller.
fn twins() -> [Piece; 2] {
    ["a", "b"].map(|name| Piece::deflated(name, &noise(1, 1_800)))
}

#[track_caller]
fn refused(bytes: &[u8], doubt: ZipDoubt) {
    assert_eq!(rezipped(bytes).unwrap_err(), KeptReason::Zip(doubt));
}

#[track_caller]
fn refused_with(piece: Piece, doubt: ZipDoubt) {
    let [a, b] = twins();
    refused(&zip(&[a, piece, b]), doubt);
}

fn text() -> Piece {
    Piece::deflated("text", b"text text text text text text")
}

#[test]
fn without_a_fault_it_would_become_smaller() {
    let [a, b] = twins();
    let bytes = zip(&[a, text(), b]);
    let (smaller, _) = rezipped(&bytes).unwrap();
    assert_eq!(smaller.entries, 3);
    assert!(smaller.size + 1_024 <= bytes.len() as u64);
}

#[test]
fn what_is_encrypted_or_packed_in_another_way_is_kept() {
    for flag in [1, 1 << 6, 1 << 13] {
        refused_with(text().both(|header| header.flags |= flag), ZipDoubt::Encrypted);
    }
    refused_with(text().both(|header| header.extra = b"\x01\x99\0\0".into()), ZipDoubt::Encrypted);
    for method in [1, 9, 12, 14, 93, 95, 99] {
        refused_with(text().both(|header| header.method = method), ZipDoubt::UnknownMethod);
    }
    refused_with(text().both(|header| header.flags |= 1 << 5), ZipDoubt::UnknownFlags);
}

#[test]
fn what_can_not_be_kept_is_a_doubt() {
    refused_with(text().both(|header| header.extra = vec![0; 3]), ZipDoubt::ExtraField);
    refused_with(text().local(|header| header.extra = b"UT\xff\0".into()), ZipDoubt::ExtraField);
    let long = [b"xx\xf0\xff", &[7; 0xfff0][..]].concat();
    refused_with(text().both(|header| header.extra = long.clone()), ZipDoubt::ExtraField);
    refused_with(text().central(|header| header.volume = 1), ZipDoubt::Spanned);
    let mut several = Zip::of(&twins());
    several.volume = 1;
    refused(&several.bytes(), ZipDoubt::Spanned);
    // More entries in all than on this volume: of both kinds of end.
    let mut bytes = zip(&twins());
    let end = bytes.len() - 22;
    bytes[end + 8] = 1;
    refused(&bytes, ZipDoubt::Spanned);
    let mut bytes = Zip::of(&twins()).large(2);
    let end = bytes.len() - 22 - 20 - 56;
    bytes[end + 32] = 1;
    refused(&bytes, ZipDoubt::Spanned);
    bytes[end + 32] = 2;
    bytes[end + 16] = 1;
    refused(&bytes, ZipDoubt::Spanned);
}

#[test]
fn two_entries_of_one_name_are_kept() {
    refused_with(Piece::deflated("a", b"another"), ZipDoubt::DuplicateName);
}

#[test]
fn a_directory_that_lies_about_contents_is_found_out() {
    // One header alone contradicts the other; both together contradict the data.
    type Lie = fn(&mut super::zips::Header);
    let lies: [Lie; 6] = [
        |header| header.crc ^= 1,
        |header| header.crc = 0,
        |header| header.size -= 1,
        |header| header.size += 1,
        |header| header.size += 100_000,
        |header| header.size = 0,
    ];
    for lie in lies {
        refused_with(text().central(lie), ZipDoubt::Contradiction);
        refused_with(text().local(lie), ZipDoubt::Contradiction);
    }
    for lie in lies {
        refused_with(text().both(lie), ZipDoubt::Corrupt);
        refused_with(text().both(lie).streamed(true, false), ZipDoubt::Corrupt);
    }
    refused_with(text().central(|header| header.size = u32::MAX), ZipDoubt::TooDense);
    refused_with(text().both(|header| header.size = u32::MAX), ZipDoubt::TooDense);
    refused_with(Piece::stored("x", b"12345").both(|header| header.crc ^= 1), ZipDoubt::Corrupt);
    refused_with(Piece::stored("x", b"12345").both(|header| header.size -= 1), ZipDoubt::Contradiction);
}

#[test]
fn a_local_header_that_contradicts_the_directory_is_found_out() {
    refused_with(text().local(|header| header.name = b"TEXT".into()), ZipDoubt::Contradiction);
    refused_with(text().local(|header| header.flags |= 1 << 11), ZipDoubt::Contradiction);
    refused_with(text().local(|header| header.method = 0), ZipDoubt::Contradiction);
    refused_with(text().local(|header| header.time ^= 1), ZipDoubt::Contradiction);
    refused_with(text().local(|header| header.packed += 1), ZipDoubt::Contradiction);
}

#[test]
fn a_deflated_entry_must_end_where_it_says() {
    let mut longer = text();
    longer.data.extend(b"hidden");
    refused_with(longer.both(|header| header.packed += 6), ZipDoubt::Corrupt);
    let mut shorter = text();
    shorter.data.truncate(shorter.data.len() - 3);
    refused_with(shorter.both(|header| header.packed -= 3), ZipDoubt::Corrupt);
    let mut broken = text();
    broken.data[0] = 0xff;
    refused_with(broken, ZipDoubt::Corrupt);
}

#[test]
fn a_descriptor_must_be_there_and_true() {
    let mut lies = text().streamed(true, false);
    lies.behind[5] ^= 1;
    refused_with(lies, ZipDoubt::Contradiction);
    let mut missing = text().streamed(false, false);
    missing.behind.clear();
    refused_with(missing, ZipDoubt::Displaced);
    let mut longer = text().streamed(true, true);
    longer.behind.push(0);
    refused_with(longer, ZipDoubt::Displaced);
}

#[test]
fn bytes_that_belong_to_no_entry_are_kept() {
    let whole = zip(&twins());
    refused(&[&whole[..], b"appended"].concat(), ZipDoubt::Displaced);
    // The end of the second one leads to the directory of the first.
    refused(&[&whole[..], &whole].concat(), ZipDoubt::Directory);
    // Self-extracting: a zip file begins with an entry, so this one is not even taken for a zip file.
    let before = [b"MZ\x90\0\x03", &whole[..]].concat();
    assert_eq!(rezipped(&before).unwrap_err(), KeptReason::UnknownContent);
    let disguised = [&zip(&[Piece::stored("first", b"1")])[..], &whole].concat();
    refused(&disguised, ZipDoubt::Displaced);
    let mut between = text();
    between.behind = b"between".into();
    refused_with(between, ZipDoubt::Displaced);
    let mut hidden = Zip::of(&twins());
    hidden.entries.extend(b"an APK's signature");
    refused(&hidden.bytes(), ZipDoubt::Displaced);
    let mut signed = Zip::of(&twins());
    signed.directory.extend(b"PK\x05\x05\x04\0sign");
    refused(&signed.bytes(), ZipDoubt::Displaced);
}

#[test]
fn entries_that_overlap_or_are_out_of_order_are_kept() {
    let [a, b] = twins();
    // Fifield's quoted overlap: the first entry's data are the second one with its header.
    let inner = zip(std::slice::from_ref(&b));
    let mut outer = Piece::stored("outer", &inner[..31 + b.data.len()]);
    outer.central.name = b"outer".into();
    let mut quoted = b.clone();
    quoted.offset = Some(35);
    let mut bomb = Zip::of(&[outer.clone(), a.clone()]);
    bomb.directory = Zip::of(&[outer, quoted]).directory;
    refused(&bomb.bytes(), ZipDoubt::Displaced);
    // One entry, named twice.
    let mut again = a.clone().both(|header| header.name = b"c".into());
    again.offset = Some(0);
    refused(&zip(&[a.clone(), b.clone(), again]), ZipDoubt::Contradiction);
    // The directory the other way round.
    let mut backwards = Zip::of(&[a.clone(), b.clone()]);
    let forwards = backwards.directory.len() / 2;
    backwards.directory.rotate_left(forwards);
    refused(&backwards.bytes(), ZipDoubt::Displaced);
}

#[test]
fn a_directory_that_claims_too_much_is_not_believed() {
    for count in [0, 1, 3, 60_000] {
        let mut lying = Zip::of(&twins());
        lying.count = count;
        refused(&lying.bytes(), ZipDoubt::Directory);
    }
    refused(&Zip::of(&twins()).large(4_000_000_000), ZipDoubt::TooManyEntries);
    refused(&Zip::of(&twins()).large(3), ZipDoubt::Directory);
    let none = [&zip(&twins())[..2_000], &noise(3, 70_000)].concat();
    refused(&none, ZipDoubt::Directory);
}

#[test]
fn too_many_too_large_and_too_dense_are_kept() {
    let many: Vec<_> = (0..30).map(|n| Piece::deflated(&n.to_string(), &noise(1, 1_800))).collect();
    let bytes = zip(&many);
    let outcome = |limits| compressed(&bytes, "", &limits).0;
    let kept = |doubt| CompressionOutcome::Kept(KeptReason::Zip(doubt));
    let limits = CompressionLimits { max_entries: 29, ..CompressionLimits::default() };
    assert_eq!(outcome(limits), kept(ZipDoubt::TooManyEntries));
    let limits = CompressionLimits { max_unpacked: 30 * 1_800 - 1, ..CompressionLimits::default() };
    assert_eq!(outcome(limits), kept(ZipDoubt::TooLarge));
    let limits = CompressionLimits { max_entries: 30, max_unpacked: 30 * 1_800, max_ratio: 1 };
    assert!(matches!(outcome(limits), CompressionOutcome::Smaller(_)));
    refused_with(Piece::deflated("zeros", &[0; 2_000_000]), ZipDoubt::TooDense);
}

#[test]
fn a_zip_file_cut_anywhere_is_kept() {
    let [a, b] = twins();
    let whole = zip(&[a, text().streamed(true, false), b]);
    assert!(rezipped(&whole).is_ok());
    for end in 0..whole.len() {
        assert!(rezipped(&whole[..end]).is_err(), "cut at {end}");
    }
}
