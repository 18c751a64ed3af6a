//! Extra fields: kept unchanged, except zip64's sizes, which depend on how an entry was packed.

use rawzip::extra_fields::{ExtraFieldId, ExtraFields};

use super::super::ZipDoubt;

/// `extra` without zip64's sizes.
pub(super) fn kept(extra: &[u8]) -> Result<Vec<u8>, ZipDoubt> {
    let mut kept = Vec::with_capacity(extra.len());
    let mut fields = ExtraFields::new(extra);
    for (id, value) in fields.by_ref() {
        match id {
            ExtraFieldId::ZIP64 => continue,
            ExtraFieldId::AES | ExtraFieldId::STRONG_ENCRYPTION_HEADER => return Err(ZipDoubt::Encrypted),
            _ => {}
        }
        kept.extend_from_slice(&id.as_u16().to_le_bytes());
        kept.extend_from_slice(&u16::try_from(value.len()).map_err(|_| ZipDoubt::ExtraField)?.to_le_bytes());
        kept.extend_from_slice(value);
    }
    // Trailing bytes could mean something to another reader.
    if fields.remaining_bytes().is_empty() { Ok(kept) } else { Err(ZipDoubt::ExtraField) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_kept_but_zip64() {
        let time = b"UT\x05\0\x03\xcat\x04k";
        let zip64 = b"\x01\0\x08\0\0\0\0\0\x01\0\0\0";
        assert_eq!(kept(b"").unwrap(), b"");
        assert_eq!(kept(&[&time[..], zip64, b"ux\0\0"].concat()).unwrap(), [&time[..], b"ux\0\0"].concat());
        assert_eq!(kept(&[&time[..], b"\0\0\0"].concat()), Err(ZipDoubt::ExtraField));
        assert_eq!(kept(&time[..8]), Err(ZipDoubt::ExtraField));
        assert_eq!(kept(b"\x01\x99\0\0"), Err(ZipDoubt::Encrypted));
    }
}
