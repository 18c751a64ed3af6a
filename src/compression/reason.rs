//! Why an artifact is kept as it came.

/// Why an artifact is kept as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Nothing was found that is smaller by 2 % and 1 KiB.
    NotWorthIt,
    /// A picture, a video, an archive: compressed by nature.
    AlreadyCompressed,
    /// Neither text nor anything that is known.
    UnknownContent,
    /// A zip file about which there is doubt.
    Zip(ZipDoubt),
    /// What was written did not read back as what it was made from.
    NotVerified,
    /// It was time to stop.
    Stopped,
    /// The disk has too little space for a smaller form beside the original.
    NoSpace,
}

/// What is wrong, or merely unusual, about a zip file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZipDoubt {
    /// The central directory can't be found or read to its end, or has not the entries that it claims.
    Directory,
    /// More entries than allowed.
    TooManyEntries,
    /// More unpacked bytes than allowed.
    TooLarge,
    /// More unpacked bytes per byte than allowed.
    TooDense,
    /// It is one of several volumes.
    Spanned,
    /// Two entries have one name.
    DuplicateName,
    /// An entry, or the directory, is encrypted.
    Encrypted,
    /// An entry is packed in another way than by deflate.
    UnknownMethod,
    /// An entry has flags whose meaning is not known.
    UnknownFlags,
    /// An entry's extra fields can't be read, or are too long to be kept.
    ExtraField,
    /// Entries overlap, or are not in the directory's order, or there are bytes before, between or behind that belong to none.
    Displaced,
    /// What stands at an entry contradicts the directory.
    Contradiction,
    /// An entry does not unpack to what the directory says.
    Corrupt,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::NotWorthIt,
        Self::AlreadyCompressed,
        Self::UnknownContent,
        Self::NotVerified,
        Self::Stopped,
        Self::NoSpace,
        Self::Zip(ZipDoubt::Directory),
        Self::Zip(ZipDoubt::TooManyEntries),
        Self::Zip(ZipDoubt::TooLarge),
        Self::Zip(ZipDoubt::TooDense),
        Self::Zip(ZipDoubt::Spanned),
        Self::Zip(ZipDoubt::DuplicateName),
        Self::Zip(ZipDoubt::Encrypted),
        Self::Zip(ZipDoubt::UnknownMethod),
        Self::Zip(ZipDoubt::UnknownFlags),
        Self::Zip(ZipDoubt::ExtraField),
        Self::Zip(ZipDoubt::Displaced),
        Self::Zip(ZipDoubt::Contradiction),
        Self::Zip(ZipDoubt::Corrupt),
    ];

    /// As it is counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotWorthIt => "not_worth_it",
            Self::AlreadyCompressed => "already_compressed",
            Self::UnknownContent => "unknown_content",
            Self::NotVerified => "not_verified",
            Self::Stopped => "stopped",
            Self::NoSpace => "no_space",
            Self::Zip(ZipDoubt::Directory) => "zip_directory",
            Self::Zip(ZipDoubt::TooManyEntries) => "zip_too_many_entries",
            Self::Zip(ZipDoubt::TooLarge) => "zip_too_large",
            Self::Zip(ZipDoubt::TooDense) => "zip_too_dense",
            Self::Zip(ZipDoubt::Spanned) => "zip_spanned",
            Self::Zip(ZipDoubt::DuplicateName) => "zip_duplicate_name",
            Self::Zip(ZipDoubt::Encrypted) => "zip_encrypted",
            Self::Zip(ZipDoubt::UnknownMethod) => "zip_unknown_method",
            Self::Zip(ZipDoubt::UnknownFlags) => "zip_unknown_flags",
            Self::Zip(ZipDoubt::ExtraField) => "zip_extra_field",
            Self::Zip(ZipDoubt::Displaced) => "zip_displaced",
            Self::Zip(ZipDoubt::Contradiction) => "zip_contradiction",
            Self::Zip(ZipDoubt::Corrupt) => "zip_corrupt",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_is_counted_apart() {
        let labels: HashSet<_> = Why::ALL.iter().map(|why| why.as_str()).collect();
        assert_eq!(labels.len(), Why::ALL.len());
        assert!(labels.iter().all(|label| label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
